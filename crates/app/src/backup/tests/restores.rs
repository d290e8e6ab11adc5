//! What comes back of a destination alone, and what a rehearsal of that finds.

use picup_database::{Database, Place};
use picup_storage::{Metrics, Settings, Storage};

use super::*;
use crate::Error;
use crate::backup::catalogue_now;
use crate::restore::drill::rehearse;
use crate::restore::{self, Restored, Source};

/// An empty machine.
struct Machine {
    folder: TempDir,
    store: Storage,
}

impl Machine {
    async fn new() -> Self {
        let store = Storage::open(Settings::memory(), Metrics::default()).await.unwrap();
        Self { folder: tempfile::tempdir().unwrap(), store }
    }

    /// Brings everything back from a folder, with a key and nothing else.
    async fn restore(&self, backup: &Backup, key: &SealIdentity) -> Result<Restored, Error> {
        let file = self.folder.path().join("picup.db");
        let name = restore::newest(backup, None).await?;
        let place = Place::Sqlite(file.clone());
        let manifest = restore::database(backup, &name, Some(key), &place, self.folder.path()).await?;
        let database = Database::open(&picup_database::Settings::sqlite(file), Default::default()).await?;
        let known = database.read_fresh().await?.destination_list().await?;
        let destination = known.iter().find(|known| known.name == manifest.destination);
        let server_key = manifest.server_key()?;
        let server_key = server_key.as_ref();
        let source = Source { backup, key: Some(key), server_key, destination, sealed: manifest.sealed };
        let restored = restore::objects(source, &database, &self.store, |_| {}).await;
        database.close().await;
        restored
    }
}

impl Stage {
    /// A destination, as a machine reaches it that knows nothing.
    fn seen_from_afar(&self, at: usize) -> Backup {
        backup_in(self.folders[at].path(), false, None, &self.recovery)
    }

    /// Has the store of a machine what this app has?
    async fn same(&self, machine: &Machine, files: &[(AssetId, ObjectKey)]) -> bool {
        let mut same = true;
        for (_, key) in files {
            let hash = machine.store.hash(key).await.map(|found| found.sha256).ok();
            same &= hash.is_some() && hash == self.object(key).await.sha256;
        }
        same
    }
}

#[tokio::test]
async fn everything_comes_back_from_one_place_with_the_recovery_key_alone() {
    let it = Stage::new(&[true, false]).await;
    let files = it.upload(0..20).await;
    it.copied().await;
    for (at, name) in ["one", "two"].into_iter().enumerate() {
        catalogue_now(&it, name).await.unwrap();
        let machine = Machine::new().await;
        let restored = machine.restore(&it.seen_from_afar(at), &it.recovery).await.unwrap();
        assert_eq!((restored.objects, restored.missing, restored.present), (20, 0, 0), "{name}");
        assert!(it.same(&machine, &files).await);
    }
}

#[tokio::test]
async fn without_the_right_key_or_place_it_is_said_what_is_wrong() {
    let it = Stage::new(&[true]).await;
    it.upload(0..1).await;
    it.copied().await;
    let machine = Machine::new().await;
    let told = |error: Error| error.story();
    let none = told(machine.restore(&it.seen_from_afar(0), &it.recovery).await.unwrap_err());
    assert!(none.contains("there is no catalogue in") && none.contains("is it the right place"), "{none}");
    catalogue_now(&it, "one").await.unwrap();
    let wrong = told(machine.restore(&it.seen_from_afar(0), &SealIdentity::generate()).await.unwrap_err());
    assert!(wrong.contains("cannot be opened") && wrong.contains("this key is not one"), "{wrong}");
    assert_eq!(std::fs::read_dir(machine.folder.path()).unwrap().count(), 0, "something was left");
    let earlier = it.now().minus(DAY);
    let none = told(restore::newest(&it.seen_from_afar(0), Some(earlier)).await.unwrap_err());
    assert!(none.contains("no catalogue of that moment or before it"), "{none}");
}

/// A byte that has changed, wherever in a copy, costs that copy and no more. A newer one is found by its name.
#[tokio::test]
async fn what_is_broken_there_costs_itself_alone() {
    let it = Stage::new(&[true]).await;
    let files = it.upload(0..6).await;
    it.copied().await;
    catalogue_now(&it, "one").await.unwrap();
    // After the catalogue one copy was made anew.
    flip(&it.file(0, &files[5].1, 1), |_| 40);
    it.scrub(|_| {}).await;
    it.copied().await;
    flip(&it.file(0, &files[0].1, 1), |_| 0);
    flip(&it.file(0, &files[1].1, 1), |_| 40);
    flip(&it.file(0, &files[2].1, 1), |bytes| bytes - 1);
    std::fs::remove_file(it.file(0, &files[3].1, 1)).unwrap();
    let machine = Machine::new().await;
    let restored = machine.restore(&it.seen_from_afar(0), &it.recovery).await.unwrap();
    assert_eq!((restored.objects, restored.missing, restored.named.len()), (2, 4, 4));
    assert!(it.same(&machine, &files[4..]).await);
}

#[tokio::test]
async fn copies_from_before_a_new_recovery_key_come_back_with_the_new_one() {
    let mut it = Stage::new(&[true]).await;
    let files = it.upload(0..2).await;
    it.copied().await;
    // As a process does it that has begun with the new key: the catalogue is sealed to that, the copies are not.
    let old = it.app;
    it.recovery = SealIdentity::generate();
    let backup = backup_in(it.folders[0].path(), true, Some(&it.server), &it.recovery);
    it.app = old.again_with(vec![Target::new("one".to_owned(), backup)]).await;
    catalogue_now(&it, "one").await.unwrap();
    let machine = Machine::new().await;
    let restored = machine.restore(&it.seen_from_afar(0), &it.recovery).await.unwrap();
    assert_eq!((restored.objects, restored.missing), (2, 0));
    assert!(it.same(&machine, &files).await);
}

#[tokio::test]
async fn a_rehearsal_finds_what_is_missing_other_and_newer() {
    let it = Stage::new(&[true]).await;
    let files = it.upload(0..4).await;
    it.copied().await;
    catalogue_now(&it, "one").await.unwrap();
    it.clock.advance(DAY);
    let folder = tempfile::tempdir().unwrap();
    let drill = async |key: Option<&SealIdentity>, at: &str| {
        let into = folder.path().join(at);
        std::fs::create_dir(&into).unwrap();
        rehearse(&it, "one", key, &into, |_| {}).await
    };
    for (key, at) in [(None, "server"), (Some(&it.recovery), "recovery")] {
        let found = drill(key, at).await.unwrap();
        assert!(found.is_good() && found.same == 4 && found.newer == 0, "{found:?}");
        assert_eq!(found.of, Some(it.now().minus(DAY)));
    }
    let wrong = drill(Some(&SealIdentity::generate()), "wrong").await.unwrap_err();
    assert!(wrong.story().contains("this key is not one"), "{}", wrong.story());
    assert!(!it.destination("one").await.drill.unwrap().ok, "that it failed is kept");

    it.upload(4..6).await;
    it.copied().await;
    std::fs::remove_file(it.file(0, &files[0].1, 1)).unwrap();
    let found = drill(None, "again").await.unwrap();
    assert!(!found.is_good(), "{found:?}");
    assert_eq!((found.same, found.different, found.newer, found.newer_bytes, found.restored.missing), (3, 0, 2, 4, 1));
    let kept = it.destination("one").await.drill.unwrap();
    assert!(!kept.ok && kept.note.contains("1 objects are missing"), "{kept:?}");
}
