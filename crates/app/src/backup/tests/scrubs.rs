//! What reading everything again finds, heals, and cannot heal.

use picup_domain::AssetState;

use super::*;
use crate::backup::report;
use crate::process::{Look, process};

/// Ends the processing of all that was uploaded.
async fn processed(it: &Stage, files: &[(AssetId, ObjectKey)]) {
    let mut write = it.database().write().await.unwrap();
    let jobs = write.job_claim(&["process"], it.now(), DAY, 100).await.unwrap();
    write.commit().await.unwrap();
    assert_eq!(jobs.len(), files.len());
    for ((asset, _), job) in files.iter().zip(jobs) {
        process(it, it.owner, *asset, Look::Unseen, job.lease).await.unwrap();
    }
}

#[tokio::test]
async fn what_is_not_as_it_was_is_healed_wherever_it_is_good() {
    let it = Stage::new(&[true, false]).await;
    let files = it.upload(0..6).await;
    it.copied().await;
    let key = |at: usize| &files[at].1;
    let sound = it.scrub(|_| {}).await;
    assert_eq!(sound, Scrubbed { good: 18, ..Scrubbed::default() });

    // The store: one changed, one lost, and one whose first copy is broken too. The copies: one changed, and one lost.
    for (at, other) in [(0, Some("xx")), (1, None), (2, Some("yy"))] {
        it.storage().delete(key(at)).await.unwrap();
        if let Some(other) = other {
            it.storage().put(key(at), other.into()).await.unwrap();
        }
    }
    flip(&it.file(0, key(2), 1), |bytes| bytes - 1);
    flip(&it.file(0, key(3), 1), |_| 30);
    std::fs::remove_file(it.file(1, key(4), 1)).unwrap();
    let mut places = Vec::new();
    let found = it.scrub(|place| places.push(place.to_owned())).await;
    assert_eq!(found, Scrubbed { good: 12, healed: 6, lost: 0, unread: 0 });
    places.dedup();
    assert_eq!(places, ["primary", "one", "two"]);
    it.copied().await;
    let sound = it.scrub(|_| {}).await;
    assert_eq!(sound, Scrubbed { good: 18, ..Scrubbed::default() });
    for (_, key) in &files {
        assert_eq!(Some(it.storage().hash(key).await.unwrap().sha256), it.object(key).await.sha256);
    }
    assert!(it.file(0, key(2), 1).exists() && it.file(0, key(2), 2).exists(), "what is broken is not overwritten");
    assert_eq!(report(&it).await.unwrap()[0].proved_seconds, Some(0));
}

#[tokio::test]
async fn what_is_good_nowhere_is_said_to_be_lost_once() {
    let it = Stage::new(&[true]).await;
    let files = it.upload(0..2).await;
    processed(&it, &files).await;
    it.copied().await;
    let (asset, key) = &files[0];
    it.storage().delete(key).await.unwrap();
    flip(&it.file(0, key, 1), |bytes| bytes / 2);
    let found = it.scrub(|_| {}).await;
    assert_eq!(found, Scrubbed { good: 2, healed: 1, lost: 1, unread: 0 });
    let row = it.database().read_fresh().await.unwrap().asset_by_id(it.owner, *asset).await.unwrap().unwrap();
    assert_eq!(row.state, AssetState::Damaged);
}

#[tokio::test]
async fn a_place_that_is_away_is_not_said_to_be_broken() {
    let it = Stage::new(&[false, false]).await;
    it.upload(0..3).await;
    it.copied().await;
    let away = it.folders[0].path().with_extension("away");
    std::fs::rename(it.folders[0].path(), &away).unwrap();
    let found = it.scrub(|_| {}).await;
    assert_eq!(found, Scrubbed { good: 6, healed: 0, lost: 0, unread: 3 });
    std::fs::rename(&away, it.folders[0].path()).unwrap();
    let found = it.scrub(|_| {}).await;
    assert_eq!(found, Scrubbed { good: 9, ..Scrubbed::default() });
}
