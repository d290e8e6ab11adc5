//! Live photos: two files, brought in by the real program, kept as one.

use std::fs;
use std::path::Path;

use picup_api::wire::{MotionState, UploadAnswer};
use picup_testkit::{run, samples};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::app::{TestApp, eventually};
use crate::client::{Answer, Client, hash};

/// A real film of that length.
pub(crate) async fn film(path: &Path, seconds: &str) -> Vec<u8> {
    let source = format!("testsrc=duration={seconds}:size=64x48:rate=10");
    let path = path.to_str().unwrap();
    let made = run("ffmpeg", ["-v", "error", "-f", "lavfi", "-i", &source, "-pix_fmt", "yuv420p", path]).await.unwrap();
    assert!(made.status.success(), "{}", made.stderr);
    fs::read(path).unwrap()
}

fn last_line(text: &str) -> Value {
    serde_json::from_str(text.lines().last().unwrap()).unwrap()
}

async fn ask(ada: &Client, photo: Uuid, content: &[u8]) -> Answer {
    let wish = json!({"file_name": "IMG_1.MOV", "bytes": content.len(), "sha256": hash(content), "motion_of": photo});
    ada.post("/api/uploads", &wish).await
}

#[tokio::test]
async fn two_files_of_a_live_photo_come_in_as_one_asset() {
    let app = TestApp::builder().account("ada").start().await;
    let root = app.path("phone");
    fs::create_dir_all(&root).unwrap();
    let photos = [samples::jpeg(1), samples::jpeg(2)];
    fs::write(root.join("IMG_1.JPG"), &photos[0]).unwrap();
    fs::write(root.join("IMG_2.JPG"), &photos[1]).unwrap();
    let short = film(&root.join("IMG_1.MOV"), "1.5").await;
    // The camera's counter gave a film the number of a photo.
    let long = film(&root.join("IMG_2.MOV"), "6").await;

    let done = app.import("ada", &root, None, &[]).await;
    assert!(done.status.success(), "{}\n{}", done.stdout, done.stderr);
    assert!(done.stderr.contains("all verified; you may delete the source"), "{}", done.stderr);
    let told = last_line(&done.stdout);
    assert_eq!((&told["found"], &told["uploaded"], &told["failed"]), (&json!(4), &json!(4), &json!(0)), "{told}");

    let ada = app.sign_in_browser("ada").await;
    let timeline = ada.timeline().await;
    assert_eq!(timeline.id.len(), 3, "the short film is no asset of its own");
    let mut with_motion = Vec::new();
    for (id, motion) in timeline.id.iter().zip(&timeline.motion) {
        let asset = ada.asset(*id).await;
        assert_eq!(asset.motion.is_some(), *motion);
        assert_ne!(asset.sha256, hash(&short));
        with_motion.extend(asset.motion.map(|motion| (asset.sha256, motion)));
    }
    let [(still, motion)] = &with_motion[..] else { panic!("{with_motion:?}") };
    assert_eq!(*still, hash(&photos[0]));
    assert_eq!((motion.file_name.as_str(), motion.state), ("IMG_1.MOV", MotionState::Verified));
    assert_eq!((motion.sha256.as_str(), motion.bytes), (hash(&short).as_str(), short.len() as u64));
    let fetched = ada.get(&motion.original).await;
    assert_eq!((fetched.status, &fetched.body[..]), (200, &short[..]));
    assert_eq!(app.stranger().get(&motion.original).await.status, 403);
    let all: usize = [&photos[0], &photos[1], &short, &long].into_iter().map(Vec::len).sum();
    assert_eq!(ada.account_now().await.used_bytes, all as u64, "both files count");

    fs::remove_file(app.path("import.state")).unwrap();
    let again = app.import("ada", &root, None, &[]).await;
    let told = last_line(&again.stdout);
    assert_eq!((&told["uploaded"], &told["duplicate"]), (&json!(0), &json!(4)), "{told}");
    assert_eq!(ada.timeline().await.id.len(), 3);
    app.finish().await;
}

#[tokio::test]
async fn a_film_is_refused_where_it_cannot_belong() {
    let app = TestApp::start().await;
    let (ada, bob) = (app.sign_in("ada").await, app.sign_in("bob").await);
    let photo = ada.upload("photo.jpg", &samples::jpeg(1)).await;
    let film = b"a film, for all PicUp knows";
    assert_eq!(ask(&bob, photo, film).await.refused(404).r#type, "urn:picup:not-found");
    assert_eq!(ask(&ada, Uuid::nil(), film).await.status, 404);
    let UploadAnswer::Upload { upload, .. } = ask(&ada, photo, film).await.json(201) else { panic!("it is new") };
    assert!(ask(&ada, photo, b"another").await.refused(409).detail.contains("on its way"));
    let target = ada.target(upload.id, 1, film).await;
    assert_eq!(ada.put(&target, &film[..]).await.status, 204);
    ada.complete(upload.id).await.json::<Value>(201);
    assert!(ask(&ada, photo, b"another").await.refused(409).detail.contains("moving part already"));

    let verified = async || {
        let motion = ada.asset(photo).await.motion?;
        (motion.state == MotionState::Verified).then_some(())
    };
    eventually("the proof of a film", verified).await.unwrap();
    let answer: UploadAnswer = ada.reserve("film.mov", film.len() as u64, &hash(film)).await.json(200);
    assert!(matches!(answer, UploadAnswer::Duplicate { asset } if asset == photo));
    app.finish().await;
}

#[tokio::test]
async fn a_film_whose_bytes_are_not_as_declared_is_marked_and_keeps_the_source() {
    let app = TestApp::builder().account("ada").start().await;
    let ada = app.sign_in("ada").await;
    let photo = ada.upload("photo.jpg", &samples::jpeg(1)).await;
    ada.processed(photo).await;
    let (film, declared) = (b"these bytes", hash(b"other bytes"));
    let wish = json!({"file_name": "IMG_1.MOV", "bytes": film.len(), "sha256": declared, "motion_of": photo});
    let UploadAnswer::Upload { upload, .. } = ada.post("/api/uploads", &wish).await.json(201) else { panic!("new") };
    let target = ada.target(upload.id, 1, film).await;
    assert_eq!(ada.put(&target, &film[..]).await.status, 204);
    ada.complete(upload.id).await.json::<Value>(201);
    let damaged = async || {
        let motion = ada.asset(photo).await.motion?;
        (motion.state == MotionState::Damaged).then_some(())
    };
    eventually("the look at a film", damaged).await.unwrap();
    assert_eq!(ada.post("/api/uploads", &wish).await.status, 409);
    let log = app.finish().await;
    assert!(log.contains("the moving part of a live photo could not be proved"), "{log}");
}
