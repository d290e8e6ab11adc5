//! What the access log says of a request, and what it never says. Alone in its file, because it sets what is logged.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod support;

use support::{TestGateway, VIEW};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

fn take(gateway: &TestGateway) -> Vec<String> {
    std::mem::take(&mut *gateway.lines.lock().unwrap())
}

#[tokio::test]
async fn one_line_a_request_and_no_secret() {
    let gateway = TestGateway::start().await;
    gateway.fetch(VIEW, "").await;
    assert!(take(&gateway).is_empty(), "nobody wants lines");
    let subscriber = tracing_subscriber::fmt().with_env_filter("access=info").finish();
    let _guard = tracing::subscriber::set_default(subscriber);

    gateway.fetch(VIEW, "Authorization: Bearer hush\r\nRange: bytes=0-9\r\n").await;
    gateway.ask("GET", "/api/x?token=hush", "").await;
    gateway.ask("GET", VIEW, "Cookie: CloudFront-Policy=hush\r\n").await;
    gateway.fetch("/media/ann/a1/view/broken", "").await;
    gateway.ask("GET", &format!("/{}", "y".repeat(1000)), "").await;
    gateway.fetch("/media/ann/straight/view/1", "Accept: */*\r\n").await;
    let said = take(&gateway);
    assert_eq!(said.len(), 6, "{said:#?}");
    for (line, parts) in said.iter().zip([
        vec![
            r#""request_id":"r-2""#,
            r#""method":"GET""#,
            r#""route":"media""#,
            VIEW,
            r#""status":206"#,
            r#""bytes":10"#,
        ],
        vec![r#""path":"/api/x""#, r#""route":"api""#, r#""status":200"#, r#""client":"127.0.0.1""#],
        vec![r#""status":403"#, r#""denied":"malformed""#],
        vec![r#""status":503"#, "the store failed: the disk is on fire"],
        vec![r#""status":200"#, r#""protocol":"1.1""#],
        vec![r#""status":307"#, r#""path":"/media/ann/straight/view/1""#],
    ]) {
        for part in parts.into_iter().chain([r#""complete":true"#, r#""duration_ms":"#]) {
            assert!(line.contains(part), "{part}\n{line}");
        }
        assert!(
            !line.contains("hush")
                && !line.contains("CloudFront")
                && !line.contains("bucket.example")
                && line.len() < 700,
            "{line}"
        );
    }

    // A client that leaves in the middle.
    let mut stream = gateway.connect().await;
    let request = format!("GET /media/ann/gated/view/1 HTTP/1.1\r\nHost: x\r\n{}\r\n", gateway.cookies("ann"));
    stream.write_all(request.as_bytes()).await.unwrap();
    stream.read_exact(&mut [0; 60_000]).await.unwrap();
    drop(stream);
    gateway.gate.notify_one();
    let cut = loop {
        if let Some(line) = take(&gateway).pop() {
            break line;
        }
        tokio::task::yield_now().await;
    };
    assert!(cut.contains(r#""complete":false"#), "{cut}");
}
