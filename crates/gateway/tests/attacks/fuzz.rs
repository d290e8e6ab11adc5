//! Bytes that are nearly requests of HTTP/1, thousands of them: whatever a gateway makes of them, what the process behind it sees was
//! a request that the gateway took for one and logged, once, and every answer is one.

use std::collections::HashMap;
use std::sync::Mutex;
use std::time::Duration;

use futures_util::future::join_all;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use super::support::TestGateway;
use super::upstream::Upstream;

/// Whoever waits longer has been forgotten.
const LONG: Duration = Duration::from_secs(20);
/// Connections at once in one case.
const BATCH: usize = 100;
const CASES: u32 = 40;

fn picked(texts: &'static [&'static str]) -> impl Strategy<Value = String> {
    prop::sample::select(texts).prop_map(str::to_owned)
}

/// Mostly what is right.
fn mostly(right: &'static str, else_: impl Strategy<Value = String> + 'static) -> impl Strategy<Value = String> {
    prop_oneof![6 => Just(right.to_owned()), 1 => else_]
}

fn end() -> impl Strategy<Value = String> {
    prop_oneof![40 => Just("\r\n".to_owned()), 1 => picked(&["\n", "\r", "\r\r\n", "\n\r", " \r\n", "\r\n ", ""])]
}

fn first_line() -> impl Strategy<Value = String> {
    let method = prop_oneof![
        8 => picked(&["GET", "POST", "PUT", "HEAD", "DELETE"]),
        1 => picked(&["OPTIONS", "CONNECT", "PRI", "get", "G ET", "", " GET", "BREW"]),
    ];
    let target = prop_oneof![
        6 => "/api/[a-z0-9]{1,8}(\\?[a-z=&%/.]{0,8})?",
        1 => picked(&["/", "*", "http://y/api/z", "//x", "/api/../x", "/api/%zz", "x:1", "", "/api/ x", "/api/\u{e9}", "?"]),
        1 => "[ -~]{0,12}",
    ];
    let version =
        mostly("HTTP/1.1", picked(&["HTTP/1.0", "HTTP/1.0", "HTTP/2.0", "HTTP/1.1 ", "http/1.1", "HTTP/11", ""]));
    (method, target, version).prop_map(|(method, target, version)| format!("{method} {target} {version}"))
}

fn header() -> impl Strategy<Value = String> {
    let length = prop_oneof![
        3 => (0_u32..60).prop_map(|length| length.to_string()),
        1 => picked(&["", "+1", "-1", "0x1", "1, 1", "1 1", "1e1", "99999999999999999999", "\t3"]),
    ];
    let coding = mostly(
        "chunked",
        picked(&[
            "identity",
            "gzip, chunked",
            "chunked, chunked",
            "xchunked",
            "Chunked",
            "chunked;q=1",
            "\tchunked",
            "",
        ]),
    );
    let connection =
        picked(&["close", "keep-alive", "upgrade", "content-length", "host, cookie", "x-request-id", ",,", "close, x"]);
    prop_oneof![
        4 => length.prop_map(|length| format!("Content-Length: {length}")),
        3 => coding.prop_map(|coding| format!("Transfer-Encoding: {coding}")),
        2 => connection.prop_map(|named| format!("Connection: {named}")),
        1 => picked(&["Upgrade: h2c", "Expect: 100-continue", "Cookie: a=b", "X-Forwarded-For: 1.2.3.4", "Host: y", "TE: trailers"]),
        1 => picked(&["X-Request-Id: forged", "Content-Length : 3", " Folded: x", "NoColon", ": none", "X: \u{e9}", "X: a\0b"]),
        2 => "[A-Za-z-]{1,8}:[ -~]{0,12}",
    ]
}

fn body() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        3 => Just(Vec::new()),
        2 => prop::collection::vec(any::<u8>(), 0..60),
        2 => "[a-z]{1,20}".prop_map(|text| format!("{:x}\r\n{text}\r\n0\r\n\r\n", text.len()).into_bytes()),
        1 => picked(&["0\r\n\r\n", "0\r\nX: y\r\n\r\n", "1;a=b\r\nx\r\n0\r\n\r\n", "0 \r\n\r\n", "0\n\n", "g\r\n", "1\r\nxy\r\n0\r\n\r\n"])
            .prop_map(String::into_bytes),
    ]
}

fn one() -> impl Strategy<Value = Vec<u8>> {
    let host = mostly("Host: x", picked(&["Host:", "Host: x\r\nHost: x", "X: no-host"]));
    let headers = prop::collection::vec((header(), end()), 0..4);
    (first_line(), end(), host, end(), headers, end(), body()).prop_map(
        |(line, one, host, two, headers, three, body)| {
            let headers: String = headers.into_iter().flat_map(|(header, end)| [header, end]).collect();
            [format!("{line}{one}{host}{two}{headers}{three}").into_bytes(), body].concat()
        },
    )
}

/// What one client sends: some after each other, and now and then a byte of it another one.
fn said() -> impl Strategy<Value = Vec<u8>> {
    let flips = prop_oneof![3 => Just(Vec::new()), 1 => prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..3)];
    (prop::collection::vec(one(), 1..4), flips).prop_map(|(all, flips)| {
        let mut bytes = all.concat();
        for (at, byte) in flips {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        bytes
    })
}

/// What the gateway logged of a request: its method and path.
type Logged = HashMap<String, (String, String)>;

struct Stage {
    gateway: TestGateway,
    upstream: Upstream,
    /// By the request's id.
    logged: Mutex<Logged>,
    seen: Mutex<HashMap<String, String>>,
}

impl Stage {
    async fn holds(&self, batch: &[Vec<u8>]) -> Result<(), TestCaseError> {
        let answers = join_all(batch.iter().map(|bytes| tokio::time::timeout(LONG, self.gateway.raw(bytes)))).await;
        for (sent, answer) in batch.iter().zip(answers) {
            let sent = String::from_utf8_lossy(sent);
            let Ok(answer) = answer else { return Err(TestCaseError::fail(format!("never ended: {sent:?}"))) };
            prop_assert!(are_answers(&answer), "{sent:?}\n{:?}", String::from_utf8_lossy(&answer));
        }
        let quiet = async {
            while !self.gateway.metrics().contains("http_server_active_requests 0\n") {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        prop_assert!(tokio::time::timeout(LONG, quiet).await.is_ok(), "something is under way for ever");
        self.compare()
    }

    /// What was seen behind is what was logged.
    fn compare(&self) -> Result<(), TestCaseError> {
        let mut logged = self.logged.lock().unwrap();
        for line in std::mem::take(&mut *self.gateway.lines.lock().unwrap()) {
            let line: serde_json::Value = serde_json::from_str(&line).unwrap();
            let text = |name: &str| line[name].as_str().unwrap().to_owned();
            let twice = logged.insert(text("request_id"), (text("method"), text("path")));
            prop_assert!(twice.is_none(), "logged twice: {line}");
        }
        let (behind, mut seen) = (self.upstream.take(), self.seen.lock().unwrap());
        prop_assert!(behind.flaws.is_empty(), "{:?}", behind.flaws);
        for request in behind.requests {
            let id = request.header("x-request-id").unwrap().to_owned();
            let told = format!("{} {}", request.method, request.target);
            let Some((method, path)) = logged.get(&id) else {
                return Err(TestCaseError::fail(format!("nobody asked for it: {told}")));
            };
            prop_assert!(*method == request.method || method == "_OTHER", "{told}: {method}");
            prop_assert_eq!(path, request.target.split('?').next().unwrap());
            let twice = seen.insert(id, told);
            prop_assert!(twice.is_none(), "sent twice: {twice:?}");
        }
        Ok(())
    }
}

/// Whether these bytes are answers one after the other, each as long as it says. One to HEAD says a length and has none.
fn are_answers(mut bytes: &[u8]) -> bool {
    while !bytes.is_empty() {
        let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") else { return false };
        let Ok(head) = std::str::from_utf8(&bytes[..end]) else { return false };
        bytes = &bytes[end + 4..];
        let mut lines = head.split("\r\n");
        let first = lines.next().unwrap_or_default();
        if !first.starts_with("HTTP/1.") || first.len() < 12 || head.replace("\r\n", "").contains(['\r', '\n']) {
            return false;
        }
        let headers: Vec<_> = lines.filter_map(|line| line.split_once(": ")).collect();
        let of =
            |wanted: &str| headers.iter().filter(|(name, _)| name.eq_ignore_ascii_case(wanted)).collect::<Vec<_>>();
        let lengths = of("content-length");
        if !of("transfer-encoding").is_empty() || lengths.len() > 1 {
            return false;
        }
        let length = lengths.first().map_or(Some(0), |(_, length)| length.parse().ok());
        let Some(length) = length else { return false };
        if !(bytes.is_empty() || bytes.starts_with(b"HTTP/1.")) {
            let Some(rest) = bytes.get(length..) else { return false };
            bytes = rest;
        }
    }
    true
}

#[test]
fn what_is_seen_behind_was_asked_for_whatever_is_sent() {
    // The log is written for whoever wants it.
    let wanted = tracing_subscriber::fmt().with_env_filter("access=info").finish();
    tracing::subscriber::set_global_default(wanted).unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let stage = runtime.block_on(async {
        let upstream = Upstream::start().await;
        let gateway = TestGateway::start_before_with(&upstream.balancer(), |settings| {
            settings.header_timeout = Duration::from_millis(150);
            settings.body_timeout = Duration::from_millis(150);
            settings.max_connections_per_address = 10 * BATCH;
        })
        .await;
        Stage { gateway, upstream, logged: Mutex::default(), seen: Mutex::default() }
    });
    let mut runner = TestRunner::new(Config { cases: CASES, failure_persistence: None, ..Config::default() });
    let batch = prop::collection::vec(said(), 1..=BATCH);
    let outcome = runner.run(&batch, |batch| runtime.block_on(stage.holds(&batch)));
    outcome.unwrap_or_else(|error| panic!("{error}"));
    let (logged, seen) = (stage.logged.lock().unwrap().len(), stage.seen.lock().unwrap().len());
    assert!(logged > 500 && seen > 300 && seen < logged, "the bytes are no requests: {seen} of {logged}");
}
