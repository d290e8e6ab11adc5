//! Rehearsals that happen by themselves.

use super::*;
use crate::backup::{catalogue_now, drills};

const EVERY: Duration = Duration::from_secs(30 * 86_400);

impl Stage {
    async fn turn(&self) -> Option<String> {
        let turn = drills::round(self, EVERY).await.unwrap();
        let left = std::fs::read_dir(&self.settings().backup.spool).map_or(0, Iterator::count);
        assert_eq!(left, 0, "what came back is removed");
        turn
    }
}

#[tokio::test]
async fn every_destination_is_rehearsed_in_its_turn_and_a_failure_hides_no_success() {
    let it = Stage::new(&[true, false]).await;
    let files = it.upload(0..3).await;
    assert_eq!(it.turn().await, None, "copies wait");
    it.copied().await;
    assert_eq!(it.turn().await, None, "there is no catalogue");
    for name in ["one", "two"] {
        catalogue_now(&it, name).await.unwrap();
    }
    let first = it.now();
    assert_eq!(it.turn().await.as_deref(), Some("one"));
    it.clock.advance(DAY);
    assert_eq!((it.turn().await.as_deref(), it.turn().await), (Some("two"), None));
    let drill = it.destination("one").await.drill.unwrap();
    assert!(drill.ok && drill.at == first && drill.note.contains("3 objects came back"), "{drill:?}");

    std::fs::remove_file(it.file(0, &files[0].1, 1)).unwrap();
    it.clock.advance(EVERY - DAY);
    assert_eq!((it.turn().await.as_deref(), it.turn().await), (Some("one"), None));
    let found = it.destination("one").await;
    assert!(!found.drill.unwrap().ok);
    assert_eq!(found.drilled_well_at, Some(first));
    it.clock.advance(DAY);
    assert_eq!(it.turn().await.as_deref(), Some("two"), "it was rehearsed longer ago");
    assert_eq!(it.turn().await.as_deref(), Some("one"), "what failed is tried on the next day");
}
