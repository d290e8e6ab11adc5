//! Speaks to a PicUp as a browser does, with cookies, or as a program does, with tokens.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use picup_api::wire;
use picup_domain::Sha256;
use reqwest::header::{COOKIE, HeaderMap, SET_COOKIE};
use reqwest::{Method, RequestBuilder};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::app::eventually;

/// One caller.
#[derive(Clone)]
pub(crate) struct Client {
    pub(crate) http: reqwest::Client,
    pub(crate) address: SocketAddr,
    pub(crate) who: Who,
    /// As the sign-in answered it; nobody's for a stranger.
    pub(crate) session: Option<wire::Session>,
}

/// How a caller shows who it is.
#[derive(Clone)]
pub(crate) enum Who {
    Nobody,
    Bearer(String),
    Cookies(Jar),
}

/// A browser's cookies: name to value and path.
#[derive(Clone, Default)]
pub(crate) struct Jar(Arc<Mutex<HashMap<String, (String, String)>>>);

impl Jar {
    fn take(&self, headers: &HeaderMap) {
        for line in headers.get_all(SET_COOKIE) {
            let line = line.to_str().unwrap();
            assert!(line.contains("; HttpOnly") && line.contains("; SameSite=Strict"), "{line}");
            let (name, rest) = line.split_once('=').unwrap();
            let (value, attributes) = rest.split_once(';').unwrap();
            let path = attributes.split("Path=").nth(1).unwrap().split(';').next().unwrap();
            let mut cookies = self.0.lock().unwrap();
            if attributes.contains("Max-Age=0;") {
                cookies.remove(name);
            } else {
                cookies.insert(name.to_owned(), (value.to_owned(), path.to_owned()));
            }
        }
    }

    /// The `Cookie` header a browser would send to a path.
    pub(crate) fn header(&self, path: &str) -> String {
        let matches = |prefix: &str| {
            path.strip_prefix(prefix)
                .is_some_and(|rest| rest.is_empty() || prefix.ends_with('/') || rest.starts_with(['/', '?']))
        };
        let cookies = self.0.lock().unwrap();
        let sent = cookies.iter().filter(|(_, (_, prefix))| matches(prefix));
        sent.map(|(name, (value, _))| format!("{name}={value}")).collect::<Vec<_>>().join("; ")
    }

    /// The value of one.
    pub(crate) fn value(&self, name: &str) -> Option<String> {
        self.0.lock().unwrap().get(name).map(|(value, _)| value.clone())
    }
}

/// A whole answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Answer {
    /// The JSON of an answer with that status.
    pub(crate) fn json<T: DeserializeOwned>(&self, status: u16) -> T {
        assert_eq!(self.status, status, "{}", self.text());
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// Takes an answer for the refusal it must be: of that status, as RFC 9457 has it, telling nothing of the inside.
    pub(crate) fn refused(&self, status: u16) -> wire::Problem {
        assert_eq!(self.status, status, "{}", self.text());
        assert_eq!(self.header("content-type"), "application/problem+json", "{}", self.text());
        let problem: wire::Problem = serde_json::from_slice(&self.body).unwrap();
        assert_eq!(problem.status, status);
        assert!(problem.r#type.starts_with("urn:picup:"), "{}", problem.r#type);
        assert!(!problem.title.is_empty() && problem.detail.len() > 10, "says too little: {}", self.text());
        let text = self.text();
        for inside in [
            "SELECT", "INSERT", "UPDATE ", "sqlite", "SQLite", "/tmp", "/data", "objects/", "src/", "picup_",
            "panicked", "thread '",
        ] {
            assert!(!text.contains(inside), "tells of the inside: {text}");
        }
        problem
    }

    /// As [`Answer::refused`], whichever mistake of the client's it is.
    pub(crate) fn refused_somehow(&self) -> wire::Problem {
        assert!((400..500).contains(&self.status), "{} {}", self.status, self.text());
        self.refused(self.status)
    }
}

impl Client {
    pub(crate) fn stranger(address: SocketAddr) -> Self {
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        Self { http, address, who: Who::Nobody, session: None }
    }

    pub(crate) async fn program(address: SocketAddr, email: &str, password: &str) -> Self {
        let mut client = Self::stranger(address);
        let wish = json!({"email": email, "password": password, "client": "program"});
        let session: wire::Session = client.post("/api/session", &wish).await.json(200);
        client.who = Who::Bearer(session.tokens.clone().unwrap().access_token);
        client.session = Some(session);
        client
    }

    pub(crate) async fn browser(address: SocketAddr, email: &str, password: &str) -> Self {
        let mut client = Self::stranger(address);
        client.who = Who::Cookies(Jar::default());
        let answer = client.post("/api/session", &json!({"email": email, "password": password})).await;
        let session: wire::Session = answer.json(200);
        assert!(session.tokens.is_none(), "a page's tokens are for no script to see");
        client.session = Some(session);
        client
    }

    pub(crate) fn jar(&self) -> &Jar {
        match &self.who {
            Who::Cookies(jar) => jar,
            _ => panic!("not a browser"),
        }
    }

    pub(crate) fn account(&self) -> Uuid {
        self.session.as_ref().unwrap().account.id
    }

    /// The same caller, connected through another address.
    pub(crate) fn through(&self, address: SocketAddr) -> Self {
        let fresh = Self::stranger(address);
        Self { http: fresh.http, address, ..self.clone() }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// A request with this caller's credentials.
    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.http.request(method, self.url(path));
        match &self.who {
            Who::Nobody => request,
            Who::Bearer(token) => request.bearer_auth(token),
            Who::Cookies(jar) => match jar.header(path) {
                none if none.is_empty() => request.header("sec-fetch-site", "same-origin"),
                cookies => request.header("sec-fetch-site", "same-origin").header(COOKIE, cookies),
            },
        }
    }

    pub(crate) async fn send(&self, request: RequestBuilder) -> Answer {
        self.try_send(request).await.unwrap()
    }

    pub(crate) async fn try_send(&self, request: RequestBuilder) -> reqwest::Result<Answer> {
        let response = request.send().await?;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        if let Who::Cookies(jar) = &self.who {
            jar.take(&headers);
        }
        Ok(Answer { status, headers, body: response.bytes().await? })
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(self.request(Method::GET, path)).await
    }

    pub(crate) async fn delete(&self, path: &str) -> Answer {
        self.send(self.request(Method::DELETE, path)).await
    }

    pub(crate) async fn post(&self, path: &str, body: &(impl Serialize + ?Sized)) -> Answer {
        self.send(self.request(Method::POST, path).json(body)).await
    }

    /// Makes an API key.
    pub(crate) async fn api_key(&self, scopes: &[&str]) -> wire::ApiKeyMade {
        self.post("/api/keys", &json!({"name": "a program", "scopes": scopes})).await.json(201)
    }

    /// A program with an API key of this caller's.
    pub(crate) async fn with_key(&self, scopes: &[&str]) -> Self {
        let made = self.api_key(scopes).await;
        Self { who: Who::Bearer(made.token), session: None, ..self.clone() }
    }

    pub(crate) async fn patch(&self, path: &str, body: &(impl Serialize + ?Sized)) -> Answer {
        self.send(self.request(Method::PATCH, path).json(body)).await
    }

    pub(crate) async fn account_now(&self) -> wire::Account {
        self.get("/api/account").await.json(200)
    }

    /// Asks to upload a file.
    pub(crate) async fn reserve(&self, name: &str, bytes: u64, sha256: &str) -> Answer {
        self.post("/api/uploads", &json!({"file_name": name, "bytes": bytes, "sha256": sha256})).await
    }

    /// Asks to upload a file that is not there yet.
    pub(crate) async fn reserve_new(&self, name: &str, content: &[u8]) -> wire::Upload {
        match self.reserve(name, content.len() as u64, &hash(content)).await.json(201) {
            wire::UploadAnswer::Upload { upload, .. } => upload,
            wire::UploadAnswer::Duplicate { asset } => panic!("{name} is there already, as {asset}"),
        }
    }

    /// The address for one part with that content.
    pub(crate) async fn target(&self, upload: Uuid, number: u32, content: &[u8]) -> String {
        let wish = json!({"parts": [{"number": number, "sha256": hash(content)}]});
        let targets: wire::PartTargets = self.post(&format!("/api/uploads/{upload}/parts"), &wish).await.json(200);
        targets.parts[0].url.clone()
    }

    /// Sends a part to its address, which is right enough.
    pub(crate) async fn put(&self, url: &str, content: impl Into<reqwest::Body>) -> Answer {
        self.send(self.http.put(self.url(url)).body(content)).await
    }

    pub(crate) async fn complete(&self, upload: Uuid) -> Answer {
        self.post(&format!("/api/uploads/{upload}/complete"), &Value::Null).await
    }

    /// Uploads a file of one part and gives its asset.
    pub(crate) async fn upload(&self, name: &str, content: &[u8]) -> Uuid {
        let upload = self.reserve_new(name, content).await;
        assert_eq!(upload.part_count, 1, "{name} is too long for this helper");
        let url = self.target(upload.id, 1, content).await;
        let sent = self.put(&url, content.to_vec()).await;
        assert_eq!(sent.status, 204, "{}", sent.text());
        self.complete(upload.id).await.json::<wire::Completed>(201).asset
    }

    pub(crate) async fn asset(&self, id: Uuid) -> wire::Asset {
        self.get(&format!("/api/assets/{id}")).await.json(200)
    }

    /// The asset once it has been looked at.
    pub(crate) async fn processed(&self, id: Uuid) -> wire::Asset {
        let look = async || Some(self.asset(id).await).filter(|asset| asset.state != wire::AssetState::Processing);
        eventually("the end of processing", look).await.unwrap()
    }

    /// As [`Client::get`], asked again as long as the server says that it is busy: after a kill many come at once.
    pub(crate) async fn get_in_time(&self, path: &str) -> Answer {
        let look = async || Some(self.get(path).await).filter(|answer| answer.status != 503);
        eventually("an answer of a server that is busy", look).await.unwrap()
    }

    /// The whole timeline, page by page.
    pub(crate) async fn timeline(&self) -> wire::AssetColumns {
        let mut all = wire::AssetColumns::default();
        let mut path = "/api/timeline/assets?limit=100".to_owned();
        loop {
            let page: wire::AssetColumns = self.get_in_time(&path).await.json(200);
            all.id.extend(page.id);
            all.day.extend(page.day);
            all.state.extend(page.state);
            all.ratio.extend(page.ratio);
            all.version.extend(page.version);
            all.favourite.extend(page.favourite);
            all.motion.extend(page.motion);
            match page.next {
                Some(next) => path = format!("/api/timeline/assets?limit=100&cursor={next}"),
                None => return all,
            }
        }
    }
}

/// A file's hash as the API writes it.
pub(crate) fn hash(content: &[u8]) -> String {
    Sha256::of(content).to_string()
}
