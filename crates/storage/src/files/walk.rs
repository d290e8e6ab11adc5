//! Walking the objects of a store a handful at a time, so that a listing costs the same memory at any size.

use std::io;

use picup_domain::ObjectKey;
use rustix::io::Errno;

use super::Files;
use super::folder::Folder;
use crate::{Error, Listed, Scope};

/// The folders of a key: `media`, owner, asset, and `view` or `file`.
const DEPTH: usize = 4;

type Names = Box<dyn Iterator<Item = io::Result<String>> + Send>;

/// A walk that remembers where it is. Holds at most [`DEPTH`] folders open.
pub(crate) struct Walk {
    stack: Vec<Level>,
}

struct Level {
    folder: Folder,
    names: Names,
    path: String,
}

impl Walk {
    /// Starts at the folder of `scope`; one that is not there has nothing to list.
    pub(crate) fn start(files: &Files, scope: Scope) -> Result<Self, Error> {
        let (owner, asset) = match scope {
            Scope::All => (None, None),
            Scope::Owner(owner) => (Some(owner), None),
            Scope::Asset(owner, asset) => (Some(owner), Some(asset)),
        };
        let below = owner.map(|id| id.to_string()).into_iter().chain(asset.map(|id| id.to_string()));
        let start = || {
            let mut path = "media".to_owned();
            let mut folder = files.root.child(&path)?;
            for name in below {
                folder = folder.child(&name)?;
                path = path + "/" + &name;
            }
            Level::new(folder, path)
        };
        let first = start().map(Some).or_else(skip_what_is_not_ours)?;
        Ok(Self { stack: first.into_iter().collect() })
    }

    /// At least one and about `count` more objects; none at the end.
    pub(crate) fn next(&mut self, count: usize) -> Result<Vec<Listed>, Error> {
        let mut found = Vec::new();
        while found.len() < count {
            let Some(level) = self.stack.last_mut() else { break };
            match level.names.next().transpose().map_err(Error::io("list a folder"))? {
                None => {
                    self.stack.pop();
                }
                Some(name) if level.path.split('/').count() < DEPTH => {
                    let below = level.below(&name).map(Some).or_else(skip_what_is_not_ours)?;
                    self.stack.extend(below);
                }
                Some(name) => found.extend(level.object(&name)?),
            }
        }
        Ok(found)
    }
}

impl Level {
    fn new(folder: Folder, path: String) -> io::Result<Self> {
        let names = Box::new(folder.names()?);
        Ok(Self { folder, names, path })
    }

    fn below(&self, name: &str) -> io::Result<Self> {
        Self::new(self.folder.child(name)?, format!("{}/{name}", self.path))
    }

    fn object(&self, name: &str) -> Result<Option<Listed>, Error> {
        let Ok(key) = format!("{}/{name}", self.path).parse::<ObjectKey>() else { return Ok(None) };
        let stat = self.folder.look(name).map_err(Error::io("look at an object"))?;
        let plain = stat.filter(|stat| rustix::fs::FileType::from_raw_mode(stat.st_mode).is_file());
        Ok(plain.map(|stat| Listed { key, bytes: u64::try_from(stat.st_size).unwrap_or_default() }))
    }
}

/// A folder that went away meanwhile, a stray file or a link is not listed; anything else is an error.
fn skip_what_is_not_ours<T>(error: io::Error) -> Result<Option<T>, Error> {
    match Errno::from_io_error(&error) {
        Some(Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => Ok(None),
        _ => Err(Error::io("list a folder")(error)),
    }
}
