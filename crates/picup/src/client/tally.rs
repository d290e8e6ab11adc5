//! Counts what became of every file, and tells it at the end: one line for programs, a summary for people.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::PathBuf;

use picup_domain::ByteSize;
use serde::Serialize;
use uuid::Uuid;

use super::walk::Skip;

/// The last line that `picup import --json` prints; scripts rely on these names and their order.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Counts {
    /// All files seen: the sum of the next four.
    pub(crate) found: u64,
    /// Files sent whole.
    pub(crate) uploaded: u64,
    /// Files that the account had already, or that this run sent under another name.
    pub(crate) duplicate: u64,
    /// Files left out on purpose.
    pub(crate) skipped: u64,
    /// Files that should have been sent and were not.
    pub(crate) failed: u64,
    /// The size of the uploaded files together.
    pub(crate) bytes: u64,
}

/// What became of every file.
#[derive(Debug, Default)]
pub(super) struct Tally {
    uploaded: u64,
    duplicate: u64,
    bytes: u64,
    skipped: BTreeMap<Skip, u64>,
    failed: Vec<(PathBuf, String)>,
    /// Files that were not begun because the run stopped, by the reason it stopped for.
    left: BTreeMap<String, u64>,
    assets: Vec<(usize, Uuid)>,
}

impl Tally {
    /// Begins with what was left out on purpose.
    pub(super) fn new(skipped: BTreeMap<Skip, u64>) -> Self {
        Self { skipped, ..Self::default() }
    }

    /// The file found `place`-th became `asset`.
    pub(super) fn uploaded(&mut self, place: usize, asset: Uuid, bytes: u64) {
        self.uploaded += 1;
        self.bytes += bytes;
        self.assets.push((place, asset));
    }

    /// The file found `place`-th was `asset` already.
    pub(super) fn duplicate(&mut self, place: usize, asset: Uuid) {
        self.duplicate += 1;
        self.assets.push((place, asset));
    }

    /// A file failed.
    pub(super) fn failed(&mut self, path: PathBuf, reason: String) {
        self.failed.push((path, reason));
    }

    /// A file was not begun.
    pub(super) fn left(&mut self, reason: &str) {
        *self.left.entry(reason.to_owned()).or_default() += 1;
    }

    /// The assets, each once, in the order in which their files were found.
    pub(super) fn assets(&self) -> Vec<Uuid> {
        let mut placed = self.assets.clone();
        placed.sort_unstable();
        let mut seen = std::collections::HashSet::new();
        placed.into_iter().map(|(_, asset)| asset).filter(|asset| seen.insert(*asset)).collect()
    }

    /// The numbers.
    pub(super) fn counts(&self) -> Counts {
        let skipped = self.skipped.values().sum();
        let failed = self.failed.len() as u64 + self.left.values().sum::<u64>();
        Counts {
            found: self.uploaded + self.duplicate + skipped + failed,
            uploaded: self.uploaded,
            duplicate: self.duplicate,
            skipped,
            failed,
            bytes: self.bytes,
        }
    }

    /// Each failure on its own line, then what was not begun.
    pub(super) fn failures(&self) -> Vec<String> {
        let each = self
            .failed
            .iter()
            .map(|(path, reason)| super::call::plain(&format!("failed: {}: {reason}", path.display())));
        let left = self.left.iter().map(|(reason, count)| format!("failed: {} not sent: {reason}", files(*count)));
        each.chain(left).collect()
    }

    /// The summary for people.
    pub(super) fn summary(&self) -> String {
        let counts = self.counts();
        let bytes = ByteSize::new(counts.bytes).unwrap_or_default();
        let mut text = format!("{} found\n", files(counts.found));
        let mut line = |count: u64, what: &str| {
            if count > 0 {
                // Writing to a String cannot fail.
                let _ = writeln!(text, "  {count:>7} {what}");
            }
        };
        line(counts.uploaded, &format!("uploaded ({bytes})"));
        line(counts.duplicate, "there already");
        for (reason, count) in &self.skipped {
            line(*count, &format!("skipped: {reason}"));
        }
        line(counts.failed, "failed");
        text
    }
}

fn files(count: u64) -> String {
    if count == 1 { "1 file".to_owned() } else { format!("{count} files") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tally() -> Tally {
        let mut tally = Tally::new(BTreeMap::from([(Skip::Sidecar, 3), (Skip::Empty, 1)]));
        tally.uploaded(2, Uuid::from_u128(2), 1000);
        tally.duplicate(3, Uuid::from_u128(2));
        tally.duplicate(1, Uuid::from_u128(9));
        tally.failed("a.jpg".into(), "cannot be read".to_owned());
        tally.left("stopped");
        tally.left("stopped");
        tally
    }

    #[test]
    fn the_numbers_add_up_and_the_line_is_the_contract() {
        let line = serde_json::to_string(&tally().counts()).unwrap();
        assert_eq!(line, r#"{"found":10,"uploaded":1,"duplicate":2,"skipped":4,"failed":3,"bytes":1000}"#);
    }

    #[test]
    fn assets_come_once_in_the_order_of_their_files() {
        assert_eq!(tally().assets(), [Uuid::from_u128(9), Uuid::from_u128(2)]);
    }

    #[test]
    fn people_read_what_was_skipped_and_why() {
        let text = tally().summary();
        for part in
            ["10 files found", "1 uploaded (1.0 kB)", "3 skipped: sidecar files", "1 skipped: empty", "3 failed"]
        {
            assert!(text.contains(part), "{text} lacks {part}");
        }
        assert_eq!(tally().failures(), ["failed: a.jpg: cannot be read", "failed: 2 files not sent: stopped"]);
    }
}
