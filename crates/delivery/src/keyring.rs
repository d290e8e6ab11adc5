//! The public keys that signatures are accepted from, by id.
//!
//! A plain value: `picup` builds it from files and hands it to the gateway through a `watch` channel, so that a key can
//! be published before it signs and retired after the longest signature has ended. It never holds a private key.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1, ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256};
use p256::pkcs8::Document;

/// Names a key pair in a cookie or URL, as CloudFront's `Key-Pair-Id` does: 1 to 64 letters, digits, `-` or `_`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct KeyId(String);

/// The text is no [`KeyId`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a key id is 1 to 64 letters, digits, - or _")]
pub struct KeyIdError;

impl KeyId {
    /// Reads an id.
    ///
    /// # Errors
    /// [`KeyIdError`] if it is empty, too long, or has other characters.
    pub fn parse(text: &str) -> Result<Self, KeyIdError> {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        if (1..=64).contains(&text.len()) && text.bytes().all(allowed) {
            Ok(Self(text.to_owned()))
        } else {
            Err(KeyIdError)
        }
    }

    /// As it stands in a cookie.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// Why a set of public keys was not taken.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyringError {
    /// Not a PEM file with `BEGIN PUBLIC KEY`.
    #[error("key {0}: not a PEM public key (BEGIN PUBLIC KEY)")]
    NotPem(KeyId),
    /// Neither P-256 nor RSA of 2048 bits or more.
    #[error("key {0}: neither a P-256 nor an RSA key of 2048 bits or more")]
    Unsupported(KeyId),
    /// One id twice: which key it means would be chance.
    #[error("key {0} is given twice")]
    Duplicate(KeyId),
}

/// Public keys by id. Cheap to clone.
#[derive(Clone, Default)]
pub struct Keyring(Arc<HashMap<KeyId, ParsedPublicKey>>);

impl Keyring {
    /// Reads SPKI public keys in PEM (`BEGIN PUBLIC KEY`), P-256 or RSA.
    ///
    /// # Errors
    /// [`KeyringError`] names the key that cannot be used; none is skipped silently.
    pub fn from_pems<'a>(pems: impl IntoIterator<Item = (KeyId, &'a str)>) -> Result<Self, KeyringError> {
        let mut keys = HashMap::new();
        for (id, pem) in pems {
            let key = public_key(&id, pem)?;
            if keys.insert(id.clone(), key).is_some() {
                return Err(KeyringError::Duplicate(id));
            }
        }
        Ok(Self(Arc::new(keys)))
    }

    pub(crate) fn get(&self, id: &str) -> Option<&ParsedPublicKey> {
        KeyId::parse(id).ok().and_then(|id| self.0.get(&id))
    }
}

fn public_key(id: &KeyId, pem: &str) -> Result<ParsedPublicKey, KeyringError> {
    let (label, document) = Document::from_pem(pem.trim()).map_err(|_| KeyringError::NotPem(id.clone()))?;
    if label != "PUBLIC KEY" {
        return Err(KeyringError::NotPem(id.clone()));
    }
    let der = document.as_bytes();
    ParsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, der)
        .or_else(|_| ParsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, der))
        .map_err(|_| KeyringError::Unsupported(id.clone()))
}

impl fmt::Debug for Keyring {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_set().entries(self.0.keys().map(KeyId::as_str)).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // `openssl genpkey -algorithm ed25519 | openssl pkey -pubout`: a good public key of a kind we do not take.
    const ED25519: &str = "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=\n-----END PUBLIC KEY-----\n";

    #[test]
    fn key_ids_are_plain_words() {
        assert!(KeyId::parse("K2JCJMDEHXQW5F").is_ok());
        for wrong in ["", "a b", "a;b", "é", &"x".repeat(65)] {
            assert_eq!(KeyId::parse(wrong), Err(KeyIdError), "{wrong}");
        }
    }

    #[test]
    fn a_key_that_cannot_be_used_is_named() {
        let id = KeyId::parse("K1").unwrap();
        assert_eq!(Keyring::from_pems([(id.clone(), "hello")]).unwrap_err(), KeyringError::NotPem(id.clone()));
        assert_eq!(Keyring::from_pems([(id.clone(), ED25519)]).unwrap_err(), KeyringError::Unsupported(id.clone()));
        let private = ED25519.replace("PUBLIC", "PRIVATE");
        assert_eq!(Keyring::from_pems([(id.clone(), private.as_str())]).unwrap_err(), KeyringError::NotPem(id.clone()));
        let pem = crate::SigningKey::generate(id.clone(), &mut rand::rng()).public_key_pem();
        let twice = [(id.clone(), pem.as_str()), (id.clone(), pem.as_str())];
        assert_eq!(Keyring::from_pems(twice).unwrap_err(), KeyringError::Duplicate(id));
    }
}
