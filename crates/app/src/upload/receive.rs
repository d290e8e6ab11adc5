//! One original as one stream, for programs that know nothing of parts: reserved for while it comes, counted when it is durable.
//!
//! The upload is in the database from its first byte on, so a crash leaves what the reaper knows. What is reserved grows with
//! the stream and never goes over the quota; a [`Receiver`] that is dropped, because its client hung up or was refused, gives
//! back all of it at once. The end is that of every upload: see `finish`.

use std::time::Duration;

use bytes::Bytes;
use picup_database::{NewUpload as UploadRow, Object, ObjectState, UploadState, Write};
use picup_domain::{AccountId, AssetId, ByteSize, FileName, ObjectKey, Sha1, Sha256, Timestamp, UploadId};
use picup_storage::{Receiving, crash_point};

use super::reserve::{ROUNDS, Seen, kept, refusal, refuse_if_ending};
use super::{NewUpload, Told, finish, give_up, invalid};
use crate::asset::original_key;
use crate::{App, Error};

/// What is reserved at a time for a stream that does not tell its size, most first: little work for most files, and near the
/// end of a quota what others may still use is not held.
const STEPS: [u64; 2] = [16 << 20, 1 << 20];
/// How often the database hears that a stream goes on, however slow it is.
const TELL_EVERY: Duration = Duration::from_secs(60);

const GIVEN_UP: &str = "this upload was given up meanwhile; send it again";

/// An original that is about to come.
#[derive(Debug, Clone)]
pub struct NewStream {
    /// The file's name.
    pub file_name: FileName,
    /// How long it will be, if the client says so: reserved at once.
    pub bytes: Option<ByteSize>,
}

/// What became of an original.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Received {
    /// It is a new asset.
    Created(AssetId),
    /// The account has this file already, verified; nothing more was kept.
    Duplicate(AssetId),
}

/// Takes the bytes of one original.
pub struct Receiver {
    app: App,
    owner: AccountId,
    id: UploadId,
    file_name: FileName,
    /// `None` once it was taken to its end.
    sink: Option<Receiving>,
    came: u64,
    reserved: u64,
    told: Timestamp,
    /// Nothing is left to give back.
    settled: bool,
}

/// Begins to receive an original of `owner`.
///
/// # Errors
/// [`Error::QuotaExceeded`]; [`Error::Invalid`] for a file that is too large; [`Error::StoreFull`].
pub async fn receive(app: &App, owner: AccountId, new: NewStream) -> Result<Receiver, Error> {
    refuse_if_too_large(app, new.bytes.map_or(0, ByteSize::get))?;
    let now = app.now();
    let (id, asset) = (UploadId::new(now), AssetId::new(now));
    let key = original_key(owner, asset, &new.file_name);
    let reserved = new.bytes.unwrap_or_default();
    let row = UploadRow {
        id,
        owner,
        asset,
        file_name: new.file_name.clone(),
        state: UploadState::Receiving,
        bytes: reserved,
        // The file's own is not known yet, and nobody looks for this one.
        sha256: Sha256::of(id.as_bytes()),
        file_modified_at: None,
        offset_minutes: None,
        told: None,
        motion_of: None,
        created_at: now,
        expires_at: now.plus(app.settings().upload_life),
    };
    let sink = app.storage().receive_begin(id, &key).await?;
    if let Err(error) = record(app, &row, key).await {
        drop(sink);
        app.storage().upload_abort(id).await?;
        return Err(error);
    }
    let (app, file_name, reserved) = (app.clone(), new.file_name, reserved.get());
    Ok(Receiver { app, owner, id, file_name, sink: Some(sink), came: 0, reserved, told: now, settled: false })
}

/// Promises what is known to come and writes the upload and its object down, together or not at all.
async fn record(app: &App, row: &UploadRow, key: ObjectKey) -> Result<(), Error> {
    let mut write = app.database().write().await?;
    let account = write.account_by_id(row.owner).await?.ok_or(Error::NotSignedIn)?;
    refuse_if_ending(&account)?;
    if !write.quota_reserve(row.owner, 1, row.bytes).await? {
        return Err(refusal(app, &account, 1, row.bytes));
    }
    write.upload_insert(row).await?;
    let staged = Object { key, bytes: row.bytes, sha256: None, state: ObjectState::Staged, created_at: row.created_at };
    write.object_insert(&staged).await?;
    write.commit().await?;
    crash_point!("receive-recorded");
    Ok(())
}

fn refuse_if_too_large(app: &App, bytes: u64) -> Result<(), Error> {
    let largest = app.settings().max_upload;
    if bytes > largest.get() {
        return Err(invalid("fileSize", format!("this PicUp takes files of at most {largest}")));
    }
    Ok(())
}

impl Receiver {
    #[cfg(test)]
    pub(crate) const fn id(&self) -> UploadId {
        self.id
    }

    /// Takes what comes next.
    ///
    /// # Errors
    /// [`Error::QuotaExceeded`] as soon as it no longer fits; [`Error::Invalid`] when it grows too large;
    /// [`Error::StoreFull`]. After any of them: drop it.
    pub async fn write(&mut self, bytes: Bytes) -> Result<(), Error> {
        let came = self.came + bytes.len() as u64;
        refuse_if_too_large(&self.app, came)?;
        let lacks = came.saturating_sub(self.reserved);
        if lacks > 0 || self.app.now() >= self.told.plus(TELL_EVERY) {
            self.grow(lacks).await?;
        }
        self.came = came;
        let sink = self.sink.as_mut().ok_or(Error::NotFound("upload"))?;
        Ok(sink.write(bytes).await?)
    }

    /// Reserves at least `lacks` bytes more, and lets the database know that this stream goes on.
    async fn grow(&mut self, lacks: u64) -> Result<(), Error> {
        let now = self.app.now();
        let mut write = self.app.database().write().await?;
        let more = if lacks == 0 { 0 } else { self.more(&mut write, lacks).await? };
        let reserved = self.reserved + more;
        if !write.upload_grow(self.id, ByteSize::new(reserved)?, now).await? {
            return Err(Error::Conflict(GIVEN_UP));
        }
        write.commit().await?;
        crash_point!("receive-grown");
        (self.reserved, self.told) = (reserved, now);
        Ok(())
    }

    async fn more(&self, write: &mut Write, lacks: u64) -> Result<u64, Error> {
        for step in STEPS.into_iter().filter(|step| *step > lacks).chain([lacks]) {
            if write.quota_grow(self.owner, ByteSize::new(step)?).await? {
                return Ok(step);
            }
        }
        let account = write.account_by_id(self.owner).await?.ok_or(Error::NotSignedIn)?;
        Err(refusal(&self.app, &account, 0, ByteSize::new(lacks)?))
    }

    /// Ends it: an asset, unless the account has this file. When this returns, the bytes and what counts them survive a power
    /// cut. `modified` is when the file was last changed, and where, as far as its client told; `told` is what it told beside that.
    ///
    /// # Errors
    /// [`Error::StoreFull`]; [`Error::Busy`] when the same file is completed elsewhere at this moment.
    pub async fn finish(mut self, modified: Option<(Timestamp, Option<i16>)>, told: Told) -> Result<Received, Error> {
        let sink = self.sink.take().ok_or(Error::NotFound("upload"))?;
        let received = sink.finish().await.map_err(|error| match error {
            picup_storage::Error::UploadNotFound(_) => Error::Conflict(GIVEN_UP),
            other => other.into(),
        })?;
        let bytes = ByteSize::new(received.upload.bytes())?;
        let file = NewUpload {
            file_name: self.file_name.clone(),
            bytes,
            sha256: received.sha256,
            modified,
            motion_of: None,
            told,
        };
        for _ in 0..ROUNDS {
            let seen = Seen::of(&mut self.app.database().read_fresh().await?, self.owner, &file.sha256, None).await?;
            if let Some(asset) = kept(&self.app, self.owner, &file, &seen).await? {
                learn_sha1(&self.app, self.owner, asset, &received.sha1).await?;
                self.give_back().await?;
                return Ok(Received::Duplicate(asset));
            }
            if self.settle(&file, &seen).await? {
                let row = super::row(&self.app, self.owner, self.id).await?;
                return Ok(Received::Created(finish(&self.app, row).await?));
            }
        }
        Err(Error::Busy("this file is being uploaded elsewhere at this moment; send it again shortly"))
    }

    /// Writes down what has come, and keeps no more reserved than that. `false` when what was seen of the same file no longer
    /// holds. From here on the upload is completed whatever happens.
    async fn settle(&mut self, file: &NewUpload, seen: &Seen) -> Result<bool, Error> {
        let mut write = self.app.database().write().await?;
        if Seen::of(&mut write, self.owner, &file.sha256, None).await? != *seen {
            return Ok(false);
        }
        let told = file.told.to_stored()?;
        let now = self.app.now();
        if !write.upload_received(self.id, file.bytes, &file.sha256, file.modified, told.as_deref(), now).await? {
            return Err(Error::Conflict(GIVEN_UP));
        }
        write.quota_shrink(self.owner, ByteSize::new(self.reserved - file.bytes.get())?).await?;
        write.commit().await?;
        crash_point!("receive-settled");
        self.settled = true;
        Ok(true)
    }

    async fn give_back(mut self) -> Result<(), Error> {
        self.settled = true;
        abandon(&self.app, self.owner, self.id).await
    }
}

impl Drop for Receiver {
    /// A client that hung up, or was refused: its reservation and its bytes go now and not with the next round of the reaper,
    /// which sees to it if this process ends first.
    fn drop(&mut self) {
        if self.settled {
            return;
        }
        let (app, owner, id, sink) = (self.app.clone(), self.owner, self.id, self.sink.take());
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move {
                drop(sink);
                if let Err(error) = abandon(&app, owner, id).await {
                    tracing::warn!(upload = %id, error = error.story(), "an upload could not be given up; the reaper will");
                }
            });
        }
    }
}

/// Gives up an upload as long as it is being received.
async fn abandon(app: &App, owner: AccountId, id: UploadId) -> Result<(), Error> {
    let row = app.database().read_fresh().await?.upload_by_id(owner, id).await?;
    if let Some(row) = row.filter(|row| row.state == UploadState::Receiving)
        && give_up(app, &row).await?
    {
        app.inner.metrics.upload("broken_off");
    }
    Ok(())
}

/// A file that came once more tells the SHA-1 of an asset from before SHA-1s were kept: the next time it need not come.
async fn learn_sha1(app: &App, owner: AccountId, asset: AssetId, sha1: &Sha1) -> Result<(), Error> {
    if app.database().read_fresh().await?.asset_verified_by_sha1(owner, sha1).await?.is_none() {
        let mut write = app.database().write().await?;
        write.asset_learn_sha1(owner, asset, sha1).await?;
        write.commit().await?;
    }
    Ok(())
}
