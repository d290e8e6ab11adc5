//! The store is gone, and the machine: a whole PicUp comes back from one destination and the recovery key.

use std::path::Path;
use std::process::Stdio;

use picup_testkit::{Direction, Fault, FaultProxy, Finished, ProcessBuilder, fresh_folder, run};
use rustix::process::Signal;
use tokio::process::Command;

use crate::app::{BINARY, PASSWORD, TestApp, email, eventually, write_private};
use crate::backup::{Places, backup_done, hashes, safe};
use crate::books;
use crate::buckets::{counts, fill, gives_back};
use crate::client::Client;

/// The arguments that bring `offsite` back into a folder, through an address.
fn arguments(places: &Places, endpoint: &str, key: Option<&Path>, into: &Path) -> Vec<String> {
    let reader = places.file("reader").display().to_string();
    let into = into.display().to_string();
    let mut all: Vec<String> = ["restore", "--from", "s3://picup/family", "--endpoint", endpoint, "--json"]
        .into_iter()
        .chain(["--access-key-file", &reader, "--data-dir", &into])
        .map(str::to_owned)
        .collect();
    all.extend(key.into_iter().flat_map(|key| ["--recovery-key".to_owned(), key.display().to_string()]));
    all
}

pub(crate) fn is_refused(done: &Finished, words: &[&str]) {
    assert!(!done.status.success(), "{}", done.stdout);
    assert!(words.iter().all(|word| done.stderr.contains(word)), "{words:?} in {}", done.stderr);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_whole_picup_comes_back_from_the_other_bucket_over_a_kill() {
    let places = Places::new();
    let app = places.start().await;
    let photos = app.path("photos");
    let wanted = fill(&photos);
    assert!(app.import("ada", &photos, None, &[]).await.status.success());
    app.settle().await;
    let ada = app.sign_in("ada").await;
    let open = ada.reserve_new("open.bin", &[7; 5_000]).await;
    safe(&app).await;
    let stored = places.stored();
    let mut app = app;
    app.server.kill().await.unwrap();
    std::fs::remove_dir_all(places.primary.server.folder().join("picup/family")).unwrap();

    let machine = fresh_folder();
    let (into, key) = (machine.path().join("data"), places.file("recovery"));
    let proxy = FaultProxy::start(places.offsite.address()).await.unwrap();
    let through = format!("http://{}", proxy.address());
    killed_half_way(&arguments(&places, &through, Some(&key), &into), &proxy, &into).await;
    let half = hashes(&into.join("objects/media")).len();
    assert!(half < stored.len());
    let mut early = ProcessBuilder::new(BINARY, &into).arg("--admin-listen").arg("").spawn().unwrap();
    assert!(!early.wait().await.unwrap().success());
    let told = early.output().text();
    assert!(told.contains("is not finished") && told.contains("run `picup restore` again"), "{told}");

    let done = run(BINARY, arguments(&places, &through, Some(&key), &into)).await.unwrap();
    assert!(done.status.success(), "{}{}", done.stdout, done.stderr);
    let told = counts(&done.stdout);
    assert!(told["present"].as_u64().unwrap() >= half as u64 && told["missing"] == 0, "{told}");
    assert_eq!(hashes(&into.join("objects/media")), stored);
    comes_to_life(&into, &wanted, open.id).await;
    drop(app);
}

/// Begins a restore over a slow line, and kills it once a part of the objects are back.
async fn killed_half_way(arguments: &[String], proxy: &FaultProxy, into: &Path) {
    proxy.set(Direction::ToClient, Fault::Slow(200_000));
    let mut command = Command::new(BINARY);
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true);
    let mut restoring = command.spawn().unwrap();
    let media = into.join("objects/media");
    let begun = async || (media.exists() && hashes(&media).len() >= 3).then_some(());
    eventually("some objects", begun).await.unwrap();
    assert!(restoring.try_wait().unwrap().is_none(), "it had ended");
    restoring.kill().await.unwrap();
    proxy.set(Direction::ToClient, Fault::Pass);
}

/// A PicUp on what came back shows everything to who signs in, and its books are right.
async fn comes_to_life(data: &Path, wanted: &std::collections::BTreeSet<String>, open: uuid::Uuid) {
    let mut server = ProcessBuilder::new(BINARY, data).arg("--admin-listen").arg("").start().await.unwrap();
    let ada = Client::browser(server.address(), &email("ada"), PASSWORD).await;
    gives_back(&ada, wanted).await;
    // What was on its way is no more, and can be sent anew.
    ada.get(&format!("/api/uploads/{open}")).await.refused(404);
    let again = ada.upload("open.bin", &[7; 5_000]).await;
    ada.processed(again).await;
    let quiet = async || (books::at_rest(data).await && books::is_tidy(data).await).then_some(());
    eventually("the end of all work", quiet).await.unwrap();
    server.signal(Signal::TERM);
    assert!(server.wait().await.unwrap().success(), "{}", server.output().text());
    books::audit(data).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_restored_is_said_clearly_and_another_try_may_be_right() {
    let places = Places::new();
    let app = places.start().await;
    let ada = app.sign_in("ada").await;
    ada.processed(ada.upload("a.jpg", picup_testkit::samples::JPEG).await).await;
    app.settle().await;
    let endpoint = places.offsite.endpoint();
    let (machine, key) = (fresh_folder(), places.file("recovery"));
    let into = machine.path().join("data");
    let restore =
        async |key: Option<&Path>, into: &Path| run(BINARY, arguments(&places, &endpoint, key, into)).await.unwrap();
    // Nothing stands there that could be restored.
    is_refused(
        &restore(Some(&key), &into).await,
        &["there is no catalogue in s3://picup/family", "is it the right place"],
    );
    safe(&app).await;
    is_refused(&restore(None, &into).await, &["cannot be opened: there is no key", "--recovery-key"]);
    let other = places.file("other");
    write_private(&other, &picup_storage::SealIdentity::generate().reveal());
    is_refused(&restore(Some(&other), &into).await, &["this key is not one that it was sealed to", "--recovery-key"]);
    is_refused(&restore(Some(&places.file("reader")), &into).await, &["AGE-SECRET-KEY-"]);
    is_refused(&restore(Some(&key), &app.data()).await, &["another PicUp is serving"]);
    let empty = machine.path().join("empty");
    std::fs::create_dir(&empty).unwrap();
    let nothing = ["restore", "--from", empty.to_str().unwrap(), "--data-dir", into.to_str().unwrap()];
    is_refused(&run(BINARY, nothing).await.unwrap(), &["picup-backup.txt"]);

    let done = restore(Some(&key), &into).await;
    assert!(done.status.success(), "{}{}", done.stdout, done.stderr);
    is_refused(&restore(Some(&key), &into).await, &["there is a PicUp in", "name an empty folder"]);
    // The folder can be restored from, too: with the recovery key for the catalogue.
    let disk = places.file("disk");
    let from = ["restore", "--from", disk.to_str().unwrap(), "--data-dir"];
    let second = machine.path().join("second");
    let more = ["--recovery-key", key.to_str().unwrap()];
    let done = run(BINARY, from.into_iter().chain([second.to_str().unwrap()]).chain(more)).await.unwrap();
    assert!(done.status.success() && done.stdout.contains("restored as of"), "{}{}", done.stdout, done.stderr);
    assert_eq!(hashes(&second.join("objects/media")), hashes(&into.join("objects/media")));
    backup_done(&app, &["status"]).await;
    let _: TestApp = app;
}
