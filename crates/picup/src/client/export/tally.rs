//! What came of an export: the numbers, the failures in words, and how far what stands there is proved. A file whose hash an
//! earlier run has proved is not read again while it looks the same, and the summary says so.

use std::collections::BTreeMap;
use std::path::PathBuf;

use picup_domain::ByteSize;
use serde::Serialize;

use super::super::call::plain;

/// The numbers; a line of JSON for programs. They count photos, videos and films, not the notes beside them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Exported {
    /// Files to be in the folder.
    pub(crate) found: u64,
    /// Files that were written, or whose notes were.
    pub(crate) written: u64,
    /// Files that were there already.
    pub(crate) unchanged: u64,
    /// Files that are not there, for the reasons told.
    pub(crate) failed: u64,
    /// Bytes of the files that were written.
    pub(crate) bytes: u64,
}

/// How one file ended.
#[derive(Debug)]
pub(super) enum End {
    /// So many bytes were fetched, proved and written.
    Written(u64),
    /// It stood there already.
    Kept {
        /// Whether the notes beside it were written.
        noted: bool,
        /// Whether it was read and hashed by this run.
        read: bool,
    },
    Failed(String),
    /// It was not begun, or dropped in the middle, because the run stopped.
    Left(&'static str),
}

/// Counts.
#[derive(Debug, Default)]
pub(super) struct Tally {
    counts: Exported,
    /// Files that were not read because they look as they did when an earlier run proved them.
    recalled: u64,
    failed: Vec<String>,
    left: BTreeMap<&'static str, u64>,
}

impl Tally {
    /// A file ended.
    pub(super) fn ended(&mut self, path: &std::path::Path, end: End) {
        self.counts.found += 1;
        match end {
            End::Written(bytes) => {
                self.counts.written += 1;
                self.counts.bytes += bytes;
            }
            End::Kept { noted, read } => {
                *(if noted { &mut self.counts.written } else { &mut self.counts.unchanged }) += 1;
                self.recalled += u64::from(!read);
            }
            End::Failed(reason) => {
                self.counts.failed += 1;
                self.failed.push(plain(&format!("failed: {}: {reason}", path.display())));
            }
            End::Left(reason) => {
                self.counts.failed += 1;
                *self.left.entry(reason).or_default() += 1;
            }
        }
    }

    /// A folder cannot be used for so many files.
    pub(super) fn folder_failed(&mut self, place: PathBuf, count: u64, reason: &str) {
        self.counts.found += count;
        self.counts.failed += count;
        self.failed.push(plain(&format!("failed: {} for {}: {reason}", place.display(), files(count))));
    }

    /// An asset of which not even the name is known.
    pub(super) fn asset_failed(&mut self, reason: &str) {
        self.counts.found += 1;
        self.counts.failed += 1;
        self.failed.push(format!("failed: {reason}"));
    }

    /// The numbers.
    pub(super) fn counts(&self) -> Exported {
        self.counts
    }

    /// Each failure on its own line, then what was not begun.
    pub(super) fn failures(&self) -> Vec<String> {
        let left = self.left.iter().map(|(reason, count)| format!("failed: {} not written: {reason}", files(*count)));
        self.failed.iter().cloned().chain(left).collect()
    }

    /// The summary for people.
    pub(super) fn summary(&self, dry: bool) -> String {
        let Exported { found, written, unchanged, failed, bytes } = self.counts;
        let bytes = ByteSize::new(bytes).unwrap_or_default();
        let what = if dry { "to write" } else { "written" };
        let mut text = format!("{}: {written} {what} ({bytes}), {unchanged} there already", files(found));
        if failed > 0 {
            text += &format!(", {failed} failed");
        }
        if failed == 0 && !dry {
            text += "; all verified";
            if self.recalled > 0 {
                let recalled = self.recalled;
                text +=
                    &format!(", {recalled} by an earlier run and unchanged by size and times (--verify reads them)");
            }
        }
        text + "\n"
    }
}

fn files(count: u64) -> String {
    if count == 1 { "1 file".to_owned() } else { format!("{count} files") }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn the_numbers_add_up_and_the_line_is_the_contract() {
        let mut tally = Tally::default();
        tally.ended(Path::new("1.jpg"), End::Written(10));
        tally.ended(Path::new("2.jpg"), End::Kept { noted: false, read: true });
        assert!(tally.summary(false).ends_with("all verified\n"));
        tally.ended(Path::new("3.jpg"), End::Failed("no\u{1b}".to_owned()));
        tally.ended(Path::new("4.jpg"), End::Left("it stopped"));
        tally.folder_failed("2024".into(), 2, "a link");
        let line = serde_json::to_string(&tally.counts()).unwrap();
        assert_eq!(line, r#"{"found":6,"written":1,"unchanged":1,"failed":4,"bytes":10}"#);
        let expected =
            ["failed: 3.jpg: no\u{FFFD}", "failed: 2024 for 2 files: a link", "failed: 1 file not written: it stopped"];
        assert_eq!(tally.failures(), expected);
        assert!(tally.summary(false).contains("4 failed"));
    }

    #[test]
    fn what_was_not_read_again_is_not_called_verified_by_this_run() {
        let mut tally = Tally::default();
        tally.ended(Path::new("1.jpg"), End::Written(10));
        tally.ended(Path::new("2.jpg"), End::Kept { noted: true, read: false });
        tally.ended(Path::new("3.jpg"), End::Kept { noted: false, read: false });
        let counts = tally.counts();
        assert_eq!((counts.written, counts.unchanged, counts.bytes), (2, 1, 10));
        let said = "; all verified, 2 by an earlier run and unchanged by size and times (--verify reads them)\n";
        assert!(tally.summary(false).ends_with(said), "{}", tally.summary(false));
        assert!(!tally.summary(true).contains("verified"));
    }
}
