//! A library moves to a server and comes back; a backup is one moment of a PicUp that goes on; what is no backup is refused.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use picup_testkit::{DatabaseServer, Direction, Fault, FaultProxy, Finished, run, samples};
use rand::RngExt;
use rustix::process::Signal;
use serde_json::{Value, json};
use sqlx::{AnyConnection, Connection, Executor};
use tokio::task::JoinSet;

use crate::app::{BINARY, TestApp, eventually, write_private};
use crate::books;
use crate::client::{Client, hash};
use crate::luck::luck;

const DATABASE_PASSWORD: &str = "a long password";

/// `picup db …` on a data folder.
async fn db(data: &Path, arguments: &[&str]) -> Finished {
    let place = ["--data-dir", data.to_str().unwrap()];
    run(BINARY, ["db"].iter().chain(arguments).chain(&place).copied()).await.unwrap()
}

/// As [`db`], which must succeed; what it says to programs.
async fn db_done(data: &Path, arguments: &[&str]) -> Value {
    let done = db(data, &[arguments, &["--json"]].concat()).await;
    assert!(done.status.success(), "{arguments:?}: {}{}", done.stdout, done.stderr);
    serde_json::from_str(&done.stdout).unwrap()
}

/// As [`db`], which must be refused with these words.
async fn db_refused(data: &Path, arguments: &[&str], says: &[&str]) {
    let refused = db(data, arguments).await;
    assert!(!refused.status.success() && refused.stdout.is_empty(), "{arguments:?}: {}", refused.stdout);
    for word in says {
        assert!(refused.stderr.contains(word), "{arguments:?} does not say '{word}': {}", refused.stderr);
    }
    assert!(!refused.stderr.contains(DATABASE_PASSWORD), "{}", refused.stderr);
}

/// A server with a database, and a user for PicUp who may do what the run book says.
fn server(password_file: &Path) -> DatabaseServer {
    let server = DatabaseServer::start(&[]).unwrap();
    let user = format!(
        "CREATE DATABASE picup; CREATE USER picup@'127.0.0.1' IDENTIFIED BY '{DATABASE_PASSWORD}'; \
         GRANT SELECT, INSERT, UPDATE, DELETE, CREATE, ALTER, DROP, INDEX, REFERENCES ON picup.* TO picup@'127.0.0.1'"
    );
    server.say(&user).unwrap();
    write_private(password_file, &format!("{DATABASE_PASSWORD}\n"));
    server
}

/// All that Ada is shown.
async fn seen(ada: &Client) -> Vec<String> {
    let mut seen = Vec::new();
    for path in ["/api/timeline", "/api/timeline/assets?limit=100", "/api/account", "/api/albums", "/api/trash"] {
        seen.push(ada.get(path).await.text());
    }
    for id in ada.timeline().await.id {
        let asset = ada.asset(id).await;
        assert_eq!(ada.get(asset.media.thumbnail.as_ref().unwrap()).await.status, 200);
        assert_eq!(hash(&ada.get(&asset.media.original).await.body), asset.sha256);
        seen.push(format!("{asset:?}"));
    }
    seen
}

/// Photos, an album, a trash, words: and a table of some pages.
async fn live(app: &TestApp, ada: &Client) {
    let mut photos = Vec::new();
    for number in 0..6 {
        let time = format!("2020:01:0{} 10:00:00", number + 1);
        photos.push(ada.upload("Ünï ☀.jpg", &samples::jpeg_taken(number, &time, None, 1)).await);
    }
    app.settle().await;
    let album: Value = ada.post("/api/albums", &json!({"title": "Lissabon 🏖"})).await.json(201);
    let path = format!("/api/albums/{}/assets", album["id"].as_str().unwrap());
    assert_eq!(ada.post(&path, &json!({"assets": photos[..4]})).await.status, 200);
    assert_eq!(ada.post("/api/assets/trash", &json!({"assets": photos[4..5]})).await.status, 200);
    assert_eq!(
        ada.patch(&format!("/api/assets/{}", photos[0]), &json!({"description": "a 'quoted' \\ %"})).await.status,
        200
    );
    many_events(app, 40_000).await;
}

/// Events from long ago that nobody has removed.
async fn many_events(app: &TestApp, many: u32) {
    let many = format!(
        "WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n LIMIT {many}) \
         INSERT INTO events (position, kind, account, payload, created_at) SELECT -n, 'asset', NULL, '', 4102444800000000 FROM n"
    );
    books::open(&app.data()).await.execute(sqlx::AssertSqlSafe(many)).await.unwrap();
}

/// The rows of a table of the target; none where there is no such table yet.
fn rows_there(server: &DatabaseServer, table: &str) -> u64 {
    server.say(&format!("SELECT COUNT(*) FROM picup.{table}")).ok().and_then(|rows| rows.parse().ok()).unwrap_or(0)
}

/// `copy-to` killed once so many rows of the large table are there.
async fn copy_killed(data: &Path, arguments: &[&str], server: &DatabaseServer, rows: u64) {
    let mut copy = tokio::process::Command::new(BINARY)
        .arg("db")
        .args(arguments)
        .args(["--data-dir", data.to_str().unwrap()])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let there = async || (rows_there(server, "events") >= rows).then_some(());
    eventually("rows in the target", there).await.unwrap();
    assert!(copy.try_wait().unwrap().is_none(), "it ended before it was killed");
    copy.kill().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_library_moves_to_a_server_however_often_it_is_cut_off_and_comes_back() {
    let mut luck = luck();
    let mut app = TestApp::builder().account("ada").on_a_file().start().await;
    let (data, password) = (app.data(), app.path("database-password"));
    let ada = app.sign_in_browser("ada").await;
    live(&app, &ada).await;
    let before = seen(&ada).await;
    let server = server(&password);
    let between = FaultProxy::start(server.address()).await.unwrap();
    let url = |address: std::net::SocketAddr| format!("mysql://picup@{address}/picup");
    let (direct, through, password) = (url(server.address()), url(between.address()), password.to_str().unwrap());
    let copy = ["copy-to", &through, "--password-file", password];
    db_refused(&data, &copy, &["another PicUp is serving"]).await;
    app.server.terminate().await.unwrap();
    let file = std::fs::read(data.join("picup.db")).unwrap();

    let wrong = app.path("wrong");
    write_private(&wrong, "not that");
    db_refused(&data, &["copy-to", &direct, "--password-file", wrong.to_str().unwrap()], &["Access denied"]).await;
    let mut cuts = 0;
    // The network fails after more bytes each time: amid the schema, amid the rows, amid the reading back.
    for bytes in [500, 4_000, 20_000, 45_000, 90_000, 120_000] {
        between.set(Direction::ToServer, Fault::CutAfter(bytes + luck.random_range(0..bytes)));
        let cut = db(&data, &copy).await;
        if !cut.status.success() {
            assert!(cut.stderr.contains("goes on where it stopped"), "{bytes}: {}", cut.stderr);
            cuts += 1;
        }
        between.set(Direction::ToServer, Fault::Pass);
    }
    assert!(cuts >= 5, "{cuts} cuts");
    // Slow enough to be met amid the rows.
    between.set(Direction::ToServer, Fault::Slow(400_000));
    for _ in 0..3 {
        let rows = rows_there(&server, "events") + luck.random_range(500..1_500);
        if rows < 36_000 {
            copy_killed(&data, &copy, &server, rows).await;
        }
    }
    between.set(Direction::ToServer, Fault::Pass);
    unfinished_is_not_served(&app, &server).await;

    let done = db_done(&data, &copy).await;
    assert_eq!(done["how"], "resumed");
    assert_eq!(done["database"], json!({"url": through, "password_file": password}));
    assert_eq!(db_done(&data, &copy).await["how"], "found");
    assert!(std::fs::read(data.join("picup.db")).unwrap() == file, "the SQLite file has changed");

    // The same people with the same cookies, on the server.
    std::fs::write(data.join("picup.toml"), format!("database.url = \"{}\"\n", server.url("picup"))).unwrap();
    let app = app.kill_and_restart().await;
    assert_eq!(seen(&ada).await, before);
    let kept = app.path("kept.db");
    let backed = db_done(&data, &["backup", kept.to_str().unwrap()]).await;
    assert_eq!(backed["tables"].as_array().unwrap().len(), done["tables"].as_array().unwrap().len());
    ada.upload("new.jpg", &samples::jpeg(99)).await;
    db_refused(&data, &copy, &["on a server already"]).await;

    let other = app.path("other");
    let restored = db_done(&other, &["restore", kept.to_str().unwrap()]).await;
    assert_eq!((&restored["tables"], &restored["how"]), (&backed["tables"], &json!("copied")));
    came_back(app, &ada, &other, &before).await;
}

/// A PicUp on what is half copied says what to do and shows nothing.
async fn unfinished_is_not_served(app: &TestApp, server: &DatabaseServer) {
    let half = app.path("half");
    std::fs::create_dir(&half).unwrap();
    std::fs::write(half.join("picup.toml"), format!("database.url = \"{}\"\n", server.url("picup"))).unwrap();
    let arguments = ["serve", "--data-dir", half.to_str().unwrap(), "--listen", "127.0.0.1:0", "--admin-listen", ""];
    let refused = run(BINARY, arguments).await.unwrap();
    assert!(!refused.status.success() && refused.stderr.contains("picup db copy-to"), "{}", refused.stderr);
}

/// The library from the backup, with the photos beside it.
async fn came_back(mut app: TestApp, ada: &Client, other: &Path, before: &[String]) {
    let data = app.data();
    app.settle().await;
    app.server.terminate().await.unwrap();
    books::audit_figures(&mut books::open(&data).await).await;
    for folder in ["objects", "secrets"] {
        let copied = std::process::Command::new("cp").arg("-a").arg(data.join(folder)).arg(other).status().unwrap();
        assert!(copied.success());
    }
    let mut back =
        picup_testkit::ProcessBuilder::new(BINARY, other).arg("--admin-listen").arg("").start().await.unwrap();
    let anew = ada.through(back.address());
    assert_eq!(seen(&anew).await, before);
    back.signal(Signal::TERM);
    assert!(back.wait().await.unwrap().success());
}

/// The books of a backup, and the keys of the objects that it counts on.
async fn audited(folder: &Path) -> (i64, Vec<String>) {
    sqlx::any::install_default_drivers();
    let mut database =
        AnyConnection::connect(&format!("sqlite://{}", folder.join("picup.db").display())).await.unwrap();
    books::audit_figures(&mut database).await;
    let count = sqlx::query_as::<_, (i64,)>("SELECT COUNT(*) FROM assets");
    let assets = count.fetch_one(&mut database).await.unwrap().0;
    let keys: Vec<(String,)> = sqlx::query_as("SELECT object_key FROM objects WHERE state = 'committed'")
        .fetch_all(&mut database)
        .await
        .unwrap();
    (assets, keys.into_iter().map(|(key,)| key).collect())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_amid_uploads_is_one_moment() {
    let app = TestApp::start().await;
    let people = [app.sign_in("ada").await, app.sign_in("bob").await];
    let (stop, mut uploads) = (tokio::sync::watch::channel(false), JoinSet::new());
    for (number, person) in people.iter().cloned().enumerate() {
        let stop = stop.1.clone();
        uploads.spawn(async move {
            let mut sent = 0_u64;
            while !*stop.borrow() {
                person.upload("a.jpg", &samples::jpeg(sent * 2 + number as u64)).await;
                sent += 1;
            }
            sent
        });
    }
    let begun = async || (people[0].timeline().await.id.len() > 3).then_some(());
    eventually("the first uploads", begun).await.unwrap();
    let mut kept = Vec::new();
    for number in 0..4 {
        let (file, folder) = (app.path(&format!("{number}.backup")), app.path(&format!("restored-{number}")));
        let backed = db_done(&app.data(), &["backup", file.to_str().unwrap()]).await;
        let restored = db_done(&folder, &["restore", file.to_str().unwrap()]).await;
        assert_eq!(backed["tables"], restored["tables"]);
        kept.push(audited(&folder).await);
    }
    stop.0.send_replace(true);
    let sent: u64 = uploads.join_all().await.into_iter().sum();
    let assets: Vec<i64> = kept.iter().map(|(assets, _)| *assets).collect();
    assert!(assets.is_sorted() && assets[0] > 0 && assets[0] < sent as i64, "{assets:?} of {sent}: nothing went on");
    // Nobody deletes, so what a copy of the photos made after the backup has is all that the backup counts on.
    for key in kept.iter().flat_map(|(_, keys)| keys) {
        assert!(app.data().join("objects").join(key).exists(), "{key} is in a backup, and not in the store");
    }
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_that_is_killed_leaves_no_file_of_its_name() {
    use std::os::unix::fs::PermissionsExt;
    let app = TestApp::builder().account("ada").on_a_file().start().await;
    many_events(&app, 60_000).await;
    let (file, part) = (app.path("kept.db"), app.path("kept.db.part"));
    let mut child = tokio::process::Command::new(BINARY)
        .args(["db", "backup", file.to_str().unwrap(), "--json", "--data-dir", app.data().to_str().unwrap()])
        .stdout(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let begun = async || part.metadata().is_ok_and(|part| part.len() > 100_000).then_some(());
    eventually("a part of a backup", begun).await.unwrap();
    let other = db(&app.data(), &["backup", file.to_str().unwrap()]).await;
    assert!(other.stderr.contains("being written") || other.stderr.contains("there already"), "{}", other.stderr);
    child.kill().await.unwrap();
    assert!(part.exists() && !file.exists(), "it was not killed amid its work");

    db_done(&app.data(), &["backup", file.to_str().unwrap()]).await;
    assert!(!part.exists());
    assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    let first = std::fs::read(&file).unwrap();
    db_refused(&app.data(), &["backup", file.to_str().unwrap()], &["there already", "name another file"]).await;
    assert!(std::fs::read(&file).unwrap() == first);
    app.finish().await;
}

/// Writes a file that is not what `picup db restore` wants, and what it says of it.
fn bad_files(app: &TestApp, kept: &Path) -> Vec<(PathBuf, &'static str)> {
    let whole = std::fs::read(kept).unwrap();
    let mut flipped = whole.clone();
    let email = whole.windows(15).position(|bytes| bytes == b"ada@example.org").unwrap();
    flipped[email] ^= 1;
    let mut files = vec![(app.path(""), "not a file"), (app.data().join("picup.db"), "is not a whole backup")];
    for (number, (bytes, says)) in [
        (Vec::new(), "it is empty"),
        (b"these are not the pages of a database\n".repeat(300), "not a database"),
        (whole[..100].to_vec(), "is not a whole backup"),
        (whole[..5_000].to_vec(), "is not a whole backup"),
        (whole[..whole.len() / 2].to_vec(), "is not a whole backup"),
        (whole[..whole.len() - 4_096].to_vec(), "is not a whole backup"),
        (flipped, "is not a whole backup"),
    ]
    .into_iter()
    .enumerate()
    {
        let file = app.path(&format!("bad-{number}"));
        std::fs::write(&file, bytes).unwrap();
        files.push((file, says));
    }
    files
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_no_backup_or_has_no_place_is_refused() {
    let app = TestApp::builder().account("ada").on_a_file().start().await;
    let (kept, empty) = (app.path("kept.db"), app.path("empty"));
    db_done(&app.data(), &["backup", kept.to_str().unwrap()]).await;
    db_refused(&app.data(), &["backup", app.path("none/kept.db").to_str().unwrap()], &["a folder that is there"]).await;
    db_refused(&app.path("nobody"), &["backup", app.path("b").to_str().unwrap()], &["there is no PicUp"]).await;
    db_refused(&empty, &["restore", app.path("none").to_str().unwrap()], &["there is no file"]).await;
    for (file, says) in bad_files(&app, &kept) {
        db_refused(&empty, &["restore", file.to_str().unwrap()], &[says]).await;
    }
    let newer = app.path("newer");
    sqlx::any::install_default_drivers();
    std::fs::copy(&kept, &newer).unwrap();
    let mut file = AnyConnection::connect(&format!("sqlite://{}", newer.display())).await.unwrap();
    file.execute("INSERT INTO schema_versions VALUES (99)").await.unwrap();
    file.close().await.unwrap();
    db_refused(&empty, &["restore", newer.to_str().unwrap()], &["run the newer PicUp"]).await;
    let left: Vec<_> = std::fs::read_dir(&empty).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, ["serve.lock"]);

    let kept = kept.to_str().unwrap();
    db_refused(&app.data(), &["restore", kept], &["another PicUp is serving"]).await;
    std::fs::write(empty.join("picup.db-wal"), "of another").unwrap();
    db_refused(&empty, &["restore", kept], &["picup.db-wal is there already", "move it away"]).await;
    std::fs::remove_file(empty.join("picup.db-wal")).unwrap();
    // What a killed restore has left is written over.
    std::fs::write(empty.join("picup.db.part"), "half").unwrap();
    db_done(&empty, &["restore", kept]).await;
    db_refused(&empty, &["restore", kept], &["picup.db is there already", "move it away"]).await;
    app.finish().await;
}

/// A disk of its own, in memory, in a mount namespace.
const ON_A_SMALL_DISK: &str = r#"mount -t tmpfs -o size=128k picup-small "$1" &&
    "$0" db backup "$1/kept.db" --data-dir "$2"; code=$?; ls -A "$1"; exit $code"#;

#[tokio::test]
async fn a_backup_for_which_there_is_no_room_says_so_and_leaves_nothing() {
    let app = TestApp::start().await;
    let (disk, data) = (app.path("disk"), app.data());
    std::fs::create_dir(&disk).unwrap();
    let mut command = tokio::process::Command::new("unshare");
    command.arg("--mount");
    if !rustix::process::geteuid().is_root() {
        command.arg("--map-root-user");
    }
    let done = command
        .args(["sh", "-c", ON_A_SMALL_DISK, BINARY, disk.to_str().unwrap(), data.to_str().unwrap()])
        .output()
        .await
        .unwrap();
    let said = String::from_utf8_lossy(&done.stderr);
    assert!(!done.status.success() && said.contains("full") && said.contains("make room"), "{said}");
    assert!(done.stdout.is_empty(), "left: {}", String::from_utf8_lossy(&done.stdout));
    app.finish().await;
}
