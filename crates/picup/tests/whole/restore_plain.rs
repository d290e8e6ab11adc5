//! The photos of a backup as plain files, with no PicUp left behind.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use picup_testkit::{Direction, Fault, FaultProxy, Finished, fresh_folder, run, samples};
use rustix::process::Signal;
use serde_json::json;
use tokio::process::{Child, Command};

use crate::app::{BINARY, TestApp, email, eventually};
use crate::backup::{Places, safe};
use crate::client::Client;
use crate::export::{a_library, files, photos, told};
use crate::pictures::noise;
use crate::restore::is_refused;

/// The arguments that write `offsite` into a folder, through an address.
fn arguments(places: &Places, endpoint: &str, out: &Path, more: &[&str]) -> Vec<String> {
    let file = |name: &str| places.file(name).display().to_string();
    let nowhere = out.with_extension("data").display().to_string();
    let mut all: Vec<String> = ["restore", "--from", "s3://picup/family", "--endpoint", endpoint, "--json"]
        .into_iter()
        .chain(["--access-key-file", &file("reader"), "--recovery-key", &file("recovery")])
        .chain(["--plain", &out.display().to_string(), "--data-dir", &nowhere])
        .map(str::to_owned)
        .collect();
    all.extend(more.iter().map(|argument| (*argument).to_owned()));
    all
}

/// What an export has written, without what it remembers of its run.
fn written(root: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut all = files(root);
    all.retain(|path, _| path.file_name().unwrap() != ".picup-export.jsonl");
    all
}

fn numbers(done: &Finished) -> [u64; 4] {
    let told = told(done);
    ["found", "written", "unchanged", "failed"].map(|name| told[name].as_u64().unwrap())
}

/// A PicUp with the photos of Ada and one of Bob, copied, and what an export of each is.
async fn safe_library(places: &Places) -> (TestApp, BTreeMap<PathBuf, Vec<u8>>) {
    let app = places.start().await;
    let password = app.path("password");
    app.user_done(&["create", &email("bob"), "--password-file", password.to_str().unwrap()]).await;
    let (ada, bob) = (app.sign_in("ada").await, app.sign_in("bob").await);
    a_library(&app, &ada).await;
    ada.processed(ada.upload("large.bin", &noise(1, 400_000)).await).await;
    bob.processed(bob.upload("bob.jpg", &samples::jpeg(20)).await).await;
    app.settle().await;
    safe(&app).await;
    let out = app.path("exported");
    for (name, client) in [("ada", &ada), ("bob", &bob)] {
        exported(&app, client, &out.join(email(name))).await;
    }
    let exported = written(&out);
    (app, exported)
}

async fn exported(app: &TestApp, client: &Client, out: &Path) {
    let done = app.export(&client.api_key(&["read"]).await.token, out, &[]).await;
    assert!(done.status.success(), "{}{}", done.stdout, done.stderr);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_comes_out_of_a_backup_is_what_an_export_writes_over_a_kill() {
    let places = Places::new();
    let (mut app, exported) = safe_library(&places).await;
    app.server.kill().await.unwrap();
    let machine = fresh_folder();
    let out = machine.path().join("out");
    let proxy = FaultProxy::start(places.offsite.address()).await.unwrap();
    let through = format!("http://{}", proxy.address());
    proxy.set(Direction::ToClient, Fault::Slow(60_000));
    let mut restoring = begin(&places, &through, &out);
    let of_ada = out.join(email("ada"));
    // All but the large one, which is on its way.
    let some = async || (of_ada.exists() && photos(&of_ada).len() >= 9).then_some(());
    eventually("some photos", some).await.unwrap();
    let scratch = out.join(".picup-restore");
    assert_eq!(fs::metadata(&scratch).unwrap().permissions().mode() & 0o777, 0o700);
    let busy = run(BINARY, arguments(&places, &through, &out, &[])).await.unwrap();
    is_refused(&busy, &["another restore is at work"]);
    assert!(restoring.try_wait().unwrap().is_none(), "it had ended");
    restoring.kill().await.unwrap();
    proxy.set(Direction::ToClient, Fault::Pass);
    let standing = photos(&of_ada).len() as u64;
    assert!(scratch.join("picup.db").exists());
    let held = files(&scratch.join("objects"));
    assert!(held.len() <= 2, "what was read is let go: {:?}", held.keys());

    let done = run(BINARY, arguments(&places, &through, &out, &[])).await.unwrap();
    assert!(done.status.success(), "{}{}", done.stdout, done.stderr);
    let [found, new, unchanged, failed] = numbers(&done);
    assert_eq!((found, new + unchanged, failed), (11, 11, 0), "{}", done.stdout);
    assert!(new <= 11 - standing + 1, "{standing} stood there, {new} were written");
    assert!(written(&out) == exported, "{:?} and {:?}", written(&out).keys(), exported.keys());
    assert!(!scratch.exists() && !out.with_extension("data").exists(), "something is left");
    let modified = |root: &Path| {
        let photo = root.join("ada@example.org/2019/2019-08/x.jpg");
        fs::metadata(photo).unwrap().modified().unwrap()
    };
    assert_eq!(modified(&out), modified(&app.path("exported")));
    let again = run(BINARY, arguments(&places, &through, &out, &[])).await.unwrap();
    assert_eq!((numbers(&again), told(&again)["bytes"].as_u64()), ([11, 0, 11, 0], Some(0)));
    assert_eq!(told(&again)["accounts"], json!(2));
}

fn begin(places: &Places, endpoint: &str, out: &Path) -> Child {
    let mut command = Command::new(BINARY);
    command.args(arguments(places, endpoint, out, &[])).kill_on_drop(true);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stopped_by_a_signal_it_leaves_whole_files_and_nothing_else() {
    let places = Places::new();
    let (app, exported) = safe_library(&places).await;
    let machine = fresh_folder();
    let out = machine.path().join("out");
    let proxy = FaultProxy::start(places.offsite.address()).await.unwrap();
    let through = format!("http://{}", proxy.address());
    proxy.set(Direction::ToClient, Fault::Slow(60_000));
    let restoring = begin(&places, &through, &out);
    let of_ada = out.join(email("ada"));
    let some = async || (of_ada.exists() && photos(&of_ada).len() >= 2).then_some(());
    eventually("some photos", some).await.unwrap();
    let process = rustix::process::Pid::from_raw(restoring.id().unwrap() as i32).unwrap();
    rustix::process::kill_process(process, Signal::INT).unwrap();
    let done = restoring.wait_with_output().await.unwrap();
    assert_eq!(done.status.code(), Some(1));
    let told: serde_json::Value = serde_json::from_slice(&done.stdout).unwrap();
    assert!(told["failed"].as_u64() >= Some(1) && told["accounts"].as_u64() >= Some(1), "{told}");
    assert!(!out.join(".picup-restore").exists());
    assert!(
        written(&out).iter().all(|(path, content)| exported.get(path) == Some(content)),
        "{:?}",
        written(&out).keys()
    );
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_account_or_album_comes_alone_and_what_is_broken_there_is_named() {
    let places = Places::new();
    let (app, exported) = safe_library(&places).await;
    let (machine, endpoint) = (fresh_folder(), places.offsite.endpoint());
    let out = machine.path().join("out");
    let restore = async |more: &[&str]| run(BINARY, arguments(&places, &endpoint, &out, more)).await.unwrap();
    is_refused(&restore(&["--account", "eve@example.org"]).await, &["there is no account eve@example.org", "--at"]);
    is_refused(&restore(&["--account", &email("ada"), "--album", "See"]).await, &["there is no album 'See'"]);
    is_refused(&restore(&["--at", "2020-01-01T00:00:00Z"]).await, &["no catalogue of that moment or before it"]);
    assert!(photos(&out).is_empty() && !out.join(".picup-restore").exists());

    let album = restore(&["--account", &email("ada"), "--album", "Sea", "--by", "album"]).await;
    assert_eq!(numbers(&album), [1, 1, 0, 0], "{}{}", album.stdout, album.stderr);
    let sea = PathBuf::from("ada@example.org/Sea/x.jpg");
    assert_eq!(photos(&out).into_iter().collect::<Vec<_>>(), [(sea, samples::jpeg(1))]);

    let out = machine.path().join("second");
    let restore = async |more: &[&str]| run(BINARY, arguments(&places, &endpoint, &out, more)).await.unwrap();
    let bob = restore(&["--account", &email("bob")]).await;
    assert_eq!(numbers(&bob), [1, 1, 0, 0], "{}{}", bob.stdout, bob.stderr);
    let ada = app.sign_in("ada").await;
    let key = async |name: &str| {
        let mut found = Vec::new();
        for id in ada.timeline().await.id {
            let asset = ada.asset(id).await;
            if asset.file_name == name {
                found.push(format!("family{}.age", asset.media.original));
            }
        }
        found.remove(0)
    };
    places.offsite.corrupt(&key("IMG_2.JPG").await).unwrap();
    places.offsite.lose(&key("CON").await).unwrap();
    let done = restore(&[]).await;
    assert_eq!((done.status.code(), numbers(&done)), (Some(1), [11, 8, 1, 2]), "{}{}", done.stdout, done.stderr);
    for name in ["IMG_2.JPG", "_CON"] {
        assert!(done.stderr.lines().any(|line| line.contains("failed: ") && line.contains(name)), "{}", done.stderr);
    }
    let mut expected = exported;
    expected.retain(|path, _| !["IMG_2.JPG", "_CON"].iter().any(|name| path.to_string_lossy().contains(name)));
    assert!(written(&out) == expected, "{:?}", written(&out).keys());
    app.finish().await;
}
