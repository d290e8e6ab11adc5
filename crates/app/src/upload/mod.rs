//! Uploads: reserve, send parts, complete; or cancel, or be reaped. Or all at once as one stream (`receive`).
//!
//! The promise is exact: not a byte over the quota however many ask at once, nothing counted that is not durable, and the same
//! answer when a step is repeated. Bytes are moved first; one short transaction then makes them count.

mod begun;
mod many;
mod part;
mod part_address;
mod reap;
mod receive;
mod reserve;
#[cfg(test)]
pub(crate) mod tests;
mod told;

use std::sync::atomic::Ordering;

use picup_database::{NewAsset, Upload as Row, UploadState, Write};
use picup_domain::{
    AccountId, AssetId, AssetKind, AssetState, ByteSize, CaptureSource, CaptureTime, FileName, ObjectKey, PartPlan,
    Sha256, Timestamp, UploadId,
};
use picup_storage::{PartStored, crash_point};

use crate::asset::{motion_key, original_key};
use crate::events::Change;
use crate::queue::Task;
use crate::{App, Error, events, motion, queue};

pub(crate) use begun::Begun;
pub use many::{complete_many, reserve_many};
pub use part::{PartTarget, only_target, part, part_targets};
pub use part_address::PartAddress;
pub(crate) use reap::{abandon, reap, take_over};
pub use receive::{NewStream, Received, Receiver, receive};
pub use reserve::{NewUpload, Reserved, reserve};
pub use told::Told;

/// An upload as its client sees it.
#[derive(Debug, Clone)]
pub struct Upload {
    /// Its id.
    pub id: UploadId,
    /// How the file is cut.
    pub plan: PartPlan,
    /// The parts that have arrived.
    pub arrived: Vec<(u32, Sha256)>,
    /// When it is given up.
    pub expires_at: Timestamp,
    /// The asset it became.
    pub asset: Option<AssetId>,
}

/// An upload of `owner` and what of it has arrived.
///
/// # Errors
/// [`Error::NotFound`].
pub async fn fetch(app: &App, owner: AccountId, id: UploadId) -> Result<Upload, Error> {
    let row = row(app, owner, id).await?;
    view(app, row).await
}

/// Remembers uploads that have begun, and when.
fn began(app: &App, uploads: &[picup_storage::Upload]) {
    app.inner.begun.remember(uploads);
    app.inner.last_begun.store(app.now().micros(), Ordering::Relaxed);
}

/// Makes an asset of an upload whose parts have all arrived. Asking again, also after a crash, gives the same asset.
///
/// # Errors
/// [`Error::PartsMissing`]; [`Error::NotFound`].
pub async fn complete(app: &App, owner: AccountId, id: UploadId) -> Result<AssetId, Error> {
    let found = row(app, owner, id).await?;
    complete_found(app, found).await
}

/// [`complete`] of an upload as it was a moment ago.
async fn complete_found(app: &App, mut found: Row) -> Result<AssetId, Error> {
    let (owner, id) = (found.owner, found.id);
    if found.state == UploadState::Receiving {
        return Err(Error::Conflict("this upload comes as a stream and is completed at its end"));
    }
    if found.state == UploadState::Open {
        if app.storage().uploads_whole(&[staged(&found)?]).await? != [true] {
            let missing = missing_parts(app, &found).await?;
            if !missing.is_empty() {
                return completed_meanwhile(app, &found).await?.ok_or(Error::PartsMissing(missing));
            }
        }
        let mut write = app.database().write().await?;
        write.upload_set_state(id, UploadState::Open, UploadState::Completing, app.now()).await?;
        write.commit().await?;
        crash_point!("complete-begun");
        // From here on it can no longer be given up; if it was a moment ago, there is no row.
        found = row(app, owner, id).await?;
    }
    finish(app, found).await
}

/// The second half of [`complete`], for an upload that is being completed; begun again by the reaper if a crash cut it short.
async fn finish(app: &App, row: Row) -> Result<AssetId, Error> {
    if row.state == UploadState::Committed {
        return Ok(row.asset);
    }
    let completed = app.storage().upload_complete(&staged(&row)?).await;
    crash_point!("complete-stored");
    let mut write = app.database().write().await?;
    let now = app.now();
    if !write.upload_set_state(row.id, UploadState::Completing, UploadState::Committed, now).await? {
        // Somebody else was quicker: either it is an asset by now, or it was given up.
        let found = write.upload_by_id(row.owner, row.id).await?;
        return found
            .filter(|found| found.state == UploadState::Committed)
            .map(|found| found.asset)
            .ok_or(Error::NotFound("upload"));
    }
    completed?;
    if let Some(photo) = row.motion_of
        && !motion::attach(&mut write, &row, photo, now).await?
    {
        drop(write);
        reap::let_go(app, &row).await?;
        return Err(Error::NotFound("asset"));
    }
    commit(&mut write, row.owner, std::slice::from_ref(&row), now).await?;
    crash_point!("complete-written");
    write.commit().await?;
    crash_point!("complete-committed");
    app.inner.begun.forget([row.id]);
    app.inner.metrics.upload("completed");
    events::announce(app);
    queue::wake(app);
    Ok(row.asset)
}

/// Everything that makes the stored bytes of an owner's uploads count, in the caller's transaction.
async fn commit(write: &mut Write, owner: AccountId, rows: &[Row], now: Timestamp) -> Result<(), Error> {
    let assets = rows.iter().filter(|row| row.motion_of.is_none());
    let assets: Vec<NewAsset> = assets.map(|row| new_asset(row, now)).collect::<Result<_, _>>()?;
    write.asset_insert_all(&assets).await?;
    let stored: Vec<_> = rows.iter().map(|row| (row_key(row), row.bytes, row.sha256)).collect();
    if let Some(key) = write.object_commit_all(&stored, now).await? {
        return Err(Error::Internal(format!("the staged object {key} is not in the database")));
    }
    let bytes = rows.iter().map(|row| row.bytes.get()).sum();
    let uploads = u32::try_from(rows.len()).unwrap_or(u32::MAX);
    write.quota_move(owner, uploads, ByteSize::new(bytes)?).await?;
    let tasks: Vec<Task> = assets.iter().map(|asset| Task::Process { owner, asset: asset.id }).collect();
    queue::enqueue_new(write, &tasks, now).await?;
    let change =
        |asset: &NewAsset| Change::Asset { id: asset.id, state: AssetState::Processing, day: asset.capture.day() };
    let changes: Vec<Change> = assets.iter().map(change).collect();
    events::append_all(write, owner, &changes, now).await
}

/// The asset an upload becomes.
fn new_asset(row: &Row, now: Timestamp) -> Result<NewAsset, Error> {
    // A time that cannot be is no reason to keep what has arrived from counting.
    let told = Told::from_stored(row.told.as_deref());
    let modified = row.file_modified_at.map(|at| CaptureTime::from_moment(at, row.offset_minutes, CaptureSource::File));
    let capture = match (told.capture(), modified) {
        (Some(Ok(told)), _) => told,
        (_, Some(Ok(modified))) => modified,
        _ => CaptureTime::from_moment(now, None, CaptureSource::Upload)?,
    };
    Ok(NewAsset {
        id: row.asset,
        owner: row.owner,
        kind: AssetKind::Other,
        file_name: row.file_name.clone(),
        sha256: row.sha256,
        bytes: row.bytes,
        capture,
        place: told.place,
        favourite: told.favourite,
        description: told.description,
        created_at: now,
    })
}

/// Gives an upload up: its bytes go, its reservation is released.
///
/// # Errors
/// [`Error::NotFound`]; [`Error::Conflict`] when it is completed or being completed.
pub async fn cancel(app: &App, owner: AccountId, id: UploadId) -> Result<(), Error> {
    let row = row(app, owner, id).await?;
    if give_up(app, &row).await? {
        app.inner.metrics.upload("cancelled");
        Ok(())
    } else {
        Err(Error::Conflict("this upload is completed, or being completed"))
    }
}

/// Releases an upload that is open or being received; `false` when it is so no longer.
async fn give_up(app: &App, row: &Row) -> Result<bool, Error> {
    if !matches!(row.state, UploadState::Open | UploadState::Receiving) {
        return Ok(false);
    }
    let key = row_key(row);
    let mut write = app.database().write().await?;
    // What is reserved for a stream grows: what counts is what stands now.
    let found = write.upload_by_id(row.owner, row.id).await?.filter(|found| found.state == row.state);
    let Some(found) = found else { return Ok(false) };
    if !write.upload_delete(row.id, row.state).await? {
        return Ok(false);
    }
    write.quota_release(row.owner, found.bytes).await?;
    write.object_doom(&key).await?;
    crash_point!("give-up-written");
    write.commit().await?;
    crash_point!("give-up-committed");

    app.inner.begun.forget([row.id]);
    app.storage().upload_abort(row.id).await?;
    crash_point!("give-up-removed");
    let mut write = app.database().write().await?;
    write.object_delete(&key, app.now()).await?;
    write.commit().await?;
    crash_point!("give-up-forgotten");
    Ok(true)
}

async fn row(app: &App, owner: AccountId, id: UploadId) -> Result<Row, Error> {
    app.database().read_fresh().await?.upload_by_id(owner, id).await?.ok_or(Error::NotFound("upload"))
}

async fn view(app: &App, row: Row) -> Result<Upload, Error> {
    let arrived = if row.state == UploadState::Open { arrived(app, &row).await? } else { Vec::new() };
    Ok(Upload {
        id: row.id,
        plan: PartPlan::new(row.bytes)?,
        arrived: arrived.into_iter().map(|part| (part.number, part.sha256)).collect(),
        expires_at: row.expires_at,
        asset: (row.state == UploadState::Committed).then_some(row.asset),
    })
}

async fn missing_parts(app: &App, row: &Row) -> Result<Vec<u32>, Error> {
    let arrived = arrived(app, row).await?;
    let here = |number: u32| arrived.iter().any(|part| part.number == number);
    Ok(PartPlan::new(row.bytes)?.parts().map(|part| part.number).filter(|n| !here(*n)).collect())
}

/// The asset of an upload whose parts are gone because another request has completed it since `seen`.
async fn completed_meanwhile(app: &App, seen: &Row) -> Result<Option<AssetId>, Error> {
    match row(app, seen.owner, seen.id).await? {
        now if now.state == seen.state => Ok(None),
        now => finish(app, now).await.map(Some),
    }
}

async fn arrived(app: &App, row: &Row) -> Result<Vec<PartStored>, Error> {
    match app.storage().upload_parts(&staged(row)?).await {
        // Completed a moment ago: nothing is staged any more.
        Err(picup_storage::Error::UploadNotFound(_)) => Ok(Vec::new()),
        other => Ok(other?),
    }
}

/// Where an upload's bytes will be.
pub(crate) fn row_key(row: &Row) -> ObjectKey {
    key(row.owner, row.asset, &row.file_name, row.motion_of)
}

fn key(owner: AccountId, asset: AssetId, name: &FileName, motion_of: Option<AssetId>) -> ObjectKey {
    if motion_of.is_some() { motion_key(owner, asset, name) } else { original_key(owner, asset, name) }
}

fn staged(row: &Row) -> Result<picup_storage::Upload, Error> {
    Ok(picup_storage::Upload::resume(row.id, row_key(row), row.bytes)?)
}

fn invalid(field: &'static str, advice: String) -> Error {
    Error::Invalid(picup_domain::Invalid { field, advice })
}
