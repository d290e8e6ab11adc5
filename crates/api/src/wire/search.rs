//! Searching the library.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::AssetColumns;

/// What to look for: the assets that meet every condition. What is in the trash is not looked for.
#[derive(Debug, Clone, Default, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct SearchQuery {
    /// Words, each of which occurs in the file's name, the description, the camera, the lens, or the title of an album that
    /// holds the asset; at most 20, in any case.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// The oldest day, as `2024-05-31`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// The newest day.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
    /// What kind it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[param(inline)]
    pub kind: Option<SearchKind>,
    /// Words, each of which occurs in the camera's make or model.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub camera: Option<String>,
    /// The album it is in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub album: Option<Uuid>,
    /// Whether it is among the favourites.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub favourite: Option<bool>,
    /// Whether it is known where it was taken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub located: Option<bool>,
    /// Taken near this place, as `LATITUDE,LONGITUDE` in degrees: `48.85,2.29`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub near: Option<String>,
    /// How near, in kilometres: 0.01 to 1000, 5 when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub within_km: Option<f64>,
    /// Where the last page ended (its `next`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
    /// At most so many, 1 to 1000; 500 when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
}

/// What kind of asset to look for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum SearchKind {
    /// Photos, live ones too.
    Photo,
    /// Videos.
    Video,
    /// Live photos only.
    Live,
    /// Anything else.
    Other,
}

/// A page of a search.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct SearchResults {
    /// What was found, newest first. It may be nothing although there is a `next`.
    pub assets: AssetColumns,
    /// Everything newer than this day has been looked at; absent when all has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub searched_to: Option<String>,
}

/// What there is to search by.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct SearchSuggestions {
    /// The cameras of the newest photos, the most used first, at most 20; each finds its photos as `camera`.
    pub cameras: Vec<String>,
}
