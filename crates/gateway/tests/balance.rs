//! Several processes behind the gateway: who is asked, what is said to them, and what happens when one of them goes.

#![allow(clippy::unwrap_used, reason = "a test stops where something it counts on fails")]

mod support;

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use http::{HeaderMap, Request, Response, StatusCode};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt as _, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use picup_gateway::{BalanceSettings, Balancer, Policy, Upstream};
use prometheus_client::registry::Registry;
use support::TestGateway;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::sync::Notify;
use tokio::task::{JoinHandle, JoinSet};

type Answer = Response<BoxBody<Bytes, std::io::Error>>;

/// A process that answers with its name, and can be killed.
struct Process {
    name: &'static str,
    address: SocketAddr,
    seen: Arc<Seen>,
    serving: JoinHandle<()>,
}

#[derive(Default)]
struct Seen {
    requests: AtomicUsize,
    bodies: AtomicUsize,
    headers: Mutex<HeaderMap>,
    not_ready: AtomicBool,
    lacks_files: AtomicBool,
    gate: Notify,
}

impl Process {
    async fn start(name: &'static str) -> Self {
        Self::start_at(name, ([127, 0, 0, 1], 0).into()).await
    }

    async fn start_at(name: &'static str, address: SocketAddr) -> Self {
        let listener = TcpListener::bind(address).await.unwrap();
        let (address, seen) = (listener.local_addr().unwrap(), Arc::<Seen>::default());
        let of = seen.clone();
        let serving = tokio::spawn(async move {
            // Dropped with this task: they end as those of a killed process do.
            let mut connections = JoinSet::new();
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let seen = of.clone();
                let service = service_fn(move |request| answer(name, seen.clone(), request));
                connections.spawn(async move {
                    let _ = hyper::server::conn::http1::Builder::new()
                        .serve_connection(TokioIo::new(stream), service)
                        .await;
                });
            }
        });
        Self { name, address, seen, serving }
    }

    fn upstream(&self) -> Upstream {
        Upstream { address: self.address.to_string(), weight: 1, drains: false }
    }

    fn requests(&self) -> usize {
        self.seen.requests.load(Ordering::SeqCst)
    }

    async fn kill(&mut self) {
        self.serving.abort();
        let _ = (&mut self.serving).await;
    }
}

async fn answer(name: &'static str, seen: Arc<Seen>, request: Request<Incoming>) -> Result<Answer, std::io::Error> {
    let full = |text: String| Full::new(Bytes::from(text)).map_err(|never| match never {}).boxed();
    if request.uri().path() == "/ready" {
        let status = if seen.not_ready.load(Ordering::SeqCst) { 503 } else { 200 };
        return Ok(Response::builder().status(status).body(full(String::new())).unwrap());
    }
    seen.requests.fetch_add(1, Ordering::SeqCst);
    *seen.headers.lock().unwrap() = request.headers().clone();
    let path = request.uri().path().to_owned();
    if path == "/api/breaks" {
        // It has heard the request, and is gone.
        return Err(std::io::Error::other("gone"));
    }
    if path.starts_with("/assets/") && seen.lacks_files.load(Ordering::SeqCst) {
        return Ok(Response::builder().status(404).body(full(String::new())).unwrap());
    }
    if path == "/api/events" {
        let frames = stream::iter([Ok(Frame::data(Bytes::from_static(b"data: 1\n\n")))]).chain(stream::pending());
        let response = Response::builder().header("content-type", "text/event-stream");
        return Ok(response.body(BoxBody::new(StreamBody::new(frames))).unwrap());
    }
    if path == "/api/waits" {
        seen.gate.notified().await;
    }
    if path == "/api/half" {
        let frames = stream::unfold(0, |step| async move {
            match step {
                0 => Some((Ok(Frame::data(Bytes::from_static(b"half"))), 1)),
                _ => {
                    // The first half is on its way.
                    tokio::time::sleep(Duration::from_millis(20)).await;
                    Some((Err(std::io::Error::other("gone")), 2))
                }
            }
        });
        let response = Response::builder().header("content-length", "8");
        return Ok(response.body(BoxBody::new(StreamBody::new(Box::pin(frames)))).unwrap());
    }
    let body = request.into_body().collect().await.map_err(std::io::Error::other)?.to_bytes();
    seen.bodies.fetch_add(body.len(), Ordering::SeqCst);
    let response = Response::builder()
        .header("x-request-id", format!("id-of-{name}"))
        .header("connection", "x-hop, keep-alive")
        .header("x-hop", "of this connection")
        .header("x-kept", "of the answer");
    Ok(response.body(full(format!("{name} {path}"))).unwrap())
}

fn balancer(processes: &[&Process], change: impl FnOnce(&mut BalanceSettings)) -> Balancer {
    let mut settings = BalanceSettings { check_every: Duration::from_millis(20), ..BalanceSettings::default() };
    change(&mut settings);
    let balancer = Balancer::new(settings, &mut Registry::default());
    balancer.set(&processes.iter().map(|process| process.upstream()).collect::<Vec<_>>());
    balancer
}

async fn ready(balancer: &Balancer, expected: &[bool]) {
    let is = || balancer.states().iter().map(|state| state.ready).collect::<Vec<_>>() == expected;
    while !is() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn each_is_asked_in_turn_and_as_often_as_its_weight_says() {
    let (a, b) = (Process::start("a").await, Process::start("b").await);
    let balancer = balancer(&[&a, &b], |_| {});
    balancer.set(&[Upstream { weight: 3, ..a.upstream() }, b.upstream()]);
    let gateway = TestGateway::start_before(&balancer).await;
    for _ in 0..40 {
        assert_eq!(gateway.ask("GET", "/api/x", "").await.status, 200);
    }
    assert_eq!((a.requests(), b.requests()), (30, 10));
    // And the page, and media; but not what never changes, which is here.
    for path in ["/", "/albums/1", "/media/ann/a1/view/preview.1.webp"] {
        let said = gateway.ask("GET", path, "").await;
        assert!(String::from_utf8_lossy(&said.body).ends_with(path), "{path}: {:?}", said.body);
    }
    let asset = gateway.ask("GET", "/assets/app-1a2b.js", "").await;
    assert!(asset.status == 200 && asset.header("cache-control").unwrap().contains("immutable"), "{asset:?}");
    assert!(
        String::from_utf8_lossy(&gateway.ask("GET", "/assets/of-another-build.js", "").await.body)
            .contains("of-another")
    );
}

#[tokio::test]
async fn the_gateway_alone_says_who_asks_and_nothing_of_a_connection_passes() {
    let a = Process::start("a").await;
    let gateway = TestGateway::start_before(&balancer(&[&a], |_| {})).await;
    let forged = "X-Forwarded-For: 203.0.113.9\r\nX-Real-IP: 203.0.113.9\r\nForwarded: for=203.0.113.9\r\n\
                  X-Forwarded-Host: evil.example\r\nX-Request-Id: forged\r\nTE: trailers\r\nProxy-Authorization: Basic eA==\r\n\
                  Connection: x-named, cookie, host, x-request-id\r\nX-Named: 1\r\nCookie: session=1\r\nUpgrade: websocket\r\n";
    let answer = gateway.ask("GET", "/api/x?a=b", forged).await;
    assert_eq!(answer.status, 200);
    let seen = a.seen.headers.lock().unwrap().clone();
    let all: Vec<_> = seen.iter().map(|(name, value)| format!("{name}: {}", value.to_str().unwrap())).collect();
    assert_eq!(seen["x-forwarded-for"], "127.0.0.1", "{all:?}");
    assert_eq!((&seen["host"], &seen["cookie"]), (&"x".parse().unwrap(), &"session=1".parse().unwrap()));
    assert_eq!(seen["x-request-id"], "r-1");
    assert_eq!(seen.len(), 4, "{all:?}");
    assert_eq!(answer.header("x-kept"), Some("of the answer"));
    assert_eq!(answer.header("x-hop"), None);
    assert_eq!(answer.header("x-request-id"), Some("id-of-a"), "as in the log of whoever answered");
}

#[tokio::test]
async fn when_one_dies_nothing_fails_that_may_be_asked_again_and_nothing_is_done_twice() {
    let (mut a, b) = (Process::start("a").await, Process::start("b").await);
    let balancer = balancer(&[&a, &b], |_| {});
    let gateway = TestGateway::start_before(&balancer).await;
    // It has heard it and may have done it: only what changes nothing is asked of the other.
    let changes = gateway.ask("POST", "/api/breaks", "Content-Length: 0\r\n").await;
    assert_eq!((changes.status, a.requests() + b.requests()), (502, 1));
    let looks = gateway.ask("GET", "/api/breaks", "").await;
    assert_eq!((looks.status, a.requests(), b.requests()), (502, 2, 1), "once more, and no oftener");
    // Nothing was sent where nobody listens: the other is asked, whatever it is.
    a.kill().await;
    for _ in 0..6 {
        let body = "Content-Length: 4\r\n\r\nbody";
        let request = format!("POST /api/x HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{body}");
        let answer = String::from_utf8(gateway.raw(request).await).unwrap();
        assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("b /api/x"), "{answer}");
    }
    assert_eq!(b.seen.bodies.load(Ordering::SeqCst), 6 * 4);
    let states = balancer.states();
    assert!(!states[0].ready && states[1].ready, "three failures in a row: {states:?}");
}

#[tokio::test]
async fn a_connection_that_was_closed_meanwhile_costs_nothing() {
    let mut a = Process::start("a").await;
    let gateway = TestGateway::start_before(&balancer(&[&a], |_| {})).await;
    for _ in 0..3 {
        assert_eq!(gateway.ask("POST", "/api/x", "Content-Length: 0\r\n").await.status, 200);
        a.kill().await;
        a = Process::start_at("a", a.address).await;
    }
    assert_eq!(a.name, "a");
}

#[tokio::test]
async fn one_that_is_not_ready_or_drains_gets_nothing_new_and_ends_what_it_has() {
    let (a, b) = (Process::start("a").await, Process::start("b").await);
    let balancer = balancer(&[&a, &b], |_| {});
    let gateway = Arc::new(TestGateway::start_before(&balancer).await);
    let checks = tokio::spawn({
        let balancer = balancer.clone();
        async move { balancer.check().await }
    });
    a.seen.not_ready.store(true, Ordering::SeqCst);
    ready(&balancer, &[false, true]).await;
    for _ in 0..10 {
        assert_eq!(gateway.ask("GET", "/api/x", "").await.status, 200);
    }
    assert_eq!((a.requests(), b.requests()), (0, 10));
    // Where none is ready, what is known may be old.
    b.seen.not_ready.store(true, Ordering::SeqCst);
    ready(&balancer, &[false, false]).await;
    assert_eq!(gateway.ask("GET", "/api/x", "").await.status, 200);
    a.seen.not_ready.store(false, Ordering::SeqCst);
    ready(&balancer, &[true, false]).await;

    let waits = tokio::spawn({
        let gateway = gateway.clone();
        async move { gateway.ask("GET", "/api/waits", "").await.status }
    });
    while balancer.states()[0].active == 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    b.seen.not_ready.store(false, Ordering::SeqCst);
    ready(&balancer, &[true, true]).await;
    let before = a.requests();
    balancer.set(&[Upstream { drains: true, ..a.upstream() }, b.upstream()]);
    for _ in 0..10 {
        assert_eq!(gateway.ask("GET", "/api/x", "").await.status, 200);
    }
    assert_eq!((a.requests(), balancer.states()[0].active), (before, 1));
    a.seen.gate.notify_one();
    assert_eq!(waits.await.unwrap(), 200);
    balancer.set(&[b.upstream()]);
    assert_eq!(balancer.states().len(), 1);
    checks.abort();
}

#[tokio::test]
async fn one_that_takes_too_long_or_stops_amid_an_answer_is_told_of() {
    let a = Process::start("a").await;
    let short = balancer(&[&a], |settings| settings.answer_timeout = Duration::from_millis(100));
    let gateway = TestGateway::start_before(&short).await;
    let late = gateway.ask("GET", "/api/waits", "").await;
    assert_eq!(late.status, 504);
    assert!(String::from_utf8_lossy(&late.body).contains("\"request_id\":\"r-1\""));
    let half = gateway.raw("GET /api/half HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await;
    assert!(String::from_utf8_lossy(&half).ends_with("half"), "and then it ends: a client sees that it is not whole");
    let nobody = balancer(&[], |_| {});
    let gateway = TestGateway::start_before(&nobody).await;
    assert_eq!(gateway.ask("GET", "/api/x", "").await.status, 502);
}

#[tokio::test]
async fn uploads_and_downloads_stream_and_clients_stay_where_they_were() {
    let (a, b) = (Process::start("a").await, Process::start("b").await);
    let gateway =
        TestGateway::start_before(&balancer(&[&a, &b], |settings| settings.policy = Policy::ClientAddress)).await;
    let body = vec![7; 10 << 20];
    let head = format!("PUT /api/x HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {}\r\n\r\n", body.len());
    let answer = gateway.raw([head.as_bytes(), &body].concat()).await;
    assert!(answer.starts_with(b"HTTP/1.1 200"));
    assert_eq!(a.seen.bodies.load(Ordering::SeqCst) + b.seen.bodies.load(Ordering::SeqCst), 10 << 20);
    for _ in 0..5 {
        assert_eq!(gateway.ask("GET", "/api/x", "").await.status, StatusCode::OK.as_u16());
    }
    assert_eq!(a.requests().min(b.requests()), 0, "one client, one process");
}

#[tokio::test]
async fn an_upload_may_take_long_while_it_goes_on_and_a_client_that_leaves_says_nothing_of_a_process() {
    let a = Process::start("a").await;
    let short = balancer(&[&a], |settings| settings.answer_timeout = Duration::from_millis(300));
    let gateway = TestGateway::start_before(&short).await;
    let mut stream = gateway.connect().await;
    stream
        .write_all(b"PUT /api/x HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 10\r\n\r\n")
        .await
        .unwrap();
    for _ in 0..10 {
        tokio::time::sleep(Duration::from_millis(100)).await;
        stream.write_all(b"x").await.unwrap();
    }
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    assert!(answer.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&answer));
    for _ in 0..5 {
        let mut stream = gateway.connect().await;
        stream.write_all(b"POST /api/x HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nhalf").await.unwrap();
        while short.states()[0].active == 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        drop(stream);
        while short.states()[0].active > 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
    assert!(short.states()[0].ready);
}

#[tokio::test]
async fn a_gateway_that_leaves_says_so_and_ends_streams() {
    let a = Process::start("a").await;
    let balancer = balancer(&[&a], |_| {});
    let mut gateway = TestGateway::start_before(&balancer).await;
    assert_eq!((gateway.ask("GET", "/ready", "").await.status, a.requests()), (200, 0));
    let mut listening = gateway.connect().await;
    listening.write_all(b"GET /api/events HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await.unwrap();
    let mut heard = vec![0; 1];
    listening.read_exact(&mut heard).await.unwrap();
    balancer.leave();
    assert_eq!(gateway.ask("GET", "/ready", "").await.status, 503);
    assert_eq!(gateway.ask("GET", "/live", "").await.status, 200);
    assert_eq!(gateway.ask("GET", "/api/x", "").await.status, 200, "it goes on meanwhile");
    balancer.end_streams();
    listening.read_to_end(&mut heard).await.unwrap();
    assert!(heard.ends_with(b"0\r\n\r\n"), "a whole answer: {}", String::from_utf8_lossy(&heard));
    gateway.shut_down();
    assert_eq!(gateway.drained().await.cut, 0);
}

#[tokio::test]
async fn a_file_of_another_build_is_found_where_that_build_is() {
    let (a, b) = (Process::start("a").await, Process::start("b").await);
    let gateway = TestGateway::start_before(&balancer(&[&a, &b], |_| {})).await;
    a.seen.lacks_files.store(true, Ordering::SeqCst);
    for _ in 0..4 {
        let found = gateway.ask("GET", "/assets/of-b.js", "").await;
        assert_eq!((found.status, found.text()), (200, "b /assets/of-b.js"));
    }
}
