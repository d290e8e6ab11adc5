//! Rehearsals that happen by themselves.

use picup_database::{CopyMade, ObjectState};
use picup_domain::{ByteSize, ObjectRole, Sha256};

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

/// A disk that is full takes no photos.
#[tokio::test]
async fn what_does_not_fit_on_the_disk_is_not_begun() {
    let it = Stage::new(&[false]).await;
    it.upload(0..1).await;
    it.copied().await;
    catalogue_now(&it, "one").await.unwrap();
    let (id, now) = (it.targets()[0].1, it.now());
    let key = ObjectKey::new(it.owner, AssetId::new(now), ObjectRole::Original, 1, "mp4");
    let (bytes, sha256) = (ByteSize::new(1 << 50).unwrap(), Sha256::of(b"a film"));
    let film = Object { key: key.clone(), bytes, sha256: None, state: ObjectState::Staged, created_at: now };
    let mut write = it.database().write().await.unwrap();
    write.object_insert(&film).await.unwrap();
    write.object_commit_all(&[(key, bytes, sha256)], now).await.unwrap();
    let claims = write.copy_claim(id, now, now.plus(DAY), 10).await.unwrap();
    let made = claims.into_iter().map(|claim| CopyMade { claim, stored_bytes: bytes, stored_sha256: sha256 });
    write.copy_made(id, &made.collect::<Vec<_>>(), now).await.unwrap();
    write.commit().await.unwrap();
    assert_eq!(it.turn().await.as_deref(), Some("one"));
    let drill = it.destination("one").await.drill.unwrap();
    assert!(!drill.ok && drill.note.contains("there is room for"), "{drill:?}");
}
