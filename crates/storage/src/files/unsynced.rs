//! Folders whose names have changed and are not on disk yet, so that many changes are brought there at once.

use std::collections::HashMap;
use std::io;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::folder::Folder;
use crate::crash_point;
use crate::locks::Held;

/// Whether some folder could not be brought to disk. Others may have put their names below it meanwhile, so from then on
/// nobody is told of anything before the whole file system has been brought to disk.
#[derive(Debug, Default)]
pub(super) struct Doubt(Mutex<bool>);

/// What a move or many have changed. Nobody may be told of them before [`sync`](Self::sync).
#[derive(Debug)]
pub(super) struct Unsynced<'a> {
    /// Any folder of the file system.
    root: &'a Folder,
    doubt: &'a Doubt,
    /// By path, so that a folder that changed twice is synced once.
    folders: HashMap<String, Folder>,
    /// New folders, kept from everybody else until their names are on disk.
    new: HashMap<String, Held>,
    /// The owner's folder of the last move, which is most often that of the next.
    owner: Option<(String, Folder)>,
}

impl Doubt {
    /// Brings the whole file system to disk, if that is due.
    fn settle(&self, root: &Folder) -> io::Result<()> {
        let mut due = self.due();
        if *due {
            root.sync_all()?;
            *due = false;
        }
        Ok(())
    }

    fn due(&self) -> MutexGuard<'_, bool> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<'a> Unsynced<'a> {
    /// Nothing has changed yet.
    pub(super) fn new(root: &'a Folder, doubt: &'a Doubt) -> Self {
        Self { root, doubt, folders: HashMap::new(), new: HashMap::new(), owner: None }
    }

    /// Names in that folder have changed.
    pub(super) fn changed(&mut self, path: String, folder: Folder) {
        self.folders.insert(path, folder);
    }

    /// The owner's folder, opened by `open` unless the last move was into it.
    pub(super) fn owner(
        &mut self,
        name: &str,
        open: impl FnOnce(&mut Self) -> io::Result<Folder>,
    ) -> io::Result<Folder> {
        if let Some((_, folder)) = self.owner.as_ref().filter(|(last, _)| last == name) {
            return folder.again();
        }
        let folder = open(self)?;
        self.owner = Some((name.to_owned(), folder.again()?));
        Ok(folder)
    }

    /// A folder was taken away meanwhile: all are opened anew, and what was made is let go of first. Folders are held from the
    /// top down, so whoever kept a lower one and came back for a higher one would wait for somebody who waits for them.
    pub(super) fn start_over(&mut self) -> io::Result<()> {
        self.owner = None;
        self.sync()
    }

    /// That folder is new.
    pub(super) fn make(&mut self, path: String, held: Held) {
        self.new.insert(path, held);
    }

    /// Whether that folder was made here.
    pub(super) fn made(&self, path: &str) -> bool {
        self.new.contains_key(path)
    }

    /// Brings all of it to disk, as much of it as can be.
    pub(super) fn sync(&mut self) -> io::Result<()> {
        let mut synced = Ok(());
        for (_, folder) in self.folders.drain() {
            synced = synced.and(folder.sync());
        }
        crash_point!("folders-synced");
        if synced.is_ok() {
            synced = self.doubt.settle(self.root);
        } else {
            *self.doubt.due() = true;
        }
        // Only now: whoever waits for one of these learns of the doubt.
        self.new.clear();
        synced
    }
}

impl Drop for Unsynced<'_> {
    /// Also when the move came to nothing: whoever waits for a folder made here relies on its name.
    fn drop(&mut self) {
        // The caller has a failure of its own to tell of.
        let _ = self.sync();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn after_a_failure_nothing_is_told_before_everything_is_on_disk() {
        let dir = tempfile::tempdir().unwrap();
        let (root, broken, doubt) = (Folder::open_root(dir.path()).unwrap(), Folder::unsyncable(), Doubt::default());
        let mut unsynced = Unsynced::new(&root, &doubt);
        unsynced.changed("/a".to_owned(), Folder::unsyncable());
        unsynced.changed("/b".to_owned(), root.again().unwrap());
        assert!(unsynced.sync().is_err());
        assert!(unsynced.folders.is_empty() && *doubt.due());
        // Of another's move, which failed nowhere itself.
        assert!(Unsynced::new(&broken, &doubt).sync().is_err());
        assert!(*doubt.due());
        assert!(Unsynced::new(&root, &doubt).sync().is_ok());
        assert!(!*doubt.due());
        assert!(Unsynced::new(&broken, &doubt).sync().is_ok(), "the whole is brought to disk only when that is due");
    }

    #[test]
    fn a_failure_that_nobody_was_told_of_is_remembered_too() {
        let dir = tempfile::tempdir().unwrap();
        let (root, doubt) = (Folder::open_root(dir.path()).unwrap(), Doubt::default());
        let mut unsynced = Unsynced::new(&root, &doubt);
        unsynced.changed("/a".to_owned(), Folder::unsyncable());
        drop(unsynced);
        assert!(*doubt.due());
    }
}
