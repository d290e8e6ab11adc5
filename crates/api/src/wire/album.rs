//! Albums, and lists of assets with what happened to each.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

/// An album.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Album {
    /// Its id.
    pub id: Uuid,
    /// Its title.
    pub title: String,
    /// Whose it is.
    #[serde(default)]
    #[schema(required = true)]
    pub owner: Uuid,
    /// What its owner is called.
    #[serde(default)]
    #[schema(required = true)]
    pub owner_name: String,
    /// What the caller may do with it.
    #[serde(default)]
    #[schema(required = true)]
    pub role: AlbumRole,
    /// With how many it is shared.
    #[serde(default)]
    #[schema(required = true)]
    pub members: u64,
    /// How many assets it has.
    pub count: u64,
    /// The asset on its cover.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cover: Option<AlbumCover>,
    /// When it was made.
    pub created_at: String,
}

/// What somebody may do with an album. Each may do what those before it may.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum AlbumRole {
    /// Look and download.
    Viewer,
    /// Add assets of one's own, and take those out again.
    Contributor,
    /// Change all of it, its members and its share links.
    Manager,
    /// Delete it, and choose its managers.
    #[default]
    Owner,
}

/// A member of an album.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct AlbumMember {
    /// Who.
    pub account: Uuid,
    /// What they are called.
    pub name: String,
    /// Their e-mail address.
    pub email: String,
    /// What they may do.
    pub role: AlbumRole,
    /// Since when.
    pub added_at: String,
}

/// The members of an album; its owner is none.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct AlbumMembers {
    /// Longest there first.
    pub members: Vec<AlbumMember>,
}

/// Shares an album with somebody who has an account here.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AlbumMemberRequest {
    /// The address they sign in with.
    pub email: String,
    /// `viewer`, `contributor` or `manager`.
    pub role: String,
}

/// Gives a member another role.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AlbumMemberEdit {
    /// `viewer`, `contributor` or `manager`.
    pub role: String,
}

/// The picture on an album's cover.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct AlbumCover {
    /// The asset.
    pub asset: Uuid,
    /// Its thumbnail's path.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub thumbnail: Option<String>,
    /// Its thumbhash in base64.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub placeholder: Option<String>,
}

/// Albums, newest first.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Albums {
    /// This page of them.
    pub albums: Vec<Album>,
    /// Where the next page begins; absent at the end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// Makes an album.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AlbumRequest {
    /// 1 to 200 characters.
    pub title: String,
}

/// What is to change of an album. What is absent stays.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AlbumEdit {
    /// 1 to 200 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// The asset of this album on its cover, where it stays while the album shows it; null for whatever is first.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "super::said")]
    #[schema(value_type = Option<Uuid>)]
    pub cover: Option<Option<Uuid>>,
}

/// Puts assets of an album into an order.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AlbumOrder {
    /// 1 to 1000 of them, in the order they are to stand in.
    pub assets: Vec<Uuid>,
    /// The asset of the album to stand before, none of those that move; absent for the album's end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<Uuid>,
}

/// Names assets.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AssetIds {
    /// 1 to 1000 of them.
    pub assets: Vec<Uuid>,
}

/// What happened to each.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct ItemResults {
    /// In the order they were named.
    pub results: Vec<ItemResult>,
}

/// What happened to one.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct ItemResult {
    /// Which.
    pub asset: Uuid,
    /// What.
    pub outcome: ItemOutcome,
}

/// What happened to an item of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ItemOutcome {
    /// Done.
    Done,
    /// It was so already.
    Unchanged,
    /// There is no such asset of yours.
    NotFound,
    /// It is not in the trash, and only what is can be deleted.
    NotTrashed,
}
