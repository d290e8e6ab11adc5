//! How long copies outlive what was deleted, and what is held because it is so much.

use picup_database::CopyState;
use picup_storage::Error as Storage;

use super::*;
use crate::Error;
use crate::backup::{confirm_removals, held_removals, removal};

impl Stage {
    /// A round of removals at the first destination.
    async fn round(&self) -> Result<u64, Error> {
        let (target, id) = &self.targets()[0];
        removal::round(self, target, *id).await
    }

    async fn held(&self) -> Option<u64> {
        held_removals(self, &self.destination("one").await).await.unwrap()
    }
}

#[tokio::test]
async fn copies_of_what_was_deleted_stay_for_the_retention_and_go_after_it() {
    let it = Stage::new(&[true]).await;
    let files = it.upload(0..3).await;
    it.copied().await;
    let before = it.there(0);
    assert_eq!(before.len(), 3);
    it.delete(&files[..1]).await;
    let id = it.targets()[0].1;
    assert_eq!((it.count(id, CopyState::Doomed).await, it.count(id, CopyState::Kept).await), (1, 2));
    it.clock.advance(RETENTION);
    assert_eq!((it.round().await.unwrap(), it.there(0) == before), (0, true), "the retention is not over");
    it.clock.advance(Duration::from_micros(1));
    assert_eq!(it.round().await.unwrap(), 1);
    let left = it.there(0);
    assert!(left.len() == 2 && files[1..].iter().all(|(_, key)| left.contains(&format!("{key}.age"))), "{left:?}");
    assert_eq!((it.count(id, CopyState::Doomed).await, it.count(id, CopyState::Kept).await), (0, 2));
    assert_eq!(it.round().await.unwrap(), 0);
}

#[tokio::test]
async fn every_copy_that_there_ever_was_of_it_goes() {
    let it = Stage::new(&[false]).await;
    let files = it.upload(0..2).await;
    it.copied().await;
    flip(&it.file(0, &files[0].1, 1), |_| 0);
    it.scrub(|_| {}).await;
    it.copied().await;
    assert_eq!(it.there(0).len(), 3, "a broken copy, the one after it, and the other file's");
    it.delete(&files[..1]).await;
    it.clock.advance(RETENTION + DAY);
    assert_eq!(it.round().await.unwrap(), 1);
    assert_eq!(it.there(0), BTreeSet::from([files[1].1.to_string()]));
}

#[tokio::test]
async fn much_that_was_deleted_at_once_is_held_until_it_is_confirmed() {
    let it = Stage::new(&[false]).await;
    let files = it.upload(0..230).await;
    it.copied().await;
    it.delete(&files[..1]).await;
    it.clock.advance(5 * DAY);
    it.delete(&files[1..111]).await;
    // It is told at once, so that there is time.
    assert_eq!(it.held().await, Some(110));
    let told = crate::backup::report(&it).await.unwrap();
    assert_eq!((told[0].held, told[0].count(CopyState::Doomed).0), (Some(110), 111));

    // Also after PicUp was away for a long time, what was deleted before goes and the rest does not.
    it.clock.advance(RETENTION + DAY);
    assert_eq!(it.round().await.unwrap(), 1);
    assert_eq!((it.round().await.unwrap(), it.there(0).len()), (0, 229));
    assert!(matches!(confirm_removals(&it, "nowhere").await, Err(Error::NotFound(_))));
    confirm_removals(&it, "one").await.unwrap();
    assert_eq!(it.held().await, None);

    // What is deleted later waits for its own word, whatever was confirmed before.
    it.clock.advance(DAY);
    it.delete(&files[111..220]).await;
    assert_eq!(it.held().await, Some(109));
    assert_eq!((it.round().await.unwrap(), it.there(0).len()), (110, 119));
    it.clock.advance(RETENTION + DAY);
    assert_eq!((it.round().await.unwrap(), it.there(0).len()), (0, 119));
    confirm_removals(&it, "one").await.unwrap();
    assert_eq!((it.round().await.unwrap(), it.there(0).len()), (109, 10));
}

/// Deleted over two evenings, each share too small by itself, but within a day.
#[tokio::test]
async fn what_was_deleted_on_both_sides_of_midnight_counts_together() {
    let it = Stage::new(&[false]).await;
    let files = it.upload(0..130).await;
    it.copied().await;
    it.delete(&files[..1]).await;
    it.clock.advance(DAY.mul_f64(0.9));
    it.delete(&files[1..61]).await;
    it.clock.advance(DAY / 4);
    it.delete(&files[61..121]).await;
    assert_eq!(it.held().await, Some(120));
}

#[tokio::test]
async fn little_of_a_large_library_goes_by_itself() {
    let it = Stage::new(&[false]).await;
    let files = it.upload(0..230).await;
    it.copied().await;
    for part in [&files[..90], &files[90..180]] {
        it.delete(part).await;
        it.clock.advance(2 * DAY);
        assert_eq!(it.held().await, None, "never so many within a day");
    }
    it.clock.advance(RETENTION);
    assert_eq!(it.round().await.unwrap(), 180);
}

/// Years apart, which costs no more looks than there are days with deletions.
#[tokio::test]
async fn what_was_deleted_long_after_something_else_is_held_too() {
    let it = Stage::new(&[false]).await;
    let files = it.upload(0..120).await;
    it.copied().await;
    it.delete(&files[..1]).await;
    it.clock.advance(DAY * 4_000);
    it.delete(&files[1..111]).await;
    assert_eq!(it.held().await, Some(110));
}

#[tokio::test]
async fn where_nothing_can_be_removed_nothing_is_held() {
    let bucket = picup_storage::Bucket {
        name: "family".to_owned(),
        prefix: String::new(),
        endpoint: Some("http://127.0.0.1:1".to_owned()),
        region: "us-east-1".to_owned(),
        style: picup_storage::Style::Path,
        profile: picup_storage::Profile::Other,
        credentials: picup_storage::Credentials::Key { id: "id".to_owned(), secret: "secret".to_owned() },
        parts: picup_storage::PartsBy::Proxied,
        spool: PathBuf::new(),
    };
    let place = BackupPlace::S3 { bucket: Box::new(bucket), reader: None, remover: None };
    let backup = Backup::open(BackupSettings { place, seal: Seal::default(), bytes_per_second: None }).unwrap();
    let it = Stage::over(vec![], vec![Target::new("one".to_owned(), backup)]).await;
    let files = it.upload(0..110).await;
    let (target, id) = it.targets().remove(0);
    it.delete(&files).await;
    assert_eq!(it.count(id, CopyState::Doomed).await, 110);
    assert_eq!((it.held().await, removal::round(&it, &target, id).await.unwrap()), (None, 0));
}

#[tokio::test]
async fn on_a_disk_that_is_not_mounted_nothing_is_taken_for_removed() {
    let it = Stage::new(&[false]).await;
    let files = it.upload(0..2).await;
    it.copied().await;
    it.delete(&files[..1]).await;
    it.clock.advance(RETENTION + DAY);
    let (folder, away) = (it.folders[0].path(), it.folders[0].path().with_extension("away"));
    std::fs::rename(folder, &away).unwrap();
    std::fs::create_dir(folder).unwrap();
    assert!(matches!(it.round().await, Err(Error::Storage(Storage::Folder { .. }))));
    std::fs::remove_dir(folder).unwrap();
    std::fs::rename(&away, folder).unwrap();
    assert_eq!(it.round().await.unwrap(), 1);
    assert_eq!(it.there(0).len(), 1);
}
