//! Refusals, and whether the process is well.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What went wrong, as RFC 9457 (`application/problem+json`) has it.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Problem {
    /// A stable name for programs, such as `urn:picup:quota-exceeded`.
    pub r#type: String,
    /// The same for people, in a few words.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// What to change, or where to look.
    pub detail: String,
    /// The request's id, which is in the log beside the cause.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
}

/// Whether this process is well, for load balancers and `picup doctor`.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Health {
    /// True when it can do its work.
    pub ok: bool,
}
