//! What nobody finished: uploads past their time, and what a crash or a lost connection left half done.
//!
//! Each thing is put right by itself: one that cannot be is logged and keeps no other waiting.

use std::time::Duration;

use picup_database::{ObjectState, Upload as Row, UploadState};
use picup_domain::{AccountId, AssetState, Timestamp};
use picup_storage::{Error as Storage, crash_point};

use crate::{App, Error};

/// How many of a kind one round takes on.
const AT_ONCE: u32 = 100;
/// Left-overs younger than this may belong to somebody at work.
const LEFT_OVER: Duration = Duration::from_secs(60 * 60);
/// Nobody takes this long for the last step of an upload.
const STUCK: Duration = Duration::from_secs(60);
/// A stream that has not been heard of for so long is received by nobody any more: see `receive::TELL_EVERY`.
const BROKEN_OFF: Duration = Duration::from_secs(15 * 60);
/// Half-written files of the store this old have no writer any more.
const INTERRUPTED: Duration = Duration::from_secs(24 * 60 * 60);

/// One round: gives up uploads past their time, finishes those whose completion was cut short, and clears away bytes that
/// nothing names any more.
pub(crate) async fn reap(app: &App) -> Result<(), Error> {
    let now = app.now();
    let rounds = [
        stuck(app, now.minus(STUCK)).await,
        broken_off(app, now.minus(BROKEN_OFF)).await,
        expired(app, now).await,
        orphans(app, now.minus(LEFT_OVER)).await,
        app.storage().sweep(now.minus(INTERRUPTED)).await.map(drop).map_err(Error::from),
        unfinished(app, now.minus(LEFT_OVER)).await,
        doomed(app, now.minus(LEFT_OVER)).await,
    ];
    rounds.into_iter().collect()
}

/// What a killed process left half done, finished or cleared away at once. Only for the one process that works on its
/// database and store: to it everything half done is a left-over.
pub(crate) async fn take_over(app: &App) -> Result<(), Error> {
    let now = app.now();
    stuck(app, now).await?;
    broken_off(app, now).await?;
    orphans(app, now).await?;
    // The store tells times to the second: what was written in this one is to be swept too.
    app.storage().sweep(now.plus(Duration::from_secs(1))).await?;
    unfinished(app, now).await?;
    doomed(app, now).await
}

/// Uploads that someone began to complete before a moment and did not.
async fn stuck(app: &App, before: Timestamp) -> Result<(), Error> {
    let stuck = app.database().read_fresh().await?.upload_list_completing(before, AT_ONCE).await?;
    for row in stuck {
        match finish_or_drop(app, &row).await {
            Ok(()) => tracing::info!(upload = %row.id, "an upload whose completion was cut short was seen to"),
            // The next ones would wait as long, one after the other.
            Err(error @ Error::StoreAway(_)) => return Err(error),
            Err(error) => {
                tracing::warn!(upload = %row.id, error = error.story(), "an upload could not be completed; trying again");
            }
        }
    }
    Ok(())
}

/// Streams of which nothing was heard since a moment: their process was killed.
async fn broken_off(app: &App, before: Timestamp) -> Result<(), Error> {
    let broken_off = app.database().read_fresh().await?.upload_list_receiving(before, AT_ONCE).await?;
    for row in broken_off {
        match super::give_up(app, &row).await {
            Ok(_) => tracing::info!(upload = %row.id, "an upload whose stream was cut short was given up"),
            Err(error @ Error::StoreAway(_)) => return Err(error),
            Err(error) => {
                tracing::warn!(upload = %row.id, error = error.story(), "an upload could not be given up; trying again");
            }
        }
    }
    Ok(())
}

/// Completes an upload of which all has arrived, or gives it up when the store no longer has what it takes.
async fn finish_or_drop(app: &App, row: &Row) -> Result<(), Error> {
    match super::finish(app, row.clone()).await {
        Ok(_) | Err(Error::NotFound(_)) => Ok(()),
        Err(Error::Storage(Storage::UploadNotFound(_) | Storage::UploadIncomplete { .. } | Storage::Exists(_))) => {
            drop_incomplete(app, row).await
        }
        Err(error) => Err(error),
    }
}

/// Gives up all uploads of an owner whose account ends. One that is being completed is completed: its asset goes with the
/// others.
pub(crate) async fn abandon(app: &App, owner: AccountId) -> Result<(), Error> {
    loop {
        let rows = app.database().read_fresh().await?.upload_list_of(owner, AT_ONCE).await?;
        if rows.is_empty() {
            return Ok(());
        }
        for row in rows {
            match row.state {
                UploadState::Open | UploadState::Receiving => {
                    super::give_up(app, &row).await?;
                }
                UploadState::Completing => finish_or_drop(app, &row).await?,
                UploadState::Committed => forget(app, &row).await?,
            }
        }
    }
}

/// Gives up an upload of which the store no longer has what it takes.
async fn drop_incomplete(app: &App, row: &Row) -> Result<(), Error> {
    tracing::error!(upload = %row.id, "the staged bytes of an upload are gone; it is given up, its client has to send it again");
    let_go(app, row).await
}

/// Gives up an upload that is being completed and cannot be.
pub(super) async fn let_go(app: &App, row: &Row) -> Result<(), Error> {
    let mut write = app.database().write().await?;
    if write.upload_delete(row.id, UploadState::Completing).await? {
        write.quota_release(row.owner, row.bytes).await?;
        write.object_doom(&super::row_key(row)).await?;
    }
    Ok(write.commit().await?)
}

async fn expired(app: &App, now: Timestamp) -> Result<(), Error> {
    let expired = app.database().read_fresh().await?.upload_list_expired(now, AT_ONCE).await?;
    for row in expired {
        if let Err(error) = expire(app, &row).await {
            tracing::warn!(upload = %row.id, error = error.story(), "an upload past its time could not be put away; trying again");
        }
    }
    Ok(())
}

async fn expire(app: &App, row: &Row) -> Result<(), Error> {
    match row.state {
        UploadState::Open => {
            if super::give_up(app, row).await? {
                app.inner.metrics.upload("expired");
                tracing::info!(upload = %row.id, "an upload ran out of time and was given up");
            }
        }
        // Being completed, or stuck in it: `stuck` sees to that. Or on its way in: `broken_off` does.
        UploadState::Completing | UploadState::Receiving => {}
        UploadState::Committed => forget(app, row).await?,
    }
    Ok(())
}

/// Forgets an upload whose asset exists.
async fn forget(app: &App, row: &Row) -> Result<(), Error> {
    let mut write = app.database().write().await?;
    write.upload_delete(row.id, UploadState::Committed).await?;
    write.commit().await?;
    crash_point!("reap-committed-forgotten");
    Ok(())
}

/// Staged bytes, begun before a moment, whose upload was never written down, or was forgotten.
async fn orphans(app: &App, before: Timestamp) -> Result<(), Error> {
    for id in app.storage().uploads_staged().await? {
        if id.born_at() < before && app.database().read_fresh().await?.upload_by_address(id).await?.is_none() {
            if let Err(error) = app.storage().upload_abort(id).await {
                tracing::warn!(upload = %id, %error, "staged bytes of an unknown upload could not be removed; trying again");
                continue;
            }
            crash_point!("reap-orphan-removed");
            tracing::info!(upload = %id, "staged bytes of an unknown upload were removed");
        }
    }
    Ok(())
}

/// Renditions, begun before a moment, of assets that nobody makes any for: what a worker left that had lost its lease.
async fn unfinished(app: &App, before: Timestamp) -> Result<(), Error> {
    let unfinished = app.database().read_fresh().await?.object_list_unfinished(before, AT_ONCE).await?;
    if unfinished.is_empty() {
        return Ok(());
    }
    let mut write = app.database().write().await?;
    for object in unfinished {
        let key = object.key;
        let asset = write.asset_by_id(key.owner(), key.asset()).await?;
        let made = asset.is_some_and(|asset| asset.state == AssetState::Processing);
        let staged = write.object_by_key(&key).await?.is_some_and(|object| object.state == ObjectState::Staged);
        if staged && !made {
            write.object_doom(&key).await?;
        }
    }
    Ok(write.commit().await?)
}

/// Objects, made before a moment, whose removal was decided and not finished.
async fn doomed(app: &App, before: Timestamp) -> Result<(), Error> {
    let mut read = app.database().read_fresh().await?;
    let doomed = read.object_list_stale(ObjectState::Deleting, before, AT_ONCE).await?;
    drop(read);
    for object in doomed {
        if let Err(error) = app.remove_object(&object.key).await {
            tracing::warn!(key = %object.key, %error, "an object could not be removed; trying again");
            continue;
        }
        crash_point!("reap-doomed-removed");
        let mut write = app.database().write().await?;
        write.object_delete(&object.key, app.now()).await?;
        write.commit().await?;
        crash_point!("reap-doomed-forgotten");
    }
    Ok(())
}
