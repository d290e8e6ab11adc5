//! Tokens: the short access token that is checked without a database, and the random ones that are looked up.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use picup_domain::{AccountId, SessionId, Sha256, ShareLinkId, Timestamp};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::{Error, Secrets};

/// Who a valid access token speaks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Access {
    /// The account.
    pub account: AccountId,
    /// The session it was made in.
    pub session: SessionId,
    /// When it ends.
    pub expires_at: Timestamp,
}

#[derive(Serialize, Deserialize)]
struct AccessClaims {
    aud: String,
    sub: String,
    sid: String,
    exp: i64,
}

/// That somebody has opened a share link, with its password if it has one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ShareAccess {
    /// The link.
    pub(crate) link: ShareLinkId,
    /// What the password was, as [`crate::share`] marks it: another one ends what the one before has opened.
    pub(crate) password: u64,
    /// When it ends.
    pub(crate) expires_at: Timestamp,
}

#[derive(Serialize, Deserialize)]
struct ShareClaims {
    aud: String,
    sub: String,
    pwd: u64,
    exp: i64,
}

fn unusable(error: jsonwebtoken::errors::Error) -> Error {
    Error::Internal(format!("the access-token key is not usable: {error}"))
}

/// Checks JWTs of one audience, signed with ES256: a process which only checks them needs no secret.
struct Check {
    decoding: DecodingKey,
    validation: Validation,
}

impl Check {
    fn new(public_pem: &[u8], audience: &'static str) -> Result<Self, Error> {
        let mut validation = Validation::new(Algorithm::ES256);
        validation.set_audience(&[audience]);
        // Expiry is checked below against the injected clock, to the second and without leeway.
        validation.validate_exp = false;
        Ok(Self { decoding: DecodingKey::from_ec_pem(public_pem).map_err(unusable)?, validation })
    }

    fn read<C: DeserializeOwned>(&self, token: &str) -> Option<C> {
        jsonwebtoken::decode(token, &self.decoding, &self.validation).ok().map(|data| data.claims)
    }

    fn access(&self, token: &str, now: Timestamp) -> Option<Access> {
        let claims: AccessClaims = self.read(token)?;
        Some(Access {
            expires_at: still(claims.exp, now)?,
            account: claims.sub.parse().ok()?,
            session: claims.sid.parse().ok()?,
        })
    }
}

/// Makes and checks JWTs of one audience.
struct Tokens {
    audience: &'static str,
    encoding: EncodingKey,
    check: Check,
}

impl Tokens {
    fn new(secrets: &Secrets, audience: &'static str) -> Result<Self, Error> {
        Ok(Self {
            audience,
            encoding: EncodingKey::from_ec_pem(secrets.access_key_pem.as_bytes()).map_err(unusable)?,
            check: Check::new(secrets.access_public_pem.as_bytes(), audience)?,
        })
    }

    fn issue(&self, claims: &impl Serialize) -> Result<String, Error> {
        jsonwebtoken::encode(&Header::new(Algorithm::ES256), claims, &self.encoding)
            .map_err(|error| Error::Internal(format!("signing a token: {error}")))
    }
}

/// The end that a claim tells, while it has not come.
fn still(exp: i64, now: Timestamp) -> Option<Timestamp> {
    (exp > now.seconds()).then(|| Timestamp::from_micros(exp.saturating_mul(1_000_000)))
}

/// Whom access tokens are for.
const ACCESS_AUDIENCE: &str = "picup-api";

/// Finds whose access tokens are, for a process that makes none: it needs their public key alone.
pub struct AccessCheck(Check);

impl AccessCheck {
    /// By a P-256 public key in PEM.
    ///
    /// # Errors
    /// [`Error::Internal`] when it is none.
    pub fn new(public_pem: &str) -> Result<Self, Error> {
        Check::new(public_pem.as_bytes(), ACCESS_AUDIENCE).map(Self)
    }

    /// Who a token speaks for; `None` when it is none, or has ended.
    #[must_use]
    pub fn access(&self, token: &str, now: Timestamp) -> Option<Access> {
        self.0.access(token, now)
    }
}

/// Access tokens: a person's session.
pub(crate) struct AccessTokens(Tokens);

impl AccessTokens {
    pub(crate) fn new(secrets: &Secrets) -> Result<Self, Error> {
        Tokens::new(secrets, ACCESS_AUDIENCE).map(Self)
    }

    pub(crate) fn issue(&self, access: &Access) -> Result<String, Error> {
        self.0.issue(&AccessClaims {
            aud: self.0.audience.to_owned(),
            sub: access.account.to_string(),
            sid: access.session.to_string(),
            exp: access.expires_at.seconds(),
        })
    }

    pub(crate) fn check(&self, token: &str, now: Timestamp) -> Result<Access, Error> {
        self.0.check.access(token, now).ok_or(Error::NotSignedIn)
    }
}

/// Tokens of whoever has opened a share link.
pub(crate) struct ShareTokens(Tokens);

impl ShareTokens {
    pub(crate) fn new(secrets: &Secrets) -> Result<Self, Error> {
        Tokens::new(secrets, "picup-share").map(Self)
    }

    pub(crate) fn issue(&self, access: &ShareAccess) -> Result<String, Error> {
        self.0.issue(&ShareClaims {
            aud: self.0.audience.to_owned(),
            sub: access.link.to_string(),
            pwd: access.password,
            exp: access.expires_at.seconds(),
        })
    }

    pub(crate) fn check(&self, token: &str, now: Timestamp) -> Result<ShareAccess, Error> {
        let read = || {
            let claims: ShareClaims = self.0.check.read(token)?;
            Some(ShareAccess {
                expires_at: still(claims.exp, now)?,
                link: claims.sub.parse().ok()?,
                password: claims.pwd,
            })
        };
        read().ok_or(Error::LinkOver)
    }
}

/// 256 random bits as text. What is stored of it is its hash, so a copy of the database opens nothing.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct RandomToken(String);

impl RandomToken {
    pub(crate) fn new() -> Self {
        let bytes: [u8; 32] = rand::random();
        Self(URL_SAFE_NO_PAD.encode(bytes))
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    pub(crate) fn stored_hash(&self) -> Sha256 {
        hash_token(&self.0)
    }
}

/// What is stored of a random token. One plain hash is enough: 256 random bits cannot be searched.
pub(crate) fn hash_token(token: &str) -> Sha256 {
    Sha256::of(token.as_bytes())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::testing::secrets;

    #[test]
    fn a_token_holds_until_its_second_and_for_its_key_alone() {
        let now = Timestamp::from_micros(1_700_000_000_000_000);
        let secrets = self::secrets();
        let tokens = AccessTokens::new(&secrets).unwrap();
        let access = Access {
            account: AccountId::new(now),
            session: SessionId::new(now),
            expires_at: now.plus(Duration::from_secs(300)),
        };
        let token = tokens.issue(&access).unwrap();
        assert_eq!(tokens.check(&token, now).unwrap(), access);
        assert_eq!(tokens.check(&token, now.plus(Duration::from_secs(299))).unwrap(), access);
        assert!(tokens.check(&token, now.plus(Duration::from_secs(300))).is_err());
        let by_public_key = AccessCheck::new(&secrets.access_public_pem).unwrap();
        assert_eq!(by_public_key.access(&token, now), Some(access));
        assert_eq!(by_public_key.access(&token, now.plus(Duration::from_secs(300))), None);
        let stranger = AccessTokens::new(&crate::testing::secrets()).unwrap();
        assert!(stranger.check(&token, now).is_err());
        for at in 0..token.len() {
            let mut altered = token.clone().into_bytes();
            altered[at] = if altered[at] == b'A' { b'B' } else { b'A' };
            // The last character of base64 can carry unused bits; an equal signature is then no forgery.
            if at + 1 < token.len() {
                assert!(tokens.check(&String::from_utf8(altered).unwrap(), now).is_err(), "byte {at}");
            }
        }
    }

    #[test]
    fn a_share_opens_no_account_and_an_account_no_share() {
        let now = Timestamp::from_micros(1_700_000_000_000_000);
        let (secrets, expires_at) = (secrets(), now.plus(Duration::from_secs(300)));
        let (accesses, shares) = (AccessTokens::new(&secrets).unwrap(), ShareTokens::new(&secrets).unwrap());
        let share = ShareAccess { link: ShareLinkId::new(now), password: 7, expires_at };
        let token = shares.issue(&share).unwrap();
        assert_eq!(shares.check(&token, now).unwrap(), share);
        assert!(shares.check(&token, expires_at).is_err() && accesses.check(&token, now).is_err());
        let access = Access { account: AccountId::new(now), session: SessionId::new(now), expires_at };
        assert!(shares.check(&accesses.issue(&access).unwrap(), now).is_err());
    }

    #[test]
    fn the_algorithm_is_pinned() {
        let now = Timestamp::from_micros(1_700_000_000_000_000);
        let tokens = AccessTokens::new(&secrets()).unwrap();
        for header in [r#"{"alg":"none","typ":"JWT"}"#, r#"{"alg":"HS256","typ":"JWT"}"#] {
            let body = format!(
                r#"{{"aud":"picup-api","sub":"{}","sid":"{}","exp":9999999999}}"#,
                AccountId::new(now),
                SessionId::new(now)
            );
            let token = format!("{}.{}.", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(body));
            assert!(tokens.check(&token, now).is_err());
        }
    }
}
