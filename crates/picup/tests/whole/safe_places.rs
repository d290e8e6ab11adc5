//! What people are told of the copies elsewhere: admins on the System page, and everybody of each photo and beside the usage bar.

use picup_api::wire::{AccountBackup, Asset, System, SystemDestination, SystemState};
use picup_testkit::{fresh_folder, run, samples};

use crate::app::{BINARY, TestApp, eventually};
use crate::client::Client;
use crate::system::{codes, once};

/// `picup backup …` beside the running server, which must succeed.
async fn backup(app: &TestApp, arguments: &[&str]) -> String {
    let data = app.data();
    let place = ["--data-dir", data.to_str().unwrap()];
    let done = run(BINARY, ["backup"].iter().chain(arguments).chain(&place).copied()).await.unwrap();
    assert!(done.status.success(), "{arguments:?}: {}{}", done.stdout, done.stderr);
    done.stdout
}

async fn destination(
    app: &TestApp,
    admin: &Client,
    what: &str,
    wanted: impl Fn(&SystemDestination) -> bool,
) -> SystemDestination {
    let one = |found: &System| found.backup.as_ref().and_then(|backup| backup.destinations.first().cloned());
    one(&once(app, admin, what, |found| one(found).is_some_and(|it| wanted(&it))).await).unwrap()
}

#[tokio::test]
async fn without_copies_elsewhere_it_is_said_and_a_photo_is_in_one_place() {
    let app = TestApp::start().await;
    let ada = app.sign_in_admin().await;
    let found = ada.processed(ada.upload("a.jpg", samples::JPEG).await).await;
    assert_eq!((found.safe_in, found.places), (1, 1));
    let backup = once(&app, &ada, "a report", |found| found.backup.is_some()).await.backup.unwrap();
    assert_eq!((codes(&backup.row), backup.row.state), (vec!["backup-none"], SystemState::Attention));
    assert!(backup.destinations.is_empty() && ada.account_now().await.backup.is_none());
    app.finish().await;
}

#[tokio::test]
async fn a_photo_is_safe_in_two_places_and_a_restore_that_was_rehearsed_is_told() {
    let disk = fresh_folder();
    let config = format!("[backup.destinations.disk]\nurl = \"{}\"\n", disk.path().display());
    let app = TestApp::builder().account("ada").config(config).start().await;
    let ada = app.sign_in_admin().await;
    let id = ada.upload("a.jpg", samples::JPEG).await;
    let safe = async || Some(ada.asset(id).await).filter(|asset: &Asset| asset.safe_in == 2);
    let found = eventually("a photo in two places", safe).await.unwrap_or_else(|late| panic!("{late}\n{}", app.log()));
    assert_eq!(found.places, 2);
    app.settle().await;

    let all = |found: &SystemDestination| found.enrolled && found.kept.copies == 3 && found.waiting.copies == 0;
    let found = destination(&app, &ada, "three copies", all).await;
    assert_eq!((found.name.as_str(), found.encrypted, found.paused), ("disk", false, false));
    assert!(found.place.contains(disk.path().to_str().unwrap()), "{found:?}");
    assert!(found.kept.bytes > samples::JPEG.len() as u64 && found.last_verified_seconds.is_some(), "{found:?}");
    assert_eq!((codes(&found.row), found.row.state), (vec!["backup-no-recovery-key"], SystemState::Attention));
    let never = AccountBackup { rehearsed_at: None };
    assert_eq!(ada.account_now().await.backup.unwrap().rehearsed_at, never.rehearsed_at);

    let key = backup(&app, &["recovery-key"]).await;
    let app = app.kill_and_restart().await;
    let ada = app.sign_in("ada").await;
    backup(&app, &["catalogue", "disk"]).await;
    let found = destination(&app, &ada, "a catalogue", |found| found.catalogue_age_seconds.is_some()).await;
    assert_eq!(codes(&found.row), ["drill-never"]);
    backup(&app, &["drill", "disk"]).await;
    let found = destination(&app, &ada, "a rehearsal", |found| found.drill.is_some()).await;
    assert!(found.drill.as_ref().is_some_and(|drill| drill.ok) && found.restore_seconds.is_some(), "{found:?}");
    assert_eq!((codes(&found.row), found.row.state), (vec![], SystemState::Good));
    assert!(ada.account_now().await.backup.unwrap().rehearsed_at.is_some());
    let again = app.sign_in("ada").await;
    assert!(again.session.as_ref().unwrap().account.backup.as_ref().unwrap().rehearsed_at.is_some());

    backup(&app, &["pause", "disk"]).await;
    let found = destination(&app, &ada, "a pause", |found| found.paused).await;
    assert_eq!(codes(&found.row), ["backup-paused"]);
    let secret = key.lines().last().unwrap();
    assert!(secret.starts_with("AGE-SECRET-KEY-"), "the key is shown");
    let text = ada.get("/api/admin/system").await.text();
    assert!(!text.contains("AGE-SECRET-KEY-") && !app.log().contains(secret), "{text}");
    app.finish().await;
}
