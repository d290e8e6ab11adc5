//! The timeline and its pages.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::{AssetKind, AssetState};

/// How many assets each day has, newest day first: all that is needed to lay out a timeline of any length.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Timeline {
    /// All assets together.
    pub total: u64,
    /// The days that have any.
    pub days: Vec<TimelineDay>,
}

/// One day of the timeline.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct TimelineDay {
    /// The day on the wall where the photos were taken, as `2024-05-31`.
    pub day: String,
    /// How many assets it has.
    pub count: u64,
}

/// Which part of the timeline to give.
#[derive(Debug, Clone, Default, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct TimelineQuery {
    /// The newest day wanted, as `2024-05-31`; absent means from the newest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub newest: Option<String>,
    /// The oldest day wanted; absent means to the oldest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub oldest: Option<String>,
    /// Where the last page ended (its `next`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
    /// At most so many, 1 to 1000; 500 when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
}

/// A page within a list.
#[derive(Debug, Clone, Default, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct PageQuery {
    /// Where the last page ended (its `next`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
    /// At most so many, 1 to 1000; 500 when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
}

/// Assets as columns of small fields: entry *n* of every column belongs to one asset.
///
/// An asset's thumbnail is at `/media/{owner}/{id}/view/thumbnail.{version}.webp` and its preview at
/// `/media/{owner}/{id}/view/preview.{version}.jpg`, where `version` is its entry in `versions`.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
pub struct AssetColumns {
    /// Ids.
    pub id: Vec<Uuid>,
    /// The day on the wall.
    pub day: Vec<String>,
    /// What each is.
    pub kind: Vec<AssetKind>,
    /// How far each has come.
    pub state: Vec<AssetState>,
    /// Width over height, as shown; 1 while unknown.
    pub ratio: Vec<f64>,
    /// A thumbhash in base64, or nothing yet.
    pub placeholder: Vec<Option<String>>,
    /// A video's length in milliseconds.
    pub duration_ms: Vec<Option<u64>>,
    /// The version of the renditions; 0 while there are none.
    pub version: Vec<u32>,
    /// Whether each is among the favourites.
    pub favourite: Vec<bool>,
    /// Whether each is a live photo, with a moving part.
    pub motion: Vec<bool>,
    /// How many days each still has until it is deleted for ever, a begun one counted. Only in the trash.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub days_left: Vec<u32>,
    /// Whose each is. Only where those of others are shown.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub owner: Vec<Uuid>,
    /// The query with which each one's media open, for some minutes; null for the caller's own, which the media cookies open. Only
    /// where assets of others are shown.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub right: Vec<Option<String>>,
    /// Where the next page begins; absent at the end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}
