//! Copies as an app keeps them, in folders that a test can look into and damage: how they are made, how long they outlive what was
//! deleted, what reading them again finds, and what comes back of them.

mod copying;
mod drills;
mod indexes;
mod leases;
mod parts;
mod reconcile;
mod removals;
mod restores;
mod scrubs;
mod unreadable;

use std::collections::BTreeSet;
use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use picup_database::{CopyState, Destination, Object};
use picup_domain::{AccountId, AssetId, DestinationId, ObjectKey};
use picup_storage::{Backup, BackupPlace, BackupSettings, Seal, SealIdentity};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

use super::{Scrubbed, Target, copier, scrub_everything};
use crate::testing::TestApp;
use crate::upload::tests::keep;
use crate::{account, asset};

/// How long the copies of these tests outlive what was deleted.
const RETENTION: Duration = Duration::from_secs(30 * 86_400);
const DAY: Duration = Duration::from_secs(86_400);

/// An app with destinations called `one`, `two` …, and an account.
struct Stage {
    app: TestApp,
    owner: AccountId,
    server: SealIdentity,
    recovery: SealIdentity,
    folders: Vec<TempDir>,
}

impl Deref for Stage {
    type Target = TestApp;

    fn deref(&self) -> &TestApp {
        &self.app
    }
}

impl Stage {
    /// With a destination for each of these, sealed or not.
    async fn new(sealed: &[bool]) -> Self {
        let (server, recovery) = (SealIdentity::generate(), SealIdentity::generate());
        let folders: Vec<TempDir> = sealed.iter().map(|_| tempfile::tempdir().unwrap()).collect();
        let targets = ["one", "two", "three"].into_iter().zip(sealed).zip(&folders);
        let targets = targets.map(|((name, sealed), folder)| {
            Target::new(name.to_owned(), backup_in(folder.path(), *sealed, Some(&server), &recovery))
        });
        let targets = targets.collect();
        Self { server, recovery, ..Self::over(folders, targets).await }
    }

    /// With these destinations, of which some are in folders.
    async fn over(folders: Vec<TempDir>, targets: Vec<Target>) -> Self {
        let app = TestApp::with_targets(targets).await;
        let owner = account::create(&app, TestApp::account("ada@example.com")).await.unwrap();
        Self { app, owner, server: SealIdentity::generate(), recovery: SealIdentity::generate(), folders }
    }

    /// Uploads so many files of a few bytes, each another; gives their assets and keys.
    async fn upload(&self, range: std::ops::Range<u32>) -> Vec<(AssetId, ObjectKey)> {
        let mut made = Vec::new();
        for number in range {
            let id = keep(self, self.owner, format!("f{number}").as_bytes()).await;
            let objects = self.database().read_fresh().await.unwrap().object_list(id).await.unwrap();
            made.push((id, objects[0].key.clone()));
        }
        made
    }

    async fn object(&self, key: &ObjectKey) -> Object {
        self.database().read_fresh().await.unwrap().object_by_key(key).await.unwrap().unwrap()
    }

    async fn delete(&self, assets: &[(AssetId, ObjectKey)]) {
        for batch in assets.chunks(50) {
            let ids: Vec<AssetId> = batch.iter().map(|(id, _)| *id).collect();
            asset::delete_forever(self, self.owner, &ids, None).await.unwrap();
        }
    }

    fn targets(&self) -> Vec<(Arc<Target>, DestinationId)> {
        self.inner.targets.enlisted().map(|(target, id)| (Arc::clone(target), id)).collect()
    }

    async fn destination(&self, name: &str) -> Destination {
        let all = self.database().read_fresh().await.unwrap().destination_list().await.unwrap();
        all.into_iter().find(|found| found.name == name).unwrap()
    }

    /// How many copies are in a state at a destination.
    async fn count(&self, id: DestinationId, state: CopyState) -> u64 {
        let counts = self.database().read_fresh().await.unwrap().copy_counts(id).await.unwrap();
        counts.iter().find(|count| count.state == state).unwrap().copies
    }

    /// Lets all lines copy until nothing waits.
    async fn copied(&self) {
        let stop = CancellationToken::new();
        let begin = |(target, id)| tokio::spawn(copier::run(self.app.clone(), target, id, stop.clone()));
        let lines: Vec<_> = self.targets().into_iter().map(begin).collect();
        for (target, id) in self.targets() {
            let done = async || {
                let waiting = self.count(id, CopyState::Waiting).await + self.count(id, CopyState::Failing).await;
                waiting == 0 && self.destination(target.name()).await.enrolled
            };
            eventually(done).await;
        }
        stop.cancel();
        for line in lines {
            line.await.unwrap();
        }
    }

    /// Reads everything again, a moment after it was last proved.
    async fn scrub(&self, mut watch: impl FnMut(&str)) -> Scrubbed {
        self.clock.advance(Duration::from_secs(1));
        scrub_everything(self, |place, _| watch(place)).await.unwrap()
    }

    /// Has the primary store be in a folder from now on.
    async fn on_a_disk(&self) -> TempDir {
        let folder = tempfile::tempdir().unwrap();
        self.storage().begin_move(picup_storage::Settings::files(folder.path().join("store"))).await.unwrap();
        self.storage().end_move().await;
        folder
    }

    /// The names of everything that stands in a destination's folder, but for its mark.
    fn there(&self, at: usize) -> BTreeSet<String> {
        let (root, mut found) = (self.folders[at].path(), BTreeSet::new());
        walk(root, &mut |file| {
            found.insert(file.strip_prefix(root).unwrap().display().to_string());
        });
        found.remove("picup-backup.txt");
        found
    }

    /// The file that a copy stands in.
    fn file(&self, at: usize, key: &ObjectKey, generation: u32) -> PathBuf {
        let name = self.targets()[at].0.name_of(key, generation);
        self.folders[at].path().join(name.to_string())
    }
}

fn backup_in(folder: &Path, sealed: bool, server: Option<&SealIdentity>, recovery: &SealIdentity) -> Backup {
    let seal = Seal { media: sealed, server: server.cloned(), recovery: Some(recovery.recipient()) };
    let place = BackupPlace::Files(folder.to_owned());
    Backup::open(BackupSettings { place, seal, bytes_per_second: None }).unwrap()
}

fn walk(folder: &Path, seen: &mut impl FnMut(&Path)) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { walk(&path, seen) } else { seen(&path) }
    }
}

/// Has the disk fail where a file is read: what stands there leads to itself.
fn unreadable(file: &Path) {
    std::fs::remove_file(file).unwrap();
    std::os::unix::fs::symlink(file, file).unwrap();
}

/// The file in a folder that an object stands in.
fn stored(folder: &Path, key: &ObjectKey) -> PathBuf {
    let mut found = None;
    walk(folder, &mut |file| {
        if file.ends_with(key.to_string()) {
            found = Some(file.to_owned());
        }
    });
    found.unwrap()
}

/// Turns one bit of a file.
fn flip(file: &Path, at: impl FnOnce(usize) -> usize) {
    let mut bytes = std::fs::read(file).unwrap();
    let at = at(bytes.len());
    bytes[at] ^= 1;
    std::fs::write(file, bytes).unwrap();
}

/// Looks again and again until it is so.
async fn eventually(mut look: impl AsyncFnMut() -> bool) {
    let deadline = tokio::time::Instant::now() + Duration::from_secs(60);
    while !look().await {
        assert!(tokio::time::Instant::now() < deadline, "it did not come within a minute");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
