//! Files far larger than memory, in and out, with the figures: slow, so run by name from `make test-more`, in release.
//!
//! The memory of a process is its peak resident set, as the kernel keeps it (`VmHWM`).

#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, reason = "a test stops where something it counts on fails")]
#![allow(dead_code, reason = "modules of the whole-PicUp tests are used here in part")]

#[path = "../whole/app.rs"]
mod app;
#[path = "../whole/books.rs"]
mod books;
#[path = "../whole/client.rs"]
mod client;
mod copies;
mod crowd;
#[path = "../whole/edge_stage.rs"]
mod edge_stage;

use std::fs::File;
use std::io::Write;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use futures_util::StreamExt;
use picup_api::wire::{Asset, AssetState};
use picup_domain::Sha256;
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};
use reqwest::Method;
use sha2::Digest;
use tokio::process::Command;

use app::{BINARY, TestApp};
use client::Client;

/// What neither server nor importer may need, in KiB: 150 MiB.
const MEMORY: u64 = 150 << 10;
/// How long the worker may read a file back.
const PATIENCE: Duration = Duration::from_secs(3_600);

#[tokio::test]
async fn five_gigabytes_in_and_out() {
    const BYTES: u64 = 5_000_000_000;
    let app = TestApp::builder().account("ada").start().await;
    let films = app.path("films");
    std::fs::create_dir(&films).unwrap();
    let sha256 = write_noise(&films.join("film.mp4"), BYTES);
    import(&app, &films, BYTES).await;
    let ada = app.sign_in_browser("ada").await;
    let asset = looked_at(&ada).await;
    assert_eq!((asset.bytes, asset.sha256.as_str()), (BYTES, sha256.as_str()));

    let began = Instant::now();
    assert_eq!(fetch(&ada, &asset.media.original, None).await, (200, BYTES, sha256.clone()));
    say("out in one piece", BYTES, began);
    let began = Instant::now();
    let mut whole = sha2::Sha256::new();
    for from in (0..BYTES).step_by(300_000_000) {
        let to = (from + 300_000_000).min(BYTES) - 1;
        let status = fetch_into(&ada, &asset.media.original, Some((from, to)), &mut whole).await;
        assert_eq!(status, (206, to - from + 1));
    }
    assert_eq!(Sha256::from_hasher(whole).to_string(), sha256);
    say("out by ranges", BYTES, began);
    let peak = peak_kib(app.server.id().as_raw_nonzero().get());
    println!("server: at most {} MiB", peak >> 10);
    assert!(peak < MEMORY, "the server took {peak} KiB");
    finish(app).await;
}

/// Needs a file system that says it has 100 GB free: `scripts/test-more sparse` mounts one that takes no room.
#[tokio::test]
async fn a_hundred_gigabytes_of_nothing() {
    /// The largest file there may be, as PicUp comes.
    const BYTES: u64 = 100_000_000_000;
    let app = TestApp::builder().account("ada").start().await;
    let films = app.path("films");
    std::fs::create_dir(&films).unwrap();
    let space = rustix::fs::statvfs(&films).unwrap();
    let free = space.f_bavail * space.f_frsize;
    assert!(free > BYTES, "{free} bytes are free here, too few; run: scripts/test-more sparse");
    let mut film = File::create(films.join("film.mp4")).unwrap();
    film.set_len(BYTES).unwrap();
    // Something at its beginning, so that it is a file like others.
    film.write_all(b"Not a film.").unwrap();
    drop(film);
    import(&app, &films, BYTES).await;
    let began = Instant::now();
    let ada = app.sign_in_browser("ada").await;
    let asset = looked_at(&ada).await;
    say("read back and proved", BYTES, began);
    assert_eq!((asset.bytes, asset.state), (BYTES, AssetState::Unviewable), "its hash was proved");

    let stored = app.data().join("objects").join(asset.media.original.trim_start_matches('/'));
    let stored = std::fs::metadata(stored).unwrap();
    println!("on disk: {} bytes of {}", stored.blocks() * 512, stored.len());
    assert!(stored.len() == BYTES && stored.blocks() * 512 < 10_000_000, "{} blocks", stored.blocks());
    let mut end = sha2::Sha256::new();
    let range = Some((BYTES - 1_000_000, BYTES - 1));
    assert_eq!(fetch_into(&ada, &asset.media.original, range, &mut end).await, (206, 1_000_000));
    assert_eq!(Sha256::from_hasher(end), Sha256::of(&vec![0; 1_000_000]));
    let peak = peak_kib(app.server.id().as_raw_nonzero().get());
    println!("server: at most {} MiB", peak >> 10);
    assert!(peak < MEMORY, "the server took {peak} KiB");
    finish(app).await;
}

/// Stops the server. The books hash every file in memory, which these are too large for.
async fn finish(mut app: TestApp) {
    let status = app.server.terminate().await.unwrap();
    assert!(status.success(), "{status}\n{}", app.log());
    assert!(!app.log().contains("panicked"), "{}", app.log());
}

fn say(what: &str, bytes: u64, began: Instant) {
    let seconds = began.elapsed().as_secs_f64();
    println!("{what}: {seconds:.1} s, {:.0} MB/s", bytes as f64 / seconds / 1e6);
}

fn write_noise(path: &Path, bytes: u64) -> String {
    let (mut file, mut chance) = (File::create(path).unwrap(), SmallRng::seed_from_u64(bytes));
    let (mut whole, mut piece) = (sha2::Sha256::new(), vec![0; 1 << 20]);
    let mut left = bytes;
    while left > 0 {
        chance.fill_bytes(&mut piece);
        let count = left.min(piece.len() as u64) as usize;
        file.write_all(&piece[..count]).unwrap();
        whole.update(&piece[..count]);
        left -= count as u64;
    }
    Sha256::from_hasher(whole).to_string()
}

/// `picup import`, watched.
async fn import(app: &TestApp, folder: &Path, bytes: u64) {
    let began = Instant::now();
    let mut command = Command::new(BINARY);
    command.args(app.import_arguments("ada", folder, None, &[])).stdin(Stdio::null()).kill_on_drop(true);
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
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
    let said = String::from_utf8_lossy(&ended.stdout).into_owned();
    assert!(ended.status.success(), "{said}\n{}\n{}", String::from_utf8_lossy(&ended.stderr), app.log());
    assert!(said.contains("\"uploaded\":1,"), "{said}");
    say("in", bytes, began);
    println!("importer: at most {} MiB", peak >> 10);
    assert!(peak < MEMORY, "the importer took {peak} KiB");
}

/// The one asset, once its original was read back.
async fn looked_at(ada: &Client) -> Asset {
    let id = ada.timeline().await.id[0];
    let deadline = Instant::now() + PATIENCE;
    loop {
        let asset = ada.asset(id).await;
        if asset.state != AssetState::Processing {
            return asset;
        }
        assert!(Instant::now() < deadline, "it is still being read");
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
}

async fn fetch(ada: &Client, path: &str, range: Option<(u64, u64)>) -> (u16, u64, String) {
    let mut whole = sha2::Sha256::new();
    let (status, bytes) = fetch_into(ada, path, range, &mut whole).await;
    (status, bytes, Sha256::from_hasher(whole).to_string())
}

async fn fetch_into(ada: &Client, path: &str, range: Option<(u64, u64)>, hasher: &mut sha2::Sha256) -> (u16, u64) {
    let mut request = ada.request(Method::GET, path);
    if let Some((from, to)) = range {
        request = request.header("range", format!("bytes={from}-{to}"));
    }
    let answer = request.send().await.unwrap();
    let status = answer.status().as_u16();
    let (mut body, mut bytes) = (answer.bytes_stream(), 0);
    while let Some(piece) = body.next().await {
        let piece = piece.unwrap();
        bytes += piece.len() as u64;
        hasher.update(&piece);
    }
    (status, bytes)
}

/// The largest resident set a process has had, in KiB; 0 once it has ended.
fn peak_kib(process: i32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|rest| rest.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}
