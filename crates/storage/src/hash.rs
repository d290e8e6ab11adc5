//! The hashes of a stored object, read back as the store really gives it. Called by `app` to prove that an original is what
//! was declared. It reads far more than any other operation, so only a few run at once, and none holds a thread for long.

use std::fs::File;
use std::io::ErrorKind;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use futures_util::TryStreamExt;
use picup_domain::{ObjectKey, Sha1, Sha256};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::receive::Hashers;
use crate::site::{Site, Store};
use crate::{Error, Metrics, Opened};

/// How many objects are hashed at once: enough to keep a disk busy, few enough to leave it to those who look at pictures.
const AT_ONCE: usize = 2;
/// How much is read at a time.
const CHUNK: usize = 1 << 20;
/// How many chunks are hashed before the thread is given back: a caller that goes away stops the work there.
const CHUNKS_IN_A_ROW: usize = 16;

/// What a stored object was found to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hashes {
    /// Its size, in bytes.
    pub bytes: u64,
    /// The hash that proves it.
    pub sha256: Sha256,
    /// The hash that Immich's programs compare by. Made from the same read; it takes the processor nearly as long again as
    /// SHA-256, some 700 MiB/s each.
    pub sha1: Sha1,
}

/// The places for hashing in one store.
#[derive(Clone, Debug)]
pub(crate) struct Hashing(Arc<Semaphore>);

impl Default for Hashing {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(AT_ONCE)))
    }
}

/// A file as far as it is hashed. Goes to the blocking thread and back.
struct Reading {
    file: File,
    buffer: Vec<u8>,
    hashers: Hashers,
    ended: bool,
    _place: OwnedSemaphorePermit,
}

impl Site {
    pub(crate) async fn hash(&self, key: &ObjectKey) -> Result<Hashes, Error> {
        let hash = self.hash_in_turn(key).await;
        if let Ok(hashes) = &hash {
            self.metrics.read(hashes.bytes);
        }
        self.metrics.count("hash", hash)
    }

    async fn hash_in_turn(&self, key: &ObjectKey) -> Result<Hashes, Error> {
        let place = Arc::clone(&self.hashing.0).acquire_owned().await.expect("the semaphore is never closed");
        let files = match &self.store {
            Store::Files(files) => files,
            Store::Memory(memory) => {
                let bytes = memory.get(key)?;
                let mut hashers = Hashers::default();
                return self.blocking.run(move || Ok((hashers.update(&bytes), Hashes::of(hashers)).1)).await;
            }
            Store::S3(s3) => {
                return self.hash_stream(Opened::s3(Arc::clone(s3), key.clone(), Metrics::default()).await?).await;
            }
        };
        let key = key.clone();
        let file = self.on_files(files, move |files| files.open_object(&key)).await?;
        let (buffer, hashers) = (vec![0; CHUNK], Hashers::default());
        let mut reading = Reading { file, buffer, hashers, ended: false, _place: place };
        while !reading.ended {
            reading = self.blocking.run(move || reading.go_on()).await?;
        }
        Ok(Hashes::of(reading.hashers))
    }
}

impl Site {
    /// Hashes an object that comes over the network; hashing waits for bytes, not bytes for hashing.
    async fn hash_stream(&self, opened: Opened) -> Result<Hashes, Error> {
        let mut hashers = Box::<Hashers>::default();
        let mut chunks = opened.read(0..u64::MAX);
        while let Some(chunk) = chunks.try_next().await? {
            hashers = self.blocking.run(move || Ok((hashers.update(&chunk), hashers).1)).await?;
        }
        Ok(Hashes::of(*hashers))
    }
}

impl Hashes {
    fn of(hashers: Hashers) -> Self {
        let (bytes, sha256, sha1) = hashers.finish();
        Self { bytes, sha256, sha1 }
    }
}

/// The SHA-256 of a small file, from its beginning. Blocks.
pub(crate) fn of_file(file: &File) -> std::io::Result<Sha256> {
    let (mut hashers, mut buffer) = (Hashers::default(), vec![0; CHUNK]);
    loop {
        match file.read_at(&mut buffer, hashers.bytes()) {
            Ok(0) => return Ok(hashers.finish().1),
            Ok(count) => hashers.update(&buffer[..count]),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

impl Reading {
    fn go_on(mut self) -> Result<Self, Error> {
        for _ in 0..CHUNKS_IN_A_ROW {
            match self.file.read_at(&mut self.buffer, self.hashers.bytes()) {
                Ok(0) => {
                    self.ended = true;
                    break;
                }
                Ok(count) => {
                    self.hashers.update(&self.buffer[..count]);
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(Error::io("read an object")(error)),
            }
        }
        Ok(self)
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use picup_domain::{AccountId, AssetId, ObjectRole, Timestamp};

    use super::*;
    use crate::{Settings, Storage};

    #[tokio::test]
    async fn hashes_take_turns() {
        let folder = tempfile::tempdir().unwrap();
        for settings in [Settings::memory(), Settings::files(folder.path().join("store"))] {
            let storage = Storage::open(settings, Metrics::default()).await.unwrap();
            let now = Timestamp::from_micros(1_790_000_000_000_000);
            let key = ObjectKey::new(AccountId::new(now), AssetId::new(now), ObjectRole::Original, 1, "jpg");
            storage.put(&key, Bytes::from_static(b"bytes")).await.unwrap();
            let all = u32::try_from(AT_ONCE).unwrap();
            let (site, _) = storage.sites();
            let others = Arc::clone(&site.hashing.0).acquire_many_owned(all).await.unwrap();
            let mut hash = Box::pin(storage.hash(&key));
            assert!(futures_util::poll!(&mut hash).is_pending());
            drop(others);
            let (sha256, sha1) = (Sha256::of(b"bytes"), Sha1::of(b"bytes"));
            assert_eq!(hash.await.unwrap(), Hashes { bytes: 5, sha256, sha1 });
            assert_eq!(site.hashing.0.available_permits(), AT_ONCE);
        }
    }
}
