//! First run, signing in and renewing.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::Account;

/// Whether this PicUp still waits for its first account.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Setup {
    /// True until the first account exists.
    pub open: bool,
}

/// Makes the first account, which is an admin.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SetupRequest {
    /// The one-time code from the link that `picup serve` printed.
    pub code: String,
    /// The address to sign in with.
    pub email: String,
    /// The name to be called by.
    pub name: String,
    /// At least 10 characters.
    pub password: String,
    /// Who asks.
    #[serde(default)]
    pub client: ClientKind,
}

/// Who asks for a session, which decides how the tokens travel.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ClientKind {
    /// A page: tokens travel in HttpOnly cookies and are never seen by scripts.
    #[default]
    Browser,
    /// A program: tokens are in the answer and are sent back as `Authorization: Bearer`.
    Program,
}

/// Signs in.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SignInRequest {
    /// The account's address.
    pub email: String,
    /// Its password.
    pub password: String,
    /// Who asks.
    #[serde(default)]
    pub client: ClientKind,
}

/// Renews a session. A browser sends an empty object: its refresh token is in a cookie.
#[derive(Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RefreshRequest {
    /// A program's refresh token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refresh_token: Option<String>,
}

/// An open session. The answer also sets the signed cookies that open the account's media.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
pub struct Session {
    /// Whose it is.
    pub account: Account,
    /// When the access token ends; renew before that.
    pub expires_at: String,
    /// When the media cookies end; renewing the session renews them.
    pub media_expires_at: String,
    /// The tokens, for a program only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tokens: Option<Tokens>,
}

/// A session among the caller's.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct SessionEntry {
    /// Its id.
    pub id: Uuid,
    /// The device, such as "Firefox on Linux", as it called itself at the sign-in.
    pub label: String,
    /// When it was begun.
    pub created_at: String,
    /// When it was last renewed; one in use is every few minutes.
    pub last_used_at: String,
    /// When it ends unless it is renewed.
    pub expires_at: String,
    /// Whether it is the one that asks.
    pub current: bool,
}

/// The caller's sessions, newest first.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Sessions {
    /// All that have not ended.
    pub sessions: Vec<SessionEntry>,
}

/// The right to fetch the account's media, in cookies that come with this answer.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
pub struct MediaSession {
    /// What they open: everything under this path.
    pub path: String,
    /// When they end; ask again before that.
    pub expires_at: String,
}

/// A program's tokens.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
pub struct Tokens {
    /// Sent as `Authorization: Bearer …`; holds for 5 minutes.
    pub access_token: String,
    /// Sent to `/api/session/refresh`, once: each renewal gives a new one.
    pub refresh_token: String,
}
