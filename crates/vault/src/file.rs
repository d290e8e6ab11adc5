//! Secrets in files. One that others can read is refused: whoever read it can be us.

use std::fs::File;
use std::io::Read as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use zeroize::Zeroizing;

use crate::{Error, Hidden};

/// No secret is longer.
const MOST: u64 = 64 << 10;

/// Who may be able to read a file beside its owner.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Readers {
    /// Nobody.
    Owner,
    /// Whoever keeps it decides: a projected token is readable in its whole pod, a certificate is no secret.
    Anybody,
}

/// Reads what is in a file, without spaces and line ends around it. It is a few hundred bytes of a file in memory as a rule; no thread is
/// taken for them.
pub(crate) fn read(path: &Path, readers: Readers) -> Result<Hidden, Error> {
    let wrong = |problem: String| Error::File { path: path.to_owned(), problem };
    let about = std::fs::metadata(path).map_err(|error| wrong(error.to_string()))?;
    if !about.is_file() {
        return Err(wrong("it is not a file".to_owned()));
    }
    let file = File::open(path).map_err(|error| wrong(error.to_string()))?;
    let opened = file.metadata().map_err(|error| wrong(error.to_string()))?;
    let mode = opened.mode() & 0o777;
    if readers == Readers::Owner && mode & 0o077 != 0 {
        return Err(wrong(format!("others can read it (mode {mode:o}); chmod 600 it, or have who writes it do so")));
    }
    let mut text = Zeroizing::new(String::with_capacity(usize::try_from(opened.len().min(MOST)).unwrap_or(0) + 1));
    let read = file.take(MOST + 1).read_to_string(&mut text);
    // What was read is in no message, since it is a part of a secret.
    let read = read.map_err(|error| wrong(error.kind().to_string()))?;
    if read as u64 > MOST {
        return Err(wrong("it is too long for a secret".to_owned()));
    }
    let trimmed = text.trim();
    if trimmed.is_empty() {
        return Err(wrong("it is empty".to_owned()));
    }
    Ok(Hidden::new(Zeroizing::new(trimmed.to_owned())))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn a_file_that_others_can_read_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret");
        std::fs::write(&path, " tulip\n").unwrap();
        for (mode, fits) in [(0o600, true), (0o400, true), (0o640, false), (0o604, false), (0o620, false)] {
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
            let read = read(&path, Readers::Owner);
            assert_eq!(read.is_ok(), fits, "{mode:o}: {read:?}");
            assert!(!format!("{read:?}").contains("tulip"));
        }
        assert_eq!(read(&path, Readers::Anybody).unwrap().show(), "tulip");
    }

    #[test]
    fn what_is_no_secret_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret");
        assert!(read(&path, Readers::Anybody).is_err());
        assert!(read(folder.path(), Readers::Anybody).is_err());
        for bad in [b"\n".to_vec(), vec![b'x'; 65 << 10], vec![0xff, 0xfe]] {
            std::fs::write(&path, bad).unwrap();
            assert!(matches!(read(&path, Readers::Anybody), Err(Error::File { .. })));
        }
    }
}
