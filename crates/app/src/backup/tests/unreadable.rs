//! What a disk cannot read, in the primary store and at a destination.

use picup_domain::AssetState;

use super::*;
use crate::backup::scrub;

const WITHIN: Duration = Duration::from_secs(30 * 86_400);

#[tokio::test]
async fn what_the_disk_of_the_store_cannot_read_is_healed_from_a_good_copy_and_never_said_to_be_lost() {
    let it = Stage::new(&[false]).await;
    let disk = it.on_a_disk().await;
    let files = it.upload(0..4).await;
    it.copied().await;
    for (_, key) in &files[..2] {
        unreadable(&stored(disk.path(), key));
    }
    flip(&it.file(0, &files[1].1, 1), |_| 0);
    let found = it.scrub(|_| {}).await;
    assert_eq!(found, Scrubbed { good: 2 + 3, healed: 1 + 1, lost: 0, unread: 1 });
    let sha256 = it.object(&files[0].1).await.sha256;
    assert_eq!(Some(it.storage().hash(&files[0].1).await.unwrap().sha256), sha256);
    let row = it.database().read_fresh().await.unwrap().asset_by_id(it.owner, files[1].0).await.unwrap().unwrap();
    assert_ne!(row.state, AssetState::Damaged);
}

#[tokio::test]
async fn a_copy_comes_from_another_one_where_the_disk_of_the_store_cannot_read() {
    let it = Stage::new(&[true, false]).await;
    let disk = it.on_a_disk().await;
    let files = it.upload(0..2).await;
    it.copied().await;
    let (_, two) = it.targets().remove(1);
    let mut write = it.database().write().await.unwrap();
    for (_, key) in &files {
        let kept = write.copy_kept(two, key).await.unwrap().unwrap();
        write.copy_broken(two, &kept, "it is gone", it.now()).await.unwrap();
        unreadable(&stored(disk.path(), key));
    }
    write.commit().await.unwrap();
    it.copied().await;
    for (_, key) in &files {
        assert_eq!(Some(it.storage().hash(key).await.unwrap().sha256), it.object(key).await.sha256);
        assert_eq!(std::fs::read(it.file(1, key, 2)).unwrap(), std::fs::read(it.file(1, key, 1)).unwrap());
    }
}

#[tokio::test]
async fn what_cannot_be_read_keeps_nothing_else_from_being_read() {
    let it = Stage::new(&[false]).await;
    let disk = it.on_a_disk().await;
    let mut keys: Vec<ObjectKey> = it.upload(0..75).await.into_iter().map(|(_, key)| key).collect();
    it.copied().await;
    // More than are read in one go, and those that are looked at first. What is a link at a destination is no copy.
    keys.sort_by_key(ToString::to_string);
    for key in &keys[..70] {
        unreadable(&stored(disk.path(), key));
        unreadable(&it.file(0, key, 1));
    }
    let found = it.scrub(|_| {}).await;
    assert_eq!(found, Scrubbed { good: 10, healed: 70, lost: 0, unread: 70 });

    // The rounds of a PicUp that runs come to it one after the other.
    it.clock.advance(WITHIN + DAY);
    let mut unread = scrub::UnreadOf::new();
    for _ in 0..2 {
        scrub::round(&it, WITHIN, &mut unread).await.unwrap();
    }
    let before = it.now();
    let mut read = it.database().read_fresh().await.unwrap();
    assert_eq!(read.object_list_unproved(before, 100).await.unwrap().len(), 70);
    drop(read);
    // And then to those again.
    for _ in 0..4 {
        scrub::round(&it, WITHIN, &mut unread).await.unwrap();
    }
    assert!(unread.values().all(|unread| unread.len() <= 70), "{unread:?}");
}
