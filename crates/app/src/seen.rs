//! What a client has seen of the database travels with it, as a token that it shows again: a read of its own is never answered
//! by a replica that lags behind what it wrote, whichever process it comes to.
//!
//! The token is the position of its last commit, signed: what was altered or made up counts for nothing.

use std::net::IpAddr;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use picup_database::Seen;

use crate::App;

const MAC: usize = 32;
/// Browsers keep no cookie of more than 4096 bytes.
const LONGEST: usize = 3_000;

impl App {
    /// Whether it matters what a client has seen.
    #[must_use]
    pub fn has_replicas(&self) -> bool {
        self.database.has_replicas()
    }

    /// How many servers there are that may be asked.
    #[must_use]
    pub fn servers(&self) -> usize {
        1 + self.database.replicas().len()
    }

    /// The same use cases for one client, who asks from that address, and is never shown less than it has seen.
    #[must_use]
    pub fn for_client(&self, address: Option<IpAddr>, seen: Option<Seen>) -> Self {
        let database = seen.map_or_else(|| self.database.clone(), |seen| self.database.for_client(seen));
        Self { database, client: address, ..self.clone() }
    }

    /// What a client has seen that shows `token`; one whose token is not genuine has seen nothing.
    #[must_use]
    pub fn seen(&self, token: Option<&str>) -> Seen {
        token.and_then(|token| Seen::after(&opened(token, &self.inner.secrets.server_key)?)).unwrap_or_default()
    }

    /// What the client is to show from now on, if it has written.
    #[must_use]
    pub fn token_of(&self, seen: &Seen) -> Option<String> {
        let token = signed(&seen.token()?, &self.inner.secrets.server_key);
        if token.len() > LONGEST {
            tracing::warn!(bytes = token.len(), "the primary's position is too long for a client to carry");
            return None;
        }
        Some(token)
    }
}

fn signed(position: &str, key: &[u8; 32]) -> String {
    let mut bytes = mac(position.as_bytes(), key).finalize().into_bytes().to_vec();
    bytes.extend_from_slice(position.as_bytes());
    URL_SAFE_NO_PAD.encode(bytes)
}

fn opened(token: &str, key: &[u8; 32]) -> Option<String> {
    if token.len() > LONGEST {
        return None;
    }
    let bytes = URL_SAFE_NO_PAD.decode(token).ok()?;
    let (shown, position) = bytes.split_first_chunk::<MAC>()?;
    // Compares in constant time.
    mac(position, key).verify_slice(shown).ok()?;
    String::from_utf8(position.to_vec()).ok()
}

fn mac(position: &[u8], key: &[u8; 32]) -> Hmac<sha2::Sha256> {
    let mut mac = <Hmac<sha2::Sha256> as KeyInit>::new_from_slice(key).expect("HMAC takes keys of any length");
    mac.update(b"picup seen position 1");
    mac.update(position);
    mac
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_token_opens_for_its_own_key_alone_and_no_altered_byte_does() {
        let (key, other) = ([7; 32], [8; 32]);
        let token = signed("0-1-12,1-2-3", &key);
        assert_eq!(opened(&token, &key).as_deref(), Some("0-1-12,1-2-3"));
        assert_eq!(opened(&token, &other), None);
        for place in 0..token.len() {
            let mut altered = token.clone().into_bytes();
            altered[place] = if altered[place] == b'A' { b'B' } else { b'A' };
            assert_eq!(opened(std::str::from_utf8(&altered).unwrap(), &key), None, "{place}");
        }
    }

    proptest! {
        #[test]
        fn whatever_is_shown_is_opened_or_refused(token in ".{0,200}") {
            prop_assert_eq!(opened(&token, &[7; 32]), None);
        }
    }
}
