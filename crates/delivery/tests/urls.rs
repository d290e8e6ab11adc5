//! Signed addresses: what opens, what does not, and that nothing altered ever does.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use http::HeaderMap;
use picup_delivery::{
    Denied, Fetch, Form, HashAlgorithm, KeyId, Keyring, Policy, Resource, SignError, SigningKey, authorise,
    signed_cookies, signed_url, without_signature,
};
use proptest::prelude::*;
use rand::SeedableRng as _;
use rand::rngs::StdRng;

const BASE: &str = "https://photos.example";
const EXPIRES: u64 = 1_700_000_000;
const PATH: &str = "/media/a/1/view/preview.1.webp";

fn key() -> SigningKey {
    SigningKey::generate(KeyId::parse("K1").unwrap(), &mut StdRng::seed_from_u64(1))
}

fn ring(key: &SigningKey) -> Keyring {
    Keyring::from_pems([(key.id().clone(), key.public_key_pem().as_str())]).unwrap()
}

fn policy(resource: &str) -> Policy {
    Policy::until(Resource::parse(&format!("{BASE}{resource}")).unwrap(), EXPIRES)
}

/// The path and query of a signed address.
fn signed(path: &str, policy: &Policy) -> String {
    let url = signed_url(&key(), HashAlgorithm::Sha256, &format!("{BASE}{path}"), policy, Form::Shortest).unwrap();
    url.strip_prefix(BASE).unwrap().to_owned()
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

fn ask(path_and_query: &str) -> Result<(), Denied> {
    authorise(&ring(&key()), &HeaderMap::new(), &fetch(path_and_query))
}

#[test]
fn one_address_and_a_time_make_a_canned_policy() {
    let canned = signed(PATH, &policy(PATH));
    assert!(canned.starts_with(&format!("{PATH}?Expires=1700000000&Signature=")), "{canned}");
    assert!(canned.ends_with("&Key-Pair-Id=K1&Hash-Algorithm=SHA256"), "{canned}");
    assert!(canned.len() < 220, "{}", canned.len());
    assert_eq!(ask(&canned), Ok(()));
    assert_eq!(canned, signed(PATH, &policy(PATH)), "the same at each time");
    assert_eq!(without_signature(&canned).unwrap(), PATH);
    for (altered, reason) in [
        (canned.replace("preview", "thumb"), Denied::Signature),
        (canned.replace("Expires=1700000000", "Expires=1700000001"), Denied::Signature),
        (canned.replace("Expires=1700000000", "Expires=1600000000"), Denied::Expired),
        (canned.replace("=1700000000", "=01700000000"), Denied::Malformed),
        (canned.replace("Expires=1700000000&", ""), Denied::Malformed),
        (canned.replace("&Hash-Algorithm=SHA256", ""), Denied::Malformed),
        (canned.replace("=SHA256", "=SHA512"), Denied::Malformed),
        (canned.replace("=K1", "=K2"), Denied::UnknownKey),
        (format!("{canned}&Expires=1700000000"), Denied::Malformed),
        (format!("{canned}&x=1"), Denied::Signature),
        (PATH.to_owned(), Denied::Unsigned),
    ] {
        assert_eq!(ask(&altered), Err(reason), "{altered}");
    }
}

/// Whoever wants it whole gets it whole, and it opens the same.
#[test]
fn one_address_may_have_a_custom_policy_too() {
    let (key, url) = (key(), format!("{BASE}{PATH}"));
    let whole = signed_url(&key, HashAlgorithm::Sha256, &url, &policy(PATH), Form::Custom).unwrap();
    assert!(whole.contains("?Policy="), "{whole}");
    assert_eq!(ask(whole.strip_prefix(BASE).unwrap()), Ok(()));
    let cookies = signed_cookies(&key, HashAlgorithm::Sha256, &policy(PATH), Form::Custom);
    assert_eq!(cookies.iter().next().unwrap().0, "CloudFront-Policy");
}

#[test]
fn a_folder_has_a_custom_policy() {
    let folder = policy("/media/a/1/view/*");
    let signed = signed(PATH, &folder);
    assert!(signed.starts_with(&format!("{PATH}?Policy=")), "{signed}");
    assert_eq!(ask(&signed), Ok(()));
    assert_eq!(ask(&signed.replace("preview", "thumb")), Ok(()));
    assert_eq!(ask(&signed.replace("/view/", "/file/")), Err(Denied::Resource));
    assert_eq!(ask(&signed.replace("/media/a/", "/media/b/")), Err(Denied::Resource));
}

/// The order of the five is free, and they may stand among others, whose order and bytes count.
#[test]
fn the_parameters_stand_anywhere() {
    let path = "/x?b=%20&a";
    let signed = signed(path, &policy(path));
    let (_, query) = signed.split_once('?').unwrap();
    let mut parameters: Vec<_> = query.split('&').collect();
    for _ in 0..parameters.len() {
        parameters.rotate_left(1);
        let (b, a) = ["b=%20", "a"].map(|name| parameters.iter().position(|other| *other == name).unwrap()).into();
        let verdict = ask(&format!("/x?{}", parameters.join("&")));
        assert_eq!(verdict, if b < a { Ok(()) } else { Err(Denied::Signature) }, "{parameters:?}");
    }
}

/// As soon as an address has one of the five, cookies do not count.
#[test]
fn an_address_goes_before_cookies() {
    let mut headers = HeaderMap::new();
    for (name, value) in signed_cookies(&key(), HashAlgorithm::Sha256, &policy("/media/a/*"), Form::Shortest).iter() {
        headers.append("cookie", format!("{name}={value}").parse().unwrap());
    }
    let ask = |path: &str| authorise(&ring(&key()), &headers, &fetch(path));
    assert_eq!(ask(PATH), Ok(()));
    for parameter in ["Expires=1800000000", "Policy=", "Signature=x", "Key-Pair-Id=K1", "Hash-Algorithm=SHA256"] {
        assert_eq!(ask(&format!("{PATH}?{parameter}")), Err(Denied::Malformed), "{parameter}");
    }
    assert_eq!(ask(&signed("/media/b/1", &policy("/media/b/1"))), Ok(()), "the address alone");
}

#[test]
fn conditions_hold_or_nothing_opens() {
    let bound = Policy {
        not_before_epoch_s: Some(EXPIRES - 10),
        addresses: Some("192.0.2.0/31".parse().unwrap()),
        ..policy(PATH)
    };
    let signed = signed(PATH, &bound);
    let ask = |fetch: Fetch<'_>| authorise(&ring(&key()), &HeaderMap::new(), &fetch);
    assert_eq!(ask(fetch(&signed)), Ok(()));
    assert_eq!(ask(Fetch { now_epoch_s: EXPIRES, ..fetch(&signed) }), Err(Denied::Expired));
    assert_eq!(ask(Fetch { now_epoch_s: EXPIRES - 10, ..fetch(&signed) }), Err(Denied::NotYet));
    assert_eq!(ask(Fetch { client: [192, 0, 2, 2].into(), ..fetch(&signed) }), Err(Denied::Address));
}

#[test]
fn sha1_opens_only_where_it_is_accepted() {
    let key = key();
    let url = signed_url(&key, HashAlgorithm::Sha1, &format!("{BASE}{PATH}"), &policy(PATH), Form::Shortest).unwrap();
    assert!(!url.contains("Hash-Algorithm"), "{url}");
    let path = url.strip_prefix(BASE).unwrap();
    assert_eq!(ask(path), Err(Denied::Malformed));
    let pem = key.public_key_pem();
    let lenient = Keyring::with_sha1([(key.id().clone(), pem.as_str())]).unwrap();
    let ask = |path: &str| authorise(&lenient, &HeaderMap::new(), &fetch(path));
    assert_eq!(ask(path), Ok(()));
    assert_eq!(ask(&format!("{path}&Hash-Algorithm=SHA256")), Err(Denied::Signature), "another hash than was signed");
    assert_eq!(ask(&signed(PATH, &policy(PATH))), Ok(()));
}

#[test]
fn what_cannot_be_signed_is_said() {
    for (url, resource, error) in [
        ("/x?Expires=1", "/x*", SignError::Signed),
        ("/x?a&Signature", "/x*", SignError::Signed),
        ("/x*", "/x*", SignError::Character),
        ("/x#y", "/x*", SignError::Character),
        ("/y", "/x*", SignError::NotCovered),
    ] {
        let answer =
            signed_url(&key(), HashAlgorithm::Sha256, &format!("{BASE}{url}"), &policy(resource), Form::Shortest);
        assert_eq!(answer, Err(error), "{url}");
    }
}

fn signed_folder() -> String {
    signed(PATH, &policy("/media/a/*"))
}

/// A ring remembers what it verified, and asks everything else anew.
#[test]
fn a_verdict_that_is_remembered_opens_nothing_else() {
    let (key, ring) = (key(), ring(&key()));
    let ask = |fetch: Fetch<'_>| authorise(&ring, &HeaderMap::new(), &fetch);
    let signed = signed(PATH, &policy(PATH));
    for _ in 0..3 {
        assert_eq!(ask(fetch(&signed)), Ok(()));
        assert_eq!(ask(Fetch { now_epoch_s: EXPIRES, ..fetch(&signed) }), Err(Denied::Expired));
        assert_eq!(ask(fetch(&signed.replace("preview", "thumb"))), Err(Denied::Signature));
        let altered = signed.replace("Signature=M", "Signature=N");
        assert_ne!(altered, signed);
        assert_eq!(ask(fetch(&altered)), Err(Denied::Signature));
    }
    // Without leave to verify, what was verified opens, and nothing else does, right or wrong.
    let limited = |path| Fetch { may_verify: false, ..fetch(path) };
    assert_eq!(ask(limited(&signed)), Ok(()));
    let fresh = signed_folder();
    for unknown in [&fresh, &signed.replace("Signature=M", "Signature=N")] {
        assert_eq!(ask(limited(unknown)), Err(Denied::Limited), "{unknown}");
    }
    assert_eq!(ask(fetch(&fresh)), Ok(()));
    // The same id with another key behind it: a new ring.
    let other = SigningKey::generate(key.id().clone(), &mut StdRng::seed_from_u64(2));
    let other = Keyring::from_pems([(key.id().clone(), other.public_key_pem().as_str())]).unwrap();
    assert_eq!(authorise(&other, &HeaderMap::new(), &fetch(&signed)), Err(Denied::Signature));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn no_altered_byte_of_a_signed_address_opens(canned: bool, at: prop::sample::Index, to in "[!-~]") {
        let resource = if canned { PATH } else { "/media/a/1/view/preview.*" };
        let mut altered = signed(PATH, &policy(resource));
        let at = at.index(altered.len());
        prop_assume!(altered[at..=at] != to);
        let in_the_wildcard = !canned && ("/media/a/1/view/preview.".len()..PATH.len()).contains(&at);
        // What a wildcard covers may be another address; `?` and `#` there begin what is not the path.
        prop_assume!(!in_the_wildcard);
        altered.replace_range(at..=at, &to);
        prop_assert!(ask(&altered).is_err(), "{}", altered);
    }

    #[test]
    fn any_address_that_is_signed_opens(path in "/[a-zA-Z0-9/._%~-]{0,40}", query in "(\\?[a-z0-9=&%]{0,20})?", begins: Option<u32>) {
        let path = format!("{path}{query}");
        let policy = Policy { not_before_epoch_s: begins.map(|seconds| u64::from(seconds) % EXPIRES / 2), ..policy(&path) };
        prop_assert_eq!(ask(&signed(&path, &policy)), Ok(()));
    }

    #[test]
    fn arbitrary_addresses_never_panic_nor_open(query in "\\PC{0,60}") {
        let whole = format!("{PATH}?Expires=1800000000&Signature={query}&Key-Pair-Id=K1&Hash-Algorithm=SHA256");
        for asked in [format!("{PATH}?{query}"), whole] {
            prop_assert!(ask(&asked).is_err());
        }
    }
}
