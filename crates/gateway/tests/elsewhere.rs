//! Over real sockets: a client that may read a medium elsewhere is sent there, and nobody else learns where that is.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod support;

use std::sync::atomic::Ordering;

use http::HeaderValue;
use picup_gateway::{StaticFile, StaticFiles};
use support::{BUCKET, SIZE, TestGateway, VIEW};

const SHOWN: &str = "/media/ann/straight/view/1";
const ORIGINAL: &str = "/media/ann/straight/file/1";

#[tokio::test]
async fn a_client_with_the_right_is_sent_with_what_it_would_have_been_told() {
    let gateway = TestGateway::start().await;
    for (path, told) in
        [(SHOWN, "private,max-age=31536000,immutable&inline"), (ORIGINAL, "private,no-cache&attachment")]
    {
        let answer = gateway.fetch(path, "Accept: */*\r\nRange: bytes=5-9\r\nIf-None-Match: *\r\n").await;
        assert_eq!((answer.status, answer.body.len()), (307, 0));
        let address = format!("{BUCKET}{}?{told}&secret", &path[1..]);
        assert_eq!(answer.header("location"), Some(address.as_str()));
        for (name, value) in [
            // Half of the address's life.
            ("cache-control", "private, max-age=300"),
            ("vary", "sec-fetch-dest, accept"),
            ("referrer-policy", "no-referrer"),
            ("cross-origin-resource-policy", "same-origin"),
            ("x-content-type-options", "nosniff"),
        ] {
            assert_eq!(answer.header(name), Some(value), "{name}");
        }
    }
    assert_eq!(gateway.opened.load(Ordering::SeqCst), 0, "the store was asked all the same");
    assert!(gateway.metrics().contains("http_server_redirects_total{route=\"media\"} 2\n"), "{}", gateway.metrics());
}

#[tokio::test]
async fn who_has_no_right_is_refused_as_everywhere() {
    let gateway = TestGateway::start().await;
    let refused = gateway.ask("GET", VIEW, "").await;
    for headers in [String::new(), gateway.cookies("bob"), "Sec-Fetch-Dest: image\r\n".to_owned()] {
        assert_eq!(gateway.ask("GET", SHOWN, &headers).await.told(), refused.told(), "{headers}");
    }
    assert_eq!(gateway.fetch(&format!("{SHOWN}?x"), "").await.status, 400);
}

#[tokio::test]
async fn a_browser_is_sent_for_what_an_element_shows_alone() {
    let gateway = TestGateway::start().await;
    for (destination, status) in [
        ("image", 307),
        ("video", 307),
        ("document", 200),
        ("iframe", 200),
        ("empty", 200),
        ("script", 200),
        ("x", 200),
    ] {
        let answer = gateway.fetch(ORIGINAL, &format!("Sec-Fetch-Dest: {destination}\r\n")).await;
        assert_eq!(answer.status, status, "{destination}");
        if status == 200 {
            assert_eq!(answer.header("content-security-policy"), Some("default-src 'none'; sandbox"));
            assert_eq!((answer.header("content-disposition"), answer.body.len()), (Some("attachment"), SIZE));
        }
    }
    let twice = gateway.fetch(SHOWN, "Sec-Fetch-Dest: image\r\nSec-Fetch-Dest: document\r\n").await;
    assert_eq!(twice.status, 200);
}

/// As Chromium, Firefox and Safari ask where they do not say what for, and programs.
#[tokio::test]
async fn over_plain_http_pages_and_downloads_are_answered_here_too() {
    let gateway = TestGateway::start().await;
    for (headers, status) in [
        ("Accept: image/avif,image/webp,image/apng,image/svg+xml,image/*,*/*;q=0.8\r\n", 307),
        ("Accept: video/webm,video/ogg,video/*;q=0.9,application/ogg;q=0.7,audio/*;q=0.6,*/*;q=0.5\r\n", 307),
        ("Accept: */*\r\n", 307),
        ("Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/webp,*/*;q=0.8\r\n", 200),
        ("Accept: */*\r\nAccept: text/html\r\n", 200),
        ("", 200),
    ] {
        assert_eq!(gateway.fetch(ORIGINAL, headers).await.status, status, "{headers}");
    }
}

#[tokio::test]
async fn a_head_is_answered_here() {
    let gateway = TestGateway::start().await;
    let head = gateway.ask("HEAD", ORIGINAL, &format!("{}Sec-Fetch-Dest: image\r\n", gateway.cookies("ann"))).await;
    assert_eq!((head.status, head.header("content-length")), (200, Some("300000")));
    assert_eq!(head.header("content-type"), Some("video/mp4"));
}

#[tokio::test]
async fn an_origin_that_cannot_say_where_is_a_failing_store() {
    let gateway = TestGateway::start().await;
    let answer = gateway.fetch("/media/ann/unsigned/view/1", "Accept: */*\r\n").await;
    assert_eq!(answer.status, 503);
    assert!(!answer.text().contains("signs"), "{}", answer.text());
}

#[tokio::test]
async fn the_page_may_show_from_there_and_only_then() {
    let page = || {
        let file = StaticFile {
            path: "/index.html".to_owned(),
            content_type: HeaderValue::from_static("text/html"),
            bytes: "page".into(),
            encoded: Vec::new(),
        };
        StaticFiles::from_iter([file])
    };
    let policy = async |files: StaticFiles| {
        let gateway = TestGateway::start_serving(files).await;
        gateway.ask("GET", "/", "").await.header("content-security-policy").unwrap().to_owned()
    };
    let has = |policy: &str, directive: &str| policy.split("; ").any(|one| one == directive);
    let plain = policy(page()).await;
    assert!(!plain.contains("example"), "{plain}");
    for directive in ["img-src 'self' blob: data:", "media-src 'self' blob:", "connect-src 'self'"] {
        assert!(has(&plain, directive), "{directive}: {plain}");
    }
    let showing = policy(page().showing_from(BUCKET).unwrap()).await;
    for directive in [
        "img-src 'self' blob: data: https://bucket.example/",
        "media-src 'self' blob: https://bucket.example/",
        "connect-src 'self'",
    ] {
        assert!(has(&showing, directive), "{directive}: {showing}");
    }
    let sending = policy(page().sending_to(BUCKET).unwrap()).await;
    assert!(has(&sending, "connect-src 'self' https://bucket.example/"), "{sending}");
    assert!(has(&sending, "img-src 'self' blob: data:"), "{sending}");
    let both = policy(page().sending_to("https://a.example/").unwrap().showing_from(BUCKET).unwrap()).await;
    assert!(has(&both, "connect-src 'self' https://a.example/"), "{both}");
    assert!(has(&both, "media-src 'self' blob: https://bucket.example/"), "{both}");
    assert!(page().showing_from("https://a\n").is_err());
}
