//! A PicUp of a catalogue, in a folder that is removed with it, for as long as a restore needs one: to take a part of it, or to read the
//! photos out of it. It does no work of its own: no jobs, no copies. Its media come from the backup when they are asked for, one at a time.

use std::fs::Metadata;
use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, bail};
use async_trait::async_trait;
use futures_util::TryStreamExt;
use picup_app::App;
use picup_app::restore::{self, Source};
use picup_database::{Database, Destination, Place};
use picup_domain::ObjectKey;
use picup_gateway::{Opened, Origin, OriginError};
use picup_storage::{Backup, SealIdentity, Storage};
use prometheus_client::registry::Registry;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::front::Front;
use super::media_keys::Followed;
use super::rooms::Rooms;
use crate::config::{self, Config, Flags};

/// A folder for what must not stay, such as the database of a catalogue: its owner's alone, and gone at the end. What a killed run has left
/// in it goes before.
pub(crate) struct Scratch {
    path: PathBuf,
    _lock: std::fs::File,
}

impl Scratch {
    /// Makes it, or takes it over.
    ///
    /// # Errors
    /// When another restore is using it.
    pub(crate) fn make(path: PathBuf) -> anyhow::Result<Self> {
        let own = |found: &Metadata| found.is_dir() && found.uid() == rustix::process::geteuid().as_raw();
        // What lies there may lead elsewhere, or be open to whoever has made it.
        if std::fs::symlink_metadata(&path).is_ok_and(|found| !own(&found)) {
            bail!("{} is in the way, and no folder of yours; move it elsewhere", path.display());
        }
        let Some(lock) = super::try_lock(&path)? else {
            bail!("another restore is at work in {}; wait until it has ended", path.display());
        };
        let made = Self { path, _lock: lock };
        made.clear().with_context(|| format!("removing what is left in {}", made.path.display()))?;
        Ok(made)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The SQLite file in it.
    pub(crate) fn database(&self) -> Place {
        Place::Sqlite(self.path.join("picup.db"))
    }

    fn clear(&self) -> std::io::Result<()> {
        for entry in std::fs::read_dir(&self.path)? {
            let entry = entry?;
            if entry.file_type()?.is_dir() {
                std::fs::remove_dir_all(entry.path())?;
            } else if entry.file_name() != super::locks::LOCK {
                std::fs::remove_file(entry.path())?;
            }
        }
        Ok(())
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_dir_all(&self.path) {
            eprintln!("warning: {} cannot be removed: {error}; remove it yourself", self.path.display());
        }
    }
}

/// The PicUp whose database has come to stand in that folder.
pub(crate) struct FromBackup {
    config: Config,
    rooms: Rooms,
}

impl FromBackup {
    /// Opens it.
    ///
    /// # Errors
    /// When the folder cannot be used.
    pub(crate) async fn open(folder: &Scratch) -> anyhow::Result<Self> {
        let flags = Flags { data_dir: Some(folder.path().to_owned()), ..Flags::default() };
        let config = config::read("", flags)?;
        let (rooms, _) = Rooms::open(&config, super::Plays::ALL, &mut Registry::default()).await?;
        Ok(Self { config, rooms })
    }

    /// Its use cases.
    pub(crate) const fn app(&self) -> &App {
        &self.rooms.app
    }

    /// Its database.
    pub(crate) const fn database(&self) -> &Database {
        &self.rooms.database
    }

    /// Answers on a port of this machine until the second value is dropped. Media are those of `copies`.
    ///
    /// # Errors
    /// When no port can be had.
    pub(crate) async fn serve(&self, copies: Copies) -> anyhow::Result<(SocketAddr, DropGuard)> {
        let listener = super::Sockets::default().listen(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), "--listen").await?;
        let address = listener.local_addr().context("asking for the address listened on")?;
        let Rooms { database, storage, .. } = self.rooms.clone();
        let origin = Arc::new(BackupOrigin { copies, database, storage });
        let (_, rings) = Followed::new(&self.config, self.rooms.media_key.clone())?;
        // Nobody but the rehearsal itself asks here.
        let front = Front::open(Arc::clone(&self.rooms.clock));
        let gateway =
            super::answers::gateway(&self.config, &self.rooms, &front, rings, origin, None, &mut Registry::default())?;
        let stop = CancellationToken::new();
        let stopped = stop.clone().cancelled_owned();
        tokio::spawn(async move { gateway.serve(listener, stopped).await });
        Ok((address, stop.drop_guard()))
    }
}

/// What [`Source`] borrows.
pub(crate) struct Copies {
    pub(crate) backup: Backup,
    pub(crate) key: Option<SealIdentity>,
    pub(crate) server_key: Option<SealIdentity>,
    pub(crate) destination: Option<Destination>,
    pub(crate) sealed: bool,
}

impl Copies {
    fn source(&self) -> Source<'_> {
        let Self { backup, key, server_key, destination, sealed } = self;
        let (key, server_key, destination) = (key.as_ref(), server_key.as_ref(), destination.as_ref());
        Source { backup, key, server_key, destination, sealed: *sealed }
    }
}

/// Brings a medium back when it is asked for, proved, and lets it go at once: whoever reads it holds it open.
struct BackupOrigin {
    copies: Copies,
    database: Database,
    storage: Storage,
}

#[async_trait]
impl Origin for BackupOrigin {
    async fn open(&self, key: &str) -> Result<Opened, OriginError> {
        let key: ObjectKey = key.parse().map_err(|_| OriginError::NotFound)?;
        let away = |error: picup_storage::Error| OriginError::Unavailable(error.into());
        let found = restore::object(self.copies.source(), &self.database, &self.storage, &key).await;
        if !found.map_err(|error| OriginError::Unavailable(error.into()))? {
            return Err(OriginError::NotFound);
        }
        let opened = self.storage.open_object(&key).await.map_err(away)?;
        self.storage.delete(&key).await.map_err(away)?;
        let size = opened.bytes();
        let read = move |range| -> picup_gateway::ByteStream { Box::pin(opened.read(range).map_err(Into::into)) };
        Ok(Opened::new(size, key.content_type(), read))
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn a_folder_that_must_not_stay_is_one_restores_alone_and_goes() {
        let (dir, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let path = dir.path().join("scratch");
        std::fs::create_dir_all(path.join("left/over")).unwrap();
        std::fs::write(path.join("picup.db"), "left").unwrap();
        let made = Scratch::make(path.clone()).unwrap();
        let names = std::fs::read_dir(made.path()).unwrap().map(|entry| entry.unwrap().file_name());
        assert_eq!(names.collect::<Vec<_>>(), [super::super::locks::LOCK], "what a kill left goes");
        assert!(Scratch::make(path.clone()).err().unwrap().to_string().contains("another restore is at work"));
        assert!(path.exists(), "one that was refused takes nothing away");
        drop(made);
        assert!(!path.exists());

        std::fs::write(other.path().join("photo"), "theirs").unwrap();
        symlink(other.path(), &path).unwrap();
        assert!(Scratch::make(path).err().unwrap().to_string().contains("is in the way"));
        assert!(other.path().join("photo").exists());
    }
}
