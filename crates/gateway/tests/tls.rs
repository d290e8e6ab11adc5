//! Over real sockets: TLS, asked by rustls' own client.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod support;

use std::io;
use std::sync::Arc;
use std::time::Duration;

use picup_gateway::{Rules, Tls, TlsError, TlsProfile};
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::version::{TLS12, TLS13};
use rustls::{ClientConfig, RootCertStore, SupportedProtocolVersion};
use support::{Answer, TestGateway};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// A certificate for a name, signed by its own key.
struct Made {
    certificate: String,
    der: CertificateDer<'static>,
    key: String,
}

fn made(name: &str) -> Made {
    let made = rcgen::generate_simple_self_signed([name.to_owned()]).unwrap();
    Made { certificate: made.cert.pem(), der: made.cert.der().clone(), key: made.signing_key.serialize_pem() }
}

/// The same, and its end at the beginning of that year.
fn made_until(name: &str, year: i32) -> Made {
    let mut parameters = rcgen::CertificateParams::new([name.to_owned()]).unwrap();
    parameters.not_after = rcgen::date_time_ymd(year, 1, 1);
    let key = rcgen::KeyPair::generate().unwrap();
    let made = parameters.self_signed(&key).unwrap();
    Made { certificate: made.pem(), der: made.der().clone(), key: key.serialize_pem() }
}

impl Made {
    fn tls(&self, profile: TlsProfile) -> Tls {
        Tls::from_pem(self.certificate.as_bytes(), self.key.as_bytes(), profile).unwrap()
    }
}

async fn connect(
    gateway: &TestGateway,
    trusts: &Made,
    version: &'static SupportedProtocolVersion,
    speaks: &[&str],
) -> io::Result<TlsStream<TcpStream>> {
    let mut roots = RootCertStore::empty();
    roots.add(trusts.der.clone()).unwrap();
    let builder = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()));
    let builder = builder.with_protocol_versions(&[version]).unwrap();
    let mut config = builder.with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = speaks.iter().map(|name| name.as_bytes().to_vec()).collect();
    let name = ServerName::try_from("photos.example").unwrap();
    TlsConnector::from(Arc::new(config)).connect(name, gateway.connect().await).await
}

async fn ask(stream: &mut TlsStream<TcpStream>, path: &str) -> Answer {
    let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    Answer::parse(&answer)
}

#[tokio::test]
async fn both_protocols_are_spoken_over_it() {
    let made = made("photos.example");
    let tls = Some(made.tls(TlsProfile::Intermediate));
    let change = |settings: &mut picup_gateway::Settings| settings.hsts = Duration::from_secs(60);
    let gateway = TestGateway::start_behind(Rules::default(), tls, change).await;
    for version in [&TLS12, &TLS13] {
        let mut stream = connect(&gateway, &made, version, &["http/1.1"]).await.unwrap();
        let answer = ask(&mut stream, "/api/x").await;
        assert_eq!(answer.status, 200);
        assert_eq!(answer.header("strict-transport-security"), Some("max-age=60"));
    }
    let stream = connect(&gateway, &made, &TLS13, &["h2", "http/1.1"]).await.unwrap();
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
    let io = hyper_util::rt::TokioIo::new(stream);
    let (mut send, connection) =
        hyper::client::conn::http2::handshake(hyper_util::rt::TokioExecutor::new(), io).await.unwrap();
    tokio::spawn(connection);
    let request = http::Request::get("https://photos.example/live").body(http_body_util::Empty::<bytes::Bytes>::new());
    assert_eq!(send.send_request(request.unwrap()).await.unwrap().status(), 200);
}

#[tokio::test]
async fn a_new_certificate_counts_from_the_next_connection_on() {
    let (old, new) = (made("photos.example"), made("photos.example"));
    let gateway = TestGateway::start_behind(Rules::default(), Some(old.tls(TlsProfile::Modern)), |_| {}).await;
    let mut before = connect(&gateway, &old, &TLS13, &[]).await.unwrap();
    assert!(connect(&gateway, &new, &TLS13, &[]).await.is_err());
    gateway.tls.as_ref().unwrap().send_replace(new.tls(TlsProfile::Modern));
    assert!(connect(&gateway, &old, &TLS13, &[]).await.is_err());
    assert_eq!(ask(&mut connect(&gateway, &new, &TLS13, &[]).await.unwrap(), "/live").await.status, 200);
    assert_eq!(ask(&mut before, "/live").await.status, 200, "what was open goes on");
    assert!(connect(&gateway, &new, &TLS12, &[]).await.is_err(), "modern is 1.3 alone");
}

#[tokio::test]
async fn who_does_not_shake_hands_is_cut_and_harms_nobody() {
    let made = made("photos.example");
    let gateway = TestGateway::start_behind(Rules::default(), Some(made.tls(TlsProfile::Intermediate)), |settings| {
        settings.header_timeout = Duration::from_millis(200);
    })
    .await;
    let hello = b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03";
    for said in [&b"\0GET / HTTP/1.1\r\nHost: x\r\n\r\n"[..], b"", hello, &[0xff; 300]] {
        let mut stream = gateway.connect().await;
        stream.write_all(said).await.unwrap();
        let mut answer = Vec::new();
        let cut = tokio::time::timeout(Duration::from_secs(20), stream.read_to_end(&mut answer)).await;
        assert!(cut.is_ok() && !answer.starts_with(b"HTTP"), "{said:?}");
    }
    assert_eq!(ask(&mut connect(&gateway, &made, &TLS13, &[]).await.unwrap(), "/live").await.status, 200);
    let counted = gateway.metrics();
    for line in [
        "tls_handshakes_total{protocol=\"none\",result=\"failed\"} 2",
        "tls_handshakes_total{protocol=\"none\",result=\"timed_out\"} 2",
        "tls_handshakes_total{protocol=\"TLSv1.3\",result=\"done\"} 1",
        "tls_handshake_duration_seconds_count 1",
    ] {
        assert!(counted.contains(line), "{line}: {counted}");
    }
}

#[tokio::test]
async fn who_comes_without_tls_is_told_where_it_is() {
    let made = made("photos.example");
    let tls = Some(made.tls(TlsProfile::Modern));
    let gateway = TestGateway::start_behind(Rules::default(), tls, |_| {}).await;
    for method in ["GET", "POST"] {
        let answer = gateway.ask(method, "/api/x", "").await;
        assert_eq!(answer.status, 400);
        assert!(answer.text().contains("speaks HTTPS"), "{answer:?}");
    }
    let counted = gateway.metrics();
    assert!(counted.contains("tls_handshakes_total{protocol=\"none\",result=\"plain_http\"} 2"), "{counted}");
}

#[tokio::test]
async fn the_end_of_the_certificate_in_use_is_told() {
    let (old, new) = (made("photos.example"), made_until("photos.example", 2_000));
    let gateway = TestGateway::start_behind(Rules::default(), Some(old.tls(TlsProfile::Modern)), |_| {}).await;
    // rcgen's own far future: 4096-01-01.
    let until = |seconds: i64| format!("tls_certificate_not_after_seconds {seconds}\n");
    assert!(gateway.metrics().contains(&until(67_090_118_400)), "{}", gateway.metrics());
    gateway.tls.as_ref().unwrap().send_replace(new.tls(TlsProfile::Modern));
    assert!(gateway.metrics().contains(&until(946_684_800)), "{}", gateway.metrics());
}

#[tokio::test]
async fn an_authority_that_looks_sees_the_challenge_and_nobody_else_does() {
    let (served, shown) = (made("photos.example"), made("photos.example"));
    let tls = Some(served.tls(TlsProfile::Intermediate));
    let gateway = TestGateway::start_behind(Rules::default(), tls, |_| {}).await;
    assert!(connect(&gateway, &served, &TLS13, &["acme-tls/1"]).await.is_err(), "there is nothing to look at");
    let posted = gateway.challenges.certificate("photos.example", shown.certificate.as_bytes(), shown.key.as_bytes());
    let posted = posted.unwrap();
    for version in [&TLS12, &TLS13] {
        let mut stream = connect(&gateway, &shown, version, &["acme-tls/1"]).await.unwrap();
        assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"acme-tls/1"[..]));
        let mut said = Vec::new();
        stream.read_to_end(&mut said).await.unwrap();
        assert!(said.is_empty(), "and is let go");
    }
    assert!(connect(&gateway, &shown, &TLS13, &["acme-tls/1", "h2"]).await.is_err());
    let mut stream = connect(&gateway, &served, &TLS13, &["http/1.1"]).await.unwrap();
    assert_eq!(ask(&mut stream, "/live").await.status, 200, "everybody else goes on as before");
    drop(posted);
    assert!(connect(&gateway, &shown, &TLS13, &["acme-tls/1"]).await.is_err());
    let counted = gateway.metrics();
    assert!(counted.contains("tls_handshakes_total{protocol=\"none\",result=\"challenge\"} 2"), "{counted}");
}

#[test]
fn what_cannot_be_served_is_told() {
    let (one, other) = (made("a.example"), made("b.example"));
    let tls = |certificate: &str, key: &str| Tls::from_pem(certificate.as_bytes(), key.as_bytes(), TlsProfile::Modern);
    assert!(matches!(tls("", &one.key), Err(TlsError::Certificate)));
    assert!(matches!(tls(&one.key, &one.key), Err(TlsError::Certificate)));
    assert!(matches!(tls(&one.certificate, &one.certificate), Err(TlsError::Key)));
    let unfit = tls(&one.certificate, &other.key).unwrap_err();
    assert!(matches!(unfit, TlsError::Unfit(_)) && !unfit.to_string().contains("BEGIN"), "{unfit}");
}
