//! Whether the whole is well, for whoever runs this PicUp: one report of rows, and what can be done about jobs that were
//! given up.
//!
//! Each room is asked through the same doors that `picup doctor` uses; [`judge`] says what their answers mean. A row is
//! figures and advice: what a later room adds is a struct of figures, a judge, and a field of [`Report`]. No question grows
//! with the library, and a report is kept for a moment, so that many open pages cost as much as one.

mod judge;
mod look;
mod retry;
#[cfg(test)]
mod tests;

use picup_database::{AssetCounts, JobCounts, Vitals};
use picup_domain::{AssetId, Email, JobId, Quota, Timestamp};
use picup_media::Children;
use picup_storage::Space;

use crate::backup::DestinationReport;

pub use judge::{Advice, State};
pub(crate) use look::Kept;
pub use look::report;
pub use picup_database::ReplicaReport;
pub use retry::{Retried, retry};

/// What was found of one thing, and what it means.
#[derive(Debug, Clone)]
pub struct Row<T> {
    /// What is to be done; nothing when all is well.
    pub advice: Vec<Advice>,
    /// What was found.
    pub found: T,
}

impl<T> Row<T> {
    /// The worst of what there is to say.
    pub fn state(&self) -> State {
        judge::worst(&self.advice)
    }
}

/// All rows. What the database alone can tell is absent when it does not answer.
#[derive(Debug, Clone)]
pub struct Report {
    /// When it was made.
    pub looked_at: Timestamp,
    /// Since when this process runs.
    pub started_at: Timestamp,
    /// The database's engine.
    pub engine: &'static str,
    /// The database.
    pub database: Row<Option<Vitals>>,
    /// Its replicas; none are listed, and there is no row, without them.
    pub replicas: Option<Row<Vec<ReplicaReport>>>,
    /// Each store.
    pub stores: Vec<Row<Store>>,
    /// The copies elsewhere, a row for each destination; the advice of all of it is about there being none.
    pub backup: Option<Row<Vec<Row<Destination>>>>,
    /// The jobs.
    pub queue: Option<Row<Queue>>,
    /// What makes pictures, and what came of the assets.
    pub media: Row<Media>,
    /// What goes out.
    pub delivery: Row<Delivery>,
    /// What is coming in.
    pub uploads: Option<Row<Uploads>>,
    /// Who keeps how much.
    pub accounts: Option<Row<Accounts>>,
}

impl Report {
    /// The worst of all rows.
    #[must_use]
    pub fn state(&self) -> State {
        let mut states = vec![self.database.state(), self.media.state(), self.delivery.state()];
        states.extend(self.replicas.as_ref().map(Row::state));
        states.extend(self.stores.iter().map(Row::state));
        states.extend(self.backup.as_ref().map(Row::state));
        states.extend(self.backup.iter().flat_map(|backup| &backup.found).map(Row::state));
        states.extend(self.queue.as_ref().map(Row::state));
        states.extend(self.uploads.as_ref().map(Row::state));
        states.extend(self.accounts.as_ref().map(Row::state));
        states.into_iter().max().unwrap_or(State::Good)
    }
}

/// A store of objects.
#[derive(Debug, Clone)]
pub struct Store {
    /// In a word.
    pub kind: &'static str,
    /// Whether what is written now will be found there.
    pub writable: bool,
    /// Its room; `None` when it has no measure of it, or does not say.
    pub space: Option<Space>,
}

/// A destination of copies.
#[derive(Debug, Clone)]
pub struct Destination {
    /// How the copies there stand.
    pub report: DestinationReport,
    /// Whether there is a recovery key: without one no catalogue is written there.
    pub has_recovery_key: bool,
}

/// The jobs.
#[derive(Debug, Clone, Default)]
pub struct Queue {
    /// By kind.
    pub kinds: Vec<Jobs>,
    /// Some of those that were given up, the last first of each kind.
    pub failed: Vec<Failed>,
}

/// The jobs of a kind.
#[derive(Debug, Clone)]
pub struct Jobs {
    /// How many.
    pub counts: JobCounts,
    /// Since when the first of them could be run and is not; `None` when none could.
    pub due_since: Option<Timestamp>,
}

/// A job that was given up.
#[derive(Debug, Clone)]
pub struct Failed {
    /// Its id.
    pub id: JobId,
    /// Which work.
    pub kind: String,
    /// How often it was tried.
    pub attempts: u32,
    /// What went wrong the last time.
    pub error: String,
    /// When it was given up.
    pub since: Timestamp,
    /// Whose things it is about.
    pub account: Option<Email>,
    /// The asset it is about.
    pub asset: Option<AssetId>,
}

/// What makes pictures, and what came of the assets.
#[derive(Debug, Clone)]
pub struct Media {
    /// Assets by state; `None` when the database does not say.
    pub assets: Option<AssetCounts>,
    /// Whose assets are damaged, and how many each.
    pub damaged: Vec<(Email, u64)>,
    /// Originals that are processed at this moment, and at most.
    pub children: Children,
    /// What keeps a child from doing harm, in a word.
    pub sandbox: &'static str,
}

/// What goes out through the gateway of this process, since it began.
#[derive(Debug, Clone, Default)]
pub struct Delivery {
    /// Bytes of media that were handed to clients.
    pub bytes: u64,
    /// Requests for media that were refused, by reason.
    pub refused: Vec<(&'static str, u64)>,
    /// The cache before the store, if there is one.
    pub cache: Option<Cache>,
}

/// What a cache has done.
#[derive(Debug, Clone, Copy, Default)]
pub struct Cache {
    /// Blocks given from memory or disk, or waited for while another reader's question was answered.
    pub hits: u64,
    /// Slices that the store was asked for.
    pub misses: u64,
    /// Bytes that came from the store.
    pub origin_bytes: u64,
    /// Bytes on its disk now.
    pub held_bytes: u64,
    /// Slices that its disk did not take.
    pub unkept: u64,
    /// Slices on its disk that were not as they were written.
    pub broken: u64,
}

/// What is coming in.
#[derive(Debug, Clone, Copy)]
pub struct Uploads {
    /// Uploads that are no assets yet.
    pub open: u64,
    /// What they have been promised, in bytes.
    pub reserved: u64,
}

/// Who keeps how much.
#[derive(Debug, Clone)]
pub struct Accounts {
    /// How many there are.
    pub accounts: u64,
    /// What their originals take, in bytes.
    pub used: u64,
    /// Those that have nearly used up their quota, the fullest first.
    pub near: Vec<(Email, Quota)>,
    /// How many those are, named or not.
    pub near_count: u64,
}
