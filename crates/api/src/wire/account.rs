//! Accounts.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

/// Changes the caller's own account; what is absent stays.
#[derive(Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AccountChange {
    /// The name to be called by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The address to sign in with; wants the current password.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// The current password.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password: Option<String>,
}

/// Changes the caller's own password.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PasswordChange {
    /// The current one.
    pub current: String,
    /// The one to come: at least 10 characters.
    pub new: String,
}

/// An account, as its owner sees it.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Account {
    /// Its id, also the owner's folder in media addresses.
    pub id: Uuid,
    /// The address to sign in with.
    pub email: String,
    /// The name to be called by.
    pub name: String,
    /// `admin` or `member`.
    pub role: String,
    /// The most it may keep, in bytes; absent means no limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quota_bytes: Option<u64>,
    /// What its originals take, in bytes.
    pub used_bytes: u64,
    /// What uploads under way have been promised, in bytes.
    pub reserved_bytes: u64,
    /// When it is to be erased; until then that can be taken back. Absent when it is to stay.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delete_after: Option<String>,
    /// What is known of the copies of its photos; absent when none are kept elsewhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backup: Option<AccountBackup>,
}

/// What everybody who keeps photos here may know of the copies.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct AccountBackup {
    /// When the newest rehearsal of a restore was that went well; absent when no destination's last one did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rehearsed_at: Option<String>,
}
