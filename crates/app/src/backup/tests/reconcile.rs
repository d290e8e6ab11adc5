//! What comparing the stores with the rows finds, makes anew, removes, and leaves alone.

use picup_domain::ObjectRole;
use picup_storage::Error as Storage;

use super::*;
use crate::Error;
use crate::backup::{Reconciled, confirm_removals, held_orphans, reconcile_everything, report};

impl Stage {
    /// Compares all stores, which all answer: the primary one, and then the destinations.
    async fn compared(&self) -> Vec<Reconciled> {
        reconcile_everything(self).await.into_iter().map(|(_, found)| found.unwrap()).collect()
    }

    fn stray_key(&self) -> ObjectKey {
        ObjectKey::new(self.owner, AssetId::new(self.now()), ObjectRole::Original, 1, "jpg")
    }

    /// Puts so many objects into the primary store that no row speaks of.
    async fn strays(&self, count: usize) -> Vec<ObjectKey> {
        let keys: Vec<ObjectKey> = (0..count).map(|_| self.stray_key()).collect();
        for key in &keys {
            self.storage().put(key, "stray".into()).await.unwrap();
        }
        keys
    }

    /// Has so many copies stand at the first destination that no row speaks of.
    fn stray_copies(&self, count: usize) -> Vec<PathBuf> {
        let files: Vec<PathBuf> = (0..count).map(|_| self.file(0, &self.stray_key(), 1)).collect();
        for file in &files {
            std::fs::create_dir_all(file.parent().unwrap()).unwrap();
            std::fs::write(file, "stray").unwrap();
        }
        files
    }

    async fn is_there(&self, key: &ObjectKey) -> bool {
        !matches!(self.storage().open_object(key).await, Err(Storage::NotFound(_)))
    }
}

#[tokio::test]
async fn a_copy_that_is_missing_is_made_anew() {
    let it = Stage::new(&[true, false]).await;
    let files = it.upload(0..5).await;
    it.copied().await;
    let whole = Reconciled { known: 5, ..Reconciled::default() };
    assert_eq!(it.compared().await, [whole; 3]);
    // In the middle of what is listed, and after the last of it.
    let mut keys: Vec<&ObjectKey> = files.iter().map(|(_, key)| key).collect();
    keys.sort_by_key(|key| key.to_string());
    for key in [keys[1], keys[4]] {
        std::fs::remove_file(it.file(0, key, 1)).unwrap();
    }
    assert_eq!(it.compared().await, [whole, Reconciled { known: 3, missing: 2, ..whole }, whole]);
    assert_eq!(it.count(it.targets()[0].1, CopyState::Failing).await, 2);
    it.copied().await;
    assert!(it.file(0, keys[1], 2).exists() && it.file(0, keys[4], 2).exists());
    assert_eq!(it.compared().await, [whole; 3]);
}

#[tokio::test]
async fn what_has_no_row_goes_after_the_retention_and_what_is_not_of_picups_making_never() {
    let it = Stage::new(&[false]).await;
    let files = it.upload(0..2).await;
    it.copied().await;
    let (object, copy) = (it.strays(1).await.remove(0), it.stray_copies(1).remove(0));
    let foreign = it.folders[0].path().join("media/holiday.txt");
    std::fs::write(&foreign, "mine").unwrap();
    // A copy from before: it was found broken, and made anew.
    flip(&it.file(0, &files[0].1, 1), |_| 0);
    it.scrub(|_| {}).await;
    it.copied().await;
    let known = Reconciled { known: 2, ..Reconciled::default() };
    let first = [Reconciled { orphans: 1, ..known }, Reconciled { orphans: 2, foreign: 1, ..known }];
    assert_eq!(it.compared().await, first);
    it.clock.advance(RETENTION);
    assert_eq!(it.compared().await, [known, Reconciled { foreign: 1, ..known }], "the retention is not over");
    assert!(it.is_there(&object).await && copy.exists());
    it.clock.advance(Duration::from_micros(1));
    let gone = [Reconciled { removed: 1, ..known }, Reconciled { removed: 2, foreign: 1, ..known }];
    assert_eq!(it.compared().await, gone);
    assert!(!it.is_there(&object).await && !copy.exists() && !it.file(0, &files[0].1, 1).exists());
    assert!(foreign.exists() && it.file(0, &files[0].1, 2).exists());
    assert_eq!(it.compared().await, [known, Reconciled { foreign: 1, ..known }]);
}

#[tokio::test]
async fn what_has_a_row_when_it_would_go_stays() {
    let it = Stage::new(&[false]).await;
    let files = it.upload(0..1).await;
    it.copied().await;
    let object = it.strays(1).await.remove(0);
    // The next copy of a file stands there already, as a process leaves it that ends before it has written it down.
    let (next, key) = (it.file(0, &files[0].1, 2), &files[0].1);
    std::fs::copy(it.file(0, key, 1), &next).unwrap();
    assert_eq!(it.compared().await.iter().map(|found| found.orphans).collect::<Vec<_>>(), [1, 1]);
    let (id, staged) = (it.targets()[0].1, Object { key: object.clone(), ..it.object(key).await });
    let mut write = it.database().write().await.unwrap();
    write.object_insert(&staged).await.unwrap();
    let kept = write.copy_kept(id, key).await.unwrap().unwrap();
    write.copy_broken(id, &kept, "it is looked at again", it.now()).await.unwrap();
    write.commit().await.unwrap();
    it.copied().await;
    it.clock.advance(RETENTION + DAY);
    let found = it.compared().await;
    assert_eq!(found.iter().map(|found| found.removed).collect::<Vec<_>>(), [0, 0], "{found:?}");
    assert!(it.is_there(&object).await && next.exists());
}

#[tokio::test]
async fn so_much_without_a_row_that_the_database_may_be_the_wrong_one_stays_until_it_is_confirmed() {
    let it = Stage::new(&[false]).await;
    it.upload(0..3).await;
    it.copied().await;
    let (objects, copies) = (it.strays(100).await, it.stray_copies(100));
    it.compared().await;
    assert_eq!((held_orphans(&it).await.unwrap(), report(&it).await.unwrap()[0].orphans_held), (None, None));
    it.clock.advance(DAY);
    it.strays(1).await;
    it.stray_copies(1);
    it.compared().await;
    let held = (held_orphans(&it).await.unwrap(), report(&it).await.unwrap()[0].orphans_held);
    assert_eq!(held, (Some(101), Some(101)), "it is told at once, so that there is time");

    it.clock.advance(RETENTION);
    let removed = async || it.compared().await.iter().map(|found| found.removed).collect::<Vec<_>>();
    assert_eq!(removed().await, [0, 0]);
    assert!(it.is_there(&objects[0]).await && copies[0].exists());
    confirm_removals(&it, "one").await.unwrap();
    assert_eq!(report(&it).await.unwrap()[0].orphans_held, None);
    assert_eq!(removed().await, [0, 100], "each store by itself, and the last after its time");
    confirm_removals(&it, "primary").await.unwrap();
    assert_eq!(held_orphans(&it).await.unwrap(), None);
    assert_eq!(removed().await, [100, 0]);
    it.clock.advance(DAY);
    assert_eq!(removed().await, [1, 1]);
    assert!(!it.is_there(&objects[0]).await && it.there(0).len() == 3);
}

#[tokio::test]
async fn a_store_that_is_away_keeps_no_other_from_being_compared() {
    let it = Stage::new(&[false, false]).await;
    it.upload(0..2).await;
    it.copied().await;
    let away = it.folders[0].path().with_extension("away");
    std::fs::rename(it.folders[0].path(), &away).unwrap();
    let found = reconcile_everything(&it).await;
    let names: Vec<&str> = found.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["primary", "one", "two"]);
    assert!(matches!(found[1].1, Err(Error::Storage(Storage::Folder { .. }))), "{found:?}");
    assert!(found[0].1.is_ok() && found[2].1.as_ref().is_ok_and(|found| found.known == 2), "{found:?}");
    std::fs::rename(&away, it.folders[0].path()).unwrap();
}
