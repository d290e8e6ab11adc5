//! Media: for the owner's browser everything that makes them fast, for everybody else one and the same refusal.

use std::net::SocketAddr;

use picup_delivery::{Form, HashAlgorithm, KeyId, Policy, Resource, SigningKey, signed_cookies};
use picup_domain::{Clock, Sha256, SystemClock};
use picup_testkit::samples;
use reqwest::Method;
use reqwest::header::COOKIE;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use uuid::Uuid;

use crate::app::TestApp;
use crate::client::{Answer, Client};

const NAMES: [&str; 4] =
    ["CloudFront-Policy", "CloudFront-Signature", "CloudFront-Key-Pair-Id", "CloudFront-Hash-Algorithm"];

/// A PicUp with one picture of Ada's, and what is needed to fetch it.
struct Stage {
    app: TestApp,
    ada: Client,
    bob: Client,
    media: picup_api::wire::AssetMedia,
}

impl Stage {
    async fn set() -> Self {
        let app = TestApp::start().await;
        let (ada, bob) = (app.sign_in_browser("ada").await, app.sign_in_browser("bob").await);
        let asset = ada.upload("a.jpg", samples::JPEG).await;
        let media = ada.processed(asset).await.media;
        Self { app, ada, bob, media }
    }

    /// Ada's media cookies.
    fn cookies(&self) -> Vec<(&'static str, String)> {
        NAMES.into_iter().map(|name| (name, self.ada.jar().value(name).unwrap())).collect()
    }

    async fn fetch(&self, path: &str, cookies: &[(&str, String)]) -> Answer {
        let stranger = &self.ada;
        let mut request = stranger.http.get(stranger.url(path));
        if !cookies.is_empty() {
            let pairs: Vec<_> = cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
            request = request.header(COOKIE, pairs.join("; "));
        }
        stranger.send(request).await
    }

    /// An answer without what differs from request to request.
    fn bare(answer: &Answer) -> (u16, Vec<(String, String)>, String) {
        let mut headers: Vec<_> = answer
            .headers
            .iter()
            .filter(|(name, _)| !matches!(name.as_str(), "x-request-id" | "date"))
            .map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()))
            .collect();
        headers.sort();
        (answer.status, headers, answer.text())
    }
}

#[tokio::test]
async fn the_owner_gets_everything_with_the_right_headers() {
    let stage = Stage::set().await;
    let (ada, media) = (&stage.ada, &stage.media);
    for (path, kind) in
        [(media.thumbnail.as_ref().unwrap(), "image/webp"), (media.preview.as_ref().unwrap(), "image/jpeg")]
    {
        let answer = ada.get(path).await;
        assert_eq!((answer.status, answer.header("content-type")), (200, kind), "{path}");
        assert_eq!(answer.header("cache-control"), "private, max-age=31536000, immutable");
        assert_eq!(answer.header("x-content-type-options"), "nosniff");
        assert_eq!(answer.header("content-disposition"), "");
        assert_eq!(answer.header("content-length"), answer.body.len().to_string());
        let again = ada.send(ada.request(Method::GET, path).header("if-none-match", answer.header("etag"))).await;
        assert_eq!((again.status, again.body.len()), (304, 0));
    }
    let original = ada.get(&media.original).await;
    assert_eq!((original.status, &original.body[..]), (200, samples::JPEG));
    assert_eq!(original.header("content-disposition"), "attachment");
    assert_eq!(original.header("x-content-type-options"), "nosniff");
    assert!(original.header("content-security-policy").contains("sandbox"));
    assert!(!original.header("cache-control").contains("immutable"));
    stage.app.finish().await;
}

#[tokio::test]
async fn ranges_are_exact() {
    let stage = Stage::set().await;
    let (whole, size) = (samples::JPEG, samples::JPEG.len());
    let range = async |range: &str| {
        let request = stage.ada.request(Method::GET, &stage.media.original).header("range", range);
        stage.ada.send(request).await
    };
    for (asked, from, to) in [
        ("bytes=0-0".to_owned(), 0, 1),
        ("bytes=1-9".to_owned(), 1, 10),
        ("bytes=10-".to_owned(), 10, size),
        ("bytes=-5".to_owned(), size - 5, size),
        (format!("bytes=0-{}", u64::MAX), 0, size),
    ] {
        let answer = range(&asked).await;
        assert_eq!((answer.status, &answer.body[..]), (206, &whole[from..to]), "{asked}");
        assert_eq!(answer.header("content-range"), format!("bytes {from}-{}/{size}", to - 1));
        assert_eq!(answer.header("content-disposition"), "attachment");
    }
    let outside = range(&format!("bytes={size}-")).await;
    assert_eq!((outside.status, outside.header("content-range")), (416, format!("bytes */{size}").as_str()));
    for whole_again in ["bytes=x", "lines=1-2", "bytes=5-2"] {
        assert_eq!(range(whole_again).await.body.len(), size, "{whole_again}");
    }
    let head = stage.ada.send(stage.ada.request(Method::HEAD, &stage.media.original)).await;
    assert_eq!((head.status, head.header("content-length"), head.body.len()), (200, size.to_string().as_str(), 0));
    stage.app.finish().await;
}

#[tokio::test]
async fn every_refusal_is_the_same() {
    let stage = Stage::set().await;
    let path = stage.media.thumbnail.clone().unwrap();
    let good = stage.cookies();
    assert_eq!(stage.fetch(&path, &good).await.status, 200);
    let refusal = Stage::bare(&stage.fetch(&path, &[]).await);
    assert_eq!(refusal.0, 403);

    let owner = stage.ada.account();
    let bobs: Vec<_> = NAMES.into_iter().map(|name| (name, stage.bob.jar().value(name).unwrap())).collect();
    let now = SystemClock.now().seconds().unsigned_abs();
    let mut sets = vec![
        ("another account's".to_owned(), bobs.clone()),
        ("expired".to_owned(), signed(&stage.app, owner, now - 1)),
        ("expired this second".to_owned(), signed(&stage.app, owner, now)),
        ("another key's".to_owned(), by_another_key(owner, now + 60)),
        ("the bearer's".to_owned(), vec![("picup_access", stage.ada.jar().value("picup_access").unwrap())]),
    ];
    for at in 0..good.len() {
        let (missing, mut twice) = (without(&good, at), good.clone());
        twice.push(good[at].clone());
        let mut mixed = good.clone();
        mixed[at] = bobs[at].clone();
        sets.push((format!("without {}", good[at].0), missing));
        sets.push((format!("{} twice", good[at].0), twice));
        if at < 2 {
            sets.push((format!("{} of another account", good[at].0), mixed));
        }
    }
    for (what, cookies) in &sets {
        if what.ends_with("Hash-Algorithm") {
            continue; // Without it CloudFront means SHA-1, which no key of ours signs: looked at below.
        }
        assert_eq!(Stage::bare(&stage.fetch(&path, cookies).await), refusal, "{what}");
    }
    assert_eq!(Stage::bare(&stage.fetch(&path, &without(&good, 3)).await), refusal, "no hash algorithm");
    assert_eq!(
        stage.fetch(&path, &signed(&stage.app, owner, now + 60)).await.status,
        200,
        "the test signs as the server does"
    );

    // Guesses: the refusal does not tell what exists, and whose cookies are good does not matter for others' media.
    let (bob, id) = (stage.bob.account(), path.split('/').nth(3).unwrap());
    for guess in [
        path.replace(id, &Uuid::now_v7().to_string()),
        path.replace(&owner.to_string(), &bob.to_string()),
        path.replace(&owner.to_string(), &Uuid::now_v7().to_string()),
        path.replace("thumbnail.1", "thumbnail.2"),
        format!("/media/{owner}/"),
        format!("/media/{owner}"),
        "/media/".to_owned(),
        "/media".to_owned(),
    ] {
        assert_eq!(Stage::bare(&stage.fetch(&guess, &[]).await), refusal, "{guess}");
        if !guess.starts_with(&format!("/media/{bob}/")) {
            assert_eq!(Stage::bare(&stage.fetch(&guess, &bobs).await), refusal, "{guess} with another's cookies");
        }
    }
    // To its owner a key that is not there is simply not there.
    for missing in [path.replace("thumbnail.1", "thumbnail.2"), format!("/media/{owner}/"), format!("/media/{owner}/x")]
    {
        stage.fetch(&missing, &good).await.refused(404);
    }
    stage.app.finish().await;
}

#[tokio::test]
async fn a_changed_byte_of_a_cookie_opens_nothing() {
    let stage = Stage::set().await;
    let path = stage.media.preview.clone().unwrap();
    let good = stage.cookies();
    let refusal = Stage::bare(&stage.fetch(&path, &[]).await);
    // Every byte is tried in the tests of `delivery`: who shows so many wrong signatures here is not verified any more.
    for cookie in 0..good.len() {
        for at in (0..4).map(|part| part * (good[cookie].1.len() - 1) / 3) {
            let mut altered = good.clone();
            let mut value = altered[cookie].1.clone().into_bytes();
            value[at] = if value[at] == b'A' { b'B' } else { b'A' };
            altered[cookie].1 = String::from_utf8(value).unwrap();
            let answer = stage.fetch(&path, &altered).await;
            assert_eq!(Stage::bare(&answer), refusal, "byte {at} of {}", good[cookie].0);
        }
    }
    assert_eq!(stage.fetch(&path, &good).await.status, 200);
    stage.app.finish().await;
}

#[tokio::test]
async fn no_spelling_of_a_path_leads_elsewhere() {
    let stage = Stage::set().await;
    let (ada, bob) = (stage.ada.account(), stage.bob.account());
    let path = stage.media.thumbnail.clone().unwrap();
    let rest = path.strip_prefix(&format!("/media/{ada}/")).unwrap();
    let bobs: Vec<_> =
        NAMES.into_iter().map(|name| format!("{name}={}", stage.bob.jar().value(name).unwrap())).collect();
    let bobs = bobs.join("; ");
    let address = stage.app.server.address();
    for spelling in [
        format!("/media/{bob}/../{ada}/{rest}"),
        format!("/media/{bob}/%2e%2e/{ada}/{rest}"),
        format!("/media/{bob}/.%2E/{ada}/{rest}"),
        format!("/media/{bob}%2f..%2f{ada}/{rest}"),
        format!("/media/{bob}/..%5c{ada}/{rest}"),
        format!("/media/{bob}/..\\{ada}/{rest}"),
        format!("/media/{bob}/%252e%252e/{ada}/{rest}"),
        format!("/media/{bob}/..;/{ada}/{rest}"),
        format!("/media/{bob}/%c0%ae%c0%ae/{ada}/{rest}"),
        format!("/media/{bob}//media/{ada}/{rest}"),
        format!("//media/{ada}/{rest}"),
        format!("/./media/{ada}/{rest}"),
        format!("/media/{ada}/{rest}%00"),
        format!("/media/{bob}/../../../secrets/media-key.pem"),
        "/../secrets/media-key.pem".to_owned(),
        "/media/../../picup.db".to_owned(),
        "/..%2f..%2fpicup.db".to_owned(),
        format!("/MEDIA/{ada}/{rest}"),
        format!("http://picup.internal/media/{ada}/{rest}"),
        format!("/x?/media/{ada}/{rest}"),
        format!("/media/{ada}/{rest}?x=1"),
        format!("/media/{bob}/x?/media/{ada}/{rest}"),
        format!("/{rest}"),
    ] {
        let (status, body) = raw(address, &format!("GET {spelling} HTTP/1.1"), &bobs).await;
        let leaked = body.windows(4).any(|bytes| bytes == b"RIFF")
            || body.windows(5).any(|bytes| bytes == b"BEGIN" || bytes == b"SQLit");
        assert!(!leaked, "{spelling}: {status}");
        assert!(matches!(status, 200 | 400 | 403 | 404), "{spelling}: {status}");
        if spelling.contains("/media/") && status == 200 {
            let page = String::from_utf8_lossy(&body);
            assert!(page.contains("<!doctype html>"), "{spelling} is served as something else than the page: {page}");
        }
    }
    // Which spelling it was must not tell what exists.
    let there = raw(address, &format!("GET /media/{bob}/../{ada}/{rest} HTTP/1.1"), &bobs).await;
    let not_there = raw(address, &format!("GET /media/{bob}/../{}/{rest} HTTP/1.1", Uuid::now_v7()), &bobs).await;
    assert_eq!(there, not_there);
    stage.app.finish().await;
}

#[tokio::test]
async fn media_are_only_read() {
    let stage = Stage::set().await;
    let path = stage.media.original.clone();
    for method in [Method::PUT, Method::POST, Method::DELETE, Method::PATCH, Method::OPTIONS] {
        let answer = stage.ada.send(stage.ada.request(method.clone(), &path).body("x")).await;
        answer.refused(405);
    }
    assert_eq!(&stage.ada.get(&path).await.body[..], samples::JPEG);
    stage.app.finish().await;
}

fn without(cookies: &[(&'static str, String)], at: usize) -> Vec<(&'static str, String)> {
    let others = cookies.iter().enumerate().filter(|(place, _)| *place != at);
    others.map(|(_, cookie)| cookie.clone()).collect()
}

/// Cookies as the server itself would sign them.
fn signed(app: &TestApp, owner: Uuid, expires: u64) -> Vec<(&'static str, String)> {
    let pem = std::fs::read_to_string(app.data().join("secrets/media-key.pem")).unwrap();
    let unnamed = SigningKey::from_pem(KeyId::parse("any").unwrap(), &pem).unwrap();
    let fingerprint = Sha256::of(unnamed.public_key_pem().as_bytes()).to_string();
    let id = KeyId::parse(&format!("K{}", fingerprint[..12].to_uppercase())).unwrap();
    cookies_of(&SigningKey::from_pem(id, &pem).unwrap(), owner, expires)
}

/// Cookies by somebody who knows everything but the key.
fn by_another_key(owner: Uuid, expires: u64) -> Vec<(&'static str, String)> {
    let key = SigningKey::generate(KeyId::parse("KSOMEBODY").unwrap(), &mut rand::rng());
    cookies_of(&key, owner, expires)
}

fn cookies_of(key: &SigningKey, owner: Uuid, expires: u64) -> Vec<(&'static str, String)> {
    let resource = Resource::under("http://picup.internal", &format!("/media/{owner}/")).unwrap();
    let policy = Policy::until(resource, expires);
    signed_cookies(key, HashAlgorithm::Sha256, &policy, Form::Shortest)
        .iter()
        .map(|(name, value)| (name, value.to_owned()))
        .collect()
}

/// A request to the byte, and the status and body of its answer.
async fn raw(address: SocketAddr, line: &str, cookies: &str) -> (u16, Vec<u8>) {
    let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
    let request = format!("{line}\r\nhost: {address}\r\ncookie: {cookies}\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    let end = answer.windows(4).position(|bytes| bytes == b"\r\n\r\n").unwrap_or(answer.len());
    let head = String::from_utf8_lossy(&answer[..end]).into_owned();
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
    (status, answer.get(end + 4..).unwrap_or_default().to_vec())
}

/// The same from another address of this machine.
fn elsewhere(client: &Client) -> Client {
    let http =
        reqwest::Client::builder().no_proxy().local_address(std::net::IpAddr::from([127, 0, 0, 2])).build().unwrap();
    Client { http, ..client.clone() }
}

#[tokio::test]
async fn where_it_is_configured_a_copied_right_opens_nothing_at_another_address() {
    for (settings, status) in [("session.media_bind_address = true\n", 403), ("", 200)] {
        let app = TestApp::builder().account("ada").config(settings).start().await;
        let ada = app.sign_in_browser("ada").await;
        let asset = ada.upload("a.jpg", samples::JPEG).await;
        let preview = ada.processed(asset).await.media.preview.unwrap();
        let link: picup_api::wire::ShareLink =
            ada.post("/api/share-links", &serde_json::json!({"assets": [asset]})).await.json(201);
        let token = link.link.unwrap().rsplit('/').next().unwrap().to_owned();
        let opened = app.stranger().post("/api/share/open", &serde_json::json!({"token": token})).await;
        let guest = Client {
            who: crate::client::Who::Bearer(opened.json::<picup_api::wire::ShareOpened>(200).access_token),
            ..app.stranger()
        };
        let shared: picup_api::wire::SharedAsset = guest.get(&format!("/api/share/assets/{asset}")).await.json(200);
        let shared = shared.preview.unwrap();
        for _ in 0..2 {
            assert_eq!((ada.get(&preview).await.status, elsewhere(&ada).get(&preview).await.status), (200, status));
            let stranger = app.stranger();
            assert_eq!(
                (stranger.get(&shared).await.status, elsewhere(&stranger).get(&shared).await.status),
                (200, status)
            );
            assert_eq!(ada.post("/api/session/refresh", &serde_json::json!({})).await.status, 200);
        }
        app.finish().await;
    }
}
