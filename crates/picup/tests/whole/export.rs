//! `picup export`: a library comes out whole, goes in again as it was, and nothing that lies in the folder is harmed.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, UNIX_EPOCH};

use picup_api::wire::{Albums, AssetColumns};
use picup_testkit::{Direction, Fault, FaultProxy, Finished, run, samples};
use rand::RngExt;
use serde_json::{Value, json};

use crate::app::{BINARY, TestApp, eventually};
use crate::client::{Client, hash};
use crate::live_photos::film;
use crate::luck::luck;
use crate::pictures::noise;

/// The line for programs; the export must have ended well.
fn counts(done: &Finished) -> Value {
    assert!(done.status.success(), "{}\n{}", done.stdout, done.stderr);
    told(done)
}

pub(crate) fn told(done: &Finished) -> Value {
    serde_json::from_str(done.stdout.lines().last().unwrap_or_default())
        .unwrap_or_else(|error| panic!("{error}: {}\n{}", done.stdout, done.stderr))
}

fn numbers(found: u64, written: u64, unchanged: u64, failed: u64, bytes: u64) -> Value {
    json!({"found": found, "written": written, "unchanged": unchanged, "failed": failed, "bytes": bytes})
}

/// Every file below a folder, with its content.
pub(crate) fn files(root: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut all = BTreeMap::new();
    for entry in walkdir::WalkDir::new(root).into_iter().flatten().filter(|entry| entry.file_type().is_file()) {
        // One that an export is writing may have got its name meanwhile.
        if let Ok(content) = fs::read(entry.path()) {
            all.insert(entry.path().strip_prefix(root).unwrap().to_owned(), content);
        }
    }
    all
}

/// Those of them that people see, without the notes.
pub(crate) fn photos(root: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut all = files(root);
    all.retain(|path, _| {
        let name = path.file_name().unwrap().to_string_lossy();
        !name.starts_with('.') && !name.ends_with(".picup.json")
    });
    all
}

/// All that an account keeps, without ids: what an export and an import must not change.
pub(crate) async fn library(account: &Client) -> Value {
    let mut assets = BTreeMap::new();
    let mut hashes = BTreeMap::new();
    for id in account.timeline().await.id {
        let asset = account.processed(id).await;
        hashes.insert(id, asset.sha256.clone());
        let motion = asset.motion.map(|motion| (motion.file_name, motion.sha256));
        let captured = (asset.captured.at, asset.captured.local, asset.captured.offset_minutes);
        let told = (asset.file_name, asset.favourite, asset.description, asset.place, captured, motion);
        assets.insert(asset.sha256, told);
    }
    let mut albums = BTreeMap::new();
    for album in account.get("/api/albums").await.json::<Albums>(200).albums {
        let inside: AssetColumns = account.get(&format!("/api/albums/{}/assets", album.id)).await.json(200);
        albums.insert(album.title, inside.id.iter().map(|id| hashes[id].clone()).collect::<Vec<_>>());
    }
    json!({"assets": assets, "albums": albums})
}

fn sidecar(favourite: bool, albums: &Value) -> String {
    json!({
        "picup_sidecar": 1, "file_name": "x.jpg", "sha256": "", "favourite": favourite, "description": "At the sea",
        "captured": {"local": "2019-08-07T06:05:04.25", "offset_minutes": -90, "source": "sidecar"},
        "place": {"latitude": 38.7, "longitude": -9.1, "altitude": 12.5}, "albums": albums
    })
    .to_string()
}

/// A phone's folder: notes, a live photo, a still and a film that only share a name, one name twice, names that no disk takes.
pub(crate) async fn a_library(app: &TestApp, ada: &Client) -> u64 {
    let root = app.path("phone");
    let put = |name: &str, bytes: &[u8]| {
        fs::create_dir_all(root.join(name).parent().unwrap()).unwrap();
        fs::write(root.join(name), bytes).unwrap();
        fs::File::open(root.join(name)).unwrap().set_modified(UNIX_EPOCH + Duration::from_secs(1_717_171_445)).unwrap();
    };
    put("1/x.jpg", &samples::jpeg(1));
    let albums = json!([{"title": "Lisbon: again?", "position": 1}, {"title": "Sea", "position": 0}]);
    put("1/x.jpg.picup.json", sidecar(true, &albums).as_bytes());
    put("2/x.jpg", &samples::jpeg(2));
    let albums = json!([{"title": "Lisbon: again?", "position": 0}]);
    put("2/x.jpg.picup.json", sidecar(false, &albums).as_bytes());
    put("IMG_1.JPG", &samples::jpeg(3));
    film(&root.join("IMG_1.MOV"), "1.5").await;
    put("IMG_2.JPG", &samples::jpeg_taken(4, "2011:12:13 14:15:16", None, 1));
    put("IMG_3.JPG", &samples::jpeg_taken(5, "2011:12:13 14:15:17", Some("+01:00"), 1));
    let done = app.import("ada", &root, None, &[]).await;
    assert!(done.status.success(), "{}\n{}", done.stdout, done.stderr);
    // A time that its owner gave, against that of the file.
    let camera = hash(&samples::jpeg_taken(4, "2011:12:13 14:15:16", None, 1));
    for id in ada.timeline().await.id {
        if ada.processed(id).await.sha256 == camera {
            let edit = json!({"captured": {"local": "2012-01-02T03:04:05", "offset_minutes": 60}});
            assert_eq!(ada.patch(&format!("/api/assets/{id}"), &edit).await.status, 200);
        }
    }
    // A film of its own with the name of a photo, and things that are no photos by their names.
    let short = film(&app.path("short.mp4"), "1").await;
    ada.processed(ada.upload("IMG_3.mp4", &short).await).await;
    ada.processed(ada.upload("CON", &samples::jpeg(6)).await).await;
    ada.processed(ada.upload("notes: a *draft*.pdf", b"%PDF-1.4 no picture").await).await;
    let gone = ada.upload("gone.jpg", &samples::jpeg(7)).await;
    ada.processed(gone).await;
    let trashed = ada.post("/api/assets/trash", &json!({"assets": [gone]})).await;
    assert_eq!(trashed.status, 200, "{}", trashed.text());
    9
}

#[tokio::test]
async fn what_was_exported_goes_in_again_as_it_was() {
    let app = TestApp::start().await;
    let (ada, bob) = (app.sign_in("ada").await, app.sign_in("bob").await);
    let count = a_library(&app, &ada).await;
    let before = library(&ada).await;
    let key = ada.api_key(&["read"]).await.token;
    let out = app.path("out");

    let tried = app.export(&key, &out, &["--dry-run"]).await;
    let all: u64 = counts(&tried)["bytes"].as_u64().unwrap();
    assert_eq!(counts(&tried), numbers(count, count, 0, 0, all));
    assert!(tried.stdout.contains("2019/2019-08/x (2).jpg\n") && !out.exists(), "{}", tried.stdout);

    let done = app.export(&key, &out, &[]).await;
    assert_eq!(counts(&done), numbers(count, count, 0, 0, all), "{}", done.stderr);
    assert!(done.stderr.contains("all verified"), "{}", done.stderr);
    let written = photos(&out);
    let names: BTreeSet<String> = written.keys().map(|path| path.display().to_string()).collect();
    for name in ["2019/2019-08/x.jpg", "2019/2019-08/x (2).jpg", "2024/2024-05/IMG_1.JPG", "2012/2012-01/IMG_2.JPG"] {
        assert!(names.contains(name), "{name} is not among {names:?}");
    }
    assert!(names.iter().any(|name| name.ends_with("/_CON")), "{names:?}");
    assert!(!names.iter().any(|name| name.contains("gone")), "what lies in the trash came out");
    assert_eq!(written.values().map(|content| content.len() as u64).sum::<u64>(), all);
    let time = fs::metadata(out.join("2019/2019-08/x.jpg")).unwrap().modified().unwrap();
    assert_eq!(time.duration_since(UNIX_EPOCH).unwrap().as_secs(), 1_565_163_304, "the time it was taken");

    let standing = files(&out);
    let again = app.export(&key, &out, &[]).await;
    assert_eq!(counts(&again), numbers(count, 0, count, 0, 0));
    assert!(again.stderr.contains(&format!("all verified, {count} by an earlier run")), "{}", again.stderr);
    let read = app.export(&key, &out, &["--verify"]).await;
    assert_eq!(counts(&read), numbers(count, 0, count, 0, 0));
    assert!(read.stderr.ends_with("all verified\n"), "{}", read.stderr);
    assert_eq!(files(&out), standing, "a second run changed something");

    let done = app.import("bob", &out, None, &[]).await;
    assert!(done.status.success(), "{}\n{}", done.stdout, done.stderr);
    assert_eq!(library(&bob).await, before);
    let log = app.finish().await;
    assert!(!log.contains(&key), "{log}");
}

#[tokio::test]
async fn by_album_every_album_is_a_folder_and_all_of_it_goes_in_again() {
    let app = TestApp::start().await;
    let (ada, bob) = (app.sign_in("ada").await, app.sign_in("bob").await);
    let count = a_library(&app, &ada).await;
    let before = library(&ada).await;
    let key = ada.api_key(&["read"]).await.token;
    let only = app.path("only");
    let done = app.export(&key, &only, &["--by", "album", "--album", "Sea", "--json"]).await;
    assert_eq!(counts(&done)["written"], 1);
    assert_eq!(photos(&only).into_iter().collect::<Vec<_>>(), [("Sea/x.jpg".into(), samples::jpeg(1))]);
    let unknown = app.export(&key, &only, &["--album", "See"]).await;
    assert_eq!(unknown.status.code(), Some(2), "{}", unknown.stderr);
    assert!(unknown.stderr.contains("there is no album 'See'"), "{}", unknown.stderr);

    let out = app.path("out");
    let done = app.export(&key, &out, &["--by", "album"]).await;
    // One photo is in two albums.
    assert_eq!((&counts(&done)["found"], &counts(&done)["written"]), (&json!(count + 1), &json!(count + 1)));
    let names: Vec<String> = photos(&out).keys().map(|path| path.display().to_string()).collect();
    for name in
        ["Lisbon_ again_/x.jpg", "Lisbon_ again_/x (2).jpg", "Sea/x.jpg", "No album/IMG_1.JPG", "No album/IMG_1.MOV"]
    {
        assert!(names.iter().any(|known| known == name), "{name} is not among {names:?}");
    }
    let done = app.import("bob", &out, None, &[]).await;
    assert!(done.status.success(), "{}\n{}", done.stdout, done.stderr);
    assert_eq!(library(&bob).await, before);
    app.finish().await;
}

#[tokio::test]
async fn killed_again_and_again_it_shows_nothing_half_and_goes_on() {
    const FILES: u64 = 60;
    let mut luck = luck();
    let app = TestApp::builder().account("ada").start().await;
    let ada = app.sign_in("ada").await;
    let (mut hashes, mut total) = (BTreeSet::new(), 0);
    for number in 0..FILES {
        let mut content = samples::jpeg(number);
        content.extend(noise(number, 60_000));
        hashes.insert(hash(&content));
        total += content.len();
        ada.upload(&format!("{}.jpg", number % 20), &content).await;
    }
    app.settle().await;
    let key = ada.api_key(&["read"]).await.token;
    let (out, slow) = (app.path("out"), FaultProxy::start(app.server.address()).await.unwrap());
    slow.set(Direction::ToClient, Fault::Slow(400_000));
    let (mut before, mut standing) = (0, 0);
    for round in 0..6 {
        let arguments = app.export_arguments(&key, &out, Some(slow.address()), &[]);
        let mut exporting = tokio::process::Command::new(BINARY)
            .args(arguments)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let wanted = before + luck.random_range(1..6);
        let reached = async || (out.exists() && photos(&out).len() >= wanted).then_some(());
        eventually("more of the export", reached).await.unwrap();
        tokio::time::sleep(Duration::from_micros(luck.random_range(0..30_000))).await;
        exporting.kill().await.unwrap();
        let shown = photos(&out);
        assert!(
            shown.values().all(|content| hashes.contains(&hash(content))),
            "round {round}: something half is shown"
        );
        (before, standing) = (shown.len(), shown.values().map(Vec::len).sum());
    }
    assert!(before < FILES as usize, "the kills came too late to show anything");
    let done = counts(&app.export(&key, &out, &[]).await);
    assert_eq!((&done["found"], &done["failed"]), (&json!(FILES), &json!(0)), "{done}");
    assert_eq!(done["bytes"], total - standing, "what stood there whole was fetched again");
    let shown = photos(&out);
    assert_eq!(shown.values().map(|content| hash(content)).collect::<BTreeSet<_>>(), hashes);
    assert_eq!(shown.len() as u64, FILES, "something stands there twice");
    let left = files(&out).into_keys().filter(|path| path.to_string_lossy().contains(".part")).count();
    assert_eq!(left, 0, "temporary files were left");
    app.finish().await;
}

#[tokio::test]
async fn a_broken_connection_is_gone_on_with() {
    let app = TestApp::builder().account("ada").start().await;
    let ada = app.sign_in("ada").await;
    let content = noise(1, 3_000_000);
    ada.processed(ada.upload("film.mp4", &content).await).await;
    let key = ada.api_key(&["read"]).await.token;
    let (out, broken) = (app.path("out"), FaultProxy::start(app.server.address()).await.unwrap());
    // Each connection carries a third of it.
    broken.set(Direction::ToClient, Fault::CutAfter(1_100_000));
    let done = run(BINARY, app.export_arguments(&key, &out, Some(broken.address()), &[])).await.unwrap();
    assert_eq!(counts(&done), numbers(1, 1, 0, 0, 3_000_000));
    assert_eq!(photos(&out).into_values().collect::<Vec<_>>(), [content]);
    app.finish().await;
}

#[tokio::test]
async fn what_is_not_ours_is_left_alone() {
    let app = TestApp::builder().account("ada").start().await;
    let ada = app.sign_in("ada").await;
    let taken = |number, day: &str| samples::jpeg_taken(number, &format!("2024:05:{day} 10:00:00"), None, 1);
    for (number, name) in [(1, "a.jpg"), (2, "b.jpg"), (3, "c.jpg")] {
        ada.processed(ada.upload(name, &taken(number, "01")).await).await;
    }
    ada.processed(ada.upload("d.jpg", &samples::jpeg_taken(4, "2023:01:01 10:00:00", None, 1)).await).await;
    let key = ada.api_key(&["read"]).await.token;
    let (out, elsewhere) = (app.path("out"), app.path("elsewhere"));
    let month = out.join("2024/2024-05");
    fs::create_dir_all(&month).unwrap();
    fs::create_dir_all(&elsewhere).unwrap();
    fs::write(elsewhere.join("target"), b"precious").unwrap();
    fs::write(month.join("a.jpg"), b"somebody else's").unwrap();
    fs::write(month.join("b.jpg.picup.json"), b"somebody else's notes").unwrap();
    symlink(elsewhere.join("target"), month.join("c.jpg")).unwrap();
    symlink(&elsewhere, out.join("2023")).unwrap();
    for _ in 0..2 {
        let done = app.export(&key, &out, &[]).await;
        assert_eq!(done.status.code(), Some(1));
        assert_eq!((&told(&done)["found"], &told(&done)["failed"]), (&json!(4), &json!(1)), "{}", done.stderr);
        assert!(done.stderr.contains("links are not followed"), "{}", done.stderr);
        assert_eq!(fs::read(month.join("a.jpg")).unwrap(), b"somebody else's");
        assert_eq!(fs::read(month.join("b.jpg.picup.json")).unwrap(), b"somebody else's notes");
        for (number, name) in [(1, "a (2).jpg"), (2, "b (2).jpg"), (3, "c (2).jpg")] {
            assert_eq!(fs::read(month.join(name)).unwrap(), taken(number, "01"), "{name}");
        }
        assert_eq!(photos(&out).len(), 4, "{:?}", photos(&out).keys());
        assert_eq!(photos(&elsewhere), BTreeMap::from([("target".into(), b"precious".to_vec())]));
    }
    app.finish().await;
}

#[tokio::test]
async fn what_was_damaged_is_written_anew_and_what_changed_is_told() {
    let app = TestApp::builder().account("ada").start().await;
    let ada = app.sign_in("ada").await;
    let content = samples::jpeg_taken(1, "2024:05:01 10:00:00", None, 1);
    let asset = ada.processed(ada.upload("a.jpg", &content).await).await;
    ada.processed(ada.upload("b.jpg", &samples::jpeg_taken(2, "2024:05:02 10:00:00", None, 1)).await).await;
    let key = ada.api_key(&["read"]).await.token;
    let out = app.path("out");
    counts(&app.export(&key, &out, &[]).await);
    let path = out.join("2024/2024-05/a.jpg");
    let mut damaged = content.clone();
    damaged[content.len() / 2] ^= 1;
    fs::write(&path, &damaged).unwrap();
    let done = app.export(&key, &out, &[]).await;
    assert_eq!(counts(&done), numbers(2, 1, 1, 0, content.len() as u64));
    assert!(done.stderr.contains("a.jpg had changed"), "{}", done.stderr);
    assert_eq!(fs::read(&path).unwrap(), content);
    assert_eq!(fs::read(path.with_extension("jpg.changed")).unwrap(), damaged, "it might have been somebody's work");

    // A disk that gives other bytes while all else looks the same: only reading finds it.
    fs::write(&path, &damaged).unwrap();
    pretend_unchanged(&out, &path, &hash(&content));
    assert_eq!(counts(&app.export(&key, &out, &[]).await), numbers(2, 0, 2, 0, 0));
    assert_eq!(counts(&app.export(&key, &out, &["--verify"]).await), numbers(2, 1, 1, 0, content.len() as u64));
    assert_eq!(fs::read(&path).unwrap(), content);

    // A removed file comes back under its name; new facts come into the notes.
    fs::remove_file(&path).unwrap();
    let album: Value = ada.post("/api/albums", &json!({"title": "New"})).await.json(201);
    let into = format!("/api/albums/{}/assets", album["id"].as_str().unwrap());
    assert_eq!(ada.post(&into, &json!({"assets": ada.timeline().await.id})).await.status, 200);
    assert_eq!(counts(&app.export(&key, &out, &[]).await), numbers(2, 2, 0, 0, content.len() as u64));
    assert!(fs::read_to_string(path.with_extension("jpg.picup.json")).unwrap().contains(r#""title": "New""#));

    // The server's own copy is damaged: nothing of it comes to stand here.
    fs::remove_file(&path).unwrap();
    let stored = stored(&app, &asset.sha256);
    fs::write(&stored, &damaged).unwrap();
    let done = app.export(&key, &out, &[]).await;
    assert_eq!((done.status.code(), &told(&done)), (Some(1), &numbers(2, 0, 1, 1, 0)));
    assert!(done.stderr.contains("a.jpg: what the server sends is not what it says it has"), "{}", done.stderr);
    assert!(!path.exists());
    fs::write(&stored, &content).unwrap();
    app.finish().await;
}

/// Writes into the export's memory that a file has that hash as it looks now.
fn pretend_unchanged(out: &Path, path: &Path, sha256: &str) {
    use std::io::Write;
    use std::os::unix::fs::MetadataExt;
    let metadata = fs::metadata(path).unwrap();
    let line = json!({
        "path": hex::encode(path.strip_prefix(out).unwrap().to_str().unwrap()), "bytes": metadata.len(),
        "modified": [metadata.mtime(), metadata.mtime_nsec()], "changed": [metadata.ctime(), metadata.ctime_nsec()],
        "inode": metadata.ino(), "sha256": sha256
    });
    let mut state = fs::OpenOptions::new().append(true).open(out.join(".picup-export.jsonl")).unwrap();
    writeln!(state, "{line}").unwrap();
}

/// The file in which the server keeps a content.
fn stored(app: &TestApp, sha256: &str) -> PathBuf {
    let all = files(&app.data());
    let (path, _) = all.iter().find(|(_, content)| hash(content) == sha256).expect("it is stored");
    app.data().join(path)
}

#[tokio::test]
async fn a_time_that_is_corrected_is_given_to_a_photo_and_to_its_film() {
    let app = TestApp::builder().account("ada").start().await;
    let ada = app.sign_in("ada").await;
    let root = app.path("phone");
    fs::create_dir(&root).unwrap();
    fs::write(root.join("IMG_1.JPG"), samples::jpeg(1)).unwrap();
    film(&root.join("IMG_1.MOV"), "1").await;
    for name in ["IMG_1.JPG", "IMG_1.MOV"] {
        let may = UNIX_EPOCH + Duration::from_secs(1_717_171_445);
        fs::File::open(root.join(name)).unwrap().set_modified(may).unwrap();
    }
    assert!(app.import("ada", &root, None, &[]).await.status.success());
    let (key, out) = (ada.api_key(&["read"]).await.token, app.path("out"));
    assert_eq!(counts(&app.export(&key, &out, &[]).await)["written"], 2);
    let edit = json!({"captured": {"local": "2024-05-02T03:04:05", "offset_minutes": 0}});
    let id = ada.timeline().await.id[0];
    assert_eq!(ada.patch(&format!("/api/assets/{id}"), &edit).await.status, 200);
    assert_eq!(counts(&app.export(&key, &out, &[]).await), numbers(2, 1, 1, 0, 0), "only the notes are new");
    assert_eq!(photos(&out).len(), 2);
    for path in photos(&out).keys() {
        let time = fs::metadata(out.join(path)).unwrap().modified().unwrap();
        assert_eq!(time, UNIX_EPOCH + Duration::from_secs(1_714_619_045), "{}", path.display());
    }
    app.finish().await;
}

#[tokio::test]
async fn keys_that_may_not_read_are_refused_and_nothing_is_written() {
    let app = TestApp::builder().account("ada").start().await;
    let ada = app.sign_in("ada").await;
    ada.processed(ada.upload("a.jpg", samples::JPEG).await).await;
    let out = app.path("out");
    let done = app.export(&ada.api_key(&["upload"]).await.token, &out, &[]).await;
    assert_eq!(done.status.code(), Some(1));
    assert!(done.stderr.contains("may not read") && done.stderr.contains("scope `read`"), "{}", done.stderr);
    let wrong = app.export(&format!("picup_{}", "x".repeat(43)), &out, &[]).await;
    assert_eq!(wrong.status.code(), Some(1));
    assert!(wrong.stderr.contains("does not accept this API key"), "{}", wrong.stderr);
    assert!(wrong.stderr.contains("`picup user key EMAIL --scope SCOPE --name NAME"), "{}", wrong.stderr);
    assert!(!out.exists());

    // A person with a password.
    let mut arguments = app.import_arguments("ada", &out, None, &[]);
    arguments[0] = "export".to_owned();
    let state = arguments.iter().position(|argument| argument == "--state").unwrap();
    arguments.drain(state..state + 2);
    assert_eq!(counts(&run(BINARY, arguments).await.unwrap())["written"], 1);
    app.finish().await;
}

#[tokio::test]
async fn what_does_not_fit_fails_by_itself_and_nothing_half_is_shown() {
    let app = TestApp::builder().account("ada").start().await;
    let ada = app.sign_in("ada").await;
    ada.processed(ada.upload("small.jpg", &samples::jpeg(1)).await).await;
    ada.processed(ada.upload("large.mp4", &noise(1, 400_000)).await).await;
    let key = ada.api_key(&["read"]).await.token;
    let out = app.path("out");
    // The system takes no file beyond 200 blocks, as a memory card takes none beyond 4 GB.
    let mut arguments = ["-c", "trap '' XFSZ; ulimit -f 200; exec \"$@\"", "sh", BINARY].map(str::to_owned).to_vec();
    arguments.extend(app.export_arguments(&key, &out, None, &[]));
    let done = run("sh", arguments).await.unwrap();
    assert_eq!(done.status.code(), Some(1));
    assert_eq!((&told(&done)["written"], &told(&done)["failed"]), (&json!(1), &json!(1)), "{}", done.stderr);
    assert!(done.stderr.contains("large.mp4: cannot be written: "), "{}", done.stderr);
    assert_eq!(photos(&out).into_values().collect::<Vec<_>>(), [samples::jpeg(1)]);
    assert_eq!(files(&out).len(), 3, "a temporary file was left: {:?}", files(&out).keys());
    assert_eq!(counts(&app.export(&key, &out, &[]).await), numbers(2, 1, 1, 0, 400_000));
    app.finish().await;
}
