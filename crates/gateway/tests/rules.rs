//! Over real sockets: from where requests may come, how often, and who is believed to ask.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod support;

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use picup_gateway::{
    AllowList, Class, ClassLimits, ForwardedHeader, Limit, Limits, Networks, Rules, Settings, TrustedProxies,
};
use support::{Answer, TestGateway, VIEW};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

fn networks(allow: &[&str], deny: &[&str]) -> Networks {
    let read = |texts: &[&str]| texts.iter().map(|text| text.parse().unwrap()).collect();
    Networks { allow: read(allow), deny: read(deny) }
}

fn limited(class: Class, address: Option<Limit>, account: Option<Limit>) -> Rules {
    let limits = Limits { classes: [(class, ClassLimits { address, account })].into(), exempt: Vec::new() };
    Rules { limits, ..Rules::default() }
}

fn per_second(requests: u32, burst: u32, delay: bool) -> Option<Limit> {
    Some(Limit { requests, per: Duration::from_secs(1), burst, delay })
}

fn behind_proxies(settings: &mut Settings, header: ForwardedHeader) {
    settings.proxies = TrustedProxies { networks: networks(&["127.0.0.0/8"], &[]).allow, header };
}

#[tokio::test]
async fn a_class_is_closed_to_networks_and_opened_again_while_serving() {
    let admin = networks(&["192.168.0.0/16"], &[]);
    let allow = AllowList { classes: [(Class::Admin, admin)].into(), ..AllowList::default() };
    let closed = Rules { allow, ..Rules::default() };
    let gateway = TestGateway::start_behind(closed, None, |_| {}).await;
    let answer = gateway.ask("GET", "/api/admin/accounts", "").await;
    assert_eq!(answer.status, 403);
    assert!(answer.text().contains("urn:picup:from-here"), "{}", answer.text());
    assert_eq!(gateway.ask("GET", "/api/albums", "").await.status, 200);
    // No other spelling of it is another class: none of these gets through.
    for spelt in ["/api//admin/accounts", "/api/./admin/accounts", "/api/x/../admin/accounts", "/api%2fadmin/accounts"]
    {
        assert_eq!(gateway.ask("GET", spelt, "").await.status, 400, "{spelt}");
    }
    assert!(gateway.metrics().contains("http_server_not_admitted_total{class=\"admin\"} 1"), "{}", gateway.metrics());

    gateway.rules.send_replace(Arc::default());
    assert_eq!(gateway.ask("GET", "/api/admin/accounts", "").await.status, 200);
    let denied = AllowList { all: networks(&[], &["127.0.0.1"]), ..AllowList::default() };
    gateway.rules.send_replace(Arc::new(Rules { allow: denied, ..Rules::default() }));
    for path in ["/", "/api/albums", "/live", VIEW, "/a//b"] {
        assert_eq!(gateway.fetch(path, "").await.status, 403, "{path}");
    }
    assert_eq!(gateway.opened.load(std::sync::atomic::Ordering::SeqCst), 0);
}

#[tokio::test]
async fn ten_at_once_with_a_burst_of_five() {
    for delay in [false, true] {
        let rules = limited(Class::Api, per_second(2, 5, delay), None);
        let gateway = TestGateway::start_behind(rules, None, |_| {}).await;
        let begun = Instant::now();
        let answers = join_all((0..10).map(|_| gateway.ask("GET", "/api/x", ""))).await;
        let taken = begun.elapsed();
        let of = |status| answers.iter().filter(|answer| answer.status == status).collect::<Vec<_>>();
        assert_eq!((of(200).len(), of(429).len()), (5, 5), "delay: {delay}");
        for refused in of(429) {
            assert_eq!(refused.header("retry-after"), Some("1"));
            assert_eq!(refused.header("ratelimit-policy"), Some("\"api\";q=5;w=3"));
            assert_eq!(refused.header("ratelimit"), Some("\"api\";r=0;t=1"));
            assert!(refused.text().contains("urn:picup:too-many-requests"), "{}", refused.text());
        }
        // The fifth has waited for four times half a second.
        assert!(!delay || taken >= Duration::from_millis(1_900), "{taken:?}");
        assert_eq!(gateway.ask("GET", "/", "").await.status, 200, "another class");
        assert!(gateway.metrics().contains("http_server_limited_total{class=\"api\"} 5"), "{}", gateway.metrics());
    }
}

#[tokio::test]
async fn an_account_is_limited_wherever_it_asks_from() {
    let rules = limited(Class::Api, None, per_second(1, 3, false));
    let change = |settings: &mut Settings| behind_proxies(settings, ForwardedHeader::XForwardedFor);
    let gateway = TestGateway::start_behind(rules, None, change).await;
    let ask = async |account, from| {
        let headers = format!("X-Account: {account}\r\nX-Forwarded-For: 198.51.100.{from}\r\n");
        gateway.ask("GET", "/api/x", &headers).await.status
    };
    let mut seen = Vec::new();
    for (account, from) in [(7, 1), (7, 2), (7, 3), (7, 4), (8, 4)] {
        seen.push(ask(account, from).await);
    }
    assert_eq!(seen, [200, 200, 200, 429, 200]);
    assert_eq!(gateway.ask("GET", "/api/x", "").await.status, 200, "who shows no account");
}

#[tokio::test]
async fn what_a_stranger_says_of_itself_is_not_believed() {
    let said = "X-Forwarded-For: 203.0.113.9\r\nForwarded: for=203.0.113.9\r\nX-Real-IP: 203.0.113.9\r\n";
    let client = |answer: &Answer| answer.text().split(' ').nth(1).unwrap().to_owned();
    let strangers = TestGateway::start().await;
    assert_eq!(client(&strangers.ask("GET", "/api/x", said).await), "127.0.0.1");
    let rules = limited(Class::Api, per_second(1, 1, false), None);
    let change = |settings: &mut Settings| behind_proxies(settings, ForwardedHeader::Forwarded);
    let trusting = TestGateway::start_behind(rules, None, change).await;
    let answer = trusting.ask("GET", "/api/x", "Forwarded: for=203.0.113.1, for=198.51.100.1\r\n").await;
    assert_eq!(client(&answer), "198.51.100.1");
    let other = "Forwarded: for=203.0.113.2, for=198.51.100.1\r\nX-Forwarded-For: 198.51.100.9\r\n";
    assert_eq!(trusting.ask("GET", "/api/x", other).await.status, 429, "the same client, whatever else it wrote");
}

/// A header of the PROXY protocol for 198.51.100.1:4711.
const PROXIED: [u8; 28] = *b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\xc6\x33\x64\x01\x0a\0\0\x01\x12\x67\0\x50";

#[tokio::test]
async fn a_proxy_says_for_whom_it_connects() {
    let request = b"GET /api/x HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    let trusting = TestGateway::start_behind(Rules::default(), None, |settings| {
        behind_proxies(settings, ForwardedHeader::XForwardedFor);
        settings.proxy_protocol = true;
        settings.header_timeout = Duration::from_millis(300);
    })
    .await;
    let answer = Answer::parse(&trusting.raw([&PROXIED[..], request].concat()).await);
    assert!(answer.text().starts_with("/api/x 198.51.100.1 "), "{}", answer.text());
    // A look whether we are there.
    let local = [&PROXIED[..12], b"\x20\0\0\0", request].concat();
    assert!(Answer::parse(&trusting.raw(local).await).text().starts_with("/api/x 127.0.0.1 "));
    for not in [&request[..], &PROXIED[..20], b"PROXY TCP4 198.51.100.1 10.0.0.1 4711 80\r\n"] {
        assert_eq!(trusting.raw(not).await, b"", "{not:?}");
    }
    let strangers = TestGateway::start_behind(Rules::default(), None, |settings| {
        settings.proxies.networks = networks(&["10.0.0.0/8"], &[]).allow;
        settings.proxy_protocol = true;
    })
    .await;
    assert_eq!(strangers.raw([&PROXIED[..], request].concat()).await, b"");
}

#[tokio::test]
async fn who_comes_without_tls_is_sent_on_under_the_same_rules() {
    let gateway = TestGateway::start_with(|settings| settings.header_timeout = Duration::from_millis(300)).await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let redirecting = gateway.redirecting.clone();
    tokio::spawn(async move { redirecting.serve(listener, std::future::pending()).await });
    let ask = async |said: &str| {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(said.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer).await;
        answer
    };
    let request =
        "POST /api/session?a=b HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";
    let answer = Answer::parse(&ask(request).await);
    assert_eq!((answer.status, answer.header("location")), (308, Some("https://photos.example/api/session?a=b")));
    assert!(!ask("GET / HT").await.starts_with(b"HTTP/1.1 308"), "a client that does not speak is cut here, too");
    let denied = AllowList { all: networks(&[], &["127.0.0.1"]), ..AllowList::default() };
    gateway.rules.send_replace(Arc::new(Rules { allow: denied, ..Rules::default() }));
    assert_eq!(Answer::parse(&ask(request).await).status, 403);

    // An authority comes from wherever it likes, and sees what is there for it alone.
    let posted = gateway.challenges.answer("abc", "abc.thumb");
    let looks = "GET /.well-known/acme-challenge/abc HTTP/1.1\r\nHost: photos.example\r\nConnection: close\r\n\r\n";
    let answer = Answer::parse(&ask(looks).await);
    assert_eq!((answer.status, answer.text()), (200, "abc.thumb"));
    let at_the_front = gateway.ask("GET", "/.well-known/acme-challenge/abc", "").await;
    assert_eq!(at_the_front.status, 403, "only where people come without TLS");
    drop(posted);
    assert_eq!(Answer::parse(&ask(looks).await).status, 403);
}

#[tokio::test]
async fn one_address_cannot_take_all_connections() {
    let gateway = TestGateway::start_with(|settings| settings.max_connections_per_address = 3).await;
    let mut held = Vec::new();
    for _ in 0..3 {
        let mut stream = gateway.connect().await;
        stream.write_all(b"GET /live HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
        assert_eq!(stream.read_u8().await.unwrap(), b'H');
        held.push(stream);
    }
    assert_eq!(gateway.raw("GET /live HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await, b"");
    assert!(
        gateway.metrics().contains("http_server_connections_turned_away_total{reason=\"too_many\"} 1"),
        "{}",
        gateway.metrics()
    );
    held.pop();
    // Its end is seen a moment later.
    let again = async {
        while !gateway
            .raw("GET /live HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            .await
            .starts_with(b"HTTP/1.1 200")
        {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), again).await.unwrap();
}
