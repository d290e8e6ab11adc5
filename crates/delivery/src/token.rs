//! A media token: a JWT that opens everything of one account, the owner in the path, for a while. What it says is read and judged here,
//! before any cryptography; whether its key has signed it is asked by [`crate::TokenRing`].
//!
//! It is read more strictly than a JWT has to be (RFC 7519): of each value there is one spelling, and what is not known is refused,
//! because a restriction that we skipped would be a right we invented. The CloudFront Function in `function.js.in` reads the same way;
//! `tests/vectors/tokens.json` holds both to it.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::policy::present;
use crate::{Audience, Denied};

/// Longest token that is read. Ours have near 300 bytes.
const MAX_TOKEN_BYTES: usize = 2048;
/// The longest that a token may hold, in seconds: it cannot be taken back but by retiring its key.
pub(crate) const LONGEST_S: u64 = 24 * 60 * 60;
/// How far the clock of who made it may be ahead, in seconds.
const AHEAD_S: u64 = 60;
/// What the paths of all media begin with.
const MEDIA: &str = "/media/";

/// How a token is signed. Which one it has to be is the key's to say, never the token's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Algorithm {
    /// P-256 over SHA-256.
    #[serde(rename = "ES256")]
    Es256,
    /// HMAC with SHA-256: whoever checks could make one too.
    #[serde(rename = "HS256")]
    Hs256,
}

#[derive(Serialize, Deserialize)]
enum Kind {
    #[serde(rename = "JWT")]
    Jwt,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    alg: Algorithm,
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    typ: Option<Kind>,
    kid: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Claims {
    aud: String,
    sub: String,
    iat: u64,
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    nbf: Option<u64>,
    exp: u64,
}

/// What a token is to say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TokenTerms<'a> {
    /// Whom it is for.
    pub audience: &'a Audience,
    /// Whose media it opens: the account as in `/media/{owner}/`.
    pub owner: &'a str,
    /// When it is made, in seconds since 1970, UTC.
    pub issued_at_epoch_s: u64,
    /// First second at which it opens nothing any more.
    pub expires_at_epoch_s: u64,
}

/// A token that has been taken apart.
pub(crate) struct Shown<'a> {
    pub(crate) algorithm: Algorithm,
    pub(crate) key_id: String,
    /// What was signed, as it came.
    pub(crate) signed: &'a str,
    pub(crate) signature: Vec<u8>,
    claims: Claims,
}

impl<'a> Shown<'a> {
    /// Takes it apart.
    ///
    /// # Errors
    /// [`Denied::Malformed`] for whatever is not as it should be, an algorithm included that no key has.
    pub(crate) fn read(token: &'a str) -> Result<Self, Denied> {
        if token.len() > MAX_TOKEN_BYTES {
            return Err(Denied::Malformed);
        }
        let (signed, signature) = token.rsplit_once('.').ok_or(Denied::Malformed)?;
        let (header, claims) = signed.split_once('.').ok_or(Denied::Malformed)?;
        let Header { alg, kid, .. } = json(header)?;
        // A third dot is in the claims, and no base64.
        Ok(Self { algorithm: alg, key_id: kid, signed, signature: decode(signature)?, claims: json(claims)? })
    }

    /// Everything that it says and that needs no cryptography, for the path and query asked for.
    ///
    /// # Errors
    /// The first [`Denied`] reason met.
    pub(crate) fn holds(&self, audience: &Audience, path_and_query: &str, now_epoch_s: u64) -> Result<(), Denied> {
        let Claims { aud, sub, iat, nbf, exp } = &self.claims;
        if aud != audience.as_str() {
            return Err(Denied::Audience);
        }
        if now_epoch_s >= *exp {
            return Err(Denied::Expired);
        }
        if *iat > now_epoch_s.saturating_add(AHEAD_S) || nbf.is_some_and(|begins| now_epoch_s < begins) {
            return Err(Denied::NotYet);
        }
        if exp.saturating_sub(*iat) > LONGEST_S {
            return Err(Denied::Lifetime);
        }
        if is_of(path_and_query, sub) { Ok(()) } else { Err(Denied::Resource) }
    }
}

/// Whether it is an account as in a path.
pub(crate) fn is_owner(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    (1..=64).contains(&text.len()) && text.bytes().all(allowed)
}

/// Whether the path is of a medium of `owner`: plain names below the owner's folder and nothing else, so that no program can read it as
/// another one's, an escape or a query included.
fn is_of(path_and_query: &str, owner: &str) -> bool {
    let below = path_and_query.strip_prefix(MEDIA).and_then(|rest| rest.strip_prefix(owner)?.strip_prefix('/'));
    let plain = |name: &str| {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
        !matches!(name, "" | "." | "..") && name.bytes().all(allowed)
    };
    is_owner(owner) && below.is_some_and(|below| below.split('/').all(plain))
}

/// The text that is signed.
pub(crate) fn to_sign(algorithm: Algorithm, key_id: &str, terms: &TokenTerms<'_>) -> String {
    let header = Header { alg: algorithm, typ: Some(Kind::Jwt), kid: key_id.to_owned() };
    let claims = Claims {
        aud: terms.audience.to_string(),
        sub: terms.owner.to_owned(),
        iat: terms.issued_at_epoch_s,
        nbf: None,
        exp: terms.expires_at_epoch_s,
    };
    format!("{}.{}", encode_json(&header), encode_json(&claims))
}

/// Bytes to base64url without padding.
pub(crate) fn encode(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

fn encode_json(value: &impl Serialize) -> String {
    encode(&serde_json::to_vec(value).expect("texts and numbers always serialise"))
}

/// The other way; padding and bits beyond the last byte are refused.
fn decode(text: &str) -> Result<Vec<u8>, Denied> {
    URL_SAFE_NO_PAD.decode(text).map_err(|_| Denied::Malformed)
}

/// Reads a part: JSON without spaces and escapes, so that a name or value has one spelling, and without any that is not known or
/// stands there twice.
fn json<T: DeserializeOwned>(part: &str) -> Result<T, Denied> {
    let bytes = decode(part)?;
    if !bytes.iter().all(|byte| byte.is_ascii_graphic() && *byte != b'\\') {
        return Err(Denied::Malformed);
    }
    serde_json::from_slice(&bytes).map_err(|_| Denied::Malformed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_path_is_of_one_owner_alone() {
        for path in ["/media/A/1/view/preview.1.webp", "/media/A/x", "/media/A/..a/b.."] {
            assert!(is_of(path, "A"), "{path}");
        }
        for path in [
            "/media/AB/x",
            "/media/a/x",
            "/media/B/x",
            "/media/A",
            "/media/A/",
            "/media/A/x/",
            "/media//A/x",
            "/media/A//x",
            "/media/A/./x",
            "/media/A/../B/x",
            "/media/A/..",
            "/media/A/%2e%2e/B/x",
            "/media/A/%78",
            "/media/A/x\\y",
            "/media/A/x?y",
            "/media/A/x?",
            "/media/A/x#y",
            "/media/A/é",
            "/api/media/A/x",
            "media/A/x",
            "/MEDIA/A/x",
        ] {
            assert!(!is_of(path, "A"), "{path}");
        }
        for owner in ["", ".", "..", "A/B", "A%2fB", &"x".repeat(65)] {
            assert!(!is_of(&format!("/media/{owner}/x"), owner), "{owner}");
        }
    }

    proptest! {
        #[test]
        fn never_panics(text: String, header in "[ -~]{0,40}", claims in "[ -~]{0,60}") {
            let near = format!("{}.{}.AAAA", encode(header.as_bytes()), encode(claims.as_bytes()));
            for token in [&text, &near] {
                if let Ok(shown) = Shown::read(token) {
                    let _ = shown.holds(&Audience::default(), "/media/A/x", 9);
                }
            }
        }
    }
}
