//! Addresses that stay the same for a while, so that browsers and CDNs keep what they open, and that are signed once in it.

use quick_cache::sync::Cache;

use crate::{
    AddressRange, Form, HashAlgorithm, KeyId, Policy, Resource, ResourceError, SignError, SigningKey, signed_url,
};

/// How many are remembered: some 500 bytes each.
const REMEMBERED: usize = 10_000;

/// Signs addresses over SHA-256, by windows of time, and remembers what it signed.
pub struct WindowSigner {
    signed: Cache<(KeyId, String, u64), String>,
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
    pub fn new() -> Self {
        Self { signed: Cache::new(REMEMBERED) }
    }

    /// `url` with the right to it and to nothing else, for at least `window_s` seconds after `now_epoch_s` and for less than twice as
    /// long. Everywhere in one window it is the same, in every process that has the key.
    ///
    /// # Errors
    /// When `url` is not absolute, or cannot be signed.
    pub fn url(&self, key: &SigningKey, url: &str, now_epoch_s: u64, window_s: u64) -> Result<String, WindowError> {
        self.remembered(key, url.to_owned(), end(now_epoch_s, window_s), |ends| {
            let policy = Policy::until(Resource::parse(url)?, ends);
            Ok(signed_url(key, HashAlgorithm::Sha256, url, &policy, Form::Shortest)?)
        })
    }

    /// The query, without its `?`, with which every address below a folder opens, for as long as [`WindowSigner::url`] says:
    /// `folder(key, "https://photos.example", "/media/OWNER/ASSET/view/", …)`. With `clients`, for them alone.
    ///
    /// # Errors
    /// When that is no folder.
    pub fn folder(
        &self,
        key: &SigningKey,
        public_base: &str,
        folder: &str,
        clients: Option<AddressRange>,
        now_epoch_s: u64,
        window_s: u64,
    ) -> Result<String, WindowError> {
        let url = format!("{public_base}{folder}");
        let for_whom = clients.map(|clients| format!(" {clients}")).unwrap_or_default();
        self.remembered(key, format!("{url}{for_whom}"), end(now_epoch_s, window_s), |ends| {
            let policy = Policy { addresses: clients, ..Policy::until(Resource::under(public_base, folder)?, ends) };
            let signed = signed_url(key, HashAlgorithm::Sha256, &url, &policy, Form::Custom)?;
            Ok(signed[url.len() + 1..].to_owned())
        })
    }

    fn remembered(
        &self,
        key: &SigningKey,
        what: String,
        ends: u64,
        sign: impl FnOnce(u64) -> Result<String, WindowError>,
    ) -> Result<String, WindowError> {
        let named = (key.id().clone(), what, ends);
        if let Some(signed) = self.signed.get(&named) {
            return Ok(signed);
        }
        let signed = sign(ends)?;
        self.signed.insert(named, signed.clone());
        Ok(signed)
    }
}

impl Default for WindowSigner {
    fn default() -> Self {
        Self::new()
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

    fn key(name: &str) -> SigningKey {
        SigningKey::generate(KeyId::parse(name).unwrap(), &mut rand::rng())
    }

    #[test]
    fn an_address_is_the_same_in_its_window_and_in_every_process() {
        let (key, other) = (key("K1"), key("K2"));
        let (one, two) = (WindowSigner::new(), WindowSigner::new());
        let url = "https://cdn.example/media/a/1.jpg";
        let signed = one.url(&key, url, 600, 600).unwrap();
        assert!(signed.contains("?Expires=1800&"), "{signed}");
        for now in [600, 601, 1_199] {
            assert_eq!(one.url(&key, url, now, 600).as_ref(), Ok(&signed));
            assert_eq!(two.url(&key, url, now, 600).as_ref(), Ok(&signed));
        }
        assert_ne!(one.url(&key, url, 1_200, 600).as_ref(), Ok(&signed));
        assert_ne!(one.url(&other, url, 600, 600).as_ref(), Ok(&signed), "a new key signs anew");
        assert_ne!(one.url(&key, "https://cdn.example/media/a/2.jpg", 600, 600).as_ref(), Ok(&signed));
        assert_eq!(one.url(&key, "/media/a", 600, 600), Err(WindowError::Resource(ResourceError::NotAbsolute)));
        assert_eq!(one.url(&key, "https://a/b?Expires=1", 600, 600), Err(WindowError::Sign(SignError::Signed)));
    }

    #[test]
    fn a_folder_opens_what_is_below_it_and_nothing_else() {
        let key = key("K1");
        let pem = key.public_key_pem();
        let keyring = crate::Keyring::from_pems([(key.id().clone(), pem.as_str())]).unwrap();
        let signer = WindowSigner::new();
        let base = "https://photos.example";
        let right = signer.folder(&key, base, "/media/a/1/view/", None, 600, 300).unwrap();
        let opens_by = |right: &str, path: &str, client: [u8; 4], now_epoch_s| {
            let (path_and_query, client) = (&format!("{path}?{right}"), client.into());
            let fetch = crate::Fetch { public_base: base, path_and_query, client, now_epoch_s, may_verify: true };
            crate::authorise(&keyring, &http::HeaderMap::new(), &fetch).is_ok()
        };
        let opens = |path: &str, now_epoch_s| opens_by(&right, path, [192, 0, 2, 1], now_epoch_s);
        assert!(opens("/media/a/1/view/thumbnail.1.webp", 600) && opens("/media/a/1/view/preview.1.jpg", 1_199));
        assert!(!opens("/media/a/1/view/preview.1.jpg", 1_200), "its time is over");
        for other in ["/media/a/1/file/original.1.jpg", "/media/a/2/view/preview.1.jpg", "/media/a/1/view"] {
            assert!(!opens(other, 600), "{other}");
        }
        assert!(
            signer.folder(&key, base, "/media/a/1/view", None, 600, 300).is_err(),
            "without its last slash it would open more"
        );
    }

    proptest! {
        #[test]
        fn it_holds_for_one_window_to_two(now in 0_u64..1 << 40, window in 1_u64..1 << 20) {
            prop_assert!((now + window + 1..=now + 2 * window).contains(&end(now, window)));
        }
    }
}
