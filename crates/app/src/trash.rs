//! The trash: where assets wait to be taken back, until they are deleted for ever by their owner or when their time is over.
//!
//! What lies there counts against the quota and is shown nowhere else. Emptying works in the background, in small batches,
//! and takes only what was in the trash when it was asked for; cut short anywhere, it is gone on with.

use std::collections::{BTreeMap, HashSet};

use picup_database::{JobLease, Moved, TrashCursor, Write};
use picup_domain::{AccountId, AssetId, Timestamp};
use picup_storage::crash_point;

use crate::album::Outcome;
use crate::events::{self, Change};
use crate::queue::{self, Task};
use crate::timeline::Page;
use crate::{App, Error, asset, cursor};

/// How many batches one round of the reaper deletes.
const ROUNDS: usize = 20;

/// Puts assets into the trash and tells what happened to each.
///
/// # Errors
/// When the database cannot write.
pub async fn put(app: &App, owner: AccountId, assets: &[AssetId]) -> Result<Vec<(AssetId, Outcome)>, Error> {
    let mut write = app.database().write().await?;
    let moved = write.asset_trash(owner, assets, app.now()).await?;
    tell(app, &mut write, owner, &moved).await?;
    write.commit().await?;
    events::announce(app);
    Ok(outcomes(assets, &moved, Outcome::Unchanged))
}

/// Takes assets out of the trash, back to their day and their albums, and tells what happened to each.
///
/// # Errors
/// When the database cannot write.
pub async fn restore(app: &App, owner: AccountId, assets: &[AssetId]) -> Result<Vec<(AssetId, Outcome)>, Error> {
    let mut write = app.database().write().await?;
    let moved = write.asset_restore(owner, assets).await?;
    tell(app, &mut write, owner, &moved).await?;
    write.commit().await?;
    events::announce(app);
    Ok(outcomes(assets, &moved, Outcome::Unchanged))
}

/// Deletes assets of the trash for ever and tells what happened to each. One that is not in the trash stays.
///
/// # Errors
/// When the database cannot write; those before are deleted then.
pub async fn delete(app: &App, owner: AccountId, assets: &[AssetId]) -> Result<Vec<(AssetId, Outcome)>, Error> {
    let now = app.now();
    let mut all = Moved::default();
    for batch in assets.chunks(asset::AT_ONCE as usize) {
        let moved = asset::delete_forever(app, owner, batch, Some(now)).await?;
        all.done.extend(moved.done);
        all.unchanged.extend(moved.unchanged);
    }
    Ok(outcomes(assets, &all, Outcome::NotTrashed))
}

/// A page of the trash, last put there first.
///
/// # Errors
/// [`Error::Invalid`] for a cursor that is not ours.
pub async fn list(app: &App, owner: AccountId, from: Option<&str>, limit: u32) -> Result<Page, Error> {
    let place = |(micros, id)| TrashCursor { trashed_at: Timestamp::from_micros(micros), id };
    let after = from.map(cursor::read).transpose()?.map(place);
    let mut rows = app.database().read().await?.trash_page(owner, after, limit + 1).await?;
    let more = rows.len() > limit as usize;
    rows.truncate(limit as usize);
    let next = rows.last().filter(|_| more).map(|last| cursor::write(last.trashed_at.micros(), last.asset.id));
    Ok(Page { assets: rows.into_iter().map(|row| row.asset).collect(), next })
}

/// Has everything deleted that is in the trash at this moment, and tells how much that is.
///
/// # Errors
/// When the database cannot write.
pub async fn empty(app: &App, owner: AccountId) -> Result<u64, Error> {
    let now = app.now();
    let mut write = app.database().write().await?;
    let count = write.trash_count(owner, now).await?;
    if count == 0 {
        return Ok(0);
    }
    queue::enqueue_for(&mut write, Task::EmptyTrash { owner, until: now }, now, now).await?;
    crash_point!("empty-trash-written");
    write.commit().await?;
    crash_point!("empty-trash-committed");
    queue::wake(app);
    Ok(count)
}

/// The work of [`empty`].
pub(crate) async fn work_empty(app: &App, owner: AccountId, until: Timestamp, lease: JobLease) -> Result<(), Error> {
    loop {
        let batch = app.database().read_fresh().await?.trash_list(owner, until, asset::AT_ONCE).await?;
        if batch.is_empty() {
            break;
        }
        asset::delete_forever(app, owner, &batch, Some(until)).await?;
    }
    let mut write = app.database().write().await?;
    write.job_complete(lease).await?;
    Ok(write.commit().await?)
}

/// Deletes what has been in the trash for its whole time. One owner's that cannot be deleted keep no other's.
pub(crate) async fn expire(app: &App) -> Result<(), Error> {
    let until = app.now().minus(app.settings().trash_life);
    for _ in 0..ROUNDS {
        let due = app.database().read_fresh().await?.trash_list_due(until, asset::AT_ONCE).await?;
        let mut owners: BTreeMap<AccountId, Vec<AssetId>> = BTreeMap::new();
        for (owner, id) in due {
            owners.entry(owner).or_default().push(id);
        }
        let mut deleted = 0;
        for (owner, batch) in owners {
            match asset::delete_forever(app, owner, &batch, Some(until)).await {
                Ok(moved) => deleted += moved.done.len(),
                Err(error) => {
                    tracing::warn!(account = %owner, error = error.story(), "what is over in a trash could not be deleted; trying again");
                }
            }
        }
        if deleted == 0 {
            break;
        }
        tracing::info!(assets = deleted, "assets were deleted whose time in the trash is over");
    }
    Ok(())
}

/// Takes one asset out of the trash because its file was sent again. `false` when it is gone.
pub(crate) async fn bring_back(app: &App, owner: AccountId, id: AssetId) -> Result<bool, Error> {
    let outcome = restore(app, owner, &[id]).await?;
    Ok(outcome.iter().all(|(_, outcome)| *outcome != Outcome::NotFound))
}

/// Appends the events of what moved to the caller's transaction, as its last step.
pub(crate) async fn tell(app: &App, write: &mut Write, owner: AccountId, moved: &Moved) -> Result<(), Error> {
    let assets = moved.done.iter().map(|asset| Change::Asset { id: asset.id, state: asset.state, day: asset.day });
    let albums = moved.albums.iter().map(|id| Change::Album { id: *id });
    let changes: Vec<Change> = assets.chain(albums).collect();
    events::append_all(write, owner, &changes, app.now()).await
}

fn outcomes(named: &[AssetId], moved: &Moved, otherwise: Outcome) -> Vec<(AssetId, Outcome)> {
    let done: HashSet<AssetId> = moved.done.iter().map(|asset| asset.id).collect();
    let others: HashSet<AssetId> = moved.unchanged.iter().copied().collect();
    let outcome = |id: &AssetId| match (done.contains(id), others.contains(id)) {
        (true, _) => (*id, Outcome::Done),
        (false, true) => (*id, otherwise),
        (false, false) => (*id, Outcome::NotFound),
    };
    named.iter().map(outcome).collect()
}
