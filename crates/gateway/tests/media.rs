//! Over real sockets: who may have a medium, and which of its bytes.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod support;

use std::sync::atomic::Ordering;

use picup_delivery::{Form, HashAlgorithm, KeyId, Keyring, Policy, Resource, SigningKey, signed_cookies, signed_url};
use support::{BASE, NOW, ORIGINAL, SIZE, TestGateway, VIEW, content};

const OTHERS: &str = "/media/bob/b1/view/preview.1.webp";

#[tokio::test]
async fn the_owner_gets_the_whole_with_the_right_headers() {
    let gateway = TestGateway::start().await;
    let answer = gateway.fetch(VIEW, "").await;
    assert_eq!((answer.status, &answer.body), (200, &content(0..SIZE)));
    for (name, value) in [
        ("content-type", "image/webp"),
        ("content-length", "300000"),
        ("cache-control", "private, max-age=31536000, immutable"),
        ("accept-ranges", "bytes"),
        ("etag", "\"493e0\""),
        ("content-security-policy", "default-src 'none'; sandbox"),
        ("cross-origin-resource-policy", "same-origin"),
        ("x-content-type-options", "nosniff"),
    ] {
        assert_eq!(answer.header(name), Some(value), "{name}");
    }
    assert_eq!(answer.header("content-disposition"), None);
}

#[tokio::test]
async fn originals_are_attachments() {
    let gateway = TestGateway::start().await;
    let answer = gateway.fetch(ORIGINAL, "").await;
    assert_eq!((answer.status, answer.header("content-disposition")), (200, Some("attachment")));
    assert_eq!(answer.header("cache-control"), Some("private, no-cache"));
    assert_eq!(answer.header("content-security-policy"), Some("default-src 'none'; sandbox"));
    let odd = gateway.fetch("/media/ann/odd/view/1", "").await;
    assert_eq!(odd.header("content-type"), Some("application/octet-stream"));
}

/// The right to one medium, or to a folder, in its address: to whoever has that, and to nothing else.
#[tokio::test]
async fn a_signed_address_opens_what_it_says() {
    let gateway = TestGateway::start().await;
    let sign = |path: &str, resource: &str| {
        let policy = Policy::until(Resource::parse(&format!("{BASE}{resource}")).unwrap(), NOW + 60);
        let url =
            signed_url(&gateway.key, HashAlgorithm::Sha256, &format!("{BASE}{path}"), &policy, Form::Shortest).unwrap();
        url.strip_prefix(BASE).unwrap().to_owned()
    };
    for signed in [sign(VIEW, VIEW), sign(VIEW, "/media/ann/*")] {
        let answer = gateway.ask("GET", &signed, "Range: bytes=1-2\r\n").await;
        assert_eq!((answer.status, &answer.body), (206, &content(1..3)), "{signed}");
        let refused = gateway.ask("GET", VIEW, "").await.told();
        for other in [
            signed.replace(VIEW, OTHERS),
            signed.replace("Signature=M", "Signature=N"),
            signed.replace("Hash-Algorithm=SHA256", "Hash-Algorithm=SHA1"),
            format!("{signed}&Signature=x"),
            format!("{VIEW}?Signature=x"),
        ] {
            assert_eq!(gateway.ask("GET", &other, "").await.told(), refused, "{other}");
            // What is wrong with an address is not made good by cookies.
            assert_eq!(gateway.fetch(&other, "").await.told(), refused, "{other}");
        }
        for other in [format!("{signed}&w=1"), format!("{VIEW}?w=1"), format!("{VIEW}?")] {
            assert_eq!(gateway.fetch(&other, "").await.status, 400, "{other}");
        }
    }
}

/// Who shows wrong signatures is not verified any more for a while; what is known to be good opens all the same.
#[tokio::test]
async fn who_forges_many_costs_no_more_verifications() {
    let gateway = TestGateway::start().await;
    let sign = |key: &SigningKey, path: &str, lasting| {
        let policy = Policy::until(Resource::parse(&format!("{BASE}{path}")).unwrap(), NOW + lasting);
        let url = signed_url(key, HashAlgorithm::Sha256, &format!("{BASE}{path}"), &policy, Form::Shortest).unwrap();
        url.strip_prefix(BASE).unwrap().to_owned()
    };
    let (known, fresh) = (sign(&gateway.key, VIEW, 60), sign(&gateway.key, VIEW, 70));
    let forger = SigningKey::generate(KeyId::parse("K1").unwrap(), &mut rand::rng());
    assert_eq!(gateway.ask("GET", &known, "").await.status, 200);
    for lasting in 60..80 {
        assert_eq!(gateway.ask("GET", &sign(&forger, VIEW, lasting), "").await.status, 403);
    }
    let refused = gateway.ask("GET", &sign(&forger, VIEW, 90), "").await.told();
    assert_eq!(gateway.ask("GET", &fresh, "").await.told(), refused);
    assert_eq!(gateway.ask("GET", &known, "").await.status, 200);
    assert!(gateway.metrics().contains("reason=\"limited\"} 2"), "{}", gateway.metrics());
    gateway.clock.store(NOW + 10, Ordering::SeqCst);
    assert_eq!(gateway.ask("GET", &fresh, "").await.status, 200);
}

/// A stranger cannot tell why, nor whether there is anything at all.
#[tokio::test]
async fn every_refusal_is_the_same() {
    let gateway = TestGateway::start().await;
    let ann = gateway.cookies("ann");
    let changed = |at: usize| {
        let mut bytes = ann.clone().into_bytes();
        bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
        String::from_utf8(bytes).unwrap()
    };
    let position = |name: &str| ann.find(name).unwrap() + name.len() + 5;
    let stranger = SigningKey::generate(KeyId::parse("K1").unwrap(), &mut rand::rng());
    let unknown = SigningKey::generate(KeyId::parse("K2").unwrap(), &mut rand::rng());
    let of = |key: &SigningKey, expires| {
        let policy = Policy::until(Resource::under(BASE, "/media/ann/").unwrap(), expires);
        let pairs: Vec<_> = signed_cookies(key, HashAlgorithm::Sha256, &policy, Form::Shortest)
            .iter()
            .map(|(n, v)| format!("{n}={v}"))
            .collect();
        format!("Cookie: {}\r\n", pairs.join("; "))
    };
    let first = gateway.ask("GET", VIEW, "").await;
    assert_eq!(first.status, 403);
    assert_eq!(first.header("cache-control"), Some("no-store"));
    for (target, headers) in [
        (OTHERS, ann.clone()),
        ("/media/bob/nothing/view/1", ann.clone()),
        ("/media", ann.clone()),
        (VIEW, gateway.cookies("bob")),
        (VIEW, changed(position("CloudFront-Policy="))),
        (VIEW, changed(position("CloudFront-Signature="))),
        (VIEW, format!("{ann}{ann}")),
        (VIEW, of(&gateway.key, NOW)),
        (VIEW, of(&stranger, NOW + 60)),
        (VIEW, of(&unknown, NOW + 60)),
        ("/media/ann/nothing/view/1", String::new()),
    ] {
        let answer = gateway.ask("GET", target, &headers).await;
        assert_eq!(answer.told(), first.told(), "{target} {headers}");
    }
    assert_eq!(gateway.opened.load(Ordering::SeqCst), 0, "the store was asked before the right was known");
    gateway.clock.store(NOW + 60, Ordering::SeqCst);
    assert_eq!(gateway.ask("GET", VIEW, &ann).await.told(), first.told());
    let text = gateway.metrics();
    for (reason, count) in
        [("unsigned", 2), ("malformed", 2), ("expired", 2), ("resource", 4), ("signature", 2), ("unknown_key", 1)]
    {
        let line = format!("delivery_denied_total{{reason=\"{reason}\"}} {count}\n");
        assert!(text.contains(&line), "{line}{text}");
    }
}

#[tokio::test]
async fn only_the_owner_learns_that_there_is_nothing() {
    let gateway = TestGateway::start().await;
    assert_eq!(gateway.fetch("/media/ann/nothing/view/1", "").await.status, 404);
    // An escaped letter is another key, never decoded into this one.
    assert_eq!(gateway.fetch("/media/ann/%61%31/view/preview.1.webp", "").await.status, 404);
}

#[tokio::test]
async fn a_new_keyring_counts_at_once() {
    let gateway = TestGateway::start().await;
    assert_eq!(gateway.fetch(VIEW, "").await.status, 200);
    gateway.keyring.send(Keyring::default()).unwrap();
    assert_eq!(gateway.fetch(VIEW, "").await.status, 403);
}

#[tokio::test]
async fn queries_are_refused_before_anything_is_told() {
    let gateway = TestGateway::start().await;
    for target in
        [format!("{VIEW}?"), format!("{VIEW}?x=1"), format!("{OTHERS}?/media/ann/"), format!("{VIEW}?policy=x")]
    {
        let answer = gateway.fetch(&target, "").await;
        assert_eq!(answer.status, 400, "{target}");
        assert_eq!(gateway.ask("GET", &target, "").await.told(), answer.told(), "{target}");
    }
}

#[tokio::test]
async fn ranges() {
    let gateway = TestGateway::start().await;
    for (range, part) in [
        ("bytes=0-0", 0..1),
        ("bytes=65530-65545", 65_530..65_546),
        ("bytes=299999-", 299_999..SIZE),
        ("bytes=-10", SIZE - 10..SIZE),
        ("bytes=1000-9999999999", 1000..SIZE),
    ] {
        let answer = gateway.fetch(VIEW, &format!("Range: {range}\r\n")).await;
        assert_eq!((answer.status, &answer.body), (206, &content(part.clone())), "{range}");
        let told = format!("bytes {}-{}/{SIZE}", part.start, part.end - 1);
        assert_eq!(answer.header("content-range"), Some(told.as_str()));
    }
    for range in ["bytes=300000-", "bytes=-0", &format!("bytes={}", "0-0,".repeat(100))] {
        let answer = gateway.fetch(VIEW, &format!("Range: {range}\r\n")).await;
        assert_eq!((answer.status, answer.header("content-range")), (416, Some("bytes */300000")), "{range}");
        assert_eq!(answer.body, b"");
    }
    for headers in ["Range: bytes=0-6,5-6\r\n", "Range: lines=1-2\r\n", "Range: bytes=0-0\r\nRange: bytes=1-1\r\n"] {
        let answer = gateway.fetch(VIEW, headers).await;
        assert_eq!((answer.status, answer.body.len(), answer.header("content-range")), (200, SIZE, None), "{headers}");
    }
}

#[tokio::test]
async fn conditions() {
    let gateway = TestGateway::start().await;
    let status = async |headers: &str| gateway.fetch(VIEW, headers).await.status;
    assert_eq!(status("Range: bytes=0-0\r\nIf-Range: \"493e0\"\r\n").await, 206);
    assert_eq!(status("Range: bytes=0-0\r\nIf-Range: W/\"493e0\"\r\n").await, 200);
    assert_eq!(status("Range: bytes=0-0\r\nIf-Range: \"other\"\r\n").await, 200);
    assert_eq!(status("Range: bytes=0-0\r\nIf-Range: Sat, 29 Oct 2025 19:43:31 GMT\r\n").await, 200);
    assert_eq!(status("If-None-Match: \"x\", W/\"493e0\"\r\n").await, 304);
    assert_eq!(status("If-None-Match: *\r\n").await, 304);
    assert_eq!(status("If-None-Match: \"x\"\r\n").await, 200);
    let unchanged = gateway.fetch(VIEW, "If-None-Match: \"493e0\"\r\n").await;
    assert_eq!((unchanged.header("etag"), unchanged.body.len()), (Some("\"493e0\""), 0));
    let stranger = gateway.ask("GET", VIEW, "If-None-Match: \"493e0\"\r\n").await;
    assert_eq!(stranger.status, 403);
}

#[tokio::test]
async fn head_tells_all_but_the_bytes() {
    let gateway = TestGateway::start().await;
    let whole = gateway.fetch(VIEW, "").await;
    let head = gateway.ask("HEAD", VIEW, &format!("{}Range: bytes=0-0\r\n", gateway.cookies("ann"))).await;
    assert_eq!((head.status, head.body.len()), (200, 0));
    assert_eq!(head.told().1, whole.told().1);
    assert_eq!(gateway.ask("HEAD", VIEW, "").await.status, 403);
}

#[tokio::test]
async fn a_failing_store_is_told_apart_from_nothing_and_tells_no_secret() {
    let gateway = TestGateway::start().await;
    let answer = gateway.fetch("/media/ann/a1/view/broken", "").await;
    assert_eq!(answer.status, 503);
    assert!(!answer.text().contains("fire") && answer.text().contains("\"request_id\":\"r-1\""), "{}", answer.text());
    let short = gateway.fetch("/media/ann/short/view/1", "").await;
    assert_eq!((short.status, short.header("content-length")), (200, Some("300000")));
    assert!(short.body.len() < SIZE, "a broken download must look broken");
}

#[tokio::test]
async fn a_few_ranges_come_in_one_answer() {
    let gateway = TestGateway::start().await;
    let answer = gateway.fetch(VIEW, "Range: bytes=299990-, 0-9, 131070-131075\r\n").await;
    assert_eq!(answer.status, 206);
    assert_eq!((answer.header("content-range"), answer.header("etag")), (None, Some("\"493e0\"")));
    let kind = answer.header("content-type").unwrap();
    let boundary = kind.strip_prefix("multipart/byteranges; boundary=").unwrap();
    assert_eq!(answer.header("content-length"), Some(answer.body.len().to_string().as_str()));
    let mut wanted = Vec::new();
    for part in [299_990..SIZE, 0..10, 131_070..131_076] {
        let (first, last) = (part.start, part.end - 1);
        let head = format!(
            "\r\n--{boundary}\r\nContent-Type: image/webp\r\nContent-Range: bytes {first}-{last}/{SIZE}\r\n\r\n"
        );
        wanted.extend(head.into_bytes());
        wanted.extend(content(part));
    }
    wanted.extend(format!("\r\n--{boundary}--\r\n").into_bytes());
    assert_eq!(answer.body, wanted);
    let again = gateway.fetch(VIEW, "Range: bytes=299990-, 0-9, 131070-131075\r\n").await;
    assert_ne!(again.header("content-type"), Some(kind), "what separates parts is foreseen by nobody");
    let stale = gateway.fetch(VIEW, "Range: bytes=0-1,5-6\r\nIf-Range: \"1\"\r\n").await;
    assert_eq!((stale.status, stale.body.len()), (200, SIZE));
    assert_eq!(gateway.fetch(VIEW, "Range: bytes=0-1,5-6\r\nIf-None-Match: *\r\n").await.status, 304);
}
