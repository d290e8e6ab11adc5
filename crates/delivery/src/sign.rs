//! The private side: a P-256 or RSA key that signs policies.
//!
//! Signatures are deterministic (RFC 6979, and PKCS #1 v1.5): two processes with one key give one signature, so signed
//! addresses are stable and cache. The gateway never sees a private key.

use std::fmt;

use p256::SecretKey;
use p256::ecdsa::signature::hazmat::PrehashSigner as _;
use p256::ecdsa::{DerSignature, Signature, SigningKey as P256};
use p256::elliptic_curve::Generate as _;
use p256::elliptic_curve::rand_core::CryptoRng;
use p256::pkcs8::{EncodePrivateKey as _, EncodePublicKey as _, LineEnding};
use rsa::pkcs1::DecodeRsaPrivateKey as _;
use rsa::pkcs1v15::Pkcs1v15Sign;
use rsa::pkcs8::DecodePrivateKey as _;
use rsa::traits::PublicKeyParts as _;
use sha1::Digest as _;

use crate::{HashAlgorithm, KeyId, Zeroizing};

const LEAST_RSA_BITS: usize = 2048;

/// A private key and its id. Wiped from memory when dropped; its `Debug` shows the id alone.
#[derive(Clone)]
pub struct SigningKey {
    id: KeyId,
    secret: Secret,
}

#[derive(Clone)]
enum Secret {
    P256(P256),
    Rsa(Box<rsa::PrivateKey>),
}

/// The text is not a private key that policies are signed with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "not a P-256 or RSA private key of {LEAST_RSA_BITS} bits or more in PEM (BEGIN PRIVATE KEY, BEGIN EC PRIVATE KEY or BEGIN RSA PRIVATE KEY)"
)]
pub struct SigningKeyError;

impl SigningKey {
    /// Makes a new P-256 key.
    pub fn generate<R: CryptoRng + ?Sized>(id: KeyId, rng: &mut R) -> Self {
        Self { id, secret: Secret::P256(P256::generate_from_rng(rng)) }
    }

    /// Reads PKCS#8 (`BEGIN PRIVATE KEY`), SEC1 (`BEGIN EC PRIVATE KEY`) or PKCS#1 (`BEGIN RSA PRIVATE KEY`) PEM.
    ///
    /// # Errors
    /// [`SigningKeyError`] for anything else, another curve, a short key and an encrypted one included. It never quotes the text.
    pub fn from_pem(id: KeyId, pem: &str) -> Result<Self, SigningKeyError> {
        let pem = pem.trim();
        if let Ok(secret) = SecretKey::from_pem(pem) {
            return Ok(Self { id, secret: Secret::P256(secret.into()) });
        }
        let secret = rsa::PrivateKey::from_pkcs8_pem(pem).or_else(|_| rsa::PrivateKey::from_pkcs1_pem(pem));
        let secret = secret.map_err(|_| SigningKeyError)?;
        if secret.size() * 8 < LEAST_RSA_BITS {
            return Err(SigningKeyError);
        }
        Ok(Self { id, secret: Secret::Rsa(Box::new(secret)) })
    }

    /// The private key in PKCS#8 PEM, to be written to a file that only its owner reads.
    pub fn to_pem(&self) -> Zeroizing<String> {
        let pem = match &self.secret {
            Secret::P256(key) => key.to_pkcs8_pem(LineEnding::LF),
            Secret::Rsa(key) => key.to_pkcs8_pem(LineEnding::LF),
        };
        pem.expect("a valid key has one encoding")
    }

    /// The public key in SPKI PEM, as [`crate::Keyring`] and CloudFront take it.
    pub fn public_key_pem(&self) -> String {
        let pem = match &self.secret {
            Secret::P256(key) => key.verifying_key().to_public_key_pem(LineEnding::LF),
            Secret::Rsa(key) => key.to_public_key().to_public_key_pem(LineEnding::LF),
        };
        pem.expect("a valid key has one encoding")
    }

    /// The id that goes beside every signature.
    pub fn id(&self) -> &KeyId {
        &self.id
    }

    /// The signature of ES256 (RFC 7518 §3.4): both numbers, 32 bytes each. `None` of an RSA key.
    pub(crate) fn sign_es256(&self, message: &[u8]) -> Option<Vec<u8>> {
        match &self.secret {
            Secret::P256(key) => {
                let signature: Signature =
                    key.sign_prehash(&sha2::Sha256::digest(message)).expect("a hash can be signed");
                Some(signature.to_bytes().to_vec())
            }
            Secret::Rsa(_) => None,
        }
    }

    /// The signature over the hash of `message`: in DER of a P-256 key, PKCS #1 v1.5 of an RSA key.
    pub(crate) fn sign(&self, hash: HashAlgorithm, message: &[u8]) -> Vec<u8> {
        let digest = match hash {
            HashAlgorithm::Sha1 => sha1::Sha1::digest(message).to_vec(),
            HashAlgorithm::Sha256 => sha2::Sha256::digest(message).to_vec(),
        };
        match &self.secret {
            Secret::P256(key) => {
                let signature: Signature = key.sign_prehash(&digest).expect("a hash of 20 bytes or more can be signed");
                DerSignature::from(signature).as_bytes().to_vec()
            }
            Secret::Rsa(key) => {
                let scheme = match hash {
                    HashAlgorithm::Sha1 => Pkcs1v15Sign::new::<sha1::Sha1>(),
                    HashAlgorithm::Sha256 => Pkcs1v15Sign::new::<sha2::Sha256>(),
                };
                key.sign(scheme, &digest).expect("a key that was read is sound and longer than a hash")
            }
        }
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
    use rsa::pkcs1::EncodeRsaPrivateKey as _;

    fn key_of_rfc_6979() -> SigningKey {
        let scalar = hex::decode("c9afa9d845ba75166b5c215767b1d6934e50c3db36e89b127b8a622b120f6721").unwrap();
        SigningKey { id: KeyId::parse("K1").unwrap(), secret: Secret::P256(P256::from_slice(&scalar).unwrap()) }
    }

    fn rsa_key() -> SigningKey {
        let key = rsa::PrivateKey::new(&mut rand::rng(), LEAST_RSA_BITS).unwrap();
        SigningKey::from_pem(KeyId::parse("R1").unwrap(), &key.to_pkcs8_pem(LineEnding::LF).unwrap()).unwrap()
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
            let signature =
                Signature::from_der(&key_of_rfc_6979().sign(HashAlgorithm::Sha256, message.as_bytes())).unwrap();
            assert_eq!(hex::encode(signature.to_bytes()), r_and_s);
        }
    }

    #[test]
    fn a_key_survives_its_file() {
        let ec = SigningKey::generate(KeyId::parse("K1").unwrap(), &mut rand::rng());
        let rsa = rsa_key();
        let Secret::P256(secret) = &ec.secret else { unreachable!() };
        let sec1 = SecretKey::from(secret).to_sec1_pem(LineEnding::LF).unwrap();
        let Secret::Rsa(secret) = &rsa.secret else { unreachable!() };
        let pkcs1 = secret.to_pkcs1_pem(LineEnding::LF).unwrap();
        for (key, other_form) in [(&ec, sec1), (&rsa, pkcs1)] {
            let again = SigningKey::from_pem(key.id().clone(), &key.to_pem()).unwrap();
            let other = SigningKey::from_pem(key.id().clone(), &other_form).unwrap();
            assert_eq!(key.public_key_pem(), again.public_key_pem());
            for hash in [HashAlgorithm::Sha1, HashAlgorithm::Sha256] {
                assert_eq!(key.sign(hash, b"x"), again.sign(hash, b"x"));
                assert_eq!(key.sign(hash, b"x"), other.sign(hash, b"x"));
            }
            for wrong in ["", "hello", &key.public_key_pem(), &key.to_pem().replace('M', "N")] {
                assert_eq!(SigningKey::from_pem(key.id().clone(), wrong).unwrap_err(), SigningKeyError);
            }
        }
    }

    #[test]
    fn a_short_rsa_key_signs_nothing() {
        let short = rsa::PrivateKey::new(&mut rand::rng(), 1024).unwrap().to_pkcs8_pem(LineEnding::LF).unwrap();
        assert_eq!(SigningKey::from_pem(KeyId::parse("R1").unwrap(), &short).unwrap_err(), SigningKeyError);
    }

    #[test]
    fn debug_tells_no_secret() {
        let key = key_of_rfc_6979();
        assert_eq!(format!("{key:?}"), r#"SigningKey { id: "K1", .. }"#);
    }
}
