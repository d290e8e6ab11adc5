//! The first step: room for one file, unless it is here already or on its way.

use picup_database::{
    Account, Asset, MOST_OPEN_UPLOADS, NewUpload as UploadRow, Object, ObjectState, Read, Upload as Row, UploadState,
};
use picup_domain::{
    AccountId, AssetId, AssetState, ByteSize, CaptureSource, CaptureTime, FileName, PartPlan, Sha256, Timestamp,
    UploadId,
};
use picup_storage::crash_point;

use super::{Told, Upload, began, finish, invalid, key, row_key, view};
use crate::asset::{self, original_key};
use crate::process::{self, PROVED_ON_THE_SPOT, Proof};
use crate::{App, Error, motion, trash};

/// How often what was seen may turn out to have changed, before the client is asked to come back.
pub(super) const ROUNDS: usize = 3;

/// A wish to upload one file.
#[derive(Debug, Clone)]
pub struct NewUpload {
    /// The file's name.
    pub file_name: FileName,
    /// Its size.
    pub bytes: ByteSize,
    /// Its hash.
    pub sha256: Sha256,
    /// When it was last changed, and the offset in minutes east of UTC where the client is, as far as told.
    pub modified: Option<(Timestamp, Option<i16>)>,
    /// The photo whose moving part it is.
    pub motion_of: Option<AssetId>,
    /// What else the client tells of it.
    pub told: Told,
}

/// The answer to a wish to upload.
#[derive(Debug, Clone)]
pub enum Reserved {
    /// The account has this file already, verified.
    Duplicate(AssetId),
    /// Send the parts.
    Upload(Upload),
}

/// Reserves room for a file, or finds that the account has it already. A second wish for the same file while the first is
/// under way gets the same upload, so that another try goes on where the first stopped.
///
/// # Errors
/// [`Error::QuotaExceeded`]; [`Error::Invalid`] for a size no plan fits.
pub async fn reserve(app: &App, owner: AccountId, new: NewUpload) -> Result<Reserved, Error> {
    check(app, &new)?;
    for _ in 0..ROUNDS {
        let seen = Seen::of(&mut app.database().read_fresh().await?, owner, &new.sha256, new.motion_of).await?;
        if let Some(found) = standing(app, owner, &new, &seen).await? {
            return Ok(found);
        }
        if let Some(begun) = begin(app, owner, &new, &seen).await? {
            return Ok(Reserved::Upload(begun));
        }
    }
    Err(Error::Busy("this file is being uploaded elsewhere at this moment; ask again shortly"))
}

/// Whether a file may be asked for at all.
pub(super) fn check(app: &App, new: &NewUpload) -> Result<(), Error> {
    let largest = app.settings().max_upload;
    if new.bytes > largest {
        return Err(invalid("bytes", format!("this PicUp takes files of at most {largest}")));
    }
    if let Some((at, offset)) = new.modified {
        CaptureTime::from_moment(at, offset, CaptureSource::File)
            .map_err(|error| invalid("modified_at", error.advice))?;
    }
    new.told.capture().transpose().map_err(|error| invalid("captured_at", error.advice))?;
    Ok(())
}

/// The newest uploads of a file, one for each state: while these are the same, nobody has begun or finished one.
#[derive(PartialEq, Eq)]
pub(super) struct Seen {
    open: Option<Row>,
    completing: Option<Row>,
    committed: Option<Row>,
}

impl Seen {
    pub(super) async fn of(
        read: &mut Read,
        owner: AccountId,
        sha256: &Sha256,
        motion_of: Option<AssetId>,
    ) -> Result<Self, Error> {
        Ok(Self {
            open: read.upload_by_sha256(owner, sha256, motion_of, UploadState::Open).await?,
            completing: read.upload_by_sha256(owner, sha256, motion_of, UploadState::Completing).await?,
            committed: read.upload_by_sha256(owner, sha256, motion_of, UploadState::Committed).await?,
        })
    }
}

/// What there is of this file already: an asset, or an upload that another try goes on with.
pub(super) async fn standing(
    app: &App,
    owner: AccountId,
    new: &NewUpload,
    seen: &Seen,
) -> Result<Option<Reserved>, Error> {
    if let Some(asset) = kept(app, owner, new, seen).await? {
        return Ok(Some(Reserved::Duplicate(asset)));
    }
    if let Some(row) = seen.open.as_ref().filter(|row| row.bytes == new.bytes && row.expires_at > app.now()) {
        match stage(app, row).await {
            // Completed since it was looked at: look again.
            Err(picup_storage::Error::Exists(_)) => return Ok(None),
            begun => begun?,
        };
        if !still_open(app, row).await? {
            return Ok(None);
        }
        return Ok(Some(Reserved::Upload(view(app, row.clone()).await?)));
    }
    Ok(None)
}

/// Stages an upload that is written down, should its bytes have gone; otherwise this changes nothing. What has another size
/// by now was damaged, and is staged anew.
pub(super) async fn stage(app: &App, row: &Row) -> Result<picup_storage::Upload, picup_storage::Error> {
    let key = row_key(row);
    match app.storage().upload_begin(row.id, &key, row.bytes).await {
        Err(picup_storage::Error::UploadDiffers { .. }) => {
            app.storage().upload_abort(row.id).await?;
            app.storage().upload_begin(row.id, &key, row.bytes).await
        }
        staged => staged,
    }
}

/// Whether an upload that was staged again is still open. What was staged of one that was given up or completed meanwhile goes.
pub(super) async fn still_open(app: &App, row: &Row) -> Result<bool, Error> {
    let now = app.database().read_fresh().await?.upload_by_id(row.owner, row.id).await?.map(|row| row.state);
    if matches!(now, None | Some(UploadState::Committed)) {
        app.storage().upload_abort(row.id).await?;
    }
    Ok(now == Some(UploadState::Open))
}

/// The asset that holds this file already, safely.
pub(super) async fn kept(app: &App, owner: AccountId, new: &NewUpload, seen: &Seen) -> Result<Option<AssetId>, Error> {
    let mut found = duplicate(app, owner, new).await?;
    if found.is_none()
        && let Some(row) = seen.completing.as_ref().filter(|row| row.bytes == new.bytes)
    {
        // All of it has arrived, and whoever was completing it may have gone: complete it here.
        finish(app, row.clone()).await?;
        found = duplicate(app, owner, new).await?;
    }
    if found.is_some() {
        app.inner.metrics.upload("duplicate");
    }
    Ok(found)
}

/// Begins an upload, unless somebody else has begun or finished one of the same file meanwhile.
pub(super) async fn begin(app: &App, owner: AccountId, new: &NewUpload, seen: &Seen) -> Result<Option<Upload>, Error> {
    let now = app.now();
    let (id, asset) = (UploadId::new(now), new.motion_of.unwrap_or_else(|| AssetId::new(now)));
    let key = key(owner, asset, &new.file_name, new.motion_of);
    let plan = PartPlan::new(new.bytes)?;
    if let Err(refusal) = refuse_early(app, owner, new).await {
        // What takes the room or the place may be this very file, which somebody else has begun meanwhile.
        let now = Seen::of(&mut app.database().read_fresh().await?, owner, &new.sha256, new.motion_of).await?;
        return if now == *seen { Err(refusal) } else { Ok(None) };
    }
    let staged = match app.storage().upload_begin(id, &key, new.bytes).await {
        // A film has its photo's key: another one has become the photo's moving part since.
        Err(picup_storage::Error::Exists(_)) if new.motion_of.is_some() => return Ok(None),
        staged => staged?,
    };
    crash_point!("reserve-staged");
    let row = upload_row(app, owner, (id, asset), new)?;
    let recorded = record(app, &row, seen).await;
    if !matches!(recorded, Ok(true)) {
        unstage(app, id).await;
    }
    if !recorded? {
        return Ok(None);
    }
    began(app, std::slice::from_ref(&staged));
    Ok(Some(Upload { id, plan, arrived: Vec::new(), expires_at: row.expires_at, asset: None }))
}

/// Removes what was staged of an upload that was not recorded.
pub(super) async fn unstage(app: &App, id: UploadId) {
    if let Err(error) = app.storage().upload_abort(id).await {
        // The reaper finds it later; what the caller needs to know is why it was not recorded.
        tracing::warn!(upload = %id, %error, "staged bytes could not be removed");
    }
}

/// A wish as it is written down.
pub(super) fn upload_row(
    app: &App,
    owner: AccountId,
    (id, asset): (UploadId, AssetId),
    new: &NewUpload,
) -> Result<UploadRow, Error> {
    let now = app.now();
    Ok(UploadRow {
        id,
        owner,
        asset,
        file_name: new.file_name.clone(),
        state: UploadState::Open,
        bytes: new.bytes,
        sha256: new.sha256,
        file_modified_at: new.modified.map(|(at, _)| at),
        offset_minutes: new.modified.and_then(|(_, offset)| offset),
        told: new.told.to_stored()?,
        motion_of: new.motion_of,
        created_at: now,
        expires_at: now.plus(app.settings().upload_life),
    })
}

/// The object an upload will become, before its bytes are there.
pub(super) fn staged_object(row: &UploadRow) -> Object {
    let key = key(row.owner, row.asset, &row.file_name, row.motion_of);
    Object { key, bytes: row.bytes, sha256: None, state: ObjectState::Staged, created_at: row.created_at }
}

/// The owner's asset whose stored original is proved to be this file. One that lies in the trash is taken out of it: who sends
/// a file wants to have it.
async fn duplicate(app: &App, owner: AccountId, new: &NewUpload) -> Result<Option<AssetId>, Error> {
    if let Some(photo) = new.motion_of {
        return Ok(motion::is_kept(app, owner, photo, new).await?.then_some(photo));
    }
    // All at one moment: an asset that is proved or put into the trash in between would be neither.
    let mut read = app.database().read_fresh().await?;
    let candidates = [
        read.asset_verified_by_sha256(owner, &new.sha256).await?,
        read.asset_unproved_by_sha256(owner, &new.sha256).await?,
        read.asset_trashed_by_sha256(owner, &new.sha256).await?,
    ];
    drop(read);
    for row in candidates.into_iter().flatten().filter(|row| row.bytes == new.bytes) {
        if is_safe(app, &row).await? && (row.trashed_at.is_none() || trash::bring_back(app, owner, row.id).await?) {
            return Ok(Some(row.id));
        }
    }
    match motion::kept_in(app, owner, &new.sha256).await? {
        Some(row) if row.trashed_at.is_none() || trash::bring_back(app, owner, row.id).await? => Ok(Some(row.id)),
        _ => Ok(None),
    }
}

/// Whether an asset's original is proved and there. One that still waits for its worker is proved on the spot, unless it is so
/// large that the client had better send it.
async fn is_safe(app: &App, row: &Asset) -> Result<bool, Error> {
    match row.state {
        AssetState::Ready | AssetState::Unviewable => {
            asset::stands(app, &original_key(row.owner, row.id, &row.file_name), row.bytes).await
        }
        AssetState::Processing if row.bytes.get() <= PROVED_ON_THE_SPOT => {
            Ok(matches!(process::prove(app, row).await?, Proof::Proved(_)))
        }
        AssetState::Processing | AssetState::Damaged => Ok(false),
    }
}

/// Promises the bytes and writes the upload and its object down, together or not at all. `false` when what was seen of the
/// same file no longer holds.
async fn record(app: &App, row: &UploadRow, seen: &Seen) -> Result<bool, Error> {
    let mut write = app.database().write().await?;
    if Seen::of(&mut write, row.owner, &row.sha256, row.motion_of).await? != *seen {
        return Ok(false);
    }
    if let Some(photo) = row.motion_of {
        motion::refuse_second(&mut write, row.owner, photo, &row.file_name).await?;
    }
    let account = write.account_by_id(row.owner).await?.ok_or(Error::NotSignedIn)?;
    refuse_if_ending(&account)?;
    if !write.quota_reserve(row.owner, 1, row.bytes).await? {
        return Err(refusal(app, &account, 1, row.bytes));
    }
    write.upload_insert(row).await?;
    write.object_insert(&staged_object(row)).await?;
    crash_point!("reserve-written");
    write.commit().await?;
    crash_point!("reserve-committed");
    Ok(true)
}

/// Spares the store the beginning of an upload that plainly has no room or no place. The promise itself is made by `record`.
async fn refuse_early(app: &App, owner: AccountId, new: &NewUpload) -> Result<(), Error> {
    let mut read = app.database().read_fresh().await?;
    let account = read.account_by_id(owner).await?.ok_or(Error::NotSignedIn)?;
    refuse_if_ending(&account)?;
    if !account.quota.admits(new.bytes) || account.open_uploads >= MOST_OPEN_UPLOADS {
        return Err(refusal(app, &account, 1, new.bytes));
    }
    match new.motion_of {
        Some(photo) => motion::refuse_second(&mut read, owner, photo, &new.file_name).await,
        None => Ok(()),
    }
}

/// Nothing more comes into an account that is to be erased.
pub(super) fn refuse_if_ending(account: &Account) -> Result<(), Error> {
    match account.delete_after {
        None => Ok(()),
        Some(_) => Err(Error::Conflict("this account is to be deleted; take that back before uploading")),
    }
}

/// Why an account that looks like this gets no room for so many uploads more of so many bytes.
pub(super) fn refusal(app: &App, account: &Account, uploads: u32, bytes: ByteSize) -> Error {
    if uploads > MOST_OPEN_UPLOADS.saturating_sub(account.open_uploads) {
        return Error::Conflict("this account has 10,000 uploads under way; complete or cancel some of them first");
    }
    app.inner.metrics.upload("over_quota");
    Error::QuotaExceeded { wanted: bytes.get(), remaining: account.quota.remaining().unwrap_or(0) }
}

#[cfg(test)]
mod tests;
