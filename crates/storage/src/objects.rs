//! Whole objects: write, open, delete. Called by `app` for renditions and deletions, and by the gateway's origin for deliveries.

use std::fs::File;
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt};
use picup_domain::ObjectKey;

use crate::locks::Name;
use crate::opened::{ByteStream, Opened};
use crate::s3::to_its_end;
use crate::{Error, Storage, Store};

impl Storage {
    /// Writes a whole object that is in memory, a rendition for example. When this returns, the object survives a power cut.
    /// The same bytes once more change nothing.
    ///
    /// # Errors
    /// [`Error::Exists`] when other bytes stand at the key; [`Error::Full`].
    pub async fn put(&self, key: &ObjectKey, bytes: Bytes) -> Result<(), Error> {
        let size = bytes.len() as u64;
        let result = match &self.store {
            Store::Memory(memory) => memory.put(key, bytes),
            Store::S3(s3) => {
                let held = self.locks.hold(Name::Object(key.clone())).await;
                let (s3, key) = (Arc::clone(s3), key.clone());
                to_its_end(async move { (s3.put(&key, bytes).await, held).0 }).await
            }
            Store::Files(files) => {
                let key = key.clone();
                self.on_files(files, move |files| files.put(&key, &bytes)).await
            }
        };
        if result.is_ok() {
            self.metrics.written(size);
        }
        self.metrics.count("put", result)
    }

    /// Opens an object to read from. What is opened stays readable even if the object is deleted meanwhile; from a bucket only
    /// what was read ahead of it, a chunk.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn open_object(&self, key: &ObjectKey) -> Result<Opened, Error> {
        let (blocking, metrics) = (self.blocking.clone(), self.metrics.clone());
        let opened = match &self.store {
            Store::Memory(memory) => memory.get(key).map(|bytes| Opened::memory(bytes, metrics)),
            Store::S3(s3) => Opened::s3(Arc::clone(s3), key.clone(), metrics).await,
            Store::Files(files) => {
                let key = key.clone();
                self.on_files(files, move |files| Opened::file(files.open_object(&key)?, blocking, metrics)).await
            }
        };
        self.metrics.count("open", opened)
    }

    /// Reads a range of an object: as much of it as there is, so nothing for a range past the end.
    ///
    /// # Errors
    /// [`Error::NotFound`]; the stream ends with an error when the disk does.
    pub async fn read(&self, key: &ObjectKey, range: Range<u64>) -> Result<ByteStream, Error> {
        Ok(self.open_object(key).await?.read(range))
    }

    /// All of an object's bytes, to be read at once and in their order: from a bucket in one request, which lasts as long as its
    /// reader takes.
    ///
    /// # Errors
    /// [`Error::NotFound`]; the stream ends with an error when the store does.
    pub async fn read_whole(&self, key: &ObjectKey) -> Result<ByteStream, Error> {
        if let Store::S3(s3) = &self.store
            && let Some(stream) = self.metrics.count("open", s3.read_whole(key).await)?
        {
            let metrics = self.metrics.clone();
            let read = stream.inspect_ok(move |chunk| metrics.read(chunk.len() as u64));
            return Ok(read.boxed());
        }
        self.read(key, 0..u64::MAX).await
    }

    /// Opens an object as a file, to be handed to a child process; its position is the beginning. A store that has no files
    /// makes a copy that nobody else sees and that is gone when closed.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn open_file(&self, key: &ObjectKey) -> Result<File, Error> {
        let file = match &self.store {
            Store::Memory(memory) => {
                let bytes = memory.get(key);
                self.blocking.run(move || crate::memory::spill(&bytes?)).await
            }
            Store::S3(s3) => s3.download(key).await,
            Store::Files(files) => {
                let key = key.clone();
                self.on_files(files, move |files| files.open_object(&key)).await
            }
        };
        self.metrics.count("open", file)
    }

    /// Deletes an object. One that is not there is as good as deleted.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn delete(&self, key: &ObjectKey) -> Result<(), Error> {
        let result = match &self.store {
            Store::Memory(memory) => {
                memory.delete(key);
                Ok(())
            }
            Store::S3(s3) => s3.delete(key).await,
            Store::Files(files) => {
                let key = key.clone();
                self.on_files(files, move |files| files.delete(&key)).await
            }
        };
        self.metrics.count("delete", result)
    }
}
