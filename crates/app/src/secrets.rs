//! The keys this room signs with. `picup` reads them; nobody prints them.

use std::fmt;
use std::sync::Arc;

use picup_delivery::{SigningKey, TokenSecret};
use tokio::sync::watch;

/// Key material. Never shown, not even by `Debug`.
#[derive(Clone)]
pub struct Secrets {
    /// Signs access tokens: a P-256 private key as PKCS#8 PEM.
    pub access_key_pem: Arc<picup_delivery::Zeroizing<String>>,
    /// Its public half as SPKI PEM.
    pub access_public_pem: Arc<str>,
    /// Signs what only this PicUp has to check: the addresses of parts, and the steps of refresh tokens. 32 random bytes.
    pub server_key: [u8; 32],
    /// Signs what opens media. Another may come while PicUp runs.
    pub media_key: watch::Receiver<Arc<SigningKey>>,
    /// Signs the tokens that open media in the place of that key, for those who cannot check what it signs.
    pub token_secret: Option<TokenSecret>,
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secrets(…)")
    }
}
