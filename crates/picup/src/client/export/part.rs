//! A file on its way into an export's folder: under a temporary name until it is whole, and gone if it never is.

use std::fs::{File, FileTimes};
use std::io;
use std::time::SystemTime;

use super::folder::Folder;

/// The beginning of the names of such files. Hidden, so that an import leaves them out.
const BEGINNING: &str = ".picup-";
/// Their end.
const ENDING: &str = ".part";
/// Files of one name that may be set aside.
const MOST_CHANGED: usize = 1000;

/// Whether a name is that of a file on its way; between two runs, of one that a kill left.
pub(super) fn is_name(name: &str) -> bool {
    name.starts_with(BEGINNING) && name.ends_with(ENDING)
}

/// A file on its way, removed when it is dropped before it has its place.
pub(super) struct Part {
    folder: Folder,
    name: String,
    placed: bool,
}

impl Part {
    /// A new file in `folder`; `what` tells it from all others there.
    pub(super) fn new(folder: Folder, what: &str) -> io::Result<(Self, File)> {
        let name = format!("{BEGINNING}{what}{ENDING}");
        folder.remove(&name)?;
        let file = folder.create(&name)?;
        Ok((Self { folder, name, placed: false }, file))
    }

    /// The folder it is in.
    pub(super) fn folder(&self) -> &Folder {
        &self.folder
    }

    /// Gives it its name, under which nothing must stand.
    pub(super) fn place_as(mut self, name: &str) -> io::Result<Folder> {
        self.folder.rename(&self.name, name).map_err(|error| match error.kind() {
            io::ErrorKind::AlreadyExists => in_the_way(name),
            _ => error,
        })?;
        self.settle()
    }

    /// Gives it its name in place of a file of ours.
    pub(super) fn replace(mut self, name: &str) -> io::Result<Folder> {
        self.folder.replace(&self.name, name)?;
        self.settle()
    }

    /// There is nothing to remove any more.
    fn settle(&mut self) -> io::Result<Folder> {
        self.placed = true;
        self.folder.again()
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        if !self.placed {
            // What stays is removed by the next run.
            let _ = self.folder.remove(&self.name);
        }
    }
}

/// Sets a file's time. A disk that cannot hold it (before 1970, say) is no reason to fail: the notes have it.
pub(super) fn set_time(file: &File, taken: SystemTime) {
    let _ = file.set_times(FileTimes::new().set_modified(taken));
}

/// Why a file cannot have the name that was meant for it.
pub(super) fn in_the_way(name: &str) -> io::Error {
    io::Error::other(format!("{name} has come to stand in its way; run it again for another name"))
}

/// Renames a file of ours that has changed, so that nothing of it is lost; gives its new name.
pub(super) fn set_aside(folder: &Folder, name: &str) -> io::Result<String> {
    for number in 1..MOST_CHANGED {
        let aside = if number == 1 { format!("{name}.changed") } else { format!("{name}.changed ({number})") };
        match folder.rename(name, &aside) {
            Ok(()) => return Ok(aside),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
    Err(in_the_way(&format!("{name}.changed")))
}
