//! Immich's shapes, as far as its uploaders send and read them: <https://api.immich.app>. Fields that are not here are ignored.

use serde::{Deserialize, Serialize};

/// Where the API begins.
#[derive(Serialize)]
pub(super) struct WellKnown {
    pub(super) api: Endpoint,
}

#[derive(Serialize)]
pub(super) struct Endpoint {
    pub(super) endpoint: &'static str,
}

#[derive(Serialize)]
pub(super) struct Version {
    pub(super) major: u32,
    pub(super) minor: u32,
    pub(super) patch: u32,
}

#[derive(Serialize)]
pub(super) struct MediaTypes {
    pub(super) image: &'static [&'static str],
    pub(super) video: &'static [&'static str],
    pub(super) sidecar: &'static [&'static str],
}

#[derive(Serialize)]
pub(super) struct User {
    pub(super) id: String,
    pub(super) email: String,
    pub(super) name: String,
}

#[derive(Serialize)]
pub(super) struct ApiKey {
    pub(super) permissions: Vec<&'static str>,
}

#[derive(Serialize)]
pub(super) struct Statistics {
    pub(super) images: u64,
    pub(super) videos: u64,
    pub(super) total: u64,
}

#[derive(Deserialize)]
pub(super) struct CheckRequest {
    pub(super) assets: Vec<CheckItem>,
}

#[derive(Deserialize)]
pub(super) struct CheckItem {
    /// The client's own name for the file: its path.
    pub(super) id: String,
    /// The SHA-1, in hexadecimal or in base64.
    pub(super) checksum: String,
}

#[derive(Serialize)]
pub(super) struct CheckResults {
    pub(super) results: Vec<CheckResult>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct CheckResult {
    pub(super) id: String,
    pub(super) action: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) reason: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) asset_id: Option<String>,
}

#[derive(Serialize)]
pub(super) struct Uploaded {
    pub(super) id: String,
    pub(super) status: &'static str,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct AlbumRequest {
    pub(super) album_name: String,
    #[serde(default)]
    pub(super) asset_ids: Vec<uuid::Uuid>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Album {
    pub(super) id: String,
    pub(super) album_name: String,
    pub(super) asset_count: u64,
}

#[derive(Deserialize)]
pub(super) struct Ids {
    pub(super) ids: Vec<uuid::Uuid>,
}

#[derive(Serialize)]
pub(super) struct IdResult {
    pub(super) id: String,
    pub(super) success: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) error: Option<&'static str>,
}
