//! Keep: every object stands at other places too, proved; the database as it was stands there with them; and all of it is read
//! again and again, and healed from where it is good.
//!
//! A copy is written down in the transaction that makes its object count (`Write::object_commit_all`), so none is forgotten. The
//! lines of work here, one of a kind for each destination, take it from there: [`copier`] makes copies, [`removal`] lets go what
//! was deleted long enough ago, [`scrub`] reads everything back, [`catalogue`] writes down what a restore needs, [`index`] what somebody without
//! PicUp does.

mod attempt;
pub(crate) mod catalogue;
mod copier;
mod drills;
pub(crate) mod heal;
mod index;
mod metrics;
mod reconcile;
mod removal;
mod scrub;
mod spooled;
mod status;
mod target;
#[cfg(test)]
mod tests;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use picup_domain::DestinationId;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::{App, Error, restore};

pub(crate) use metrics::Metrics;

pub use picup_database::{CopyState, DestinationState};

pub use catalogue::{Manifest, Written, now as catalogue_now};
pub use reconcile::{Reconciled, everything as reconcile_everything, held_in_primary as held_orphans};
pub use removal::{confirm as confirm_removals, held as held_removals};
pub use scrub::{Scrubbed, everything as scrub_everything};
pub use status::{Assurance, DestinationReport, assurance, report};
pub use target::Target;

/// The primary store among the destinations, and what it is called there; none of them may be called so.
const PRIMARY: DestinationId = DestinationId::FIRST;
const PRIMARY_NAME: &str = "primary";
/// How long a line of work waits after it could not do it.
const AGAIN: Duration = Duration::from_secs(10);

/// Plain values that shape how copies are kept.
#[derive(Debug, Clone)]
pub struct Settings {
    /// How long copies outlive what was deleted.
    pub retention: Duration,
    /// Within what time everything is read again; `None`: never.
    pub scrub_within: Option<Duration>,
    /// How often the database is written down at each destination, when something has changed.
    pub catalogue_every: Duration,
    /// How often a restore from each destination is rehearsed; `None`: when somebody asks for it.
    pub drill_every: Option<Duration>,
    /// A folder for a database that is on its way, and for what a rehearsal brings back.
    pub spool: PathBuf,
    /// Which PicUp this is.
    pub version: &'static str,
}

/// The destinations that the configuration names.
#[derive(Debug, Default)]
pub(crate) struct Targets(Vec<Arc<Target>>);

impl Targets {
    pub(crate) fn new(targets: Vec<Target>) -> Self {
        Self(targets.into_iter().map(Arc::new).collect())
    }

    /// Those that are known to the database.
    pub(crate) fn enlisted(&self) -> impl Iterator<Item = (&Arc<Target>, DestinationId)> {
        self.0.iter().filter_map(|target| Some((target, target.id()?)))
    }

    pub(crate) fn named(&self, name: &str) -> Option<&Target> {
        self.0.iter().find(|target| target.name() == name).map(|target| &**target)
    }

    /// Whether anything can be removed at a destination of that name.
    fn can_remove(&self, name: &str) -> bool {
        self.named(name).is_some_and(|target| target.backup().can_remove())
    }

    /// Tells those who copy that there may be something to do.
    pub(crate) fn wake(&self) {
        self.0.iter().for_each(|target| target.wake());
    }
}

/// Writes down which destinations there are: those that the configuration names, and which of those from before it names no more.
///
/// # Errors
/// When the database cannot do it.
pub async fn enlist(app: &App) -> Result<(), Error> {
    let known = app.database().read_fresh().await?.destination_list().await?;
    let targets = &app.inner.targets.0;
    if targets.is_empty() && known.iter().all(|known| known.state == DestinationState::Retired) {
        return Ok(());
    }
    for prefix in ["catalogue-", drills::PREFIX] {
        restore::remove_left_overs(&app.settings().backup.spool, prefix);
    }
    let mut write = app.database().write().await?;
    let now = app.now();
    for target in targets {
        let (place, sealed) = (target.backup().place(), target.backup().seals_media());
        let id = match known.iter().find(|known| known.name == target.name()) {
            Some(known) if known.place != place || known.sealed != sealed => {
                let to_do =
                    "name it anew in the configuration: copies that stand elsewhere, or in another form, are others";
                let name = target.name();
                return Err(Error::Backup(format!("the destination {name} was {} before; {to_do}", known.place)));
            }
            Some(known) => known.id,
            None => DestinationId::new(now),
        };
        if known.iter().any(|known| known.id == id) {
            write.destination_return(id).await?;
            write.copy_release(id, now).await?;
        } else {
            write.destination_insert(id, target.name(), place, sealed, now).await?;
        }
        target.set_id(id);
    }
    for gone in known.iter().filter(|known| !targets.iter().any(|target| target.name() == known.name)) {
        write.destination_set_state(gone.id, DestinationState::Retired).await?;
    }
    Ok(write.commit().await?)
}

/// Learns which of the destinations that the configuration names the database knows, without changing anything: for commands
/// beside a PicUp that is running.
///
/// # Errors
/// When the database cannot answer.
pub async fn meet(app: &App) -> Result<(), Error> {
    if app.inner.targets.0.is_empty() {
        return Ok(());
    }
    for known in app.database().read_fresh().await?.destination_list().await? {
        if let Some(target) = app.inner.targets.named(&known.name) {
            target.set_id(known.id);
        }
    }
    Ok(())
}

/// Pauses a destination or has it go on.
///
/// # Errors
/// [`Error::NotFound`] for an unknown name.
pub async fn pause(app: &App, name: &str, paused: bool) -> Result<bool, Error> {
    let found = app.database().read_fresh().await?.destination_list().await?;
    let found = found.into_iter().find(|found| found.name == name && found.state != DestinationState::Retired);
    let id = found.ok_or(Error::NotFound("destination"))?.id;
    let mut write = app.database().write().await?;
    let state = if paused { DestinationState::Paused } else { DestinationState::Active };
    let changed = write.destination_set_state(id, state).await?;
    write.commit().await?;
    app.inner.targets.wake();
    Ok(changed)
}

/// Keeps copies until `stop`: makes them, proves them, and writes down what a restore needs.
pub async fn run(app: App, stop: CancellationToken) {
    let lines = TaskTracker::new();
    for (target, id) in app.inner.targets.enlisted() {
        let (target, stop) = (Arc::clone(target), stop.clone());
        lines.spawn(copier::run(app.clone(), Arc::clone(&target), id, stop.clone()));
        lines.spawn(removal::run(app.clone(), Arc::clone(&target), id, stop.clone()));
        lines.spawn(catalogue::run(app.clone(), target, id, stop));
    }
    lines.spawn(scrub::run(app.clone(), stop.clone()));
    lines.spawn(drills::run(app.clone(), stop.clone()));
    lines.spawn(reconcile::run(app.clone(), stop));
    lines.close();
    lines.wait().await;
}

/// Whether a copy is being made at this moment, by this process or by another; a large one takes its time.
///
/// # Errors
/// When the database cannot answer.
pub async fn is_at_work(app: &App) -> Result<bool, Error> {
    for (target, id) in app.inner.targets.enlisted() {
        if target.is_at_work() || app.database().read_fresh().await?.copy_is_leased(id, app.now()).await? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Waits so long, or until it is time to stop; `false` then.
async fn rest(stop: &CancellationToken, time: Duration) -> bool {
    tokio::select! {
        () = stop.cancelled() => false,
        () = tokio::time::sleep(time) => true,
    }
}
