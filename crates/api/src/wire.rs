//! What goes over the wire: the JSON of every request and answer.
//!
//! The web client's types are generated from these through the OpenAPI file, and `picup import` uses them as they are, so
//! each shape is written once. Moments are RFC 3339 text in UTC; sizes are bytes; hashes are lower-case hexadecimal SHA-256;
//! ids are hyphenated lower-case UUIDs. Unknown fields in requests are refused, so that a misspelt one is not lost silently.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

/// What went wrong, as RFC 9457 (`application/problem+json`) has it.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Problem {
    /// A stable name for programs, such as `urn:picup:quota-exceeded`.
    pub r#type: String,
    /// The same for people, in a few words.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// What to change, or where to look.
    pub detail: String,
    /// The request's id, which is in the log beside the cause.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
}

/// Whether this PicUp still waits for its first account.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Setup {
    /// True until the first account exists.
    pub open: bool,
}

/// Makes the first account, which is an admin.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SetupRequest {
    /// The one-time code from the link that `picup serve` printed.
    pub code: String,
    /// The address to sign in with.
    pub email: String,
    /// The name to be called by.
    pub name: String,
    /// At least 10 characters.
    pub password: String,
    /// Who asks.
    #[serde(default)]
    pub client: ClientKind,
}

/// Who asks for a session, which decides how the tokens travel.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ClientKind {
    /// A page: tokens travel in HttpOnly cookies and are never seen by scripts.
    #[default]
    Browser,
    /// A program: tokens are in the answer and are sent back as `Authorization: Bearer`.
    Program,
}

/// Signs in.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SignInRequest {
    /// The account's address.
    pub email: String,
    /// Its password.
    pub password: String,
    /// Who asks.
    #[serde(default)]
    pub client: ClientKind,
}

/// Renews a session. A browser sends an empty object: its refresh token is in a cookie.
#[derive(Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RefreshRequest {
    /// A program's refresh token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refresh_token: Option<String>,
}

/// An open session. The answer also sets the signed cookies that open the account's media.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
pub struct Session {
    /// Whose it is.
    pub account: Account,
    /// When the access token ends; renew before that.
    pub expires_at: String,
    /// When the media cookies end; renewing the session renews them.
    pub media_expires_at: String,
    /// The tokens, for a program only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tokens: Option<Tokens>,
}

/// A program's tokens.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
pub struct Tokens {
    /// Sent as `Authorization: Bearer …`; holds for 5 minutes.
    pub access_token: String,
    /// Sent to `/api/session/refresh`, once: each renewal gives a new one.
    pub refresh_token: String,
}

/// An account, as its owner sees it.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Account {
    /// Its id, also the owner's folder in media addresses.
    pub id: Uuid,
    /// The address to sign in with.
    pub email: String,
    /// The name to be called by.
    pub name: String,
    /// `admin` or `member`.
    pub role: String,
    /// The most it may keep, in bytes; absent means no limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quota_bytes: Option<u64>,
    /// What its originals take, in bytes.
    pub used_bytes: u64,
    /// What uploads under way have been promised, in bytes.
    pub reserved_bytes: u64,
}

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
    /// Where the next page begins; absent at the end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

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
    /// Why there is nothing to show, for an asset that is unviewable or damaged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// When it was added.
    pub added_at: String,
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
    /// Where it was found: `exif`, `gps`, `container`, `file` or `upload`.
    pub source: String,
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

/// Asks to upload one file.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UploadRequest {
    /// The file's name; folders in it are cut off.
    pub file_name: String,
    /// Its size.
    pub bytes: u64,
    /// Its hash.
    pub sha256: String,
    /// When it was last changed, RFC 3339 with the offset of the place if known (`2024-05-31T18:04:05+02:00`); the capture
    /// time when the file itself has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub modified_at: Option<String>,
}

/// The answer to a wish to upload.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum UploadAnswer {
    /// You have this one already, verified; nothing needs to be sent.
    Duplicate {
        /// Which one it is.
        asset: Uuid,
    },
    /// Send the parts of this upload.
    Upload {
        /// How.
        upload: Upload,
    },
}

/// An upload under way.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Upload {
    /// Its id.
    pub id: Uuid,
    /// The size of every part but the last.
    pub part_size: u64,
    /// How many parts there are.
    pub part_count: u32,
    /// The parts that have arrived.
    pub arrived: Vec<PartHash>,
    /// When it is given up and its reservation released.
    pub expires_at: String,
    /// The asset it became, once completed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asset: Option<Uuid>,
}

/// A part and its content.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PartHash {
    /// From 1.
    pub number: u32,
    /// The part's own hash.
    pub sha256: String,
}

/// Asks where to send parts.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PartTargetsRequest {
    /// 1 to 100 of them.
    pub parts: Vec<PartHash>,
}

/// Where to send parts.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct PartTargets {
    /// One for each part asked for, in the same order.
    pub parts: Vec<PartTarget>,
}

/// Where to send one part: a request that carries its own right, so send no credentials with it.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct PartTarget {
    /// The part.
    pub number: u32,
    /// The HTTP method.
    pub method: String,
    /// The address; relative to this host, or another host's.
    pub url: String,
    /// Headers to send as they are.
    pub headers: Vec<Header>,
    /// When the address ends; ask again after that.
    pub expires_at: String,
}

/// A header.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Header {
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: String,
}

/// What a completed upload became.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Completed {
    /// The asset.
    pub asset: Uuid,
}

/// An album.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Album {
    /// Its id.
    pub id: Uuid,
    /// Its title.
    pub title: String,
    /// How many assets it has.
    pub count: u64,
    /// The asset on its cover.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cover: Option<AlbumCover>,
    /// When it was made.
    pub created_at: String,
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

/// Makes or renames an album.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AlbumRequest {
    /// 1 to 200 characters.
    pub title: String,
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
}

/// A hint that something changed, as one server-sent event: `event: change`, this as its data.
///
/// After a gap (a lost connection, a slow reader) comes `event: reset` with no data: fetch again what is on screen.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Change {
    /// An asset was added, or has come further.
    Asset {
        /// Which.
        id: Uuid,
        /// How far it has come.
        state: AssetState,
        /// The day it is listed under, as `2024-05-31`.
        day: String,
    },
    /// An album was made, changed or deleted.
    Album {
        /// Which.
        id: Uuid,
    },
}

/// Whether this process is well, for load balancers and `picup doctor`.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Health {
    /// True when it can do its work.
    pub ok: bool,
}
