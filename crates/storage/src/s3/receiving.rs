//! A stream of unknown length on its way into a bucket: parts of one size, as many as it takes.

use std::sync::Arc;

use bytes::Bytes;
use picup_domain::{ObjectKey, Sha1, Sha256, UploadId};

use super::notes::Note;
use super::{S3, Spool};
use crate::Error;
use crate::receive::Hashers;

/// The size of every part but the last, in bytes; with it a stream may have 160 GB.
const PART: u64 = 16 << 20;

/// A stream as far as it has come. What is not a part yet waits in the spool.
#[derive(Debug)]
pub(crate) struct StreamSender {
    s3: Arc<S3>,
    id: UploadId,
    key: ObjectKey,
    multipart: String,
    hashers: Hashers,
    waiting: Spool,
    tags: Vec<String>,
}

impl S3 {
    /// Begins to receive a stream; its lock is held.
    pub(crate) async fn receive_begin(self: &Arc<Self>, id: UploadId, key: &ObjectKey) -> Result<StreamSender, Error> {
        let notes = self.notes(id).await?;
        if notes.begun.is_some() || notes.receiving.is_some() {
            return Err(Error::UploadBegun(id));
        }
        let multipart = self.multipart(key).await?;
        self.note(id, &Note::Receiving { multipart: multipart.clone() }, key.to_string()).await?;
        Ok(StreamSender {
            s3: Arc::clone(self),
            id,
            key: key.clone(),
            multipart,
            hashers: Hashers::default(),
            waiting: self.spool().await?,
            tags: Vec::new(),
        })
    }
}

impl StreamSender {
    pub(crate) async fn write(mut self: Box<Self>, batch: Vec<Bytes>) -> Result<Box<Self>, Error> {
        for piece in batch {
            let mut rest = piece;
            while !rest.is_empty() {
                let room = usize::try_from(PART - self.waiting.bytes()).unwrap_or(usize::MAX);
                let now = rest.split_to(rest.len().min(room));
                self = self.spooled(now).await?;
                if self.waiting.bytes() == PART {
                    self.send().await?;
                }
            }
        }
        Ok(self)
    }

    async fn spooled(mut self: Box<Self>, bytes: Bytes) -> Result<Box<Self>, Error> {
        let blocking = self.s3.blocking.clone();
        let work = move || {
            self.hashers.update(&bytes);
            self.waiting.write(&[bytes])?;
            Ok(self)
        };
        blocking.run(work).await
    }

    /// Sends what waits as the next part.
    async fn send(&mut self) -> Result<(), Error> {
        let next = self.s3.spool().await?;
        let spooled = std::mem::replace(&mut self.waiting, next).end();
        let number = u32::try_from(self.tags.len() + 1).unwrap_or(u32::MAX);
        let tag = self.s3.carry(&self.s3.at(&self.key), &self.multipart, number, spooled).await?;
        self.tags.push(tag.ok_or(Error::UploadNotFound(self.id))?);
        Ok(())
    }

    /// Ends it; its lock is held. Says its length and hashes.
    pub(crate) async fn finish(mut self: Box<Self>) -> Result<(u64, Sha256, Sha1), Error> {
        if self.s3.notes(self.id).await?.receiving.is_none() {
            return Err(Error::UploadNotFound(self.id));
        }
        if self.waiting.bytes() > 0 {
            self.send().await?;
        }
        let (bytes, sha256, sha1) = self.hashers.finish();
        self.s3.note(self.id, &Note::Whole { bytes }, self.tags.join("\n")).await?;
        Ok((bytes, sha256, sha1))
    }
}
