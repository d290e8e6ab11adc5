//! Share links, for those who make them and for those who open them.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::{AssetKind, AssetState};

/// A share link.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
pub struct ShareLink {
    /// Its id.
    pub id: Uuid,
    /// The album it shows; absent when it shows assets of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub album: Option<Uuid>,
    /// The album's title.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// How many assets it shows.
    pub count: u64,
    /// Whether it asks for a password.
    pub password: bool,
    /// Whether it opens the originals, too.
    pub download: bool,
    /// When it was made.
    pub created_at: String,
    /// When it ends; absent: when it is revoked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<String>,
    /// Whether its time is over. It can be given more.
    pub over: bool,
    /// The link. It begins with `/` when this PicUp has no public address configured; absent for one that was made before this PicUp
    /// was restored elsewhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub link: Option<String>,
}

/// Share links.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
pub struct ShareLinks {
    /// The newest first.
    pub links: Vec<ShareLink>,
}

/// Which share links.
#[derive(Debug, Clone, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ShareLinksQuery {
    /// Those to this album, whoever made them; without it, all that the caller made.
    pub album: Option<Uuid>,
}

/// Makes a share link, of an album or of assets.
#[derive(Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ShareLinkRequest {
    /// The album to show, with all that will be in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub album: Option<Uuid>,
    /// The assets to show, 1 to 1000, in this order.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub assets: Option<Vec<Uuid>>,
    /// At least 6 characters; none without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password: Option<String>,
    /// Whether it opens the originals, too.
    #[serde(default)]
    pub download: bool,
    /// When it ends; null: when it is revoked. In 30 days without it.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "super::said")]
    #[schema(value_type = Option<String>)]
    pub expires_at: Option<Option<String>>,
}

/// What is to change of a share link. What is absent stays.
#[derive(Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ShareLinkEdit {
    /// At least 6 characters; null for none.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "super::said")]
    #[schema(value_type = Option<String>)]
    pub password: Option<Option<String>>,
    /// Whether it opens the originals, too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub download: Option<bool>,
    /// When it ends; null: when it is revoked.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "super::said")]
    #[schema(value_type = Option<String>)]
    pub expires_at: Option<Option<String>>,
}

/// Opens a share link.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ShareOpenRequest {
    /// The token, from behind the last `/` of the link's fragment.
    pub token: String,
    /// Its password.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password: Option<String>,
}

/// A share link that was opened.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
pub struct ShareOpened {
    /// The album's title; absent when it shows assets of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// What whoever shares is called.
    pub by: String,
    /// How many assets it shows.
    pub count: u64,
    /// Whether originals may be fetched.
    pub download: bool,
    /// When the link ends; absent: when it is revoked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<String>,
    /// To be shown as `Authorization: Bearer` with each request for what the link shows.
    pub access_token: String,
    /// When that ends.
    pub access_expires_at: String,
    /// For how long addresses of media open at least, in seconds, from when they were given.
    pub media_seconds: u64,
}

/// An asset that a share link shows.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct SharedAsset {
    /// Its id.
    pub id: Uuid,
    /// What it is.
    pub kind: AssetKind,
    /// How far it has come.
    pub state: AssetState,
    /// The day on the wall.
    pub day: String,
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
    /// The small picture, with what opens it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub thumbnail: Option<String>,
    /// The large picture, with what opens it; a video's still.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub preview: Option<String>,
    /// The original, when the link allows it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub original: Option<SharedOriginal>,
}

/// An original that a share link lets go.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct SharedOriginal {
    /// The name it came with.
    pub file_name: String,
    /// Its size.
    pub bytes: u64,
    /// Where it is, with what opens it.
    pub url: String,
}
