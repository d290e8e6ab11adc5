//! A new file that has its name only once it is complete and on disk: until then it is called `NAME.part`, and locked. What a
//! killed run has left under that name is removed by the next.

use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, RenameFlags};
use rustix::io::Errno;

use crate::Error;

/// Dropped before [`NewFile::keep`], it is gone.
pub(super) struct NewFile {
    part: PathBuf,
    wanted: PathBuf,
    /// Open as long as this is: closing it would end the locks that SQLite has on the same file.
    file: File,
    kept: bool,
}

impl NewFile {
    /// An empty file that only this user can read.
    pub(super) fn begin(wanted: &Path) -> Result<Self, Error> {
        let place = |error: io::Error| Error::Place(format!("{}: {error}", wanted.display()));
        let name = wanted.file_name().ok_or_else(|| place(io::ErrorKind::IsADirectory.into()))?;
        let mut part = name.to_owned();
        part.push(".part");
        let part = wanted.with_file_name(part);
        let mut new = OpenOptions::new();
        new.read(true).write(true).create_new(true).mode(0o600);
        let file = loop {
            is_free(wanted)?;
            match new.open(&part) {
                // Another run may have taken it for one that a killed run had left.
                Ok(file) if is_alone(&file, &part)? => break file,
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => remove_left(&part)?,
                Err(error) => return Err(place(error)),
            }
        };
        // A journal of what stood here before would be rolled back into what is written now.
        for beside in beside(&part) {
            gone(&beside).map_err(place)?;
        }
        Ok(Self { part, wanted: wanted.to_owned(), file, kept: false })
    }

    /// Where it is for now.
    pub(super) fn part(&self) -> &Path {
        &self.part
    }

    /// Fills it with the bytes of another.
    pub(super) async fn copy_of(&self, path: &Path) -> Result<(), Error> {
        let place = |error: io::Error| match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Error::Full,
            _ => Error::Place(format!("{}: {error}", path.display())),
        };
        let mut from = tokio::fs::File::open(path).await.map_err(place)?;
        let mut to = tokio::fs::File::from_std(self.file.try_clone().map_err(place)?);
        tokio::io::copy(&mut from, &mut to).await.map_err(place)?;
        to.sync_all().await.map_err(place)
    }

    /// Brings it to disk and gives it its name, never that of a file which is there.
    pub(super) fn keep(mut self) -> Result<u64, Error> {
        let place = |error: io::Error| Error::Place(format!("{}: {error}", self.wanted.display()));
        self.file.sync_all().map_err(place)?;
        rename(&self.part, &self.wanted).map_err(|error| match error.kind() {
            io::ErrorKind::AlreadyExists => stands(&self.wanted),
            _ => place(error),
        })?;
        self.kept = true;
        let folder = self.wanted.parent().filter(|folder| *folder != Path::new("")).unwrap_or(Path::new("."));
        File::open(folder).and_then(|folder| folder.sync_all()).map_err(place)?;
        Ok(self.file.metadata().map_err(place)?.len())
    }
}

impl Drop for NewFile {
    fn drop(&mut self) {
        if !self.kept {
            for file in beside(&self.part).iter().chain([&self.part]) {
                let _ = gone(file);
            }
        }
    }
}

/// What SQLite puts beside a database for as long as it is not all in it.
pub(super) fn beside(path: &Path) -> [PathBuf; 3] {
    ["-wal", "-shm", "-journal"].map(|end| {
        let mut name = path.as_os_str().to_owned();
        name.push(end);
        name.into()
    })
}

fn gone(path: &Path) -> io::Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Removes what a killed run has left. Its bytes are never written over: they may be another user's, or have another name, too.
fn remove_left(part: &Path) -> Result<(), Error> {
    let place = |error: io::Error| Error::Place(format!("{}: {error}", part.display()));
    match OpenOptions::new().read(true).custom_flags(as_it_is()).open(part) {
        // Whoever had the lock has given the file its name since it was opened: it is not to be touched.
        Ok(left) if is_alone(&left, part)? => gone(part).map_err(place),
        Ok(_) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(place(error)),
    }
}

/// Locks a file, and says whether it is still the one that stands there.
fn is_alone(file: &File, part: &Path) -> Result<bool, Error> {
    let place = |error: io::Error| Error::Place(format!("{}: {error}", part.display()));
    match file.try_lock() {
        Ok(()) => is_still(file, part).map_err(place),
        Err(TryLockError::WouldBlock) => {
            Err(Error::Occupied(format!("{} is being written by another PicUp", part.display())))
        }
        Err(TryLockError::Error(error)) => Err(place(error)),
    }
}

/// Whether an open file is the one that stands there now.
fn is_still(file: &File, path: &Path) -> io::Result<bool> {
    let open = file.metadata()?;
    match std::fs::symlink_metadata(path) {
        Ok(there) => Ok((there.dev(), there.ino()) == (open.dev(), open.ino())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

/// Nothing stands there, not even a link that leads nowhere.
pub(super) fn is_free(path: &Path) -> Result<(), Error> {
    match std::fs::symlink_metadata(path) {
        Ok(_) => Err(stands(path)),
        Err(_) => Ok(()),
    }
}

fn stands(path: &Path) -> Error {
    Error::Occupied(format!("{} is there already", path.display()))
}

fn rename(from: &Path, to: &Path) -> io::Result<()> {
    match rustix::fs::renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE) {
        // File systems that do not know the flag know links, which never replace either.
        Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => {
            std::fs::hard_link(from, to)?;
            std::fs::remove_file(from)
        }
        other => Ok(other?),
    }
}

/// Nothing that a link leads to, and nothing that waits for somebody at its other end.
fn as_it_is() -> i32 {
    (rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK).bits().cast_signed()
}

#[cfg(test)]
mod tests {
    use picup_testkit::fresh_folder;

    use super::*;

    #[test]
    fn what_is_left_is_removed_and_never_written_into() {
        let folder = fresh_folder();
        let (precious, wanted) = (folder.path().join("precious"), folder.path().join("kept.db"));
        let part = folder.path().join("kept.db.part");
        std::fs::write(&precious, "mine").unwrap();
        std::fs::hard_link(&precious, &part).unwrap();
        let new = NewFile::begin(&wanted).unwrap();
        assert!(matches!(NewFile::begin(&wanted).err(), Some(Error::Occupied(why)) if why.contains("being written")));
        std::fs::write(new.part(), "a backup").unwrap();
        new.keep().unwrap();
        assert_eq!(std::fs::read(&precious).unwrap(), b"mine");
        assert_eq!(std::fs::read(&wanted).unwrap(), b"a backup");

        let pipe = folder.path().join("pipe.db.part");
        rustix::fs::mkfifoat(CWD, &pipe, rustix::fs::Mode::RUSR).unwrap();
        drop(NewFile::begin(&folder.path().join("pipe.db")).unwrap());
        std::os::unix::fs::symlink(&precious, folder.path().join("link.db.part")).unwrap();
        assert!(NewFile::begin(&folder.path().join("link.db")).is_err());
        assert_eq!(std::fs::read(&precious).unwrap(), b"mine");
    }

    #[test]
    fn a_file_that_was_opened_before_it_got_its_name_is_known() {
        let folder = fresh_folder();
        let (part, wanted) = (folder.path().join("kept.db.part"), folder.path().join("kept.db"));
        std::fs::write(&part, "all that was backed up").unwrap();
        let file = File::open(&part).unwrap();
        assert!(is_still(&file, &part).unwrap());
        std::fs::rename(&part, &wanted).unwrap();
        assert!(!is_still(&file, &part).unwrap());
        std::fs::write(&part, "another").unwrap();
        assert!(!is_still(&file, &part).unwrap() && is_still(&file, &wanted).unwrap());
    }
}
