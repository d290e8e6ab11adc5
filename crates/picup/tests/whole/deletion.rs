//! The end of an account: it can be taken back during the grace, and then everything goes, whatever is killed meanwhile.

use picup_api::wire::Deletion;
use picup_testkit::samples;
use rand::RngExt;
use serde_json::json;
use tokio::task::JoinSet;
use tokio::time::{Duration, sleep};

use crate::app::{PASSWORD, TestApp, email, eventually};
use crate::books;
use crate::client::{Client, hash};
use crate::luck::luck;

/// How many rows of a table there are.
async fn count(app: &TestApp, table: &str) -> i64 {
    let mut database = books::open(&app.data()).await;
    let count = sqlx::AssertSqlSafe(format!("SELECT COUNT(*) FROM {table}"));
    sqlx::query_as::<_, (i64,)>(count).fetch_one(&mut database).await.unwrap().0
}

/// Uploads so many files, without waiting until they are looked at.
async fn fill(client: &Client, files: u64) {
    let mut tasks = JoinSet::new();
    for lane in 0..4 {
        let client = client.clone();
        tasks.spawn(async move {
            for number in (lane..files).step_by(4) {
                match number % 4 {
                    0 => client.upload("a.jpg", &samples::jpeg(number)).await,
                    _ => client.upload("a.txt", format!("file {number}").as_bytes()).await,
                };
            }
        });
    }
    tasks.join_all().await;
    client.reserve_new("open.jpg", b"never sent").await;
    let album: picup_api::wire::Album = client.post("/api/albums", &json!({"title": "Holiday"})).await.json(201);
    let assets = client.timeline().await.id;
    client.post(&format!("/api/albums/{}/assets", album.id), &json!({"assets": assets})).await;
}

#[tokio::test]
async fn a_deletion_can_be_taken_back_and_nothing_comes_in_meanwhile() {
    let app = TestApp::start().await;
    let bob = app.sign_in("bob").await;
    let asset = bob.upload("a.jpg", samples::JPEG).await;
    bob.post("/api/account/deletion", &json!({"password": "wrong"})).await.refused_somehow();
    bob.post("/api/account/deletion", &json!({})).await.refused(422);
    let wish = json!({"password": PASSWORD});
    let deletion: Deletion = bob.post("/api/account/deletion", &wish).await.json(202);
    assert_eq!(bob.account_now().await.delete_after.as_ref(), Some(&deletion.delete_after));
    let again: Deletion = bob.post("/api/account/deletion", &wish).await.json(202);
    assert_eq!(again.delete_after, deletion.delete_after, "the first time stands");
    let problem = bob.reserve("b.jpg", 1, &hash(b"b")).await.refused(409);
    assert!(problem.detail.contains("deleted"), "{}", problem.detail);
    // Everything can be seen and taken out, also by signing in anew.
    assert_eq!(app.sign_in("bob").await.processed(asset).await.sha256, hash(samples::JPEG));
    assert_eq!(bob.delete("/api/account/deletion").await.status, 204);
    assert_eq!(bob.delete("/api/account/deletion").await.status, 204);
    assert_eq!(bob.account_now().await.delete_after, None);
    assert_eq!(bob.reserve("b.jpg", 1, &hash(b"b")).await.status, 201);

    let ada = app.sign_in_admin().await;
    let problem = ada.post("/api/account/deletion", &wish).await.refused(409);
    assert!(problem.detail.contains("last admin"), "{}", problem.detail);
    let path = format!("/api/admin/accounts/{}/deletion", bob.account());
    ada.post(&path, &json!({})).await.json::<Deletion>(202);
    assert!(bob.account_now().await.delete_after.is_some());
    assert_eq!(ada.delete(&path).await.status, 204);
    app.finish().await;
}

#[tokio::test]
async fn when_the_grace_is_over_everything_goes() {
    let app =
        TestApp::builder().account("ada").account("bob").config("[accounts]\ndeletion_grace = \"0s\"").start().await;
    let (ada, bob) = (app.sign_in("ada").await, app.sign_in("bob").await);
    fill(&ada, 4).await;
    fill(&bob, 12).await;
    app.settle().await;
    bob.post("/api/account/deletion", &json!({"password": PASSWORD})).await.json::<Deletion>(202);
    let gone = async || (count(&app, "accounts").await == 1).then_some(());
    eventually("the end of the account", gone).await.unwrap_or_else(|late| panic!("{late}\n{}", app.log()));
    bob.get("/api/account").await.refused(401);
    assert!(bob.post("/api/albums", &json!({"title": "Again"})).await.status >= 400);
    app.stranger().post("/api/session", &json!({"email": email("bob"), "password": PASSWORD})).await.refused(401);
    assert_eq!(ada.timeline().await.id.len(), 4);
    assert!(
        !app.data().join(format!("objects/media/{}", bob.account())).exists() || {
            let left = walkdir::WalkDir::new(app.data().join(format!("objects/media/{}", bob.account())));
            left.into_iter().all(|entry| entry.unwrap().file_type().is_dir())
        }
    );
    app.finish().await;
}

#[tokio::test]
async fn an_erasure_that_is_killed_again_and_again_is_finished() {
    let mut luck = luck();
    let mut app = TestApp::start().await;
    let (ada, bob) = (app.sign_in("ada").await, app.sign_in("bob").await);
    fill(&ada, 4).await;
    fill(&bob, 200).await;
    let all = count(&app, "assets").await;
    let unsure = app.user(&["delete", &email("bob"), "--now"]).await;
    assert_eq!(unsure.status.code(), Some(2), "without a terminal it wants --yes: {}", unsure.stderr);
    app.hold_assets(100).await;
    app.user_done(&["delete", &email("bob"), "--now", "--yes"]).await;
    app = app.kill_held(all).await;
    for _ in 0..3 {
        sleep(Duration::from_micros(luck.random_range(0..60_000))).await;
        app = app.kill_and_restart().await;
    }
    let gone = async || (count(&app, "accounts").await == 1).then_some(());
    eventually("the end of the account", gone).await.unwrap_or_else(|late| panic!("{late}\n{}", app.log()));
    app.settle().await;
    // What the last kill left is cleared away at the next start.
    let app = app.kill_and_restart().await;
    assert_eq!(ada.timeline().await.id.len(), 4);
    app.finish().await;
}
