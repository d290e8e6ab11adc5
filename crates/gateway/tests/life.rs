//! Over real sockets: how connections begin, linger and end.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod support;

use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Empty};
use hyper_util::rt::{TokioExecutor, TokioIo};
use support::{SIZE, TestGateway, VIEW, content};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

const SOON: Duration = Duration::from_millis(100);
const LONG: Duration = Duration::from_secs(20);

async fn closes(stream: &mut TcpStream) -> Vec<u8> {
    let mut answer = Vec::new();
    let read = tokio::time::timeout(LONG, stream.read_to_end(&mut answer)).await.expect("the gateway hangs up");
    let _ = read;
    answer
}

#[tokio::test]
async fn clients_that_do_not_speak_are_cut() {
    let gateway = TestGateway::start_with(|settings| settings.header_timeout = SOON).await;
    for beginning in [
        "",
        "GET /live HT",
        "GET /live HTTP/1.1\r\nHost: x\r\nX: ",
        "PRI * HTTP/2.0\r\n",
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    ] {
        let mut stream = gateway.connect().await;
        stream.write_all(beginning.as_bytes()).await.unwrap();
        let answer = closes(&mut stream).await;
        assert!(!answer.starts_with(b"HTTP/1.1 200"), "{beginning:?}");
    }
    let mut stream = gateway.connect().await;
    stream.write_all(b"GET /live HTTP/1.1\r\nHost: x\r\n\r\nGET /live HTTP/1.1\r\nHo").await.unwrap();
    let answer = closes(&mut stream).await;
    assert!(answer.ends_with(b"alive"), "the second head never came; the first was answered");
    assert_eq!(gateway.ask("GET", "/live", "").await.status, 200);
}

#[tokio::test]
async fn a_body_that_stalls_is_given_up() {
    let gateway = TestGateway::start_with(|settings| settings.body_timeout = SOON).await;
    let mut stream = gateway.connect().await;
    stream.write_all(b"POST /api/upload HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc").await.unwrap();
    let answer = closes(&mut stream).await;
    assert!(answer.starts_with(b"HTTP/1.1 400 "), "{}", String::from_utf8_lossy(&answer));
}

#[tokio::test]
async fn a_body_that_drips_is_given_up() {
    let gateway = TestGateway::start_with(|settings| settings.body_timeout = SOON).await;
    let mut stream = gateway.connect().await;
    stream.write_all(b"POST /api/upload HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n").await.unwrap();
    let (mut reading, mut writing) = stream.split();
    let mut answer = Vec::new();
    // No pause is as long as the time-out, and yet it comes to an end long before the last byte is sent.
    let mut drops = tokio::time::interval(SOON / 10);
    let drip = async {
        for _ in 0..1_000_000 {
            drops.tick().await;
            let _ = writing.write_all(b"x").await;
        }
    };
    tokio::select! {
        read = tokio::time::timeout(LONG, reading.read_to_end(&mut answer)) => drop(read.expect("the gateway hangs up")),
        () = drip => panic!("a million drops were waited for"),
    }
    assert!(answer.starts_with(b"HTTP/1.1 400 "), "{}", String::from_utf8_lossy(&answer));
}

#[tokio::test]
async fn a_client_that_stops_reading_is_cut() {
    let mut gateway = TestGateway::start_with(|settings| {
        settings.write_timeout = SOON;
        settings.drain_timeout = LONG;
    })
    .await;
    let mut stream = gateway.connect().await;
    let request = format!("GET /media/ann/large/view/1 HTTP/1.1\r\nHost: x\r\n{}\r\n", gateway.cookies("ann"));
    stream.write_all(request.as_bytes()).await.unwrap();
    stream.read_exact(&mut [0; 1000]).await.unwrap();
    gateway.shut_down();
    assert_eq!(gateway.drained().await.cut, 0, "it had ended before the drain time was over");
    assert!(closes(&mut stream).await.len() < support::LARGE);
}

#[tokio::test]
async fn draining_lets_a_download_finish() {
    let mut gateway = TestGateway::start().await;
    let (gate, address) = (gateway.gate.clone(), gateway.address);
    let mut idle = gateway.connect().await;
    let mut stream = gateway.connect().await;
    let request = format!("GET /media/ann/gated/view/1 HTTP/1.1\r\nHost: x\r\n{}\r\n", gateway.cookies("ann"));
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = vec![0; 60_000];
    stream.read_exact(&mut answer).await.unwrap();

    gateway.shut_down();
    assert_eq!(closes(&mut idle).await, b"", "an idle connection ends at once");
    assert!(TcpStream::connect(address).await.is_err(), "no new connection is accepted");
    gate.notify_one();
    answer.extend(closes(&mut stream).await);
    assert_eq!(support::Answer::parse(&answer).body, content(0..SIZE));
    assert_eq!(gateway.drained().await.cut, 0);
}

#[tokio::test]
async fn draining_ends_at_its_deadline() {
    let mut gateway = TestGateway::start_with(|settings| settings.drain_timeout = SOON).await;
    let mut stream = gateway.connect().await;
    let request = format!("GET /media/ann/gated/view/1 HTTP/1.1\r\nHost: x\r\n{}\r\n", gateway.cookies("ann"));
    stream.write_all(request.as_bytes()).await.unwrap();
    stream.read_exact(&mut [0; 60_000]).await.unwrap();
    gateway.shut_down();
    closes(&mut stream).await;
    assert_eq!(gateway.drained().await.cut, 1);
}

#[tokio::test]
async fn connections_over_the_limit_wait_for_a_place() {
    let gateway = TestGateway::start_with(|settings| settings.max_connections = 1).await;
    let mut first = gateway.connect().await;
    first.write_all(b"GET /live HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    let mut head = [0; 15];
    first.read_exact(&mut head).await.unwrap();
    let mut second = gateway.connect().await;
    second.write_all(b"GET /live HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await.unwrap();
    assert!(tokio::time::timeout(SOON, second.read_exact(&mut head)).await.is_err(), "it waits");
    assert!(gateway.metrics().contains("http_server_open_connections 1"), "{}", gateway.metrics());
    drop(first);
    assert!(closes(&mut second).await.starts_with(b"HTTP/1.1 200 "));
}

#[tokio::test]
async fn http_2_by_prior_knowledge() {
    let gateway = TestGateway::start().await;
    let io = TokioIo::new(gateway.connect().await);
    let (mut client, connection) =
        hyper::client::conn::http2::handshake::<_, _, Empty<Bytes>>(TokioExecutor::new(), io).await.unwrap();
    let driver = tokio::spawn(connection);
    let cookies = gateway.cookies("ann");
    let mut request = http::Request::get(format!("http://x{VIEW}"));
    // HTTP/2 clients may send each cookie in a header of its own.
    for pair in cookies.trim_end().trim_start_matches("Cookie: ").split("; ") {
        request = request.header("cookie", pair);
    }
    let answer =
        client.send_request(request.header("range", "bytes=5-70000").body(Empty::new()).unwrap()).await.unwrap();
    assert_eq!((answer.status().as_u16(), answer.version()), (206, http::Version::HTTP_2));
    assert_eq!(answer.into_body().collect().await.unwrap().to_bytes(), content(5..70_001));
    for (path, status) in [("/media/ann/%2e%2e/x", 400), ("/media/ann/x", 403), ("/api/panic", 500), ("/live", 200)] {
        let request = http::Request::get(format!("http://x{path}")).body(Empty::new()).unwrap();
        assert_eq!(client.send_request(request).await.unwrap().status(), status, "{path}");
    }
    drop(client);
    driver.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_quiet_http_2_connection_is_closed() {
    let gateway = TestGateway::start_with(|settings| settings.idle_timeout = SOON).await;
    let io = TokioIo::new(gateway.connect().await);
    let (mut client, connection) =
        hyper::client::conn::http2::handshake::<_, _, Empty<Bytes>>(TokioExecutor::new(), io).await.unwrap();
    let driver = tokio::spawn(connection);
    let request = http::Request::get("http://x/live").body(Empty::new()).unwrap();
    let answer = client.send_request(request).await.unwrap();
    assert_eq!(answer.into_body().collect().await.unwrap().to_bytes(), "alive");
    tokio::time::timeout(LONG, driver).await.expect("the gateway says goodbye").unwrap().unwrap();
}
