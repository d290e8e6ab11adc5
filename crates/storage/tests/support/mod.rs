//! What the storage tests share: stores to test, keys, and bodies as a network would send them.

#![allow(dead_code, reason = "each test binary uses its part")]

use std::convert::Infallible;

use bytes::Bytes;
use futures_util::stream::{self, Stream, TryStreamExt};
use picup_domain::{AccountId, AssetId, ByteSize, ObjectKey, ObjectRole, Sha256, Timestamp, UploadId};
use picup_storage::{Metrics, Settings, Storage, Upload};
use tempfile::TempDir;

/// A part of every multi-part upload has this size but for the last.
pub(crate) const PART: usize = 16 << 20;

/// A store under test.
pub(crate) struct Fixture {
    pub(crate) folder: Option<TempDir>,
    pub(crate) storage: Storage,
}

impl Fixture {
    pub(crate) async fn files() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let storage = Storage::open(Settings::files(folder.path().join("store")), Metrics::default()).await.unwrap();
        Self { folder: Some(folder), storage }
    }

    pub(crate) async fn memory() -> Self {
        Self { folder: None, storage: Storage::open(Settings::memory(), Metrics::default()).await.unwrap() }
    }

    /// As after a crash and a restart: a new store over what the old one left. One in memory goes on, having no restart.
    pub(crate) async fn restarted(self) -> Self {
        let Some(folder) = self.folder else { return self };
        drop(self.storage);
        let storage = Storage::open(Settings::files(folder.path().join("store")), Metrics::default()).await.unwrap();
        Self { folder: Some(folder), storage }
    }

    pub(crate) async fn content(&self, key: &ObjectKey) -> Vec<u8> {
        content(&self.storage, key).await
    }
}

pub(crate) async fn content(storage: &Storage, key: &ObjectKey) -> Vec<u8> {
    collect(storage.read(key, 0..u64::MAX).await.unwrap()).await
}

pub(crate) async fn collect(stream: picup_storage::ByteStream) -> Vec<u8> {
    stream.try_collect::<Vec<Bytes>>().await.unwrap().concat()
}

pub(crate) fn now() -> Timestamp {
    Timestamp::from_micros(1_790_000_000_000_000)
}

pub(crate) fn key() -> ObjectKey {
    ObjectKey::new(AccountId::new(now()), AssetId::new(now()), ObjectRole::Original, 1, "jpg")
}

/// Bytes that differ everywhere and from seed to seed.
pub(crate) fn noise(seed: u64, count: usize) -> Bytes {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut bytes = Vec::with_capacity(count + 8);
    while bytes.len() < count {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend(state.to_le_bytes());
    }
    bytes.truncate(count);
    bytes.into()
}

/// A body in pieces of 60,000 bytes.
pub(crate) fn body(bytes: &Bytes) -> impl Stream<Item = Result<Bytes, Infallible>> + Send + use<> {
    let bytes = bytes.clone();
    let pieces: Vec<_> = (0..bytes.len()).step_by(60_000).collect();
    stream::iter(pieces.into_iter().map(move |at| Ok(bytes.slice(at..bytes.len().min(at + 60_000)))))
}

pub(crate) async fn begin(storage: &Storage, key: &ObjectKey, bytes: usize) -> Upload {
    storage.upload_begin(UploadId::new(now()), key, ByteSize::new(bytes as u64).unwrap()).await.unwrap()
}

/// The bytes of part `number` of a file.
pub(crate) fn part(file: &Bytes, number: u32) -> Bytes {
    let at = (number as usize - 1) * PART;
    file.slice(at..file.len().min(at + PART))
}

/// Sends part `number` of a file as an honest client does.
pub(crate) async fn send(storage: &Storage, upload: &Upload, file: &Bytes, number: u32) {
    let bytes = part(file, number);
    storage.part_write(upload, number, Sha256::of(&bytes), body(&bytes)).await.unwrap();
}
