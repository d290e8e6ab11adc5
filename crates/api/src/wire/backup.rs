//! How the copies elsewhere stand, for admins. The names are those of `picup backup status --json`.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::SystemRow;

/// The copies at other places.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct SystemBackup {
    /// State and advice: whether there is a destination at all.
    #[serde(flatten)]
    pub row: SystemRow,
    /// Each destination, by name.
    pub destinations: Vec<SystemDestination>,
}

/// A store beside the primary one that is to hold a copy of every object.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct SystemDestination {
    /// State and advice.
    #[serde(flatten)]
    pub row: SystemRow,
    /// Its name in the configuration.
    pub name: String,
    /// Where it is: a folder, or the address of a bucket.
    pub place: String,
    /// Whether the copies there are encrypted.
    pub encrypted: bool,
    /// Whether new copies wait until somebody has them go on.
    pub paused: bool,
    /// Whether every object is counted here; before that, there is more to copy than waits.
    pub enrolled: bool,
    /// Copies that stand there, proved.
    pub kept: SystemCopies,
    /// Copies that are to be made.
    pub waiting: SystemCopies,
    /// Copies that are to be made and failed the last time.
    pub failing: SystemCopies,
    /// Some of those that failed, tried soonest first; 5 at most.
    pub errors: Vec<SystemFailingCopy>,
    /// How long the oldest copy has waited; absent when none waits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backlog_age_seconds: Option<u64>,
    /// Within what time every copy that stands there was read and compared; absent when none stands there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_verified_seconds: Option<u64>,
    /// How old the newest catalogue is; absent when there is none, and then nothing can be restored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub catalogue_age_seconds: Option<u64>,
    /// How many copies of what was deleted at once are held until somebody says that they may go.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub removals_held: Option<u64>,
    /// How fast copying there was lately.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes_per_second: Option<u64>,
    /// How long a small copy takes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latency_ms: Option<f64>,
    /// About how long it would take to bring everything back: by the last rehearsal, or else as fast as it was copied.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub restore_seconds: Option<u64>,
    /// The last rehearsal of a restore from there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub drill: Option<SystemDrill>,
}

/// Copies in a state.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, ToSchema)]
pub struct SystemCopies {
    /// How many.
    pub copies: u64,
    /// How many bytes their objects have.
    pub bytes: u64,
}

/// A copy that failed.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct SystemFailingCopy {
    /// The key of its object.
    pub object: String,
    /// How often it was tried.
    pub attempts: u32,
    /// What went wrong the last time, in English.
    pub error: String,
}

/// A rehearsal of a restore.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct SystemDrill {
    /// Whether everything came back as it was.
    pub ok: bool,
    /// How long ago it was.
    pub age_seconds: u64,
    /// How long it took.
    pub seconds: u64,
    /// What is to be said of it, in English.
    pub note: String,
}
