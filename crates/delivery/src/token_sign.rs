//! Makes media tokens: with the P-256 key that signs cookies and addresses too, or with a secret for those who can check nothing else.

use std::fmt;

use aws_lc_rs::hmac;

use crate::token::{Algorithm, LONGEST_S, encode, is_owner, to_sign};
use crate::{KeyId, SigningKey, TokenTerms, Zeroizing};

const SECRET_BYTES: std::ops::RangeInclusive<usize> = 32..=512;

/// A secret that media tokens are signed with, and its id. Wiped from memory when dropped; its `Debug` shows the id alone.
#[derive(Clone)]
pub struct TokenSecret {
    id: KeyId,
    text: Zeroizing<String>,
}

/// The text is no secret to sign tokens with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a secret is one line of 32 to 512 visible ASCII characters, such as `openssl rand -base64 32` prints")]
pub struct TokenSecretError;

impl TokenSecret {
    /// The characters themselves are the key of the HMAC, as a `KeyValueStore` has them; what surrounds the line does not count.
    ///
    /// # Errors
    /// [`TokenSecretError`]; it never quotes the text.
    pub fn parse(id: KeyId, text: &str) -> Result<Self, TokenSecretError> {
        let text = text.trim();
        if SECRET_BYTES.contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic()) {
            Ok(Self { id, text: Zeroizing::new(text.to_owned()) })
        } else {
            Err(TokenSecretError)
        }
    }

    /// The id that tokens name.
    pub fn id(&self) -> &KeyId {
        &self.id
    }

    pub(crate) fn key(&self) -> hmac::Key {
        hmac::Key::new(hmac::HMAC_SHA256, self.text.as_bytes())
    }
}

impl fmt::Debug for TokenSecret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("TokenSecret").field("id", &self.id.as_str()).finish_non_exhaustive()
    }
}

/// What a token is signed with.
#[derive(Debug, Clone, Copy)]
pub enum TokenSigner<'a> {
    /// A P-256 key: ES256.
    Key(&'a SigningKey),
    /// A secret: HS256.
    Secret(&'a TokenSecret),
}

/// Why no token was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TokenError {
    /// An RSA key.
    #[error("tokens are signed with a P-256 key, and this is another one")]
    NotP256,
    /// No owner of media.
    #[error("the owner is an account as in /media/OWNER/…: 1 to 64 letters, digits, - or _")]
    Owner,
    /// It would be refused for it.
    #[error("a token ends after it begins, and within 24 hours, so that keys can be changed; take a shorter time")]
    Lifetime,
}

/// The token of these terms, for a cookie ([`crate::SignedCookies::of_token`]) or the header `Authorization: Bearer`.
///
/// The same arguments always give the same token.
///
/// # Errors
/// [`TokenError`] says what would be refused where it is shown.
pub fn media_token(signer: TokenSigner<'_>, terms: &TokenTerms<'_>) -> Result<String, TokenError> {
    if !is_owner(terms.owner) {
        return Err(TokenError::Owner);
    }
    let lasting = terms.expires_at_epoch_s.checked_sub(terms.issued_at_epoch_s);
    if lasting.is_none_or(|lasting| lasting > LONGEST_S) {
        return Err(TokenError::Lifetime);
    }
    let (signed, signature) = match signer {
        TokenSigner::Key(key) => {
            let signed = to_sign(Algorithm::Es256, key.id().as_str(), terms);
            let signature = key.sign_es256(signed.as_bytes()).ok_or(TokenError::NotP256)?;
            (signed, signature)
        }
        TokenSigner::Secret(secret) => {
            let signed = to_sign(Algorithm::Hs256, secret.id.as_str(), terms);
            let signature = hmac::sign(&secret.key(), signed.as_bytes()).as_ref().to_vec();
            (signed, signature)
        }
    };
    Ok(format!("{signed}.{}", encode(&signature)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Audience;

    #[test]
    fn a_secret_is_one_long_line() {
        let id = KeyId::parse("T1").unwrap();
        for fine in ["x".repeat(32), format!("{}\n", "x".repeat(512)), "pa+5/=".repeat(6)] {
            let secret = TokenSecret::parse(id.clone(), &fine).unwrap();
            assert_eq!(format!("{secret:?}"), r#"TokenSecret { id: "T1", .. }"#);
        }
        for wrong in ["", &"x".repeat(31), &"x".repeat(513), &format!("{0} {0}", "x".repeat(20)), &"é".repeat(32)] {
            assert_eq!(TokenSecret::parse(id.clone(), wrong).unwrap_err(), TokenSecretError, "{wrong}");
        }
    }

    #[test]
    fn what_would_be_refused_is_not_made() {
        let secret = TokenSecret::parse(KeyId::parse("T1").unwrap(), &"x".repeat(32)).unwrap();
        let audience = Audience::default();
        let made = |owner, issued_at_epoch_s, expires_at_epoch_s| {
            let terms = TokenTerms { audience: &audience, owner, issued_at_epoch_s, expires_at_epoch_s };
            media_token(TokenSigner::Secret(&secret), &terms).map(drop)
        };
        assert_eq!(made("ann", 100, 100 + LONGEST_S), Ok(()));
        for (owner, from, until, error) in [
            ("", 100, 200, TokenError::Owner),
            ("a/b", 100, 200, TokenError::Owner),
            ("a\"b", 100, 200, TokenError::Owner),
            ("ann", 200, 100, TokenError::Lifetime),
            ("ann", 100, 101 + LONGEST_S, TokenError::Lifetime),
        ] {
            assert_eq!(made(owner, from, until), Err(error), "{owner} {from} {until}");
        }
    }
}
