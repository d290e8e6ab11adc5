//! How copies come to be.

use picup_database::DestinationState;
use picup_storage::Error as Storage;

use super::*;
use crate::Error;
use crate::backup::{enlist, pause, report};

/// When every copy there is was last proved before.
fn later(it: &Stage) -> picup_domain::Timestamp {
    it.now().plus(std::time::Duration::from_secs(1))
}

#[tokio::test]
async fn what_is_kept_is_copied_to_every_place_and_what_was_there_before_too() {
    let it = Stage::new(&[false, true]).await;
    it.upload(0..70).await;
    it.copied().await;
    assert_eq!((it.there(0).len(), it.there(1).len()), (70, 70));
    assert!(it.there(1).iter().all(|name| name.ends_with(".age")));
    let told = report(&it).await.unwrap();
    let kept: Vec<_> =
        told.iter().map(|one| (one.count(CopyState::Kept).0, one.enrolled, one.backlog_seconds)).collect();
    assert_eq!(kept, [(70, true, None); 2]);
    // As a process finds it that a power cut has hidden the end of from the database.
    let mut write = it.database().write().await.unwrap();
    let page = write.copy_list_unproved(it.targets()[1].1, later(&it), 100).await.unwrap();
    write.copy_broken(it.targets()[1].1, &page[0], "it is looked at again", it.now()).await.unwrap();
    write.commit().await.unwrap();
    it.copied().await;
    assert_eq!(it.there(1).len(), 71);
}

#[tokio::test]
async fn what_waits_while_a_destination_is_paused_is_copied_afterwards() {
    let it = Stage::new(&[false]).await;
    it.upload(0..2).await;
    assert!(pause(&it, "one", true).await.unwrap() && !pause(&it, "one", true).await.unwrap());
    assert!(matches!(pause(&it, "two", true).await, Err(Error::NotFound(_))));
    let (target, id) = it.targets().remove(0);
    let mut line = copier::Line::new(it.app.clone(), target, id);
    let stop = CancellationToken::new();
    stop.cancel();
    line.step(&stop).await.unwrap();
    assert!(it.there(0).is_empty());
    assert_eq!(it.destination("one").await.state, DestinationState::Paused);
    pause(&it, "one", false).await.unwrap();
    it.copied().await;
    assert_eq!(it.there(0).len(), 2);
}

/// An empty folder stands where a disk is mounted, and is none.
#[tokio::test]
async fn a_disk_that_is_not_mounted_is_waited_for() {
    let it = Stage::new(&[false]).await;
    it.upload(0..2).await;
    it.copied().await;
    let (folder, away) = (it.folders[0].path(), it.folders[0].path().with_extension("away"));
    std::fs::rename(folder, &away).unwrap();
    std::fs::create_dir(folder).unwrap();
    it.upload(2..4).await;
    let (target, id) = it.targets().remove(0);
    let stop = CancellationToken::new();
    // A process that begins now, and one that has begun before.
    let step = copier::Line::new(it.app.clone(), target, id).step(&stop).await;
    assert!(matches!(step, Err(Error::Storage(Storage::Folder { .. }))), "{step:?}");
    assert_eq!(std::fs::read_dir(folder).unwrap().count(), 0);
    let scrubbed = it.scrub(|_| {}).await;
    assert_eq!((scrubbed.unread, scrubbed.healed, scrubbed.lost), (2, 0, 0));
    assert!(crate::backup::catalogue_now(&it, "one").await.is_err());
    assert_eq!(std::fs::read_dir(folder).unwrap().count(), 0);
    std::fs::remove_dir(folder).unwrap();
    std::fs::rename(&away, folder).unwrap();
    it.copied().await;
    assert_eq!(it.there(0).len(), 4);
}

async fn another_disk_is_left_alone(it: &Stage) {
    let before = (it.there(0), it.there(1));
    let scrubbed = it.scrub(|_| {}).await;
    assert_eq!((scrubbed.healed, scrubbed.lost, scrubbed.unread), (0, 0, 6));
    let compared = crate::backup::reconcile_everything(it).await;
    assert_eq!(compared.iter().map(|(_, found)| found.is_ok()).collect::<Vec<_>>(), [true, false, false]);
    for ((target, id), name) in it.targets().into_iter().zip(["one", "two"]) {
        let refused = crate::backup::catalogue_now(it, name).await.unwrap_err();
        assert!(refused.story().contains("another destination's"), "{}", refused.story());
        let step = copier::Line::new(it.app.clone(), target, id).step(&CancellationToken::new()).await;
        assert!(matches!(step, Err(Error::Backup(_))), "{step:?}");
        assert_eq!((it.count(id, CopyState::Kept).await, it.count(id, CopyState::Failing).await), (3, 0));
    }
    assert_eq!((it.there(0), it.there(1)), before);
}

/// Two disks that are mounted in turns: at one place is the other's.
#[tokio::test]
async fn on_the_disk_of_another_destination_nothing_is_broken_or_written() {
    let mut it = Stage::new(&[false, false]).await;
    it.upload(0..3).await;
    it.copied().await;
    let (one, two) = (it.folders[0].path().to_owned(), it.folders[1].path().to_owned());
    let swap = || {
        let aside = one.with_extension("aside");
        std::fs::rename(&one, &aside).unwrap();
        std::fs::rename(&two, &one).unwrap();
        std::fs::rename(&aside, &two).unwrap();
    };
    swap();
    // Copies there are other bytes under the same names, as they would be if they were encrypted.
    std::fs::write(one.join(it.there(0).first().unwrap()), "other").unwrap();
    it.upload(3..4).await;
    // Processes that know the places from before, and one that begins now.
    another_disk_is_left_alone(&it).await;
    let targets = ["one", "two"].into_iter().zip(&it.folders).map(|(name, folder)| {
        Target::new(name.to_owned(), backup_in(folder.path(), false, Some(&it.server), &it.recovery))
    });
    let targets = targets.collect();
    let old = it.app;
    it.app = old.again_with(targets).await;
    another_disk_is_left_alone(&it).await;
    swap();
    it.copied().await;
    assert_eq!((it.there(0).len(), it.there(1).len()), (4, 4));
}

#[tokio::test]
async fn what_the_store_has_lost_comes_from_another_copy_and_heals_it() {
    let it = Stage::new(&[true, false]).await;
    let files = it.upload(0..2).await;
    it.copied().await;
    let page =
        it.database().read_fresh().await.unwrap().copy_list_unproved(it.targets()[1].1, later(&it), 10).await.unwrap();
    let mut write = it.database().write().await.unwrap();
    for copy in &page {
        write.copy_broken(it.targets()[1].1, copy, "it is gone", it.now()).await.unwrap();
    }
    write.commit().await.unwrap();
    it.storage().delete(&files[0].1).await.unwrap();
    it.storage().delete(&files[1].1).await.unwrap();
    it.storage().put(&files[1].1, "fX".into()).await.unwrap();
    it.copied().await;
    for (_, key) in &files {
        let sha256 = it.object(key).await.sha256;
        assert_eq!(Some(it.storage().hash(key).await.unwrap().sha256), sha256);
        assert_eq!(std::fs::read(it.file(1, key, 2)).unwrap(), std::fs::read(it.file(1, key, 1)).unwrap());
    }
}

#[tokio::test]
async fn a_copy_whose_object_was_deleted_on_the_way_goes_with_the_others() {
    let it = Stage::new(&[false]).await;
    let files = it.upload(0..1).await;
    let (_, id) = it.targets().remove(0);
    let mut write = it.database().write().await.unwrap();
    write.copy_enrol(id, 10, it.now()).await.unwrap();
    let claims = write.copy_claim(id, it.now(), it.now().plus(DAY), 10).await.unwrap();
    write.commit().await.unwrap();
    it.delete(&files).await;
    let mut write = it.database().write().await.unwrap();
    let (stored_bytes, stored_sha256) = (claims[0].bytes, claims[0].sha256);
    let made = picup_database::CopyMade { claim: claims[0].clone(), stored_bytes, stored_sha256 };
    write.copy_made(id, &[made], it.now()).await.unwrap();
    write.commit().await.unwrap();
    assert_eq!((it.count(id, CopyState::Doomed).await, it.count(id, CopyState::Kept).await), (1, 0));
}

#[tokio::test]
async fn a_destination_keeps_its_name_and_its_place() {
    let it = Stage::new(&[false]).await;
    enlist(&it).await.unwrap();
    let mut write = it.database().write().await.unwrap();
    write.destination_insert(DestinationId::new(it.now()), "two", "/elsewhere", false, it.now()).await.unwrap();
    write.commit().await.unwrap();
    enlist(&it).await.unwrap();
    assert_eq!(it.destination("two").await.state, DestinationState::Retired);
    assert_eq!(report(&it).await.unwrap().len(), 1);
}
