//! A folder held open, and what is done in it by plain name.
//!
//! Every step of a path is opened from the folder above without following symbolic links, so nothing planted in the store
//! leads out of it, whatever it was renamed to between a check and a use.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;

use rustix::fs::{AtFlags, Dir, Mode, OFlags, RenameFlags, Stat, StatVfs};
use rustix::io::Errno;

const FOLDER: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);
/// `NONBLOCK` so that opening a planted pipe does not wait for its writer.
const FILE: OFlags = OFlags::NOFOLLOW.union(OFlags::CLOEXEC).union(OFlags::NONBLOCK);

/// An open folder.
#[derive(Debug)]
pub(crate) struct Folder(OwnedFd);

/// How a file is opened.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Access {
    /// To be read.
    Read,
    /// To be read and written, standing already.
    Write,
    /// To be written; made now, and must not stand yet.
    Create,
    /// To be read, and written at its end only.
    Append,
}

impl AsFd for Folder {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl Folder {
    /// Opens the store's own folder, made when missing. The path is the operator's, so links in it are followed.
    pub(crate) fn open_root(path: &Path) -> io::Result<Self> {
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(path)?;
        let folder = Self(rustix::fs::open(path, FOLDER, Mode::empty())?);
        if let Some(above) = path.canonicalize()?.parent() {
            match File::open(above) {
                Ok(above) => above.sync_all()?,
                // One that may be entered and not read, as packagers like them; the folder in it is the operator's then.
                Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {}
                Err(error) => return Err(error),
            }
        }
        Ok(folder)
    }

    /// One that can be named and not brought to disk.
    #[cfg(test)]
    pub(crate) fn unsyncable() -> Self {
        Self(rustix::fs::open("/", OFlags::PATH | OFlags::CLOEXEC, Mode::empty()).unwrap())
    }

    /// Opens a folder in this one.
    pub(crate) fn child(&self, name: &str) -> io::Result<Self> {
        Ok(Self(rustix::fs::openat(&self.0, name, FOLDER | OFlags::NOFOLLOW, Mode::empty())?))
    }

    /// Opens a folder in this one, made when missing, and says whether it was: then its name is not on disk yet.
    pub(crate) fn child_made(&self, name: &str) -> io::Result<(Self, bool)> {
        let made = match rustix::fs::mkdirat(&self.0, name, Mode::RWXU) {
            Ok(()) => true,
            Err(Errno::EXIST) => false,
            Err(error) => return Err(error.into()),
        };
        Ok((self.child(name)?, made))
    }

    /// The same folder once more.
    pub(crate) fn again(&self) -> io::Result<Self> {
        self.0.try_clone().map(Self)
    }

    /// Opens a plain file in this folder; anything else of that name is refused.
    pub(crate) fn file(&self, name: &str, access: Access) -> io::Result<File> {
        let flags = match access {
            Access::Read => OFlags::RDONLY,
            Access::Write => OFlags::RDWR,
            Access::Create => OFlags::RDWR | OFlags::CREATE | OFlags::EXCL,
            Access::Append => OFlags::RDWR | OFlags::APPEND,
        };
        let file = File::from(rustix::fs::openat(&self.0, name, flags | FILE, Mode::RUSR | Mode::WUSR)?);
        if file.metadata()?.is_file() { Ok(file) } else { Err(io::Error::other("not a plain file")) }
    }

    /// What stands under a name, without following a link; `None` when nothing does.
    pub(crate) fn look(&self, name: &str) -> io::Result<Option<Stat>> {
        match rustix::fs::statat(&self.0, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => Ok(Some(stat)),
            Err(Errno::NOENT) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Removes a file; one that is not there is as good as removed. Says whether it was there.
    pub(crate) fn remove(&self, name: &str) -> io::Result<bool> {
        match rustix::fs::unlinkat(&self.0, name, AtFlags::empty()) {
            Ok(()) => Ok(true),
            Err(Errno::NOENT) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// Removes a folder if it is empty; says whether it did.
    pub(crate) fn remove_empty(&self, name: &str) -> bool {
        rustix::fs::unlinkat(&self.0, name, AtFlags::REMOVEDIR).is_ok()
    }

    /// Moves a file into another folder in one step, never over a file that stands there.
    pub(crate) fn move_to(&self, name: &str, to: &Self, new_name: &str) -> io::Result<()> {
        match rustix::fs::renameat_with(&self.0, name, &to.0, new_name, RenameFlags::NOREPLACE) {
            // File systems that do not know the flag (NFS, some in user space) know links, which never replace either.
            Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => {
                rustix::fs::linkat(&self.0, name, &to.0, new_name, AtFlags::empty())?;
                rustix::fs::unlinkat(&self.0, name, AtFlags::empty())?;
                Ok(())
            }
            other => Ok(other?),
        }
    }

    /// The names in this folder, in no order.
    pub(crate) fn names(&self) -> io::Result<impl Iterator<Item = io::Result<String>> + use<>> {
        let entries = Dir::read_from(&self.0)?;
        Ok(entries.filter_map(|entry| match entry {
            // A name that is not UTF-8 is not one of ours.
            Ok(entry) => entry.file_name().to_str().ok().filter(|n| *n != "." && *n != "..").map(|n| Ok(n.to_owned())),
            Err(error) => Some(Err(error.into())),
        }))
    }

    /// Brings the folder's names to disk.
    pub(crate) fn sync(&self) -> io::Result<()> {
        Ok(rustix::fs::fsync(&self.0)?)
    }

    /// Brings everything of this folder's file system to disk.
    pub(crate) fn sync_all(&self) -> io::Result<()> {
        Ok(rustix::fs::syncfs(&self.0)?)
    }

    /// The file system's figures.
    pub(crate) fn space(&self) -> io::Result<StatVfs> {
        Ok(rustix::fs::fstatvfs(&self.0)?)
    }

    /// The folder's own owner and mode.
    pub(crate) fn stat(&self) -> io::Result<Stat> {
        Ok(rustix::fs::fstat(&self.0)?)
    }
}
