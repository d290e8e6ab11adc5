//! Signer and verifier together: what opens, what does not, and that nothing altered ever does.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use aws_lc_rs::encoding::{AsDer, PublicKeyX509Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{KeyPair as _, RSA_PKCS1_SHA256, RsaKeyPair};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::HeaderMap;
use picup_delivery::{
    AddressRange, Denied, Fetch, Form, HashAlgorithm, KeyId, Keyring, Policy, Resource, SignedCookies, SigningKey,
    authorise, signed_cookies,
};
use proptest::prelude::*;
use rand::SeedableRng as _;
use rand::rngs::StdRng;

const BASE: &str = "https://photos.example";
const EXPIRES: u64 = 1_700_000_000;

fn id(text: &str) -> KeyId {
    KeyId::parse(text).unwrap()
}

fn key() -> SigningKey {
    SigningKey::generate(id("K1"), &mut rand::rng())
}

/// Always the same one, so that a failing case can be run again.
fn fixed_key() -> SigningKey {
    SigningKey::generate(id("K1"), &mut StdRng::seed_from_u64(1))
}

fn ring(key: &SigningKey) -> Keyring {
    Keyring::from_pems([(key.id().clone(), key.public_key_pem().as_str())]).unwrap()
}

/// CloudFront's three letters for those of the standard alphabet, as its developer guide has them.
fn encode(bytes: &[u8]) -> String {
    STANDARD.encode(bytes).replace('+', "-").replace('=', "_").replace('/', "~")
}

fn decode(text: &str) -> Vec<u8> {
    STANDARD.decode(text.replace('-', "+").replace('_', "=").replace('~', "/")).unwrap()
}

fn pairs(cookies: &SignedCookies) -> Vec<(String, String)> {
    cookies.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

fn headers(pairs: &[(String, String)]) -> HeaderMap {
    let text: Vec<_> = pairs.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let mut headers = HeaderMap::new();
    headers.insert("cookie", text.join("; ").parse().unwrap());
    headers
}

fn fetch(path_and_query: &str) -> Fetch<'_> {
    Fetch {
        public_base: BASE,
        path_and_query,
        client: [192, 0, 2, 1].into(),
        now_epoch_s: EXPIRES - 1,
        may_verify: true,
    }
}

fn owner_a(key: &SigningKey) -> Vec<(String, String)> {
    pairs(&cookies_under(key, "/media/a/", EXPIRES))
}

fn cookies_under(key: &SigningKey, folder: &str, expires: u64) -> SignedCookies {
    signed_cookies(
        key,
        HashAlgorithm::Sha256,
        &Policy::until(Resource::under(BASE, folder).unwrap(), expires),
        Form::Shortest,
    )
}

fn with(pairs: &[(String, String)], name: &str, value: &str) -> Vec<(String, String)> {
    pairs.iter().map(|(n, v)| (n.clone(), if n == name { value.to_owned() } else { v.clone() })).collect()
}

fn without(pairs: &[(String, String)], name: &str) -> Vec<(String, String)> {
    pairs.iter().filter(|(n, _)| n != name).cloned().collect()
}

#[test]
fn opens_the_owners_folder_and_nothing_else() {
    let key = key();
    let (ring, headers) = (ring(&key), headers(&owner_a(&key)));
    for (path, answer) in [
        ("/media/a/1/view/thumb.1.webp", Ok(())),
        ("/media/a/", Ok(())),
        ("/media/ab/1", Err(Denied::Resource)),
        ("/media/b/1", Err(Denied::Resource)),
        ("/media/b/x?/media/a/", Err(Denied::Resource)),
        ("/media/A/1", Err(Denied::Resource)),
        ("", Err(Denied::Resource)),
    ] {
        assert_eq!(authorise(&ring, &headers, &fetch(path)), answer, "{path}");
    }
    let elsewhere = Fetch { public_base: "https://photos.example.evil", ..fetch("/media/a/1") };
    assert_eq!(authorise(&ring, &headers, &elsewhere), Err(Denied::Resource));
    let long = format!("/media/a/{}", "x".repeat(5_000));
    assert_eq!(authorise(&ring, &headers, &fetch(&long)), Err(Denied::Resource));
}

#[test]
fn every_reason_is_told_apart() {
    let key = key();
    let (ring, good) = (ring(&key), owner_a(&key));
    let ask = |pairs: &[(String, String)]| authorise(&ring, &headers(pairs), &fetch("/media/a/1"));
    assert_eq!(ask(&good), Ok(()));
    assert_eq!(authorise(&ring, &HeaderMap::new(), &fetch("/media/a/1")), Err(Denied::Unsigned));
    for (name, _) in &good {
        assert_eq!(ask(&without(&good, name)), Err(Denied::Malformed), "{name}");
        let repeated: Vec<_> = good.iter().chain(good.iter().filter(|(other, _)| other == name)).cloned().collect();
        assert_eq!(ask(&repeated), Err(Denied::Malformed), "{name} twice");
    }
    assert_eq!(ask(&with(&good, "CloudFront-Hash-Algorithm", "SHA1")), Err(Denied::Malformed));
    assert_eq!(ask(&with(&good, "CloudFront-Policy", &"A".repeat(4_000))), Err(Denied::Malformed));
    assert_eq!(ask(&with(&good, "CloudFront-Key-Pair-Id", "K2")), Err(Denied::UnknownKey));
    assert_eq!(ask(&with(&good, "CloudFront-Signature", &encode(b"nonsense"))), Err(Denied::Signature));

    let late = Fetch { now_epoch_s: EXPIRES, ..fetch("/media/a/1") };
    assert_eq!(authorise(&ring, &headers(&good), &late), Err(Denied::Expired));

    let stranger = owner_a(&SigningKey::generate(id("K1"), &mut rand::rng()));
    assert_eq!(ask(&stranger), Err(Denied::Signature));
    let mut labels: Vec<_> = Denied::ALL.iter().map(|reason| reason.label()).collect();
    labels.dedup();
    assert_eq!(labels.len(), 12);
}

#[test]
fn a_policy_of_others_is_held_to_its_time_and_address() {
    let rsa = RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
    let ring = Keyring::from_pems([(id("R1"), rsa_public_pem(&rsa).as_str())]).unwrap();
    let policy = Policy {
        resource: Resource::parse("https://photos.example/media/a/?.jpg").unwrap(),
        expires_at_epoch_s: EXPIRES,
        not_before_epoch_s: Some(EXPIRES - 10),
        addresses: Some("192.0.2.0/31".parse::<AddressRange>().unwrap()),
    };
    let headers = headers(&signed_with_rsa(&rsa, policy.to_json().as_bytes()));
    let ask = |fetch: Fetch<'_>| authorise(&ring, &headers, &fetch);
    assert_eq!(ask(fetch("/media/a/1.jpg")), Ok(()));
    assert_eq!(ask(fetch("/media/a/12.jpg")), Err(Denied::Resource));
    assert_eq!(ask(Fetch { now_epoch_s: EXPIRES - 10, ..fetch("/media/a/1.jpg") }), Err(Denied::NotYet));
    assert_eq!(ask(Fetch { now_epoch_s: EXPIRES - 9, ..fetch("/media/a/1.jpg") }), Ok(()));
    assert_eq!(ask(Fetch { client: [192, 0, 2, 2].into(), ..fetch("/media/a/1.jpg") }), Err(Denied::Address));
}

/// The policy is verified as the bytes that came: another signer's spaces and order of fields are its own business.
#[test]
fn the_bytes_that_came_are_verified() {
    let rsa = RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
    let ring = Keyring::from_pems([(id("R1"), rsa_public_pem(&rsa).as_str())]).unwrap();
    let text = "{ \"Statement\": [ {\n\"Condition\": {\"DateLessThan\": {\"AWS:EpochTime\": 1700000000}},\
                \"Resource\": \"https:\\/\\/photos.example\\/media\\/a\\/*\" } ] }";
    let good = signed_with_rsa(&rsa, text.as_bytes());
    assert_eq!(authorise(&ring, &headers(&good), &fetch("/media/a/1")), Ok(()));
    let rewritten = Policy::parse(text.as_bytes()).unwrap().to_json();
    let moved = with(&good, "CloudFront-Policy", &encode(rewritten.as_bytes()));
    assert_eq!(authorise(&ring, &headers(&moved), &fetch("/media/a/1")), Err(Denied::Signature));
}

#[test]
fn every_byte_of_every_cookie_counts() {
    let key = key();
    let (ring, good) = (ring(&key), owner_a(&key));
    for (name, value) in &good {
        for at in 0..value.len() {
            let mut bytes = value.clone().into_bytes();
            bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
            let altered = with(&good, name, &String::from_utf8(bytes).unwrap());
            assert!(authorise(&ring, &headers(&altered), &fetch("/media/a/1")).is_err(), "byte {at} of {name}");
        }
    }
    assert_eq!(authorise(&ring, &headers(&good), &fetch("/media/a/1")), Ok(()));
}

/// A signed resource that begins with `*` would cover other accounts' folders through the query.
#[test]
fn a_signed_leading_wildcard_opens_nothing() {
    let rsa = RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
    let ring = Keyring::from_pems([(id("R1"), rsa_public_pem(&rsa).as_str())]).unwrap();
    let text =
        r#"{"Statement":[{"Resource":"*/media/a/*","Condition":{"DateLessThan":{"AWS:EpochTime":1700000000}}}]}"#;
    let signed = signed_with_rsa(&rsa, text.as_bytes());
    assert_eq!(authorise(&ring, &headers(&signed), &fetch("/media/a/1")), Err(Denied::Malformed));
}

/// One key, one policy: one set of cookies, in every process that has the key (RFC 6979).
#[test]
fn cookies_are_the_same_in_every_process() {
    let key = key();
    let again = SigningKey::from_pem(key.id().clone(), &key.to_pem()).unwrap();
    let cookies = cookies_under(&key, "/media/a/", EXPIRES);
    assert_eq!(cookies, cookies_under(&again, "/media/a/", EXPIRES));
    let policy = cookies.iter().next().unwrap().1;
    assert_eq!(
        String::from_utf8(decode(policy)).unwrap(),
        r#"{"Statement":[{"Resource":"https://photos.example/media/a/*","Condition":{"DateLessThan":{"AWS:EpochTime":1700000000}}}]}"#
    );
}

fn rsa_public_pem(key: &RsaKeyPair) -> String {
    let der = AsDer::<PublicKeyX509Der<'_>>::as_der(key.public_key()).unwrap();
    let standard = STANDARD.encode(der.as_ref());
    let lines: Vec<_> = standard.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).unwrap()).collect();
    format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", lines.join("\n"))
}

fn signed_with_rsa(key: &RsaKeyPair, policy: &[u8]) -> Vec<(String, String)> {
    let mut signature = vec![0; key.public_modulus_len()];
    key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), policy, &mut signature).unwrap();
    [
        ("CloudFront-Policy", encode(policy)),
        ("CloudFront-Signature", encode(&signature)),
        ("CloudFront-Key-Pair-Id", "R1".to_owned()),
        ("CloudFront-Hash-Algorithm", "SHA256".to_owned()),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .to_vec()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn what_is_signed_opens(owner in "[a-z0-9-]{1,36}", rest in "[a-z0-9/._-]{0,40}", expires in 1_u64..u64::MAX) {
        let key = fixed_key();
        let headers = headers(&pairs(&cookies_under(&key, &format!("/media/{owner}/"), expires)));
        let path = format!("/media/{owner}/{rest}");
        let asked = Fetch { now_epoch_s: expires - 1, ..fetch(&path) };
        prop_assert_eq!(authorise(&ring(&key), &headers, &asked), Ok(()));
    }

    #[test]
    fn no_altered_character_of_a_cookie_opens(cookie in 0_usize..4, at: prop::sample::Index, to in "[!-:<-~]") {
        let key = fixed_key();
        let mut altered = owner_a(&key);
        let value = &mut altered[cookie].1;
        let at = at.index(value.len());
        prop_assume!(value[at..=at] != to);
        value.replace_range(at..=at, &to);
        prop_assert!(authorise(&ring(&key), &headers(&altered), &fetch("/media/a/1")).is_err());
    }

    #[test]
    fn no_altered_byte_of_policy_or_signature_opens(policy: bool, at: prop::sample::Index, flip in 1_u8..=255) {
        let key = fixed_key();
        let mut altered = owner_a(&key);
        let value = &mut altered[usize::from(!policy)].1;
        let mut bytes = decode(value);
        let at = at.index(bytes.len());
        bytes[at] ^= flip;
        *value = encode(&bytes);
        prop_assert!(authorise(&ring(&key), &headers(&altered), &fetch("/media/a/1")).is_err());
    }

    #[test]
    fn no_altered_byte_of_the_folder_opens(at in 0_usize..9, to in "[!-~]") {
        let key = fixed_key();
        let mut path = "/media/a/1".to_owned();
        prop_assume!(path[at..=at] != to);
        path.replace_range(at..=at, &to);
        prop_assert_eq!(
            authorise(&ring(&key), &headers(&owner_a(&key)), &fetch(&path)),
            Err(Denied::Resource)
        );
    }

    #[test]
    fn arbitrary_cookies_never_panic_nor_open(policy in "[ -:<-~]{0,80}", signature: Vec<u8>, key_id in "[ -:<-~]{0,8}") {
        let key = fixed_key();
        let forged = with(&with(&owner_a(&key), "CloudFront-Policy", &policy), "CloudFront-Key-Pair-Id", &key_id);
        prop_assert!(authorise(&ring(&key), &headers(&forged), &fetch("/media/a/1")).is_err());
        let forged = with(&owner_a(&key), "CloudFront-Signature", &encode(&signature));
        prop_assert_eq!(
            authorise(&ring(&key), &headers(&forged), &fetch("/media/a/1")),
            Err(if signature.len() > 1026 { Denied::Malformed } else { Denied::Signature })
        );
    }
}
