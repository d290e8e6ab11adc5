//! Speaks to a PicUp over its HTTP API, signed in as one account.
//!
//! Every call is tried again while that may help ([`super::retry`]), and a session that has ended is renewed once for all
//! the calls that notice: the refresh token is rotated at each use, so two callers renewing at the same time would look
//! like a thief. Parts of files go through [`Api::send_part`] without credentials: their addresses carry their own right;
//! media are opened by cookies ([`Api::media_cookies`], [`Api::medium`]).

mod medium;

use std::sync::Arc;
use std::time::Duration;

use picup_api::wire;
use reqwest::header::{CONTENT_LENGTH, HeaderMap, HeaderName, HeaderValue, SET_COOKIE};
use reqwest::{Client, Method, Url};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::sync::Mutex;
use tokio_util::task::TaskTracker;

use super::call::{ApiError, Failure, SEEN, Shown, attempt, plain, refusal, unreachable_by};
use super::retry::Policy;
use crate::config::BaseAddress;

const CONNECT_TIME: Duration = Duration::from_secs(10);
/// What is only polite to say may take so long.
const LAST_WORDS: Duration = Duration::from_secs(5);

/// Who signs in.
#[derive(Clone)]
pub(crate) enum Credentials {
    /// A person.
    Password {
        /// The account's address.
        email: String,
        /// Its password.
        password: String,
    },
    /// A program, by an API key of the account.
    Key(String),
}

/// The tokens in use; the generation tells a caller whether someone else has renewed them meanwhile.
struct Held {
    generation: u64,
    tokens: wire::Tokens,
}

/// A signed-in connection.
pub(super) struct Api {
    base: Url,
    http: Client,
    credentials: Credentials,
    held: Mutex<Held>,
    seen: std::sync::Mutex<Option<HeaderValue>>,
    policy: Policy,
    later: TaskTracker,
}

impl Api {
    /// Signs in.
    ///
    /// # Errors
    /// When the server cannot be reached or does not accept the credentials.
    pub(super) async fn sign_in(
        base: &BaseAddress,
        credentials: Credentials,
        policy: Policy,
    ) -> Result<Arc<Self>, ApiError> {
        let garbled = |error: &dyn std::fmt::Display| ApiError::Garbled(error.to_string());
        let base = Url::parse(base.as_str()).map_err(|error| garbled(&error))?;
        let mut builder = Client::builder()
            .user_agent(concat!("picup/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(CONNECT_TIME)
            .tcp_nodelay(true)
            // A connection a part: over HTTP/2 all would share one, and one lost packet would stall them all.
            .http1_only()
            .redirect(reqwest::redirect::Policy::none());
        if super::network::is_loopback(&base) {
            builder = builder.no_proxy();
        }
        let http = builder.build().map_err(|error| garbled(&error))?;
        let tokens = first_tokens(&http, &base, &credentials, policy).await?;
        let held = Mutex::new(Held { generation: 0, tokens });
        Ok(Arc::new(Self {
            base,
            http,
            credentials,
            held,
            seen: std::sync::Mutex::default(),
            policy,
            later: TaskTracker::new(),
        }))
    }

    /// Ends the session on the server, after the deletions that are still to come; whether that worked matters to nobody.
    pub(super) async fn sign_out(&self) {
        self.later.close();
        self.later.wait().await;
        if matches!(self.credentials, Credentials::Password { .. }) {
            self.delete("/api/session").await;
        }
    }

    /// Asks for what is at `path`.
    ///
    /// # Errors
    /// When the last attempt failed.
    pub(super) async fn get<A: DeserializeOwned>(&self, path: &str) -> Result<A, ApiError> {
        Ok(self.call(Method::GET, path, None::<&()>).await?.1)
    }

    /// Posts `body` to `path`.
    ///
    /// # Errors
    /// When the last attempt failed.
    pub(super) async fn post<B: Serialize, A: DeserializeOwned>(&self, path: &str, body: &B) -> Result<A, ApiError> {
        Ok(self.call(Method::POST, path, Some(body)).await?.1)
    }

    /// Posts `body` to `path` once: for what must not be done twice because an answer was lost.
    ///
    /// # Errors
    /// When the attempt failed; one that may pass may have been heard all the same.
    pub(super) async fn post_once<B: Serialize, A: DeserializeOwned>(
        &self,
        path: &str,
        body: &B,
    ) -> Result<A, Failure> {
        Ok(self.attempt(Method::POST, path, Some(body)).await?.1)
    }

    /// Asks for the cookies that open the account's media, as one header's text.
    ///
    /// # Errors
    /// When the last attempt failed.
    pub(super) async fn media_cookies(&self) -> Result<String, ApiError> {
        let body = serde_json::json!({});
        let (headers, _): (_, wire::MediaSession) = self.call(Method::POST, "/api/session/media", Some(&body)).await?;
        let lines = headers.get_all(SET_COOKIE).iter().filter_map(|line| line.to_str().ok()?.split(';').next());
        Ok(lines.collect::<Vec<_>>().join("; "))
    }

    /// Deletes what is at `path` beside everything else, if that works at the first try; [`Api::sign_out`] waits for it.
    pub(super) fn delete_later(self: &Arc<Self>, path: String) {
        let api = Arc::clone(self);
        self.later.spawn(async move { api.delete(&path).await });
    }

    async fn delete(&self, path: &str) {
        let token = self.held.lock().await.tokens.access_token.clone();
        if let Ok(url) = self.base.join(path) {
            let _ = self.http.delete(url).bearer_auth(token).timeout(LAST_WORDS).send().await;
        }
    }

    /// Waits before another attempt at something outside [`Api::get`] and [`Api::post`]; false when it is time to give up.
    pub(super) async fn wait(&self, failed: u32, told: Option<Duration>) -> bool {
        wait(self.policy, failed, told).await
    }

    /// Sends one part's bytes to where its target says, once.
    ///
    /// # Errors
    /// When it did not arrive.
    pub(super) async fn send_part(
        &self,
        target: &wire::PartTarget,
        bytes: u64,
        body: reqwest::Body,
    ) -> Result<(), Failure> {
        let lasting = |text: String| Failure::Lasting(ApiError::Garbled(text));
        let url = self.base.join(&target.url).map_err(|error| lasting(error.to_string()))?;
        // A part is a PUT with headers about its content: a server cannot make this client ask anything else of others.
        if target.method != "PUT" {
            return Err(lasting(format!("parts are sent by PUT, not by {}", plain(&target.method))));
        }
        let mut headers = HeaderMap::new();
        for header in &target.headers {
            let name: HeaderName =
                header.name.parse().map_err(|_| lasting(plain(&format!("header {}", header.name))))?;
            if !name.as_str().starts_with("content-") && !name.as_str().starts_with("x-amz-") {
                return Err(lasting(format!("a part needs no header {name}")));
            }
            let value = HeaderValue::from_str(&header.value).map_err(|error| lasting(error.to_string()))?;
            headers.insert(name, value);
        }
        headers.insert(CONTENT_LENGTH, HeaderValue::from(bytes));
        let sent = self.http.put(url).headers(headers).body(body).send().await;
        let response = sent.map_err(|error| Failure::Passing(unreachable_by(&error), None))?;
        if response.status().is_success() { Ok(()) } else { Err(refusal(response).await) }
    }

    async fn call<B: Serialize, A: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: Option<&B>,
    ) -> Result<(HeaderMap, A), ApiError> {
        self.patiently(|| self.attempt(method.clone(), path, body)).await
    }

    /// Makes attempts until one succeeds, one fails for good, or it is time to give up.
    pub(super) async fn patiently<A, F>(&self, attempt: impl FnMut() -> F) -> Result<A, ApiError>
    where
        F: Future<Output = Result<A, Failure>>,
    {
        patiently(self.policy, attempt).await
    }

    /// One attempt, begun anew when the session has ended meanwhile.
    async fn attempt<B: Serialize, A: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: Option<&B>,
    ) -> Result<(HeaderMap, A), Failure> {
        let garbled = |error: <Url as std::str::FromStr>::Err| Failure::Lasting(ApiError::Garbled(error.to_string()));
        let url = self.base.join(path).map_err(garbled)?;
        let mut renewed = 0;
        loop {
            let (generation, token) = {
                let held = self.held.lock().await;
                (held.generation, held.tokens.access_token.clone())
            };
            let seen = self.seen().clone();
            let shown = Shown { token: Some(&token), seen: seen.as_ref() };
            match attempt(&self.http, method.clone(), url.clone(), shown, body).await {
                Ok((headers, answer)) => {
                    if let Some(seen) = headers.get(SEEN) {
                        *self.seen() = Some(seen.clone());
                    }
                    return Ok((headers, answer));
                }
                Err(Failure::Lasting(error)) if error.status() == 401 && renewed < 2 => {
                    renewed += 1;
                    self.renew(generation).await.map_err(Failure::Lasting)?;
                }
                answer => return answer,
            }
        }
    }

    fn seen(&self) -> std::sync::MutexGuard<'_, Option<HeaderValue>> {
        self.seen.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// Renews the session unless someone else has since `generation`; callers that come meanwhile wait here.
    async fn renew(&self, generation: u64) -> Result<(), ApiError> {
        let mut held = self.held.lock().await;
        if held.generation != generation {
            return Ok(());
        }
        if matches!(self.credentials, Credentials::Key(_)) {
            return Err(ApiError::Refused(wire::Problem {
                r#type: "urn:picup:key-refused".to_owned(),
                title: "Key refused".to_owned(),
                status: 401,
                detail: "the server does not accept this API key; make a new one".to_owned(),
                request_id: None,
            }));
        }
        let request = wire::RefreshRequest { refresh_token: Some(held.tokens.refresh_token.clone()) };
        let url = self.base.join("/api/session/refresh").map_err(|error| ApiError::Garbled(error.to_string()))?;
        // Once only: if the answer is lost the old token is spent, and signing in anew is always right.
        let refreshed = attempt(&self.http, Method::POST, url, Shown::default(), Some(&request)).await;
        held.tokens = match refreshed {
            Ok((_, wire::Session { tokens: Some(tokens), .. })) => tokens,
            _ => first_tokens(&self.http, &self.base, &self.credentials, self.policy).await?,
        };
        held.generation += 1;
        Ok(())
    }
}

async fn patiently<A, F>(policy: Policy, mut attempt: impl FnMut() -> F) -> Result<A, ApiError>
where
    F: Future<Output = Result<A, Failure>>,
{
    let mut failed = 0;
    loop {
        match attempt().await {
            Ok(answer) => return Ok(answer),
            Err(Failure::Lasting(error)) => return Err(error),
            Err(Failure::Passing(error, told)) => {
                failed += 1;
                if !wait(policy, failed, told).await {
                    return Err(error);
                }
            }
        }
    }
}

async fn wait(policy: Policy, failed: u32, told: Option<Duration>) -> bool {
    match policy.pause(failed, told, rand::random()) {
        Some(pause) => {
            tokio::time::sleep(pause).await;
            true
        }
        None => false,
    }
}

async fn first_tokens(
    http: &Client,
    base: &Url,
    credentials: &Credentials,
    policy: Policy,
) -> Result<wire::Tokens, ApiError> {
    let url = base.join("/api/session").map_err(|error| ApiError::Garbled(error.to_string()))?;
    let request = match credentials {
        Credentials::Password { email, password } => {
            wire::SignInRequest { email: email.clone(), password: password.clone(), client: wire::ClientKind::Program }
        }
        Credentials::Key(key) => {
            return Ok(wire::Tokens { access_token: key.clone(), refresh_token: String::new() });
        }
    };
    let sign_in = || async {
        match attempt::<_, wire::Session>(http, Method::POST, url.clone(), Shown::default(), Some(&request)).await {
            // Too many wrong passwords: whoever waits is to know. Too many requests are over in a moment.
            Err(Failure::Passing(error, _))
                if error.status() == 429 && error.kind() != "urn:picup:too-many-requests" =>
            {
                Err(Failure::Lasting(error))
            }
            answer => answer,
        }
    };
    let (_, session) = patiently(policy, sign_in).await?;
    session.tokens.ok_or_else(|| ApiError::Garbled("a session without tokens".to_owned()))
}
