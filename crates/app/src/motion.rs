//! Live photos: a photo whose moving part is a second file. The film is no asset of its own: it comes after its photo, by an
//! upload that names it, and goes where its photo goes.
//!
//! It is proved like an original: until the worker has read it back it counts as no safe copy.

use picup_database::{Asset, JobLease, Motion, ObjectState, Read, Upload as Row, Write};
use picup_domain::{AccountId, AssetId, AssetKind, FileName, MotionState, ObjectRole, Sha256, Timestamp};
use picup_storage::crash_point;

use crate::asset::{self, motion_key};
use crate::events::{self, Change};
use crate::process::PROVED_ON_THE_SPOT;
use crate::queue::{self, Task};
use crate::read_back::{Found, read_back};
use crate::upload::NewUpload;
use crate::{App, Error};

/// Whether this film is the photo's moving part already, safely.
///
/// # Errors
/// [`Error::NotFound`] without the photo; [`Error::Conflict`] when it can take no moving part, or has another;
/// [`Error::Busy`] while a large one waits to be proved.
pub(crate) async fn is_kept(app: &App, owner: AccountId, photo: AssetId, new: &NewUpload) -> Result<bool, Error> {
    let row = photo_of(&mut app.database().read_fresh().await?, owner, photo).await?;
    let Some(motion) = &row.motion else { return Ok(false) };
    if motion.sha256 != new.sha256 || motion.bytes != new.bytes {
        return Err(Error::Conflict("this photo has a moving part already, and it is another one"));
    }
    if is_safe(app, &row, motion).await? {
        return Ok(true);
    }
    if motion.state == MotionState::Processing && motion.bytes.get() > PROVED_ON_THE_SPOT {
        return Err(Error::Busy("this photo's moving part is there and waits to be read back; ask again in a while"));
    }
    Err(Error::Conflict("what is stored of this photo's moving part is damaged; send the film as a file of its own"))
}

/// The owner's live photo whose moving part is proved to be this file.
pub(crate) async fn kept_in(app: &App, owner: AccountId, sha256: &Sha256) -> Result<Option<Asset>, Error> {
    let found = app.database().read_fresh().await?.asset_by_motion_sha256(owner, sha256).await?;
    let Some(row) = found else { return Ok(None) };
    let Some(motion) = &row.motion else { return Ok(None) };
    Ok(is_safe(app, &row, motion).await?.then_some(row))
}

/// Refuses what would be a second moving part of its photo: early, and again in the transaction that writes an upload down.
pub(crate) async fn refuse_second(
    read: &mut Read,
    owner: AccountId,
    photo: AssetId,
    file_name: &FileName,
) -> Result<(), Error> {
    if photo_of(read, owner, photo).await?.motion.is_some() {
        return Err(Error::Conflict("this photo has a moving part already"));
    }
    let key = motion_key(owner, photo, file_name);
    for other in read.object_list(photo).await?.into_iter().filter(|object| object.key.role() == ObjectRole::Motion) {
        if other.state != ObjectState::Deleting {
            let advice = "a moving part of this photo is on its way already; complete or cancel that upload first";
            return Err(Error::Conflict(advice));
        }
        if other.key == key {
            return Err(Error::Busy("a film that was given up is being removed; ask again shortly"));
        }
    }
    Ok(())
}

async fn photo_of(read: &mut Read, owner: AccountId, photo: AssetId) -> Result<Asset, Error> {
    let row = read.asset_by_id(owner, photo).await?.ok_or(Error::NotFound("asset"))?;
    if row.trashed_at.is_some() {
        return Err(Error::Conflict("this photo is in the trash; take it out before giving it a moving part"));
    }
    if row.facts.kind == AssetKind::Video {
        return Err(Error::Conflict("this is a video; only a photo takes a moving part"));
    }
    Ok(row)
}

/// Makes the stored bytes of an upload the moving part of its photo, in the caller's transaction. `false` when the photo is
/// gone, or has one: nothing changed then.
pub(crate) async fn attach(write: &mut Write, upload: &Row, photo: AssetId, now: Timestamp) -> Result<bool, Error> {
    let motion = Motion {
        file_name: upload.file_name.clone(),
        bytes: upload.bytes,
        sha256: upload.sha256,
        state: MotionState::Processing,
    };
    if !write.motion_insert(upload.owner, photo, &motion).await? {
        return Ok(false);
    }
    queue::enqueue_new(write, &[Task::VerifyMotion { owner: upload.owner, asset: photo }], now).await?;
    Ok(true)
}

/// Reads a moving part back and records what it is, with the end of the job.
pub(crate) async fn verify(app: &App, owner: AccountId, photo: AssetId, lease: JobLease) -> Result<(), Error> {
    let row = app.database().read_fresh().await?.asset_by_id(owner, photo).await?;
    let shown = match row.as_ref().and_then(|row| row.motion.as_ref().map(|motion| (row, motion))) {
        Some((row, motion)) if motion.state == MotionState::Processing => Some(prove(app, row, motion).await?),
        // Gone with its photo, or looked at by another worker.
        _ => None,
    };
    let mut write = app.database().write().await?;
    if write.job_complete(lease).await?
        && let Some(state) = shown
    {
        settle(app, &mut write, owner, photo, state).await?;
    }
    crash_point!("verify-motion-written");
    write.commit().await?;
    crash_point!("verify-motion-committed");
    events::announce(app);
    Ok(())
}

/// Marks a moving part that could not be looked at, with its event, in the caller's transaction.
pub(crate) async fn mark_damaged(app: &App, write: &mut Write, owner: AccountId, photo: AssetId) -> Result<(), Error> {
    settle(app, write, owner, photo, MotionState::Damaged).await
}

async fn settle(
    app: &App,
    write: &mut Write,
    owner: AccountId,
    photo: AssetId,
    state: MotionState,
) -> Result<(), Error> {
    if !write.motion_finish(owner, photo, state).await? {
        return Ok(());
    }
    if state == MotionState::Damaged {
        tracing::error!(asset = %photo, "the moving part of a live photo could not be proved; it is kept and marked damaged");
    }
    let Some(row) = write.asset_by_id(owner, photo).await? else { return Ok(()) };
    events::append(write, owner, Change::Asset { id: photo, state: row.state, day: row.day }, app.now()).await
}

/// Whether a moving part is proved and there. One that still waits for its worker is proved on the spot.
async fn is_safe(app: &App, row: &Asset, motion: &Motion) -> Result<bool, Error> {
    match motion.state {
        MotionState::Verified => {
            asset::stands(app, &motion_key(row.owner, row.id, &motion.file_name), motion.bytes).await
        }
        MotionState::Processing if motion.bytes.get() <= PROVED_ON_THE_SPOT => {
            Ok(prove(app, row, motion).await? == MotionState::Verified)
        }
        MotionState::Processing | MotionState::Damaged => Ok(false),
    }
}

/// What the store really has.
async fn prove(app: &App, row: &Asset, motion: &Motion) -> Result<MotionState, Error> {
    let key = motion_key(row.owner, row.id, &motion.file_name);
    Ok(match read_back(app, &key, motion.bytes, Some(motion.sha256)).await? {
        Found::Expected(_) => MotionState::Verified,
        Found::Other(_) | Found::Missing => MotionState::Damaged,
    })
}

#[cfg(test)]
mod tests;
