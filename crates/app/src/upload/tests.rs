use std::time::Duration;

use bytes::Bytes;
use futures_util::future::join_all;
use futures_util::stream;

use picup_database::{Object, ObjectState};
use picup_domain::{ByteSize, FileName, ObjectKey, ObjectRole};

use super::*;
use crate::testing::TestApp;
use crate::{account, jobs, process};

/// An app with one account whose quota is 1,000 bytes.
async fn app() -> (TestApp, AccountId) {
    let app = TestApp::new().await;
    let owner = account::create(&app, TestApp::account("ada@example.com")).await.unwrap();
    (app, owner)
}

pub(crate) fn wish(content: &[u8]) -> NewUpload {
    NewUpload {
        file_name: FileName::new("photo.jpg").unwrap(),
        bytes: ByteSize::new(content.len() as u64).unwrap(),
        sha256: Sha256::of(content),
        modified: None,
        motion_of: None,
        told: Told::default(),
    }
}

pub(crate) async fn begin(app: &App, owner: AccountId, content: &[u8]) -> Upload {
    match reserve(app, owner, wish(content)).await.unwrap() {
        Reserved::Upload(upload) => upload,
        Reserved::Duplicate(asset) => panic!("{asset} is there already"),
    }
}

/// Takes a part's address apart as the API does.
fn parse(url: &str, upload: UploadId) -> (PartAddress, String) {
    let (path, query) = url.split_once('?').unwrap();
    let value =
        |name: &str| query.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('=')).unwrap().to_owned();
    let address = PartAddress {
        upload,
        number: path.rsplit('/').next().unwrap().parse().unwrap(),
        bytes: value("bytes").parse().unwrap(),
        sha256: value("sha256").parse().unwrap(),
        expires: value("expires").parse().unwrap(),
    };
    (address, value("signature"))
}

pub(crate) async fn send(app: &App, owner: AccountId, id: UploadId, content: &[u8]) -> Result<(), Error> {
    let targets = part_targets(app, owner, id, &[(1, Sha256::of(content))]).await?;
    put(app, id, &targets[0].url, content).await
}

/// Sends a part to its address.
pub(crate) async fn put(app: &App, id: UploadId, url: &str, content: &[u8]) -> Result<(), Error> {
    let (address, signature) = parse(url, id);
    part(app, address, &signature, stream::iter([Ok(Bytes::copy_from_slice(content))])).await
}

/// Uploads a file to its end and gives its asset.
pub(crate) async fn keep(app: &App, owner: AccountId, content: &[u8]) -> AssetId {
    let upload = begin(app, owner, content).await;
    send(app, owner, upload.id, content).await.unwrap();
    complete(app, owner, upload.id).await.unwrap()
}

/// Leaves an upload as a process does that ends right after the first step of `complete`.
pub(crate) async fn cut_short(app: &TestApp, id: UploadId) {
    let mut write = app.database().write().await.unwrap();
    write.upload_set_state(id, UploadState::Open, UploadState::Completing, app.now()).await.unwrap();
    write.commit().await.unwrap();
}

async fn quota(app: &TestApp, owner: AccountId) -> (u64, u64) {
    let account = account::fetch(app, owner).await.unwrap();
    (account.quota.used.get(), account.quota.reserved.get())
}

#[tokio::test]
async fn an_upload_becomes_an_asset_once_however_often_it_is_completed() {
    let (app, owner) = app().await;
    let upload = begin(&app, owner, b"content").await;
    assert_eq!(quota(&app, owner).await, (0, 7));
    assert!(matches!(complete(&app, owner, upload.id).await, Err(Error::PartsMissing(parts)) if parts == [1]));
    send(&app, owner, upload.id, b"content").await.unwrap();
    assert_eq!(fetch(&app, owner, upload.id).await.unwrap().arrived, [(1, Sha256::of(b"content"))]);
    let assets: Vec<AssetId> =
        join_all((0..10).map(|_| complete(&app, owner, upload.id))).await.into_iter().map(Result::unwrap).collect();
    assert!(assets.windows(2).all(|pair| pair[0] == pair[1]));
    assert_eq!(quota(&app, owner).await, (7, 0));
    assert_eq!(crate::timeline::days(&app, owner).await.unwrap()[0].assets, 1);
    assert_eq!(fetch(&app, owner, upload.id).await.unwrap().asset, Some(assets[0]));
    assert_eq!(jobs::counts(&app).await.unwrap()[0].pending, 1);
}

#[tokio::test]
async fn a_completion_that_looked_before_another_one_ended_gives_its_asset() {
    let (app, owner) = app().await;
    let upload = begin(&app, owner, b"content").await;
    send(&app, owner, upload.id, b"content").await.unwrap();
    let looked = row(&app, owner, upload.id).await.unwrap();
    let asset = complete(&app, owner, upload.id).await.unwrap();
    assert_eq!(complete_found(&app, looked).await.unwrap(), asset);
    assert_eq!(quota(&app, owner).await, (7, 0));
}

#[tokio::test]
async fn a_wish_that_looked_before_its_upload_was_completed_stages_nothing() {
    let (app, owner) = app().await;
    let upload = begin(&app, owner, b"content").await;
    send(&app, owner, upload.id, b"content").await.unwrap();
    let wish = wish(b"content");
    let mut read = app.database().read().await.unwrap();
    let seen = reserve::Seen::of(&mut read, owner, &wish.sha256, None).await.unwrap();
    drop(read);
    let asset = complete(&app, owner, upload.id).await.unwrap();
    // Else it would be found as a duplicate before what was seen counts.
    let mut write = app.database().write().await.unwrap();
    write.asset_make_damaged(owner, asset, "{}").await.unwrap();
    write.commit().await.unwrap();
    assert!(reserve::standing(&app, owner, &wish, &seen).await.unwrap().is_none());
    assert!(app.storage().uploads_staged().await.unwrap().is_empty());
}

#[tokio::test]
async fn a_wish_that_looked_before_its_upload_was_cancelled_stages_nothing() {
    let (app, owner) = app().await;
    let upload = begin(&app, owner, b"content").await;
    let wish = wish(b"content");
    let mut read = app.database().read().await.unwrap();
    let seen = reserve::Seen::of(&mut read, owner, &wish.sha256, None).await.unwrap();
    drop(read);
    cancel(&app, owner, upload.id).await.unwrap();
    assert!(reserve::standing(&app, owner, &wish, &seen).await.unwrap().is_none());
    assert!(app.storage().uploads_staged().await.unwrap().is_empty());
}

#[tokio::test]
async fn a_file_that_waits_for_its_worker_is_a_duplicate_all_the_same() {
    let (app, owner) = app().await;
    let upload = begin(&app, owner, b"content").await;
    send(&app, owner, upload.id, b"content").await.unwrap();
    let asset = complete(&app, owner, upload.id).await.unwrap();
    let again = reserve(&app, owner, wish(b"content")).await.unwrap();
    assert!(matches!(again, Reserved::Duplicate(found) if found == asset));
    let stranger = account::create(&app, TestApp::account("bob@example.com")).await.unwrap();
    assert!(matches!(reserve(&app, stranger, wish(b"content")).await.unwrap(), Reserved::Upload(_)));
}

#[tokio::test]
async fn a_declared_hash_that_the_bytes_do_not_have_makes_no_duplicate() {
    let (app, owner) = app().await;
    let lie = NewUpload { sha256: Sha256::of(b"another"), ..wish(b"content") };
    let Reserved::Upload(upload) = reserve(&app, owner, lie).await.unwrap() else { panic!("nothing is there") };
    send(&app, owner, upload.id, b"content").await.unwrap();
    complete(&app, owner, upload.id).await.unwrap();
    assert!(matches!(reserve(&app, owner, wish(b"another")).await.unwrap(), Reserved::Upload(_)));
}

#[tokio::test]
async fn the_same_wish_again_goes_on_with_the_same_upload() {
    let (app, owner) = app().await;
    let first = begin(&app, owner, b"content").await;
    send(&app, owner, first.id, b"content").await.unwrap();
    let second = begin(&app, owner, b"content").await;
    assert_eq!(first.id, second.id);
    assert_eq!(second.arrived.len(), 1);
    assert_eq!(quota(&app, owner).await, (0, 7));
}

#[tokio::test]
async fn a_file_that_has_just_room_for_itself_keeps_none_of_its_askers_out() {
    let (app, owner) = app().await;
    let content = [b'x'; 600];
    let asked = join_all((0..20).map(|_| reserve(&app, owner, wish(&content)))).await;
    let mut ids = asked.into_iter().map(|answer| match answer.unwrap() {
        Reserved::Upload(upload) => upload.id,
        Reserved::Duplicate(asset) => panic!("{asset} is there already"),
    });
    let first = ids.next().unwrap();
    assert!(ids.all(|id| id == first));
    assert_eq!(quota(&app, owner).await, (0, 600));
}

#[tokio::test]
async fn other_bytes_than_announced_are_refused_and_change_nothing() {
    let (app, owner) = app().await;
    let upload = begin(&app, owner, b"content").await;
    let targets = part_targets(&app, owner, upload.id, &[(1, Sha256::of(b"content"))]).await.unwrap();
    let (address, signature) = parse(&targets[0].url, upload.id);
    for wrong in [&b"CONTENT"[..], b"conten", b"contents", b""] {
        let body = stream::iter([Ok(Bytes::copy_from_slice(wrong))]);
        assert!(matches!(part(&app, address, &signature, body).await, Err(Error::PartRefused { number: 1, .. })));
    }
    let broken = stream::iter([Ok(Bytes::from_static(b"con")), Err(std::io::Error::other("cut"))]);
    assert!(matches!(part(&app, address, &signature, broken).await, Err(Error::PartRefused { .. })));
    assert!(fetch(&app, owner, upload.id).await.unwrap().arrived.is_empty());
    send(&app, owner, upload.id, b"content").await.unwrap();
    assert!(part_targets(&app, owner, upload.id, &[(2, Sha256::of(b""))]).await.is_err());
    assert!(part_targets(&app, owner, upload.id, &[]).await.is_err());
}

#[tokio::test]
async fn a_hundred_wishes_at_the_edge_get_not_a_byte_too_much() {
    let (app, owner) = app().await;
    let contents: Vec<Vec<u8>> = (0..100_u8).map(|n| vec![n; 30]).collect();
    let answers = join_all(contents.iter().map(|content| reserve(&app, owner, wish(content)))).await;
    let granted = answers.iter().filter(|answer| answer.is_ok()).count();
    assert_eq!(granted, 33, "33 × 30 bytes fit into 1,000");
    assert!(answers.iter().all(|answer| matches!(answer, Ok(_) | Err(Error::QuotaExceeded { wanted: 30, .. }))));
    assert_eq!(quota(&app, owner).await, (0, 990));
    assert_eq!(app.storage().uploads_staged().await.unwrap().len(), 33);
}

#[tokio::test]
async fn of_cancel_and_complete_at_once_one_wins_and_the_books_are_right() {
    let (app, owner) = app().await;
    let mut used = 0;
    for content in (0..20_u8).map(|n| [n; 7]) {
        let upload = begin(&app, owner, &content).await;
        send(&app, owner, upload.id, &content).await.unwrap();
        let (completed, cancelled) = tokio::join!(complete(&app, owner, upload.id), cancel(&app, owner, upload.id));
        assert!(completed.is_ok() != cancelled.is_ok(), "{completed:?} {cancelled:?}");
        used += if completed.is_ok() { 7 } else { 0 };
        assert_eq!(quota(&app, owner).await, (used, 0));
        assert!(app.storage().uploads_staged().await.unwrap().is_empty());
    }
}

#[tokio::test]
async fn what_is_not_finished_in_time_is_reaped() {
    let (app, owner) = app().await;
    let abandoned = begin(&app, owner, b"abandoned").await;
    send(&app, owner, abandoned.id, b"abandoned").await.unwrap();
    let finished = begin(&app, owner, b"finished").await;
    send(&app, owner, finished.id, b"finished").await.unwrap();
    complete(&app, owner, finished.id).await.unwrap();
    reap(&app).await.unwrap();
    assert_eq!(quota(&app, owner).await, (8, 9), "nothing is due yet");

    app.clock.advance(app.settings().upload_life + Duration::from_secs(1));
    reap(&app).await.unwrap();
    assert_eq!(quota(&app, owner).await, (8, 0));
    assert!(app.storage().uploads_staged().await.unwrap().is_empty());
    for id in [abandoned.id, finished.id] {
        assert!(matches!(fetch(&app, owner, id).await, Err(Error::NotFound("upload"))));
    }
}

#[tokio::test]
async fn a_completion_that_a_crash_cut_short_is_finished_by_the_reaper() {
    let (app, owner) = app().await;
    let upload = begin(&app, owner, b"content").await;
    send(&app, owner, upload.id, b"content").await.unwrap();
    cut_short(&app, upload.id).await;
    assert!(matches!(cancel(&app, owner, upload.id).await, Err(Error::Conflict(_))));

    reap(&app).await.unwrap();
    assert_eq!(quota(&app, owner).await, (0, 7), "somebody may be at it");
    app.clock.advance(Duration::from_secs(61));
    reap(&app).await.unwrap();
    assert_eq!(quota(&app, owner).await, (7, 0));
}

#[tokio::test]
async fn a_completion_that_was_cut_short_is_finished_by_the_next_who_asks() {
    let (app, owner) = app().await;
    let upload = begin(&app, owner, b"content").await;
    send(&app, owner, upload.id, b"content").await.unwrap();
    cut_short(&app, upload.id).await;
    assert!(matches!(reserve(&app, owner, wish(b"content")).await.unwrap(), Reserved::Duplicate(_)));
    assert_eq!(quota(&app, owner).await, (7, 0));
}

#[tokio::test]
async fn a_completion_whose_bytes_are_gone_is_given_up_and_keeps_no_other_waiting() {
    let (app, owner) = app().await;
    let lost = begin(&app, owner, b"lost").await;
    send(&app, owner, lost.id, b"lost").await.unwrap();
    let other = begin(&app, owner, b"other").await;
    send(&app, owner, other.id, b"other").await.unwrap();
    for id in [lost.id, other.id] {
        cut_short(&app, id).await;
    }
    app.storage().upload_abort(lost.id).await.unwrap();
    take_over(&app).await.unwrap();
    app.clock.advance(Duration::from_secs(61));
    reap(&app).await.unwrap();
    assert_eq!(quota(&app, owner).await, (5, 0));
    assert!(matches!(fetch(&app, owner, lost.id).await, Err(Error::NotFound("upload"))));
}

#[tokio::test]
async fn of_many_wishes_for_one_file_at_once_one_upload_comes() {
    let (app, owner) = app().await;
    let answers = join_all((0..20).map(|_| reserve(&app, owner, wish(b"content")))).await;
    let ids: std::collections::BTreeSet<UploadId> = answers
        .into_iter()
        .filter_map(|answer| match answer {
            Ok(Reserved::Upload(upload)) => Some(upload.id),
            Ok(Reserved::Duplicate(_)) => panic!("nothing has arrived"),
            Err(Error::Busy(_)) => None,
            Err(error) => panic!("{error}"),
        })
        .collect();
    assert_eq!(ids.len(), 1);
    assert_eq!(quota(&app, owner).await, (0, 7));
    assert_eq!(app.storage().uploads_staged().await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_time_that_cannot_be_is_refused_at_once() {
    let (app, owner) = app().await;
    for (micros, offset) in
        [(i64::MIN / 2, None), (253_402_300_799_000_000, Some(600)), (-62_167_219_200_000_000, None)]
    {
        let wish = NewUpload { modified: Some((Timestamp::from_micros(micros), offset)), ..wish(b"content") };
        assert!(matches!(reserve(&app, owner, wish).await, Err(Error::Invalid(_))), "{micros} {offset:?}");
    }
    assert_eq!(quota(&app, owner).await, (0, 0));
}

#[tokio::test]
async fn staged_bytes_of_an_unknown_upload_are_removed_once_they_are_old() {
    let (app, owner) = app().await;
    let id = UploadId::new(app.now());
    let key = ObjectKey::new(owner, AssetId::new(app.now()), ObjectRole::Original, 1, "jpg");
    app.storage().upload_begin(id, &key, ByteSize::new(5).unwrap()).await.unwrap();
    reap(&app).await.unwrap();
    assert_eq!(app.storage().uploads_staged().await.unwrap(), [id]);
    app.clock.advance(Duration::from_secs(2 * 60 * 60));
    reap(&app).await.unwrap();
    assert!(app.storage().uploads_staged().await.unwrap().is_empty());
}

#[tokio::test]
async fn nobody_reaches_another_accounts_upload() {
    let (app, owner) = app().await;
    let upload = begin(&app, owner, b"content").await;
    let stranger = account::create(&app, TestApp::account("bob@example.com")).await.unwrap();
    assert!(matches!(fetch(&app, stranger, upload.id).await, Err(Error::NotFound(_))));
    assert!(matches!(complete(&app, stranger, upload.id).await, Err(Error::NotFound(_))));
    assert!(matches!(cancel(&app, stranger, upload.id).await, Err(Error::NotFound(_))));
    let part = part_targets(&app, stranger, upload.id, &[(1, Sha256::of(b"content"))]).await;
    assert!(matches!(part, Err(Error::NotFound(_))));
}

#[tokio::test]
async fn what_is_given_up_as_damaged_leaves_no_rendition_and_keeps_originals() {
    let (app, owner) = app().await;
    let upload = begin(&app, owner, b"content").await;
    send(&app, owner, upload.id, b"content").await.unwrap();
    let asset = complete(&app, owner, upload.id).await.unwrap();
    // As workers leave it that ended in the middle, and an upload of the photo's moving part.
    let mut keys = Vec::new();
    let mut write = app.database().write().await.unwrap();
    for role in [ObjectRole::Thumbnail, ObjectRole::Motion] {
        let key = ObjectKey::new(owner, asset, role, 1, "webp");
        app.storage().put(&key, Bytes::from_static(b"half")).await.unwrap();
        let (bytes, state) = (ByteSize::new(4).unwrap(), ObjectState::Staged);
        let object = Object { key: key.clone(), bytes, sha256: None, state, created_at: app.now() };
        write.object_insert(&object).await.unwrap();
        keys.push(key);
    }
    process::mark_damaged(&app, &mut write, owner, asset, "its worker ended each time").await.unwrap();
    write.commit().await.unwrap();
    app.clock.advance(Duration::from_secs(2 * 60 * 60));
    reap(&app).await.unwrap();
    let mut read = app.database().read().await.unwrap();
    assert!(read.object_by_key(&keys[0]).await.unwrap().is_none());
    assert!(matches!(app.storage().open_object(&keys[0]).await, Err(picup_storage::Error::NotFound(_))));
    assert_eq!(read.object_by_key(&keys[1]).await.unwrap().unwrap().state, ObjectState::Staged);
    assert!(app.storage().open_object(&keys[1]).await.is_ok());
}

/// A file as a stream in two pieces.
async fn stream_file(app: &TestApp, owner: AccountId, content: &[u8], said: Option<u64>) -> Result<Received, Error> {
    let mut receiver = receive(app, owner, new_stream(said)).await?;
    let (first, second) = content.split_at(content.len() / 2);
    receiver.write(Bytes::copy_from_slice(first)).await?;
    receiver.write(Bytes::copy_from_slice(second)).await?;
    receiver.finish(None, Told::default()).await
}

fn new_stream(said: Option<u64>) -> NewStream {
    NewStream { file_name: FileName::new("photo.jpg").unwrap(), bytes: said.map(|bytes| ByteSize::new(bytes).unwrap()) }
}

/// Waits until what was dropped has been given back.
async fn given_back(app: &TestApp, owner: AccountId, used: u64) {
    let patience = std::time::Instant::now() + Duration::from_secs(20);
    while quota(app, owner).await != (used, 0) || !app.storage().uploads_staged().await.unwrap().is_empty() {
        assert!(std::time::Instant::now() < patience, "{:?}", quota(app, owner).await);
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_stream_becomes_an_asset_with_or_without_a_size() {
    let (app, owner) = app().await;
    for (content, said) in
        [(&b"with its size"[..], Some(13)), (b"without", None), (b"", None), (b"shorter than said", Some(500))]
    {
        let before = quota(&app, owner).await.0;
        let Received::Created(asset) = stream_file(&app, owner, content, said).await.unwrap() else {
            panic!("nothing like it was there")
        };
        assert_eq!(quota(&app, owner).await, (before + content.len() as u64, 0));
        let row = app.database().read_fresh().await.unwrap().asset_by_id(owner, asset).await.unwrap().unwrap();
        assert_eq!((row.sha256, row.bytes.get()), (Sha256::of(content), content.len() as u64));
        let stored = app.storage().hash(&original_key(owner, asset, &row.file_name)).await.unwrap();
        assert_eq!((stored.bytes, stored.sha256), (content.len() as u64, row.sha256));
    }
    assert_eq!(crate::timeline::days(&app, owner).await.unwrap()[0].assets, 4);
    assert_eq!(jobs::counts(&app).await.unwrap()[0].pending, 4);
    assert!(app.storage().uploads_staged().await.unwrap().is_empty());
}

#[tokio::test]
async fn the_same_stream_again_is_a_duplicate_and_keeps_nothing() {
    let (app, owner) = app().await;
    let Received::Created(asset) = stream_file(&app, owner, b"content", None).await.unwrap() else {
        panic!("it is new")
    };
    for said in [None, Some(7), Some(900)] {
        assert_eq!(stream_file(&app, owner, b"content", said).await.unwrap(), Received::Duplicate(asset));
        assert_eq!(quota(&app, owner).await, (7, 0));
    }
    assert!(
        matches!(reserve(&app, owner, wish(b"content")).await.unwrap(), Reserved::Duplicate(found) if found == asset)
    );
    assert!(app.storage().uploads_staged().await.unwrap().is_empty());
}

#[tokio::test]
async fn of_many_same_streams_at_once_one_becomes_an_asset() {
    let (app, owner) = app().await;
    let answers = join_all((0..10).map(|_| stream_file(&app, owner, b"content", Some(7)))).await;
    let created = answers.iter().filter(|answer| matches!(answer, Ok(Received::Created(_)))).count();
    assert_eq!(created, 1, "{answers:?}");
    assert!(answers.iter().all(|answer| matches!(answer, Ok(_) | Err(Error::Busy(_)))), "{answers:?}");
    given_back(&app, owner, 7).await;
}

#[tokio::test]
async fn a_stream_that_does_not_fit_is_refused_in_the_middle_and_all_of_it_given_back() {
    let (app, owner) = app().await;
    stream_file(&app, owner, &[1; 300], None).await.unwrap();
    // To the last byte, and not one more.
    assert!(matches!(
        receive(&app, owner, new_stream(Some(701))).await,
        Err(Error::QuotaExceeded { wanted: 701, remaining: 700 })
    ));
    let mut receiver = receive(&app, owner, new_stream(None)).await.unwrap();
    receiver.write(vec![2; 700].into()).await.unwrap();
    assert_eq!(quota(&app, owner).await, (300, 700));
    let over = receiver.write(vec![2; 1].into()).await;
    assert!(matches!(over, Err(Error::QuotaExceeded { wanted: 1, remaining: 0 })), "{over:?}");
    drop(receiver);
    given_back(&app, owner, 300).await;
    // Also one that said less than it sends.
    let mut receiver = receive(&app, owner, new_stream(Some(10))).await.unwrap();
    assert!(matches!(receiver.write(vec![2; 701].into()).await, Err(Error::QuotaExceeded { .. })));
    drop(receiver);
    given_back(&app, owner, 300).await;
    assert!(matches!(stream_file(&app, owner, &[3; 700], None).await.unwrap(), Received::Created(_)));
    assert_eq!(quota(&app, owner).await, (1_000, 0));
}

#[tokio::test]
async fn many_streams_at_the_edge_go_not_a_byte_over() {
    let (app, owner) = app().await;
    let contents: Vec<Vec<u8>> = (0..20_u8).map(|n| vec![n; 150]).collect();
    let answers = join_all(contents.iter().map(|content| stream_file(&app, owner, content, None))).await;
    let kept = answers.iter().filter(|answer| answer.is_ok()).count() as u64;
    assert!(kept <= 6, "{kept}");
    assert!(answers.iter().all(|answer| matches!(answer, Ok(_) | Err(Error::QuotaExceeded { .. }))), "{answers:?}");
    given_back(&app, owner, kept * 150).await;
    // Where all were refused, each in the middle for the others' sake, there is room again.
    stream_file(&app, owner, b"the rest", None).await.unwrap();
}

#[tokio::test]
async fn a_client_that_hangs_up_leaves_nothing() {
    let (app, owner) = app().await;
    for said in [None, Some(500)] {
        let mut receiver = receive(&app, owner, new_stream(said)).await.unwrap();
        receiver.write(Bytes::from_static(b"half of")).await.unwrap();
        assert!(quota(&app, owner).await.1 > 0);
        drop(receiver);
        given_back(&app, owner, 0).await;
    }
}

#[tokio::test]
async fn a_stream_that_a_crash_cut_short_is_given_up() {
    let (app, owner) = app().await;
    let crash = async || {
        let mut receiver = receive(&app, owner, new_stream(Some(500))).await.unwrap();
        receiver.write(Bytes::from_static(b"half of")).await.unwrap();
        std::mem::forget(receiver);
    };
    crash().await;
    reap(&app).await.unwrap();
    assert_eq!(quota(&app, owner).await, (0, 500), "somebody may be sending");
    app.clock.advance(Duration::from_secs(16 * 60));
    reap(&app).await.unwrap();
    assert_eq!(quota(&app, owner).await, (0, 0));
    assert!(app.storage().uploads_staged().await.unwrap().is_empty());
    crash().await;
    app.clock.advance(Duration::from_secs(1));
    take_over(&app).await.unwrap();
    assert_eq!(quota(&app, owner).await, (0, 0));
    assert!(app.storage().uploads_staged().await.unwrap().is_empty());
}

#[tokio::test]
async fn a_slow_stream_is_not_given_up() {
    let (app, owner) = app().await;
    let mut receiver = receive(&app, owner, new_stream(Some(40))).await.unwrap();
    for _ in 0..40 {
        app.clock.advance(Duration::from_secs(5 * 60));
        receiver.write(Bytes::from_static(b"x")).await.unwrap();
        reap(&app).await.unwrap();
    }
    assert!(matches!(receiver.finish(None, Told::default()).await.unwrap(), Received::Created(_)));
    assert_eq!(quota(&app, owner).await, (40, 0));
}

#[tokio::test]
async fn a_stream_takes_no_parts_and_is_not_completed_by_asking() {
    let (app, owner) = app().await;
    let receiver = receive(&app, owner, new_stream(Some(7))).await.unwrap();
    let id = receiver.id();
    assert!(matches!(complete(&app, owner, id).await, Err(Error::Conflict(_))));
    assert!(matches!(part_targets(&app, owner, id, &[(1, Sha256::of(b"x"))]).await, Err(Error::Conflict(_))));
    cancel(&app, owner, id).await.unwrap();
    assert_eq!(quota(&app, owner).await, (0, 0));
    assert!(matches!(receiver.finish(None, Told::default()).await, Err(Error::Conflict(_))));
    given_back(&app, owner, 0).await;
}

#[tokio::test]
async fn many_wishes_at_once_are_answered_as_one_by_one() {
    let (app, owner) = app().await;
    let kept = begin(&app, owner, b"kept").await;
    send(&app, owner, kept.id, b"kept").await.unwrap();
    let kept = complete(&app, owner, kept.id).await.unwrap();
    let open = begin(&app, owner, b"open").await;
    let time = Some((Timestamp::from_micros(i64::MIN / 2), None));
    let wishes = vec![
        wish(b"new"),
        wish(b"kept"),
        wish(b"open"),
        wish(b"new"),
        NewUpload { modified: time, ..wish(b"no time") },
        wish(&[0; 2_000]),
        wish(b"other"),
    ];
    let answers = reserve_many(&app, owner, wishes).await.unwrap();
    let upload = |place: usize| match &answers[place] {
        Ok(Reserved::Upload(upload)) => upload.id,
        other => panic!("{place}: {other:?}"),
    };
    assert!(matches!(answers[1], Ok(Reserved::Duplicate(asset)) if asset == kept));
    assert_eq!((upload(2), upload(3)), (open.id, upload(0)));
    assert!(matches!(answers[4], Err(Error::Invalid(_))));
    assert!(matches!(answers[5], Err(Error::QuotaExceeded { wanted: 2_000, .. })));
    assert_eq!(quota(&app, owner).await, (4, 4 + 3 + 5));
    assert_eq!(app.storage().uploads_staged().await.unwrap().len(), 3);

    let ids = [upload(0), upload(6), open.id, UploadId::new(app.now())];
    send(&app, owner, ids[0], b"new").await.unwrap();
    send(&app, owner, ids[1], b"other").await.unwrap();
    let done = complete_many(&app, owner, &ids).await.unwrap();
    assert!(matches!((&done[0], &done[1]), (Ok(one), Ok(other)) if one != other));
    assert!(matches!(&done[2], Err(Error::PartsMissing(parts)) if parts == &[1]));
    assert!(matches!(&done[3], Err(Error::NotFound("upload"))));
    assert_eq!(quota(&app, owner).await, (4 + 3 + 5, 4));
    let again = complete_many(&app, owner, &ids[..2]).await.unwrap();
    assert_eq!(again[0].as_ref().unwrap(), done[0].as_ref().unwrap());
    assert_eq!(jobs::counts(&app).await.unwrap()[0].pending, 3);

    let stranger = account::create(&app, TestApp::account("bob@example.com")).await.unwrap();
    assert!(matches!(complete_many(&app, stranger, &ids[..1]).await.unwrap()[0], Err(Error::NotFound(_))));
}

#[tokio::test]
async fn many_wishes_at_the_edge_of_a_quota_get_not_a_byte_too_much() {
    let (app, owner) = app().await;
    let contents: Vec<Vec<u8>> = (0..100_u8).map(|n| vec![n; 30]).collect();
    let lists = contents.chunks(10).map(|chunk| {
        let wishes = chunk.iter().map(|content| wish(content)).collect();
        reserve_many(&app, owner, wishes)
    });
    let answers: Vec<_> = join_all(lists).await.into_iter().flat_map(Result::unwrap).collect();
    assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 33, "33 × 30 bytes fit into 1,000");
    assert_eq!(quota(&app, owner).await, (0, 990));
    assert_eq!(app.storage().uploads_staged().await.unwrap().len(), 33);
}

#[tokio::test]
async fn of_completions_and_cancellations_of_many_at_once_each_upload_ends_one_way() {
    let (app, owner) = app().await;
    let contents: Vec<Vec<u8>> = (0..20_u8).map(|n| vec![n; 7]).collect();
    let wishes = contents.iter().map(|content| wish(content)).collect();
    let mut ids = Vec::new();
    for (answer, content) in reserve_many(&app, owner, wishes).await.unwrap().into_iter().zip(&contents) {
        let Ok(Reserved::Upload(upload)) = answer else { panic!("{answer:?}") };
        send(&app, owner, upload.id, content).await.unwrap();
        ids.push(upload.id);
    }
    let (done, gone, twice) = tokio::join!(
        complete_many(&app, owner, &ids),
        join_all(ids.iter().step_by(3).map(|id| cancel(&app, owner, *id))),
        complete_many(&app, owner, &ids),
    );
    let (done, twice) = (done.unwrap(), twice.unwrap());
    let mut kept = 0;
    for (place, (done, twice)) in done.iter().zip(&twice).enumerate() {
        let cancelled = place % 3 == 0 && gone[place / 3].is_ok();
        assert!(cancelled != done.is_ok() && done.is_ok() == twice.is_ok(), "{place}: {done:?} {twice:?}");
        kept += u64::from(done.is_ok());
    }
    assert_eq!(quota(&app, owner).await, (kept * 7, 0));
    assert_eq!(crate::timeline::days(&app, owner).await.unwrap()[0].assets, kept);
}
