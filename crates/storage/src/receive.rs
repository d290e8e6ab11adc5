//! An original received as one stream, of which neither the size nor the hash is known beforehand. Called by `app` for programs
//! that send a file as one request; PicUp's own clients send parts.
//!
//! It is staged under its upload's id like every other upload, so that what a crash leaves is found and aborted the same way;
//! it takes no parts, and it can be completed only once it was received to its end. S3 offers the same: bytes are passed on in
//! batches of bounded size, which a multipart upload gathers into parts without knowing how many will follow.

use std::sync::Arc;

use bytes::Bytes;
use picup_domain::{ByteSize, ObjectKey, Sha1, Sha256, UploadId};
use sha2::Digest;

use crate::files::StreamWriter;
use crate::locks::Name;
use crate::memory::Memory;
use crate::s3::{StreamSender, to_its_end};
use crate::site::{Site, Store};
use crate::uploads::BATCH;
use crate::{Error, Upload};

/// An original on its way in. Dropping it stops the writing; what was staged goes with [`Storage::upload_abort`](crate::Storage::upload_abort).
#[derive(Debug)]
pub struct Receiving {
    site: Arc<Site>,
    id: UploadId,
    key: ObjectKey,
    batch: Vec<Bytes>,
    gathered: usize,
    /// `None` after a failure, and while a batch is on its way to the disk.
    sink: Option<Sink>,
}

/// An original that was received to its end and is safe from a power cut; not an object yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Received {
    /// What completes it: see [`Storage::upload_complete`](crate::Storage::upload_complete).
    pub upload: Upload,
    /// The hash of its bytes.
    pub sha256: Sha256,
    /// The hash that Immich's programs compare by.
    pub sha1: Sha1,
}

#[derive(Debug)]
enum Sink {
    File(Box<StreamWriter>),
    Memory(Arc<Memory>, Box<Hashers>, Vec<Bytes>),
    S3(Box<StreamSender>),
}

/// Both hashes of one stream, and its length.
#[derive(Debug, Default)]
pub(crate) struct Hashers {
    sha256: sha2::Sha256,
    sha1: sha1::Sha1,
    bytes: u64,
}

impl Hashers {
    pub(crate) fn update(&mut self, bytes: &[u8]) {
        self.sha256.update(bytes);
        self.sha1.update(bytes);
        self.bytes += bytes.len() as u64;
    }

    pub(crate) const fn bytes(&self) -> u64 {
        self.bytes
    }

    pub(crate) fn finish(self) -> (u64, Sha256, Sha1) {
        (self.bytes, Sha256::from_hasher(self.sha256), Sha1::from_hasher(self.sha1))
    }
}

impl Site {
    pub(crate) async fn receive_begin(self: &Arc<Self>, id: UploadId, key: &ObjectKey) -> Result<Receiving, Error> {
        let held = self.locks.hold(Name::Upload(id)).await;
        let sink = match &self.store {
            Store::Memory(memory) => {
                memory.receive_begin(id).map(|()| Sink::Memory(Arc::clone(memory), Box::default(), Vec::new()))
            }
            Store::S3(s3) => {
                let (s3, key) = (Arc::clone(s3), key.clone());
                let begun = to_its_end(async move { (s3.receive_begin(id, &key).await, held).0 }).await;
                begun.map(|sender| Sink::S3(Box::new(sender)))
            }
            Store::Files(files) => {
                let begin = move |files: &crate::files::Files| (files.receive_begin(id), held).0;
                self.on_files(files, begin).await.map(|writer| Sink::File(Box::new(writer)))
            }
        };
        let sink = self.metrics.count("receive_begin", sink)?;
        let (site, key) = (Arc::clone(self), key.clone());
        Ok(Receiving { site, id, key, batch: Vec::new(), gathered: 0, sink: Some(sink) })
    }
}

impl Receiving {
    /// Takes what comes next.
    ///
    /// # Errors
    /// [`Error::Full`], [`Error::Io`]. After any of them nothing more is taken: abort the upload.
    pub async fn write(&mut self, bytes: Bytes) -> Result<(), Error> {
        self.gathered += bytes.len();
        self.batch.push(bytes);
        if self.gathered >= BATCH { self.pass_on().await } else { Ok(()) }
    }

    async fn pass_on(&mut self) -> Result<(), Error> {
        let batch = std::mem::take(&mut self.batch);
        self.gathered = 0;
        self.sink = Some(match self.sink.take().ok_or(Error::UploadNotFound(self.id))? {
            Sink::Memory(memory, mut hashers, mut came) => {
                batch.iter().for_each(|bytes| hashers.update(bytes));
                came.extend(batch);
                Sink::Memory(memory, hashers, came)
            }
            Sink::S3(sender) => Sink::S3(sender.write(batch).await?),
            Sink::File(mut writer) => {
                self.site.blocking.run(move || writer.write(&batch).map(|()| Sink::File(writer))).await?
            }
        });
        Ok(())
    }

    /// Ends it: when this returns, all bytes are safe from a power cut and can be completed.
    ///
    /// # Errors
    /// As [`Receiving::write`]; [`Error::UploadNotFound`] when it was aborted meanwhile; [`Error::Invalid`] for a size that no
    /// store keeps.
    pub async fn finish(mut self) -> Result<Received, Error> {
        let received = self.end().await;
        let metrics = &self.site.metrics;
        if let Ok(received) = &received {
            metrics.written(received.upload.bytes());
        }
        metrics.count("receive", received)
    }

    async fn end(&mut self) -> Result<Received, Error> {
        self.pass_on().await?;
        let id = self.id;
        let sink = self.sink.take().ok_or(Error::UploadNotFound(id))?;
        // Nobody aborts it half ended.
        let held = self.site.locks.hold(Name::Upload(id)).await;
        let (bytes, sha256, sha1) = match sink {
            Sink::Memory(memory, hashers, came) => {
                let (bytes, sha256, sha1) = hashers.finish();
                memory.receive_finish(id, bytes, sha256, came)?;
                (bytes, sha256, sha1)
            }
            Sink::S3(sender) => to_its_end(async move { (sender.finish().await, held).0 }).await?,
            Sink::File(writer) => {
                let Store::Files(files) = &self.site.store else { return Err(Error::UploadNotFound(id)) };
                let end = move |files: &crate::files::Files| (files.receive_finish(id, *writer), held).0;
                self.site.on_files(files, end).await?
            }
        };
        let upload = Upload::resume(id, self.key.clone(), ByteSize::new(bytes)?)?;
        Ok(Received { upload, sha256, sha1 })
    }
}
