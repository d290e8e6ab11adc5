//! One asset and all that is known of it.

use picup_domain::{AccountId, AssetId, FileName, ObjectKey, ObjectRole};
use serde::{Deserialize, Serialize};

pub use picup_database::Asset as Row;

use crate::{App, Error};

/// Facts that are shown and never searched, kept as JSON beside the columns.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Details {
    /// The aperture's f-number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub f_number: Option<f64>,
    /// The exposure in seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exposure_seconds: Option<f64>,
    /// The sensitivity.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub iso: Option<u32>,
    /// The focal length in millimetres.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub focal_length_mm: Option<f64>,
    /// Why there is nothing to show.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// An asset and where its bytes are.
#[derive(Debug, Clone)]
pub struct Asset {
    /// What the database knows.
    pub row: Row,
    /// The rest.
    pub details: Details,
    /// The small picture.
    pub thumbnail: Option<ObjectKey>,
    /// The large picture; a video's still.
    pub preview: Option<ObjectKey>,
    /// The file as it was uploaded.
    pub original: ObjectKey,
    /// A live photo's moving part as it was uploaded.
    pub motion: Option<ObjectKey>,
}

/// All that is known of one asset of `owner`.
///
/// # Errors
/// [`Error::NotFound`], also when it is somebody else's.
pub async fn fetch(app: &App, owner: AccountId, id: AssetId) -> Result<Asset, Error> {
    let row = app.database().read().await?.asset_by_id(owner, id).await?.ok_or(Error::NotFound("asset"))?;
    let details = row.facts.details.as_deref().and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
    let rendition = |role, extension: &Option<String>| {
        extension.as_deref().map(|extension| ObjectKey::new(owner, id, role, row.facts.rendition_version, extension))
    };
    Ok(Asset {
        thumbnail: rendition(ObjectRole::Thumbnail, &row.facts.thumbnail_extension),
        preview: rendition(ObjectRole::Preview, &row.facts.preview_extension),
        original: original_key(owner, id, &row.file_name),
        motion: row.motion.as_ref().map(|motion| motion_key(owner, id, &motion.file_name)),
        details,
        row,
    })
}

/// Where an asset's original is, from before there is an asset.
pub(crate) fn original_key(owner: AccountId, asset: AssetId, name: &FileName) -> ObjectKey {
    ObjectKey::new(owner, asset, ObjectRole::Original, 1, &name.extension())
}

/// Where the moving part of an asset is, from before it is one.
pub(crate) fn motion_key(owner: AccountId, asset: AssetId, name: &FileName) -> ObjectKey {
    ObjectKey::new(owner, asset, ObjectRole::Motion, 1, &name.extension())
}
