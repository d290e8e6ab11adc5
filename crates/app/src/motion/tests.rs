//! What a live photo's film may become, and what happens to it with its photo.

use std::time::Duration;

use picup_domain::{ByteSize, FileName};

use super::*;
use crate::testing::TestApp;
use crate::upload::tests::{cut_short, send, wish};
use crate::upload::{self, Reserved, Upload};
use crate::{account, timeline, trash};

async fn app() -> (TestApp, AccountId, AssetId) {
    let app = TestApp::new().await;
    let owner = account::create(&app, TestApp::account("ada@example.com")).await.unwrap();
    let photo = keep(&app, owner, wish(b"photo")).await.unwrap();
    (app, owner, photo)
}

fn film_of(photo: AssetId, content: &[u8]) -> NewUpload {
    NewUpload { motion_of: Some(photo), file_name: FileName::new("IMG_1.MOV").unwrap(), ..wish(content) }
}

async fn begin(app: &TestApp, owner: AccountId, new: NewUpload) -> Result<Upload, Error> {
    match upload::reserve(app, owner, new).await? {
        Reserved::Upload(upload) => Ok(upload),
        Reserved::Duplicate(asset) => panic!("{asset} is there already"),
    }
}

/// Of wishes whose content is their name's: the tests' contents are short.
async fn keep(app: &TestApp, owner: AccountId, new: NewUpload) -> Result<AssetId, Error> {
    let content: &[u8] = [&b"photo"[..], b"film", b"other"]
        .into_iter()
        .find(|content| Sha256::of(content) == new.sha256)
        .expect("one of those");
    let upload = begin(app, owner, new).await?;
    send(app, owner, upload.id, content).await?;
    upload::complete(app, owner, upload.id).await
}

async fn state(app: &TestApp, owner: AccountId, photo: AssetId) -> Option<MotionState> {
    let found = crate::asset::fetch(app, owner, photo).await.unwrap();
    found.row.motion.map(|motion| motion.state)
}

async fn used(app: &TestApp, owner: AccountId) -> (u64, u64) {
    let quota = account::fetch(app, owner).await.unwrap().quota;
    (quota.used.get(), quota.reserved.get())
}

async fn work_off(app: &TestApp) -> usize {
    let mut write = app.database().write().await.unwrap();
    let jobs = write.job_claim(&["verify_motion"], app.now(), Duration::from_secs(60), 10).await.unwrap();
    write.commit().await.unwrap();
    for job in &jobs {
        let Task::VerifyMotion { owner, asset } = Task::read(&job.kind, &job.payload).unwrap() else {
            panic!("{job:?}")
        };
        verify(app, owner, asset, job.lease).await.unwrap();
    }
    jobs.len()
}

#[tokio::test]
async fn a_film_becomes_part_of_its_photo_and_is_proved() {
    let (app, owner, photo) = app().await;
    assert_eq!(keep(&app, owner, film_of(photo, b"film")).await.unwrap(), photo);
    assert_eq!(used(&app, owner).await, (9, 0));
    assert_eq!(timeline::days(&app, owner).await.unwrap()[0].assets, 1, "it is no asset of its own");
    assert_eq!(state(&app, owner, photo).await, Some(MotionState::Processing));
    assert_eq!(work_off(&app).await, 1);
    assert_eq!(state(&app, owner, photo).await, Some(MotionState::Verified));
    let key = crate::asset::fetch(&app, owner, photo).await.unwrap().motion.unwrap();
    assert_eq!(app.storage().open_object(&key).await.unwrap().bytes(), 4);

    trash::put(&app, owner, &[photo]).await.unwrap();
    trash::delete(&app, owner, &[photo]).await.unwrap();
    assert_eq!(used(&app, owner).await, (0, 0));
    assert!(matches!(app.storage().open_object(&key).await, Err(picup_storage::Error::NotFound(_))));
}

#[tokio::test]
async fn a_film_that_is_there_is_a_duplicate_of_its_photo_however_it_comes() {
    let (app, owner, photo) = app().await;
    keep(&app, owner, film_of(photo, b"film")).await.unwrap();
    for verified in [false, true] {
        for new in [film_of(photo, b"film"), wish(b"film")] {
            let answer = upload::reserve(&app, owner, new).await.unwrap();
            assert!(matches!(answer, Reserved::Duplicate(found) if found == photo), "{verified}");
        }
        work_off(&app).await;
    }
    trash::put(&app, owner, &[photo]).await.unwrap();
    let answers = upload::reserve_many(&app, owner, vec![wish(b"film")]).await.unwrap();
    assert!(matches!(answers[0], Ok(Reserved::Duplicate(found)) if found == photo));
    assert!(trash::list(&app, owner, None, 10).await.unwrap().page.assets.is_empty(), "it is taken out of the trash");
}

#[tokio::test]
async fn a_photo_takes_one_film() {
    let (app, owner, photo) = app().await;
    let first = begin(&app, owner, film_of(photo, b"film")).await.unwrap();
    assert_eq!(begin(&app, owner, film_of(photo, b"film")).await.unwrap().id, first.id, "another try goes on");
    let other = || begin(&app, owner, film_of(photo, b"other"));
    assert!(matches!(other().await, Err(Error::Conflict(_))), "one is on its way");
    send(&app, owner, first.id, b"film").await.unwrap();
    upload::complete(&app, owner, first.id).await.unwrap();
    assert!(matches!(other().await, Err(Error::Conflict(_))), "one is there");
    assert_eq!(used(&app, owner).await, (9, 0));
}

#[tokio::test]
async fn a_film_that_was_given_up_makes_room_for_another() {
    let (app, owner, photo) = app().await;
    let first = begin(&app, owner, film_of(photo, b"film")).await.unwrap();
    upload::cancel(&app, owner, first.id).await.unwrap();
    assert_eq!(keep(&app, owner, film_of(photo, b"other")).await.unwrap(), photo);
    assert_eq!(used(&app, owner).await, (10, 0));
}

#[tokio::test]
async fn only_an_owners_own_photo_outside_the_trash_takes_a_film() {
    let (app, owner, photo) = app().await;
    let stranger = account::create(&app, TestApp::account("bob@example.com")).await.unwrap();
    let theirs = begin(&app, stranger, film_of(photo, b"film")).await;
    assert!(matches!(theirs, Err(Error::NotFound("asset"))));
    let unknown = begin(&app, owner, film_of(AssetId::new(app.now()), b"film")).await;
    assert!(matches!(unknown, Err(Error::NotFound("asset"))));
    trash::put(&app, owner, &[photo]).await.unwrap();
    assert!(matches!(begin(&app, owner, film_of(photo, b"film")).await, Err(Error::Conflict(_))));
}

#[tokio::test]
async fn a_film_whose_photo_is_deleted_meanwhile_is_let_go() {
    for completing in [false, true] {
        let (app, owner, photo) = app().await;
        let film = begin(&app, owner, film_of(photo, b"film")).await.unwrap();
        send(&app, owner, film.id, b"film").await.unwrap();
        trash::put(&app, owner, &[photo]).await.unwrap();
        trash::delete(&app, owner, &[photo]).await.unwrap();
        if completing {
            cut_short(&app, film.id).await;
            app.clock.advance(Duration::from_secs(1));
            upload::take_over(&app).await.unwrap();
        } else {
            assert!(matches!(upload::complete(&app, owner, film.id).await, Err(Error::NotFound("asset"))));
        }
        assert_eq!(used(&app, owner).await, (0, 0));
        assert_eq!(account::fetch(&app, owner).await.unwrap().open_uploads, 0);
        app.clock.advance(Duration::from_secs(2 * 60 * 60));
        upload::reap(&app).await.unwrap();
        assert!(app.database().read().await.unwrap().object_list(photo).await.unwrap().is_empty());
        let key = motion_key(owner, photo, &FileName::new("IMG_1.MOV").unwrap());
        assert!(matches!(app.storage().open_object(&key).await, Err(picup_storage::Error::NotFound(_))));
    }
}

#[tokio::test]
async fn a_film_that_is_not_what_was_declared_is_damaged_and_never_a_safe_copy() {
    let (app, owner, photo) = app().await;
    let lie = NewUpload { sha256: Sha256::of(b"other"), ..film_of(photo, b"film") };
    let upload = begin(&app, owner, lie).await.unwrap();
    send(&app, owner, upload.id, b"film").await.unwrap();
    upload::complete(&app, owner, upload.id).await.unwrap();
    let declared = NewUpload { bytes: film_of(photo, b"film").bytes, ..wish(b"other") };
    assert!(matches!(upload::reserve(&app, owner, declared.clone()).await.unwrap(), Reserved::Upload(_)));
    work_off(&app).await;
    assert_eq!(state(&app, owner, photo).await, Some(MotionState::Damaged));
    let again = NewUpload { motion_of: Some(photo), ..declared };
    assert!(matches!(upload::reserve(&app, owner, again).await, Err(Error::Conflict(_))));
}

#[tokio::test]
async fn a_large_film_that_waits_for_its_worker_is_not_called_damaged() {
    let (app, owner, photo) = app().await;
    let bytes = ByteSize::new(PROVED_ON_THE_SPOT + 1).unwrap();
    let film = NewUpload { bytes, ..film_of(photo, b"film") };
    let motion =
        Motion { file_name: film.file_name.clone(), bytes, sha256: film.sha256, state: MotionState::Processing };
    let mut write = app.database().write().await.unwrap();
    assert!(write.motion_insert(owner, photo, &motion).await.unwrap());
    write.commit().await.unwrap();
    assert!(matches!(upload::reserve(&app, owner, film).await, Err(Error::Busy(_))));
}
