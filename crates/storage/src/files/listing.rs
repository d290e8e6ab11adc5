//! Which objects there are.

use std::io::ErrorKind;

use picup_domain::ObjectKey;

use super::Files;
use super::folder::Folder;
use crate::Error;

impl Files {
    /// The names of the owners' folders.
    pub(crate) fn owners(&self) -> Result<Vec<String>, Error> {
        sorted(&self.media)
    }

    /// The names of the assets' folders in an owner's.
    pub(crate) fn assets(&self, owner: &str) -> Result<Vec<String>, Error> {
        gone_is_empty(self.media.child(owner))
            .and_then(|folder| folder.map_or(Ok(Vec::new()), |folder| sorted(&folder)))
    }

    /// The objects in an asset's folder, and their sizes. What is no object's name is left out.
    pub(crate) fn objects(&self, owner: &str, asset: &str) -> Result<Vec<(ObjectKey, u64)>, Error> {
        let mut found = Vec::new();
        let Some(above) = gone_is_empty(self.media.child(owner).and_then(|owner| owner.child(asset)))? else {
            return Ok(found);
        };
        for part in ["file", "view"] {
            let Some(folder) = gone_is_empty(above.child(part))? else { continue };
            for name in sorted(&folder)? {
                let Ok(key) = format!("media/{owner}/{asset}/{part}/{name}").parse() else { continue };
                if let Some(there) = folder.look(&name).map_err(Error::io("look at an object"))? {
                    found.push((key, there.st_size.unsigned_abs()));
                }
            }
        }
        Ok(found)
    }
}

fn sorted(folder: &Folder) -> Result<Vec<String>, Error> {
    let listed = folder.names().and_then(Iterator::collect::<std::io::Result<Vec<String>>>);
    let mut names = listed.map_err(Error::io("list a folder of the store"))?;
    names.sort_unstable();
    Ok(names)
}

/// What was removed meanwhile is not there.
fn gone_is_empty<T>(found: std::io::Result<T>) -> Result<Option<T>, Error> {
    match found {
        Ok(found) => Ok(Some(found)),
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => Ok(None),
        Err(error) => Err(Error::io("list a folder of the store")(error)),
    }
}
