//! Live photos: a photo whose moving part is a second file. The film is no asset of its own: it comes after its photo, by an
//! upload that names it, and goes where its photo goes.
//!
//! It is proved like an original: until the worker has read it back it counts as no safe copy.

use picup_database::{Asset, JobLease, Motion, NewUpload as UploadRow, ObjectState, Read, Upload as Row, Write};
use picup_domain::{AccountId, AssetId, AssetKind, MotionState, ObjectRole, Sha256, Timestamp};
use picup_storage::crash_point;

use crate::asset::{self, motion_key};
use crate::events::{self, Change};
use crate::queue::{self, Task};
use crate::upload::NewUpload;
use crate::{App, Error};

/// The largest film that is read back while its owner waits.
const PROVED_ON_THE_SPOT: u64 = 256 << 20;

/// Whether this film is the photo's moving part already, safely.
///
/// # Errors
/// [`Error::NotFound`] without the photo; [`Error::Conflict`] when it can take no moving part, or has another.
pub(crate) async fn is_kept(app: &App, owner: AccountId, photo: AssetId, new: &NewUpload) -> Result<bool, Error> {
    let row = photo_of(&mut app.database().read_fresh().await?, owner, photo).await?;
    let Some(motion) = &row.motion else { return Ok(false) };
    if motion.sha256 != new.sha256 || motion.bytes != new.bytes {
        return Err(Error::Conflict("this photo has a moving part already, and it is another one"));
    }
    if is_safe(app, &row, motion).await? {
        return Ok(true);
    }
    Err(Error::Conflict("what is stored of this photo's moving part is damaged; send the film as a file of its own"))
}

/// The owner's live photo whose moving part is proved to be this file.
pub(crate) async fn kept_in(app: &App, owner: AccountId, sha256: &Sha256) -> Result<Option<Asset>, Error> {
    let found = app.database().read_fresh().await?.asset_by_motion_sha256(owner, sha256).await?;
    let Some(row) = found else { return Ok(None) };
    let Some(motion) = &row.motion else { return Ok(None) };
    Ok(is_safe(app, &row, motion).await?.then_some(row))
}

/// Refuses, in the transaction that writes an upload down, what would be a second moving part of its photo.
pub(crate) async fn refuse_second(write: &mut Write, row: &UploadRow, photo: AssetId) -> Result<(), Error> {
    if photo_of(write, row.owner, photo).await?.motion.is_some() {
        return Err(Error::Conflict("this photo has a moving part already"));
    }
    let key = motion_key(row.owner, photo, &row.file_name);
    for other in write.object_list(photo).await?.into_iter().filter(|object| object.key.role() == ObjectRole::Motion) {
        if other.state != ObjectState::Deleting {
            let advice = "a moving part of this photo is on its way already; complete or cancel that upload first";
            return Err(Error::Conflict(advice));
        }
        if other.key == key {
            return Err(Error::Busy("a film that was given up is being removed; ask again shortly"));
        }
    }
    Ok(())
}

async fn photo_of(read: &mut Read, owner: AccountId, photo: AssetId) -> Result<Asset, Error> {
    let row = read.asset_by_id(owner, photo).await?.ok_or(Error::NotFound("asset"))?;
    if row.trashed_at.is_some() {
        return Err(Error::Conflict("this photo is in the trash; take it out before giving it a moving part"));
    }
    if row.facts.kind == AssetKind::Video {
        return Err(Error::Conflict("this is a video; only a photo takes a moving part"));
    }
    Ok(row)
}

/// Makes the stored bytes of an upload the moving part of its photo, in the caller's transaction. `false` when the photo is
/// gone, or has one: nothing changed then.
pub(crate) async fn attach(write: &mut Write, upload: &Row, photo: AssetId, now: Timestamp) -> Result<bool, Error> {
    let motion = Motion {
        file_name: upload.file_name.clone(),
        bytes: upload.bytes,
        sha256: upload.sha256,
        state: MotionState::Processing,
    };
    if !write.motion_insert(upload.owner, photo, &motion).await? {
        return Ok(false);
    }
    queue::enqueue_new(write, &[Task::VerifyMotion { owner: upload.owner, asset: photo }], now).await?;
    Ok(true)
}

/// Reads a moving part back and records what it is, with the end of the job.
pub(crate) async fn verify(app: &App, owner: AccountId, photo: AssetId, lease: JobLease) -> Result<(), Error> {
    let row = app.database().read_fresh().await?.asset_by_id(owner, photo).await?;
    let shown = match row.as_ref().and_then(|row| row.motion.as_ref().map(|motion| (row, motion))) {
        Some((row, motion)) if motion.state == MotionState::Processing => Some(prove(app, row, motion).await?),
        // Gone with its photo, or looked at by another worker.
        _ => None,
    };
    let mut write = app.database().write().await?;
    if write.job_complete(lease).await?
        && let Some(state) = shown
    {
        settle(app, &mut write, owner, photo, state).await?;
    }
    crash_point!("verify-motion-written");
    write.commit().await?;
    crash_point!("verify-motion-committed");
    events::announce(app);
    Ok(())
}

/// Marks a moving part that could not be looked at, with its event, in the caller's transaction.
pub(crate) async fn mark_damaged(app: &App, write: &mut Write, owner: AccountId, photo: AssetId) -> Result<(), Error> {
    settle(app, write, owner, photo, MotionState::Damaged).await
}

async fn settle(
    app: &App,
    write: &mut Write,
    owner: AccountId,
    photo: AssetId,
    state: MotionState,
) -> Result<(), Error> {
    if !write.motion_finish(owner, photo, state).await? {
        return Ok(());
    }
    if state == MotionState::Damaged {
        tracing::error!(asset = %photo, "the moving part of a live photo could not be proved; it is kept and marked damaged");
    }
    let Some(row) = write.asset_by_id(owner, photo).await? else { return Ok(()) };
    events::append(write, owner, Change::Asset { id: photo, state: row.state, day: row.day }, app.now()).await
}

/// Whether a moving part is proved and there. One that still waits for its worker is proved on the spot.
async fn is_safe(app: &App, row: &Asset, motion: &Motion) -> Result<bool, Error> {
    match motion.state {
        MotionState::Verified => {
            asset::stands(app, &motion_key(row.owner, row.id, &motion.file_name), motion.bytes).await
        }
        MotionState::Processing if motion.bytes.get() <= PROVED_ON_THE_SPOT => {
            Ok(prove(app, row, motion).await? == MotionState::Verified)
        }
        MotionState::Processing | MotionState::Damaged => Ok(false),
    }
}

/// What the store really has.
async fn prove(app: &App, row: &Asset, motion: &Motion) -> Result<MotionState, Error> {
    match app.storage().hash(&motion_key(row.owner, row.id, &motion.file_name)).await {
        Ok(found) if found.bytes == motion.bytes.get() && found.sha256 == motion.sha256 => Ok(MotionState::Verified),
        Ok(_) | Err(picup_storage::Error::NotFound(_)) => Ok(MotionState::Damaged),
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use picup_domain::FileName;

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
        assert!(trash::list(&app, owner, None, 10).await.unwrap().assets.is_empty(), "it is taken out of the trash");
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
}
