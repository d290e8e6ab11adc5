//! The public keys that signatures are accepted from, by id.
//!
//! A plain value: `picup` builds it from files and hands it to the gateway through a `watch` channel, so that a key can
//! be published before it signs and retired after the longest signature has ended. It never holds a private key.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use aws_lc_rs::error::KeyRejected;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA1_ASN1, ECDSA_P256_SHA256_ASN1, ParsedPublicKey, RSA_PKCS1_2048_8192_SHA1_FOR_LEGACY_USE_ONLY,
    RSA_PKCS1_2048_8192_SHA256,
};
use p256::pkcs8::Document;

use crate::presented::Claim;
use crate::proven::Proven;
use crate::{Denied, HashAlgorithm};

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

/// Public keys by id, and which signatures of theirs were found to be good. Cheap to clone; clones are one.
#[derive(Clone, Default)]
pub struct Keyring(Arc<Inner>);

#[derive(Default)]
struct Inner {
    keys: HashMap<KeyId, PublicKey>,
    accepts_sha1: bool,
    proven: Proven,
}

/// One key, ready for each hash.
struct PublicKey {
    sha1: ParsedPublicKey,
    sha256: ParsedPublicKey,
}

impl Keyring {
    /// Reads SPKI public keys in PEM (`BEGIN PUBLIC KEY`), P-256 or RSA. Only signatures over SHA-256 are accepted.
    ///
    /// # Errors
    /// [`KeyringError`] names the key that cannot be used; none is skipped silently.
    pub fn from_pems<'a>(pems: impl IntoIterator<Item = (KeyId, &'a str)>) -> Result<Self, KeyringError> {
        Self::read(pems, false)
    }

    /// As [`Keyring::from_pems`], and signatures over SHA-1 are accepted too: what the usual signers make unless told otherwise.
    ///
    /// # Errors
    /// As [`Keyring::from_pems`].
    pub fn with_sha1<'a>(pems: impl IntoIterator<Item = (KeyId, &'a str)>) -> Result<Self, KeyringError> {
        Self::read(pems, true)
    }

    fn read<'a>(pems: impl IntoIterator<Item = (KeyId, &'a str)>, accepts_sha1: bool) -> Result<Self, KeyringError> {
        let mut keys = HashMap::new();
        for (id, pem) in pems {
            let key = public_key(&id, pem)?;
            if keys.insert(id.clone(), key).is_some() {
                return Err(KeyringError::Duplicate(id));
            }
        }
        Ok(Self(Arc::new(Inner { keys, accepts_sha1, proven: Proven::default() })))
    }

    pub(crate) fn accepts(&self, hash: HashAlgorithm) -> bool {
        hash == HashAlgorithm::Sha256 || self.0.accepts_sha1
    }

    /// Whether the key that is named has signed it. Costs a verification the first time, which there has to be leave for, and the next
    /// ones a hash.
    pub(crate) fn verify(&self, claim: &Claim<'_>, may_verify: bool) -> Result<(), Denied> {
        let Claim { signed, signature, key_pair_id: id, hash, .. } = claim;
        let key = KeyId::parse(id).ok().and_then(|id| self.0.keys.get(&id)).ok_or(Denied::UnknownKey)?;
        let key = match hash {
            HashAlgorithm::Sha1 => &key.sha1,
            HashAlgorithm::Sha256 => &key.sha256,
        };
        let fields: [&[u8]; 4] = [id.as_bytes(), &[*hash as u8], signed, signature];
        self.0.proven.check(&fields, may_verify, || key.verify_sig(signed, signature).is_ok())
    }
}

/// The DER of a public key in PEM.
pub(crate) fn public_der(pem: &str) -> Option<Document> {
    let (label, document) = Document::from_pem(pem.trim()).ok()?;
    (label == "PUBLIC KEY").then_some(document)
}

fn public_key(id: &KeyId, pem: &str) -> Result<PublicKey, KeyringError> {
    let document = public_der(pem).ok_or_else(|| KeyringError::NotPem(id.clone()))?;
    let der = document.as_bytes();
    let as_p256 = || {
        let sha256 = ParsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, der)?;
        Ok(PublicKey { sha1: ParsedPublicKey::new(&ECDSA_P256_SHA1_ASN1, der)?, sha256 })
    };
    let as_rsa = || {
        let sha256 = ParsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, der)?;
        Ok(PublicKey { sha1: ParsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA1_FOR_LEGACY_USE_ONLY, der)?, sha256 })
    };
    as_p256().or_else(|_: KeyRejected| as_rsa()).map_err(|_: KeyRejected| KeyringError::Unsupported(id.clone()))
}

impl fmt::Debug for Keyring {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_set().entries(self.0.keys.keys().map(KeyId::as_str)).finish()
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
