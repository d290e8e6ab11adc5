//! The photos move to another store while people upload, look and delete: nothing fails, nothing is lost, and the old store may go.

use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use picup_api::wire::Completed;
use picup_testkit::{Finished, S3Server, run, samples};
use serde_json::{Value, json};
use tokio::task::JoinHandle;

use crate::app::{BINARY, TestApp, eventually};
use crate::buckets::{Service, fill, gives_back};
use crate::client::{Client, hash};
use crate::pictures::noise;

/// How many photos there are before anything moves.
const MANY: u64 = 40;

/// `picup storage …` beside the server.
fn storage(app: &TestApp, arguments: &[&str]) -> JoinHandle<Finished> {
    let mut all = vec!["storage".to_owned()];
    all.extend(arguments.iter().map(|argument| (*argument).to_owned()));
    all.extend(["--data-dir".to_owned(), app.data().display().to_string()]);
    tokio::spawn(async move { run(BINARY, all).await.unwrap() })
}

fn into_bucket(app: &TestApp, service: &Service<S3Server>) -> JoinHandle<Finished> {
    let (endpoint, key) = (service.server.endpoint(), service.key_file());
    let to = ["move", "--to", "s3://picup/family/photos", "--endpoint", &endpoint];
    storage(app, &[&to[..], &["--access-key-file", key.to_str().unwrap(), "--json"]].concat())
}

/// What the command told at its end.
fn told(done: &Finished) -> Value {
    serde_json::from_str(done.stdout.lines().last().unwrap_or_default())
        .unwrap_or_else(|error| panic!("{error}: {}{}", done.stdout, done.stderr))
}

/// What is known of the move, once it is as wanted.
async fn known(data: &Path, what: &str, wanted: impl Fn(&Value) -> bool) -> Value {
    let look = async || {
        let text = std::fs::read(data.join("move.json")).ok()?;
        Some(serde_json::from_slice::<Value>(&text).unwrap()).filter(&wanted)
    };
    eventually(what, look).await.unwrap()
}

/// People who look at photos all the while; every answer has to be right.
struct Readers {
    stop: Arc<AtomicBool>,
    reading: Vec<JoinHandle<u64>>,
}

impl Readers {
    async fn begin(ada: &Client) -> Self {
        let stop = Arc::<AtomicBool>::default();
        let mut paths = Vec::new();
        for id in ada.timeline().await.id {
            let asset = ada.processed(id).await;
            paths.push((asset.media.original.clone(), Some(asset.sha256.clone())));
            paths.extend(asset.media.thumbnail.map(|path| (path, None)));
        }
        let reading = (0..2).map(|number| {
            let (ada, paths, stop) = (ada.clone(), paths.clone(), Arc::clone(&stop));
            tokio::spawn(async move {
                let mut read = 0;
                for (path, sha256) in paths.iter().cycle().skip(number * paths.len() / 2) {
                    if stop.load(Ordering::Relaxed) {
                        break;
                    }
                    let answer = ada.get(path).await;
                    assert_eq!(answer.status, 200, "{path}: {}", answer.text());
                    assert!(sha256.as_ref().is_none_or(|sha256| *sha256 == hash(&answer.body)), "{path}");
                    read += 1;
                }
                read
            })
        });
        Self { reading: reading.collect(), stop }
    }

    async fn end(self) {
        self.stop.store(true, Ordering::Relaxed);
        for reading in self.reading {
            assert!(reading.await.unwrap() > 0);
        }
    }
}

/// Nothing was refused for want of a store, or failed.
fn nothing_failed(app: &TestApp) {
    let log = app.log();
    let failed: Vec<&str> = log.lines().filter(|line| line.contains("status=5")).collect();
    assert!(failed.is_empty(), "{failed:#?}\n{log}");
}

fn remark(app: &TestApp, objects: &Path) {
    let file = app.data().join("picup.toml");
    let settings = std::fs::read_to_string(&file).unwrap();
    std::fs::write(file, format!("{settings}# objects: {}\n", objects.display())).unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn photos_move_into_a_bucket_and_out_of_it_while_they_are_sent_shown_and_deleted() {
    let mut service = Service::with(S3Server::start().unwrap());
    let app = TestApp::builder().account("ada").start().await;
    let ada = app.sign_in_browser("ada").await;
    let mut wanted = BTreeSet::new();
    for number in 0..MANY {
        let photo = samples::jpeg(1_000 + number);
        wanted.insert(hash(&photo));
        ada.upload("photo.jpg", &photo).await;
    }
    let goes = samples::jpeg(5_000);
    let goes_id = ada.upload("goes.jpg", &goes).await;
    app.settle().await;

    // Into the bucket, while an import runs, an upload that was begun before is completed, and one is deleted.
    let late = noise(9, (16 << 20) + 10);
    let open = ada.reserve_new("late.bin", &late).await;
    let send = async |number: usize| {
        let part = if number == 1 { &late[..16 << 20] } else { &late[16 << 20..] };
        let target = ada.target(open.id, number as u32, part).await;
        assert_eq!(ada.put(&target, part.to_vec()).await.status, 204);
    };
    send(1).await;
    let readers = Readers::begin(&ada).await;
    let moving = into_bucket(&app, &service);
    let photos = app.path("photos");
    wanted.extend(fill(&photos));
    known(&app.data(), "a move that waits for an upload", |note| note["progress"]["uploads"] == 1).await;
    let imported = app.import("ada", &photos, None, &[]).await;
    assert!(imported.status.success(), "{}{}", imported.stdout, imported.stderr);
    readers.end().await;
    for change in ["trash", "delete"] {
        ada.post(&format!("/api/assets/{change}"), &json!({ "assets": [goes_id] })).await.json::<Value>(200);
    }
    send(2).await;
    ada.complete(open.id).await.json::<Completed>(201);
    wanted.insert(hash(&late));
    let moved = moving.await.unwrap();
    assert!(moved.status.success(), "{}{}\n{}", moved.stdout, moved.stderr, app.log());
    assert_eq!(told(&moved)["move"]["state"], "moved");
    assert!(
        told(&moved)["place"].as_str().unwrap().starts_with("s3://picup/family/photos at http"),
        "{}",
        moved.stdout
    );
    nothing_failed(&app);
    app.settle().await;
    std::fs::rename(app.data().join("objects"), app.path("gone")).unwrap();
    gives_back(&ada, &wanted).await;
    let app = app.kill_and_restart().await;
    gives_back(&ada, &wanted).await;
    assert!(!app.data().join("objects").exists(), "nothing goes there any more");

    // Out of it again, into another folder.
    let folder = disk(&app, "other disk");
    let readers = Readers::begin(&ada).await;
    let moving = storage(&app, &["move", "--to", folder.to_str().unwrap(), "--json"]);
    known(&app.data(), "a move", |note| note["state"] != "moved").await;
    let more = samples::jpeg(6_000);
    ada.upload("more.jpg", &more).await;
    wanted.insert(hash(&more));
    let moved = moving.await.unwrap();
    assert!(moved.status.success(), "{}{}\n{}", moved.stdout, moved.stderr, app.log());
    readers.end().await;
    nothing_failed(&app);
    service.server.stop();
    gives_back(&ada, &wanted).await;
    remark(&app, &folder);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_half_way_it_goes_on_and_what_is_left_behind_is_removed_when_asked() {
    let service = Service::with(S3Server::start().unwrap());
    let app = TestApp::builder().account("ada").start().await;
    let ada = app.sign_in_browser("ada").await;
    let mut wanted = BTreeSet::new();
    for number in 0..MANY {
        let photo = samples::jpeg(2_000 + number);
        wanted.insert(hash(&photo));
        ada.upload("photo.jpg", &photo).await;
    }
    app.settle().await;
    let moving = into_bucket(&app, &service);
    known(&app.data(), "a copy", |note| note["progress"]["copied"].as_u64() > Some(0)).await;
    let app = app.kill_and_restart().await;
    gives_back(&ada, &wanted).await;
    let moved = moving.await.unwrap();
    assert!(moved.status.success(), "{}{}\n{}", moved.stdout, moved.stderr, app.log());
    let settings = std::fs::read_to_string(app.data().join("picup.toml")).unwrap();
    assert!(settings.contains("url = \"s3://picup/family/photos\""), "{settings}");

    let asked = storage(&app, &["forget-old"]).await.unwrap();
    assert_eq!(asked.status.code(), Some(2), "{}{}", asked.stdout, asked.stderr);
    assert!(asked.stderr.contains("--yes") && count(&app.data().join("objects/media")) > 0, "{}", asked.stderr);
    // One that was killed on the way lets nothing move there before it has ended.
    let note = app.data().join("move.json");
    let noted = std::fs::read_to_string(&note).unwrap();
    std::fs::write(&note, noted.replace("\"forgetting\": false", "\"forgetting\": true")).unwrap();
    let back = storage(&app, &["move", "--to", app.data().join("objects").to_str().unwrap()]).await.unwrap();
    assert!(!back.status.success() && back.stderr.contains("is being removed"), "{}{}", back.stdout, back.stderr);
    let removed = storage(&app, &["forget-old", "--yes"]).await.unwrap();
    assert!(removed.status.success(), "{}{}", removed.stdout, removed.stderr);
    assert_eq!(count(&app.data().join("objects")), 0);
    assert_eq!(storage(&app, &["forget-old", "--yes"]).await.unwrap().status.code(), Some(2), "once is enough");
    gives_back(&ada, &wanted).await;
    let objects = service.server.folder().join("picup/family/photos");
    remark(&app, &objects);
    app.finish().await;
}

/// A place for photos, as somebody makes it.
fn disk(app: &TestApp, name: &str) -> PathBuf {
    let folder = app.path(name);
    closed_folder(&folder);
    folder
}

fn closed_folder(folder: &Path) {
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder).unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_move_after_another_needs_no_restart() {
    let app = TestApp::builder().account("ada").start().await;
    let ada = app.sign_in_browser("ada").await;
    let (one, two, home) = (app.path("one"), app.path("two"), app.data().join("objects"));
    let mut wanted = BTreeSet::new();
    let mut left = home.clone();
    for (number, to) in (0..).zip([&one, &two, &home, &one]) {
        let photo = samples::jpeg(3_000 + number);
        closed_folder(to);
        wanted.insert(hash(&photo));
        ada.upload("photo.jpg", &photo).await;
        app.settle().await;
        let moved = storage(&app, &["move", "--to", to.to_str().unwrap(), "--json"]).await.unwrap();
        assert!(moved.status.success(), "{}{}\n{}", moved.stdout, moved.stderr, app.log());
        std::fs::remove_dir_all(&left).unwrap();
        left.clone_from(to);
        gives_back(&ada, &wanted).await;
    }
    nothing_failed(&app);
    remark(&app, &one);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_in_neither_place_is_named_until_it_may_be_left() {
    let app = TestApp::builder().account("ada").start().await;
    let ada = app.sign_in_browser("ada").await;
    let kept = samples::jpeg(1);
    ada.upload("kept.jpg", &kept).await;
    let lost = ada.processed(ada.upload("lost.jpg", &samples::jpeg(2)).await).await;
    app.settle().await;
    std::fs::remove_file(app.data().join("objects").join(lost.media.original.trim_start_matches('/'))).unwrap();
    let to = disk(&app, "disk");
    let moving = storage(&app, &["move", "--to", to.to_str().unwrap(), "--json"]);
    known(&app.data(), "a loss that is told", |note| {
        note["progress"]["lost"] == 1 && note["progress"]["named"][0].as_str().unwrap().contains("in neither place")
    })
    .await;
    let status = storage(&app, &["status"]).await.unwrap();
    assert!(status.stdout.contains("--leave-lost"), "{}", status.stdout);
    let left = storage(&app, &["move", "--to", to.to_str().unwrap(), "--leave-lost", "--json"]).await.unwrap();
    assert!(left.status.success() && moving.await.unwrap().status.success(), "{}{}", left.stdout, left.stderr);
    for change in ["trash", "delete"] {
        ada.post(&format!("/api/assets/{change}"), &json!({ "assets": [lost.id] })).await.json::<Value>(200);
    }
    gives_back(&ada, &BTreeSet::from([hash(&kept)])).await;
    remark(&app, &to);
    app.finish().await;
}

fn count(folder: &Path) -> usize {
    walkdir::WalkDir::new(folder).into_iter().filter(|entry| entry.as_ref().unwrap().file_type().is_file()).count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn taken_back_everything_is_where_it_was() {
    let mut service = Service::with(S3Server::start().unwrap());
    let app = TestApp::builder().account("ada").start().await;
    let ada = app.sign_in_browser("ada").await;
    let mut wanted = BTreeMap::new();
    let mut keep = async |number: u64| {
        let photo = samples::jpeg(number);
        wanted.insert(ada.processed(ada.upload("photo.jpg", &photo).await).await.id, hash(&photo));
    };
    keep(1).await;
    // It cannot end before this one does.
    let open = ada.reserve_new("open.jpg", &samples::jpeg(3)).await;
    let moving = into_bucket(&app, &service);
    known(&app.data(), "a move that waits", |note| note["progress"]["uploads"] == 1).await;
    keep(2).await;
    let status = storage(&app, &["status"]).await.unwrap();
    assert!(status.stdout.contains("1 uploads that were begun before"), "{}", status.stdout);
    let other = storage(&app, &["move", "--to", app.path("elsewhere").to_str().unwrap()]).await.unwrap();
    assert!(other.stderr.contains("is being made") && other.stderr.contains("--cancel"), "{}", other.stderr);
    let cancelled = storage(&app, &["move", "--cancel", "--json"]).await.unwrap();
    assert!(cancelled.status.success(), "{}{}\n{}", cancelled.stdout, cancelled.stderr, app.log());
    assert_eq!(told(&cancelled)["move"]["state"], "taken-back");
    assert_eq!(moving.await.unwrap().status.code(), Some(1), "it did not move");
    service.server.stop();
    let target = ada.target(open.id, 1, &samples::jpeg(3)).await;
    assert_eq!(ada.put(&target, samples::jpeg(3)).await.status, 204);
    ada.complete(open.id).await.json::<Completed>(201);
    wanted.insert(
        ada.timeline().await.id.into_iter().find(|id| !wanted.contains_key(id)).unwrap(),
        hash(&samples::jpeg(3)),
    );
    app.settle().await;
    gives_back(&ada, &wanted.into_values().collect()).await;
    nothing_failed(&app);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_picup_the_command_moves_and_a_place_that_is_not_ready_is_refused() {
    let mut app = TestApp::builder().account("ada").start().await;
    let ada = app.sign_in_browser("ada").await;
    let photo = samples::jpeg(1);
    ada.upload("photo.jpg", &photo).await;
    app.settle().await;
    let refused = async |to: &Path, says: &str| {
        let done = storage(&app, &["move", "--to", to.to_str().unwrap()]).await.unwrap();
        assert!(!done.status.success() && done.stderr.contains(says), "{}{}", done.stdout, done.stderr);
        assert!(!app.data().join("move.json").exists());
    };
    refused(&app.data().join("objects"), "the photos are in the folder objects in the data folder already").await;
    refused(&app.data().join("secrets"), "in the data folder, or around it").await;
    refused(&app.path("not mounted/photos"), "there is no folder").await;
    assert!(!app.path("not mounted").exists());
    refused(Path::new("objects"), "not a whole path").await;
    let strange = app.path("strange");
    let key = "media/01890a5d-ac96-774b-bcce-b302099a8057/01890a5d-ac96-774b-bcce-b302099a8058/file";
    std::fs::create_dir_all(strange.join(key)).unwrap();
    std::fs::write(strange.join(key).join("original.1.jpg"), b"somebody's").unwrap();
    std::fs::set_permissions(&strange, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    refused(&strange, "is open to every user").await;
    std::fs::set_permissions(&strange, std::os::unix::fs::PermissionsExt::from_mode(0o700)).unwrap();
    refused(&strange, "holds what this PicUp does not know").await;

    let alias = app.path("alias");
    std::os::unix::fs::symlink(app.data().join("objects"), &alias).unwrap();
    refused(&alias, "in the data folder, or around it").await;
    let detour = app.data().join("objects/../objects");
    refused(&detour, "in the data folder, or around it").await;

    app.server.terminate().await.unwrap();
    let folder = disk(&app, "other disk");
    let moved = storage(&app, &["move", "--to", folder.to_str().unwrap()]).await.unwrap();
    assert!(moved.status.success(), "{}{}", moved.stdout, moved.stderr);
    assert!(moved.stdout.contains("each read back and compared"), "{}", moved.stdout);
    std::fs::remove_dir_all(app.data().join("objects")).unwrap();
    let app = app.kill_and_restart().await;
    gives_back(&ada, &BTreeSet::from([hash(&photo)])).await;
    let alias = app.path("another alias");
    std::os::unix::fs::symlink(&folder, &alias).unwrap();
    let same = storage(&app, &["move", "--to", alias.to_str().unwrap()]).await.unwrap();
    assert!(same.stderr.contains("it is the same place by another name"), "{}{}", same.stdout, same.stderr);
    remark(&app, &folder);
    app.finish().await;
}
