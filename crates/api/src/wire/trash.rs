//! The trash.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The trash is being emptied.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct TrashEmptied {
    /// How many assets are being deleted: what was in the trash at this moment.
    pub count: u64,
}
