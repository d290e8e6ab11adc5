//! Whole objects: write, open, delete, prove, list, put back. While a store moves, what is written goes to the new place, what is read
//! is looked for in both, and what is deleted goes from both.

use std::fs::File;
use std::ops::Range;

use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::stream::BoxStream;
use picup_domain::ObjectKey;

use crate::exchange::{Stores, either};
use crate::{ByteStream, Error, Expected, Hashes, Opened, Storage};

impl Storage {
    /// Writes a whole object that is in memory, a rendition for example. When this returns, the object survives a power cut.
    /// The same bytes once more change nothing.
    ///
    /// # Errors
    /// [`Error::Exists`] when other bytes stand at the key; [`Error::Full`].
    pub async fn put(&self, key: &ObjectKey, bytes: Bytes) -> Result<(), Error> {
        self.state().newest().put(key, bytes).await
    }

    /// Opens an object to read from. What is opened stays readable even if the object is deleted meanwhile; from a bucket only
    /// what was read ahead of it, a chunk.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn open_object(&self, key: &ObjectKey) -> Result<Opened, Error> {
        let (site, other) = self.sites();
        either(site.open_object(key).await, other.as_ref().map(|other| other.open_object(key))).await
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
        let (site, other) = self.sites();
        either(site.read_whole(key).await, other.as_ref().map(|other| other.read_whole(key))).await
    }

    /// Opens an object as a file, to be handed to a child process; its position is the beginning. A store that has no files
    /// makes a copy that nobody else sees and that is gone when closed.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn open_file(&self, key: &ObjectKey) -> Result<File, Error> {
        let (site, other) = self.sites();
        either(site.open_file(key).await, other.as_ref().map(|other| other.open_file(key))).await
    }

    /// Reads the whole object and gives its size and its hashes. Waits for its turn; dropping the future ends the
    /// work soon.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::Io`] when the disk does not give the bytes back.
    pub async fn hash(&self, key: &ObjectKey) -> Result<Hashes, Error> {
        let (site, other) = self.sites();
        either(site.hash(key).await, other.as_ref().map(|other| other.hash(key))).await
    }

    /// Deletes an object. One that is not there is as good as deleted.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn delete(&self, key: &ObjectKey) -> Result<(), Error> {
        let (site, other) = self.sites();
        let deleted = site.delete(key).await;
        if let Some(other) = other {
            other.delete(key).await?;
        }
        deleted
    }

    /// Every object, with its size in bytes, in the order of their keys where the store keeps one. What comes or goes meanwhile may
    /// be told or not; what stands in both places of a store that moves is told of both.
    ///
    /// # Errors
    /// The stream ends with an error when the store fails.
    pub fn list(&self) -> BoxStream<'static, Result<(ObjectKey, u64), Error>> {
        match self.sites() {
            (site, None) => site.list(),
            (site, Some(other)) => site.list().chain(other.list()).boxed(),
        }
    }

    /// Puts an object back, whole or not at all. What stands at the key stays until all of `content` is safe in the store and is
    /// what is expected; with `replace` it then makes way, and without, it must be the same.
    ///
    /// # Errors
    /// [`Error::SourceDiffers`] when `content` is something else; [`Error::Exists`]; [`Error::Full`].
    pub async fn put_back(
        &self,
        key: &ObjectKey,
        content: ByteStream,
        expected: Expected,
        replace: bool,
    ) -> Result<(), Error> {
        let state = self.state();
        state.newest().put_back(key, content, expected, replace).await?;
        match &state.stores {
            Stores::Moving(moving) if replace => moving.from.delete(key).await,
            _ => Ok(()),
        }
    }
}
