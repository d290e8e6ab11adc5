//! Ids are UUIDv7: ordered by time of birth, so they index well, and collision-free when several databases replicate
//! into one. They are names, not secrets: knowing one opens nothing.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::{NoContext, Uuid};

use crate::{Invalid, Timestamp};

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $field:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Uuid);

        impl $name {
            /// What comes before every id that is given: where a walk through ids begins.
            pub const FIRST: Self = Self(Uuid::nil());

            /// A new id born at `now`.
            #[must_use]
            pub fn new(now: Timestamp) -> Self {
                let micros = now.micros().max(0).unsigned_abs();
                let at = uuid::Timestamp::from_unix(
                    NoContext,
                    micros / 1_000_000,
                    u32::try_from(micros % 1_000_000 * 1_000).unwrap_or_default(),
                );
                Self(Uuid::new_v7(at))
            }

            /// When it was born, to the millisecond.
            #[must_use]
            pub fn born_at(&self) -> Timestamp {
                let millis = u64::from_be_bytes([
                    0, 0, self.0.as_bytes()[0], self.0.as_bytes()[1], self.0.as_bytes()[2],
                    self.0.as_bytes()[3], self.0.as_bytes()[4], self.0.as_bytes()[5],
                ]);
                Timestamp::from_micros(i64::try_from(millis).unwrap_or(i64::MAX).saturating_mul(1_000))
            }

            /// The 16 bytes a database stores.
            #[must_use]
            pub fn as_bytes(&self) -> &[u8; 16] {
                self.0.as_bytes()
            }

            /// The id back from the 16 bytes a database stores.
            ///
            /// # Errors
            /// When there are not exactly 16.
            pub fn from_slice(bytes: &[u8]) -> Result<Self, Invalid> {
                Uuid::from_slice(bytes).map(Self).map_err(|_| Invalid::new($field, "an id has 16 bytes"))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.as_hyphenated().fmt(f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({})", stringify!($name), self.0.as_hyphenated())
            }
        }

        impl FromStr for $name {
            type Err = Invalid;

            /// Accepts the hyphenated lower-case form only, so that an id has one spelling in a key or an address.
            fn from_str(text: &str) -> Result<Self, Invalid> {
                let id = Uuid::try_parse(text).map_err(|_| Invalid::new($field, "not an id"))?;
                let mut spelled = Uuid::encode_buffer();
                if id.as_hyphenated().encode_lower(&mut spelled) == text {
                    Ok(Self(id))
                } else {
                    Err(Invalid::new($field, "write ids in lower case with hyphens"))
                }
            }
        }

        impl From<$name> for Uuid {
            fn from(id: $name) -> Uuid {
                id.0
            }
        }

        impl From<Uuid> for $name {
            fn from(id: Uuid) -> Self {
                Self(id)
            }
        }
    };
}

id!(/** Names an account. */ AccountId, "account");
id!(/** Names a session: one sign-in on one device. */ SessionId, "session");
id!(/** Names an album. */ AlbumId, "album");
id!(/** Names an asset: one photo or video. */ AssetId, "asset");
id!(/** Names an upload. */ UploadId, "upload");
id!(/** Names a job. */ JobId, "job");
id!(/** Names an API key. */ ApiKeyId, "api_key");
id!(/** Names an invitation. */ InvitationId, "invitation");
id!(/** Names a share link. */ ShareLinkId, "share_link");
id!(/** Names a destination: a backup that copies go to. */ DestinationId, "destination");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_sort_by_birth() {
        let earlier = AssetId::new(Timestamp::from_micros(1_700_000_000_000_000));
        let later = AssetId::new(Timestamp::from_micros(1_700_000_000_001_000));
        assert!(earlier < later);
        assert_eq!(later.born_at().micros(), 1_700_000_000_001_000);
        assert!(earlier.to_string() < later.to_string());
    }

    #[test]
    fn one_spelling_only() {
        let id = AssetId::new(Timestamp::from_micros(1));
        assert_eq!(id.to_string().parse(), Ok(id));
        assert!(id.to_string().to_uppercase().parse::<AssetId>().is_err());
        assert!(id.to_string().replace('-', "").parse::<AssetId>().is_err());
        assert!(format!("{{{id}}}").parse::<AssetId>().is_err());
        assert_eq!(AssetId::from_slice(id.as_bytes()), Ok(id));
        assert!(AssetId::from_slice(&id.as_bytes()[1..]).is_err());
    }
}
