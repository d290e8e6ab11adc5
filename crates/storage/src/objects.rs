//! Whole objects: write, open, delete. Called by `app` for renditions and deletions, and by the gateway's origin for deliveries.

use std::fs::File;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt};
use picup_domain::ObjectKey;

use crate::Error;
use crate::locks::Name;
use crate::opened::{ByteStream, Opened};
use crate::s3::to_its_end;
use crate::site::{Site, Store};

impl Site {
    pub(crate) async fn put(&self, key: &ObjectKey, bytes: Bytes) -> Result<(), Error> {
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

    pub(crate) async fn open_object(&self, key: &ObjectKey) -> Result<Opened, Error> {
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

    pub(crate) async fn read_whole(&self, key: &ObjectKey) -> Result<ByteStream, Error> {
        if let Store::S3(s3) = &self.store
            && let Some(stream) = self.metrics.count("open", s3.read_whole(key).await)?
        {
            let metrics = self.metrics.clone();
            let read = stream.inspect_ok(move |chunk| metrics.read(chunk.len() as u64));
            return Ok(read.boxed());
        }
        Ok(self.open_object(key).await?.read(0..u64::MAX))
    }

    pub(crate) async fn open_file(&self, key: &ObjectKey) -> Result<File, Error> {
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

    pub(crate) async fn delete(&self, key: &ObjectKey) -> Result<(), Error> {
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
