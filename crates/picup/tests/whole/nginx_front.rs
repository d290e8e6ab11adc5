//! PicUp behind nginx with the configuration of `deploy/nginx/`: TLS and HTTP/2, limits, the allow list, uploads, and thumbnails from nginx's
//! cache for those alone who have the right to them; and its log, counted.

use std::net::{IpAddr, SocketAddr};
use std::path::Path;

use futures_util::future::join_all;
use picup_testkit::{NginxServer, TempDir, free_address, fresh_folder, run, samples};
use reqwest::header::COOKIE;
use reqwest::{Certificate, StatusCode, Version};
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::app::{BINARY, TestApp, eventually};
use crate::client::Client;
use crate::front::{make_certificate, trusting};

const CONFIGURATION: &str = include_str!("../../../../deploy/nginx/picup.conf");

/// nginx in front of a PicUp.
struct Stage {
    app: TestApp,
    _nginx: NginxServer,
    folder: TempDir,
    tls: SocketAddr,
    plain: SocketAddr,
    bare: SocketAddr,
    http: reqwest::Client,
}

impl Stage {
    async fn set() -> Self {
        let settings = "public_base = \"https://photos.example\"\ngateway.trusted_proxies = [\"127.0.0.1\"]\n";
        let app = TestApp::builder().account("ada").account("bob").config(settings).start().await;
        let (folder, tls, plain, bare) = (fresh_folder(), free_address(), free_address(), free_address());
        let (certificate, key) = make_certificate(folder.path());
        let shown = |path: &Path| path.display().to_string();
        let mut text = CONFIGURATION.to_owned();
        for (there, here) in [
            ("127.0.0.1:8080", app.server.address().to_string()),
            ("listen 80;", format!("listen {plain};")),
            // And without TLS, for requests that are written by hand.
            ("listen 443 ssl", format!("listen {bare}; listen {tls} ssl")),
            ("/var/cache/nginx/picup", shown(&folder.path().join("cache"))),
            ("/var/log/nginx/picup.log", shown(&folder.path().join("picup.log"))),
            ("/etc/nginx/tls/fullchain.pem", shown(&certificate)),
            ("/etc/nginx/tls/key.pem", shown(&key)),
            ("photos.example.org", "photos.example".to_owned()),
            ("allow 127.0.0.0/8;", "allow 127.0.0.2;".to_owned()),
        ] {
            assert!(text.contains(there), "{there}");
            text = text.replace(there, &here);
        }
        let nginx = NginxServer::start_saying(folder.path(), &text, "").unwrap();
        let http = trusting(&certificate, tls);
        Self { app, _nginx: nginx, folder, tls, plain, bare, http }
    }

    fn url(&self, path: &str) -> String {
        format!("https://photos.example:{}{path}", self.tls.port())
    }

    /// Asks through nginx, as who has those cookies.
    async fn get(&self, who: &Client, path: &str) -> (StatusCode, Vec<u8>) {
        let request = self.http.get(self.url(path)).header(COOKIE, who.jar().header(path));
        let answer = request.header("sec-fetch-site", "same-origin").send().await.unwrap();
        (answer.status(), answer.bytes().await.unwrap().to_vec())
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("picup.log")).unwrap()
    }
}

#[tokio::test]
async fn nginx_gives_the_page_takes_files_and_keeps_administrators_at_home() {
    let stage = Stage::set().await;
    let ada = stage.app.sign_in_browser("ada").await;
    let page = stage.http.get(stage.url("/ready")).send().await.unwrap();
    assert_eq!((page.status().as_u16(), page.version()), (200, Version::HTTP_2));
    assert_eq!(page.headers()["strict-transport-security"], "max-age=31536000");
    let redirect = stage.http.get(format!("http://{}/a?b=1", stage.plain)).send().await.unwrap();
    assert_eq!(
        (redirect.status().as_u16(), redirect.headers()["location"].to_str().unwrap()),
        (308, "https://photos.example/a?b=1")
    );

    // A part larger than what else may be sent.
    let content = vec![7; 3_000_000];
    let upload = ada.reserve_new("a.jpg", &content).await;
    let target = ada.target(upload.id, 1, &content).await;
    let path = target.strip_prefix("https://photos.example").unwrap_or(&target);
    let sent = stage.http.put(stage.url(path)).body(content.clone()).send().await.unwrap();
    assert_eq!(sent.status(), 204);
    assert_eq!(ada.complete(upload.id).await.status, 201);
    let refused = stage.http.post(stage.url("/api/session")).body(content).send().await.unwrap();
    assert_eq!(refused.status(), 413);

    // From the address that is allowed, PicUp itself says what it thinks of a stranger.
    let from = |last: u8| {
        let certificate = std::fs::read(stage.folder.path().join("certificate.pem")).unwrap();
        let builder = reqwest::Client::builder().no_proxy().resolve("photos.example", stage.tls);
        let trusting = builder.tls_certs_only([Certificate::from_pem(&certificate).unwrap()]);
        trusting.local_address(IpAddr::from([127, 0, 0, last])).build().unwrap()
    };
    for (last, status) in [(2, 401), (3, 403)] {
        let answer = from(last).get(stage.url("/api/admin/system")).send().await.unwrap();
        assert_eq!(answer.status().as_u16(), status);
    }

    // Refused by nginx itself: PicUp's answers have an id.
    let tried = join_all((0..300).map(|_| stage.http.post(stage.url("/api/session")).send())).await;
    let limited = tried.into_iter().map(Result::unwrap).filter(|answer| !answer.headers().contains_key("x-request-id"));
    let limited: Vec<_> = limited.map(|answer| answer.status().as_u16()).collect();
    assert!((1..=249).contains(&limited.len()) && limited.iter().all(|status| *status == 429), "{limited:?}");
    stage.app.finish().await;
}

#[tokio::test]
async fn thumbnails_come_from_nginxs_cache_to_those_who_may_see_them() {
    let stage = Stage::set().await;
    let (ada, bob) = (stage.app.sign_in_browser("ada").await, stage.app.sign_in_browser("bob").await);
    let asset = ada.upload("a.jpg", samples::JPEG).await;
    let media = ada.processed(asset).await.media;
    let (thumbnail, original) = (media.thumbnail.unwrap(), media.original);
    let straight = ada.get(&thumbnail).await;
    for _ in 0..3 {
        assert_eq!(stage.get(&ada, &thumbnail).await, (StatusCode::OK, straight.body.to_vec()));
        for path in [&thumbnail, &original] {
            assert_eq!(stage.get(&bob, path).await.0, 403);
            let stranger = stage.http.get(stage.url(&format!("{path}?Signature=hunter2"))).send().await.unwrap();
            assert_eq!(stranger.status(), 403);
        }
        // Another spelling of what is hers does not lead to what is kept.
        let (folder, name) = thumbnail.rsplit_once('/').unwrap();
        for spelling in [format!("{folder}/x/../{name}"), format!("{folder}/%2e/{name}"), format!("{folder}//{name}")] {
            assert_eq!(as_spelt(&stage, &ada, &spelling).await, "HTTP/1.1 403", "{spelling}");
        }
    }
    assert_eq!(stage.get(&ada, &original).await, (StatusCode::OK, samples::JPEG.to_vec()));
    assert_eq!(stage.get(&ada, &thumbnail.replace("view/", "view/no")).await.0, 403);
    // What is deleted for ever opens to nobody, though nginx keeps it.
    let trashed = ada.post("/api/assets/trash", &json!({ "assets": [asset] })).await;
    assert_eq!(trashed.status, 200, "{}", trashed.text());
    assert_eq!(ada.delete("/api/trash").await.status, 202);
    let gone = async || (ada.get(&thumbnail).await.status == 404).then_some(());
    eventually("the end of the thumbnail", gone).await.unwrap();
    assert_eq!(stage.get(&ada, &thumbnail).await.0, 403);

    let (log, told) = (stage.log(), format!("\"GET {thumbnail} HTTP/2.0\" 200"));
    assert!(!log.contains("hunter2"));
    let cached: Vec<_> =
        log.lines().filter(|line| line.contains(&told)).filter_map(|line| line.rsplit(' ').next()).collect();
    assert_eq!(cached, ["MISS", "HIT", "HIT"]);

    // The log is counted by the format as it stands there.
    let (_, statement) = CONFIGURATION.split_once("log_format").unwrap();
    let statement = format!("log_format{}", &statement[..=statement.find(';').unwrap()]);
    let path = stage.folder.path().join("picup.log").display().to_string();
    let counted = run(BINARY, ["nginx-exporter", "--once", "--format", &statement, &path]).await.unwrap();
    assert!(counted.stdout.contains("nginx_parse_errors_total 0\n"), "{}{}", counted.stdout, counted.stderr);
    assert!(
        counted.stdout.contains("nginx_http_response_count_total{method=\"GET\",status=\"200\"} 4\n"),
        "{}",
        counted.stdout
    );
    assert!(
        counted.stdout.contains("nginx_http_upstream_time_seconds_count{method=\"GET\",status=\"200\"} 2\n"),
        "{}",
        counted.stdout
    );
    stage.app.finish().await;
}

/// Asks for a path as it is spelt: a client such as reqwest would put it right.
async fn as_spelt(stage: &Stage, who: &Client, path: &str) -> String {
    let mut stream = TcpStream::connect(stage.bare).await.unwrap();
    let cookies = who.jar().header(path);
    let request =
        format!("GET {path} HTTP/1.1\r\nhost: photos.example\r\ncookie: {cookies}\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    String::from_utf8_lossy(&answer[..12]).into_owned()
}
