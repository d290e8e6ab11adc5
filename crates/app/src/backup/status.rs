//! How the copies stand, for whoever runs this PicUp: one report a destination. Nothing in it grows with the library.

use picup_database::{CopyCount, CopyState, Destination, DestinationState, Drill, FailingCopy, Pace};
use picup_domain::Timestamp;

use super::{reconcile, removal};
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
    /// How many copies that no row speaks of are held until then.
    pub orphans_held: Option<u64>,
    /// The last rehearsal.
    pub drill: Option<Drill>,
    /// How long ago that was.
    pub drill_seconds_ago: Option<u64>,
    /// How long ago the last one began that went well.
    pub drilled_well_seconds_ago: Option<u64>,
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

/// What everybody who keeps photos here may know of the copies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Assurance {
    /// When the newest rehearsal of a restore was that went well; `None` when no last one did.
    pub rehearsed_at: Option<Timestamp>,
}

/// Tells what everybody may know; `None` when there are no copies elsewhere.
///
/// # Errors
/// When the database cannot answer.
pub async fn assurance(app: &App) -> Result<Option<Assurance>, Error> {
    let all = app.database().read_freshest().await?.destination_list().await?;
    let mut active = all.into_iter().filter(|found| found.state != DestinationState::Retired).peekable();
    Ok(active
        .peek()
        .is_some()
        .then(|| Assurance { rehearsed_at: active.filter_map(|found| found.drilled_well_at).max() }))
}

async fn one(app: &App, destination: Destination) -> Result<DestinationReport, Error> {
    let held = removal::held(app, &destination).await?;
    let orphans_held = reconcile::held(app, destination.id, &destination.name).await?;
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
        orphans_held,
        drill_seconds_ago: destination.drill.as_ref().map(|drill| ago(drill.at)),
        drill: destination.drill,
        drilled_well_seconds_ago: destination.drilled_well_at.map(ago),
        pace: destination.pace,
        restore_seconds,
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use picup_domain::AssetState;
    use picup_storage::{Backup, BackupPlace, BackupSettings, Seal};

    use super::*;
    use crate::asset::{self, Safety};
    use crate::backup::Target;
    use crate::testing::TestApp;
    use crate::upload::tests::keep;
    use crate::{account, system};

    async fn stage(names: &[&str]) -> TestApp {
        let target = |name: &&str| {
            let settings = BackupSettings { place: BackupPlace::Memory, seal: Seal::default(), bytes_per_second: None };
            Target::new((*name).to_owned(), Backup::open(settings).unwrap())
        };
        TestApp::with_targets(names.iter().map(target).collect()).await
    }

    async fn drilled(app: &TestApp, name: &str, ok: bool) -> Option<Assurance> {
        let all = app.database().read_fresh().await.unwrap().destination_list().await.unwrap();
        let destination = all.iter().find(|found| found.name == name).unwrap();
        let drill = Drill { at: app.now(), ok, seconds: 1, of: None, note: String::new() };
        let mut write = app.database().write().await.unwrap();
        write.destination_drilled(destination.id, &drill).await.unwrap();
        write.commit().await.unwrap();
        assurance(app).await.unwrap()
    }

    #[tokio::test]
    async fn the_newest_rehearsal_that_went_well_is_told_and_nothing_without_destinations() {
        let alone = stage(&[]).await;
        assert_eq!(assurance(&alone).await.unwrap(), None);
        let app = stage(&["disk", "offsite"]).await;
        assert_eq!(assurance(&app).await.unwrap(), Some(Assurance { rehearsed_at: None }));
        let first = app.now();
        assert_eq!(drilled(&app, "disk", true).await.unwrap().rehearsed_at, Some(first));
        app.clock.advance(Duration::from_secs(60));
        assert_eq!(drilled(&app, "offsite", false).await.unwrap().rehearsed_at, Some(first));
        let second = app.now();
        assert_eq!(drilled(&app, "offsite", true).await.unwrap().rehearsed_at, Some(second));
        assert_eq!(drilled(&app, "offsite", false).await.unwrap().rehearsed_at, Some(second), "a failure hides none");
    }

    #[tokio::test]
    async fn an_original_is_safe_where_it_is_proved() {
        let app = stage(&["disk", "offsite"]).await;
        let owner = account::create(&app, TestApp::account("ada@example.com")).await.unwrap();
        let id = keep(&app, owner, b"content").await;
        let found = asset::fetch(&app, owner, id).await.unwrap();
        assert_eq!((found.row.state, found.safety), (AssetState::Processing, Safety { safe_in: 0, places: 3 }));
        let all = app.database().read_fresh().await.unwrap().destination_list().await.unwrap();
        let mut write = app.database().write().await.unwrap();
        for claim in write.copy_claim(all[0].id, app.now(), app.now(), 10).await.unwrap() {
            let made = picup_database::CopyMade { stored_bytes: claim.bytes, stored_sha256: claim.sha256, claim };
            write.copy_made(all[0].id, &[made], app.now()).await.unwrap();
        }
        write.commit().await.unwrap();
        let found = asset::fetch(&app, owner, id).await.unwrap();
        assert_eq!(found.safety, Safety { safe_in: 1, places: 3 });
    }

    #[tokio::test]
    async fn the_whole_is_told_of_each_destination_and_of_there_being_none() {
        let codes = |found: &[system::Advice]| found.iter().map(|advice| advice.code).collect::<Vec<_>>();
        let (alone, app) = (stage(&[]).await, stage(&["disk", "offsite"]).await);
        let none = system::report(&alone).await.backup.unwrap();
        assert_eq!((codes(&none.advice), none.found.len()), (vec!["backup-none"], 0));
        let some = system::report(&app).await.backup.unwrap();
        assert!(some.advice.is_empty());
        let told: Vec<_> = some.found.iter().map(|row| (row.found.report.name.as_str(), codes(&row.advice))).collect();
        assert_eq!(told, [("disk", vec!["backup-no-recovery-key"]), ("offsite", vec!["backup-no-recovery-key"])]);
    }
}
