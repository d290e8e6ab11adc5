//! Other edges before this one: each has asked for the right of who reads there, shows a secret, and gets what it asks for.

use http::{HeaderMap, HeaderName};
use sha2::{Digest as _, Sha256};

/// Carries the secret, from edge to edge.
pub const EDGE_SECRET: HeaderName = HeaderName::from_static("x-picup-edge");

/// The secrets that are good here; none unless said otherwise. Two while one takes the other's place.
#[derive(Clone, Default)]
pub struct EdgeSecrets(Vec<[u8; 32]>);

impl std::fmt::Debug for EdgeSecrets {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "EdgeSecrets({})", self.0.len())
    }
}

impl EdgeSecrets {
    /// Keeps what tells them from others, and not the secrets.
    pub fn new<'a>(secrets: impl IntoIterator<Item = &'a str>) -> Self {
        Self(secrets.into_iter().map(|secret| Sha256::digest(secret).into()).collect())
    }

    /// Whether the secret that is shown is good; `None` when none is shown, or none could be good.
    pub(crate) fn shown(&self, headers: &HeaderMap) -> Option<bool> {
        let mut shown = headers.get_all(EDGE_SECRET).iter();
        let (secret, more) = (shown.next()?, shown.next());
        if self.0.is_empty() {
            return None;
        }
        let shown: [u8; 32] = Sha256::digest(secret.as_bytes()).into();
        // Every byte of every one, however early it is clear: nothing is learnt from the time it takes.
        let equal = |good: &[u8; 32]| good.iter().zip(&shown).fold(0, |differs, (a, b)| differs | (a ^ b)) == 0;
        Some(self.0.iter().fold(false, |found, good| found | equal(good)) && more.is_none())
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn a_secret_is_good_where_it_is_known_and_shown_once() {
        let secrets = EdgeSecrets::new(["the new one", "the old one"]);
        let mut headers = HeaderMap::new();
        assert_eq!(secrets.shown(&headers), None);
        for (secret, good) in [("the new one", true), ("the old one", true), ("the new on", false), ("", false)] {
            headers.insert(EDGE_SECRET, HeaderValue::from_str(secret).unwrap());
            assert_eq!(secrets.shown(&headers), Some(good), "{secret}");
            assert_eq!(EdgeSecrets::default().shown(&headers), None);
        }
        headers.insert(EDGE_SECRET, HeaderValue::from_static("the new one"));
        headers.append(EDGE_SECRET, HeaderValue::from_static("the new one"));
        assert_eq!(secrets.shown(&headers), Some(false));
        assert_eq!(format!("{secrets:?}"), "EdgeSecrets(2)");
    }
}
