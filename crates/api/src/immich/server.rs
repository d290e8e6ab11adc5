//! Who is asked, who asks, and what is taken.

use axum::Json as Answer;
use picup_app::{account, immich};

use super::ENDPOINT;
use super::wire::{ApiKey, Endpoint, MediaTypes, Statistics, User, Version, WellKnown};
use crate::extract::{Allowed, Edit, ForClient, Read, Upload};
use crate::problem::ApiError;

/// Any key at all.
type Known = Allowed<(Upload, (Read, Edit))>;

/// PicUp keeps every file; these are the endings by which the uploaders choose what to send.
const MEDIA_TYPES: MediaTypes = MediaTypes {
    image: &[
        ".3fr", ".ari", ".arw", ".avif", ".bmp", ".cap", ".cin", ".cr2", ".cr3", ".crw", ".dcr", ".dng", ".erf",
        ".fff", ".gif", ".heic", ".heif", ".hif", ".iiq", ".insp", ".jp2", ".jpe", ".jpeg", ".jpg", ".jxl", ".k25",
        ".kdc", ".mpo", ".mrw", ".nef", ".nrw", ".orf", ".ori", ".pef", ".png", ".psd", ".raf", ".raw", ".rw2", ".rwl",
        ".sr2", ".srf", ".srw", ".tif", ".tiff", ".webp", ".x3f",
    ],
    video: &[
        ".3gp", ".3gpp", ".avi", ".flv", ".insv", ".m2t", ".m2ts", ".m4v", ".mkv", ".mov", ".mp4", ".mpe", ".mpeg",
        ".mpg", ".mts", ".mxf", ".vob", ".webm", ".wmv",
    ],
    // None: sidecars are not kept, so an uploader must not think so.
    sidecar: &[],
};

/// Where the API begins. Asked before anything else, without a key.
pub(super) async fn well_known() -> Answer<WellKnown> {
    Answer(WellKnown { api: Endpoint { endpoint: ENDPOINT } })
}

/// The version of Immich whose surface this is; its tools look at no more than whether it is of their own generation.
pub(super) async fn version() -> Answer<Version> {
    Answer(Version { major: 3, minor: 2, patch: 2 })
}

pub(super) async fn media_types() -> Answer<MediaTypes> {
    Answer(MEDIA_TYPES)
}

pub(super) async fn user(ForClient(app): ForClient, caller: Known) -> Result<Answer<User>, ApiError> {
    let account = account::fetch(&app, caller.account).await?;
    Ok(Answer(User {
        id: account.id.to_string(),
        email: account.email.as_str().to_owned(),
        name: account.name.as_str().to_owned(),
    }))
}

/// What the caller's key may do, in Immich's words.
pub(super) async fn key(
    _: Known,
    upload: Result<Allowed<Upload>, ApiError>,
    read: Result<Allowed<Read>, ApiError>,
) -> Answer<ApiKey> {
    let mut permissions = vec!["user.read", "server.about", "apiKey.read"];
    if upload.is_ok() {
        permissions.extend(["asset.upload", "album.read", "album.create", "albumAsset.create"]);
    }
    if read.is_ok() {
        permissions.extend(["asset.statistics", "album.read"]);
    }
    Answer(ApiKey { permissions })
}

pub(super) async fn statistics(
    ForClient(app): ForClient,
    caller: Allowed<Read>,
) -> Result<Answer<Statistics>, ApiError> {
    let found = immich::statistics(&app, caller.account).await?;
    Ok(Answer(Statistics { images: found.photos, videos: found.videos, total: found.total }))
}
