//! What becomes of a beginning when others were quicker since it looked.

use super::*;
use crate::account;
use crate::asset::motion_key;
use crate::testing::TestApp;
use crate::upload::tests::{cut_short, keep, send, wish};
use crate::upload::{cancel, complete, take_over};

async fn app() -> (TestApp, AccountId, AssetId) {
    let app = TestApp::new().await;
    let owner = account::create(&app, TestApp::account("ada@example.com")).await.unwrap();
    let photo = keep(&app, owner, b"photo").await;
    (app, owner, photo)
}

fn film_of(photo: AssetId, content: &[u8]) -> NewUpload {
    NewUpload { motion_of: Some(photo), file_name: FileName::new("IMG_1.MOV").unwrap(), ..wish(content) }
}

async fn seen(app: &TestApp, owner: AccountId, new: &NewUpload) -> Seen {
    let mut read = app.database().read_fresh().await.unwrap();
    Seen::of(&mut read, owner, &new.sha256, new.motion_of).await.unwrap()
}

#[tokio::test]
async fn of_two_films_for_one_photo_the_later_is_told_what_became_of_the_first() {
    let (app, owner, photo) = app().await;
    let (film, other) = (film_of(photo, b"film"), film_of(photo, b"other"));
    let (same_seen, other_seen) = (seen(&app, owner, &film).await, seen(&app, owner, &other).await);
    let first = begin(&app, owner, &film, &same_seen).await.unwrap().unwrap();
    for completed in [false, true] {
        if completed {
            send(&app, owner, first.id, b"film").await.unwrap();
            complete(&app, owner, first.id).await.unwrap();
        }
        assert!(begin(&app, owner, &film, &same_seen).await.unwrap().is_none(), "look again");
        let refused = begin(&app, owner, &other, &other_seen).await;
        assert!(matches!(refused, Err(Error::Conflict(_))), "{refused:?}");
        // Even when it looked before the first was written down.
        let late = upload_row(&app, owner, (UploadId::new(app.now()), photo), &other).unwrap();
        let refused = record(&app, &late, &other_seen).await;
        assert!(matches!(refused, Err(Error::Conflict(_))), "{refused:?}");
    }
    assert!(matches!(reserve(&app, owner, film).await.unwrap(), Reserved::Duplicate(found) if found == photo));
    assert_eq!(app.storage().uploads_staged().await.unwrap(), []);
}

#[tokio::test]
async fn a_film_whose_place_in_the_store_is_taken_is_asked_for_again() {
    let (app, owner, photo) = app().await;
    let film = film_of(photo, b"film");
    let key = motion_key(owner, photo, &film.file_name);
    app.storage().put(&key, bytes::Bytes::from_static(b"from a moment ago")).await.unwrap();
    assert!(matches!(reserve(&app, owner, film).await, Err(Error::Busy(_))));
}

#[tokio::test]
async fn an_upload_whose_bytes_are_lost_asks_for_them_again() {
    let (app, owner, _) = app().await;
    let Reserved::Upload(upload) = reserve(&app, owner, wish(b"content")).await.unwrap() else { panic!("it is new") };
    send(&app, owner, upload.id, b"content").await.unwrap();
    // As a power cut may leave it.
    app.storage().upload_abort(upload.id).await.unwrap();
    assert!(matches!(complete(&app, owner, upload.id).await, Err(Error::PartsMissing(missing)) if missing == [1]));
    let told = send(&app, owner, upload.id, b"content").await;
    assert!(matches!(told, Err(Error::Busy(_))), "{told:?}");
    send(&app, owner, upload.id, b"content").await.unwrap();
    complete(&app, owner, upload.id).await.unwrap();
}

#[tokio::test]
async fn an_upload_whose_bytes_have_another_size_by_now_is_staged_anew() {
    for asked in [false, true] {
        let (app, owner, _) = app().await;
        let Reserved::Upload(upload) = reserve(&app, owner, wish(b"content")).await.unwrap() else { panic!("new") };
        let row = app.database().read().await.unwrap().upload_by_id(owner, upload.id).await.unwrap().unwrap();
        app.storage().upload_abort(row.id).await.unwrap();
        app.storage().upload_begin(row.id, &row_key(&row), ByteSize::new(3).unwrap()).await.unwrap();
        if asked {
            let again = reserve(&app, owner, wish(b"content")).await.unwrap();
            assert!(matches!(again, Reserved::Upload(again) if again.id == upload.id));
        } else {
            assert!(matches!(send(&app, owner, upload.id, b"content").await, Err(Error::Busy(_))));
        }
        send(&app, owner, upload.id, b"content").await.unwrap();
        complete(&app, owner, upload.id).await.unwrap();
    }
}

#[tokio::test]
async fn an_upload_that_was_given_up_is_not_staged_again() {
    let (app, owner, _) = app().await;
    let Reserved::Upload(upload) = reserve(&app, owner, wish(b"content")).await.unwrap() else { panic!("it is new") };
    let target = crate::upload::only_target(&app, &upload, Sha256::of(b"content")).await.unwrap();
    cancel(&app, owner, upload.id).await.unwrap();
    let told = crate::upload::tests::put(&app, upload.id, &target.url, b"content").await;
    assert!(matches!(told, Err(Error::NotFound("upload"))), "{told:?}");
    assert_eq!(app.storage().uploads_staged().await.unwrap(), []);
}

#[tokio::test]
async fn the_time_that_its_owner_gave_it_comes_with_the_file_through_a_kill() {
    let (app, owner, _) = app().await;
    for (content, offset) in [(b"content", Some(60)), (b"another", None)] {
        let given = CaptureTime::edited("1999-12-31T23:59:59", offset).unwrap();
        let told = Told { captured: Some((given.at, given.offset_minutes)), edited: true, ..Told::default() };
        let new = NewUpload { told, ..wish(content) };
        let Reserved::Upload(upload) = reserve(&app, owner, new).await.unwrap() else { panic!("it is new") };
        send(&app, owner, upload.id, content).await.unwrap();
        cut_short(&app, upload.id).await;
        take_over(&app).await.unwrap();
        let asset = complete(&app, owner, upload.id).await.unwrap();
        assert_eq!(asset::fetch(&app, owner, asset).await.unwrap().row.facts.capture, given);
    }
}
