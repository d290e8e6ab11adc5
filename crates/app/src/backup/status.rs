//! How the copies stand, for whoever runs this PicUp: one report a destination. Nothing in it grows with the library.

use picup_database::{CopyCount, CopyState, Destination, DestinationState, Drill, FailingCopy, Pace};
use picup_domain::Timestamp;

use super::removal;
use crate::{App, Error};

/// How many failing copies are told one by one.
const TOLD: u32 = 5;

/// How one destination stands.
#[derive(Debug, Clone)]
pub struct DestinationReport {
    /// Its name in the configuration.
    pub name: String,
    /// Where it is.
    pub place: String,
    /// Whether copies there are encrypted.
    pub sealed: bool,
    /// Whether copies go there.
    pub state: DestinationState,
    /// Whether every object has its copy's row; before that, there is more to copy than is counted.
    pub enrolled: bool,
    /// Copies by state.
    pub counts: Vec<CopyCount>,
    /// How long the oldest copy has waited, in seconds; `None` when none waits.
    pub backlog_seconds: Option<u64>,
    /// How long ago the copy was read that was read longest ago.
    pub proved_seconds: Option<u64>,
    /// How old the newest catalogue is; `None` when there is none.
    pub catalogue_seconds: Option<u64>,
    /// Some of those that failed, tried soonest first.
    pub failing: Vec<FailingCopy>,
    /// How many copies of what was deleted are held until somebody says that they may go.
    pub held: Option<u64>,
    /// The last rehearsal.
    pub drill: Option<Drill>,
    /// How long ago that was.
    pub drill_seconds_ago: Option<u64>,
    /// How fast copying there was lately.
    pub pace: Option<Pace>,
    /// How long it would take to bring everything back, in seconds: by the last rehearsal, or else as fast as it was copied.
    pub restore_seconds: Option<u64>,
}

impl DestinationReport {
    /// How many copies are in a state, and their bytes.
    #[must_use]
    pub fn count(&self, state: CopyState) -> (u64, u64) {
        let found = self.counts.iter().find(|count| count.state == state);
        found.map_or((0, 0), |count| (count.copies, count.bytes))
    }
}

/// Looks at every destination that is not retired.
///
/// # Errors
/// When the database cannot answer.
pub async fn report(app: &App) -> Result<Vec<DestinationReport>, Error> {
    let all = app.database().read_fresh().await?.destination_list().await?;
    let mut reports = Vec::new();
    for destination in all.into_iter().filter(|found| found.state != DestinationState::Retired) {
        reports.push(one(app, destination).await?);
    }
    app.inner.metrics.backup.stands(&reports);
    Ok(reports)
}

async fn one(app: &App, destination: Destination) -> Result<DestinationReport, Error> {
    let held = removal::held(app, &destination).await?;
    let now = app.now();
    let ago = |at: Timestamp| now.since(at).as_secs();
    let mut read = app.database().read_fresh().await?;
    let counts = read.copy_counts(destination.id).await?;
    let backlog_seconds = read.copy_waits_since(destination.id).await?.map(ago);
    let proved_seconds = read.copy_proved_since(destination.id).await?.map(ago);
    let failing = read.copy_list_failing(destination.id, TOLD).await?;
    let kept = counts.iter().find(|count| count.state == CopyState::Kept).map_or(0, |count| count.bytes);
    let by_pace = destination.pace.filter(|pace| pace.bytes_per_second > 0);
    let restore_seconds = match (&destination.drill, by_pace) {
        (Some(drill), _) if drill.ok => Some(drill.seconds),
        (_, pace) => pace.map(|pace| kept / pace.bytes_per_second),
    };
    Ok(DestinationReport {
        name: destination.name,
        place: destination.place,
        sealed: destination.sealed,
        state: destination.state,
        enrolled: destination.enrolled,
        counts,
        backlog_seconds,
        proved_seconds,
        catalogue_seconds: destination.catalogue_at.map(ago),
        failing,
        held,
        drill_seconds_ago: destination.drill.as_ref().map(|drill| ago(drill.at)),
        drill: destination.drill,
        pace: destination.pace,
        restore_seconds,
    })
}
