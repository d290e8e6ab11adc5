//! The private side: a P-256 key that signs policies with SHA-256.
//!
//! Signatures are deterministic (RFC 6979): two processes with one key give one signature, so signed addresses are
//! stable and cache. Used by `app` when it renews a session's cookies; the gateway never sees a private key.

use std::fmt;

use p256::SecretKey;
use p256::ecdsa::signature::Signer as _;
use p256::ecdsa::{DerSignature, SigningKey as Secret};
use p256::elliptic_curve::Generate as _;
use p256::elliptic_curve::rand_core::CryptoRng;
use p256::pkcs8::{EncodePrivateKey as _, EncodePublicKey as _, LineEnding};

use crate::{KeyId, Zeroizing};

/// A P-256 private key and its id. Wiped from memory when dropped; its `Debug` shows the id alone.
#[derive(Clone)]
pub struct SigningKey {
    id: KeyId,
    secret: Secret,
}

/// The text is not a P-256 private key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a P-256 private key in PEM (BEGIN PRIVATE KEY or BEGIN EC PRIVATE KEY)")]
pub struct SigningKeyError;

impl SigningKey {
    /// Makes a new key.
    pub fn generate<R: CryptoRng + ?Sized>(id: KeyId, rng: &mut R) -> Self {
        Self { id, secret: Secret::generate_from_rng(rng) }
    }

    /// Reads PKCS#8 (`BEGIN PRIVATE KEY`) or SEC1 (`BEGIN EC PRIVATE KEY`) PEM.
    ///
    /// # Errors
    /// [`SigningKeyError`] for anything else, another curve and an encrypted key included. The error never quotes the text.
    pub fn from_pem(id: KeyId, pem: &str) -> Result<Self, SigningKeyError> {
        let secret = SecretKey::from_pem(pem.trim()).map_err(|_| SigningKeyError)?;
        Ok(Self { id, secret: secret.into() })
    }

    /// The private key in PKCS#8 PEM, to be written to a file that only its owner reads.
    pub fn to_pem(&self) -> Zeroizing<String> {
        self.secret.to_pkcs8_pem(LineEnding::LF).expect("a valid key has one encoding")
    }

    /// The public key in SPKI PEM, as [`crate::Keyring`] and CloudFront take it.
    pub fn public_key_pem(&self) -> String {
        self.secret.verifying_key().to_public_key_pem(LineEnding::LF).expect("a valid key has one encoding")
    }

    /// The id that goes beside every signature.
    pub fn id(&self) -> &KeyId {
        &self.id
    }

    /// The DER signature over SHA-256 of `message`.
    pub(crate) fn sign(&self, message: &[u8]) -> Vec<u8> {
        let signature: DerSignature = self.secret.sign(message);
        signature.as_bytes().to_vec()
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("SigningKey").field("id", &self.id.as_str()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use p256::ecdsa::Signature;

    fn key_of_rfc_6979() -> SigningKey {
        let scalar = hex::decode("c9afa9d845ba75166b5c215767b1d6934e50c3db36e89b127b8a622b120f6721").unwrap();
        SigningKey { id: KeyId::parse("K1").unwrap(), secret: Secret::from_slice(&scalar).unwrap() }
    }

    /// RFC 6979, appendix A.2.5: P-256 with SHA-256, messages "sample" and "test".
    #[test]
    fn signs_as_rfc_6979_says() {
        for (message, r_and_s) in [
            (
                "sample",
                "efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716\
                 f7cb1c942d657c41d436c7a1b6e29f65f3e900dbb9aff4064dc4ab2f843acda8",
            ),
            (
                "test",
                "f1abb023518351cd71d881567b1ea663ed3efcf6c5132b354f28d3b0b7d38367\
                 019f4113742a2b14bd25926b49c649155f267e60d3814b4c0cc84250e46f0083",
            ),
        ] {
            let signature = Signature::from_der(&key_of_rfc_6979().sign(message.as_bytes())).unwrap();
            assert_eq!(hex::encode(signature.to_bytes()), r_and_s);
        }
    }

    #[test]
    fn a_key_survives_its_file() {
        let key = SigningKey::generate(KeyId::parse("K1").unwrap(), &mut rand::rng());
        let again = SigningKey::from_pem(key.id().clone(), &key.to_pem()).unwrap();
        assert_eq!(key.sign(b"x"), again.sign(b"x"));
        assert_eq!(key.public_key_pem(), again.public_key_pem());
        let sec1 = SecretKey::from(&key.secret).to_sec1_pem(LineEnding::LF).unwrap();
        assert_eq!(SigningKey::from_pem(key.id().clone(), &sec1).unwrap().sign(b"x"), key.sign(b"x"));
        for wrong in ["", "hello", &key.public_key_pem(), &key.to_pem().replace("M", "N")] {
            assert_eq!(SigningKey::from_pem(key.id().clone(), wrong).unwrap_err(), SigningKeyError);
        }
    }

    #[test]
    fn debug_tells_no_secret() {
        let key = key_of_rfc_6979();
        assert_eq!(format!("{key:?}"), r#"SigningKey { id: "K1", .. }"#);
    }
}
