//! A folder held open, and what is done in it by plain name, without following links: nothing that lies in an export's
//! folder leads out of it. Never replaces a file but by [`Folder::replace`].

use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::path::{Component, Path};

use rustix::fs::{AtFlags, Dir, Mode, OFlags, RenameFlags};
use rustix::io::Errno;

const FOLDER: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);
/// `NONBLOCK` so that opening a pipe does not wait for its writer.
const FILE: OFlags = OFlags::NOFOLLOW.union(OFlags::CLOEXEC).union(OFlags::NONBLOCK);
/// As the umask leaves it.
const FILE_MODE: Mode = Mode::from_bits_retain(0o666);
const FOLDER_MODE: Mode = Mode::from_bits_retain(0o777);

/// An open folder.
#[derive(Debug)]
pub(super) struct Folder(OwnedFd);

/// What stands under a name.
#[derive(Debug)]
pub(super) enum Stands {
    Nothing,
    /// A plain file.
    File(File),
    /// A link, a folder, a pipe, a file that may not be read.
    Other,
}

impl Folder {
    /// Opens a folder by a path that a person has given: links in it are followed.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        Ok(Self(rustix::fs::open(path, FOLDER, Mode::empty())?))
    }

    /// Opens a folder below this one, made when it is missing and `make` is said; `None` when it stays missing.
    pub(super) fn below(&self, place: &Path, make: bool) -> io::Result<Option<Self>> {
        let mut folder = self.again()?;
        for step in place.components() {
            let Component::Normal(name) = step else { return Err(io::ErrorKind::InvalidInput.into()) };
            if make {
                match rustix::fs::mkdirat(&folder.0, name, FOLDER_MODE) {
                    Ok(()) => folder.sync()?,
                    Err(Errno::EXIST) => {}
                    Err(error) => return Err(error.into()),
                }
            }
            folder = match rustix::fs::openat(&folder.0, name, FOLDER | OFlags::NOFOLLOW, Mode::empty()) {
                Ok(child) => Self(child),
                Err(Errno::NOENT) if !make => return Ok(None),
                Err(Errno::LOOP | Errno::NOTDIR) => {
                    let text = format!("{} stands where a folder is to be (links are not followed)", name.display());
                    return Err(io::Error::other(text));
                }
                Err(error) => return Err(error.into()),
            };
        }
        Ok(Some(folder))
    }

    /// The same folder, held once more.
    pub(super) fn again(&self) -> io::Result<Self> {
        Ok(Self(self.0.try_clone()?))
    }

    /// The names in this folder that are text; others are none of ours.
    pub(super) fn names(&self) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in Dir::read_from(&self.0)? {
            if let Ok(name) = entry?.file_name().to_str()
                && name != "."
                && name != ".."
            {
                names.push(name.to_owned());
            }
        }
        names.sort_unstable();
        Ok(names)
    }

    /// Opens what stands under a name to be read.
    pub(super) fn look(&self, name: &str) -> io::Result<Stands> {
        match rustix::fs::openat(&self.0, name, OFlags::RDONLY | FILE, Mode::empty()) {
            Ok(file) => {
                let file = File::from(file);
                Ok(if file.metadata()?.is_file() { Stands::File(file) } else { Stands::Other })
            }
            Err(Errno::NOENT) => Ok(Stands::Nothing),
            // A link, a socket, a device without a driver, a file that is somebody else's alone.
            Err(Errno::LOOP | Errno::NXIO | Errno::NODEV | Errno::ACCESS | Errno::PERM) => Ok(Stands::Other),
            Err(error) => Err(error.into()),
        }
    }

    /// Makes a file that must not stand yet.
    pub(super) fn create(&self, name: &str) -> io::Result<File> {
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | FILE;
        Ok(File::from(rustix::fs::openat(&self.0, name, flags, FILE_MODE)?))
    }

    /// Opens a file to be read and written at its end, made when it is missing.
    pub(super) fn append(&self, name: &str) -> io::Result<File> {
        let flags = OFlags::RDWR | OFlags::APPEND | OFlags::CREATE | FILE;
        let file = File::from(rustix::fs::openat(&self.0, name, flags, Mode::RUSR | Mode::WUSR)?);
        if file.metadata()?.is_file() { Ok(file) } else { Err(io::Error::other(format!("{name} is not a plain file"))) }
    }

    /// Renames a file, never over one that stands there.
    pub(super) fn rename(&self, name: &str, new_name: &str) -> io::Result<()> {
        match rustix::fs::renameat_with(&self.0, name, &self.0, new_name, RenameFlags::NOREPLACE) {
            // File systems that do not know the flag may know links, which never replace either.
            Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => self.rename_by_link(name, new_name),
            other => Ok(other?),
        }
    }

    fn rename_by_link(&self, name: &str, new_name: &str) -> io::Result<()> {
        match rustix::fs::linkat(&self.0, name, &self.0, new_name, AtFlags::empty()) {
            Ok(()) => Ok(rustix::fs::unlinkat(&self.0, name, AtFlags::empty())?),
            // Memory cards know neither: what stands there is looked for, and nothing else writes while the lock is held.
            Err(Errno::PERM | Errno::OPNOTSUPP | Errno::NOSYS) => match self.look(new_name)? {
                Stands::Nothing => self.replace(name, new_name),
                Stands::File(_) | Stands::Other => Err(io::ErrorKind::AlreadyExists.into()),
            },
            Err(error) => Err(error.into()),
        }
    }

    /// Renames a file over one of ours.
    pub(super) fn replace(&self, name: &str, new_name: &str) -> io::Result<()> {
        Ok(rustix::fs::renameat(&self.0, name, &self.0, new_name)?)
    }

    /// Removes a file; one that is not there is as good as removed.
    pub(super) fn remove(&self, name: &str) -> io::Result<()> {
        match rustix::fs::unlinkat(&self.0, name, AtFlags::empty()) {
            Ok(()) | Err(Errno::NOENT) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Brings the folder's names to disk.
    pub(super) fn sync(&self) -> io::Result<()> {
        match rustix::fs::fsync(&self.0) {
            // Some network file systems cannot.
            Ok(()) | Err(Errno::INVAL) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}
