//! Follows files as they grow, are moved away and are emptied, without losing a line or reading one twice.
//!
//! A file is known by its inode, not by its name: one that is moved away goes on being read until nothing comes any more, whatever is
//! made in its place, and is not read anew under its next name. All of it happens in [`Follower::poll`], which its caller calls a few
//! times a second and which waits for nothing.

mod file;
mod names;
#[cfg(test)]
mod tests;

use std::collections::HashSet;
use std::fs::File;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use file::Followed;
pub(crate) use names::PatternError;
use names::{Pattern, is_compressed, is_rotated_copy};

/// A file that nobody has a name for any more is let go when it has not grown for so long.
const QUIET: Duration = Duration::from_secs(10);

/// How many files are kept open that were moved to names which are not followed.
const MOST_MOVED: usize = 16;

/// What a file has brought.
#[derive(Debug)]
pub(crate) enum Read<'a> {
    /// Whole lines, each with its end; the last one of a file that is let go may have none.
    Lines(&'a [u8]),
    /// A line that is too long to be looked at.
    Overlong,
}

/// Follows the files of one namespace.
#[derive(Debug)]
pub(crate) struct Follower {
    patterns: Vec<Pattern>,
    files: Vec<Followed>,
    /// The files that were there at the first look are read from their end.
    begun: bool,
    from_start: bool,
    buffer: Vec<u8>,
    /// Every name under which a file was followed.
    names: HashSet<PathBuf>,
    /// What was said once.
    told: HashSet<PathBuf>,
}

impl Follower {
    /// Follows files of these names, and of names with `*` those that fit, whenever they are made. Files that are there already are read
    /// from their end on, unless `from_start`.
    pub(crate) fn new(patterns: &[String], from_start: bool) -> Result<Self, PatternError> {
        Ok(Self {
            patterns: patterns.iter().map(|text| Pattern::new(text)).collect::<Result<_, _>>()?,
            files: Vec::new(),
            begun: false,
            from_start,
            buffer: vec![0; file::BUFFER],
            names: HashSet::new(),
            told: HashSet::new(),
        })
    }

    /// Reads whatever has come since the last time.
    pub(crate) fn poll(&mut self, now: Duration, to: &mut dyn FnMut(Read<'_>)) {
        // What is open is read to its end before names are looked at: a file that was moved away comes before the new one.
        for file in &mut self.files {
            file.read(&mut self.buffer, now, to);
            file.has_name = false;
        }
        let paths: Vec<PathBuf> = self.patterns.iter().flat_map(Pattern::paths).collect();
        for path in paths {
            match self.look(&path, now) {
                Ok(Some(mut file)) => {
                    file.read(&mut self.buffer, now, to);
                    self.files.push(file);
                }
                Ok(None) => {}
                Err(error) => self.tell(&path, &format!("cannot be read: {error}")),
            }
        }
        self.begun = true;
        self.let_go(now, to);
    }

    /// A last look, and the last line of each file though it has no end.
    pub(crate) fn finish(&mut self, now: Duration, to: &mut dyn FnMut(Read<'_>)) {
        self.poll(now, to);
        for file in &mut self.files {
            file.finish(&mut self.buffer, to);
        }
    }

    /// How many files are followed.
    pub(crate) fn len(&self) -> usize {
        self.files.len()
    }

    /// The file of that name, if it is not known yet.
    fn look(&mut self, path: &Path, now: Duration) -> io::Result<Option<Followed>> {
        let metadata = match std::fs::metadata(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                if !self.begun {
                    self.tell(path, "is not there yet; waiting for it");
                }
                return Ok(None);
            }
            metadata => metadata?,
        };
        if self.known(&metadata, path) {
            return Ok(None);
        }
        if !metadata.is_file() {
            self.tell(path, "is no file, and not followed");
            return Ok(None);
        }
        if is_compressed(path) || (self.begun && is_rotated_copy(path, &self.names)) {
            return Ok(None);
        }
        let file = File::open(path)?;
        // It may have been replaced since.
        let metadata = file.metadata()?;
        if !metadata.is_file() || self.known(&metadata, path) {
            return Ok(None);
        }
        self.names.insert(path.to_owned());
        self.told.remove(path);
        let mut followed = Followed::new(file, &metadata, path.to_owned(), now);
        if !self.begun && !self.from_start {
            followed.skip_to_end(&metadata, &mut self.buffer)?;
        }
        Ok(Some(followed))
    }

    /// Whether that file is followed already; it has this name then.
    fn known(&mut self, metadata: &std::fs::Metadata, path: &Path) -> bool {
        let id = (metadata.dev(), metadata.ino());
        let Some(file) = self.files.iter_mut().find(|file| file.id == id) else { return false };
        file.has_name = true;
        if file.path != path {
            path.clone_into(&mut file.path);
            self.names.insert(path.to_owned());
        }
        true
    }

    /// Closes files that were removed and are quiet, and the quietest of those that were moved away, when they are many.
    fn let_go(&mut self, now: Duration, to: &mut dyn FnMut(Read<'_>)) {
        let mut moved: Vec<Duration> =
            self.files.iter().filter(|file| !file.has_name).map(|file| file.grown_at).collect();
        moved.sort_unstable();
        let too_many = moved.len().checked_sub(MOST_MOVED).filter(|many| *many > 0).map(|many| moved[many - 1]);
        let buffer = &mut self.buffer;
        self.files.retain_mut(|file| {
            let quiet = now >= file.grown_at + QUIET;
            let goes = !file.has_name && quiet && (file.is_removed() || too_many.is_some_and(|at| file.grown_at <= at));
            if goes {
                file.finish(buffer, to);
            }
            !goes
        });
    }

    fn tell(&mut self, path: &Path, what: &str) {
        if self.told.insert(path.to_owned()) {
            tracing::warn!(file = %path.display(), "a log {what}");
        }
    }
}

/// The files that would be followed just now.
pub(crate) fn names_of(patterns: &[String]) -> Result<Vec<PathBuf>, PatternError> {
    let mut paths = Vec::new();
    for text in patterns {
        paths.extend(Pattern::new(text)?.paths().into_iter().filter(|path| !is_compressed(path)));
    }
    Ok(paths)
}
