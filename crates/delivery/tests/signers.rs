//! AWS's own signers and ours, side by side: what they sign opens here exactly where CloudFront's rules say so, and where both sign
//! the same with a signature that is not random, both say the same.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use std::collections::{BTreeMap, BTreeSet};

use http::HeaderMap;
use http::header::COOKIE;
use picup_delivery::{
    Denied, Fetch, Form, HashAlgorithm, KeyId, Keyring, Policy, Resource, SigningKey, authorise, signed_cookies,
    signed_url,
};
use picup_testkit::signers::{Signed, Signer, ToSign, sign};
use rsa::pkcs1::EncodeRsaPrivateKey as _;
use rsa::pkcs8::LineEnding;
use serde_json::Value;

const BASE: &str = "https://photos.example";
const EXPIRES: u64 = 1_700_000_000;
const BEGINS: u64 = EXPIRES - 100;
const CLIENT: [u8; 4] = [192, 0, 2, 7];

/// One key of each kind.
struct Keys {
    rsa: SigningKey,
    /// As the AWS command line reads it.
    rsa_pkcs1: String,
    p256: SigningKey,
    ring: Keyring,
}

impl Keys {
    fn new() -> Self {
        let rsa_pkcs1 =
            rsa::PrivateKey::new(&mut rand::rng(), 2048).unwrap().to_pkcs1_pem(LineEnding::LF).unwrap().to_string();
        let rsa = SigningKey::from_pem(KeyId::parse("RSA").unwrap(), &rsa_pkcs1).unwrap();
        let p256 = SigningKey::generate(KeyId::parse("P256").unwrap(), &mut rand::rng());
        let pems = [&rsa, &p256].map(|key| (key.id().clone(), key.public_key_pem()));
        let ring = Keyring::with_sha1(pems.iter().map(|(id, pem)| (id.clone(), pem.as_str()))).unwrap();
        Self { rsa, rsa_pkcs1, p256, ring }
    }
}

/// What is signed, and as what it is asked for.
struct Case {
    url: &'static str,
    begins: Option<u64>,
    addresses: Option<&'static str>,
    resource: Option<&'static str>,
    /// As it is on the wire, if that is not what the signer gave back.
    wire: Option<&'static str>,
    verdict: Result<(), Denied>,
}

impl Case {
    const fn opens(url: &'static str) -> Self {
        Self { url, begins: None, addresses: None, resource: None, wire: None, verdict: Ok(()) }
    }

    fn policy(&self) -> Option<String> {
        let resource = format!("{BASE}{}", self.resource?);
        // Not as a signer of ours would write it, for the bytes count.
        Some(format!(
            r#"{{ "Statement": [{{ "Resource":"{resource}", "Condition":{{"DateLessThan":{{"AWS:EpochTime":{EXPIRES}}}}} }}] }}"#
        ))
    }

    fn to_sign(&self, key: &SigningKey, hash: HashAlgorithm, cookies: bool) -> ToSign {
        ToSign {
            key_pem: key.to_pem().to_string(),
            key_id: key.id().to_string(),
            sha256: hash == HashAlgorithm::Sha256,
            url: format!("{BASE}{}", self.url),
            expires: EXPIRES,
            begins: self.begins,
            addresses: self.addresses.map(str::to_owned),
            policy: self.policy(),
            cookies,
        }
    }
}

const PLAIN: &str = "/media/a/1/view/preview.1.webp";

/// What is the same whoever signs.
fn cases() -> Vec<Case> {
    let denied = |reason| Err(reason);
    vec![
        Case::opens(PLAIN),
        Case::opens("/"),
        Case::opens("/media/a/x.jpg?size=large&b=2"),
        Case::opens("/media/a/x%20y.jpg"),
        Case::opens("/media/%ED%95%9C.jpg"),
        Case { begins: Some(BEGINS), ..Case::opens(PLAIN) },
        Case { begins: Some(EXPIRES - 1), verdict: denied(Denied::NotYet), ..Case::opens(PLAIN) },
        Case { addresses: Some("192.0.2.7"), ..Case::opens(PLAIN) },
        Case { addresses: Some("192.0.2.0/24"), ..Case::opens(PLAIN) },
        Case { addresses: Some("0.0.0.0/0"), begins: Some(BEGINS), ..Case::opens(PLAIN) },
        Case { addresses: Some("192.0.2.8"), verdict: denied(Denied::Address), ..Case::opens(PLAIN) },
        Case { addresses: Some("192.0.2.8/29"), verdict: denied(Denied::Address), ..Case::opens(PLAIN) },
        Case { resource: Some("/media/a/*"), ..Case::opens(PLAIN) },
        Case { resource: Some("/media/?/1/*.webp"), ..Case::opens(PLAIN) },
        Case { resource: Some("/*"), ..Case::opens(PLAIN) },
        Case { resource: Some("/media/b/*"), verdict: denied(Denied::Resource), ..Case::opens(PLAIN) },
        Case { resource: Some("/media/a/?"), verdict: denied(Denied::Resource), ..Case::opens(PLAIN) },
    ]
}

/// Signers that encode nothing sign what no browser ever asks for: CloudFront compares what is on the wire, and so do we.
fn signed_as_they_are() -> Vec<Case> {
    let asked = |url, wire, verdict| Case { wire: Some(wire), verdict: Err(verdict), ..Case::opens(url) };
    let bound = |case| Case { begins: Some(BEGINS), ..case };
    vec![
        asked("/media/a/x y.jpg", "/media/a/x%20y.jpg", Denied::Signature),
        asked("/media/한.jpg", "/media/%ED%95%9C.jpg", Denied::Signature),
        bound(asked("/media/a/x y.jpg", "/media/a/x%20y.jpg", Denied::Malformed)),
    ]
}

fn fetch(path_and_query: &str) -> Fetch<'_> {
    Fetch { public_base: BASE, path_and_query, client: CLIENT.into(), now_epoch_s: EXPIRES - 1, may_verify: true }
}

/// What opens with an answer of a signer.
fn verdict(keys: &Keys, case: &Case, signed: &Signed) -> Result<(), Denied> {
    let wire = case.wire.unwrap_or(case.url);
    match signed {
        Signed::Url(url) => {
            let path = url.strip_prefix(BASE).unwrap();
            let path = path.strip_prefix(case.url).map_or_else(|| path.to_owned(), |rest| format!("{wire}{rest}"));
            authorise(&keys.ring, &HeaderMap::new(), &fetch(&path))
        }
        Signed::Cookies(cookies) => authorise(&keys.ring, &cookie_headers(cookies), &fetch(wire)),
    }
}

fn cookie_headers(cookies: &BTreeMap<String, Value>) -> HeaderMap {
    cookies.iter().map(|(name, value)| (COOKIE, format!("{name}={}", text(value)).parse().unwrap())).collect()
}

/// A time is a number in JavaScript's cookies.
fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// All four algorithms, as addresses and as cookies.
fn check(keys: &Keys, signer: Signer, cookies: bool, cases: &[Case]) {
    let mut asked = Vec::new();
    let mut requests = Vec::new();
    for case in cases {
        for key in [&keys.rsa, &keys.p256] {
            for hash in [HashAlgorithm::Sha1, HashAlgorithm::Sha256] {
                asked.push((case, key, hash));
                requests.push(case.to_sign(key, hash, cookies));
            }
        }
    }
    let answers = sign(signer, &requests).unwrap();
    assert_eq!(answers.len(), requests.len());
    for ((case, key, hash), answer) in asked.into_iter().zip(&answers) {
        // botocore says nothing of the hash; who signs over SHA-256 with it adds that.
        let answer = match answer {
            Signed::Url(url) if signer == Signer::Botocore && hash == HashAlgorithm::Sha256 => {
                Signed::Url(format!("{url}&Hash-Algorithm=SHA256"))
            }
            other => other.clone(),
        };
        assert_eq!(verdict(keys, case, &answer), case.verdict, "{} {hash:?} {} {answer:?}", key.id(), case.url);
        if key.id() == keys.rsa.id() && case.resource.is_none() {
            same_as_ours(key, hash, case, &answer);
        }
    }
}

/// Ours of the same terms: the same values, whatever their order. By RSA alone, because a P-256 signature of theirs is random.
fn same_as_ours(key: &SigningKey, hash: HashAlgorithm, case: &Case, theirs: &Signed) {
    let url = format!("{BASE}{}", case.url);
    // What is not as on the wire, ours refuses to sign. Of two conditions the order is free, and theirs is another.
    let Ok(resource) = Resource::parse(&url) else { return };
    if case.begins.is_some() && case.addresses.is_some() {
        return;
    }
    let policy = Policy {
        not_before_epoch_s: case.begins,
        addresses: case.addresses.map(|range| range.parse().unwrap()),
        ..Policy::until(resource, EXPIRES)
    };
    match theirs {
        Signed::Url(theirs) => {
            let ours = signed_url(key, hash, &url, &policy, Form::Shortest).unwrap();
            let values = |url: &str| url.split(['?', '&']).map(str::to_owned).collect::<BTreeSet<_>>();
            assert_eq!(values(&ours), values(theirs));
        }
        // Cookies of ours take a question mark for a wildcard.
        Signed::Cookies(_) if url.contains('?') => {}
        Signed::Cookies(theirs) => {
            let ours = signed_cookies(key, hash, &policy, Form::Shortest);
            let ours: BTreeMap<_, _> = ours.iter().map(|(name, value)| (name, value.to_owned())).collect();
            assert_eq!(ours, theirs.iter().map(|(name, value)| (name.as_str(), text(value))).collect());
        }
    }
}

#[test]
fn the_javascript_signer_of_addresses() {
    // It percent-encodes a path by itself, so that what it signs is what is on the wire.
    let mut cases = cases();
    cases.extend(["/media/a/x y.jpg", "/media/한.jpg", "/media/a/it's(1).jpg"].map(Case::opens));
    check(&Keys::new(), Signer::JavaScript, false, &cases);
}

#[test]
fn the_javascript_signer_of_cookies() {
    let mut cases = cases();
    cases.extend(signed_as_they_are());
    check(&Keys::new(), Signer::JavaScript, true, &cases);
}

#[test]
fn botocore() {
    let mut cases = cases();
    cases.extend(signed_as_they_are());
    check(&Keys::new(), Signer::Botocore, false, &cases);
}

/// It signs by RSA over SHA-1 alone, and knows no policy of one's own.
#[test]
fn the_aws_command_line() {
    let keys = Keys::new();
    let cases: Vec<_> = cases().into_iter().filter(|case| case.resource.is_none()).collect();
    let requests: Vec<_> = cases
        .iter()
        .map(|case| ToSign { key_pem: keys.rsa_pkcs1.clone(), ..case.to_sign(&keys.rsa, HashAlgorithm::Sha1, false) })
        .collect();
    let answers = sign(Signer::CommandLine, &requests).unwrap();
    assert_eq!(answers.len(), cases.len());
    for (case, answer) in cases.iter().zip(&answers) {
        assert_eq!(verdict(&keys, case, answer), case.verdict, "{answer:?}");
        same_as_ours(&keys.rsa, HashAlgorithm::Sha1, case, answer);
    }
}
