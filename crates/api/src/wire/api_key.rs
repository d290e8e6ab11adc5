//! API keys.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

/// What a key may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ApiKeyScope {
    /// Sends photos and puts them into albums; sees none.
    Upload,
    /// Sees everything in the library; changes nothing.
    Read,
    /// Changes and deletes what is in the library.
    Edit,
}

/// A key to be made.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ApiKeyRequest {
    /// What the person knows it by: 1 to 100 characters.
    pub name: String,
    /// What it may do; at least one.
    pub scopes: Vec<ApiKeyScope>,
    /// When it ends; absent means when it is revoked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<String>,
}

/// A key. Its token is not in here: nobody can read that again.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct ApiKey {
    /// Its id.
    pub id: Uuid,
    /// What the person knows it by.
    pub name: String,
    /// What it may do.
    pub scopes: Vec<ApiKeyScope>,
    /// When it was made.
    pub created_at: String,
    /// When it was last used, to the minute or so; absent when never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_used_at: Option<String>,
    /// When it ends or has ended; absent means when it is revoked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<String>,
}

/// A key that was just made.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
pub struct ApiKeyMade {
    /// The key.
    pub key: ApiKey,
    /// Sent as `Authorization: Bearer …` or in `x-api-key`. Shown this once.
    pub token: String,
}

/// The caller's keys, newest first, also those that have ended.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct ApiKeys {
    /// At most 100.
    pub keys: Vec<ApiKey>,
}
