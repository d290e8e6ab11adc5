//! Whole objects in a bucket.

use std::fs::File;
use std::io::{Seek, Write};
use std::ops::Range;

use bytes::Bytes;
use futures_util::stream::BoxStream;
use futures_util::{StreamExt, TryStreamExt};
use object_store::path::Path;
use object_store::{Attribute, Attributes, ObjectStore, ObjectStoreExt, PutMode, PutOptions};
use picup_domain::ObjectKey;

use super::S3;
use crate::Error;
use crate::opened::ByteStream;

/// How much is read at a time: enough to be worth a request, little enough for many readers at once.
pub(crate) const CHUNK: u64 = 1 << 20;

impl S3 {
    /// Writes a whole object; its key's lock is held.
    pub(crate) async fn put(&self, key: &ObjectKey, bytes: Bytes) -> Result<(), Error> {
        if let Some(size) = self.size(key).await? {
            return self.require_same(key, size, &bytes).await;
        }
        let mode = if self.profile.refuses_to_replace() { PutMode::Create } else { PutMode::Overwrite };
        let options = PutOptions { mode, attributes: attributes(key), ..PutOptions::default() };
        match self.carrier.put_opts(&self.at(key), bytes.clone().into(), options).await {
            Ok(_) => Ok(()),
            // Perhaps by this very request, whose first answer was lost.
            Err(error @ object_store::Error::AlreadyExists { .. }) => match self.size(key).await? {
                Some(size) => self.require_same(key, size, &bytes).await,
                None => Err(Error::remote("write an object", error)),
            },
            Err(error) => Err(Error::remote("write an object", error)),
        }
    }

    async fn require_same(&self, key: &ObjectKey, size: u64, bytes: &Bytes) -> Result<(), Error> {
        let same = size == bytes.len() as u64 && self.holds(key, bytes).await?;
        if same { Ok(()) } else { Err(Error::exists(key)) }
    }

    async fn holds(&self, key: &ObjectKey, bytes: &Bytes) -> Result<bool, Error> {
        let size = bytes.len() as u64;
        let mut at = 0;
        for wanted in bytes.chunks(usize::try_from(CHUNK).unwrap_or(usize::MAX)) {
            let end = at + wanted.len() as u64;
            if self.chunk(key, size, at..end).await? != wanted {
                return Ok(false);
            }
            at = end;
        }
        Ok(true)
    }

    /// The size of an object, in bytes; `None` when there is none.
    pub(crate) async fn size(&self, key: &ObjectKey) -> Result<Option<u64>, Error> {
        match self.store.head(&self.at(key)).await {
            Ok(found) => Ok(Some(found.size)),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(Error::remote("look for an object", error)),
        }
    }

    /// The size of an object that is to be read. That there is none is asked twice, because the first answer does not say whether
    /// it is the object that is missing or the bucket.
    pub(crate) async fn size_to_read(&self, key: &ObjectKey) -> Result<u64, Error> {
        if let Some(size) = self.size(key).await? {
            return Ok(size);
        }
        match self.fetch(&self.at(key), Some(0..1), 1).await? {
            None => Err(Error::not_found(key)),
            Some(_) => Err(Error::remote("look for an object", "the store contradicts itself")),
        }
    }

    /// A range of an object of `size` bytes that lies within it.
    pub(crate) async fn chunk(&self, key: &ObjectKey, size: u64, range: Range<u64>) -> Result<Bytes, Error> {
        let wanted = range.end - range.start;
        // The whole of a small object is asked for without a range: an empty one has none.
        let range = (wanted < size).then_some(range);
        let bytes = self.fetch(&self.at(key), range, wanted).await?.ok_or_else(|| Error::not_found(key))?;
        if bytes.len() as u64 == wanted {
            Ok(bytes)
        } else {
            Err(Error::remote("read an object", "the store gave another number of bytes than it said"))
        }
    }

    /// An object's bytes as they come; `None` where the service says that there are none, which it has to be asked about again:
    /// see [`size_to_read`](Self::size_to_read).
    pub(crate) async fn read_whole(&self, key: &ObjectKey) -> Result<Option<ByteStream>, Error> {
        match self.reader.get(&self.at(key)).await {
            Ok(got) => {
                let stream = got.into_stream().map_err(|error| Error::remote("read an object", error));
                Ok(Some(stream.boxed()))
            }
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(Error::remote("read an object", error)),
        }
    }

    /// A copy as a file without a name.
    pub(crate) async fn download(&self, key: &ObjectKey) -> Result<File, Error> {
        let size = self.size_to_read(key).await?;
        let mut file = self.spool_file().await?;
        let mut at = 0;
        while at < size {
            let end = size.min(at + CHUNK);
            let bytes = self.chunk(key, size, at..end).await?;
            let write = move || {
                file.write_all(&bytes).map_err(Error::io("write to the spool"))?;
                Ok(file)
            };
            file = self.blocking.run(write).await?;
            at = end;
        }
        file.rewind().map_err(Error::io("rewind a file in the spool"))?;
        Ok(file)
    }

    /// A new file in the spool that is gone when it is closed.
    pub(super) async fn spool_file(&self) -> Result<File, Error> {
        let folder = self.spool.clone();
        self.blocking.run(move || tempfile::tempfile_in(folder).map_err(Error::io("make a file in the spool"))).await
    }

    /// Every object below the prefix. What is no object's name is left out.
    pub(crate) fn list_objects(&self) -> BoxStream<'static, Result<(ObjectKey, u64), Error>> {
        let above = self.path("").to_string();
        let listed =
            self.store.list(Some(&self.path("media"))).map_err(|error| Error::remote("list the objects", error));
        let named = listed.try_filter_map(move |found| {
            let below = found.location.as_ref().strip_prefix(&above).unwrap_or_default().trim_start_matches('/');
            let key = below.parse::<ObjectKey>().ok();
            std::future::ready(Ok(key.map(|key| (key, found.size))))
        });
        named.boxed()
    }

    /// Deletes an object. One that is not there is as good as deleted.
    pub(crate) async fn delete(&self, key: &ObjectKey) -> Result<(), Error> {
        self.remove(self.at(key)).await
    }

    pub(super) async fn remove(&self, path: Path) -> Result<(), Error> {
        match self.store.delete(&path).await {
            Ok(()) => Ok(()),
            Err(error) if is_missing(&error) => Ok(()),
            Err(error) => Err(Error::remote("delete an object", error)),
        }
    }
}

/// Whether an object or an upload is not there, and not its bucket.
pub(super) fn is_missing(error: &object_store::Error) -> bool {
    matches!(error, object_store::Error::NotFound { .. }) && !error.to_string().contains("NoSuchBucket")
}

/// Whether a service that is to put parts together has not those that it was told of.
pub(super) fn names_other_parts(error: &object_store::Error) -> bool {
    let told = error.to_string();
    ["<Code>InvalidPart</Code>", "<Code>EntityTooSmall</Code>"].iter().any(|code| told.contains(code))
}

/// What the service tells those who fetch an object from it.
pub(super) fn attributes(key: &ObjectKey) -> Attributes {
    Attributes::from_iter([(Attribute::ContentType, key.content_type())])
}
