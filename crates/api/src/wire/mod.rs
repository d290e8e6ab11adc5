//! What goes over the wire: the JSON of every request and answer.
//!
//! The web client's types are generated from these through the OpenAPI file, and `picup import` uses them as they are, so
//! each shape is written once. Moments are RFC 3339 text in UTC; sizes are bytes; hashes are lower-case hexadecimal SHA-256;
//! ids are hyphenated lower-case UUIDs. Unknown fields in requests are refused, so that a misspelt one is not lost silently.

use serde::{Deserialize, Deserializer};

mod account;
mod admin;
mod album;
mod api_key;
mod asset;
mod backup;
mod events;
mod favourite;
mod invitation;
mod problem;
mod search;
mod session;
mod share;
mod system;
mod timeline;
mod trash;
mod upload;

pub use account::{Account, AccountBackup, AccountChange, PasswordChange};
pub use admin::{AdminAccount, AdminAccountRequest, AdminAccounts, Deletion, DeletionRequest};
pub use album::{
    Album, AlbumCover, AlbumEdit, AlbumMember, AlbumMemberEdit, AlbumMemberRequest, AlbumMembers, AlbumOrder,
    AlbumRequest, AlbumRole, Albums, AssetIds, ItemOutcome, ItemResult, ItemResults,
};
pub use api_key::{ApiKey, ApiKeyMade, ApiKeyRequest, ApiKeyScope, ApiKeys};
pub use asset::{
    Asset, AssetEdit, AssetKind, AssetMedia, AssetStanding, AssetState, AssetStates, Camera, Captured, CapturedEdit,
    Motion, MotionState, Place,
};
pub use backup::{SystemBackup, SystemCopies, SystemDestination, SystemDrill, SystemFailingCopy};
pub use events::Change;
pub use favourite::FavouriteRequest;
pub use invitation::{
    Invitation, InvitationAcceptance, InvitationKind, InvitationLook, InvitationMade, InvitationRequest,
    InvitationToken, Invitations,
};
pub use problem::{Health, Problem};
pub use search::{SearchKind, SearchQuery, SearchResults, SearchSuggestions};
pub use session::{
    ClientKind, MediaSession, RefreshRequest, Session, SessionEntry, Sessions, Setup, SetupRequest, SignInRequest,
    Tokens,
};
pub use share::{
    ShareLink, ShareLinkEdit, ShareLinkRequest, ShareLinks, ShareLinksQuery, ShareOpenRequest, ShareOpened,
    SharedAsset, SharedOriginal,
};
pub use system::{
    JobsRetried, JobsRetry, System, SystemAccounts, SystemAdvice, SystemAssets, SystemCache, SystemDamaged,
    SystemDatabase, SystemDelivery, SystemFailedJob, SystemJobs, SystemMedia, SystemQueue, SystemQuota, SystemRefused,
    SystemReplica, SystemReplicas, SystemRow, SystemState, SystemStore, SystemUploads,
};
pub use timeline::{AssetColumns, PageQuery, Timeline, TimelineDay, TimelineQuery};
pub use trash::{TrashEmptied, TrashSummary};
pub use upload::{
    Completed, CompletionAnswer, CompletionAnswers, Header, PartHash, PartTarget, PartTargets, PartTargetsRequest,
    Upload, UploadAnswer, UploadAnswers, UploadIds, UploadManyAnswer, UploadRequest, UploadsRequest,
};

/// Tells a null that was written from nothing written.
fn said<'de, T: Deserialize<'de>, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Option<T>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}
