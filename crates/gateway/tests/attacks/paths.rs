//! What a target, or a header that nobody should look at, can open or change.

use super::stage;
use super::support::{TestGateway, VIEW};

#[tokio::test]
async fn no_path_leads_elsewhere_behind_the_gateway() {
    let (gateway, upstream) = stage().await;
    for path in [
        "/api/../media/ann/a1",
        "/api/%2e%2e/media/ann/a1",
        "/api/%252e%252e/media/ann/a1",
        "/api/..%2fmedia",
        "/api/..%5cmedia",
        "/api/..;/media",
        "/api//admin/accounts",
        "/api/%2fadmin/accounts",
        "/api/x%00.webp",
        "/api/x%0d%0aX:%20y",
        "/api/%c0%ae%c0%ae/x",
        "/api/\\..\\x",
        "/assets/..%2f..%2fetc/passwd",
    ] {
        let status = gateway.ask("GET", path, "").await.status;
        // `..;` is a name like others: it is sent on as it came, and is no way up for PicUp.
        assert_eq!(status, if path.contains("..;") { 200 } else { 400 }, "{path}");
    }
    let seen = upstream.take();
    let targets: Vec<_> = seen.requests.iter().map(|request| request.target.as_str()).collect();
    assert_eq!((targets, seen.flaws), (vec!["/api/..;/media"], vec![]));
    // What follows a `?` is read by nobody here, and sent on as it came.
    let query = "/api/x?a=/../b&c=%252e%0d%0a";
    assert_eq!(gateway.ask("GET", query, "").await.text(), format!("GET {query}"));
}

#[tokio::test]
async fn what_no_key_names_changes_no_answer() {
    let gateway = TestGateway::start().await;
    let forged = [
        "X-Forwarded-Host: evil.example\r\n",
        "X-Forwarded-Scheme: http\r\nX-Forwarded-Proto: nothttps\r\n",
        "X-Original-URL: /media/bob/b1/view/preview.1.webp\r\nX-Rewrite-URL: /api/admin\r\n",
        "X-HTTP-Method-Override: DELETE\r\nX-Method-Override: POST\r\n",
        "Forwarded: for=127.0.0.1;host=evil.example;proto=http\r\n",
        "Host-Override: evil.example\r\nX-Host: evil.example\r\n",
        "Accept-Language: ko\r\nUser-Agent: <script>\r\nOrigin: https://evil.example\r\n",
        "Cookie: theme=evil\r\n",
    ];
    for path in ["/", "/assets/app-1a2b.js", "/favicon.ico", "/nothing.js", VIEW] {
        let plain = gateway.fetch(path, "").await.told();
        for headers in forged {
            assert_eq!(gateway.fetch(path, headers).await.told(), plain, "{path} {headers}");
        }
    }
}

#[tokio::test]
async fn thousands_of_ranges_are_none() {
    let gateway = TestGateway::start().await;
    let every_other: Vec<_> = (0..5_000).map(|at| format!("{}-{}", 2 * at, 2 * at)).collect();
    let overlapping = vec!["0-"; 5_000];
    for ranges in [every_other.join(","), overlapping.join(","), vec!["-1"; 5_000].join(",")] {
        let answer = gateway.fetch(VIEW, &format!("Range: bytes={ranges}\r\n")).await;
        assert_eq!((answer.status, answer.body.len()), (416, 0));
    }
}
