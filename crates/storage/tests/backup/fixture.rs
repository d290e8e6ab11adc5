//! Backups to test, on every kind of place, and what lies on their disks.

use std::collections::BTreeMap;
use std::num::NonZeroU64;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use picup_domain::{DestinationId, ObjectKey, Sha256};
use picup_storage::{
    Backup, BackupName, BackupPlace, BackupSettings, Bucket, Credentials, Error, Expected, Profile, Seal, SealIdentity,
    Stored,
};
use picup_testkit::{RcloneServer, S3Server};
use tempfile::TempDir;

use crate::support::{body_in_pieces, bucket, now};

/// A backup under test.
pub(crate) struct Copies {
    pub(crate) place: Place,
    pub(crate) server: SealIdentity,
    pub(crate) recovery: SealIdentity,
    pub(crate) backup: Backup,
    /// Which a bucket's settings ask for.
    pub(crate) spool: TempDir,
}

/// What a backup stands on, which outlives it.
pub(crate) enum Place {
    Memory,
    Folder(TempDir),
    /// A strict service, reached as Amazon's, by one key that may do everything.
    Amazon(S3Server),
    /// A strict service, by keys of which each may do its part.
    Rights(S3Server),
    /// A sloppy one.
    Rclone(RcloneServer),
}

impl Place {
    fn settings(&self, spool: &TempDir) -> BackupPlace {
        match self {
            Self::Memory => BackupPlace::Memory,
            Self::Folder(folder) => BackupPlace::Files(folder.path().to_owned()),
            Self::Amazon(server) => {
                let keys = (server.access_key(), server.secret_key());
                let bucket = bucket(server.endpoint(), server.bucket(), keys, spool);
                by_one_key(Bucket { profile: Profile::Aws, ..bucket }, keys)
            }
            Self::Rights(server) => BackupPlace::S3 {
                bucket: Box::new(bucket(server.endpoint(), server.bucket(), server.writer(), spool)),
                reader: Some(credentials(server.reader())),
                remover: Some(credentials(server.remover())),
            },
            Self::Rclone(server) => {
                let keys = (server.access_key(), server.secret_key());
                by_one_key(bucket(server.endpoint(), server.bucket(), keys, spool), keys)
            }
        }
    }

    /// The folder that it keeps everything in, on a disk.
    fn folder(&self) -> Option<PathBuf> {
        match self {
            Self::Memory => None,
            Self::Folder(folder) => Some(folder.path().to_owned()),
            Self::Amazon(server) | Self::Rights(server) => Some(server.folder().to_owned()),
            Self::Rclone(server) => Some(server.folder().to_owned()),
        }
    }
}

pub(crate) fn credentials((id, secret): (&str, &str)) -> Credentials {
    Credentials::Key { id: id.to_owned(), secret: secret.to_owned() }
}

pub(crate) fn by_one_key(bucket: Bucket, keys: (&str, &str)) -> BackupPlace {
    BackupPlace::S3 { bucket: Box::new(bucket), reader: None, remover: Some(credentials(keys)) }
}

impl Copies {
    pub(crate) async fn over(place: Place) -> Self {
        let (server, recovery) = (SealIdentity::generate(), SealIdentity::generate());
        let spool = tempfile::tempdir().unwrap();
        let backup = opened(place.settings(&spool), Some(&server), Some(&recovery), None);
        let it = Self { place, server, recovery, backup, spool };
        it.backup.claim(DestinationId::new(now()), true).await.unwrap();
        it
    }

    pub(crate) async fn memory() -> Self {
        Self::over(Place::Memory).await
    }

    pub(crate) async fn folder() -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o700)).unwrap();
        Self::over(Place::Folder(folder)).await
    }

    pub(crate) async fn amazon() -> Self {
        Self::over(Place::Amazon(S3Server::start_like_amazon().unwrap())).await
    }

    pub(crate) async fn rights() -> Self {
        Self::over(Place::Rights(S3Server::start_with_rights().unwrap())).await
    }

    pub(crate) async fn rclone() -> Self {
        Self::over(Place::Rclone(RcloneServer::start().unwrap())).await
    }

    /// The same place, as another process reaches it that has these keys.
    pub(crate) fn opened_with(&self, server: Option<&SealIdentity>, recovery: Option<&SealIdentity>) -> Backup {
        opened(self.place.settings(&self.spool), server, recovery, None)
    }

    /// Everything on the place's disk, by its path below its folder: also parts that were not put together. But for what a
    /// service notes of objects, and keeps when they are gone.
    pub(crate) fn on_disk(&self) -> BTreeMap<String, Vec<u8>> {
        let mut found = BTreeMap::new();
        if let Some(folder) = self.place.folder() {
            walk(&folder, &mut |file| {
                let name = file.strip_prefix(&folder).unwrap().to_str().unwrap().to_owned();
                if !name.starts_with(".bucket-") {
                    found.insert(name, std::fs::read(file).unwrap());
                }
            });
        }
        found
    }

    /// The file that a name stands in.
    pub(crate) fn file(&self, name: &BackupName) -> Option<PathBuf> {
        let folder = self.place.folder()?;
        Some(match self.place {
            Place::Folder(_) => folder.join(name.to_string()),
            _ => folder.join(format!("picup/family/photos/{name}")),
        })
    }
}

pub(crate) fn opened(
    place: BackupPlace,
    server: Option<&SealIdentity>,
    recovery: Option<&SealIdentity>,
    bytes_per_second: Option<NonZeroU64>,
) -> Backup {
    let seal = Seal { media: true, server: server.cloned(), recovery: recovery.map(SealIdentity::recipient) };
    Backup::open(BackupSettings { place, seal, bytes_per_second }).unwrap()
}

pub(crate) fn walk(folder: &Path, seen: &mut impl FnMut(&Path)) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { walk(&path, seen) } else { seen(&path) }
    }
}

pub(crate) fn copy_of(key: &ObjectKey, generation: u32, sealed: bool) -> BackupName {
    BackupName::Object { key: key.clone(), generation, sealed }
}

pub(crate) fn expected(content: &Bytes) -> Expected {
    Expected { bytes: content.len() as u64, sha256: Some(Sha256::of(content)) }
}

/// Keeps a content as whoever reads it from a good store does.
pub(crate) async fn keep(backup: &Backup, name: &BackupName, content: &Bytes, again: bool) -> Result<Stored, Error> {
    let source = async { Ok(body_in_pieces(content)) };
    backup.keep(name, source, expected(content), again).await
}
