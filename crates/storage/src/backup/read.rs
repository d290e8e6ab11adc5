//! Reading a backup: back, to prove it, and out of it, to heal and restore. By the reader's key.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::stream::BoxStream;
use futures_util::{StreamExt, TryStreamExt, stream};
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt};
use picup_domain::Sha256;
use sha2::Digest;

use super::seal::{self, SealIdentity};
use super::write::{self, Expected, Stored};
use super::{Backup, BackupName, folder};
use crate::{ByteStream, Error};

/// One thing that stands in a backup.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listing {
    /// What stands below the backup's prefix; not all of it need be PicUp's.
    pub name: String,
    /// Its size, in bytes.
    pub bytes: u64,
}

/// Whoever writes for longer than this without a byte is dead.
const HALF_WRITTEN: Duration = Duration::from_secs(3600);

impl Backup {
    /// The bytes under a name as they stand there.
    ///
    /// # Errors
    /// [`Error::NotKept`].
    pub async fn fetch(&self, name: &BackupName) -> Result<ByteStream, Error> {
        self.require_plain(&name.to_string())?;
        let got = match self.0.reader.get(&self.at(name)).await {
            Ok(got) => got,
            Err(error) if is_not_there(&error) => {
                self.require_there()?;
                return Err(Error::NotKept(name.to_string()));
            }
            Err(error) => return Err(Error::remote("read a backup", error)),
        };
        let backup = self.clone();
        let paced = got.into_stream().then(move |chunk| {
            let backup = backup.clone();
            async move {
                let chunk = chunk.map_err(|error| Error::remote("read a backup", error))?;
                backup.0.pace.wait(chunk.len() as u64).await;
                Ok(chunk)
            }
        });
        Ok(paced.boxed())
    }

    /// What is kept under a name, opened with `key` if it is sealed; without one, with the server's own.
    ///
    /// # Errors
    /// [`Error::NotKept`]; [`Error::NotOpened`]; the stream ends with [`Error::Altered`] where sealed bytes were changed.
    pub async fn open_content(&self, name: &BackupName, key: Option<&SealIdentity>) -> Result<ByteStream, Error> {
        let stored = self.fetch(name).await?;
        self.opened(name, stored, key).await
    }

    async fn opened(
        &self,
        name: &BackupName,
        stored: ByteStream,
        key: Option<&SealIdentity>,
    ) -> Result<ByteStream, Error> {
        if !name.is_sealed() {
            return Ok(stored);
        }
        let Some(key) = key.or(self.0.seal.server.as_ref()) else {
            let why = "there is no key for it".to_owned();
            return Err(Error::NotOpened { name: name.to_string(), why });
        };
        seal::open(&name.to_string(), stored, key).await
    }

    /// Reads back what stands under a name and compares it with what was stored.
    ///
    /// # Errors
    /// [`Error::NotKept`]; [`Error::Altered`].
    pub async fn prove(&self, name: &BackupName, stored: &Stored) -> Result<(), Error> {
        let found = write::hash(self.fetch(name).await?).await?;
        if found == *stored { Ok(()) } else { Err(self.altered(name)) }
    }

    /// Reads back what stands under a name, of which only the content is known, and tells how it is stored.
    ///
    /// # Errors
    /// [`Error::NotKept`]; [`Error::Altered`] when it is something else.
    pub async fn prove_content(&self, name: &BackupName, expected: Expected) -> Result<Stored, Error> {
        let counted: Arc<Mutex<(u64, sha2::Sha256)>> = Arc::default();
        let tee = Arc::clone(&counted);
        let stored = self.fetch(name).await?.inspect_ok(move |chunk| {
            let mut counted = tee.lock().unwrap_or_else(PoisonError::into_inner);
            counted.0 += chunk.len() as u64;
            counted.1.update(chunk);
        });
        let content = match self.opened(name, stored.boxed(), None).await {
            Ok(content) => write::hash(content).await,
            Err(error) => Err(error),
        };
        let content = match content {
            Err(Error::Altered(_) | Error::NotOpened { .. }) => return Err(self.altered(name)),
            content => content?,
        };
        let same = content.bytes == expected.bytes && expected.sha256.is_none_or(|sha256| sha256 == content.sha256);
        let (bytes, hasher) = counted.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if same { Ok(Stored { bytes, sha256: Sha256::from_hasher(hasher) }) } else { Err(self.altered(name)) }
    }

    /// Nothing is said of a copy that stands on another's disk.
    fn altered(&self, name: &BackupName) -> Error {
        self.require_there().err().unwrap_or_else(|| Error::Altered(name.to_string()))
    }

    /// The stored size of what stands under a name, in bytes; `None` when nothing does.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn size(&self, name: &BackupName) -> Result<Option<u64>, Error> {
        match self.0.reader.head(&self.at(name)).await {
            Ok(found) => Ok(Some(found.size)),
            Err(object_store::Error::NotFound { .. }) => self.require_there().map(|()| None),
            Err(error) => Err(Error::remote("look into a backup", error)),
        }
    }

    /// Removes what a killed process has left half written, if the place is a folder and nobody has written to it for an hour; how many
    /// files that were. A bucket's lifecycle rule does it there.
    ///
    /// # Errors
    /// When the place is not there.
    pub async fn sweep_half_written(&self) -> Result<u64, Error> {
        self.require_there()?;
        match &self.0.place.folder {
            Some(root) => folder::sweep(root.clone(), HALF_WRITTEN).await,
            None => Ok(0),
        }
    }

    /// Everything that stands below `folder`, such as `media` or `catalogue`, after a name, in the order in which the service tells it.
    pub fn list(&self, folder: &str, after: Option<&str>) -> BoxStream<'static, Result<Listing, Error>> {
        let there = stream::iter(self.require_there().err().map(Err));
        if let Some(root) = &self.0.place.folder {
            return there.chain(folder::list(root.clone(), folder, after.map(str::to_owned))).boxed();
        }
        let place = self.0.place.path(folder);
        let after = after.map(|name| self.0.place.path(name));
        let listed = match &after {
            Some(after) => self.0.reader.list_with_offset(Some(&place), after),
            None => self.0.reader.list(Some(&place)),
        };
        let backup = self.clone();
        let listed = listed.map_err(|error| Error::remote("list a backup", error));
        let named = listed.map_ok(move |found| Listing { name: backup.below(&found.location), bytes: found.size });
        there.chain(named).boxed()
    }

    /// In a folder: that no link, pipe or folder stands where a copy should.
    fn require_plain(&self, name: &str) -> Result<(), Error> {
        match &self.0.place.folder {
            Some(root) if !folder::is_plain(root, name) => Err(Error::Altered(name.to_owned())),
            _ => Ok(()),
        }
    }

    fn below(&self, path: &Path) -> String {
        self.0.place.below(path).unwrap_or(path.as_ref()).to_owned()
    }

    /// Removes what stands under a name as it was listed. What is not there is as good as removed.
    ///
    /// # Errors
    /// [`Error::NoRemover`].
    pub async fn remove(&self, name: &str) -> Result<(), Error> {
        let remover = self.0.remover.as_ref().ok_or(Error::NoRemover)?;
        self.require_there()?;
        self.require_plain(name)?;
        match remover.delete(&self.0.place.path(name)).await {
            Ok(()) => Ok(()),
            Err(error) if is_not_there(&error) => Ok(()),
            Err(error) => Err(Error::remote("remove from a backup", error)),
        }
    }
}

/// Whether it is the thing that is not there, and not the bucket, nor the folder.
pub(super) fn is_not_there(error: &object_store::Error) -> bool {
    let object_store::Error::NotFound { source, .. } = error else { return false };
    let said = source.to_string();
    !said.contains("NoSuchBucket")
}
