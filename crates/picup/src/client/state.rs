//! What earlier runs have hashed, so that a second run over the same folder need not read its files again: of an import in a
//! file elsewhere, of an export in one in the folder itself.
//!
//! One line of JSON a file, only ever appended: a crash tears the last line at most, and a torn line is passed over. A line
//! holds as long as size, times and inode are those of then; whoever changes a file's content changes its `ctime`. Nothing
//! here is believed about the server: it is asked for every file, by its hash, in every run.

use std::collections::HashMap;
use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use picup_domain::Sha256;
use serde::{Deserialize, Serialize};

/// A line is never longer: paths have 4096 bytes at most, twice as many in hexadecimal.
const LONGEST_LINE: u64 = 16 * 1024;

/// What a file looked like when it was hashed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Mark {
    /// Its size.
    pub(super) bytes: u64,
    /// When its content was last changed: seconds since 1970 and nanoseconds.
    pub(super) modified: (i64, i64),
    /// When anything about it was last changed.
    pub(super) changed: (i64, i64),
    /// Its number on its file system.
    pub(super) inode: u64,
}

/// One line.
#[derive(Serialize, Deserialize)]
struct Line {
    /// The path below the folder, in hexadecimal because it may have any bytes.
    path: String,
    #[serde(flatten)]
    mark: Mark,
    sha256: String,
}

/// The state of one folder for one account of one server.
#[derive(Debug)]
pub(super) struct State {
    root: PathBuf,
    known: HashMap<Vec<u8>, (Mark, Sha256)>,
    file: Mutex<File>,
}

/// The name for the state of `folder`, which the account `whose` at `server` is sent.
pub(super) fn file_name(server: &str, whose: &str, folder: &Path) -> String {
    let mut text = format!("{server}\n{whose}\n").into_bytes();
    text.extend(folder.as_os_str().as_bytes());
    format!("import-{}.jsonl", &Sha256::of(&text).to_string()[..32])
}

impl State {
    /// Opens the state at `path`, new or not, for files below `root`. Blocks.
    ///
    /// # Errors
    /// When the file cannot be made, read or written.
    pub(super) fn open(path: &Path, root: &Path) -> io::Result<Self> {
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        // Names of files are private.
        Self::of(OpenOptions::new().read(true).append(true).create(true).mode(0o600).open(path)?, root)
    }

    /// The state in an open file. Blocks.
    ///
    /// # Errors
    /// When it cannot be read, or an unfinished last line in it not be ended.
    pub(super) fn of(mut file: File, root: &Path) -> io::Result<Self> {
        let known = read(&file)?;
        if file.seek(SeekFrom::End(0))? > 0 {
            file.seek(SeekFrom::End(-1))?;
            let mut last = [0];
            file.read_exact(&mut last)?;
            if last != *b"\n" {
                file.write_all(b"\n")?;
            }
        }
        Ok(Self { root: root.to_owned(), known, file: Mutex::new(file) })
    }

    /// The hash of the file at `path`, when it looks as it did then.
    pub(super) fn recall(&self, path: &Path, mark: Mark) -> Option<Sha256> {
        let (then, sha256) = self.known.get(self.key(path))?;
        (*then == mark).then_some(*sha256)
    }

    /// Remembers that a file has that content: of an import, one that the server has said it has; of an export, one that was
    /// proved to be what the server has. What cannot be written here is hashed again next time, no more.
    pub(super) fn remember(&self, path: &Path, mark: Mark, sha256: Sha256) {
        let key = self.key(path);
        if self.known.get(key) == Some(&(mark, sha256)) {
            return;
        }
        let line = Line { path: hex::encode(key), mark, sha256: sha256.to_string() };
        if let Ok(mut text) = serde_json::to_string(&line) {
            text.push('\n');
            // A panic while it was held could not have left half a line that is not passed over.
            let _ = self.file.lock().unwrap_or_else(PoisonError::into_inner).write_all(text.as_bytes());
        }
    }

    fn key<'a>(&self, path: &'a Path) -> &'a [u8] {
        path.strip_prefix(&self.root).unwrap_or(path).as_os_str().as_bytes()
    }
}

fn read(file: &File) -> io::Result<HashMap<Vec<u8>, (Mark, Sha256)>> {
    let mut known = HashMap::new();
    let mut reader = BufReader::new(file);
    let mut line = Vec::new();
    loop {
        line.clear();
        if reader.by_ref().take(LONGEST_LINE).read_until(b'\n', &mut line)? == 0 {
            return Ok(known);
        }
        let Ok(Line { path, mark, sha256 }) = serde_json::from_slice(&line) else { continue };
        if let (Ok(path), Ok(sha256)) = (hex::decode(path), sha256.parse()) {
            known.insert(path, (mark, sha256));
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MARK: Mark = Mark { bytes: 3, modified: (1, 2), changed: (3, 4), inode: 5 };

    #[test]
    fn a_file_is_known_as_long_as_it_looks_the_same_and_torn_lines_cost_themselves_alone() {
        let dir = tempfile::tempdir().unwrap();
        let (path, root) = (dir.path().join("deep/state.jsonl"), Path::new("/photos"));
        let (one, two, three) = (root.join("1.jpg"), root.join("2.jpg"), root.join("3.jpg"));
        let state = State::open(&path, root).unwrap();
        state.remember(&one, MARK, Sha256::of(b"one"));
        state.remember(&two, MARK, Sha256::of(b"two"));
        // The power goes in the middle of the second line.
        let whole = std::fs::metadata(&path).unwrap().len();
        OpenOptions::new().write(true).open(&path).unwrap().set_len(whole - 20).unwrap();

        let state = State::open(&path, root).unwrap();
        assert_eq!(state.recall(&one, MARK), Some(Sha256::of(b"one")));
        assert_eq!(state.recall(&two, MARK), None);
        for other in [Mark { bytes: 4, ..MARK }, Mark { changed: (3, 5), ..MARK }, Mark { inode: 6, ..MARK }] {
            assert_eq!(state.recall(&one, other), None);
        }
        state.remember(&three, MARK, Sha256::of(b"three"));
        let state = State::open(&path, root).unwrap();
        assert_eq!(state.recall(&three, MARK), Some(Sha256::of(b"three")));
    }

    #[test]
    fn each_folder_of_each_account_has_its_own() {
        let names = [("s", "a", "/f"), ("s", "a", "/g"), ("s", "b", "/f"), ("t", "a", "/f")];
        let names: std::collections::HashSet<_> =
            names.into_iter().map(|(server, whose, folder)| file_name(server, whose, Path::new(folder))).collect();
        assert_eq!(names.len(), 4);
    }

    proptest! {
        #[test]
        fn no_bytes_in_it_are_too_odd(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let file = tempfile::NamedTempFile::new().unwrap();
            std::fs::write(file.path(), &bytes).unwrap();
            State::open(file.path(), Path::new("/")).unwrap();
        }
    }
}
