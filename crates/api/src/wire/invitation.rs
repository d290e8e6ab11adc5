//! Links that make an account, or set a new password for one.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::ClientKind;

/// What a link does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum InvitationKind {
    /// Makes an account.
    Account,
    /// Sets a new password for an account.
    Password,
}

/// A link that can still be used. The link itself was shown once, to whoever made it.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Invitation {
    /// Its id.
    pub id: Uuid,
    /// What it does.
    pub kind: InvitationKind,
    /// The account whose password it sets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<Uuid>,
    /// The address the new account must have; absent when its guest chooses.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// `admin` or `member`: what the account may do.
    pub role: String,
    /// The most the new account may keep, in bytes; absent means no limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quota_bytes: Option<u64>,
    /// Which account made it; absent when somebody at the command line did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created_by: Option<Uuid>,
    /// When it was made.
    pub created_at: String,
    /// When it ends.
    pub expires_at: String,
}

/// The links that can still be used.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Invitations {
    /// The next to end first.
    pub invitations: Vec<Invitation>,
}

/// Invites somebody.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct InvitationRequest {
    /// The address the new account must have; without it, the guest chooses.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// `admin` or `member`; `member` without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
    /// The most the account may keep, in bytes; no limit without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quota_bytes: Option<u64>,
    /// How many days the link holds, 1 to 30; 7 without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub days: Option<u32>,
}

/// A link that was just made.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
pub struct InvitationMade {
    /// What it is for.
    pub invitation: Invitation,
    /// The link, shown this once. It begins with `/` when this PicUp has no public address configured.
    pub link: String,
}

/// A link's token, from behind the last `/` of its fragment.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct InvitationToken {
    /// The token.
    pub token: String,
}

/// What a link is for, as its holder may know.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct InvitationLook {
    /// What it does.
    pub kind: InvitationKind,
    /// The account's address, when it is settled; else its guest chooses.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// When it ends.
    pub expires_at: String,
}

/// Uses a link.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct InvitationAcceptance {
    /// The token.
    pub token: String,
    /// The address to sign in with, for a new account whose address is open.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// The name to be called by, for a new account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// At least 10 characters.
    pub password: String,
    /// Who asks.
    #[serde(default)]
    pub client: ClientKind,
}
