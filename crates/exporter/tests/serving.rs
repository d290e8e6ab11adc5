//! The exporter as it runs: asked over HTTP, told by syslog, following a file.

#![allow(clippy::unwrap_used, reason = "a test stops where something it counts on fails")]

use std::io::Write as _;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use picup_exporter::{Exporter, Namespace, Parser, Settings, Syslog};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream, UdpSocket, UnixDatagram};

/// An exporter that answers.
struct Running {
    address: SocketAddr,
    syslog: Option<SocketAddr>,
    task: tokio::task::JoinHandle<()>,
}

impl Running {
    async fn start(namespace: Namespace) -> Self {
        let settings =
            Settings { host: String::new(), port: 0, metrics_path: "/custom".to_owned(), namespaces: vec![namespace] };
        let mut exporter = Exporter::new(&settings).unwrap();
        exporter.start(false).await.unwrap();
        let syslog = exporter.syslog().first().copied();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let task = tokio::spawn(async move {
            picup_exporter::serve(listener, Arc::new(exporter), "/custom").await.unwrap();
        });
        Self { address, syslog, task }
    }

    async fn get(&self, path: &str) -> String {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        let request = format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    }

    /// Waits until the metrics have that line.
    async fn until(&self, line: &str) {
        let looking = async {
            while !self.get("/custom").await.lines().any(|it| it == line) {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        let found = tokio::time::timeout(Duration::from_secs(60), looking).await;
        assert!(found.is_ok(), "{line} in:\n{}", self.get("/custom").await);
    }
}

fn by_syslog(listen: String) -> Namespace {
    let syslog = Syslog { listen, tags: vec!["nginx".to_owned(), "other".to_owned()] };
    Namespace { syslog: Some(syslog), ..Namespace::new("nginx", Parser::Text("[$status] $request".to_owned())) }
}

const MESSAGE: &[u8] = b"<190>Oct 11 22:14:15 host nginx: [200] GET";
const COUNTED: &str = r#"nginx_http_response_count_total{method="GET",status="200"} 1"#;

#[tokio::test]
async fn a_log_comes_by_udp() {
    let running = Running::start(by_syslog("udp://127.0.0.1:0".to_owned())).await;
    let address = running.syslog.unwrap();
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    for message in [&b"<190>Oct 11 22:14:15 host apache: [200] GET"[..], b"hello", MESSAGE] {
        socket.send_to(message, address).await.unwrap();
    }
    running.until(COUNTED).await;
    running.until(r#"picup_exporter_syslog_ignored_total{namespace="nginx"} 2"#).await;
}

#[tokio::test]
async fn a_log_comes_by_tcp_with_lengths_and_on_lines() {
    let running = Running::start(by_syslog("tcp://127.0.0.1:0".to_owned())).await;
    let address = running.syslog.unwrap();
    let mut stream = TcpStream::connect(address).await.unwrap();
    let other = "<190>1 2026-10-11T22:14:15Z host other - - - [404] HEAD";
    // In pieces.
    let text = format!("{} {other}{other}\n", other.len());
    let (one, two) = text.split_at(70);
    stream.write_all(one.as_bytes()).await.unwrap();
    running.until(r#"nginx_http_response_count_total{method="HEAD",status="404"} 1"#).await;
    stream.write_all(two.as_bytes()).await.unwrap();
    running.until(r#"nginx_http_response_count_total{method="HEAD",status="404"} 2"#).await;
    // The last one of a connection needs no end.
    stream.write_all(MESSAGE).await.unwrap();
    drop(stream);
    running.until(COUNTED).await;
    // Of what is no message nothing more is read.
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(b"99999999 x").await.unwrap();
    assert_eq!(stream.read(&mut [0; 1]).await.unwrap_or(0), 0);
    running.until(r#"picup_exporter_syslog_ignored_total{namespace="nginx"} 1"#).await;
}

#[tokio::test]
async fn a_log_comes_by_a_unix_socket_whose_name_is_removed_at_the_end() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("syslog.sock");
    // Of a run that was killed.
    drop(std::os::unix::net::UnixDatagram::bind(&path).unwrap());
    let running = Running::start(by_syslog(format!("unix://{}", path.display()))).await;
    UnixDatagram::unbound().unwrap().send_to(MESSAGE, &path).await.unwrap();
    running.until(COUNTED).await;
    running.task.abort();
    let gone = async {
        while Path::new(&path).exists() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), gone).await.unwrap();
}

#[tokio::test]
async fn a_place_where_nothing_can_arrive_is_said() {
    for listen in ["udp://nowhere", "http://127.0.0.1:1", "unix:///nowhere/at/all"] {
        let namespaces = vec![by_syslog(listen.to_owned())];
        let settings = Settings { host: String::new(), port: 0, metrics_path: "/metrics".to_owned(), namespaces };
        let error = Exporter::new(&settings).unwrap().start(false).await.unwrap_err().to_string();
        assert!(error.starts_with(&format!("cannot listen on {listen}: ")), "{error}");
    }
}

#[tokio::test]
async fn it_is_ready_while_most_lines_fit() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("access.log");
    let mut log = std::fs::File::create(&path).unwrap();
    let files = vec![path.display().to_string()];
    let running =
        Running::start(Namespace { files, ..Namespace::new("nginx", Parser::Text("[$status]".to_owned())) }).await;
    running.until(r#"picup_exporter_files{namespace="nginx"} 1"#).await;
    assert!(running.get("/ready").await.starts_with("HTTP/1.1 200"));
    log.write_all(b"a\nb\n").unwrap();
    running.until("nginx_parse_errors_total 2").await;
    let answer = running.get("/ready").await;
    assert!(answer.starts_with("HTTP/1.1 503") && answer.contains("the format of: nginx"), "{answer}");
    log.write_all(b"[200]\n[200]\n").unwrap();
    running.until(r#"picup_exporter_lines_total{namespace="nginx"} 4"#).await;
    assert!(running.get("/ready").await.starts_with("HTTP/1.1 200"));
    assert!(running.get("/live").await.starts_with("HTTP/1.1 200"));
    let answer = running.get("/custom").await;
    assert!(answer.contains("content-type: text/plain; version=0.0.4"), "{answer}");
    assert!(running.get("/metrics").await.starts_with("HTTP/1.1 404"));
}
