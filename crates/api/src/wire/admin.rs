//! What an administrator sees and changes, and the links it makes.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

/// All accounts.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct AdminAccounts {
    /// By address.
    pub accounts: Vec<AdminAccount>,
}

/// An account, as an admin sees it.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct AdminAccount {
    /// Its id.
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
    /// What its originals take, those in the trash included, in bytes.
    pub used_bytes: u64,
    /// What uploads under way have been promised, in bytes.
    pub reserved_bytes: u64,
    /// Whether it is kept from signing in.
    pub disabled: bool,
    /// When it was made.
    pub created_at: String,
    /// When its newest session was last renewed; absent when it has no session.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_seen_at: Option<String>,
    /// When it is to be erased; absent when it is to stay.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delete_after: Option<String>,
}

/// What is to change of an account. What is absent stays.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AdminAccountRequest {
    /// The name to be called by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// `admin` or `member`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
    /// The most it may keep, in bytes; null for no limit. Less than it keeps is allowed: nothing goes, and nothing more fits.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "super::said")]
    #[schema(value_type = Option<u64>)]
    pub quota_bytes: Option<Option<u64>>,
    /// True signs it out everywhere and keeps it out; false lets it in again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disabled: Option<bool>,
}

/// When an account is to be erased.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Deletion {
    /// Until then it can be taken back.
    pub delete_after: String,
}

/// Asks for the end of the caller's own account.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DeletionRequest {
    /// The account's password.
    pub password: String,
}
