//! Addresses that stay the same for a while, so that browsers and CDNs keep what they open, and that are signed once in it.

use quick_cache::sync::Cache;

use crate::{Form, HashAlgorithm, Policy, Resource, ResourceError, SignError, SigningKey, signed_url};

/// How many are remembered: some 300 bytes each.
const REMEMBERED: usize = 10_000;

/// Signs addresses of one key over SHA-256, by windows of time.
pub struct WindowSigner {
    key: SigningKey,
    signed: Cache<(String, u64), String>,
}

/// Why an address was not signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum WindowError {
    /// It is none that a policy can name.
    #[error(transparent)]
    Resource(#[from] ResourceError),
    /// It is none that can be signed.
    #[error(transparent)]
    Sign(#[from] SignError),
}

impl WindowSigner {
    /// A signer that has signed nothing yet.
    #[must_use]
    pub fn new(key: SigningKey) -> Self {
        Self { key, signed: Cache::new(REMEMBERED) }
    }

    /// `url` with the right to it and to nothing else, for at least `window_s` seconds after `now_epoch_s` and for less than twice as
    /// long. Everywhere in one window it is the same, in every process that has the key.
    ///
    /// # Errors
    /// When `url` is not absolute, or cannot be signed.
    pub fn sign(&self, url: &str, now_epoch_s: u64, window_s: u64) -> Result<String, WindowError> {
        let ends = end(now_epoch_s, window_s);
        let named = (url.to_owned(), ends);
        if let Some(signed) = self.signed.get(&named) {
            return Ok(signed);
        }
        let policy = Policy::until(Resource::parse(url)?, ends);
        let signed = signed_url(&self.key, HashAlgorithm::Sha256, url, &policy, Form::Shortest)?;
        self.signed.insert(named, signed.clone());
        Ok(signed)
    }
}

/// The end of the window after the one that `now_epoch_s` is in.
fn end(now_epoch_s: u64, window_s: u64) -> u64 {
    let window = window_s.max(1);
    (now_epoch_s / window).saturating_add(2).saturating_mul(window)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::KeyId;
    use proptest::prelude::*;

    #[test]
    fn an_address_is_the_same_in_its_window_and_in_every_process() {
        let key = SigningKey::generate(KeyId::parse("K1").unwrap(), &mut rand::rng());
        let (one, two) = (WindowSigner::new(key.clone()), WindowSigner::new(key));
        let url = "https://cdn.example/media/a/1.jpg";
        let signed = one.sign(url, 600, 600).unwrap();
        assert!(signed.contains("?Expires=1800&"), "{signed}");
        for now in [600, 601, 1_199] {
            assert_eq!(one.sign(url, now, 600).as_ref(), Ok(&signed));
            assert_eq!(two.sign(url, now, 600).as_ref(), Ok(&signed));
        }
        assert_ne!(one.sign(url, 1_200, 600).as_ref(), Ok(&signed));
        assert_ne!(one.sign("https://cdn.example/media/a/2.jpg", 600, 600).as_ref(), Ok(&signed));
        assert_eq!(one.sign("/media/a", 600, 600), Err(WindowError::Resource(ResourceError::NotAbsolute)));
        assert_eq!(one.sign("https://a/b?Expires=1", 600, 600), Err(WindowError::Sign(SignError::Signed)));
    }

    proptest! {
        #[test]
        fn it_holds_for_one_window_to_two(now in 0_u64..1 << 40, window in 1_u64..1 << 20) {
            prop_assert!((now + window + 1..=now + 2 * window).contains(&end(now, window)));
        }
    }
}
