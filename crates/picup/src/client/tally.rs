//! Counts what became of every file, and tells it at the end: one line for programs, a summary for people.

use std::collections::{BTreeMap, HashSet};
use std::fmt::Write;
use std::path::PathBuf;

use picup_domain::ByteSize;
use serde::Serialize;
use uuid::Uuid;

use super::source::InAlbum;
use super::walk::Skip;

/// How many of the files that were left out are named.
const NAMED: usize = 10;

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
    /// Those of them that somebody might miss.
    media_skipped: Vec<PathBuf>,
    failed: Vec<(PathBuf, String)>,
    /// Files that were not begun because the run stopped, by the reason it stopped for.
    left: BTreeMap<String, u64>,
    assets: Vec<(usize, Uuid)>,
    /// Items that the server has: a live photo of two files is one.
    items: u64,
    /// Files that an earlier run has sent already.
    again: u64,
    /// Assets that the server has not proved yet, in the order in which they were sent.
    unproved: Vec<Uuid>,
    /// By title: the position in it that the notes told, the place among the items, and the asset.
    albums: BTreeMap<String, Vec<(Option<u64>, usize, Uuid)>>,
}

impl Tally {
    /// Begins with what was left out on purpose.
    pub(super) fn new(skipped: BTreeMap<Skip, u64>, media_skipped: Vec<PathBuf>) -> Self {
        Self { skipped, media_skipped, ..Self::default() }
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

    /// A photo or video was left out on purpose.
    pub(super) fn skipped(&mut self, path: PathBuf, skip: Skip) {
        *self.skipped.entry(skip).or_default() += 1;
        self.media_skipped.push(path);
    }

    /// The server is still to prove `asset`.
    pub(super) fn unproved(&mut self, asset: Uuid) {
        if self.unproved.last() != Some(&asset) {
            self.unproved.push(asset);
        }
    }

    /// The item found `place`-th is `asset`, and belongs into these albums.
    pub(super) fn item(&mut self, place: usize, asset: Uuid, albums: Vec<InAlbum>) {
        self.items += 1;
        for album in albums {
            self.albums.entry(album.title).or_default().push((album.position, place, asset));
        }
    }

    /// So many files had been sent by an earlier run.
    pub(super) fn sent_again(&mut self, count: u64) {
        self.again = count;
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
        each_once(placed.into_iter().map(|(_, asset)| asset))
    }

    /// The albums that the notes tell of, each with its assets in order.
    pub(super) fn albums(&self) -> impl Iterator<Item = (&str, Vec<Uuid>)> {
        self.albums.iter().map(|(title, members)| {
            let mut members = members.clone();
            // Those without a position come last, in the order of their files.
            members.sort_unstable_by_key(|(position, place, _)| (position.is_none(), *position, *place));
            (title.as_str(), each_once(members.into_iter().map(|(_, _, asset)| asset)))
        })
    }

    /// The assets to wait for.
    pub(super) fn to_prove(&self) -> Vec<Uuid> {
        each_once(self.unproved.iter().copied())
    }

    /// Whether the source may be deleted when the server has proved all but `unproved`.
    pub(super) fn may_delete(&self, unproved: &[String]) -> bool {
        self.items > 0 && self.counts().failed == 0 && self.media_skipped.is_empty() && unproved.is_empty()
    }

    /// Whether the source may be deleted, in words, when the server has proved all but `unproved`.
    pub(super) fn verdict(&self, unproved: &[String]) -> String {
        let counts = self.counts();
        let mut missing = Vec::new();
        if counts.failed > 0 {
            missing.push(format!("{} failed", files(counts.failed)));
        }
        if !self.media_skipped.is_empty() {
            let count = files(self.media_skipped.len() as u64);
            missing.push(format!("{count} left out that may be photos or videos: {}", some_of(&self.media_skipped)));
        }
        missing.extend(unproved.iter().cloned());
        let other = self.skipped.get(&Skip::NotMedia).copied().unwrap_or(0);
        let other = match other {
            0 => String::new(),
            1 => " (1 file of another kind in it was not sent)".to_owned(),
            _ => format!(" ({} of other kinds in it were not sent)", files(other)),
        };
        let again = match self.again {
            0 => String::new(),
            count => format!("{} of an earlier run had gone from the server, and were sent again\n", files(count)),
        };
        let verdict = match (self.items, missing.is_empty()) {
            (0, true) => format!("no photos were found{other}\n"),
            (_, true) => format!("{}, all verified; you may delete the source{other}\n", photos(self.items)),
            (_, false) => missing.iter().fold("keep the source:\n".to_owned(), |text, line| text + "  " + line + "\n"),
        };
        again + &verdict
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

fn each_once(assets: impl Iterator<Item = Uuid>) -> Vec<Uuid> {
    let mut seen = HashSet::new();
    assets.filter(|asset| seen.insert(*asset)).collect()
}

/// The first few names of a list.
fn some_of(paths: &[PathBuf]) -> String {
    let mut names: Vec<String> =
        paths.iter().take(NAMED).map(|path| super::call::plain(&path.display().to_string())).collect();
    if paths.len() > NAMED {
        names.push(format!("and {} more", paths.len() - NAMED));
    }
    names.join(", ")
}

fn photos(count: u64) -> String {
    if count == 1 { "1 photo".to_owned() } else { format!("{count} photos") }
}

fn files(count: u64) -> String {
    if count == 1 { "1 file".to_owned() } else { format!("{count} files") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tally() -> Tally {
        let mut tally = Tally::new(BTreeMap::from([(Skip::Sidecar, 3), (Skip::Empty, 1)]), vec!["empty.jpg".into()]);
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
    fn the_source_may_go_only_when_all_of_it_is_proved() {
        let tally = tally();
        let text = tally.verdict(&["1.jpg: what the server has is damaged".to_owned()]);
        for part in [
            "keep the source:",
            "3 files failed",
            "1 file left out that may be photos or videos: empty.jpg",
            "1.jpg: what the server has is damaged",
        ] {
            assert!(text.contains(part), "{text}");
        }
        let mut well = Tally::new(BTreeMap::from([(Skip::NotMedia, 2)]), Vec::new());
        assert_eq!(well.verdict(&[]), "no photos were found (2 files of other kinds in it were not sent)\n");
        for place in 0..2 {
            well.duplicate(place, Uuid::from_u128(2));
            well.item(place, Uuid::from_u128(2), Vec::new());
        }
        let expected =
            "2 photos, all verified; you may delete the source (2 files of other kinds in it were not sent)\n";
        assert_eq!(well.verdict(&[]), expected);
        for number in 0..12 {
            well.skipped(format!("{number}.jpg").into(), Skip::Trashed);
        }
        let text = well.verdict(&[]);
        assert!(text.starts_with("keep the source:\n  12 files left out") && text.contains(": 0.jpg, "), "{text}");
        assert!(text.ends_with(", 9.jpg, and 2 more\n"), "{text}");
    }

    #[test]
    fn albums_are_in_the_order_that_was_told_then_in_that_of_files() {
        let mut tally = Tally::default();
        let album = |position| vec![InAlbum { title: "A".to_owned(), position }];
        for (place, position) in [(0, None), (1, Some(7)), (2, Some(3)), (3, None)] {
            tally.item(place, Uuid::from_u128(place as u128), album(position));
        }
        tally.item(9, Uuid::from_u128(1), album(None));
        let albums: Vec<_> = tally.albums().collect();
        assert_eq!(albums, [("A", [2, 1, 0, 3].map(Uuid::from_u128).to_vec())]);
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
