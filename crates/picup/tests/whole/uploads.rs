//! Uploads as they come in life: nothing in them, from two devices, changing under the reader, and never finished.

use picup_api::wire::{AssetState, Completed, Upload, UploadAnswer};
use picup_testkit::{Direction, Fault, FaultProxy, samples};
use sqlx::Connection;

use crate::app::{BINARY, TestApp, eventually};
use crate::books;
use crate::client::{Client, hash};
use crate::pictures::noise;

async fn arrived(device: &Client, upload: &Upload) -> Vec<u32> {
    let state: Upload = device.get(&format!("/api/uploads/{}", upload.id)).await.json(200);
    state.arrived.iter().map(|part| part.number).collect()
}

#[tokio::test]
async fn a_file_with_nothing_in_it() {
    let app = TestApp::start().await;
    let ada = app.sign_in_browser("ada").await;
    let asset = ada.processed(ada.upload("empty.jpg", b"").await).await;
    assert_eq!((asset.state, asset.bytes, asset.sha256.clone()), (AssetState::Unviewable, 0, hash(b"")));
    let original = ada.get(&asset.media.original).await;
    assert_eq!((original.status, original.body.len()), (200, 0));
    assert_eq!(ada.reserve("again.jpg", 0, &hash(b"")).await.status, 200, "it is there already");
    app.finish().await;
}

/// A phone begins, a laptop of the same account goes on, and both send the rest at the same time.
#[tokio::test]
async fn two_devices_send_one_file() {
    let app = TestApp::start().await;
    let (phone, laptop) = (app.sign_in("ada").await, app.sign_in("ada").await);
    let content = noise(1, (32 << 20) + 777);
    let parts: Vec<&[u8]> = content.chunks(16 << 20).collect();
    let upload = phone.reserve_new("film.mp4", &content).await;
    let url = phone.target(upload.id, 2, parts[1]).await;
    assert_eq!(phone.put(&url, parts[1].to_vec()).await.status, 204);

    let same = laptop.reserve_new("the same film.mp4", &content).await;
    assert_eq!((same.id, same.arrived.len()), (upload.id, 1), "it goes on where the phone stopped");
    for (number, part) in [(1, parts[0]), (3, parts[2])] {
        let (here, there) = (phone.target(upload.id, number, part).await, laptop.target(upload.id, number, part).await);
        let (here, there) = tokio::join!(phone.put(&here, part.to_vec()), laptop.put(&there, part.to_vec()));
        assert_eq!((here.status, there.status), (204, 204));
    }
    assert_eq!(arrived(&laptop, &upload).await, [1, 2, 3]);
    let (here, there) = tokio::join!(phone.complete(upload.id), laptop.complete(upload.id));
    let asset = here.json::<Completed>(201).asset;
    assert_eq!(there.json::<Completed>(201).asset, asset);
    assert_eq!(phone.processed(asset).await.sha256, hash(&content));
    assert_eq!(phone.account_now().await.used_bytes, content.len() as u64);
    app.finish().await;
}

/// What a part is, is what arrived first; whoever has another file needs another upload.
#[tokio::test]
async fn several_imports_of_one_folder_at_once_all_end_well() {
    let app = TestApp::builder().account("ada").start().await;
    let root = app.path("photos");
    std::fs::create_dir(&root).unwrap();
    for number in 0..80 {
        std::fs::write(root.join(format!("{number}.jpg")), samples::jpeg(number)).unwrap();
    }
    std::fs::write(root.join("empty.jpg"), b"").unwrap();
    let all = [&["--parallel", "8"][..]; 3].map(|more| app.import("ada", &root, None, more));
    for done in futures_util::future::join_all(all).await {
        assert!(done.status.success(), "{}\n{}", done.stdout, done.stderr);
        assert!(done.stderr.contains("photos or videos: ") && done.stderr.contains("empty.jpg"), "{}", done.stderr);
        assert!(done.stdout.starts_with("{\"may_delete_source\":false}\n"), "{}", done.stdout);
    }
    assert_eq!(app.sign_in("ada").await.timeline().await.id.len(), 80);
    app.finish().await;
}

#[tokio::test]
async fn a_part_sent_twice_with_other_bytes_stays_as_it_was() {
    let app = TestApp::start().await;
    let ada = app.sign_in("ada").await;
    let content = noise(2, (16 << 20) + 5);
    let (first, last) = content.split_at(16 << 20);
    let upload = ada.reserve_new("film.mp4", &content).await;
    let (url, other) = (ada.target(upload.id, 2, last).await, b"other".as_slice());
    assert_eq!(ada.put(&url, last.to_vec()).await.status, 204);
    ada.put(&url, other.to_vec()).await.refused(422);
    let other_url = ada.target(upload.id, 2, other).await;
    ada.put(&other_url, other.to_vec()).await.refused(409);
    let url = ada.target(upload.id, 1, first).await;
    assert_eq!(ada.put(&url, first.to_vec()).await.status, 204);
    let asset = ada.complete(upload.id).await.json::<Completed>(201).asset;
    assert_eq!(ada.processed(asset).await.state, AssetState::Unviewable, "its hash was proved");
    app.finish().await;
}

#[tokio::test]
async fn a_file_that_changes_while_it_is_sent_is_not_kept() {
    let app = TestApp::start().await;
    let proxy = FaultProxy::start(app.server.address()).await.unwrap();
    let films = app.path("films");
    std::fs::create_dir(&films).unwrap();
    let film = films.join("film.mp4");
    std::fs::write(&film, noise(3, 12 << 20)).unwrap();
    // Slow enough that most of it has not been read when it changes.
    proxy.set(Direction::ToServer, Fault::Slow(1 << 20));
    let arguments = app.import_arguments("ada", &films, Some(proxy.address()), &[]);
    let import = tokio::spawn(picup_testkit::run(BINARY, arguments));
    let data = app.data();
    let begun = async || {
        let mut database = books::open(&data).await;
        let (count,) =
            sqlx::query_as::<_, (i64,)>("SELECT COUNT(*) FROM uploads").fetch_one(&mut database).await.unwrap();
        database.close().await.unwrap();
        (count == 1).then_some(())
    };
    eventually("the beginning of the upload", begun).await.unwrap();
    std::fs::write(&film, noise(4, 12 << 20)).unwrap();
    proxy.set(Direction::ToServer, Fault::Pass);
    let ended = import.await.unwrap().unwrap();
    assert_eq!(ended.status.code(), Some(1), "{}\n{}", ended.stdout, ended.stderr);
    assert!(ended.stderr.contains("changed"), "{}", ended.stderr);
    let ada = app.sign_in("ada").await;
    assert!(ada.timeline().await.id.is_empty());
    assert_eq!(ada.account_now().await.reserved_bytes, 0, "its upload was given up");
    // Left alone, it is kept.
    let again = app.import("ada", &films, None, &[]).await;
    assert!(again.status.success(), "{}", again.stderr);
    app.finish().await;
}

/// The time of uploads is set back in the database, for want of a day.
#[tokio::test]
async fn what_nobody_finishes_is_reaped() {
    let mut app = TestApp::start().await;
    let ada = app.sign_in("ada").await;
    let content = noise(5, (16 << 20) + 9);
    let upload = ada.reserve_new("film.mp4", &content).await;
    let last = &content[16 << 20..];
    let url = ada.target(upload.id, 2, last).await;
    assert_eq!(ada.put(&url, last.to_vec()).await.status, 204);
    let kept = ada.upload("a.jpg", samples::JPEG).await;
    let mut database = books::open(&app.data()).await;
    sqlx::query("UPDATE uploads SET expires_at = 1").execute(&mut database).await.unwrap();
    database.close().await.unwrap();
    // It reaps when it starts, and every minute.
    app = app.kill_and_restart().await;
    let path = format!("/api/uploads/{}", upload.id);
    let gone = async || (ada.get(&path).await.status == 404).then_some(());
    eventually("the end of the upload", gone).await.unwrap();
    assert_eq!(ada.account_now().await.reserved_bytes, 0);
    ada.put(&url, last.to_vec()).await.refused(404);
    ada.complete(upload.id).await.refused(404);
    ada.processed(kept).await;
    let empty = || std::fs::read_dir(app.data().join("objects/staging")).unwrap().count() == 0;
    eventually("an empty staging folder", async || empty().then_some(())).await.unwrap();
    // The file can be sent anew.
    let answer = ada.reserve("film.mp4", content.len() as u64, &hash(&content)).await;
    let UploadAnswer::Upload { upload: anew, .. } = answer.json(201) else { panic!("it is not there") };
    assert!(anew.id != upload.id && anew.arrived.is_empty());
    app.finish().await;
}
