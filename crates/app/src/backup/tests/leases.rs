//! Copies on their way: who holds them, how they fail, and what is given back.

use picup_database::{CopyClaim, ListedCopy};
use picup_storage::Error as Storage;

use super::*;
use crate::Error;
use crate::backup::{is_at_work, pause};

impl Stage {
    fn line(&self) -> copier::Line {
        let (target, id) = self.targets().remove(0);
        copier::Line::new(self.app.clone(), target, id)
    }

    /// Claims what is due at the first destination, as another process does.
    async fn claims(&self) -> Vec<CopyClaim> {
        let mut write = self.database().write().await.unwrap();
        let claims = write.copy_claim(self.targets()[0].1, self.now(), self.now().plus(DAY), 100).await.unwrap();
        write.commit().await.unwrap();
        claims
    }

    async fn only_copy(&self) -> ListedCopy {
        let id = self.targets()[0].1;
        self.database().read_fresh().await.unwrap().copy_page(id, "", 10).await.unwrap().remove(0)
    }
}

#[tokio::test]
async fn what_a_place_does_not_give_back_is_tried_later_and_what_is_occupied_at_once_under_another_name() {
    let it = Stage::new(&[false]).await;
    it.upload(0..1).await;
    let (mut line, name) = (it.line(), || "media/x".to_owned());
    let claim = it.claims().await.remove(0);
    line.ended((claim, Err(Storage::NotAsWritten(name())), DAY)).await.unwrap();
    let copy = it.only_copy().await;
    assert_eq!((copy.state, copy.generation), (CopyState::Failing, 1));
    assert!(copy.state_at > it.now(), "it was to be tried again at once");
    // The destination rests: nothing is claimed by a line that has seen it.
    it.clock.advance(DAY);
    let stop = CancellationToken::new();
    stop.cancel();
    line.step(&stop).await.unwrap();
    assert!(line.under_way.is_empty() && it.there(0).is_empty());

    let claim = it.claims().await.remove(0);
    line.ended((claim, Err(Storage::Altered(name())), DAY)).await.unwrap();
    let copy = it.only_copy().await;
    assert_eq!((copy.state, copy.generation, copy.state_at), (CopyState::Failing, 2, it.now()));
}

#[tokio::test]
async fn a_pause_gives_back_what_has_not_begun() {
    let it = Stage::new(&[false]).await;
    it.upload(0..40).await;
    let (mut line, stop) = (it.line(), CancellationToken::new());
    line.step(&stop).await.unwrap();
    pause(&it, "one", true).await.unwrap();
    line.look().await.unwrap();
    while !line.under_way.is_empty() {
        line.step(&stop).await.unwrap();
    }
    assert_eq!(it.there(0).len(), 16, "what was under way ends");
    stop.cancel();
    line.step(&stop).await.unwrap();
    assert!(!is_at_work(&it).await.unwrap(), "a lease is kept");
    pause(&it, "one", false).await.unwrap();
    it.copied().await;
    assert_eq!(it.there(0).len(), 40);
}

#[tokio::test]
async fn a_copy_that_ends_in_a_panic_is_let_go() {
    let it = Stage::new(&[false]).await;
    it.upload(0..1).await;
    let (mut line, claim) = (it.line(), it.claims().await.remove(0));
    let task = line.under_way.spawn(async { panic!("a fault") });
    line.held.insert(task.id(), claim);
    let step = line.step(&CancellationToken::new()).await;
    assert!(matches!(&step, Err(Error::Internal(told)) if told.contains("panic")), "{step:?}");
    assert!(line.held.is_empty());
}

#[tokio::test]
async fn who_looks_on_knows_of_a_copy_that_another_process_makes() {
    let it = Stage::new(&[false]).await;
    it.upload(0..1).await;
    assert!(!is_at_work(&it).await.unwrap());
    it.claims().await;
    assert!(is_at_work(&it).await.unwrap());
    it.clock.advance(DAY);
    assert!(!is_at_work(&it).await.unwrap(), "its lease is over");
}

/// A new destination, whose disk comes after something was deleted.
#[tokio::test]
async fn a_disk_that_comes_late_is_taken_and_one_that_was_taken_is_never_taken_anew() {
    let it = Stage::new(&[false]).await;
    let files = it.upload(0..2).await;
    let (folder, away) = (it.folders[0].path(), it.folders[0].path().with_extension("away"));
    std::fs::remove_dir(folder).unwrap();
    it.delete(&files[..1]).await;
    let stop = CancellationToken::new();
    assert!(matches!(it.line().step(&stop).await, Err(Error::Storage(Storage::Folder { .. }))));
    std::fs::create_dir(folder).unwrap();
    assert!(!it.destination("one").await.claimed);
    it.copied().await;
    assert!(it.there(0).len() == 1 && it.destination("one").await.claimed);

    // Nothing stands there any more: still it is the disk with the mark, and no other.
    it.delete(&files[1..]).await;
    it.clock.advance(RETENTION + DAY);
    let (target, id) = it.targets().remove(0);
    assert_eq!(crate::backup::removal::round(&it, &target, id).await.unwrap(), 2);
    std::fs::rename(folder, &away).unwrap();
    std::fs::create_dir(folder).unwrap();
    it.upload(2..3).await;
    assert!(matches!(it.line().step(&stop).await, Err(Error::Storage(Storage::Folder { .. }))));
    std::fs::remove_dir(folder).unwrap();
    std::fs::rename(&away, folder).unwrap();
}
