//! The folder of an export: what stands in it already, and how a file comes to stand there whole or not at all.
//!
//! A file is written under a temporary name beside its place, brought to disk, and renamed. Nothing that is not ours is
//! replaced: a file of ours that has changed is set aside under another name. Everything here blocks.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use picup_domain::Sha256;
use sha2::Digest;

use super::super::read::mark;
use super::super::source::own::{self, Sidecar};
use super::super::state::{Mark, State};
use super::folder::{Folder, Stands};
use super::part::{self, Part, in_the_way, set_aside, set_time};
use super::photo::Content;

/// What is known of the files here: hashed once, and again only when they look otherwise. A name that an import leaves out.
const STATE: &str = ".picup-export.jsonl";
/// Notes are never longer.
const MOST_NOTES: u64 = 1 << 20;
const PIECE: usize = 128 * 1024;

/// The folder of an export.
pub(super) struct Disk {
    /// Where it is.
    path: PathBuf,
    /// The folder; `None` when it is not there and this run makes nothing.
    root: Option<Folder>,
    state: Option<State>,
    /// Held as long as this run writes, so that no second one does. Closing it lets go.
    _lock: Option<File>,
    /// Whether what looks unchanged is read all the same.
    verify: bool,
    /// Whether nothing is to be changed.
    dry: bool,
}

/// Why the folder cannot be used.
#[derive(Debug, thiserror::Error)]
pub(super) enum DiskError {
    /// The system said no.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// Somebody else writes there.
    #[error("another export is writing to this folder")]
    Busy,
}

/// What stands where a content is to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stand {
    /// Nothing.
    Missing,
    /// The content.
    Right {
        /// Whether it was read to know; else it looks as it did when an earlier run had proved it.
        read: bool,
    },
    /// A file with another content.
    Changed,
    /// No file, or none that may be read.
    Other,
}

/// What a folder has before this run.
#[derive(Debug, Default)]
pub(super) struct Standing {
    /// All names.
    pub(super) names: Vec<String>,
    /// The photos that have notes of ours beside their place: their names, by the hash in the notes.
    pub(super) noted: Vec<(String, Sidecar)>,
}

impl Disk {
    /// Opens the folder at `path`, made when it is missing unless nothing is to be changed.
    pub(super) fn open(path: &Path, verify: bool, dry: bool) -> Result<Self, DiskError> {
        if !dry {
            std::fs::create_dir_all(path)?;
        }
        let root = match Folder::open(path) {
            Ok(root) => Some(root),
            Err(error) if dry && error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(error.into()),
        };
        let (mut state, mut lock) = (None, None);
        if let Some(root) = &root {
            let file = if dry {
                if let Stands::File(file) = root.look(STATE)? { Some(file) } else { None }
            } else {
                let file = root.append(STATE)?;
                lock = Some(locked(&file)?);
                Some(file)
            };
            // Without it everything is hashed again, no more.
            state = file.and_then(|file| State::of(file, path).ok());
        }
        Ok(Self { path: path.to_owned(), root, state, _lock: lock, verify, dry })
    }

    /// A folder in it, made when something is to be written there.
    pub(super) fn folder(&self, place: &Path, make: bool) -> io::Result<Option<Folder>> {
        match &self.root {
            Some(root) => root.below(place, make && !self.dry),
            None => Ok(None),
        }
    }

    /// What a folder has; what an earlier run left half written there is removed.
    pub(super) fn standing(&self, place: &Path) -> io::Result<Standing> {
        let Some(folder) = self.folder(place, false)? else { return Ok(Standing::default()) };
        let mut standing = Standing::default();
        for name in folder.names()? {
            if part::is_name(&name) {
                if !self.dry {
                    folder.remove(&name)?;
                }
                continue;
            }
            if let Some(photo) = name.strip_suffix(own::ENDING)
                && let Some(notes) = notes(&folder, &name)?
            {
                standing.noted.push((photo.to_owned(), notes));
            }
            standing.names.push(name);
        }
        Ok(standing)
    }

    /// What stands where `content` is to be. Reads the file unless it is known and looks as it did.
    pub(super) fn stand(&self, folder: &Folder, place: &Path, name: &str, content: &Content) -> io::Result<Stand> {
        let mut file = match folder.look(name)? {
            Stands::Nothing => return Ok(Stand::Missing),
            Stands::Other => return Ok(Stand::Other),
            Stands::File(file) => file,
        };
        let looks = mark(&file.metadata()?);
        if looks.bytes != content.bytes {
            return Ok(Stand::Changed);
        }
        let path = self.full(place, name);
        let known = self.state.as_ref().and_then(|state| state.recall(&path, looks)).filter(|_| !self.verify);
        let sha256 = match known {
            Some(known) => known,
            None => match hash(&mut file) {
                Ok(sha256) => sha256,
                // A disk that gives its bytes no more.
                Err(_) => return Ok(Stand::Changed),
            },
        };
        if sha256 != content.sha256 || mark(&file.metadata()?) != looks {
            return Ok(Stand::Changed);
        }
        self.remember(&path, looks, sha256);
        Ok(Stand::Right { read: known.is_none() })
    }

    /// A new file for a content on its way to `place`.
    pub(super) fn part(&self, place: &Path, what: &str) -> io::Result<(Part, File)> {
        let missing = || io::Error::from(io::ErrorKind::NotFound);
        let folder = self.folder(place, true)?.ok_or_else(missing)?;
        Part::new(folder, what)
    }

    /// Gives a finished file its name. A file that has `changed` there is set aside; gives the name it has then.
    pub(super) fn put(
        &self,
        part: Part,
        place: &Path,
        name: &str,
        content: &Content,
        changed: bool,
    ) -> io::Result<Option<String>> {
        let aside = if changed { Some(set_aside(part.folder(), name)?) } else { None };
        let folder = part.place_as(name)?;
        self.seen(&folder, place, name, content.sha256)?;
        Ok(aside)
    }

    /// Writes the notes beside a photo unless they stand there already; says whether it did.
    pub(super) fn note(&self, place: &Path, name: &str, what: &str, notes: &Sidecar) -> io::Result<bool> {
        let mut text = serde_json::to_vec_pretty(notes)?;
        text.push(b'\n');
        let name = format!("{name}{}", own::ENDING);
        let old = match self.folder(place, false)? {
            Some(folder) => folder.look(&name)?,
            None => Stands::Nothing,
        };
        let replaces = match old {
            Stands::Nothing => false,
            Stands::Other => return Err(in_the_way(&name)),
            Stands::File(file) => {
                let old = bounded(file)?;
                if old == text {
                    return Ok(false);
                }
                parse(&old).ok_or_else(|| in_the_way(&name))?;
                true
            }
        };
        if self.dry {
            return Ok(true);
        }
        let (part, mut file) = self.part(place, what)?;
        file.write_all(&text)?;
        file.sync_all()?;
        if replaces {
            part.replace(&name)?
        } else {
            part.place_as(&name)?
        };
        Ok(true)
    }

    /// Gives a file that stands there the time it is to have, and knows it again.
    pub(super) fn touch(&self, place: &Path, name: &str, taken: SystemTime, content: &Content) -> io::Result<()> {
        let Some(folder) = self.folder(place, false)? else { return Ok(()) };
        if let Stands::File(file) = folder.look(name)?
            && file.metadata()?.modified().ok() != Some(taken)
        {
            set_time(&file, taken);
            self.seen(&folder, place, name, content.sha256)?;
        }
        Ok(())
    }

    /// Brings the names in a folder to disk.
    pub(super) fn sync(&self, place: &Path) -> io::Result<()> {
        self.folder(place, false)?.map_or(Ok(()), |folder| folder.sync())
    }

    /// The path of a file here, as a person sees it.
    pub(super) fn full(&self, place: &Path, name: &str) -> PathBuf {
        self.path.join(place).join(name)
    }

    fn seen(&self, folder: &Folder, place: &Path, name: &str, sha256: Sha256) -> io::Result<()> {
        if let Stands::File(file) = folder.look(name)? {
            self.remember(&self.full(place, name), mark(&file.metadata()?), sha256);
        }
        Ok(())
    }

    fn remember(&self, path: &Path, mark: Mark, sha256: Sha256) {
        if let Some(state) = self.state.as_ref().filter(|_| !self.dry) {
            state.remember(path, mark, sha256);
        }
    }
}

/// Keeps a second run out. A disk that knows no locks has none.
fn locked(file: &File) -> Result<File, DiskError> {
    let lock = file.try_clone()?;
    match rustix::fs::flock(&lock, rustix::fs::FlockOperation::NonBlockingLockExclusive) {
        Err(rustix::io::Errno::WOULDBLOCK) => Err(DiskError::Busy),
        _ => Ok(lock),
    }
}

/// The notes of ours under a name; `None` when it is something else.
fn notes(folder: &Folder, name: &str) -> io::Result<Option<Sidecar>> {
    match folder.look(name)? {
        Stands::File(file) => Ok(parse(&bounded(file)?)),
        Stands::Nothing | Stands::Other => Ok(None),
    }
}

fn parse(bytes: &[u8]) -> Option<Sidecar> {
    own::parse(&serde_json::from_slice(bytes).ok()?)
}

fn bounded(file: File) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    file.take(MOST_NOTES).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn hash(file: &mut File) -> io::Result<Sha256> {
    let mut hasher = sha2::Sha256::new();
    let mut piece = vec![0; PIECE];
    loop {
        match file.read(&mut piece)? {
            0 => return Ok(Sha256::from_hasher(hasher)),
            count => hasher.update(&piece[..count]),
        }
    }
}

#[cfg(test)]
mod tests;
