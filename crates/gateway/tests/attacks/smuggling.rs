//! Whether a request, or an answer, can hide another one.

use super::frames::{DATA, END_HEADERS, END_STREAM, HEADERS, Http2, frame, request};
use super::stage;
use super::support::Answer;
use super::upstream::Seen;

const HIDDEN: &str = "GET /api/hidden HTTP/1.1\r\nHost: x\r\n\r\n";

/// Nothing hidden was seen, nothing that is no request, and at most that many.
fn one_at_most(seen: &Seen, what: &str) {
    assert!(seen.flaws.is_empty(), "{what}: {:?}", seen.flaws);
    let hidden = seen.requests.iter().any(|request| request.target.contains("hidden") || request.method.contains(' '));
    assert!(!hidden && seen.requests.len() <= 1, "{what}: {:?}", seen.requests);
}

#[tokio::test]
async fn a_request_of_two_readings_hides_no_other() {
    let (gateway, upstream) = stage().await;
    let cases = [
        ("Content-Length: 39\r\nContent-Length: 0\r\n", ""),
        ("Content-Length: 0\r\nContent-Length: 39\r\n", ""),
        ("Content-Length: 0, 39\r\n", ""),
        ("Content-Length: 39, 39\r\n", ""),
        ("Content-Length: +0\r\n", ""),
        ("Content-Length: 0x0\r\n", ""),
        ("Content-Length: 0 0\r\n", ""),
        ("Content-Length: -1\r\n", ""),
        ("Content-Length: 18446744073709551616\r\n", ""),
        ("Content-Length : 0\r\n", ""),
        ("Content\u{0}-Length: 0\r\n", ""),
        ("Content-Length:\r\n 0\r\n", ""),
        ("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"),
        ("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n", "0\r\n\r\n"),
        ("Transfer-Encoding: chunked, identity\r\n", "0\r\n\r\n"),
        ("Transfer-Encoding: identity, chunked\r\n", "0\r\n\r\n"),
        ("Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n", "0\r\n\r\n"),
        ("Transfer-Encoding: identity\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"),
        ("Transfer-Encoding: gzip, chunked\r\n", "0\r\n\r\n"),
        ("Transfer-Encoding: xchunked\r\n", "0\r\n\r\n"),
        ("Transfer-Encoding: \u{b}chunked\r\n", "0\r\n\r\n"),
        ("Transfer-Encoding: \"chunked\"\r\n", "0\r\n\r\n"),
        ("Transfer-Encoding : chunked\r\n", "0\r\n\r\n"),
        ("X: y\r\n Transfer-Encoding: chunked\r\n", "0\r\n\r\n"),
        ("X: y\rTransfer-Encoding: chunked\r\n", "0\r\n\r\n"),
        ("X: y\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"),
        ("Transfer-Encoding: chunked\r\n", "0 \r\n\r\n"),
        ("Transfer-Encoding: chunked\r\n", "0\n\n"),
        ("Transfer-Encoding: chunked\r\n", "-1\r\n\r\n"),
        ("Transfer-Encoding: chunked\r\n", "0x0\r\n\r\n"),
        ("Transfer-Encoding: chunked\r\n", "10000000000000000\r\n\r\n"),
        ("Transfer-Encoding: chunked\r\n", "1\r\nxy\r\n0\r\n\r\n"),
        ("Transfer-Encoding: chunked\r\n", "1;a=\nb\r\nx\r\n0\r\n\r\n"),
        ("Transfer-Encoding: chunked\r\n", "0\r\nContent-Length: 39\r\nHost: y\r\n\r\n"),
        ("Connection: content-length\r\nContent-Length: 0\r\n", ""),
        ("Connection: close, transfer-encoding\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"),
    ];
    for version in ["1.1", "1.0"] {
        for (headers, body) in cases {
            // Not one after the other, but one that hides: what comes after is never asked for.
            let sent = format!("POST /api/x HTTP/{version}\r\nHost: x\r\n{headers}\r\n{body}{HIDDEN}");
            let said = String::from_utf8_lossy(&gateway.raw(&sent).await).into_owned();
            let what = format!("{version} {headers:?} {body:?}");
            let seen = upstream.take();
            // A length that is right lets the next one be a request of its own.
            let honest = said.matches("HTTP/1.").count() == 2 && headers.ends_with("Content-Length: 0\r\n");
            assert!(!said.contains("hidden") || honest, "{what}: {said}");
            if !honest {
                one_at_most(&seen, &what);
            }
            assert!(seen.requests.iter().all(|request| request.header("host") == Some("x")), "{what}: {seen:?}");
        }
    }
}

#[tokio::test]
async fn what_follows_a_head_is_its_body_or_nothing() {
    let (gateway, upstream) = stage().await;
    let length = format!("Content-Length: {}\r\n", HIDDEN.len());
    for (method, headers) in [
        ("POST", "Connection: Upgrade\r\nUpgrade: websocket\r\n"),
        ("GET", "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n"),
        ("GET", ""),
        ("HEAD", ""),
        ("DELETE", ""),
        ("BREW", ""),
        ("PUT", "Expect: 100-continue\r\n"),
        ("POST", "Expect: 100-continue\r\nExpect: x\r\n"),
    ] {
        let sent = format!("{method} /api/x HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{headers}{length}\r\n{HIDDEN}");
        gateway.raw(&sent).await;
        let seen = upstream.take();
        one_at_most(&seen, headers);
        let [request] = &seen.requests[..] else { panic!("{method} {headers}: {seen:?}") };
        assert_eq!((request.method.as_str(), request.body.as_slice()), (method, HIDDEN.as_bytes()), "{headers}");
    }
}

#[tokio::test]
async fn whoever_says_no_host_or_two_is_refused() {
    let (gateway, upstream) = stage().await;
    for hosts in ["", "Host: x\r\nHost: x\r\n", "Host: x\r\nhost: y\r\n"] {
        let said = gateway.raw(format!("GET /api/x HTTP/1.1\r\n{hosts}Connection: close\r\n\r\n")).await;
        let answer = Answer::parse(&said);
        assert_eq!(answer.status, 400, "{hosts:?}");
        assert!(answer.text().contains("urn:picup:host"), "{}", answer.text());
    }
    assert!(upstream.take().requests.is_empty());
    // HTTP/1.0 knows none; what is sent on says that there is none.
    let old = Answer::parse(&gateway.raw("GET /api/x HTTP/1.0\r\n\r\n").await);
    assert_eq!(old.status, 200);
    let whole =
        Answer::parse(&gateway.raw("GET http://y/api/x HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await);
    assert_eq!(whole.text(), "GET /api/x");
    let seen = upstream.take();
    let hosts: Vec<_> = seen.requests.iter().map(|request| request.header("host").unwrap()).collect();
    assert_eq!((hosts, seen.flaws), (vec!["", "y"], vec![]));
}

#[tokio::test]
async fn what_http_2_says_is_one_request_to_a_process_of_http_1() {
    let (gateway, upstream) = stage().await;
    let body = format!("0\r\n\r\n{HIDDEN}");
    let long = format!("/api/x HTTP/1.1\r\nHost: x\r\n\r\n{HIDDEN}");
    let line = format!("x\r\n\r\n{HIDDEN}");
    let blocks = [
        request("POST", "/api/x", &[("transfer-encoding", "chunked")]),
        request("POST", "/api/x", &[("content-length", "0")]),
        request("POST", "/api/x", &[("content-length", "4")]),
        request("POST", "/api/x", &[("content-length", "4000")]),
        request("POST", "/api/x", &[("content-length", "+5")]),
        request("POST", "/api/x", &[("content-length", "5"), ("content-length", "44")]),
        request("POST", "/api/x", &[("connection", "content-length"), ("content-length", "44")]),
        request("POST", "/api/x", &[("keep-alive", "1"), ("proxy-connection", "close"), ("upgrade", "h2c")]),
        request("POST", "/api/x", &[("te", "chunked")]),
        request("POST", "/api/x", &[("host", "hidden")]),
        request("POST", "/api/x", &[("host", "x"), ("host", "x")]),
        request("POST", "/api/x", &[("cookie", "a=1"), ("cookie", "b=2")]),
        request("POST", "/api/x", &[("x-forwarded-for", "203.0.113.9"), ("x-request-id", "mine")]),
        request("POST", &long, &[]),
        request("POST", "/api/x y", &[]),
        request("POST", "http://x/api/hidden", &[]),
        request("POST", "", &[]),
        request("GET /api/hidden HTTP/1.1\r\nX:", "/api/x", &[]),
        request("GET /api/hidden", "/api/x", &[]),
        request("", "/api/x", &[]),
        request("CONNECT", "/api/x", &[]),
        request("POST", "/api/x", &[("x", &line)]),
        request("POST", "/api/x", &[("x", "a\nTransfer-Encoding: chunked")]),
        request("POST", "/api/x", &[("x", "a\0b")]),
        request("POST", "/api/x", &[("x\r\ntransfer-encoding", "chunked")]),
        request("POST", "/api/x", &[("x: y\r\nz", "z")]),
        request("POST", "/api/x", &[("transfer-encoding ", "chunked")]),
        request("POST", "/api/x", &[("X-Upper", "x")]),
        request("POST", "/api/x", &[("", "x")]),
        request("POST", "/api/x", &[(":path", "/api/hidden")]),
        request("POST", "/api/x", &[(":authority", "x\r\nTransfer-Encoding: chunked")]),
        request("POST", "/api/x", &[(":unknown", "x")]),
    ];
    for block in &blocks {
        let mut client = Http2::begin(gateway.connect().await).await;
        let mut sent = frame(HEADERS, END_HEADERS, 1, block);
        sent.extend(frame(DATA, END_STREAM, 1, body.as_bytes()));
        client.send(&sent).await;
        client.until_answered(1).await;
        drop(client);
        let seen = upstream.take();
        one_at_most(&seen, &String::from_utf8_lossy(block));
        for request in &seen.requests {
            let all = (request.header("host"), request.header("x-forwarded-for"), request.target.as_str());
            assert_eq!(all, (Some("x"), Some("127.0.0.1"), "/api/x"), "{request:?}");
            let cookie = request.header("cookie");
            assert!(
                cookie.is_none_or(|cookie| cookie == "a=1; b=2"),
                "as one line where HTTP/1.1 has one: {request:?}"
            );
        }
    }
}

#[tokio::test]
async fn an_answer_for_nobody_reaches_nobody() {
    let (gateway, upstream) = stage().await;
    for path in ["/api/answers-twice", "/api/two-lengths", "/api/both-framings", "/api/switches", "/api/no-http"] {
        for method in ["GET", "HEAD", "POST"] {
            let lied = gateway.raw(format!("{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")).await;
            let lied = String::from_utf8_lossy(&lied).into_owned();
            assert!(lied.matches("HTTP/1.1").count() <= 1, "{method} {path}: {lied}");
            assert!(!lied.contains("for nobody") && !lied.contains("HTTP/1.1 101"), "{method} {path}: {lied}");
            // Whoever asks next gets what was asked for, over whichever connection.
            for next in 0..3 {
                let target = format!("/api/next/{next}");
                let answer = gateway.ask("GET", &target, "").await;
                assert_eq!((answer.status, answer.text()), (200, format!("GET {target}").as_str()), "{method} {path}");
            }
        }
    }
    assert!(upstream.take().flaws.is_empty());
}
