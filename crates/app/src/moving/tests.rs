use std::time::Duration;

use bytes::Bytes;
use picup_database::{CopyState, Object};
use picup_domain::{AccountId, AssetId, ObjectKey, Sha256};
use picup_storage::{Backup, BackupPlace, BackupSettings, Error as Storage, Seal, Settings, Sides, Storage as Store};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::object::{Done, Found, bring};
use super::*;
use crate::backup::{self, Target};
use crate::testing::TestApp;
use crate::upload::tests::{begin, cut_short, keep, send};
use crate::{account, trash, upload};

async fn owner(app: &TestApp) -> AccountId {
    account::create(app, TestApp::account("ada@example.com")).await.unwrap()
}

/// Has the store move, a while after everything that is there.
async fn begun(app: &TestApp) -> (Sides, Known) {
    app.clock.advance(Duration::from_secs(1));
    app.storage().begin_move(Settings::memory()).await.unwrap();
    (app.storage().sides().unwrap(), Known { asked_at: app.now(), back: false, leave_lost: false })
}

async fn carried(app: &TestApp, known: &Known) -> Progress {
    let mut progress = Progress::default();
    assert!(carry(app, known, &mut progress, |_| true).await.unwrap());
    progress
}

/// Carries it to the end of a round that cannot be the last one.
async fn one_round(app: &TestApp, known: &Known, stuck: impl Fn(&Progress) -> bool) -> Progress {
    let mut progress = Progress::default();
    assert!(!carry(app, known, &mut progress, |progress| !stuck(progress)).await.unwrap());
    progress
}

async fn object(app: &TestApp, asset: AssetId) -> Object {
    app.database().read_fresh().await.unwrap().object_list(asset).await.unwrap().remove(0)
}

async fn stands(store: &Store, key: &ObjectKey) -> bool {
    !matches!(store.open_object(key).await, Err(Storage::NotFound(_)))
}

/// Has other bytes of the same length stand in a place.
async fn spoil(store: &Store, key: &ObjectKey, content: &[u8]) {
    store.delete(key).await.unwrap();
    store.put(key, Bytes::copy_from_slice(content)).await.unwrap();
}

#[tokio::test]
async fn everything_comes_to_the_new_place_and_nothing_leaves_the_old_one() {
    let app = TestApp::new().await;
    let owner = owner(&app).await;
    let (one, two) = (keep(&app, owner, b"one").await, keep(&app, owner, b"two").await);
    let gone = keep(&app, owner, b"gone").await;
    let (sides, known) = begun(&app).await;
    let new = keep(&app, owner, b"new").await;
    trash::put(&app, owner, &[gone]).await.unwrap();
    trash::delete(&app, owner, &[gone]).await.unwrap();
    let progress = carried(&app, &known).await;
    assert_eq!((progress.copied, progress.bytes, progress.looked_at), (2, 6, 3), "{progress:?}");
    for (asset, was_there) in [(one, true), (two, true), (new, false)] {
        let key = object(&app, asset).await.key;
        assert!(stands(&sides.to, &key).await);
        assert_eq!(stands(&sides.from, &key).await, was_there);
    }
    assert_eq!(holds_strange(&app, &sides.to).await.unwrap(), None);
    app.storage().end_move().await;
    assert!(missing(&app).await.unwrap().is_empty());
    assert_eq!(app.storage().hash(&object(&app, one).await.key).await.unwrap().sha256, Sha256::of(b"one"));
}

#[tokio::test]
async fn it_waits_for_uploads_that_were_begun_before_and_takes_them_along() {
    let app = TestApp::new().await;
    let owner = owner(&app).await;
    keep(&app, owner, b"one").await;
    let open = begin(&app, owner, b"before").await;
    let (sides, known) = begun(&app).await;
    let (heard, mut hear) = watch::channel(Progress::default());
    let carrying = tokio::spawn({
        let app = (*app).clone();
        async move {
            let mut progress = Progress::default();
            let tell = |progress: &Progress| heard.send(progress.clone()).is_ok();
            let whole = carry(&app, &known, &mut progress, tell).await.unwrap();
            (whole, progress)
        }
    });
    hear.wait_for(|progress| progress.uploads == 1 && progress.copied == 1).await.unwrap();
    send(&app, owner, open.id, b"before").await.unwrap();
    let asset = upload::complete(&app, owner, open.id).await.unwrap();
    let key = object(&app, asset).await.key;
    while hear.changed().await.is_ok() {}
    let (whole, progress) = carrying.await.unwrap();
    assert!(whole && progress.copied == 2 && stands(&sides.from, &key).await && stands(&sides.to, &key).await);
}

#[tokio::test]
async fn what_was_stored_and_does_not_count_yet_comes_along() {
    let app = TestApp::new().await;
    let owner = owner(&app).await;
    let open = begin(&app, owner, b"before").await;
    send(&app, owner, open.id, b"before").await.unwrap();
    // Completed in the store, and cut off before it was written down.
    cut_short(&app, open.id).await;
    let row = app.database().read_fresh().await.unwrap().upload_by_id(owner, open.id).await.unwrap().unwrap();
    let key = object(&app, row.asset).await.key;
    let staged = picup_storage::Upload::resume(row.id, key, row.bytes).unwrap();
    app.storage().upload_complete(&staged).await.unwrap();
    let (_, known) = begun(&app).await;
    assert_eq!(carried(&app, &known).await.copied, 1);
    app.storage().end_move().await;
    let asset = upload::complete(&app, owner, open.id).await.unwrap();
    assert!(stands(app.storage(), &object(&app, asset).await.key).await);
}

#[tokio::test]
async fn what_is_not_what_is_recorded_is_moved_as_it_is_and_told_of() {
    let app = TestApp::new().await;
    let owner = owner(&app).await;
    let key = object(&app, keep(&app, owner, b"good").await).await.key;
    let (sides, known) = begun(&app).await;
    spoil(&sides.from, &key, b"baad").await;
    let progress = carried(&app, &known).await;
    assert_eq!((progress.copied, progress.damaged, progress.named.len()), (0, 1, 1), "{progress:?}");
    assert_eq!(sides.to.hash(&key).await.unwrap().sha256, Sha256::of(b"baad"));
}

#[tokio::test]
async fn what_is_not_what_is_recorded_is_healed_where_there_is_a_copy() {
    let settings = BackupSettings { place: BackupPlace::Memory, seal: Seal::default(), bytes_per_second: None };
    let target = Target::new("disk".to_owned(), Backup::open(settings).unwrap());
    let app = TestApp::with_targets(vec![target]).await;
    let owner = owner(&app).await;
    let key = object(&app, keep(&app, owner, b"good").await).await.key;
    let stop = CancellationToken::new();
    let copying = tokio::spawn(backup::run((*app).clone(), stop.clone()));
    let kept = async || backup::report(&app).await.unwrap().iter().all(|report| report.count(CopyState::Kept).0 == 1);
    while !kept().await {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    stop.cancel();
    copying.await.unwrap();
    let (sides, known) = begun(&app).await;
    spoil(&sides.from, &key, b"baad").await;
    let progress = carried(&app, &known).await;
    assert_eq!((progress.healed, progress.damaged), (1, 0), "{progress:?}");
    assert_eq!(sides.to.hash(&key).await.unwrap().sha256, Sha256::of(b"good"));
}

#[tokio::test]
async fn it_does_not_end_without_what_is_in_neither_place_unless_it_is_told_to() {
    let app = TestApp::new().await;
    let owner = owner(&app).await;
    let key = object(&app, keep(&app, owner, b"lost").await).await.key;
    keep(&app, owner, b"there").await;
    let (sides, mut known) = begun(&app).await;
    sides.from.delete(&key).await.unwrap();
    let progress = one_round(&app, &known, |progress| progress.lost == 1 && progress.copied == 1).await;
    assert!(progress.named[0].contains(&key.to_string()), "{progress:?}");
    known.leave_lost = true;
    assert_eq!(carried(&app, &known).await.lost, 1);
    app.storage().end_move().await;
    assert_eq!(missing(&app).await.unwrap(), [key.to_string()]);
}

#[tokio::test]
async fn what_stood_in_the_new_place_before_is_proved_once() {
    let app = TestApp::new().await;
    let owner = owner(&app).await;
    let (bad, good) = (keep(&app, owner, b"bad").await, keep(&app, owner, b"good").await);
    let (bad, good) = (object(&app, bad).await.key, object(&app, good).await.key);
    let (sides, known) = begun(&app).await;
    spoil(&sides.to, &bad, b"BAD").await;
    spoil(&sides.to, &good, b"good").await;
    let progress = carried(&app, &known).await;
    assert_eq!((progress.copied, progress.looked_at), (1, 2), "{progress:?}");
    assert_eq!(sides.to.hash(&bad).await.unwrap().sha256, Sha256::of(b"bad"));
    assert_eq!(progress.proved_up_to, bad.to_string().max(good.to_string()));
    // A move that goes on from there believes what it has proved.
    spoil(&sides.to, &bad, b"BAD").await;
    let mut progress = Progress { copied: 0, ..progress };
    assert!(carry(&app, &known, &mut progress, |_| true).await.unwrap());
    assert_eq!(progress.copied, 0);
}

#[tokio::test]
async fn what_is_removed_while_it_is_copied_is_not_left_in_the_new_place() {
    let app = TestApp::new().await;
    let owner = owner(&app).await;
    let object = object(&app, keep(&app, owner, b"doomed").await).await;
    let (sides, _) = begun(&app).await;
    let mut write = app.database().write().await.unwrap();
    write.object_doom(&object.key).await.unwrap();
    write.commit().await.unwrap();
    assert_eq!(bring(&app, &sides, &object, Found::Missing).await.unwrap(), Done::Gone);
    assert!(!stands(&sides.to, &object.key).await && stands(&sides.from, &object.key).await);
}

#[tokio::test]
async fn taken_back_what_is_new_comes_to_where_everything_was() {
    let app = TestApp::new().await;
    let owner = owner(&app).await;
    let old = object(&app, keep(&app, owner, b"old").await).await.key;
    let (sides, known) = begun(&app).await;
    let new = object(&app, keep(&app, owner, b"new").await).await.key;
    app.storage().turn_back().await;
    let progress = carried(&app, &Known { back: true, ..known }).await;
    assert_eq!(progress.copied, 1, "{progress:?}");
    app.storage().end_move().await;
    for key in [&old, &new] {
        assert!(stands(app.storage(), key).await && stands(&sides.from, key).await);
    }
}

/// A leftover of another length is no reason to doubt what is good in the old place, nor to take it away there.
#[tokio::test]
async fn a_leftover_of_another_length_is_replaced() {
    let app = TestApp::new().await;
    let owner = owner(&app).await;
    let key = object(&app, keep(&app, owner, b"good").await).await.key;
    let (sides, known) = begun(&app).await;
    sides.to.put(&key, Bytes::from_static(b"a leftover")).await.unwrap();
    let progress = carried(&app, &known).await;
    assert_eq!((progress.copied, progress.damaged, progress.healed), (1, 0, 0), "{progress:?}");
    assert_eq!(sides.to.hash(&key).await.unwrap().sha256, Sha256::of(b"good"));
    assert!(stands(&sides.from, &key).await);
    app.storage().end_move().await;
    assert!(missing(&app).await.unwrap().is_empty());
    spoil(&sides.to, &key, b"longer than it was").await;
    assert_eq!(missing(&app).await.unwrap(), [key.to_string()], "its size is not right");
}

#[tokio::test]
async fn an_empty_store_is_gone_only_where_there_are_photos() {
    let app = TestApp::new().await;
    let owner = owner(&app).await;
    assert!(!is_gone(&app).await);
    let key = object(&app, keep(&app, owner, b"one").await).await.key;
    assert!(!is_gone(&app).await);
    app.storage().delete(&key).await.unwrap();
    assert!(is_gone(&app).await);
}

#[tokio::test]
async fn a_place_with_what_nobody_knows_is_strange() {
    let app = TestApp::new().await;
    let owner = owner(&app).await;
    let key = object(&app, keep(&app, owner, b"known").await).await.key;
    let store = Store::open(Settings::memory(), picup_storage::Metrics::default()).await.unwrap();
    store.put(&key, Bytes::from_static(b"known")).await.unwrap();
    assert_eq!(holds_strange(&app, &store).await.unwrap(), None);
    let now = app.now();
    let other = ObjectKey::new(owner, AssetId::new(now), picup_domain::ObjectRole::Original, 1, "jpg");
    store.put(&other, Bytes::from_static(b"other")).await.unwrap();
    assert_eq!(holds_strange(&app, &store).await.unwrap(), Some(other.to_string()));
}
