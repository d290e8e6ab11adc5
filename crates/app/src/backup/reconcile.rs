//! Reconciling: what stands in the stores is compared with the rows, both ways. What has no row is an orphan: it is written down,
//! waits as long as copies of deleted things do, and is looked up again at the moment it goes; so many at once that the database may
//! be the wrong one stay until a person confirms. A copy that has a row and does not
//! stand there is made anew. What is not of PicUp's making is counted and left alone.

use std::collections::{HashMap, HashSet, VecDeque};
use std::time::Duration;

use futures_util::{StreamExt, TryStreamExt};
use picup_database::{CopyState, ListedCopy};
use picup_domain::{ByteSize, DestinationId, ObjectKey};
use picup_storage::{BackupName, Listing};
use tokio_util::sync::CancellationToken;

use super::removal::is_mass;
use super::target::Target;
use super::{PRIMARY, PRIMARY_NAME, rest};
use crate::{App, Error};

const FIRST_AFTER: Duration = Duration::from_secs(600);
const EVERY: Duration = Duration::from_secs(86_400);
/// After a store did not answer.
const AGAIN: Duration = Duration::from_secs(3_600);
/// How many names are compared at once.
const PAGE: usize = 500;
const ROWS: u32 = 500;

/// What comparing has shown.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Reconciled {
    /// Objects and copies that stand where their rows say.
    pub known: u64,
    /// What has no row, and is written down for the first time.
    pub orphans: u64,
    /// Orphans that were removed.
    pub removed: u64,
    /// Copies that have a row and do not stand there: they are made anew.
    pub missing: u64,
    /// What is not of PicUp's making.
    pub foreign: u64,
}

/// Works until it is told to stop.
pub(super) async fn run(app: App, stop: CancellationToken) {
    let mut pause = FIRST_AFTER;
    while rest(&stop, pause).await {
        tokio::select! {
            () = stop.cancelled() => return,
            all = everything(&app) => pause = if all.iter().all(|(_, found)| found.is_ok()) { EVERY } else { AGAIN },
        }
    }
}

/// Compares every store with the rows, once, by its name. One that does not answer keeps none of the others from it.
pub async fn everything(app: &App) -> Vec<(String, Result<Reconciled, Error>)> {
    let mut all = vec![(PRIMARY_NAME.to_owned(), primary(app).await)];
    for (target, id) in app.inner.targets.enlisted() {
        all.push((target.name().to_owned(), destination(app, target, id).await));
    }
    for (store, found) in &all {
        if let Err(error) = found {
            tracing::warn!(store, error = error.story(), "comparing a store with the database goes on later");
        }
    }
    all
}

async fn primary(app: &App) -> Result<Reconciled, Error> {
    let mut found = Reconciled::default();
    let mut pages = app.storage().list().try_chunks(PAGE);
    while let Some(page) = pages.next().await {
        let page = page.map_err(|error| Error::from(error.1))?;
        let keys: Vec<ObjectKey> = page.iter().map(|(key, _)| key.clone()).collect();
        let known = app.database().read_fresh().await?.object_known(&keys).await?;
        let lost = page.into_iter().filter(|(key, _)| !known.contains(key));
        let lost = lost.map(|(key, bytes)| Ok((key.to_string(), ByteSize::new(bytes)?)));
        found.known += known.len() as u64;
        found.orphans += note(app, PRIMARY, &lost.collect::<Result<Vec<_>, Error>>()?).await?;
    }
    found.removed = sweep(app, None, held_in_primary(app).await?).await?;
    told(app, PRIMARY_NAME, PRIMARY, found).await
}

async fn destination(app: &App, target: &Target, id: DestinationId) -> Result<Reconciled, Error> {
    // In another PicUp's place everything would look left over.
    target.backup().claim(id, false).await?;
    let half = target.backup().sweep_half_written().await?;
    if half > 0 {
        tracing::info!(destination = target.name(), half, "what a killed run had left half written is removed");
    }
    let mut walk = Walk { app, target, id, rows: VecDeque::new(), after: String::new(), ended: false };
    let mut found = Reconciled::default();
    let mut pages = target.backup().list("media", None).try_chunks(PAGE);
    while let Some(page) = pages.next().await {
        let page = page.map_err(|error| Error::from(error.1))?;
        walk.compare(page, &mut found).await?;
    }
    walk.rest_is_missing(&mut found).await?;
    if target.backup().can_remove() {
        found.removed = sweep(app, Some((target, id)), held(app, id, target.name()).await?).await?;
    }
    told(app, target.name(), id, found).await
}

/// How many orphans of a destination stay because they are so many, if they do: the database may be an older one, or another's.
///
/// # Errors
/// When the database cannot answer.
pub(super) async fn held(app: &App, id: DestinationId, name: &str) -> Result<Option<u64>, Error> {
    if !app.inner.targets.can_remove(name) {
        return Ok(None);
    }
    let counts = app.database().read_fresh().await?.copy_counts(id).await?;
    let kept = counts.iter().filter(|count| count.state != CopyState::Waiting).map(|count| count.copies).sum();
    held_beside(app, id, kept).await
}

/// The same of the primary store, where an asset counts as one object.
///
/// # Errors
/// When the database cannot answer.
pub async fn held_in_primary(app: &App) -> Result<Option<u64>, Error> {
    let counts = app.database().read_fresh().await?.asset_counts().await?;
    held_beside(app, PRIMARY, counts.processing + counts.ready + counts.unviewable + counts.damaged).await
}

async fn held_beside(app: &App, store: DestinationId, kept: u64) -> Result<Option<u64>, Error> {
    let count = app.database().read_fresh().await?.orphan_count(store).await?;
    Ok(is_mass(count.unconfirmed, kept + count.orphans).then_some(count.unconfirmed))
}

/// Removes orphans that have waited as long as copies of deleted things do, and forgets them; where they are held, only those that
/// a person has confirmed. Without a destination, those of the primary store.
async fn sweep(app: &App, place: Option<(&Target, DestinationId)>, held: Option<u64>) -> Result<u64, Error> {
    let store = place.map_or(PRIMARY, |(_, id)| id);
    let before = app.now().minus(app.settings().backup.retention);
    let mut removed = 0;
    loop {
        let old = app.database().read_fresh().await?.orphan_list(store, before, held.is_some(), ROWS).await?;
        if old.is_empty() {
            return Ok(removed);
        }
        for name in &old {
            removed += u64::from(match place {
                None => remove_object(app, name).await?,
                Some((target, id)) => remove_copy(app, target, id, name).await?,
            });
        }
        let mut write = app.database().write().await?;
        write.orphan_forget(store, &old).await?;
        write.commit().await?;
    }
}

/// Removes an object of the primary store that no row speaks of at this moment.
async fn remove_object(app: &App, name: &str) -> Result<bool, Error> {
    let Ok(key) = name.parse::<ObjectKey>() else { return Ok(false) };
    if app.database().read_fresh().await?.object_by_key(&key).await?.is_some() {
        return Ok(false);
    }
    tracing::warn!(%key, "an object that no row has spoken of for as long as the retention is removed");
    app.remove_object(&key).await?;
    Ok(true)
}

/// The same of a copy.
async fn remove_copy(app: &App, target: &Target, id: DestinationId, name: &str) -> Result<bool, Error> {
    if is_counted(app, id, name).await? {
        return Ok(false);
    }
    target.backup().remove(name).await?;
    Ok(true)
}

/// The rows of a destination, walked along with what stands there.
struct Walk<'a> {
    app: &'a App,
    target: &'a Target,
    id: DestinationId,
    rows: VecDeque<ListedCopy>,
    after: String,
    ended: bool,
}

impl Walk<'_> {
    async fn compare(&mut self, page: Vec<Listing>, found: &mut Reconciled) -> Result<(), Error> {
        let mut there: HashMap<ObjectKey, Vec<(u32, String, u64)>> = HashMap::new();
        let mut last = None;
        for listing in page {
            match listing.name.parse() {
                Ok(BackupName::Object { key, generation, sealed }) if sealed == self.target.backup().seals_media() => {
                    last = last.max(Some(key.to_string()));
                    there.entry(key).or_default().push((generation, listing.name, listing.bytes));
                }
                _ => found.foreign += 1,
            }
        }
        let keys: Vec<ObjectKey> = there.keys().cloned().collect();
        let known = self.app.database().read_fresh().await?.copy_known(self.id, &keys).await?;
        let mut lost = Vec::new();
        for (key, stand) in &there {
            for (generation, name, bytes) in stand {
                if known.get(key) == Some(generation) {
                    found.known += 1;
                } else {
                    lost.push((name.clone(), ByteSize::new(*bytes)?));
                }
            }
        }
        found.orphans += note(self.app, self.id, &lost).await?;
        if let Some(last) = last {
            let stand: HashSet<(ObjectKey, u32)> = there
                .into_iter()
                .flat_map(|(key, stand)| stand.into_iter().map(move |(generation, ..)| (key.clone(), generation)))
                .collect();
            self.missing_up_to(&last, &stand, found).await?;
        }
        Ok(())
    }

    /// Looks closer at copies that should have been listed by now. A service that lists in another order costs a question each.
    async fn missing_up_to(
        &mut self,
        last: &str,
        stand: &HashSet<(ObjectKey, u32)>,
        found: &mut Reconciled,
    ) -> Result<(), Error> {
        while let Some(row) = self.next_up_to(Some(last)).await? {
            if !stand.contains(&(row.key.clone(), row.generation)) {
                self.look(row, found).await?;
            }
        }
        Ok(())
    }

    async fn rest_is_missing(&mut self, found: &mut Reconciled) -> Result<(), Error> {
        while let Some(row) = self.next_up_to(None).await? {
            self.look(row, found).await?;
        }
        Ok(())
    }

    async fn next_up_to(&mut self, last: Option<&str>) -> Result<Option<ListedCopy>, Error> {
        if self.rows.is_empty() && !self.ended {
            let rows = self.app.database().read_fresh().await?.copy_page(self.id, &self.after, ROWS).await?;
            self.ended = rows.is_empty();
            if let Some(row) = rows.last() {
                self.after = row.key.to_string();
            }
            self.rows = rows.into();
        }
        let due = self.rows.front().is_some_and(|row| last.is_none_or(|last| row.key.to_string().as_str() <= last));
        Ok(if due { self.rows.pop_front() } else { None })
    }

    async fn look(&self, row: ListedCopy, found: &mut Reconciled) -> Result<(), Error> {
        let name = self.target.name_of(&row.key, row.generation);
        if row.state != CopyState::Kept || self.target.backup().size(&name).await?.is_some() {
            return Ok(());
        }
        let Some(kept) = self.app.database().read_fresh().await?.copy_kept(self.id, &row.key).await? else {
            return Ok(());
        };
        tracing::warn!(destination = self.target.name(), key = %row.key, "a copy does not stand there any more; it is made anew");
        let mut write = self.app.database().write().await?;
        if write.copy_broken(self.id, &kept, "it does not stand there any more", self.app.now()).await? {
            found.missing += 1;
        }
        write.commit().await?;
        self.target.wake();
        Ok(())
    }
}

/// Whether a name is the one that a row speaks of, at this moment.
async fn is_counted(app: &App, id: DestinationId, name: &str) -> Result<bool, Error> {
    let Ok(BackupName::Object { key, generation, .. }) = name.parse() else { return Ok(true) };
    let known = app.database().read_fresh().await?.copy_known(id, std::slice::from_ref(&key)).await?;
    Ok(known.get(&key) == Some(&generation))
}

async fn note(app: &App, store: DestinationId, found: &[(String, ByteSize)]) -> Result<u64, Error> {
    if found.is_empty() {
        return Ok(0);
    }
    let mut write = app.database().write().await?;
    let new = write.orphan_note(store, found, app.now()).await?;
    write.commit().await?;
    Ok(new)
}

async fn told(app: &App, name: &str, store: DestinationId, found: Reconciled) -> Result<Reconciled, Error> {
    let count = app.database().read_fresh().await?.orphan_count(store).await?;
    app.inner.metrics.backup.orphans(name, count);
    if found.orphans + found.missing + found.removed > 0 {
        tracing::info!(store = name, ?found, "a store was compared with the database");
    }
    Ok(found)
}
