//! The keys that media tokens are accepted from, by id, and the question whether a token opens what is asked for.
//!
//! A P-256 public key lets whoever holds it check alone. A secret lets whoever holds it make tokens too, which is why each key has one
//! algorithm, the ring one audience, and a token opens media and nothing else. As [`crate::Keyring`] it is a plain value that arrives
//! through a `watch` channel.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use aws_lc_rs::hmac;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, ParsedPublicKey};
use http::HeaderMap;

use crate::keyring::public_der;
use crate::proven::Proven;
use crate::token::{Algorithm, Shown};
use crate::{Audience, Denied, Fetch, KeyId, TokenSecret, bearer};

/// A key that tokens are accepted from.
pub struct TokenKey {
    id: KeyId,
    verifier: Verifier,
}

enum Verifier {
    Es256(ParsedPublicKey),
    Hs256(Box<hmac::Key>),
}

/// The text is no public key that tokens are checked with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a P-256 public key in PEM (BEGIN PUBLIC KEY)")]
pub struct TokenKeyError;

impl TokenKey {
    /// A P-256 public key, as SPKI in PEM.
    ///
    /// # Errors
    /// [`TokenKeyError`] for anything else, an RSA key included.
    pub fn public(id: KeyId, pem: &str) -> Result<Self, TokenKeyError> {
        let der = public_der(pem).ok_or(TokenKeyError)?;
        let key = ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, der.as_bytes()).map_err(|_| TokenKeyError)?;
        Ok(Self { id, verifier: Verifier::Es256(key) })
    }

    /// The other side of a secret that signs.
    pub fn secret(secret: &TokenSecret) -> Self {
        Self { id: secret.id().clone(), verifier: Verifier::Hs256(Box::new(secret.key())) }
    }
}

impl Verifier {
    fn algorithm(&self) -> Algorithm {
        match self {
            Self::Es256(_) => Algorithm::Es256,
            Self::Hs256(_) => Algorithm::Hs256,
        }
    }

    /// Secrets are compared in constant time.
    fn has_signed(&self, signed: &[u8], signature: &[u8]) -> bool {
        match self {
            Self::Es256(key) => key.verify_sig(signed, signature).is_ok(),
            Self::Hs256(key) => hmac::verify(key, signed, signature).is_ok(),
        }
    }
}

/// One id twice: which key it means would be chance.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("token key {0} is given twice")]
pub struct TokenRingError(KeyId);

/// Keys by id, and which tokens of theirs were found to be good. Cheap to clone; clones are one. The default has no key, and looks at
/// no token.
#[derive(Clone, Default)]
pub struct TokenRing(Arc<Inner>);

#[derive(Default)]
struct Inner {
    audience: Audience,
    keys: HashMap<KeyId, Verifier>,
    proven: Proven,
}

impl TokenRing {
    /// A ring for tokens that name this audience.
    ///
    /// # Errors
    /// [`TokenRingError`] when two keys have one id.
    pub fn new(audience: Audience, keys: impl IntoIterator<Item = TokenKey>) -> Result<Self, TokenRingError> {
        let mut by_id = HashMap::new();
        for TokenKey { id, verifier } in keys {
            if by_id.insert(id.clone(), verifier).is_some() {
                return Err(TokenRingError(id));
            }
        }
        Ok(Self(Arc::new(Inner { audience, keys: by_id, proven: Proven::default() })))
    }

    /// Whether the token in `headers` opens what is asked for. Looked at where [`crate::authorise`] has found nothing signed.
    ///
    /// # Errors
    /// The first [`Denied`] reason met, cheapest first: one signature is verified last.
    pub fn authorise(&self, headers: &HeaderMap, fetch: &Fetch<'_>) -> Result<(), Denied> {
        let Inner { audience, keys, proven } = &*self.0;
        if keys.is_empty() {
            return Err(Denied::Unsigned);
        }
        let token = bearer::token(headers)?.ok_or(Denied::Unsigned)?;
        let shown = Shown::read(token)?;
        let key = KeyId::parse(&shown.key_id).ok().and_then(|id| keys.get(&id)).ok_or(Denied::UnknownKey)?;
        if key.algorithm() != shown.algorithm {
            return Err(Denied::Algorithm);
        }
        shown.holds(audience, fetch.path_and_query, fetch.now_epoch_s)?;
        // The key's id is in what is signed, and one id is one key.
        let (signed, signature) = (shown.signed.as_bytes(), shown.signature.as_slice());
        proven.check(&[signed, signature], fetch.may_verify, || key.has_signed(signed, signature))
    }
}

impl fmt::Debug for TokenRing {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_set().entries(self.0.keys.keys().map(KeyId::as_str)).finish()
    }
}
