//! The words of PicUp as types: accounts, albums, assets, object keys, uploads, quota.
//!
//! Every other room speaks in these types, so a value that exists has been checked: an [`ObjectKey`] cannot leave its
//! owner's folder, an [`Email`] has an address's shape, a [`PartPlan`] fits what an object store accepts. Nothing here
//! does I/O or waits; time comes in as an argument or through a [`Clock`].

#![forbid(unsafe_code)]

mod account;
mod album;
mod api_key;
mod asset;
mod bytes;
mod capture_time;
mod clock;
mod file_name;
mod id;
mod key;
mod quota;
mod search;
mod sha1;
mod sha256;
mod text;
mod upload;

pub use account::{AccountRole, DisplayName, Email, Password, PasswordHash};
pub use album::{AlbumRole, AlbumTitle};
pub use api_key::{ApiKeyName, Scope, Scopes};
pub use asset::{AssetKind, AssetState, Description, MotionState, Place};
pub use bytes::ByteSize;
pub use capture_time::{CaptureSource, CaptureTime, LocalDay};
pub use clock::{Clock, ManualClock, SystemClock, Timestamp};
pub use file_name::FileName;
pub use id::{
    AccountId, AlbumId, ApiKeyId, AssetId, DestinationId, InvitationId, JobId, SessionId, ShareLinkId, UploadId,
};
pub use key::{ObjectKey, ObjectRole};
pub use quota::Quota;
pub use search::{Bounds, SearchKind, Vicinity, Words};
pub use sha1::Sha1;
pub use sha256::Sha256;
pub use upload::{Part, PartPlan};

/// A value from outside that breaks a rule of the domain. The text says what to change.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {advice}")]
pub struct Invalid {
    /// What was wrong, in the words of the API (`email`, `password`, `sha256`, …).
    pub field: &'static str,
    /// What to change.
    pub advice: String,
}

impl Invalid {
    pub(crate) fn new(field: &'static str, advice: impl Into<String>) -> Self {
        Self { field, advice: advice.into() }
    }
}
