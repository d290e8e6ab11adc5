//! Uploads. While a store moves, each is in one of the two places from its beginning to its end.

use bytes::Bytes;
use futures_util::stream::Stream;
use picup_domain::{ByteSize, ObjectKey, Sha256, Timestamp, UploadId};

use crate::exchange::{Moving, Stores};
use crate::locks::Name;
use crate::{BoxError, Error, PartStored, Receiving, Storage, Upload};

impl Storage {
    /// Begins an upload of `size` bytes that will become the object `key`. Beginning the same one again changes nothing.
    ///
    /// # Errors
    /// [`Error::Full`] when there is no room for it now; [`Error::Exists`] when it was completed; [`Error::UploadDiffers`] when it was begun with another size;
    /// [`Error::Invalid`] for a size no plan of parts can hold.
    pub async fn upload_begin(&self, id: UploadId, key: &ObjectKey, size: ByteSize) -> Result<Upload, Error> {
        let state = self.state();
        match &state.stores {
            Stores::Plain(site) => site.upload_begin(id, key, size).await,
            Stores::Moving(moving) => {
                let _held = moving.locks.hold(Name::Upload(id)).await;
                moving.site_to_begin(id, key).await?.upload_begin(id, key, size).await
            }
        }
    }

    /// Begins many uploads that are new, all or, after an error, some of them.
    ///
    /// # Errors
    /// As [`upload_begin`](Self::upload_begin).
    pub async fn upload_begin_many(&self, wanted: &[(UploadId, ObjectKey, ByteSize)]) -> Result<Vec<Upload>, Error> {
        self.state().newest().upload_begin_many(wanted).await
    }

    /// Stores one part from its stream, if it has exactly the planned length and the hash `sha256`. Parts may come in any
    /// order and several at once; two attempts at the same part go one after the other. A part that is stored already is
    /// compared with what comes and stays as it is.
    ///
    /// When this returns, the bytes are on disk, but not the note that they have arrived: after a power cut before the upload
    /// is completed, the part has arrived with these bytes or counts as not arrived and has to be sent again.
    ///
    /// # Errors
    /// [`Error::PartUnknown`], [`Error::PartLength`], [`Error::PartHash`], [`Error::PartExists`] (with other bytes),
    /// [`Error::Sender`] when the stream fails, [`Error::UploadNotFound`], [`Error::Full`]. After any of them the part is
    /// as if it had never been sent.
    pub async fn part_write<S, E>(
        &self,
        upload: &Upload,
        number: u32,
        sha256: Sha256,
        body: S,
    ) -> Result<PartStored, Error>
    where
        S: Stream<Item = Result<Bytes, E>> + Send,
        E: Into<BoxError>,
    {
        self.site_of(upload.id()).await?.part_write(upload, number, sha256, body).await
    }

    /// The parts that arrived, by number: what a client that comes back need not send again. None for one that came as a
    /// stream.
    ///
    /// # Errors
    /// [`Error::UploadNotFound`], also when it was completed.
    pub async fn upload_parts(&self, upload: &Upload) -> Result<Vec<PartStored>, Error> {
        self.site_of(upload.id()).await?.upload_parts(upload).await
    }

    /// Turns the upload into its object in one step. When this returns, the object survives a power cut. Completing once
    /// more, also at the same time or after a crash, is fine.
    ///
    /// # Errors
    /// [`Error::UploadIncomplete`]; [`Error::Exists`] when another object stands at the key; [`Error::UploadNotFound`] when
    /// it was never begun, or aborted.
    pub async fn upload_complete(&self, upload: &Upload) -> Result<(), Error> {
        let site = self.site_of(upload.id()).await?;
        match (site.upload_complete(upload).await, self.sites().1) {
            // It may have been completed where everything was, before a restart.
            (Err(Error::UploadNotFound(_)), Some(other)) => other.upload_complete(upload).await,
            (completed, _) => completed,
        }
    }

    /// As [`upload_complete`](Self::upload_complete), for many. After an error some of them may be complete.
    ///
    /// # Errors
    /// As [`upload_complete`](Self::upload_complete).
    pub async fn upload_complete_many(&self, uploads: &[Upload]) -> Result<(), Error> {
        match &self.state().stores {
            Stores::Plain(site) => site.upload_complete_many(uploads).await,
            Stores::Moving(moving) => {
                let (before, since) = parted(moving, uploads).await?;
                moving.from.upload_complete_many(&before).await?;
                moving.to.upload_complete_many(&since).await
            }
        }
    }

    /// Which of those uploads are staged with all their parts.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn uploads_whole(&self, uploads: &[Upload]) -> Result<Vec<bool>, Error> {
        match &self.state().stores {
            Stores::Plain(site) => site.uploads_whole(uploads).await,
            Stores::Moving(moving) => {
                let (before, since) = parted(moving, uploads).await?;
                let found =
                    [moving.from.uploads_whole(&before).await?, moving.to.uploads_whole(&since).await?].concat();
                let asked: Vec<UploadId> = before.iter().chain(&since).map(Upload::id).collect();
                let whole = |upload: &Upload| asked.iter().zip(&found).any(|(id, whole)| *id == upload.id() && *whole);
                Ok(uploads.iter().map(whole).collect())
            }
        }
    }

    /// Forgets an upload and what arrived of it. One that is not staged is as good as forgotten; a completed one keeps its
    /// object. A part still being written fails or is forgotten with the rest.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn upload_abort(&self, id: UploadId) -> Result<(), Error> {
        match &self.state().stores {
            Stores::Plain(site) => site.upload_abort(id).await,
            Stores::Moving(moving) => {
                let _held = moving.locks.hold(Name::Upload(id)).await;
                if moving.was_begun_before(id).await? {
                    moving.from.upload_abort(id).await?;
                }
                moving.to.upload_abort(id).await
            }
        }
    }

    /// Every upload of which anything is staged, oldest first: the reaper aborts those the database does not know. Compare
    /// an id's time of birth first: one that was just begun may not be in the database yet.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn uploads_staged(&self) -> Result<Vec<UploadId>, Error> {
        let (site, other) = self.sites();
        let mut staged = site.uploads_staged().await?;
        if let Some(other) = other {
            staged.extend(other.uploads_staged().await?);
            staged.sort_unstable();
            staged.dedup();
        }
        Ok(staged)
    }

    /// Removes what interrupted [`put`](Self::put)s left behind, last written before `before`; says how many files. Give it
    /// a moment well past, a day ago say, because another process may be writing.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn sweep(&self, before: Timestamp) -> Result<u64, Error> {
        let (site, other) = self.sites();
        let mut swept = site.sweep(before).await?;
        if let Some(other) = other {
            swept += other.sweep(before).await?;
        }
        Ok(swept)
    }

    /// Begins to receive an original that will become the object `key`.
    ///
    /// # Errors
    /// [`Error::UploadBegun`] when there is an upload of that id; [`Error::Full`].
    pub async fn receive_begin(&self, id: UploadId, key: &ObjectKey) -> Result<Receiving, Error> {
        self.state().newest().receive_begin(id, key).await
    }
}

/// Those that were begun where everything was, and those since.
async fn parted(moving: &Moving, uploads: &[Upload]) -> Result<(Vec<Upload>, Vec<Upload>), Error> {
    let (mut before, mut since) = (Vec::new(), Vec::new());
    for upload in uploads {
        let part = if moving.was_begun_before(upload.id()).await? { &mut before } else { &mut since };
        part.push(upload.clone());
    }
    Ok((before, since))
}
