//! What the storage tests share: stores to test, keys, and bodies as a network would send them.

#![allow(dead_code, reason = "each test binary uses its part")]

use std::convert::Infallible;

use bytes::Bytes;
use futures_util::stream::{self, Stream, TryStreamExt};
use picup_domain::{AccountId, AssetId, ByteSize, ObjectKey, ObjectRole, Sha256, Timestamp, UploadId};
use picup_storage::{Bucket, Credentials, Metrics, PartsBy, Profile, Settings, Storage, Style, Upload};
use picup_testkit::{GarageServer, RcloneServer, S3Server};
use tempfile::TempDir;

/// A part of every multi-part upload has this size but for the last.
pub(crate) const PART: usize = 16 << 20;

/// A store under test.
pub(crate) struct Fixture {
    pub(crate) place: Under,
    pub(crate) storage: Storage,
}

/// What a store stands on, which outlives it.
pub(crate) enum Under {
    Memory,
    Files(TempDir),
    /// A strict service, reached as Amazon's, and the spool.
    S3s(S3Server, TempDir),
    /// One folder, on the way to another.
    Moving(TempDir),
    /// A sloppy one.
    Rclone(RcloneServer, TempDir),
    /// One that people run at home.
    Garage(GarageServer, TempDir),
}

impl Under {
    pub(crate) fn settings(&self) -> Settings {
        match self {
            Self::Memory => Settings::memory(),
            Self::Files(folder) => Settings::files(folder.path().join("store")),
            Self::Moving(folder) => Settings::files(folder.path().join("old")),
            Self::S3s(server, spool) => Settings::s3(s3s_bucket(server, spool)),
            Self::Rclone(server, spool) => {
                let keys = (server.access_key(), server.secret_key());
                Settings::s3(bucket(server.endpoint(), server.bucket(), keys, spool))
            }
            Self::Garage(server, spool) => {
                let keys = (server.access_key(), server.secret_key());
                let bucket = bucket(server.endpoint(), server.bucket(), keys, spool);
                Settings::s3(Bucket { profile: Profile::Garage, ..bucket })
            }
        }
    }
}

/// The bucket of a strict server.
pub(crate) fn s3s_bucket(server: &S3Server, spool: &TempDir) -> Bucket {
    let keys = (server.access_key(), server.secret_key());
    Bucket { profile: Profile::Aws, ..bucket(server.endpoint(), server.bucket(), keys, spool) }
}

pub(crate) fn bucket(endpoint: String, name: &str, (id, secret): (&str, &str), spool: &TempDir) -> Bucket {
    Bucket {
        name: name.to_owned(),
        prefix: "family/photos".to_owned(),
        endpoint: Some(endpoint),
        region: "us-east-1".to_owned(),
        style: Style::Path,
        profile: Profile::Other,
        parts: PartsBy::Proxied,
        credentials: Credentials::Key { id: id.to_owned(), secret: secret.to_owned() },
        spool: spool.path().join("spool"),
    }
}

impl Fixture {
    pub(crate) async fn over(place: Under) -> Self {
        let storage = Storage::open(place.settings(), Metrics::default()).await.unwrap();
        if let Under::Moving(folder) = &place {
            storage.begin_move(Settings::files(folder.path().join("new"))).await.unwrap();
        }
        Self { place, storage }
    }

    pub(crate) async fn files() -> Self {
        Self::over(Under::Files(tempfile::tempdir().unwrap())).await
    }

    pub(crate) async fn memory() -> Self {
        Self::over(Under::Memory).await
    }

    /// A store that moves, in which nothing has begun before.
    pub(crate) async fn moving() -> Self {
        let it = Self::over(Under::Moving(tempfile::tempdir().unwrap())).await;
        it.storage.settle_move().await.unwrap();
        it
    }

    pub(crate) async fn s3s() -> Self {
        Self::over(Under::S3s(S3Server::start().unwrap(), tempfile::tempdir().unwrap())).await
    }

    pub(crate) async fn rclone() -> Self {
        Self::over(Under::Rclone(RcloneServer::start().unwrap(), tempfile::tempdir().unwrap())).await
    }

    pub(crate) async fn garage() -> Self {
        Self::over(Under::Garage(GarageServer::start().unwrap(), tempfile::tempdir().unwrap())).await
    }

    /// As after a crash and a restart: a new store over what the old one left. One in memory goes on, having no restart.
    pub(crate) async fn restarted(self) -> Self {
        let Self { place, storage } = self;
        match place {
            Under::Memory => Self { place, storage },
            _ => {
                drop(storage);
                Self::over(place).await
            }
        }
    }

    /// So often, or where each step is several requests to a server, less.
    pub(crate) fn rounds(&self, many: u64) -> u64 {
        if matches!(self.place, Under::S3s(..) | Under::Rclone(..) | Under::Garage(..)) { many.min(10) } else { many }
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

/// The same, as a store gives it.
pub(crate) fn body_in_pieces(bytes: &Bytes) -> picup_storage::ByteStream {
    Box::pin(body(bytes).map_err(|never| match never {}))
}
