//! Tokens: the short access token that is checked without a database, and the random ones that are looked up.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use picup_domain::{AccountId, SessionId, Sha256, Timestamp};
use serde::{Deserialize, Serialize};

use crate::{Error, Secrets};

const AUDIENCE: &str = "picup-api";

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
struct Claims {
    aud: String,
    sub: String,
    sid: String,
    exp: i64,
}

/// Makes and checks access tokens: JWTs signed with ES256, so that a process which only checks them needs no secret.
pub(crate) struct AccessTokens {
    encoding: EncodingKey,
    decoding: DecodingKey,
    validation: Validation,
}

impl AccessTokens {
    pub(crate) fn new(secrets: &Secrets) -> Result<Self, Error> {
        let broken = |error| Error::Internal(format!("the access-token key is not usable: {error}"));
        let mut validation = Validation::new(Algorithm::ES256);
        validation.set_audience(&[AUDIENCE]);
        // Expiry is checked below against the injected clock, to the second and without leeway.
        validation.validate_exp = false;
        Ok(Self {
            encoding: EncodingKey::from_ec_pem(secrets.access_key_pem.as_bytes()).map_err(broken)?,
            decoding: DecodingKey::from_ec_pem(secrets.access_public_pem.as_bytes()).map_err(broken)?,
            validation,
        })
    }

    pub(crate) fn issue(&self, access: &Access) -> Result<String, Error> {
        let claims = Claims {
            aud: AUDIENCE.to_owned(),
            sub: access.account.to_string(),
            sid: access.session.to_string(),
            exp: access.expires_at.seconds(),
        };
        jsonwebtoken::encode(&Header::new(Algorithm::ES256), &claims, &self.encoding)
            .map_err(|error| Error::Internal(format!("signing an access token: {error}")))
    }

    pub(crate) fn check(&self, token: &str, now: Timestamp) -> Result<Access, Error> {
        let claims = jsonwebtoken::decode::<Claims>(token, &self.decoding, &self.validation)
            .map_err(|_| Error::NotSignedIn)?
            .claims;
        if claims.exp <= now.seconds() {
            return Err(Error::NotSignedIn);
        }
        Ok(Access {
            account: claims.sub.parse().map_err(|_| Error::NotSignedIn)?,
            session: claims.sid.parse().map_err(|_| Error::NotSignedIn)?,
            expires_at: Timestamp::from_micros(claims.exp.saturating_mul(1_000_000)),
        })
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
        let tokens = AccessTokens::new(&secrets()).unwrap();
        let access = Access {
            account: AccountId::new(now),
            session: SessionId::new(now),
            expires_at: now.plus(Duration::from_secs(300)),
        };
        let token = tokens.issue(&access).unwrap();
        assert_eq!(tokens.check(&token, now).unwrap(), access);
        assert_eq!(tokens.check(&token, now.plus(Duration::from_secs(299))).unwrap(), access);
        assert!(tokens.check(&token, now.plus(Duration::from_secs(300))).is_err());
        let stranger = AccessTokens::new(&secrets()).unwrap();
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
    fn the_algorithm_is_pinned() {
        let now = Timestamp::from_micros(1_700_000_000_000_000);
        let tokens = AccessTokens::new(&secrets()).unwrap();
        for header in [r#"{"alg":"none","typ":"JWT"}"#, r#"{"alg":"HS256","typ":"JWT"}"#] {
            let body = format!(
                r#"{{"aud":"{AUDIENCE}","sub":"{}","sid":"{}","exp":9999999999}}"#,
                AccountId::new(now),
                SessionId::new(now)
            );
            let token = format!("{}.{}.", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(body));
            assert!(tokens.check(&token, now).is_err());
        }
    }
}
