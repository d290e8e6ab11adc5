//! Photos that are read straight from a bucket: who has the right is sent there, with an address that opens one of them for some
//! minutes; nobody else learns of it; and what is not safe there comes through PicUp.

use picup_api::wire::{Asset, AssetMedia};
use picup_testkit::{RcloneServer, S3Server, samples};
use reqwest::header::COOKIE;
use reqwest::{Method, Url};
use serde_json::{Value, json};

use crate::app::{TestApp, eventually};
use crate::buckets::{Bucket, Service};
use crate::client::{Answer, Client, hash};
use crate::database_server::doctor;

const SVG: &[u8] = b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>";

fn settings<S: Bucket>(service: &Service<S>) -> String {
    format!("{}store.reads = \"redirect\"\n", service.settings())
}

/// Asks as `who`, with more headers, and goes nowhere by itself.
pub(crate) async fn ask(who: &Client, method: Method, path: &str, more: &[(&str, &str)]) -> Answer {
    let staying = reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).build().unwrap();
    let mut request = staying.request(method, who.url(path));
    if who.session.is_some() {
        request = request.header(COOKIE, who.jar().header(path));
    }
    for (name, value) in more {
        request = request.header(*name, *value);
    }
    Client { http: staying, ..who.clone() }.send(request).await
}

/// What an address gives to whoever has it.
pub(crate) async fn open(url: &str, more: &[(&str, &str)]) -> Answer {
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let request = more.iter().fold(http.get(url), |request, (name, value)| request.header(*name, *value));
    let answer = request.send().await.unwrap();
    let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
    Answer { status, headers, body: answer.bytes().await.unwrap() }
}

/// What the doctor says of a PicUp with the settings that it runs with.
pub(crate) async fn diagnosis(app: &TestApp) -> String {
    let settings = std::fs::read_to_string(app.data().join("picup.toml")).unwrap();
    doctor(&app.data(), &settings).await
}

struct Stage {
    service: Service<S3Server>,
    app: TestApp,
    ada: Client,
    asset: Asset,
}

impl Stage {
    async fn set() -> Self {
        let service = Service::with(S3Server::start_like_amazon().unwrap());
        let app = TestApp::builder().account("ada").account("bob").config(settings(&service)).start().await;
        let probed = async || app.log().contains("read straight from the bucket").then_some(());
        eventually("a probe", probed).await.unwrap();
        let ada = app.sign_in_browser("ada").await;
        let asset = ada.processed(ada.upload("a.jpg", samples::JPEG).await).await;
        Self { service, app, ada, asset }
    }

    fn media(&self) -> &AssetMedia {
        &self.asset.media
    }

    /// Where Ada is sent for a medium.
    async fn sent(&self, path: &str) -> String {
        let answer = ask(&self.ada, Method::GET, path, &[]).await;
        assert_eq!((answer.status, answer.body.len()), (307, 0), "{path}: {}", answer.text());
        for (name, value) in [("referrer-policy", "no-referrer"), ("vary", "sec-fetch-dest, accept")] {
            assert_eq!(answer.header(name), value);
        }
        answer.header("location").to_owned()
    }

    /// Nothing of an address is in the log, nor is the bucket's key.
    async fn finish(self) {
        let log = self.service.finish(self.app).await;
        assert!(!log.contains("X-Amz") && !log.contains("response-content"), "{log}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_owner_is_sent_to_the_bucket_and_a_stranger_nowhere() {
    let stage = Stage::set().await;
    let bob = stage.app.sign_in_browser("bob").await;
    let preview = stage.media().preview.clone().unwrap();
    let refused = ask(&stage.app.stranger(), Method::GET, "/media/x/y/view/1", &[]).await.refused(403);
    for path in [&preview, &stage.media().original] {
        for who in [&stage.app.stranger(), &bob] {
            let told = ask(who, Method::GET, path, &[("sec-fetch-dest", "image")]).await;
            assert_eq!((told.refused(403).detail, told.header("location")), (refused.detail.clone(), ""), "{path}");
        }
    }
    for (path, kind, kept, shown) in [
        (&preview, "image/jpeg", "private,max-age=31536000,immutable", ""),
        (&stage.media().original, "image/jpeg", "private,no-cache", "attachment"),
    ] {
        let address = stage.sent(path).await;
        let bucket = format!("{}/picup/family/photos{path}?", stage.service.server.endpoint());
        assert!(address.starts_with(&bucket) && address.contains("X-Amz-Expires=600&"), "{address}");
        let given = open(&address, &[]).await;
        assert_eq!((given.status, given.header("content-type")), (200, kind));
        assert_eq!((given.header("cache-control"), given.header("content-disposition")), (kept, shown));
        // A page of its own, a download and a script get the same bytes from PicUp, with all that protects from them.
        for wanted_for in ["document", "empty", "script"] {
            let carried = ask(&stage.ada, Method::GET, path, &[("sec-fetch-dest", wanted_for)]).await;
            assert_eq!((carried.status, &carried.body), (200, &given.body), "{wanted_for}");
            assert_eq!(carried.header("content-security-policy"), "default-src 'none'; sandbox");
        }
        let range = [("range", "bytes=100-199")];
        let sent = ask(&stage.ada, Method::GET, path, &range).await;
        let part = open(sent.header("location"), &range).await;
        assert_eq!((part.status, &part.body[..]), (206, &given.body[100..200]));
        let head = ask(&stage.ada, Method::HEAD, path, &[]).await;
        assert_eq!((head.status, head.header("content-length")), (200, given.body.len().to_string().as_str()));
    }
    assert_eq!(hash(&open(&stage.sent(&stage.media().original).await, &[]).await.body), stage.asset.sha256);
    stage.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_address_opens_one_photo_as_long_as_it_says_and_what_is_unsafe_has_none() {
    let stage = Stage::set().await;
    let other = stage.ada.processed(stage.ada.upload("b.jpg", &samples::jpeg(2)).await).await;
    let mine = &stage.media().original;
    let address = stage.sent(mine).await;
    let mut bent = Url::parse(&address).unwrap();
    bent.set_path(&bent.path().replace(mine, &other.media.original));
    for bad in [
        bent.to_string(),
        address.replace("X-Amz-Expires=600", "X-Amz-Expires=60000"),
        address.replace("=attachment", "=inline"),
        address.replace("image%2Fjpeg", "text%2Fhtml"),
    ] {
        assert_ne!(bad, address);
        assert_eq!(open(&bad, &[]).await.status, 403, "{bad}");
    }
    assert_eq!(open(&address, &[]).await.status, 200);

    let svg = stage.ada.processed(stage.ada.upload("c.svg", SVG).await).await.media.original;
    let thumbnail = stage.media().thumbnail.clone().unwrap();
    for wanted_for in [&[][..], &[("sec-fetch-dest", "image")]] {
        let carried = ask(&stage.ada, Method::GET, &svg, wanted_for).await;
        assert_eq!((carried.status, &carried.body[..]), (200, SVG));
        assert_eq!(carried.header("content-type"), "application/octet-stream");
        assert_eq!(carried.header("content-disposition"), "attachment");
        assert_eq!(carried.header("x-content-type-options"), "nosniff");
        // The browser keeps it for a year, as long as its address stays.
        let small = ask(&stage.ada, Method::GET, &thumbnail, wanted_for).await;
        assert_eq!((small.status, small.header("cache-control")), (200, "private, max-age=31536000, immutable"));
    }
    let nothing = mine.replace("original.1", "original.01");
    assert_eq!(ask(&stage.ada, Method::GET, &nothing, &[]).await.status, 404);

    let gone = json!({ "assets": [stage.asset.id] });
    stage.ada.post("/api/assets/trash", &gone).await.json::<Value>(200);
    stage.ada.post("/api/assets/delete", &gone).await.json::<Value>(200);
    stage.app.settle().await;
    assert_eq!(open(&address, &[]).await.status, 404, "it opens what was deleted");
    stage.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_page_may_show_from_the_bucket_and_an_export_fetches_there() {
    let stage = Stage::set().await;
    let page = stage.app.stranger().get("/").await;
    let bucket = format!("{}/picup/", stage.service.server.endpoint());
    let policy = page.header("content-security-policy");
    for directive in [format!("img-src 'self' blob: data: {bucket};"), format!("media-src 'self' blob: {bucket};")] {
        assert!(policy.contains(&directive), "{policy}");
    }
    assert!(policy.ends_with("connect-src 'self'"), "{policy}");

    let key = stage.ada.api_key(&["read"]).await.token;
    let folder = stage.app.path("export");
    let redirected = stage.app.log().matches("status=307").count();
    let done = stage.app.export(&key, &folder, &[]).await;
    assert!(done.status.success(), "{}{}", done.stdout, done.stderr);
    let written: Vec<Vec<u8>> = walkdir::WalkDir::new(&folder)
        .into_iter()
        .flatten()
        .filter(|entry| entry.path().extension().is_some_and(|ending| ending == "jpg"))
        .map(|entry| std::fs::read(entry.path()).unwrap())
        .collect();
    assert_eq!(written, [samples::JPEG]);
    assert!(stage.app.log().matches("status=307").count() > redirected, "PicUp carried it");

    let told = diagnosis(&stage.app).await;
    assert!(told.contains("\nok storage-reads: ") && told.contains("no CORS rule is needed"), "{told}");
    stage.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_the_service_does_not_keep_to_its_addresses_picup_carries_the_bytes() {
    let service = Service::with(RcloneServer::start().unwrap());
    let app = TestApp::builder().account("ada").config(settings(&service)).start().await;
    let probed = async || app.log().contains("PicUp carries photos and videos from the bucket").then_some(());
    eventually("a probe", probed).await.unwrap();
    let ada = app.sign_in_browser("ada").await;
    let media = ada.processed(ada.upload("a.jpg", samples::JPEG).await).await.media;
    let carried = ask(&ada, Method::GET, &media.original, &[("sec-fetch-dest", "image")]).await;
    assert_eq!((carried.status, &carried.body[..]), (200, samples::JPEG));
    let told = diagnosis(&app).await;
    assert!(told.contains("\nstorage-reads: ") && told.contains("store.reads = \"proxy\""), "{told}");
    service.finish(app).await;
}

#[tokio::test]
async fn without_the_setting_nobody_is_sent_anywhere() {
    let service = Service::with(S3Server::start_like_amazon().unwrap());
    let app = TestApp::builder().account("ada").config(service.settings()).start().await;
    let ada = app.sign_in_browser("ada").await;
    let media = ada.processed(ada.upload("a.jpg", samples::JPEG).await).await.media;
    assert_eq!(ask(&ada, Method::GET, &media.original, &[("sec-fetch-dest", "image")]).await.status, 200);
    let page = app.stranger().get("/").await;
    assert!(!page.header("content-security-policy").contains("http"), "{page:?}");
    service.finish(app).await;
}
