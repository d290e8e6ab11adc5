//! The set of CloudFront cookies, or the one with a token: made for a browser, and the former found again in its requests.
//!
//! `app` makes the pairs and `api` sets them with the attributes it decides; the gateway reads them. Nothing here judges:
//! that is `verify`.

use std::fmt;

use http::HeaderMap;
use http::header::COOKIE;

use crate::bearer::TOKEN_COOKIE;
use crate::encoding::encode;
use crate::presented::{Ambiguous, Presented};
use crate::{Form, HashAlgorithm, Policy, SigningKey};

const PREFIX: &str = "CloudFront-";
const EXPIRES: &str = "CloudFront-Expires";
const POLICY: &str = "CloudFront-Policy";
const SIGNATURE: &str = "CloudFront-Signature";
const KEY_PAIR_ID: &str = "CloudFront-Key-Pair-Id";
const HASH_ALGORITHM: &str = "CloudFront-Hash-Algorithm";

/// The cookies that together open one resource. They are a bearer token, so `Debug` shows no value.
#[derive(Clone, PartialEq, Eq)]
pub struct SignedCookies(Vec<(&'static str, String)>);

impl SignedCookies {
    /// Each cookie's name and value. The values need no quoting or encoding in a `Set-Cookie` header.
    ///
    /// All must be set with one same `Path` and `Domain`: of two cookies of one name the verifier trusts neither.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.0.iter().map(|(name, value)| (*name, value.as_str()))
    }

    /// The cookie with a token of [`crate::media_token`], in the place of CloudFront's.
    #[must_use]
    pub fn of_token(token: String) -> Self {
        Self(vec![(TOKEN_COOKIE, token)])
    }

    /// The names of all cookies ever set, for the answer that clears them at sign-out: the one list of them.
    pub const NAMES: [&'static str; 6] = [EXPIRES, POLICY, SIGNATURE, KEY_PAIR_ID, HASH_ALGORITHM, TOKEN_COOKIE];
}

impl fmt::Debug for SignedCookies {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("SignedCookies(…)")
    }
}

/// The cookies that give whoever holds them the right that `policy` gives.
///
/// The same arguments always give the same cookies.
pub fn signed_cookies(key: &SigningKey, hash: HashAlgorithm, policy: &Policy, form: Form) -> SignedCookies {
    let json = policy.to_json();
    let may_be_canned = policy.is_of_time_alone() && !policy.resource.has_wildcard();
    let terms = if form == Form::Shortest && may_be_canned {
        (EXPIRES, policy.expires_at_epoch_s.to_string())
    } else {
        (POLICY, encode(json.as_bytes()))
    };
    let signature = encode(&key.sign(hash, json.as_bytes()));
    let mut cookies = vec![terms, (SIGNATURE, signature), (KEY_PAIR_ID, key.id().as_str().to_owned())];
    cookies.extend(hash.name().map(|name| (HASH_ALGORITHM, name.to_owned())));
    SignedCookies(cookies)
}

/// Finds the values in every `Cookie` header (HTTP/2 may split them over several, RFC 9113 §8.2.3).
///
/// A name of CloudFront's that is none of the five makes the whole ambiguous too, and so does a header that is no visible ASCII.
pub(crate) fn in_cookies(headers: &HeaderMap) -> Result<Presented<'_>, Ambiguous> {
    let mut presented = Presented::default();
    for header in headers.get_all(COOKIE) {
        let bytes = header.as_bytes();
        let Ok(text) = header.to_str() else {
            // Another program's cookie may hold anything; ours may not hide in a header that we cannot read.
            if bytes.windows(PREFIX.len()).any(|window| window == PREFIX.as_bytes()) {
                return Err(Ambiguous);
            }
            continue;
        };
        for (name, value) in text.split(';').filter_map(|pair| pair.split_once('=')) {
            let Some(name) = name.trim_matches([' ', '\t']).strip_prefix(PREFIX) else { continue };
            if !presented.take(name, value.trim_matches([' ', '\t']))? {
                return Err(Ambiguous);
            }
        }
    }
    Ok(presented)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{KeyId, Resource};
    use http::HeaderValue;
    use proptest::prelude::*;

    fn headers(values: &[&[u8]]) -> HeaderMap {
        values.iter().map(|value| (COOKIE, HeaderValue::from_bytes(value).unwrap())).collect()
    }

    #[test]
    fn finds_them_among_others_and_over_several_headers() {
        let map =
            headers(&[b"a=b; CloudFront-Policy=p_; x", b"CloudFront-Signature=s=;CloudFront-Key-Pair-Id=k", b"\xff=1"]);
        let mut expected = Presented::default();
        for (name, value) in [("Policy", "p_"), ("Signature", "s="), ("Key-Pair-Id", "k")] {
            assert_eq!(expected.take(name, value), Ok(true));
        }
        assert_eq!(in_cookies(&map), Ok(expected));
        assert!(in_cookies(&headers(&[b"a=b", b"cloudfront-policy=p"])).unwrap().is_empty());
    }

    #[test]
    fn a_name_given_twice_is_ambiguous_even_with_one_value() {
        for values in [
            &[b"CloudFront-Policy=p; CloudFront-Policy=p".as_slice()] as &[&[u8]],
            &[b"CloudFront-Policy=p", b"CloudFront-Policy=q"],
            &[b"CloudFront-Other=1"],
            &[b"x=\xff; CloudFront-Policy=p"],
        ] {
            assert_eq!(in_cookies(&headers(values)), Err(Ambiguous));
        }
    }

    #[test]
    fn values_are_cookie_safe_and_debug_tells_none() {
        let key = SigningKey::generate(KeyId::parse("K1").unwrap(), &mut rand::rng());
        let folder = Policy::until(Resource::under("https://a", "/media/1/").unwrap(), 9);
        let one = Policy::until(Resource::parse("https://a/media/1").unwrap(), 9);
        for (hash, policy, names) in [
            (HashAlgorithm::Sha256, &folder, &[POLICY, SIGNATURE, KEY_PAIR_ID, HASH_ALGORITHM] as &[_]),
            (HashAlgorithm::Sha256, &one, &[EXPIRES, SIGNATURE, KEY_PAIR_ID, HASH_ALGORITHM]),
            (HashAlgorithm::Sha1, &one, &[EXPIRES, SIGNATURE, KEY_PAIR_ID]),
        ] {
            let cookies = signed_cookies(&key, hash, policy, Form::Shortest);
            assert_eq!(cookies.iter().map(|(name, _)| name).collect::<Vec<_>>(), names);
            assert!(names.iter().all(|name| SignedCookies::NAMES.contains(name)));
            for (_, value) in cookies.iter() {
                assert!(value.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-~_".contains(&byte)), "{value}");
            }
            assert_eq!(format!("{cookies:?}"), "SignedCookies(…)");
        }
        let token = SignedCookies::of_token("t.o-k_en".to_owned());
        assert_eq!(token.iter().collect::<Vec<_>>(), [(SignedCookies::NAMES[5], "t.o-k_en")]);
    }

    proptest! {
        #[test]
        fn never_panics(bytes: Vec<u8>) {
            if let Ok(value) = HeaderValue::from_bytes(&bytes) {
                let map: HeaderMap = [(COOKIE, value)].into_iter().collect();
                let _ = in_cookies(&map);
            }
        }
    }
}
