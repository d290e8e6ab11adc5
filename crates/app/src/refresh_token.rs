//! Refresh tokens: shown to renew a session, each good for one step of it.
//!
//! A token names its session and its step and carries a MAC under a key that only this PicUp has, so that any token that was
//! ever given out can be told from a made-up one without a row for each. What follows from a token is derived from it, so
//! that a renewal asked for twice gives the same answer twice. The database holds hashes of the newest two.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use picup_domain::{SessionId, Sha256};

use crate::Error;

const SEED: usize = 32;
const STEP: usize = 8;
const MAC: usize = 32;

/// A genuine token: made here, or checked.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct RefreshToken {
    session: SessionId,
    step: u64,
    seed: [u8; SEED],
    mac: [u8; MAC],
}

impl RefreshToken {
    /// A session's first.
    pub(crate) fn first(session: SessionId, key: &[u8; 32]) -> Self {
        Self::at(session, 1, rand::random(), key)
    }

    /// The one of the next step.
    pub(crate) fn next(&self, key: &[u8; 32]) -> Self {
        let seed = keyed(key, b"picup refresh seed 2", self.session, self.step, &self.seed);
        Self::at(self.session, self.step.saturating_add(1), seed.finalize().into_bytes().into(), key)
    }

    fn at(session: SessionId, step: u64, seed: [u8; SEED], key: &[u8; 32]) -> Self {
        let mac = keyed(key, b"picup refresh token 2", session, step, &seed).finalize().into_bytes().into();
        Self { session, step, seed, mac }
    }

    /// Takes a token that was shown.
    ///
    /// # Errors
    /// [`Error::NotSignedIn`] when this PicUp never gave it out.
    pub(crate) fn parse(text: &str, key: &[u8; 32]) -> Result<Self, Error> {
        let (session, secret) = text.split_once('.').ok_or(Error::NotSignedIn)?;
        let session: SessionId = session.parse().map_err(|_| Error::NotSignedIn)?;
        let bytes = URL_SAFE_NO_PAD.decode(secret).map_err(|_| Error::NotSignedIn)?;
        let (seed, rest) = bytes.split_first_chunk::<SEED>().ok_or(Error::NotSignedIn)?;
        let (step, rest) = rest.split_first_chunk::<STEP>().ok_or(Error::NotSignedIn)?;
        let mac: [u8; MAC] = rest.try_into().map_err(|_| Error::NotSignedIn)?;
        let step = u64::from_be_bytes(*step);
        // Compares in constant time.
        keyed(key, b"picup refresh token 2", session, step, seed).verify_slice(&mac).map_err(|_| Error::NotSignedIn)?;
        Ok(Self { session, step, seed: *seed, mac })
    }

    pub(crate) fn session(&self) -> SessionId {
        self.session
    }

    /// `{session}.{seed, step, MAC}`.
    pub(crate) fn text(&self) -> String {
        let secret = [&self.seed[..], &self.step.to_be_bytes(), &self.mac].concat();
        format!("{}.{}", self.session, URL_SAFE_NO_PAD.encode(secret))
    }

    pub(crate) fn stored_hash(&self) -> Sha256 {
        Sha256::of(self.text().as_bytes())
    }
}

fn keyed(key: &[u8; 32], purpose: &[u8], session: SessionId, step: u64, seed: &[u8; SEED]) -> Hmac<sha2::Sha256> {
    let mut mac = <Hmac<sha2::Sha256> as KeyInit>::new_from_slice(key).expect("HMAC takes keys of any length");
    mac.update(purpose);
    mac.update(session.as_bytes());
    mac.update(&step.to_be_bytes());
    mac.update(seed);
    mac
}

#[cfg(test)]
mod tests {
    use picup_domain::Timestamp;
    use proptest::prelude::*;

    use super::*;

    const KEY: [u8; 32] = [7; 32];

    fn session() -> SessionId {
        SessionId::new(Timestamp::from_micros(1_700_000_000_000_000))
    }

    #[test]
    fn each_step_is_known_as_ours_and_follows_from_the_one_before() {
        let session = session();
        let mut token = RefreshToken::first(session, &KEY);
        for step in 1..20 {
            let shown = RefreshToken::parse(&token.text(), &KEY).unwrap();
            assert!(shown == token && shown.step == step && shown.session() == session);
            assert_eq!(token.next(&KEY).text(), shown.next(&KEY).text());
            assert_ne!(token.next(&KEY).seed, token.seed);
            assert!(token.next(&KEY) != token.next(&[8; 32]));
            token = token.next(&KEY);
        }
        assert!(RefreshToken::first(session, &KEY) != RefreshToken::first(session, &KEY));
    }

    proptest! {
        /// No change of a genuine token, and nothing made without the key, is taken for one of ours.
        #[test]
        fn what_is_forged_is_not_ours(at in 0_usize..134, bit in 0_u8..7, bytes in prop::collection::vec(any::<u8>(), 0..100)) {
            let genuine = RefreshToken::first(session(), &KEY).text();
            let mut altered = genuine.clone().into_bytes();
            prop_assert!(altered.len() == 133);
            if let Some(byte) = altered.get_mut(at) {
                *byte ^= 1 << bit;
                if let Ok(altered) = String::from_utf8(altered) {
                    prop_assert!(RefreshToken::parse(&altered, &KEY).is_err());
                }
            }
            let made_up = format!("{}.{}", session(), URL_SAFE_NO_PAD.encode(bytes));
            prop_assert!(RefreshToken::parse(&made_up, &KEY).is_err());
            let other = RefreshToken::first(session(), &[8; 32]).text();
            prop_assert!(RefreshToken::parse(&other, &KEY).is_err());
            // Nor is a genuine secret one of another session.
            let (_, secret) = genuine.split_once('.').unwrap();
            let moved = format!("{}.{secret}", SessionId::new(Timestamp::from_micros(1_800_000_000_000_000)));
            prop_assert!(RefreshToken::parse(&moved, &KEY).is_err());
        }
    }
}
