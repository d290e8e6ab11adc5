//! Folders whose names have changed and are not on disk yet, so that many changes are brought there at once.

use std::collections::HashMap;
use std::io;

use super::folder::Folder;
use crate::crash_point;
use crate::locks::Held;

/// What a move or many have changed. Nobody may be told of them before [`sync`](Self::sync).
#[derive(Debug, Default)]
pub(super) struct Unsynced {
    /// By path, so that a folder that changed twice is synced once.
    folders: HashMap<String, Folder>,
    /// New folders, kept from everybody else until their names are on disk.
    new: HashMap<String, Held>,
    /// The owner's folder of the last move, which is most often that of the next.
    owner: Option<(String, Folder)>,
}

impl Unsynced {
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

    /// A folder was taken away meanwhile: all are opened anew.
    pub(super) fn reopen(&mut self) {
        self.owner = None;
    }

    /// That folder is new.
    pub(super) fn make(&mut self, path: String, held: Held) {
        self.new.insert(path, held);
    }

    /// Whether that folder was made here.
    pub(super) fn made(&self, path: &str) -> bool {
        self.new.contains_key(path)
    }

    /// Brings all of it to disk.
    pub(super) fn sync(&mut self) -> io::Result<()> {
        for (_, folder) in self.folders.drain() {
            folder.sync()?;
        }
        crash_point!("folders-synced");
        self.new.clear();
        Ok(())
    }
}

impl Drop for Unsynced {
    /// Also when the move came to nothing: whoever waits for a folder made here relies on its name.
    fn drop(&mut self) {
        // The caller has a failure of its own to tell of.
        let _ = self.sync();
    }
}
