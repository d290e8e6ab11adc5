//! The trash.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The trash in figures.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct TrashSummary {
    /// How many assets lie there.
    pub count: u64,
    /// What their originals take, in bytes.
    pub bytes: u64,
    /// For how many days an asset stays there.
    pub days: u32,
}

/// The trash is being emptied.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct TrashEmptied {
    /// How many assets are being deleted: what was in the trash at this moment.
    pub count: u64,
}
