//! Uploads: reserve, send parts, complete; or cancel, or be reaped.
//!
//! The promise is exact: not a byte over the quota however many ask at once, nothing counted that is not durable, and the same
//! answer when a step is repeated. Bytes are moved first; one short transaction then makes them count.

mod part_address;
mod reap;
#[cfg(test)]
mod tests;

use bytes::Bytes;
use futures_util::Stream;
use picup_database::{NewAsset, NewUpload as UploadRow, Object, ObjectState, Read, Upload as Row, UploadState, Write};
use picup_domain::{
    AccountId, AssetId, AssetKind, AssetState, ByteSize, CaptureSource, CaptureTime, FileName, ObjectKey, ObjectRole,
    PartPlan, Sha256, Timestamp, UploadId,
};
use picup_storage::PartStored;

use crate::events::Change;
use crate::{App, Error, events, jobs, process};

pub use part_address::PartAddress;
pub(crate) use reap::{reap, take_over};

/// Parts one request may ask addresses for.
const TARGETS_AT_ONCE: usize = 100;
/// The largest original that is read back while its owner waits: about a second from a disk.
const PROVED_ON_THE_SPOT: u64 = 256 << 20;

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
}

/// The answer to a wish to upload.
#[derive(Debug, Clone)]
pub enum Reserved {
    /// The account has this file already, verified.
    Duplicate(AssetId),
    /// Send the parts.
    Upload(Upload),
}

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

/// Where one part goes.
#[derive(Debug, Clone)]
pub struct PartTarget {
    /// The part.
    pub number: u32,
    /// The address to PUT it to.
    pub url: String,
    /// When the address ends.
    pub expires_at: Timestamp,
}

/// Reserves room for a file, or finds that the account has it already. A second wish for the same file while the first is
/// under way gets the same upload, so that another try goes on where the first stopped.
///
/// # Errors
/// [`Error::QuotaExceeded`]; [`Error::Invalid`] for a size no plan fits.
pub async fn reserve(app: &App, owner: AccountId, new: NewUpload) -> Result<Reserved, Error> {
    let largest = app.settings().max_upload;
    if new.bytes > largest {
        return Err(invalid("bytes", format!("this PicUp takes files of at most {largest}")));
    }
    loop {
        let seen = Seen::of(&mut app.database().read_fresh().await?, owner, &new.sha256).await?;
        if let Some(found) = standing(app, owner, &new, &seen).await? {
            return Ok(found);
        }
        if let Some(begun) = begin(app, owner, &new, &seen).await? {
            return Ok(Reserved::Upload(begun));
        }
    }
}

/// The newest uploads of a file, one for each state: while these are the same, nobody has begun or finished one.
#[derive(PartialEq, Eq)]
struct Seen {
    open: Option<Row>,
    completing: Option<Row>,
    committed: Option<Row>,
}

impl Seen {
    async fn of(read: &mut Read, owner: AccountId, sha256: &Sha256) -> Result<Self, Error> {
        Ok(Self {
            open: read.upload_by_sha256(owner, sha256, UploadState::Open).await?,
            completing: read.upload_by_sha256(owner, sha256, UploadState::Completing).await?,
            committed: read.upload_by_sha256(owner, sha256, UploadState::Committed).await?,
        })
    }
}

/// What there is of this file already: an asset, or an upload that another try goes on with.
async fn standing(app: &App, owner: AccountId, new: &NewUpload, seen: &Seen) -> Result<Option<Reserved>, Error> {
    if let Some(asset) = duplicate(app, owner, new).await? {
        app.0.metrics.upload("duplicate");
        return Ok(Some(Reserved::Duplicate(asset)));
    }
    if let Some(row) = seen.open.as_ref().filter(|row| row.bytes == new.bytes && row.expires_at > app.now()) {
        return Ok(Some(Reserved::Upload(view(app, row.clone()).await?)));
    }
    if seen.completing.as_ref().is_some_and(|row| row.bytes == new.bytes) {
        return Err(Error::Busy("this file has arrived and is being put in its place; ask again in a moment"));
    }
    Ok(None)
}

/// Begins an upload, unless somebody else has begun or finished one of the same file meanwhile.
async fn begin(app: &App, owner: AccountId, new: &NewUpload, seen: &Seen) -> Result<Option<Upload>, Error> {
    let now = app.now();
    let (id, asset) = (UploadId::new(now), AssetId::new(now));
    let key = original_key(owner, asset, &new.file_name);
    let plan = PartPlan::new(new.bytes)?;
    refuse_if_over(app, owner, new.bytes).await?;
    let staged = app.storage().upload_begin(id, &key, new.bytes).await?;
    let row = UploadRow {
        id,
        owner,
        asset,
        file_name: new.file_name.clone(),
        bytes: new.bytes,
        sha256: new.sha256,
        file_modified_at: new.modified.map(|(at, _)| at),
        offset_minutes: new.modified.and_then(|(_, offset)| offset),
        handle: staged.handle().to_owned(),
        created_at: now,
        expires_at: now.plus(app.settings().upload_life),
    };
    let recorded = record(app, &row, key, seen).await;
    if !matches!(recorded, Ok(true)) {
        app.storage().upload_abort(id).await?;
    }
    let upload = Upload { id, plan, arrived: Vec::new(), expires_at: row.expires_at, asset: None };
    Ok(recorded?.then_some(upload))
}

/// The owner's asset whose stored original is proved to be this file. One that still waits for its worker is proved on the
/// spot, unless it is so large that the client had better send it.
async fn duplicate(app: &App, owner: AccountId, new: &NewUpload) -> Result<Option<AssetId>, Error> {
    let mut read = app.database().read_fresh().await?;
    if let Some(asset) = read.asset_verified_by_sha256(owner, &new.sha256).await? {
        return Ok(Some(asset.id));
    }
    let unproved = read.asset_unproved_by_sha256(owner, &new.sha256).await?;
    drop(read);
    match unproved.filter(|row| row.bytes == new.bytes && row.bytes.get() <= PROVED_ON_THE_SPOT) {
        Some(row) if process::is_as_declared(app, &row).await? => Ok(Some(row.id)),
        _ => Ok(None),
    }
}

/// Promises the bytes and writes the upload and its object down, together or not at all. `false` when what was seen of the
/// same file no longer holds.
async fn record(app: &App, row: &UploadRow, key: ObjectKey, seen: &Seen) -> Result<bool, Error> {
    let mut write = app.database().write().await?;
    if Seen::of(&mut write, row.owner, &row.sha256).await? != *seen {
        return Ok(false);
    }
    if !write.quota_reserve(row.owner, row.bytes).await? {
        drop(write);
        return Err(over(app, row.owner, row.bytes).await?);
    }
    write.upload_insert(row).await?;
    let staged = Object { key, bytes: row.bytes, sha256: None, state: ObjectState::Staged, created_at: row.created_at };
    write.object_insert(&staged).await?;
    write.commit().await?;
    Ok(true)
}

/// Spares the store the beginning of an upload that plainly does not fit. The promise itself is made by `record`.
async fn refuse_if_over(app: &App, owner: AccountId, bytes: ByteSize) -> Result<(), Error> {
    let account = app.database().read_fresh().await?.account_by_id(owner).await?.ok_or(Error::NotSignedIn)?;
    if account.quota.admits(bytes) { Ok(()) } else { Err(over(app, owner, bytes).await?) }
}

async fn over(app: &App, owner: AccountId, bytes: ByteSize) -> Result<Error, Error> {
    let account = app.database().read_fresh().await?.account_by_id(owner).await?.ok_or(Error::NotSignedIn)?;
    app.0.metrics.upload("over_quota");
    Ok(Error::QuotaExceeded { wanted: bytes.get(), remaining: account.quota.remaining().unwrap_or(0) })
}

/// An upload of `owner` and what of it has arrived.
///
/// # Errors
/// [`Error::NotFound`].
pub async fn fetch(app: &App, owner: AccountId, id: UploadId) -> Result<Upload, Error> {
    let row = row(app, owner, id).await?;
    view(app, row).await
}

/// Where parts go: an address each, which carries its own right. Parts are named with their hashes.
///
/// # Errors
/// [`Error::NotFound`]; [`Error::Conflict`] when the upload takes no more parts; [`Error::Invalid`] for numbers the plan has not.
pub async fn part_targets(
    app: &App,
    owner: AccountId,
    id: UploadId,
    wanted: &[(u32, Sha256)],
) -> Result<Vec<PartTarget>, Error> {
    if wanted.is_empty() || wanted.len() > TARGETS_AT_ONCE {
        return Err(invalid("parts", format!("ask for 1 to {TARGETS_AT_ONCE} parts at once")));
    }
    let row = row(app, owner, id).await?;
    if row.state != UploadState::Open {
        return Err(Error::Conflict("this upload takes no more parts"));
    }
    let plan = PartPlan::new(row.bytes)?;
    let expires_at = app.now().plus(app.settings().part_life);
    let target = |(number, sha256): &(u32, Sha256)| {
        let part = plan
            .part(*number)
            .ok_or_else(|| invalid("number", format!("this upload has parts 1 to {}", plan.count())))?;
        let address = PartAddress {
            upload: id,
            number: part.number,
            bytes: part.bytes,
            sha256: *sha256,
            expires: expires_at.seconds(),
        };
        Ok(PartTarget { number: part.number, url: address.to_url(&app.0.secrets.server_key), expires_at })
    };
    wanted.iter().map(target).collect()
}

/// Takes the bytes of one part, to the address given for it. A part that is stored stays as it is.
///
/// # Errors
/// [`Error::PartAddress`] for an address that is not ours or no longer valid; [`Error::PartRefused`] for other bytes than
/// announced; [`Error::Conflict`]; [`Error::StoreFull`].
pub async fn part<S>(app: &App, address: PartAddress, signature: &str, body: S) -> Result<(), Error>
where
    S: Stream<Item = std::io::Result<Bytes>> + Send,
{
    address.verify(signature, &app.0.secrets.server_key, app.now())?;
    let row = app.database().read_fresh().await?.upload_by_address(address.upload).await?;
    let row = row.ok_or(Error::NotFound("upload"))?;
    if row.state != UploadState::Open {
        return Err(Error::Conflict("this upload takes no more parts"));
    }
    let staged = staged(&row)?;
    match app.storage().part_write(&staged, address.number, address.sha256, body).await {
        Ok(_) => Ok(()),
        Err(error) => Err(part_error(address.number, error)),
    }
}

fn part_error(number: u32, error: picup_storage::Error) -> Error {
    use picup_storage::Error as Storage;
    match error {
        Storage::PartLength { .. } | Storage::PartHash { .. } | Storage::PartUnknown { .. } => {
            Error::PartRefused { number, reason: error.to_string() }
        }
        Storage::Sender(_) => Error::PartRefused { number, reason: "the sending broke off".to_owned() },
        Storage::PartExists { .. } => Error::Conflict("this part is stored already, with other bytes"),
        Storage::UploadNotFound(_) => Error::Conflict("this upload takes no more parts"),
        other => other.into(),
    }
}

/// Makes an asset of an upload whose parts have all arrived. Asking again, also after a crash, gives the same asset.
///
/// # Errors
/// [`Error::PartsMissing`]; [`Error::NotFound`].
pub async fn complete(app: &App, owner: AccountId, id: UploadId) -> Result<AssetId, Error> {
    let mut found = row(app, owner, id).await?;
    if found.state == UploadState::Open {
        check_parts(app, &found).await?;
        let mut write = app.database().write().await?;
        write.upload_set_state(id, UploadState::Open, UploadState::Completing, app.now()).await?;
        write.commit().await?;
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
    commit(&mut write, &row, now).await?;
    write.commit().await?;
    app.0.metrics.upload("completed");
    events::announce(app);
    jobs::wake(app);
    Ok(row.asset)
}

/// Everything that makes the stored bytes count, in the caller's transaction.
async fn commit(write: &mut Write, row: &Row, now: Timestamp) -> Result<(), Error> {
    let capture = match row.file_modified_at {
        Some(at) => CaptureTime::from_moment(at, row.offset_minutes, CaptureSource::File)?,
        None => CaptureTime::from_moment(now, None, CaptureSource::Upload)?,
    };
    let asset = NewAsset {
        id: row.asset,
        owner: row.owner,
        kind: AssetKind::Other,
        file_name: row.file_name.clone(),
        sha256: row.sha256,
        bytes: row.bytes,
        capture,
        created_at: now,
    };
    write.asset_insert(&asset).await?;
    let key = original_key(row.owner, row.asset, &row.file_name);
    if !write.object_commit(&key, row.bytes, &row.sha256).await? {
        return Err(Error::Internal(format!("the staged object {key} is not in the database")));
    }
    write.quota_move(row.owner, row.bytes).await?;
    jobs::enqueue_process(write, row.owner, row.asset, now).await?;
    let change = Change::Asset { id: row.asset, state: AssetState::Processing, day: capture.day() };
    events::append(write, row.owner, change, now).await
}

/// Gives an upload up: its bytes go, its reservation is released.
///
/// # Errors
/// [`Error::NotFound`]; [`Error::Conflict`] when it is completed or being completed.
pub async fn cancel(app: &App, owner: AccountId, id: UploadId) -> Result<(), Error> {
    let row = row(app, owner, id).await?;
    if give_up(app, &row).await? {
        app.0.metrics.upload("cancelled");
        Ok(())
    } else {
        Err(Error::Conflict("this upload is completed, or being completed"))
    }
}

/// Releases an open upload; `false` when it is no longer open.
async fn give_up(app: &App, row: &Row) -> Result<bool, Error> {
    let key = original_key(row.owner, row.asset, &row.file_name);
    let mut write = app.database().write().await?;
    if !write.upload_delete(row.id, UploadState::Open).await? {
        return Ok(false);
    }
    write.quota_release(row.owner, row.bytes).await?;
    write.object_doom(&key).await?;
    write.commit().await?;

    app.storage().upload_abort(row.id).await?;
    let mut write = app.database().write().await?;
    write.object_delete(&key).await?;
    write.commit().await?;
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

async fn check_parts(app: &App, row: &Row) -> Result<(), Error> {
    let arrived = arrived(app, row).await?;
    let here = |number: u32| arrived.iter().any(|part| part.number == number);
    let missing: Vec<u32> = PartPlan::new(row.bytes)?.parts().map(|part| part.number).filter(|n| !here(*n)).collect();
    if missing.is_empty() { Ok(()) } else { Err(Error::PartsMissing(missing)) }
}

async fn arrived(app: &App, row: &Row) -> Result<Vec<PartStored>, Error> {
    match app.storage().upload_parts(&staged(row)?).await {
        // Completed a moment ago: nothing is staged any more.
        Err(picup_storage::Error::UploadNotFound(_)) => Ok(Vec::new()),
        other => Ok(other?),
    }
}

fn staged(row: &Row) -> Result<picup_storage::Upload, Error> {
    let key = original_key(row.owner, row.asset, &row.file_name);
    Ok(picup_storage::Upload::resume(row.id, key, row.bytes, &row.handle)?)
}

fn original_key(owner: AccountId, asset: AssetId, name: &FileName) -> ObjectKey {
    ObjectKey::new(owner, asset, ObjectRole::Original, 1, &name.extension())
}

fn invalid(field: &'static str, advice: String) -> Error {
    Error::Invalid(picup_domain::Invalid { field, advice })
}
