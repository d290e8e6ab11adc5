//! One asset and all that is known of it.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

/// What an asset is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum AssetKind {
    /// A still picture.
    Photo,
    /// A moving one.
    Video,
    /// Neither, or not known yet.
    Other,
}

/// How far an asset has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum AssetState {
    /// Stored; being verified and looked at.
    Processing,
    /// Verified and shown.
    Ready,
    /// Verified, but no picture can be made from it; it can be downloaded.
    Unviewable,
    /// What is stored could not be proved to have the hash that was declared.
    Damaged,
}

/// All that is known of one asset.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Asset {
    /// Its id.
    pub id: Uuid,
    /// Whose it is: the caller's own, or that of somebody who shares it in an album.
    #[serde(default)]
    #[schema(required = true)]
    pub owner: Uuid,
    /// What it is.
    pub kind: AssetKind,
    /// How far it has come.
    pub state: AssetState,
    /// The name it came with.
    pub file_name: String,
    /// The original's size.
    pub bytes: u64,
    /// The original's hash.
    pub sha256: String,
    /// When it was taken.
    pub captured: Captured,
    /// Pixels across, as shown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub width: Option<u32>,
    /// Pixels down, as shown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub height: Option<u32>,
    /// A video's length in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration_ms: Option<u64>,
    /// A thumbhash in base64.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub placeholder: Option<String>,
    /// The camera and how it was set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub camera: Option<Camera>,
    /// Where it was taken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<Place>,
    /// Where its bytes are fetched.
    pub media: AssetMedia,
    /// Whether it is among the favourites.
    pub favourite: bool,
    /// What is written about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The moving part, when it is a live photo.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub motion: Option<Motion>,
    /// Since when it lies in the trash; absent when it does not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trashed_at: Option<String>,
    /// Why there is nothing to show, for an asset that is unviewable or damaged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// In how many places its original stands, proved by its hash: the store, and each destination of copies.
    #[serde(default)]
    #[schema(required = true)]
    pub safe_in: u64,
    /// How many such places there are; 1 when no copies are kept elsewhere.
    #[serde(default)]
    #[schema(required = true)]
    pub places: u64,
    /// When it was added.
    pub added_at: String,
}

/// What is to change of an asset. What is absent stays.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AssetEdit {
    /// Whether it is to be among the favourites.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub favourite: Option<bool>,
    /// What is to be written about it: at most 5,000 characters. Null or nothing removes it.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "super::said")]
    #[schema(value_type = Option<String>)]
    pub description: Option<Option<String>>,
    /// When it was taken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub captured: Option<CapturedEdit>,
}

/// A capture time as its owner says it.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CapturedEdit {
    /// The time on the wall where it was taken, as `2024-05-31T18:04:05`.
    pub local: String,
    /// Minutes east of UTC, −1439 to 1439; absent when unknown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub offset_minutes: Option<i16>,
}

/// A capture time.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Captured {
    /// The moment in UTC; exact only when the offset is known.
    pub at: String,
    /// The time on the wall where it was taken, as `2024-05-31T18:04:05`.
    pub local: String,
    /// Minutes east of UTC, when known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub offset_minutes: Option<i16>,
    /// Where it was found: `exif`, `gps`, `container`, `sidecar`, `file`, `upload` or `edited`.
    pub source: String,
}

/// The moving part of a live photo.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Motion {
    /// The name it came with.
    pub file_name: String,
    /// Its size.
    pub bytes: u64,
    /// Its hash.
    pub sha256: String,
    /// How far it has come.
    pub state: MotionState,
    /// The path of the file as it was uploaded.
    pub original: String,
}

/// How far the moving part of a live photo has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum MotionState {
    /// Stored; being verified.
    Processing,
    /// What is stored has the declared hash.
    Verified,
    /// What is stored could not be proved to have it.
    Damaged,
}

/// The camera and how it was set.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Camera {
    /// Who made it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub make: Option<String>,
    /// Which one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// The lens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lens: Option<String>,
    /// The aperture's f-number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub f_number: Option<f64>,
    /// The exposure in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exposure_seconds: Option<f64>,
    /// The sensitivity.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub iso: Option<u32>,
    /// The focal length in millimetres.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub focal_length_mm: Option<f64>,
}

/// A place on Earth (WGS 84).
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Place {
    /// Degrees north.
    pub latitude: f64,
    /// Degrees east.
    pub longitude: f64,
    /// Metres above the sea.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub altitude: Option<f64>,
}

/// Where an asset's bytes are fetched: paths on this host that the session's media cookies open.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct AssetMedia {
    /// The small picture.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub thumbnail: Option<String>,
    /// The large picture; a video's still.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub preview: Option<String>,
    /// The file as it was uploaded.
    pub original: String,
}

/// How far assets have come.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct AssetStates {
    /// One for each asset that was named, in the same order.
    pub states: Vec<AssetStanding>,
}

/// How far one asset has come.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum AssetStanding {
    /// It is yours.
    Found {
        /// Which.
        asset: Uuid,
        /// Its own state.
        state: AssetState,
        /// Its moving part's, when it is a live photo.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        motion: Option<MotionState>,
        /// Whether it lies in the trash.
        trashed: bool,
    },
    /// There is no such asset of yours.
    NotFound {
        /// Which.
        asset: Uuid,
    },
}
