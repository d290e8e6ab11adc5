//! What came of an export: the numbers, and the failures in words.

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
    /// So many bytes were written; 0 when only the notes were.
    Written(u64),
    Unchanged,
    Failed(String),
    /// It was not begun, or dropped in the middle, because the run stopped.
    Left(&'static str),
}

/// Counts.
#[derive(Debug, Default)]
pub(super) struct Tally {
    counts: Exported,
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
            End::Unchanged => self.counts.unchanged += 1,
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
        text + if failed == 0 && !dry { "; all verified\n" } else { "\n" }
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
        tally.ended(Path::new("2.jpg"), End::Unchanged);
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
}
