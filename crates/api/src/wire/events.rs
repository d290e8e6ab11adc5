//! Hints for open pages.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::AssetState;

/// A hint that something changed, as one server-sent event: `event: change`, this as its data.
///
/// After a gap (a lost connection, a slow reader) comes `event: reset` with no data: fetch again what is on screen.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Change {
    /// An asset was added, or has come further.
    Asset {
        /// Which.
        id: Uuid,
        /// How far it has come.
        state: AssetState,
        /// The day it is listed under, as `2024-05-31`.
        day: String,
    },
    /// An album was made, changed or deleted.
    Album {
        /// Which.
        id: Uuid,
    },
}
