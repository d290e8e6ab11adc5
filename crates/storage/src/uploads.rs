//! Uploads: begun, filled part by part, and turned into an object in one step. Called by `app`'s upload use case.

use std::collections::{BTreeMap, BTreeSet};
use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::stream::{Stream, StreamExt};
use picup_domain::{ByteSize, Invalid, ObjectKey, Part, PartPlan, Sha256, Timestamp, UploadId};

use crate::files::{Files, PartWriter};
use crate::locks::{Held, Name};
use crate::memory::PartBuffer;
use crate::s3::{S3, Spool, Spooled, to_its_end};
use crate::site::{Site, Store};
use crate::{BoxError, Error};

/// How many bytes of a part are gathered before they go to the disk's thread.
pub(crate) const BATCH: usize = 512 << 10;

/// The number under which a file that came as one stream is listed. Parts are counted from 1.
pub(crate) const WHOLE: u32 = 0;

/// An upload as its store knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upload {
    id: UploadId,
    key: ObjectKey,
    size: ByteSize,
    plan: PartPlan,
}

/// A part that has arrived. Its bytes are on disk; that it has arrived is safe from a power cut once its upload is completed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PartStored {
    /// Which part, from 1.
    pub number: u32,
    /// Its length, in bytes.
    pub bytes: u64,
    /// The hash of its bytes.
    pub sha256: Sha256,
}

impl Upload {
    /// An upload begun before, from what the database kept of it.
    ///
    /// # Errors
    /// For a size no plan of parts can hold.
    pub fn resume(id: UploadId, key: ObjectKey, size: ByteSize) -> Result<Self, Invalid> {
        Ok(Self { id, key, size, plan: PartPlan::new(size)? })
    }

    /// Which upload.
    #[must_use]
    pub const fn id(&self) -> UploadId {
        self.id
    }

    /// Where its object will stand.
    #[must_use]
    pub const fn key(&self) -> &ObjectKey {
        &self.key
    }

    /// Its size, in bytes.
    #[must_use]
    pub const fn bytes(&self) -> u64 {
        self.size.get()
    }

    /// Whether it has one part, as most files have.
    pub(crate) fn is_single(&self) -> bool {
        self.plan.count() == 1
    }

    pub(crate) fn part(&self, number: u32) -> Result<Part, Error> {
        self.plan.part(number).ok_or(Error::PartUnknown { number, count: self.plan.count() })
    }

    /// Fine if every part of the plan is among `stored`, or all of it as one.
    pub(crate) fn all_arrived(&self, stored: &BTreeMap<u32, PartStored>) -> Result<(), Error> {
        if stored.get(&WHOLE).is_some_and(|whole| whole.bytes == self.bytes()) {
            return Ok(());
        }
        let missing =
            self.plan.parts().find(|part| stored.get(&part.number).is_none_or(|stored| stored.bytes != part.bytes));
        missing.map_or(Ok(()), |part| Err(Error::UploadIncomplete { upload: self.id, first_missing: part.number }))
    }
}

impl Site {
    pub(crate) async fn upload_begin(&self, id: UploadId, key: &ObjectKey, size: ByteSize) -> Result<Upload, Error> {
        let upload = Upload::resume(id, key.clone(), size)?;
        let held = self.locks.hold(Name::Upload(id)).await;
        let begun = match &self.store {
            Store::Memory(memory) => memory.begin(&upload),
            Store::S3(s3) => {
                let (s3, upload) = (Arc::clone(s3), upload.clone());
                to_its_end(async move { (s3.begin(&upload).await, held).0 }).await
            }
            Store::Files(files) => {
                let upload = upload.clone();
                let begin = move |files: &crate::files::Files| (files.begin(&upload), held).0;
                self.on_files(files, begin).await
            }
        };
        self.metrics.count("upload_begin", begun.map(|()| upload))
    }

    pub(crate) async fn upload_begin_many(
        &self,
        wanted: &[(UploadId, ObjectKey, ByteSize)],
    ) -> Result<Vec<Upload>, Error> {
        let resume = |(id, key, size): &(UploadId, ObjectKey, ByteSize)| Upload::resume(*id, key.clone(), *size);
        let uploads: Vec<Upload> = wanted.iter().map(resume).collect::<Result<_, _>>()?;
        let held = self.hold_all(&uploads).await;
        let begun = match &self.store {
            Store::Memory(memory) => uploads.iter().try_for_each(|upload| memory.begin(upload)),
            Store::S3(s3) => {
                let (s3, uploads) = (Arc::clone(s3), uploads.clone());
                to_its_end(async move { (s3.begin_many(&uploads).await, held).0 }).await
            }
            Store::Files(files) => {
                let uploads = uploads.clone();
                let begin = move |files: &Files| (files.begin_many(&uploads), held).0;
                self.on_files(files, begin).await
            }
        };
        self.metrics.count("upload_begin_many", begun.map(|()| uploads))
    }

    /// The locks of those uploads, taken in one order by everybody.
    async fn hold_all(&self, uploads: &[Upload]) -> Vec<Held> {
        let ids: BTreeSet<UploadId> = uploads.iter().map(|upload| upload.id).collect();
        let mut held = Vec::with_capacity(ids.len());
        for id in ids {
            held.push(self.locks.hold(Name::Upload(id)).await);
        }
        held
    }

    pub(crate) async fn part_write<S, E>(
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
        let stored = self.part_receive(upload, number, sha256, body).await;
        if let Ok(part) = &stored {
            self.metrics.written(part.bytes);
        }
        self.metrics.count("part_write", stored)
    }

    async fn part_receive<S, E>(
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
        let part = upload.part(number)?;
        let (mut body, mut got) = (std::pin::pin!(body), 0);
        if part.bytes < BATCH as u64 {
            // Its turn is taken once it is here: a sender that stalls keeps no other waiting.
            let (batch, _) = next_batch(body.as_mut(), &part, &mut got).await?;
            return self.part_at_once(upload, part, sha256, batch).await;
        }
        let held = self.locks.hold(Name::Part(upload.id, number)).await;
        let (mut batch, mut ended) = next_batch(body.as_mut(), &part, &mut got).await?;
        let mut sink = self.part_sink(upload, part, sha256, held).await?;
        loop {
            sink = self.part_pass(sink, batch).await?;
            if ended {
                break;
            }
            (batch, ended) = next_batch(body.as_mut(), &part, &mut got).await?;
        }
        match sink {
            PartSink::File(files, writer) => self.on_files(&files, move |files| files.part_finish(*writer)).await,
            PartSink::Memory(buffer) => buffer.finish(),
            PartSink::Spool(s3, spool, held) => spooled_part_send(&s3, upload, &part, sha256, held, spool.end()).await,
        }
    }

    /// A part that came in one batch, as small files do: one visit to the disk's thread instead of three.
    async fn part_at_once(
        &self,
        upload: &Upload,
        part: Part,
        sha256: Sha256,
        batch: Vec<Bytes>,
    ) -> Result<PartStored, Error> {
        let held = self.locks.hold(Name::Part(upload.id, part.number)).await;
        match &self.store {
            Store::Memory(memory) => {
                let mut buffer = PartBuffer::open(Arc::clone(memory), upload, part, sha256, held)?;
                buffer.write(batch);
                buffer.finish()
            }
            Store::S3(s3) => spooled_part_send(s3, upload, &part, sha256, held, Spooled::at_once(batch)).await,
            Store::Files(files) => {
                let upload = upload.clone();
                let store = move |files: &Files| {
                    let mut writer = files.part_open(&upload, part, sha256, held)?;
                    writer.write(&batch)?;
                    files.part_finish(writer)
                };
                self.on_files(files, store).await
            }
        }
    }

    async fn part_sink(&self, upload: &Upload, part: Part, sha256: Sha256, held: Held) -> Result<PartSink, Error> {
        match &self.store {
            Store::Memory(memory) => {
                PartBuffer::open(Arc::clone(memory), upload, part, sha256, held).map(PartSink::Memory)
            }
            Store::S3(s3) => Ok(PartSink::Spool(Arc::clone(s3), s3.spool().await?, held)),
            Store::Files(files) => {
                let upload = upload.clone();
                let writer = self.on_files(files, move |files| files.part_open(&upload, part, sha256, held)).await?;
                Ok(PartSink::File(Arc::clone(files), Box::new(writer)))
            }
        }
    }

    async fn part_pass(&self, sink: PartSink, batch: Vec<Bytes>) -> Result<PartSink, Error> {
        match sink {
            PartSink::Memory(mut buffer) => {
                buffer.write(batch);
                Ok(PartSink::Memory(buffer))
            }
            PartSink::Spool(s3, mut spool, held) => {
                self.blocking.run(move || spool.write(&batch).map(|()| PartSink::Spool(s3, spool, held))).await
            }
            // The writer goes along and comes back: if the caller goes away, it still holds the part's lock until it is done.
            PartSink::File(files, mut writer) => {
                self.blocking.run(move || writer.write(&batch).map(|()| PartSink::File(files, writer))).await
            }
        }
    }

    pub(crate) async fn upload_parts(&self, upload: &Upload) -> Result<Vec<PartStored>, Error> {
        let parts = match &self.store {
            Store::Memory(memory) => memory.parts(upload),
            Store::S3(s3) => s3.parts(upload).await,
            Store::Files(files) => {
                let upload = upload.clone();
                self.on_files(files, move |files| files.parts(&upload)).await
            }
        };
        self.metrics.count("upload_parts", parts)
    }

    pub(crate) async fn upload_complete(&self, upload: &Upload) -> Result<(), Error> {
        let held = self.locks.hold(Name::Upload(upload.id)).await;
        let result = match &self.store {
            Store::Memory(memory) => memory.complete(upload),
            Store::S3(s3) => {
                let (s3, upload) = (Arc::clone(s3), upload.clone());
                to_its_end(async move { (s3.complete(&upload).await, held).0 }).await
            }
            Store::Files(files) => {
                let upload = upload.clone();
                self.on_files(files, move |files| (files.complete(&upload), held).0).await
            }
        };
        self.metrics.count("upload_complete", result)
    }

    pub(crate) async fn upload_complete_many(&self, uploads: &[Upload]) -> Result<(), Error> {
        let held = self.hold_all(uploads).await;
        let result = match &self.store {
            Store::Memory(memory) => uploads.iter().try_for_each(|upload| memory.complete(upload)),
            Store::S3(s3) => {
                let (s3, uploads) = (Arc::clone(s3), uploads.to_vec());
                to_its_end(async move { (s3.complete_many(&uploads).await, held).0 }).await
            }
            Store::Files(files) => {
                let uploads = uploads.to_vec();
                self.on_files(files, move |files| (files.complete_many(&uploads), held).0).await
            }
        };
        self.metrics.count("upload_complete_many", result)
    }

    pub(crate) async fn uploads_whole(&self, uploads: &[Upload]) -> Result<Vec<bool>, Error> {
        let whole = match &self.store {
            Store::Memory(memory) => uploads.iter().map(|upload| is_whole(upload, memory.parts(upload))).collect(),
            Store::S3(s3) => s3.are_whole(uploads).await,
            Store::Files(files) => {
                let uploads = uploads.to_vec();
                let look = move |files: &Files| uploads.iter().map(|upload| files.is_whole(upload)).collect();
                self.on_files(files, look).await
            }
        };
        self.metrics.count("uploads_whole", whole)
    }

    pub(crate) async fn upload_abort(&self, id: UploadId) -> Result<(), Error> {
        let held = self.locks.hold(Name::Upload(id)).await;
        let result = match &self.store {
            Store::Memory(memory) => {
                memory.unstage(id);
                Ok(())
            }
            Store::S3(s3) => {
                let s3 = Arc::clone(s3);
                to_its_end(async move { (s3.abort(id).await, held).0 }).await
            }
            Store::Files(files) => self.on_files(files, move |files| (files.unstage(id), held).0).await,
        };
        self.metrics.count("upload_abort", result)
    }

    pub(crate) async fn uploads_staged(&self) -> Result<Vec<UploadId>, Error> {
        let staged = match &self.store {
            Store::Memory(memory) => Ok(memory.uploads_staged()),
            Store::S3(s3) => s3.uploads_staged().await,
            Store::Files(files) => self.on_files(files, |files| files.uploads_staged()).await,
        };
        self.metrics.count("uploads_staged", staged)
    }

    pub(crate) async fn sweep(&self, before: Timestamp) -> Result<u64, Error> {
        let swept = match &self.store {
            Store::Memory(_) | Store::S3(_) => Ok(0),
            Store::Files(files) => self.on_files(files, move |files| files.sweep(before)).await,
        };
        self.metrics.count("sweep", swept)
    }
}

/// What comes next of a part, and whether it ended with that. Never more than the part has.
async fn next_batch<S, E>(mut body: Pin<&mut S>, part: &Part, got: &mut u64) -> Result<(Vec<Bytes>, bool), Error>
where
    S: Stream<Item = Result<Bytes, E>> + Send,
    E: Into<BoxError>,
{
    let (mut batch, mut gathered) = (Vec::new(), 0);
    while gathered < BATCH {
        let Some(bytes) = body.next().await else {
            if *got < part.bytes {
                return Err(Error::PartLength { number: part.number, expected: part.bytes, got: *got });
            }
            return Ok((batch, true));
        };
        let bytes = bytes.map_err(|error| Error::Sender(error.into()))?;
        *got += bytes.len() as u64;
        if *got > part.bytes {
            return Err(Error::PartLength { number: part.number, expected: part.bytes, got: *got });
        }
        gathered += bytes.len();
        batch.push(bytes);
    }
    Ok((batch, false))
}

/// Whether those are all parts of an upload; not when it is not staged.
pub(crate) fn is_whole(upload: &Upload, parts: Result<Vec<PartStored>, Error>) -> Result<bool, Error> {
    match parts {
        Ok(parts) => Ok(upload.all_arrived(&parts.into_iter().map(|part| (part.number, part)).collect()).is_ok()),
        Err(Error::UploadNotFound(_)) => Ok(false),
        Err(error) => Err(error),
    }
}

/// Where a part's bytes go as they come.
enum PartSink {
    File(Arc<Files>, Box<PartWriter>),
    Memory(PartBuffer),
    Spool(Arc<S3>, Spool, Held),
}

/// Sends a part to a bucket if it is the one that was announced.
async fn spooled_part_send(
    s3: &Arc<S3>,
    upload: &Upload,
    part: &Part,
    sha256: Sha256,
    held: Held,
    spooled: Spooled,
) -> Result<PartStored, Error> {
    let stored = spooled.require(part.number, sha256)?;
    let (s3, upload) = (Arc::clone(s3), upload.clone());
    to_its_end(async move { (s3.part_send(&upload, stored, spooled).await, held).0 }).await?;
    Ok(stored)
}
