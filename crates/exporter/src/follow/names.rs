//! Which names are followed.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use glob::MatchOptions;

/// A name with `*` that cannot be one.
pub(crate) type PatternError = glob::PatternError;

/// `*` stands for anything but a slash.
const OPTIONS: MatchOptions =
    MatchOptions { case_sensitive: true, require_literal_separator: true, require_literal_leading_dot: false };

/// The endings of files that `logrotate` and others have compressed.
const COMPRESSED: [&str; 6] = ["gz", "bz2", "xz", "zst", "lz4", "Z"];

/// One name, or all that fit.
#[derive(Debug)]
pub(crate) enum Pattern {
    One(PathBuf),
    Many(String),
}

impl Pattern {
    pub(crate) fn new(text: &str) -> Result<Self, PatternError> {
        if !text.contains('*') {
            return Ok(Self::One(text.into()));
        }
        glob::Pattern::new(text)?;
        Ok(Self::Many(text.to_owned()))
    }

    /// The names that there may be files of just now.
    pub(crate) fn paths(&self) -> Vec<PathBuf> {
        match self {
            Self::One(path) => vec![path.clone()],
            // Folders that cannot be read have no files.
            Self::Many(text) => glob::glob_with(text, OPTIONS).map(|all| all.flatten().collect()).unwrap_or_default(),
        }
    }
}

pub(crate) fn is_compressed(path: &Path) -> bool {
    path.extension().is_some_and(|ending| COMPRESSED.iter().any(|known| ending == *known))
}

/// Whether a file that has just appeared has the name that `logrotate` gives to what a followed file was: `access.log.1`, or
/// `access.log-20261130`. One that was renamed is known; this one is a copy of lines that were read.
pub(crate) fn is_rotated_copy(path: &Path, followed: &HashSet<PathBuf>) -> bool {
    let Some(text) = path.to_str() else { return false };
    let stem = text.trim_end_matches(|letter: char| letter.is_ascii_digit());
    stem.len() < text.len()
        && stem.strip_suffix(['.', '-']).is_some_and(|original| followed.contains(Path::new(original)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_rotated_and_compressed_files_are_known() {
        let followed = HashSet::from([PathBuf::from("/l/access.log"), PathBuf::from("/l/2026")]);
        let is_copy = |path: &str| is_rotated_copy(Path::new(path), &followed);
        assert!(is_copy("/l/access.log.1") && is_copy("/l/access.log-20261130"));
        assert!(
            !is_copy("/l/access.log")
                && !is_copy("/l/access.log2")
                && !is_copy("/l/other.log.1")
                && !is_copy("/l/2026")
        );
        assert!(is_compressed(Path::new("/l/access.log.2.gz")) && !is_compressed(Path::new("/l/gz")));
    }
}
