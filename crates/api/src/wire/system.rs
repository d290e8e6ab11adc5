//! How the whole is, for admins.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::SystemBackup;

/// How something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum SystemState {
    /// Nothing is to be done.
    Good,
    /// It works, and somebody should look at it.
    Attention,
    /// Something does not work now.
    Bad,
}

/// What is to be done about something.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SystemAdvice {
    /// What is the matter, in a word that stays the same from release to release: `storage-full`, `jobs-given-up`, …
    pub code: String,
    /// How bad it is.
    pub state: SystemState,
    /// The same for people, in English, with what was found.
    pub detail: String,
}

/// What every row has.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct SystemRow {
    /// The worst of its advice.
    pub state: SystemState,
    /// What is to be done; empty when all is well.
    pub advice: Vec<SystemAdvice>,
}

/// How the whole is. It is looked at anew at most every two seconds; programs for pictures and videos are tried once a minute.
/// What only the database can tell is absent while it does not answer.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct System {
    /// The worst of all rows.
    pub state: SystemState,
    /// When this was found.
    pub looked_at: String,
    /// PicUp's version.
    pub version: String,
    /// Since when this process runs.
    pub started_at: String,
    /// How long that is.
    pub uptime_seconds: u64,
    /// What this process does: `gateway`, `api`, `worker`.
    pub roles: Vec<String>,
    /// Where everything but the bytes is kept.
    pub database: SystemDatabase,
    /// The servers that replicate it; absent when none are configured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replicas: Option<SystemReplicas>,
    /// Where the bytes are kept.
    pub stores: Vec<SystemStore>,
    /// The copies of those bytes elsewhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backup: Option<SystemBackup>,
    /// The jobs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub queue: Option<SystemQueue>,
    /// What makes pictures, and what came of the assets.
    pub media: SystemMedia,
    /// What goes out.
    pub delivery: SystemDelivery,
    /// What is coming in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uploads: Option<SystemUploads>,
    /// Who keeps how much.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accounts: Option<SystemAccounts>,
}

/// The database.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct SystemDatabase {
    /// State and advice.
    #[serde(flatten)]
    pub row: SystemRow,
    /// Whether it answers.
    pub reachable: bool,
    /// `sqlite`.
    pub engine: String,
    /// How long the smallest question took, the wait for a connection included.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer_ms: Option<f64>,
    /// The schema's version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schema: Option<i64>,
    /// What it takes on its disk.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes: Option<u64>,
}

/// What goes out through the gateway of this process, since it began.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct SystemDelivery {
    /// State and advice.
    #[serde(flatten)]
    pub row: SystemRow,
    /// Bytes of media that were handed to clients.
    pub bytes: u64,
    /// Requests for media that were refused, by reason; only reasons that there were any of.
    pub refused: Vec<SystemRefused>,
    /// The cache before the store; absent when there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cache: Option<SystemCache>,
}

/// Requests for media that were refused.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct SystemRefused {
    /// Why, as in the log and the metric `delivery_denied`.
    pub reason: String,
    /// How many.
    pub times: u64,
}

/// A cache before the store.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct SystemCache {
    /// Blocks of 64 KiB given without asking the store.
    pub hits: u64,
    /// Slices of 1 MiB that the store was asked for.
    pub misses: u64,
    /// Bytes that came from the store.
    pub origin_bytes: u64,
    /// Bytes on its disk now.
    pub held_bytes: u64,
}

/// The servers that replicate the database and answer reads.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct SystemReplicas {
    /// State and advice.
    #[serde(flatten)]
    pub row: SystemRow,
    /// Each of them.
    pub servers: Vec<SystemReplica>,
}

/// A replica.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct SystemReplica {
    /// Its host and port.
    pub name: String,
    /// Whether it answers reads.
    pub serving: bool,
    /// How far it is behind the primary, to about a second.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lag_seconds: Option<f64>,
}

/// A store of objects.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct SystemStore {
    /// State and advice.
    #[serde(flatten)]
    pub row: SystemRow,
    /// `files`, or `memory` in tests.
    pub kind: String,
    /// Whether what is written now will be found there.
    pub writable: bool,
    /// What is free on its file system.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub free_bytes: Option<u64>,
    /// The size of its file system.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub total_bytes: Option<u64>,
    /// What is never filled with originals, of what is free.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kept_free_bytes: Option<u64>,
}

/// The jobs.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct SystemQueue {
    /// State and advice.
    #[serde(flatten)]
    pub row: SystemRow,
    /// By kind; a kind without jobs is left out.
    pub kinds: Vec<SystemJobs>,
    /// Some of those that were given up, the last first of each kind; 50 of a kind at most.
    pub failed: Vec<SystemFailedJob>,
}

/// The jobs of a kind.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct SystemJobs {
    /// `process`, `verify_motion`, `empty_trash` or `erase_account`.
    pub kind: String,
    /// Waiting, some perhaps for their time.
    pub waiting: u64,
    /// Being worked on.
    pub running: u64,
    /// Given up.
    pub given_up: u64,
    /// Since when the first of them could be run and is not; absent when none could.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due_since: Option<String>,
}

/// A job that was given up.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct SystemFailedJob {
    /// Its id.
    pub id: Uuid,
    /// As in [`SystemJobs`].
    pub kind: String,
    /// How often it was tried.
    pub attempts: u32,
    /// What went wrong the last time, in English.
    pub error: String,
    /// When it was given up.
    pub since: String,
    /// The address of the account that it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// The asset that it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asset: Option<Uuid>,
}

/// What makes pictures, and what came of the assets.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct SystemMedia {
    /// State and advice.
    #[serde(flatten)]
    pub row: SystemRow,
    /// Assets by state.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub assets: Option<SystemAssets>,
    /// Whose assets are damaged.
    pub damaged: Vec<SystemDamaged>,
    /// Originals that are processed at this moment, each in a process of its own.
    pub children: u64,
    /// How many may be.
    pub children_limit: u64,
    /// What keeps such a process from doing harm. `limits`: it has no environment, and bounds of memory and time.
    pub sandbox: String,
}

/// Assets by state, those in the trash included.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, ToSchema)]
pub struct SystemAssets {
    /// Not looked at yet.
    pub processing: u64,
    /// Proved, with pictures.
    pub ready: u64,
    /// Proved, without.
    pub unviewable: u64,
    /// Not what was declared, or never looked at.
    pub damaged: u64,
    /// The moving parts of live photos that are damaged.
    pub damaged_motions: u64,
}

/// Damaged assets of an account.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct SystemDamaged {
    /// Its address.
    pub account: String,
    /// How many.
    pub assets: u64,
}

/// What is coming in.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct SystemUploads {
    /// State and advice.
    #[serde(flatten)]
    pub row: SystemRow,
    /// Uploads that are no assets yet.
    pub open: u64,
    /// What they have been promised.
    pub reserved_bytes: u64,
}

/// Who keeps how much.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct SystemAccounts {
    /// State and advice.
    #[serde(flatten)]
    pub row: SystemRow,
    /// How many there are.
    pub accounts: u64,
    /// What their originals take, those in trashes included.
    pub used_bytes: u64,
    /// Those that have used up nine tenths of their quota or more, the fullest first; 50 at most.
    pub near_quota: Vec<SystemQuota>,
    /// How many those are, named or not.
    pub near_quota_count: u64,
}

/// An account that has nearly used up its quota.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct SystemQuota {
    /// Its address.
    pub account: String,
    /// What its originals take, and what its uploads have been promised.
    pub held_bytes: u64,
    /// The most it may keep.
    pub quota_bytes: u64,
}

/// Which jobs to try again.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct JobsRetry {
    /// 1 to 500; absent: all that were given up, 500 of them at a time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jobs: Option<Vec<Uuid>>,
}

/// What came of it.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, ToSchema)]
pub struct JobsRetried {
    /// How many are tried once more.
    pub retried: u64,
    /// How many are given up still.
    pub left: u64,
}
