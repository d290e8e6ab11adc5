//! Removing copies of what was deleted, after the retention. Where much was deleted at once, nothing goes before somebody says so:
//! it may have been a mistake, or not the owner.

use std::sync::Arc;
use std::time::Duration;

use picup_database::{CopyState, Destination, DoomedCopy};
use picup_domain::{DestinationId, Timestamp};
use tokio_util::sync::CancellationToken;

use super::target::Target;
use super::{AGAIN, PRIMARY, PRIMARY_NAME, rest};
use crate::{App, Error};

const LOOK_EVERY: Duration = Duration::from_secs(60);
/// How many copies go in one round.
const AT_ONCE: u32 = 200;
/// Within such a time, looked at from a copy to the first after a step, …
const WINDOW: Duration = Duration::from_secs(86_400);
const STEP: Duration = Duration::from_secs(43_200);
/// … more than so many copies, …
const MANY: u64 = 100;
/// … and more than one in so many of all, are held.
const SHARE: u64 = 10;
/// At most so many are counted, so that looking stays cheap.
const COUNTED: u32 = 100_000;
/// What was deleted at the moment of a confirmation is confirmed.
const AFTER: Duration = Duration::from_micros(1);

/// Works until it is told to stop.
pub(super) async fn run(app: App, target: Arc<Target>, id: DestinationId, stop: CancellationToken) {
    while rest(&stop, LOOK_EVERY).await {
        tokio::select! {
            () = stop.cancelled() => return,
            result = round(&app, &target, id) => if let Err(error) = result {
                tracing::warn!(destination = target.name(), error = error.story(), "removing old copies goes on later");
                rest(&stop, AGAIN).await;
            }
        }
    }
}

/// One round: removes what may go.
pub(super) async fn round(app: &App, target: &Target, id: DestinationId) -> Result<u64, Error> {
    if !target.backup().can_remove() {
        return Ok(0);
    }
    let Some(before) = may_go(app, id).await? else { return Ok(0) };
    let mut removed = 0;
    loop {
        let doomed = app.database().read_fresh().await?.copy_list_doomed(id, before, AT_ONCE).await?;
        if doomed.is_empty() {
            return Ok(removed);
        }
        // Another PicUp's copies may have the same names: those of one that was restored from there.
        target.backup().claim(id, false).await?;
        let gone = remove(app, target, &doomed).await?;
        if gone.is_empty() {
            return Ok(removed);
        }
        removed += gone.len() as u64;
        let mut write = app.database().write().await?;
        write.copy_forget(id, &gone).await?;
        write.commit().await?;
        app.inner.metrics.backup.removed(target.name(), gone.len() as u64);
    }
}

/// Copies of what was deleted before that moment may go.
async fn may_go(app: &App, id: DestinationId) -> Result<Option<Timestamp>, Error> {
    let over = app.now().minus(app.settings().backup.retention);
    let found = app.database().read_fresh().await?.destination_list().await?;
    let Some(destination) = found.into_iter().find(|found| found.id == id) else { return Ok(None) };
    // What was deleted before goes when its time is over, and so does what was confirmed.
    Ok(Some(mass(app, &destination).await?.map_or(over, |mass| mass.since.min(over))))
}

/// How many copies are held because so much was deleted within a day, if they are, and could be removed.
///
/// # Errors
/// When the database cannot answer.
pub async fn held(app: &App, destination: &Destination) -> Result<Option<u64>, Error> {
    if !app.inner.targets.can_remove(&destination.name) {
        return Ok(None);
    }
    Ok(mass(app, destination).await?.map(|mass| mass.copies))
}

/// Whether so many of all that stands in a store are more than go without a word.
pub(super) const fn is_mass(copies: u64, all: u64) -> bool {
    copies > MANY && copies.saturating_mul(SHARE) > all
}

/// Much that was deleted at once, and that nobody has confirmed.
struct Mass {
    /// Nothing of it was deleted before.
    since: Timestamp,
    copies: u64,
}

/// The first of these at a destination.
async fn mass(app: &App, destination: &Destination) -> Result<Option<Mass>, Error> {
    let (id, now) = (destination.id, app.now().plus(WINDOW));
    let mut read = app.database().read_fresh().await?;
    let confirmed = destination.removals_confirmed_at.map_or(Timestamp::from_micros(0), |at| at.plus(AFTER));
    let mut first = read.copy_doomed_since(id, confirmed).await?;
    let all = read.copy_counts(id).await?;
    let kept: u64 = all.iter().filter(|count| count.state != CopyState::Waiting).map(|count| count.copies).sum();
    // Most often too little was deleted in all.
    if !is_mass(read.copy_count_doomed(id, confirmed, now, COUNTED).await?, kept) {
        return Ok(None);
    }
    while let Some(since) = first {
        let copies = read.copy_count_doomed(id, since, since.plus(WINDOW), COUNTED).await?;
        if is_mass(copies, kept) {
            return Ok(Some(Mass { since, copies }));
        }
        first = read.copy_doomed_since(id, since.plus(STEP)).await?;
    }
    Ok(None)
}

/// Removes those whose object is certainly gone, looked at again at this moment.
async fn remove(app: &App, target: &Target, doomed: &[DoomedCopy]) -> Result<Vec<DoomedCopy>, Error> {
    let mut gone = Vec::new();
    for copy in doomed {
        if app.database().read_fresh().await?.object_by_key(&copy.key).await?.is_some() {
            tracing::error!(key = %copy.key, "a copy was to be removed whose object is there; it stays");
            continue;
        }
        for generation in 1..=copy.generation {
            target.backup().remove(&target.name_of(&copy.key, generation).to_string()).await?;
        }
        gone.push(copy.clone());
    }
    Ok(gone)
}

/// Says that what was deleted up to now may go from a destination, however much it is, and so may what is written down there as an
/// orphan; or the latter of the primary store.
///
/// # Errors
/// [`Error::NotFound`] for an unknown name.
pub async fn confirm(app: &App, name: &str) -> Result<(), Error> {
    let found = app.database().read_fresh().await?.destination_list().await?;
    let found = found.into_iter().find(|found| found.name == name).map(|found| found.id);
    let id = found.or((name == PRIMARY_NAME).then_some(PRIMARY)).ok_or(Error::NotFound("destination"))?;
    let mut write = app.database().write().await?;
    write.destination_confirm_removals(id, app.now()).await?;
    write.orphan_confirm(id).await?;
    Ok(write.commit().await?)
}
