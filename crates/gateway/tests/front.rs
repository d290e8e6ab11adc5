//! Over real sockets: what reaches which part, and what never does.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod support;

use support::{Answer, TestGateway};

#[tokio::test]
async fn each_path_reaches_its_part() {
    let gateway = TestGateway::start().await;
    assert_eq!(gateway.ask("GET", "/live", "").await.text(), "alive");
    assert!(gateway.ask("GET", "/api/albums?x=1", "").await.text().starts_with("/api/albums 127.0.0.1 r-"));
    assert!(gateway.ask("GET", "/.well-known/x", "").await.text().starts_with("/.well-known/x "));
    assert_eq!(gateway.ask("GET", "/", "").await.text(), "<!doctype html>");
    assert_eq!(gateway.ask("GET", "/media/x", "").await.status, 403);
    assert!(gateway.ask("GET", "http://other.example/api/x", "").await.text().starts_with("/api/x "));
}

#[tokio::test]
async fn the_request_id_is_ours_alone() {
    let gateway = TestGateway::start().await;
    let answer = gateway.ask("GET", "/api/x", "X-Request-Id: theirs\r\nx-request-id: theirs2\r\n").await;
    let id = answer.header("x-request-id").unwrap();
    assert!(id.starts_with("r-"));
    assert_eq!(answer.text(), format!("/api/x 127.0.0.1 {id}"));
    assert_ne!(gateway.ask("GET", "/", "").await.header("x-request-id"), Some(id));
}

#[tokio::test]
async fn every_answer_has_the_common_headers() {
    let gateway = TestGateway::start().await;
    for path in ["/", "/nothing.txt", "/api/x", "/api/panic", "/media/x", "/a//b", "/live"] {
        let answer = gateway.ask("GET", path, "").await;
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"), "{path}");
        assert_eq!(answer.header("referrer-policy"), Some("no-referrer"), "{path}");
        assert!(answer.header("content-security-policy").unwrap().contains("frame-ancestors 'none'"), "{path}");
        assert!(answer.header("x-request-id").is_some(), "{path}");
    }
}

#[tokio::test]
async fn paths_with_two_readings_reach_nothing() {
    let gateway = TestGateway::start().await;
    for path in [
        "/media/ann/../bob/b1/view/preview.1.webp",
        "/media/ann/%2e%2e/bob/b1/view/preview.1.webp",
        "/media/ann/%252e%252e/bob/b1/view/preview.1.webp",
        "/media/ann/..%2fbob/b1/view/preview.1.webp",
        "/media/ann/..%5cbob",
        "/media/ann/..\\bob",
        "/media/ann/%c0%ae%c0%ae/bob",
        "/media//ann/a1",
        "/media/ann/a1%00.webp",
        "/api/%2e%2e/media",
        "/api/./x",
        "//api/x",
        "/%",
        "/%2",
        "/../../etc/passwd",
        "/assets/..%2f..%2fetc/passwd",
    ] {
        let answer = gateway.fetch(path, "").await;
        assert_eq!(answer.status, 400, "{path}");
        assert_eq!(answer.header("content-type"), Some("application/problem+json"));
        assert!(answer.text().starts_with(r#"{"type":"urn:picup:path","title":""#), "{path}");
    }
    assert_eq!(gateway.fetch(&format!("/{}", "x".repeat(3000)), "").await.status, 414);
    assert_eq!(gateway.opened.load(std::sync::atomic::Ordering::SeqCst), 0);
}

#[tokio::test]
async fn a_panic_is_a_500_with_an_id_and_the_connection_lives_on() {
    let gateway = TestGateway::start().await;
    let two = "GET /api/panic HTTP/1.1\r\nHost: x\r\n\r\nGET /live HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    let answers = String::from_utf8(gateway.raw(two).await).unwrap();
    assert!(answers.starts_with("HTTP/1.1 500 "), "{answers}");
    assert!(answers.contains(r#""request_id":"r-1"}"#) && !answers.contains("on purpose"), "{answers}");
    assert!(answers.ends_with("alive"), "{answers}");
}

#[tokio::test]
async fn requests_of_two_lengths_smuggle_nothing() {
    let gateway = TestGateway::start().await;
    let hidden = "GET /api/hidden HTTP/1.1\r\nHost: x\r\n\r\n";
    for (lengths, body) in [
        ("Content-Length: 6\r\nContent-Length: 0\r\n", hidden.to_owned()),
        ("Content-Length: 0, 6\r\n", hidden.to_owned()),
        ("Content-Length: +0\r\n", hidden.to_owned()),
        ("Content-Length: 4\r\nTransfer-Encoding: chunked\r\n", format!("0\r\n\r\n{hidden}")),
        ("Transfer-Encoding: chunked\r\nContent-Length: 4\r\n", format!("0\r\n\r\n{hidden}")),
        ("Transfer-Encoding: chunked, identity\r\n", format!("0\r\n\r\n{hidden}")),
        ("Transfer-Encoding: xchunked\r\n", format!("0\r\n\r\n{hidden}")),
        ("Transfer-Encoding : chunked\r\n", format!("0\r\n\r\n{hidden}")),
        ("Transfer-Encoding: chunked\r\n", format!("0 \r\n\r\n{hidden}")),
        ("X: y\r\n Transfer-Encoding: chunked\r\n", format!("0\r\n\r\n{hidden}")),
    ] {
        let request = format!("POST /api/upload HTTP/1.1\r\nHost: x\r\n{lengths}\r\n{body}");
        let answer = String::from_utf8(gateway.raw(&request).await).unwrap();
        assert!(!answer.contains("/api/hidden"), "{lengths}: {answer}");
        assert!(answer.matches("HTTP/1.1 ").count() <= 1, "{lengths}: {answer}");
    }
    let old = format!("POST /api/upload HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n{hidden}");
    assert!(!String::from_utf8(gateway.raw(old).await).unwrap().contains("/api/hidden"));
}

#[tokio::test]
async fn bodies_come_through_whole() {
    let gateway = TestGateway::start().await;
    let body = "x".repeat(100_000);
    let head = "POST /api/upload HTTP/1.1\r\nHost: x\r\nConnection: close\r\n";
    let sized = format!("{head}Content-Length: {}\r\n\r\n{body}", body.len());
    assert_eq!(Answer::parse(&gateway.raw(sized).await).text(), "100000");
    let chunked = format!("{head}Transfer-Encoding: chunked\r\n\r\n{:x}\r\n{body}\r\n0\r\n\r\n", body.len());
    assert_eq!(Answer::parse(&gateway.raw(chunked).await).text(), "100000");
}

#[tokio::test]
async fn methods_that_lead_nowhere_are_refused() {
    let gateway = TestGateway::start().await;
    for (method, target) in [("POST", "/"), ("DELETE", "/index.html"), ("POST", support::VIEW), ("BREW", support::VIEW)]
    {
        let answer = gateway.ask(method, target, &gateway.cookies("ann")).await;
        assert_eq!((answer.status, answer.header("allow")), (405, Some("GET, HEAD")), "{method} {target}");
    }
    assert_eq!(gateway.ask("CONNECT", "example.org:443", "").await.status, 405);
    assert_eq!(gateway.ask("OPTIONS", "*", "").await.status, 400);
}

#[tokio::test]
async fn heads_that_are_too_long_are_refused() {
    let gateway = TestGateway::start().await;
    assert_eq!(gateway.ask("GET", "/live", &format!("X: {}\r\n", "y".repeat(70_000))).await.status, 431);
    assert_eq!(gateway.ask("GET", "/live", &"X: y\r\n".repeat(200)).await.status, 431);
}

#[tokio::test]
async fn static_files_are_cached_by_kind() {
    let gateway = TestGateway::start().await;
    let page = gateway.ask("GET", "/", "").await;
    assert_eq!((page.status, page.header("cache-control")), (200, Some("no-cache")));
    assert_eq!(page.header("content-type"), Some("text/html; charset=utf-8"));
    for path in ["/albums", "/albums/1", "/albums/"] {
        assert_eq!(gateway.ask("GET", path, "").await.body, page.body, "{path}");
    }
    for path in ["/nothing.js", "/assets/gone", "/assets/gone.js", "/assets", "/robots.txt"] {
        let answer = gateway.ask("GET", path, "").await;
        assert_eq!(answer.status, if path == "/assets" { 200 } else { 404 }, "{path}");
    }
    assert_eq!(gateway.ask("GET", "/favicon.ico", "").await.header("cache-control"), Some("no-cache"));

    let asset = gateway.ask("GET", "/assets/app-1a2b.js", "").await;
    assert_eq!(asset.header("cache-control"), Some("public, max-age=31536000, immutable"));
    assert_eq!((asset.text(), asset.header("vary")), ("plain", Some("accept-encoding")));
    let brotli = gateway.ask("GET", "/assets/app-1a2b.js", "Accept-Encoding: gzip, br\r\n").await;
    assert_eq!((brotli.text(), brotli.header("content-encoding")), ("br", Some("br")));
    let gzip = gateway.ask("GET", "/assets/app-1a2b.js", "Accept-Encoding: gzip\r\n").await;
    assert_eq!((gzip.text(), gzip.header("content-encoding")), ("gzip", Some("gzip")));
    let smaller = gateway.ask("GET", "/assets/app-1a2b.js", "Accept-Encoding: gzip, zstd\r\n").await;
    assert_eq!((smaller.text(), smaller.header("content-encoding")), ("zst", Some("zstd")), "the smallest it takes");
    assert_ne!(brotli.header("etag"), asset.header("etag"));

    let etag = page.header("etag").unwrap();
    let again = gateway.ask("GET", "/", &format!("If-None-Match: W/{etag}\r\n")).await;
    assert_eq!((again.status, again.body.len()), (304, 0));
    let head = gateway.ask("HEAD", "/", "").await;
    assert_eq!((head.status, head.header("content-length"), head.body.len()), (200, Some("15"), 0));
}

#[tokio::test]
async fn the_page_may_do_little_and_a_worker_no_more_than_hashing() {
    let gateway = TestGateway::start().await;
    let sources = |policy: &str, directive: &str| -> Option<Vec<String>> {
        let found = policy.split(';').map(str::trim).find_map(|one| one.strip_prefix(directive)?.strip_prefix(' '))?;
        Some(found.split(' ').map(str::to_owned).collect())
    };

    let page = gateway.ask("GET", "/", "").await;
    let policy = page.header("content-security-policy").unwrap();
    assert!(!policy.contains("unsafe-") && !policy.contains('*'), "{policy}");
    for directive in ["default-src", "script-src", "style-src", "worker-src", "manifest-src"] {
        assert_eq!(sources(policy, directive).unwrap(), ["'self'"], "{directive}");
    }
    for directive in ["object-src", "frame-ancestors", "base-uri"] {
        assert_eq!(sources(policy, directive).unwrap(), ["'none'"], "{directive}");
    }
    assert_eq!(page.header("cross-origin-opener-policy"), Some("same-origin"));
    assert_eq!(page.header("cross-origin-resource-policy"), Some("same-origin"));
    assert!(page.header("permissions-policy").unwrap().contains("geolocation=()"));

    let script = gateway.ask("GET", "/assets/app-1a2b.js", "").await;
    let policy = script.header("content-security-policy").unwrap();
    assert_eq!(sources(policy, "default-src").unwrap(), ["'none'"]);
    assert_eq!(sources(policy, "script-src").unwrap(), ["'self'", "'wasm-unsafe-eval'"]);
    assert!(!policy.contains("unsafe-inline") && !policy.contains("'unsafe-eval'"), "{policy}");
}

#[tokio::test]
async fn what_happened_is_counted_with_fixed_labels() {
    let gateway = TestGateway::start().await;
    gateway.ask("BREW", "/api/secret-album-name", "").await;
    gateway.ask("GET", "/media/ann/1", "").await;
    gateway.fetch(support::VIEW, "").await;
    gateway.ask("GET", "/api/moved", "").await;
    let text = gateway.metrics();
    for line in [
        r#"http_server_request_duration_seconds_count{method="_OTHER",route="api",status="200",protocol="1.1"} 1"#,
        r#"http_server_request_duration_seconds_count{method="GET",route="media",status="403",protocol="1.1"} 1"#,
        r#"http_server_request_duration_seconds_bucket{le="0.005",method="GET",route="media",status="200",protocol="1.1"}"#,
        r#"http_server_redirects_total{route="api"} 1"#,
        r#"delivery_denied_total{reason="unsigned"} 1"#,
        r#"delivery_denied_total{reason="expired"} 0"#,
        r#"http_server_response_body_size_bytes_sum{route="media"} 3"#,
        r#"http_server_response_body_size_bytes_count{route="media"} 2"#,
        r#"http_server_time_to_first_byte_seconds_count{route="media"} 2"#,
        "http_server_active_requests 0",
    ] {
        assert!(text.contains(line), "{line}\n{text}");
    }
    assert!(!text.contains("secret"));
}

#[tokio::test]
async fn endpoints_are_counted_by_their_templates_and_bodies_by_their_bytes() {
    let gateway = TestGateway::start().await;
    for id in ["secret-1", "secret-2"] {
        gateway.ask("GET", &format!("/api/photos/{id}"), "").await;
    }
    gateway.raw("POST /api/upload HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 5\r\n\r\nbytes").await;
    let text = gateway.metrics();
    for line in [
        r#"http_server_request_duration_seconds_count{method="GET",route="/api/photos/{id}",status="200",protocol="1.1"} 2"#,
        r#"http_server_time_to_first_byte_seconds_count{route="/api/photos/{id}"} 2"#,
        r#"http_server_request_body_size_bytes_count{route="/api/photos/{id}"} 0"#,
        r#"http_server_request_body_size_bytes_sum{route="api"} 5.0"#,
        r#"http_server_response_body_size_bytes_sum{route="/api/photos/{id}"} 14.0"#,
    ] {
        assert!(text.contains(line), "{line}\n{text}");
    }
    assert!(!text.contains("secret"), "{text}");
}
