//! Favourites.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

/// Makes assets favourites, or no longer.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct FavouriteRequest {
    /// 1 to 1000 of them.
    pub assets: Vec<Uuid>,
    /// Whether they are to be favourites.
    pub favourite: bool,
}
