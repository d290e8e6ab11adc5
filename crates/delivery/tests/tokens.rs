//! Media tokens against one file of vectors, made by Python's HMAC: what opens and what does not is the same at PicUp's own edge and in
//! the CloudFront Function that is generated. And against a JWT library, with keys of both kinds.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use std::collections::BTreeMap;
use std::process::Command;

use http::HeaderMap;
use http::header::{AUTHORIZATION, COOKIE};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation, decode, encode};
use picup_delivery::{
    Audience, Denied, Fetch, KeyId, SigningKey, TokenKey, TokenRing, TokenSecret, TokenSigner, TokenTerms,
    cloudfront_function, media_token,
};
use picup_testkit::{FunctionRequest, run_function};
use proptest::prelude::*;
use rsa::pkcs1::EncodeRsaPrivateKey as _;
use rsa::pkcs8::LineEnding;
use serde::Deserialize;
use serde_json::json;

const NOW: u64 = 1_800_000_000;
const PATH: &str = "/media/A/1/view/preview.1.webp";
const SECRET: &str = "a-secret-of-more-than-32-characters";
/// Vectors whose signature is no base64.
const OF_THE_SIGNATURE: [&str; 3] = ["a padded signature", "base64 of the other alphabet", "one bit of the last byte"];
const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/vectors");

#[derive(Deserialize)]
struct Vectors {
    audience: String,
    secrets: BTreeMap<String, String>,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    name: String,
    denied: Option<String>,
    #[serde(flatten)]
    request: FunctionRequest,
}

fn vectors() -> Vectors {
    serde_json::from_str(&std::fs::read_to_string(format!("{FOLDER}/tokens.json")).unwrap()).unwrap()
}

fn id(text: &str) -> KeyId {
    KeyId::parse(text).unwrap()
}

fn fetch(path_and_query: &str, now_epoch_s: u64) -> Fetch<'_> {
    Fetch {
        public_base: "https://photos.example",
        path_and_query,
        client: [192, 0, 2, 7].into(),
        now_epoch_s,
        may_verify: true,
    }
}

fn headers(request: &FunctionRequest) -> HeaderMap {
    let cookies = request.cookies.iter().map(|value| (COOKIE, value.parse().unwrap()));
    cookies.chain(request.authorization.iter().map(|value| (AUTHORIZATION, value.parse().unwrap()))).collect()
}

fn opens(ring: &TokenRing, token: &str, path: &str) -> Result<(), Denied> {
    let headers = [(COOKIE, format!("picup_media={token}").parse().unwrap())].into_iter().collect();
    ring.authorise(&headers, &fetch(path, NOW))
}

#[test]
fn the_vectors_are_what_their_maker_makes() {
    let made = Command::new("python3").arg(format!("{FOLDER}/make.py")).output().unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let kept = std::fs::read(format!("{FOLDER}/tokens.json")).unwrap();
    assert!(made.stdout == kept, "make them anew: cd {FOLDER} && python3 make.py > tokens.json");
}

#[test]
fn the_vectors_at_our_own_edge() {
    let Vectors { audience, secrets, cases } = vectors();
    let secrets = secrets.iter().map(|(name, text)| TokenSecret::parse(id(name), text).unwrap());
    let keys = secrets.map(|secret| TokenKey::secret(&secret));
    let ring = TokenRing::new(audience.parse().unwrap(), keys).unwrap();
    for Case { name, denied, request } in &cases {
        let verdict = ring.authorise(&headers(request), &fetch(&request.path, request.now));
        assert_eq!(verdict.err().map(Denied::label), denied.as_deref(), "{name}");
    }
    for label in Denied::ALL.map(Denied::label) {
        let of_a_policy = matches!(label, "address" | "limited");
        let shown = cases.iter().any(|case| case.denied.as_deref() == Some(label));
        assert!(shown || of_a_policy, "no vector is {label}");
    }
}

#[test]
fn the_vectors_at_the_cloudfront_function() {
    let Vectors { audience, secrets, cases } = vectors();
    let ids: Vec<_> = secrets.keys().map(|name| id(name)).collect();
    let function = cloudfront_function(&audience.parse().unwrap(), &ids).unwrap();
    let requests: Vec<_> = cases.iter().map(|case| case.request.clone()).collect();
    let answers = run_function(&function, &secrets, &requests).unwrap();
    assert_eq!(answers.len(), cases.len());
    let refused = answers.iter().zip(&cases).find(|(_, case)| case.denied.is_some()).unwrap().0.answer.clone();
    assert_eq!(refused["statusCode"], 403);
    for (answer, Case { name, denied, request }) in answers.iter().zip(&cases) {
        if let Some(reason) = denied {
            assert_eq!(answer.answer, refused, "{name}");
            // The secret is asked for last, as the signature is verified last here. It compares texts, so that it sees there what is no
            // base64.
            let last = reason == "signature" || OF_THE_SIGNATURE.contains(&name.as_str());
            assert_eq!(answer.looked, u32::from(last), "{name}");
            continue;
        }
        assert_eq!((answer.answer["uri"].as_str(), answer.looked), (Some(request.path.as_str()), 1), "{name}");
        let passed = answer.answer.to_string();
        assert!(!passed.contains("picup_media") && !passed.contains("authorization"), "{name}: {passed}");
        assert_eq!(passed.contains(r#""a":{"value":"b"}"#), request.cookies.iter().any(|line| line.contains("a=b")));
    }
}

#[test]
fn no_altered_byte_opens_at_the_function() {
    let Vectors { audience, secrets, cases } = vectors();
    let function = cloudfront_function(&audience.parse().unwrap(), &[id("T1")]).unwrap();
    let good = &cases[0].request;
    let token = good.cookies[0].strip_prefix("picup_media=").unwrap();
    let altered = |at: usize, other: char| {
        let shown = format!("picup_media={}{other}{}", &token[..at], &token[at + 1..]);
        FunctionRequest { cookies: vec![shown], ..good.clone() }
    };
    let bytes = token.bytes().enumerate();
    let mut requests: Vec<_> = bytes
        .flat_map(|(at, byte)| [char::from(byte ^ 1), char::from(byte ^ 2), 'A', '.'].map(|other| (at, byte, other)))
        .filter(|(_, byte, other)| char::from(*byte) != *other)
        .map(|(at, _, other)| altered(at, other))
        .collect();
    requests.push(good.clone());
    let answers = run_function(&function, &secrets, &requests).unwrap();
    let (last, others) = answers.split_last().unwrap();
    assert_eq!(last.answer["uri"], good.path);
    assert!(others.len() > 3 * token.len());
    for (answer, request) in others.iter().zip(&requests) {
        assert_eq!(answer.answer["statusCode"], 403, "{request:?}");
    }
}

#[test]
fn a_function_whose_secrets_are_missing_or_short_opens_nothing() {
    let Vectors { audience, secrets, cases } = vectors();
    let function = cloudfront_function(&audience.parse().unwrap(), &[id("T1")]).unwrap();
    let good = [cases[0].request.clone()];
    let opened = |secrets: &BTreeMap<String, String>| {
        run_function(&function, secrets, &good).unwrap()[0].answer["statusCode"].is_null()
    };
    assert!(opened(&secrets));
    let spaced = [("T1".to_owned(), format!("{}\n", secrets["T1"]))].into();
    assert!(opened(&spaced), "as it comes out of a file");
    assert!(!opened(&BTreeMap::new()));
    let short = &SECRET[..31];
    let claims = json!({"aud": "picup-media", "sub": "A", "iat": NOW, "exp": NOW + 60});
    let header = Header { kid: Some("T1".to_owned()), ..Header::new(Algorithm::HS256) };
    let signed = |secret: &str| encode(&header, &claims, &EncodingKey::from_secret(secret.as_bytes())).unwrap();
    for (secret, status) in [(short, json!(403)), (&SECRET[..32], json!(null))] {
        let cookies = vec![format!("picup_media={}", signed(secret))];
        let request = [FunctionRequest { cookies, ..good[0].clone() }];
        let answers = run_function(&function, &[("T1".to_owned(), secret.to_owned())].into(), &request).unwrap();
        assert_eq!(answers[0].answer["statusCode"], status, "{secret}");
    }
}

/// A ring of a P-256 key `P` and a secret `S`, and both.
fn both() -> (TokenRing, SigningKey, TokenSecret) {
    let key = SigningKey::generate(id("P"), &mut rand::rng());
    let secret = TokenSecret::parse(id("S"), SECRET).unwrap();
    let public = TokenKey::public(id("P"), &key.public_key_pem()).unwrap();
    (TokenRing::new(Audience::default(), [public, TokenKey::secret(&secret)]).unwrap(), key, secret)
}

fn terms(audience: &Audience) -> TokenTerms<'_> {
    TokenTerms { audience, owner: "A", issued_at_epoch_s: NOW, expires_at_epoch_s: NOW + 60 }
}

#[test]
fn what_we_sign_opens_and_is_the_same_each_time() {
    let ((ring, key, secret), audience) = (both(), Audience::default());
    for signer in [TokenSigner::Key(&key), TokenSigner::Secret(&secret)] {
        let token = media_token(signer, &terms(&audience)).unwrap();
        assert_eq!(media_token(signer, &terms(&audience)).unwrap(), token);
        assert_eq!(opens(&ring, &token, PATH), Ok(()));
        assert_eq!(opens(&ring, &token, "/media/B/1"), Err(Denied::Resource));
        let others = TokenTerms { owner: "B", ..terms(&audience) };
        assert_eq!(opens(&ring, &media_token(signer, &others).unwrap(), PATH), Err(Denied::Resource));
        let api = "picup-api".parse().unwrap();
        assert_eq!(opens(&ring, &media_token(signer, &terms(&api)).unwrap(), PATH), Err(Denied::Audience));
        assert_eq!(opens(&TokenRing::default(), &token, PATH), Err(Denied::Unsigned));
    }
}

/// Keys of the same ids, and others.
#[test]
fn what_others_sign_opens_nothing() {
    let ((ring, ..), (_, key, _), audience) = (both(), both(), Audience::default());
    let secret = TokenSecret::parse(id("S"), &SECRET.replace('a', "b")).unwrap();
    for signer in [TokenSigner::Key(&key), TokenSigner::Secret(&secret)] {
        let token = media_token(signer, &terms(&audience)).unwrap();
        assert_eq!(opens(&ring, &token, PATH), Err(Denied::Signature));
    }
}

/// A well-kept library, with the same keys: what it makes opens here, and what we make it believes.
#[test]
fn a_jwt_library_and_ours_agree() {
    let ((ring, key, secret), audience) = (both(), Audience::default());
    let claims = json!({"aud": "picup-media", "sub": "A", "iat": NOW, "exp": NOW + 60});
    for (algorithm, signer, encoding, decoding) in [
        (
            Algorithm::ES256,
            TokenSigner::Key(&key),
            EncodingKey::from_ec_pem(key.to_pem().as_bytes()).unwrap(),
            DecodingKey::from_ec_pem(key.public_key_pem().as_bytes()).unwrap(),
        ),
        (
            Algorithm::HS256,
            TokenSigner::Secret(&secret),
            EncodingKey::from_secret(SECRET.as_bytes()),
            DecodingKey::from_secret(SECRET.as_bytes()),
        ),
    ] {
        let kid = Some(if algorithm == Algorithm::ES256 { "P" } else { "S" }.to_owned());
        let theirs = encode(&Header { kid, ..Header::new(algorithm) }, &claims, &encoding).unwrap();
        assert_eq!(opens(&ring, &theirs, PATH), Ok(()), "{theirs}");
        let ours = media_token(signer, &terms(&audience)).unwrap();
        let mut validation = Validation::new(algorithm);
        validation.set_audience(&["picup-media"]);
        validation.validate_exp = false;
        assert_eq!(decode::<serde_json::Value>(&ours, &decoding, &validation).unwrap().claims, claims);
        // The confusion that JWTs are known for: the public key, which anybody may have, as the secret of an HMAC.
        let public = EncodingKey::from_secret(key.public_key_pem().as_bytes());
        let header = Header { kid: Some("P".to_owned()), ..Header::new(Algorithm::HS256) };
        assert_eq!(opens(&ring, &encode(&header, &claims, &public).unwrap(), PATH), Err(Denied::Algorithm));
    }
}

#[test]
fn without_leave_only_what_was_seen_opens() {
    let ((ring, key, secret), audience) = (both(), Audience::default());
    for signer in [TokenSigner::Key(&key), TokenSigner::Secret(&secret)] {
        let token = media_token(signer, &terms(&audience)).unwrap();
        let headers: HeaderMap = [(AUTHORIZATION, format!("Bearer {token}").parse().unwrap())].into_iter().collect();
        let without = Fetch { may_verify: false, ..fetch(PATH, NOW) };
        assert_eq!(ring.authorise(&headers, &without), Err(Denied::Limited));
        assert_eq!(ring.authorise(&headers, &fetch(PATH, NOW)), Ok(()));
        assert_eq!(ring.authorise(&headers, &without), Ok(()));
        // What it says is asked anew each time.
        assert_eq!(ring.authorise(&headers, &Fetch { now_epoch_s: NOW + 60, ..without }), Err(Denied::Expired));
        assert_eq!(ring.authorise(&headers, &Fetch { path_and_query: "/media/B/1", ..without }), Err(Denied::Resource));
    }
}

#[test]
fn keys_that_cannot_be_used_are_told() {
    let key = SigningKey::generate(id("P"), &mut rand::rng());
    let pem = key.public_key_pem();
    let rsa = rsa::PrivateKey::new(&mut rand::rng(), 2048).unwrap().to_pkcs1_pem(LineEnding::LF).unwrap();
    let rsa = SigningKey::from_pem(id("R"), &rsa).unwrap();
    for wrong in ["", "hello", &rsa.public_key_pem(), &key.to_pem()] {
        assert!(TokenKey::public(id("P"), wrong).is_err(), "{wrong}");
    }
    let audience = Audience::default();
    assert!(media_token(TokenSigner::Key(&rsa), &terms(&audience)).is_err());
    let twice = [TokenKey::public(id("P"), &pem).unwrap(), TokenKey::public(id("P"), &pem).unwrap()];
    let told = TokenRing::new(Audience::default(), twice).unwrap_err().to_string();
    assert_eq!(told, "token key P is given twice");
}

proptest! {
    /// Whatever character of a token is another one, it opens nothing: not the same, and not what the change might say.
    #[test]
    fn no_altered_byte_opens(at: prop::sample::Index, other in "[A-Za-z0-9._-]", lasting in 1_u64..3600, by_key: bool) {
        let ((ring, key, secret), audience) = (both(), Audience::default());
        let signer = if by_key { TokenSigner::Key(&key) } else { TokenSigner::Secret(&secret) };
        let token = media_token(signer, &TokenTerms { expires_at_epoch_s: NOW + lasting, ..terms(&audience) }).unwrap();
        prop_assert_eq!(opens(&ring, &token, PATH), Ok(()));
        let at = at.index(token.len());
        let altered = format!("{}{other}{}", &token[..at], &token[at + 1..]);
        prop_assert_eq!(opens(&ring, &altered, PATH).is_ok(), altered == token);
        let cut = &token[..at];
        prop_assert!(opens(&ring, cut, PATH).is_err());
    }
}
