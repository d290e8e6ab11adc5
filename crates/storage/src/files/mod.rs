//! Objects as files: `media/…` mirrors the keys, `staging/` holds what is not an object yet.
//!
//! A file is written in `staging`, brought to disk, moved to its key without replacing anything, and both folders are
//! brought to disk before anyone is told that it stands. Called on threads that may block, by this crate's doors only.
//!
//! The `object_store` crate's local store is not used here: it follows symbolic links and leaves modes to the umask.

mod folder;
mod holes;
mod listing;
mod parts;
mod receiving;
mod room;
mod single;
mod staging;
mod unsynced;

use std::fs::File;
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use picup_domain::{ObjectKey, Timestamp};

use crate::locks::{Locks, Name};
use crate::{Error, crash_point};
use folder::{Access, Folder};
pub(crate) use receiving::StreamWriter;
pub(crate) use room::kept;
pub(crate) use staging::PartWriter;
use unsynced::{Doubt, Unsynced};

/// How often a move is tried again when a deletion takes the empty folder away under it.
const MOVE_ATTEMPTS: u32 = 16;
const TEMPORARY: &str = "put.";

/// A store in a folder.
#[derive(Debug)]
pub(crate) struct Files {
    path: PathBuf,
    root: Folder,
    media: Folder,
    staging: Folder,
    locks: Locks,
    doubt: Doubt,
    temporaries: AtomicU64,
}

/// How a move to a key ended.
enum Moved {
    Done,
    /// Something stands at the key.
    Occupied,
    /// The file to be moved is not there any more.
    SourceGone,
}

impl Files {
    pub(crate) fn open(path: &Path, locks: Locks) -> Result<Self, Error> {
        let open = || {
            let root = Folder::open_root(path)?;
            let (media, _) = root.child_made("media")?;
            let (staging, _) = root.child_made("staging")?;
            // What a process that was killed had not brought to disk yet is taken for done from here on.
            root.sync_all()?;
            Ok(Self {
                path: path.to_owned(),
                root,
                media,
                staging,
                locks,
                doubt: Doubt::default(),
                temporaries: AtomicU64::new(0),
            })
        };
        open().map_err(|source| Error::Folder { path: path.to_owned(), source })
    }

    /// Writes a whole object. The same bytes again are fine, other bytes are refused.
    pub(crate) fn put(&self, key: &ObjectKey, bytes: &Bytes) -> Result<(), Error> {
        self.require_room_for(bytes.len() as u64)?;
        let (name, mut file) = self.temporary().map_err(Error::io("make a file"))?;
        let mut write = || {
            file.write_all(bytes)?;
            crash_point!("put-written");
            file.sync_all()
        };
        let written = write().map_err(Error::io("write an object"));
        crash_point!("put-synced");
        let mut unsynced = self.unsynced();
        let moved = written.and_then(|()| self.move_to_key(&name, key, &mut unsynced));
        if !matches!(moved, Ok(Moved::Done)) {
            self.staging.remove(&name).map_err(Error::io("remove a temporary file"))?;
        }
        match moved? {
            Moved::Done => {
                unsynced.sync().map_err(Error::io("sync a folder"))?;
                crash_point!("put-moved");
                Ok(())
            }
            Moved::Occupied if self.holds(key, bytes)? => self.sync_names(key),
            Moved::Occupied => Err(Error::exists(key)),
            Moved::SourceGone => Err(Error::io("move an object to its key")(ErrorKind::NotFound.into())),
        }
    }

    /// Opens an object to read.
    pub(crate) fn open_object(&self, key: &ObjectKey) -> Result<File, Error> {
        let open = || self.key_folder(key)?.file(&file_name(key), Access::Read);
        open().map_err(|error| match error.kind() {
            ErrorKind::NotFound => Error::not_found(key),
            _ => Error::io("open an object")(error),
        })
    }

    /// Removes an object and the folders it leaves empty.
    pub(crate) fn delete(&self, key: &ObjectKey) -> Result<(), Error> {
        let remove = || {
            let folder = self.key_folder(key)?;
            folder.remove(&file_name(key))?;
            crash_point!("delete-removed");
            // Also when it was gone already: whoever removed it may have been killed before this.
            folder.sync()
        };
        match remove() {
            Ok(()) => {
                crash_point!("delete-synced");
                self.prune(key);
            }
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(Error::io("delete an object")(error)),
        }
        Ok(())
    }

    /// Removes what writers that were cut off left behind, last written before `before`; says how many files.
    pub(crate) fn sweep(&self, before: Timestamp) -> Result<u64, Error> {
        let sweep = || {
            let mut swept = 0;
            for name in self.staging.names()? {
                let name = name?;
                let old = |stat: rustix::fs::Stat| stat.st_mtime < before.seconds();
                if name.starts_with(TEMPORARY) && self.staging.look(&name)?.is_some_and(old) {
                    swept += u64::from(self.staging.remove(&name)?);
                }
            }
            Ok(swept)
        };
        sweep().map_err(Error::io("sweep the staging folder"))
    }

    /// Free space for this user and total space of the file system, in bytes.
    pub(crate) fn space(&self) -> io::Result<(u64, u64)> {
        let space = self.root.space()?;
        Ok((space.f_bavail.saturating_mul(space.f_frsize), space.f_blocks.saturating_mul(space.f_frsize)))
    }

    /// The permission bits of the store's folder.
    pub(crate) fn mode(&self) -> io::Result<u32> {
        Ok(self.root.stat()?.st_mode & 0o7777)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Fine when the folders that were opened are still found where they were: what is written into others would be lost.
    pub(crate) fn in_place(&self) -> io::Result<()> {
        let same = |found: &rustix::fs::Stat, held: &rustix::fs::Stat| {
            (found.st_dev, found.st_ino) == (held.st_dev, held.st_ino)
        };
        let there = same(&rustix::fs::stat(&self.path)?, &self.root.stat()?)
            && self.root.look("media")?.is_some_and(|found| self.media.stat().is_ok_and(|held| same(&found, &held)))
            && self
                .root
                .look("staging")?
                .is_some_and(|found| self.staging.stat().is_ok_and(|held| same(&found, &held)));
        if there { Ok(()) } else { Err(ErrorKind::NotFound.into()) }
    }

    /// Writes, syncs and removes a small file, as every object's writing does.
    pub(crate) fn write_test(&self) -> io::Result<()> {
        let (name, mut file) = self.temporary()?;
        let written = file.write_all(b"PicUp writes here").and_then(|()| file.sync_all());
        self.staging.remove(&name)?;
        written.and_then(|()| self.staging.sync())
    }

    /// A new file in the staging folder under a name nobody uses, also not another process.
    fn temporary(&self) -> io::Result<(String, File)> {
        loop {
            let number = self.temporaries.fetch_add(1, Ordering::Relaxed);
            let name = format!("{TEMPORARY}{}.{number}", std::process::id());
            match self.staging.file(&name, Access::Create) {
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
                other => return other.map(|file| (name, file)),
            }
        }
    }

    /// Moves a synced file from staging to its key; when this returns `Done`, the object's name is on disk as soon as
    /// `unsynced` is.
    fn move_to_key(&self, name: &str, key: &ObjectKey, unsynced: &mut Unsynced<'_>) -> Result<Moved, Error> {
        let fail = Error::io("move an object to its key");
        for _ in 0..MOVE_ATTEMPTS {
            let moved = self.key_folder_made(key, unsynced).and_then(|(path, folder)| {
                self.staging.move_to(name, &folder, &file_name(key))?;
                crash_point!("move-renamed");
                unsynced.changed(path, folder);
                Ok(())
            });
            match moved {
                Ok(()) => return Ok(Moved::Done),
                Err(error) if error.kind() == ErrorKind::AlreadyExists => return Ok(Moved::Occupied),
                Err(error) if error.kind() == ErrorKind::NotFound => {
                    if self.staging.look(name).map_err(&fail)?.is_none() {
                        return Ok(Moved::SourceGone);
                    }
                    unsynced.start_over().map_err(&fail)?;
                }
                Err(error) => return Err(fail(error)),
            }
        }
        Err(fail(io::Error::other("its folder kept disappearing")))
    }

    fn key_folder(&self, key: &ObjectKey) -> io::Result<Folder> {
        let mut folder = None;
        for name in folder_names(key) {
            folder = Some(folder.as_ref().unwrap_or(&self.media).child(&name)?);
        }
        folder.ok_or_else(|| io::Error::other("a key has folders"))
    }

    /// The key's folder and its path, made when missing. Whoever comes to a folder that was made here waits until its name is
    /// on disk.
    fn key_folder_made(&self, key: &ObjectKey, unsynced: &mut Unsynced<'_>) -> io::Result<(String, Folder)> {
        let [owner, asset, side] = folder_names(key);
        let path = format!("/{owner}");
        let folder = unsynced.owner(&owner, |unsynced| {
            self.child_made(String::new(), self.media.again()?, &owner, unsynced).map(|(_, folder)| folder)
        })?;
        let (path, folder) = self.child_made(path, folder, &asset, unsynced)?;
        self.child_made(path, folder, &side, unsynced)
    }

    fn child_made(
        &self,
        path: String,
        folder: Folder,
        name: &str,
        unsynced: &mut Unsynced<'_>,
    ) -> io::Result<(String, Folder)> {
        let below = format!("{path}/{name}");
        let held = (!unsynced.made(&below)).then(|| self.locks.hold_blocking(Name::Folder(below.clone())));
        let (child, made) = folder.child_made(name)?;
        if let Some(held) = held.filter(|_| made) {
            unsynced.make(below.clone(), held);
            unsynced.changed(path, folder);
        }
        Ok((below, child))
    }

    fn unsynced(&self) -> Unsynced<'_> {
        Unsynced::new(&self.root, &self.doubt)
    }

    /// Brings the names that lead to an object to disk: whoever gave them may have been killed before.
    fn sync_names(&self, key: &ObjectKey) -> Result<(), Error> {
        let mut unsynced = self.unsynced();
        let mut sync = || {
            let (mut path, mut folder) = (String::new(), self.media.again()?);
            for name in folder_names(key) {
                let child = folder.child(&name)?;
                let below = format!("{path}/{name}");
                unsynced.changed(std::mem::replace(&mut path, below), std::mem::replace(&mut folder, child));
            }
            unsynced.changed(path, folder);
            unsynced.sync()
        };
        sync().map_err(Error::io("sync a folder"))
    }

    /// Takes away the folders above a deleted object as far as they are empty. A writer that meets this tries again.
    fn prune(&self, key: &ObjectKey) {
        let [owner, asset, side] = folder_names(key);
        let Ok(owner_folder) = self.media.child(&owner) else { return };
        let emptied = owner_folder.child(&asset).is_ok_and(|folder| folder.remove_empty(&side));
        if emptied && owner_folder.remove_empty(&asset) {
            self.media.remove_empty(&owner);
        }
    }

    /// Whether the object at `key` has exactly these bytes.
    fn holds(&self, key: &ObjectKey, bytes: &[u8]) -> Result<bool, Error> {
        let fail = Error::io("compare an object");
        let file = self.open_object(key)?;
        if file.metadata().map_err(&fail)?.len() != bytes.len() as u64 {
            return Ok(false);
        }
        let mut chunk = vec![0; bytes.len().min(1 << 18)];
        for (number, wanted) in bytes.chunks(1 << 18).enumerate() {
            let there = &mut chunk[..wanted.len()];
            file.read_exact_at(there, (number as u64) << 18).map_err(&fail)?;
            if there != wanted {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

/// The folders of a key below `media`: owner, asset, and `view` or `file`.
fn folder_names(key: &ObjectKey) -> [String; 3] {
    let path = key.to_string();
    let side = path.rsplit('/').nth(1).unwrap_or_default();
    [key.owner().to_string(), key.asset().to_string(), side.to_owned()]
}

/// The last piece of a key.
fn file_name(key: &ObjectKey) -> String {
    let path = key.to_string();
    path.rsplit('/').next().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, mpsc};
    use std::time::Duration;

    use picup_domain::{AccountId, AssetId, ObjectRole};

    use super::*;

    #[test]
    fn a_writer_whose_folders_were_taken_away_holds_nobody_up() {
        let dir = tempfile::tempdir().unwrap();
        let files = Arc::new(Files::open(dir.path(), Locks::default()).unwrap());
        let now = Timestamp::from_micros(1_700_000_000_000_000);
        let (owner, asset) = (AccountId::new(now), AssetId::new(now));
        let key = ObjectKey::new(owner, asset, ObjectRole::Original, 1, "jpg");
        let folder = dir.path().join("media").join(owner.to_string());
        let (done, finished) = mpsc::channel();
        std::thread::spawn(move || {
            // The owner's folder stood already, so this writer holds the asset's only.
            std::fs::create_dir(&folder).unwrap();
            let mut first = files.unsynced();
            files.key_folder_made(&key, &mut first).unwrap();
            files.prune(&key);
            let second = std::thread::spawn({
                let (files, key) = (Arc::clone(&files), key.clone());
                move || files.key_folder_made(&key, &mut files.unsynced()).is_ok()
            });
            // By now the second one holds the owner's folder and waits for the asset's.
            while !folder.exists() {
                std::thread::yield_now();
            }
            first.start_over().unwrap();
            files.key_folder_made(&key, &mut first).unwrap();
            drop(first);
            done.send(second.join().unwrap()).unwrap();
        });
        assert!(finished.recv_timeout(Duration::from_secs(60)).expect("they wait for each other"));
    }
}
