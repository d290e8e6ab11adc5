//! `picup import --dry-run`: reads everything an import would read, and says what it would do. Speaks with no server.

use std::collections::{BTreeMap, HashSet};
use std::fmt::Write;

use futures_util::{StreamExt, stream};
use picup_domain::AlbumTitle;
use uuid::Uuid;

use super::Report;
use super::prepare::Preparer;
use super::tally::Tally;
use super::walk::{Skip, Walk};

/// What would be done besides sending.
#[derive(Default)]
struct Plan {
    pairs: u64,
    notes: u64,
    favourites: u64,
    albums: BTreeMap<String, u64>,
    kinds: BTreeMap<String, u64>,
}

/// Reads all of it. What would be sent is counted as uploaded, the same content twice as a duplicate.
pub(super) async fn run(walk: Walk, preparer: Preparer, album: Option<&AlbumTitle>) -> Report {
    let mut tally = Tally::new(walk.skipped, walk.media_skipped);
    for (path, reason) in walk.unreadable {
        tally.failed(path, reason);
    }
    let mut plan = Plan::default();
    let mut seen = HashSet::new();
    let prepared = stream::iter(walk.items.into_iter().enumerate())
        .map(|(place, item)| preparer.prepare(place, item))
        .buffered(preparer.hasher.at_once());
    let mut prepared = std::pin::pin!(prepared);
    while let Some(item) = prepared.next().await {
        for trouble in &item.troubles {
            eprintln!("{}", super::call::plain(&format!("warning: {trouble}")));
        }
        let files =
            std::iter::once((item.item.main, item.main)).chain(item.item.moving.map(|film| (film, item.moving)));
        plan.pairs += u64::from(files.size_hint().0 > 1);
        plan.notes += u64::from(!item.item.notes.is_empty());
        let titles =
            item.albums.into_iter().map(|album| album.title).chain(album.map(|title| title.as_str().to_owned()));
        if !item.trashed {
            titles.for_each(|title| *plan.albums.entry(title).or_default() += 1);
        }
        for (found, reading) in files {
            match reading {
                None => tally.skipped(found.path.clone(), Skip::Trashed),
                Some(Err(error)) => tally.failed(found.path, error.to_string()),
                Some(Ok(file)) => {
                    plan.favourites += u64::from(file.told.favourite);
                    let ending = found.path.extension().unwrap_or_default().to_string_lossy().to_lowercase();
                    *plan.kinds.entry(ending).or_default() += 1;
                    if seen.insert(file.sha256) {
                        tally.uploaded(item.place, Uuid::nil(), found.bytes);
                    } else {
                        tally.duplicate(item.place, Uuid::nil());
                    }
                }
            }
        }
    }
    let counts = tally.counts();
    Report {
        counts,
        failures: tally.failures(),
        complete: counts.failed == 0,
        summary: plan.describe(&tally.summary()),
        verdict: "a dry run: nothing was sent, and no server was asked what it has already\n".to_owned(),
        may_delete_source: false,
    }
}

impl Plan {
    fn describe(&self, summary: &str) -> String {
        let mut text =
            summary.replace(" uploaded (", " to send (").replace("there already", "the same content as another");
        let mut line = |count: u64, what: &str| {
            if count > 0 {
                // Writing to a String cannot fail.
                let _ = writeln!(text, "  {count:>7} {what}");
            }
        };
        for (ending, count) in &self.kinds {
            line(*count, &format!(".{}", super::call::plain(ending)));
        }
        line(self.pairs, "live photos of two files");
        line(self.notes, "with notes of another program");
        line(self.favourites, "favourites");
        for (title, count) in &self.albums {
            line(*count, &format!("into the album '{}'", super::call::plain(title)));
        }
        text
    }
}
