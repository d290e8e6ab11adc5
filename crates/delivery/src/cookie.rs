//! The set of CloudFront cookies: made for a browser, and found again in its requests.
//!
//! `app` makes the pairs and `api` sets them with the attributes it decides; the gateway reads them. Nothing here judges:
//! that is `verify`.

use std::fmt;

use http::HeaderMap;
use http::header::COOKIE;

use crate::encoding::encode;
use crate::{Policy, Resource, SigningKey};

const POLICY: &str = "CloudFront-Policy";
const SIGNATURE: &str = "CloudFront-Signature";
const KEY_PAIR_ID: &str = "CloudFront-Key-Pair-Id";
const HASH_ALGORITHM: &str = "CloudFront-Hash-Algorithm";
const PREFIX: &str = "CloudFront-";

/// The cookies that together open one resource. They are a bearer token, so `Debug` shows no value.
#[derive(Clone, PartialEq, Eq)]
pub struct SignedCookies([(&'static str, String); 4]);

impl SignedCookies {
    /// Each cookie's name and value. The values need no quoting or encoding in a `Set-Cookie` header.
    ///
    /// All must be set with one same `Path` and `Domain`: of two cookies of one name the verifier trusts neither.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.0.iter().map(|(name, value)| (*name, value.as_str()))
    }

    /// The names of all cookies ever set, for the answer that clears them at sign-out: the one list of them.
    pub const NAMES: [&'static str; 4] = [POLICY, SIGNATURE, KEY_PAIR_ID, HASH_ALGORITHM];
}

impl fmt::Debug for SignedCookies {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("SignedCookies(…)")
    }
}

/// The cookies that open `resource` until `expires_at_epoch_s` (seconds since 1970, UTC) to whoever holds them.
///
/// The same arguments always give the same cookies.
pub fn signed_cookies(key: &SigningKey, resource: &Resource, expires_at_epoch_s: u64) -> SignedCookies {
    let policy =
        Policy { resource: resource.clone(), expires_at_epoch_s, not_before_epoch_s: None, addresses: None }.to_json();
    let signature = key.sign(policy.as_bytes());
    SignedCookies([
        (POLICY, encode(policy.as_bytes())),
        (SIGNATURE, encode(&signature)),
        (KEY_PAIR_ID, key.id().as_str().to_owned()),
        (HASH_ALGORITHM, "SHA256".to_owned()),
    ])
}

/// The CloudFront cookies of one request, as sent: not yet decoded, not yet believed.
#[derive(Clone, Copy, Default)]
pub(crate) struct CookieSet<'a> {
    pub(crate) policy: Option<&'a str>,
    pub(crate) signature: Option<&'a str>,
    pub(crate) key_pair_id: Option<&'a str>,
    pub(crate) hash_algorithm: Option<&'a str>,
}

/// Why a request's cookies make no set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ambiguous;

impl<'a> CookieSet<'a> {
    /// Finds the cookies in every `Cookie` header (HTTP/2 may split them over several, RFC 9113 §8.2.3).
    ///
    /// A name given twice is ambiguous, whatever the values: which one counts differs between programs, and the gap would
    /// be an attacker's. So are a name of CloudFront's that we do not honour, and a header that is no visible ASCII.
    pub(crate) fn find(headers: &'a HeaderMap) -> Result<Self, Ambiguous> {
        let mut set = Self::default();
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
                set.take(name.trim_matches([' ', '\t']), value.trim_matches([' ', '\t']))?;
            }
        }
        Ok(set)
    }

    fn take(&mut self, name: &str, value: &'a str) -> Result<(), Ambiguous> {
        let slot = match name {
            POLICY => &mut self.policy,
            SIGNATURE => &mut self.signature,
            KEY_PAIR_ID => &mut self.key_pair_id,
            HASH_ALGORITHM => &mut self.hash_algorithm,
            other if other.starts_with(PREFIX) => return Err(Ambiguous),
            _ => return Ok(()),
        };
        match slot.replace(value) {
            None => Ok(()),
            Some(_) => Err(Ambiguous),
        }
    }

    /// Whether the request carries none of them.
    pub(crate) fn is_empty(&self) -> bool {
        self.policy.is_none() && self.signature.is_none() && self.key_pair_id.is_none() && self.hash_algorithm.is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::KeyId;
    use http::HeaderValue;
    use proptest::prelude::*;

    fn headers(values: &[&[u8]]) -> HeaderMap {
        values.iter().map(|value| (COOKIE, HeaderValue::from_bytes(value).unwrap())).collect()
    }

    #[test]
    fn finds_them_among_others_and_over_several_headers() {
        let map =
            headers(&[b"a=b; CloudFront-Policy=p_; x", b"CloudFront-Signature=s=;CloudFront-Key-Pair-Id=k", b"\xff=1"]);
        let set = CookieSet::find(&map).unwrap();
        assert_eq!((set.policy, set.signature, set.key_pair_id), (Some("p_"), Some("s="), Some("k")));
        assert_eq!(set.hash_algorithm, None);
        assert!(CookieSet::find(&headers(&[b"a=b", b"cloudfront-policy=p"])).unwrap().is_empty());
    }

    #[test]
    fn a_name_given_twice_is_ambiguous_even_with_one_value() {
        for values in [
            &[b"CloudFront-Policy=p; CloudFront-Policy=p".as_slice()] as &[&[u8]],
            &[b"CloudFront-Policy=p", b"CloudFront-Policy=q"],
            &[b"CloudFront-Expires=1"],
            &[b"x=\xff; CloudFront-Policy=p"],
        ] {
            assert_eq!(CookieSet::find(&headers(values)).err(), Some(Ambiguous));
        }
    }

    #[test]
    fn values_are_cookie_safe_and_debug_tells_none() {
        let key = SigningKey::generate(KeyId::parse("K1").unwrap(), &mut rand::rng());
        let cookies = signed_cookies(&key, &Resource::under("https://a", "/media/1/").unwrap(), 9);
        assert_eq!(cookies.iter().map(|(name, _)| name).collect::<Vec<_>>(), SignedCookies::NAMES);
        for (_, value) in cookies.iter() {
            assert!(value.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-~_".contains(&byte)), "{value}");
        }
        assert_eq!(format!("{cookies:?}"), "SignedCookies(…)");
    }

    proptest! {
        #[test]
        fn never_panics(bytes: Vec<u8>) {
            if let Ok(value) = HeaderValue::from_bytes(&bytes) {
                let map: HeaderMap = [(COOKIE, value)].into_iter().collect();
                let _ = CookieSet::find(&map);
            }
        }
    }
}
