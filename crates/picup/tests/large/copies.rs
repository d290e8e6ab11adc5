//! A film of 2 GB that is copied into a bucket, encrypted, and comes back from there.

use std::io::Read as _;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use picup_domain::Sha256;
use picup_testkit::{S3Server, run};
use serde_json::Value;
use sha2::Digest;
use tokio::process::Command;

use crate::app::{BINARY, TestApp, write_private};
use crate::{MEMORY, PATIENCE, finish, import, looked_at, peak_kib, say, write_noise};

const BYTES: u64 = 2_000_000_000;

#[tokio::test]
async fn two_gigabytes_are_copied_and_restored_in_little_memory() {
    let bucket = S3Server::start_with_rights().unwrap();
    let app = TestApp::builder().account("ada").start().await;
    let (app, key) = with_copies(app, &bucket).await;
    let films = app.path("films");
    std::fs::create_dir(&films).unwrap();
    let sha256 = write_noise(&films.join("film.mp4"), BYTES);
    import(&app, &films, BYTES).await;
    std::fs::remove_dir_all(&films).unwrap();
    let began = Instant::now();
    let asset = looked_at(&app.sign_in_browser("ada").await).await;
    copied(&app).await;
    say("read back, copied and proved", BYTES, began);
    backup(&app, &["catalogue", "offsite"]).await;
    let peak = peak_kib(app.server.id().as_raw_nonzero().get());
    println!("server: at most {} MiB", peak >> 10);
    assert!(peak < MEMORY, "the server took {peak} KiB");

    let into = app.path("restored");
    restore(&app, &bucket, &key, &into).await;
    let restored = into.join("objects").join(asset.media.original.trim_start_matches('/'));
    assert_eq!(hash(&restored), sha256);
    finish(app).await;
}

/// Starts it again with a destination for copies and a recovery key. Gives that key.
async fn with_copies(app: TestApp, bucket: &S3Server) -> (TestApp, String) {
    for (name, (id, secret)) in [("writer", bucket.writer()), ("reader", bucket.reader())] {
        write_private(&app.path(name), &format!("{id}\n{secret}\n"));
    }
    let settings = format!(
        "[backup.destinations.offsite]\nurl = \"s3://picup/family\"\nendpoint = \"{}\"\naccess_key_file = \"{}\"\n\
         reader_key_file = \"{}\"\n",
        bucket.endpoint(),
        app.path("writer").display(),
        app.path("reader").display()
    );
    std::fs::write(app.data().join("picup.toml"), settings).unwrap();
    let key = backup(&app, &["recovery-key"]).await;
    (app.kill_and_restart().await, key)
}

async fn backup(app: &TestApp, arguments: &[&str]) -> String {
    let data = app.data();
    let place = ["--data-dir", data.to_str().unwrap()];
    let done = run(BINARY, ["backup"].iter().chain(arguments).chain(&place).copied()).await.unwrap();
    assert!(done.status.success(), "{arguments:?}: {}{}\n{}", done.stdout, done.stderr, app.log());
    done.stdout
}

/// Waits until nothing waits to be copied.
async fn copied(app: &TestApp) {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let status: Value = serde_json::from_str(&backup(app, &["status", "--json"]).await).unwrap();
        let one = &status["destinations"][0];
        if one["kept"]["copies"] == 1 && one["waiting"]["copies"] == 0 {
            return;
        }
        assert!(Instant::now() < deadline, "{status}\n{}", app.log());
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
}

/// `picup restore`, watched.
async fn restore(app: &TestApp, bucket: &S3Server, key: &str, into: &Path) {
    let began = Instant::now();
    write_private(&app.path("recovery"), key);
    let mut command = Command::new(BINARY);
    command.args(["restore", "--from", "s3://picup/family", "--endpoint", &bucket.endpoint(), "--json"]);
    command.arg("--access-key-file").arg(app.path("reader")).arg("--recovery-key").arg(app.path("recovery"));
    command.arg("--data-dir").arg(into).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let child = command.kill_on_drop(true).spawn().unwrap();
    let id = i32::try_from(child.id().unwrap()).unwrap();
    let ended = child.wait_with_output();
    tokio::pin!(ended);
    let mut peak = 0;
    let ended = loop {
        tokio::select! {
            ended = &mut ended => break ended.unwrap(),
            () = tokio::time::sleep(Duration::from_millis(200)) => peak = peak.max(peak_kib(id)),
        }
    };
    assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));
    say("restored", BYTES, began);
    println!("restore: at most {} MiB", peak >> 10);
    assert!(peak < MEMORY, "the restore took {peak} KiB");
}

fn hash(path: &Path) -> String {
    let (mut file, mut hasher) = (std::fs::File::open(path).unwrap(), sha2::Sha256::new());
    let mut piece = vec![0; 1 << 20];
    loop {
        match file.read(&mut piece).unwrap() {
            0 => break,
            read => hasher.update(&piece[..read]),
        }
    }
    Sha256::from_hasher(hasher).to_string()
}
