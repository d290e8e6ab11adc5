//! Every crash point there is, and how a life comes to it.

use std::collections::BTreeSet;
use std::path::Path;

/// A named step at which PicUp dies in a test.
#[derive(Debug)]
pub(crate) struct Point {
    pub(crate) name: &'static str,
    pub(crate) reached: Reached,
}

/// How a life comes to a point.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Reached {
    /// By using PicUp.
    ByUse,
    /// When the time of uploads is over.
    ByExpiry,
    /// When what a death at another point left is put right.
    After(&'static str),
    /// By a command, and by no server: see `keeping`.
    ByCommand,
}

use Reached::{After, ByCommand, ByExpiry, ByUse};

impl Point {
    /// Whether the photos move into a bucket.
    pub(crate) fn is_of_a_move(&self) -> bool {
        self.name.starts_with("move-") && self.name != "move-renamed"
    }

    /// Whether the photos are in a bucket.
    pub(crate) fn is_in_a_bucket(&self) -> bool {
        self.name.starts_with("s3-")
    }

    /// Whether copies are kept at another place.
    pub(crate) fn is_backed_up(&self) -> bool {
        self.name.starts_with("backup-")
    }

    /// Whether a command comes to it, and no server.
    pub(crate) fn is_by_command(&self) -> bool {
        self.reached == ByCommand
    }
}

const fn point(name: &'static str, reached: Reached) -> Point {
    Point { name, reached }
}

/// All of them; those worth two lives twice.
pub(crate) const POINTS: &[Point] = &[
    // Reserve.
    point("begin-bytes-made", ByUse),
    point("begin-list-made", ByUse),
    point("begin-one-created", ByUse),
    point("begin-one-made", ByUse),
    point("reserve-staged", ByUse),
    point("reap-orphan-removed", After("reserve-staged")),
    point("reserve-written", ByUse),
    point("reserve-committed", ByUse),
    point("reserve-many-staged", ByUse),
    point("reserve-many-written", ByUse),
    point("reserve-many-committed", ByUse),
    // Part.
    point("part-written", ByUse),
    point("part-synced", ByUse),
    point("part-listed", ByUse),
    // The same in a bucket.
    point("s3-begun", ByUse),
    point("s3-part-noted", ByUse),
    point("s3-completing", ByUse),
    point("s3-completed", ByUse),
    point("s3-completed", After("complete-begun")),
    point("s3-aborted", ByUse),
    point("s3-aborted", ByExpiry),
    // One stream instead of parts.
    point("receive-begun", ByUse),
    point("receive-recorded", ByUse),
    point("receive-grown", ByUse),
    point("receive-written", ByUse),
    point("receive-synced", ByUse),
    point("receive-listed", ByUse),
    point("receive-settled", ByUse),
    // Complete and commit.
    point("complete-begun", ByUse),
    point("complete-synced", ByUse),
    point("complete-one-moved", ByUse),
    point("complete-one-moved", After("complete-begun")),
    point("folders-synced", ByUse),
    point("move-renamed", ByUse),
    point("complete-moved", ByUse),
    point("unstage-list-removed", ByUse),
    point("unstage-bytes-removed", ByUse),
    point("complete-stored", ByUse),
    point("complete-written", ByUse),
    point("complete-written", After("complete-stored")),
    point("complete-committed", ByUse),
    point("complete-many-begun", ByUse),
    point("complete-many-stored", ByUse),
    point("complete-many-written", ByUse),
    point("complete-many-committed", ByUse),
    // Give up.
    point("give-up-written", ByUse),
    point("give-up-committed", ByUse),
    point("give-up-removed", ByUse),
    point("give-up-forgotten", ByUse),
    point("give-up-committed", ByExpiry),
    point("give-up-removed", ByExpiry),
    point("reap-committed-forgotten", ByExpiry),
    point("reap-doomed-removed", After("give-up-removed")),
    point("reap-doomed-forgotten", After("give-up-removed")),
    // Job, rendition, ready.
    point("job-claimed", ByUse),
    point("process-proved", ByUse),
    point("process-damaged-written", ByUse),
    point("process-rows-staged", ByUse),
    point("put-written", ByUse),
    point("put-synced", ByUse),
    point("put-moved", ByUse),
    point("process-rendition-put", ByUse),
    point("delete-removed", After("process-rendition-put")),
    point("delete-synced", After("process-rendition-put")),
    point("process-left-removed", After("process-rendition-put")),
    point("verify-motion-written", ByUse),
    point("verify-motion-committed", ByUse),
    point("process-written", ByUse),
    point("process-committed", ByUse),
    // Move to another store.
    point("move-object-copied", ByUse),
    point("move-settings-left", ByUse),
    point("move-settings-written", ByUse),
    // Delete.
    point("erase-shut-out", ByUse),
    point("delete-forever-written", ByUse),
    point("delete-forever-committed", ByUse),
    point("delete-forever-removed", ByUse),
    point("empty-trash-written", ByUse),
    point("empty-trash-committed", ByUse),
    point("erase-written", ByUse),
    point("erase-committed", ByUse),
    // Copies at another place.
    point("backup-claimed", ByUse),
    point("backup-parts-sent", ByUse),
    point("backup-written", ByUse),
    point("backup-recorded", ByUse),
    point("catalogue-written", ByCommand),
    point("scrub-recorded", ByCommand),
    point("scrub-copies-recorded", ByCommand),
    point("restore-database", ByCommand),
    point("restore-page", ByCommand),
    point("restore-part", ByCommand),
];

/// A point that no life comes to proves nothing, and a life that ends at none neither.
#[test]
fn the_list_is_what_the_sources_say() {
    let listed: BTreeSet<String> = POINTS.iter().map(|point| point.name.to_owned()).collect();
    let mut found = BTreeSet::new();
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    for room in std::fs::read_dir(crates).unwrap() {
        for entry in walkdir::WalkDir::new(room.unwrap().path().join("src")) {
            let entry = entry.unwrap();
            if entry.path().extension().is_some_and(|extension| extension == "rs") {
                let source = std::fs::read_to_string(entry.path()).unwrap();
                for piece in source.split("crash_point!(\"").skip(1) {
                    let name = piece.split('"').next().unwrap().to_owned();
                    assert!(found.insert(name.clone()), "{name} stands twice in the sources");
                }
            }
        }
    }
    assert_eq!(listed, found);
}
