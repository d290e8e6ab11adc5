//! The System page's source: what is wrong shows up there for admins, with what to do, and is no failure of its own.

use picup_api::wire::{AssetState, JobsRetried, System, SystemState};
use picup_testkit::samples;
use serde_json::json;

use crate::app::{TestApp, email, eventually};
use crate::client::{Client, hash};
use crate::{books, patient};

const SYSTEM: &str = "/api/admin/system";
const RETRY: &str = "/api/admin/system/jobs/retry";

async fn system(admin: &Client) -> System {
    admin.get(SYSTEM).await.json(200)
}

/// The first report that is as wanted: one is kept for a moment.
pub(crate) async fn once(app: &TestApp, admin: &Client, what: &str, wanted: impl Fn(&System) -> bool) -> System {
    let found = eventually(what, async || Some(system(admin).await).filter(&wanted)).await;
    found.unwrap_or_else(|late| panic!("{late}\n{}", app.log()))
}

pub(crate) fn codes(row: &picup_api::wire::SystemRow) -> Vec<&str> {
    row.advice.iter().map(|advice| advice.code.as_str()).collect()
}

/// Whether the media row has nothing to say; the programs for films may be missing on this machine.
fn is_well(found: &System) -> bool {
    codes(&found.media.row).iter().all(|code| code.starts_with("ff"))
}

async fn run(app: &TestApp, sql: &'static str) {
    let mut database = books::open(&app.data()).await;
    sqlx::raw_sql(sql).execute(&mut database).await.unwrap();
}

#[tokio::test]
async fn an_admin_sees_how_the_whole_is_and_nobody_else() {
    let app = TestApp::start().await;
    app.stranger().get(SYSTEM).await.refused(401);
    app.sign_in("bob").await.get(SYSTEM).await.refused(403);
    app.sign_in("bob").await.post(RETRY, &json!({})).await.refused(403);
    let ada = app.sign_in_admin().await;
    let id = ada.upload("a.jpg", samples::JPEG).await;
    ada.processed(id).await;
    ada.reserve_new("b.jpg", b"not sent yet").await;
    let ready = |found: &System| found.media.assets.is_some_and(|assets| assets.ready == 1);
    let found = once(&app, &ada, "a report on one photo", ready).await;
    assert_eq!((found.version.as_str(), found.roles.len()), (env!("CARGO_PKG_VERSION"), 3));
    assert!(found.looked_at >= found.started_at, "{found:?}");
    let engine = picup_testkit::engine::name();
    assert_eq!((found.database.row.state, found.database.reachable), (SystemState::Good, true));
    assert!(found.database.engine == engine && found.database.answer_ms.is_some(), "{:?}", found.database);
    assert!(found.database.bytes > Some(4096) && found.database.schema > Some(0));
    let store = &found.stores[0];
    assert!(store.writable && store.free_bytes > Some(0) && store.total_bytes > store.free_bytes, "{store:?}");
    assert!(store.kept_free_bytes > Some(0) && store.kind == "files");
    assert_eq!(found.queue.as_ref().unwrap().row.state, SystemState::Good);
    assert!(is_well(&found) && found.media.sandbox == "limits", "{:?}", found.media);
    assert!(found.media.children_limit >= 1 && found.media.children <= found.media.children_limit);
    let uploads = found.uploads.unwrap();
    assert_eq!((uploads.open, uploads.reserved_bytes), (1, 12));
    let accounts = found.accounts.unwrap();
    assert_eq!((accounts.accounts, accounts.used_bytes), (2, samples::JPEG.len() as u64));
    // Nothing of what is secret, and no place that the doctor does not name.
    let text = ada.get(SYSTEM).await.text();
    for secret in ["secrets", "picup.db", "$argon2", ".pem"] {
        assert!(!text.contains(secret), "{text}");
    }
    app.finish().await;
}

#[tokio::test]
async fn a_damaged_file_shows_up_with_its_owner() {
    let app = TestApp::start().await;
    let ada = app.sign_in_admin().await;
    let lie = hash(b"another file");
    let bob = patient::Patient(app.sign_in("bob").await);
    let id = bob.keep_as("a.jpg", samples::JPEG, &lie, async |_| {}).await;
    assert_eq!(bob.0.processed(id).await.state, AssetState::Damaged);
    let damaged = |found: &System| found.media.assets.is_some_and(|assets| assets.damaged == 1);
    let found = once(&app, &ada, "a damaged file", damaged).await;
    assert!(codes(&found.media.row).contains(&"assets-damaged") && !is_well(&found));
    assert!(found.media.row.state == SystemState::Attention && found.state >= SystemState::Attention);
    assert_eq!((found.media.damaged[0].account.clone(), found.media.damaged[0].assets), (email("bob"), 1));
    let gone = bob.0.post("/api/assets/trash", &json!({"assets": [id]})).await;
    assert_eq!(gone.status, 200);
    let gone = bob.0.post("/api/assets/delete", &json!({"assets": [id]})).await;
    assert_eq!(gone.status, 200);
    once(&app, &ada, "the end of the damage", is_well).await;
    app.finish().await;
}

/// As a worker leaves it that has tried for the last time, from the moment the job is there.
fn give_up(app: &TestApp) -> &'static str {
    match books::server(&app.data()) {
        None => {
            "CREATE TRIGGER hopeless AFTER INSERT ON jobs WHEN NEW.kind = 'process' BEGIN \
             UPDATE jobs SET failed_at = 1700000000000000, attempts = 8, last_error = 'out of luck', dedupe_key = NULL \
             WHERE id = NEW.id; \
             UPDATE assets SET state = 'damaged' WHERE state = 'processing'; END"
        }
        Some(_) => {
            "CREATE TRIGGER hopeless BEFORE INSERT ON jobs FOR EACH ROW IF NEW.kind = 'process' THEN \
             SET NEW.failed_at = 1700000000000000, NEW.attempts = 8, NEW.last_error = 'out of luck', NEW.dedupe_key = NULL; \
             UPDATE assets SET state = 'damaged' WHERE state = 'processing'; END IF"
        }
    }
}

#[tokio::test]
async fn a_job_that_was_given_up_is_tried_again_and_its_photo_is_well() {
    let app = TestApp::start().await;
    let ada = app.sign_in_admin().await;
    run(&app, give_up(&app)).await;
    let bob = app.sign_in("bob").await;
    let ids = [bob.upload("a.jpg", &samples::jpeg(1)).await, bob.upload("b.jpg", &samples::jpeg(2)).await];
    run(&app, "DROP TRIGGER hopeless").await;
    let two = |found: &System| found.queue.as_ref().is_some_and(|queue| queue.failed.len() == 2);
    let found = once(&app, &ada, "two jobs that were given up", two).await;
    let queue = found.queue.unwrap();
    assert_eq!((codes(&queue.row), queue.row.state), (vec!["jobs-given-up"], SystemState::Attention));
    let process = &queue.kinds[0];
    assert_eq!((process.kind.as_str(), process.given_up, process.waiting), ("process", 2, 0));
    let failed = queue.failed.iter().find(|job| job.asset == Some(ids[0])).unwrap();
    assert_eq!(
        (failed.error.as_str(), failed.attempts, failed.account.clone()),
        ("out of luck", 8, Some(email("bob")))
    );
    assert_eq!(failed.since, "2023-11-14T22:13:20Z");
    for id in ids {
        assert_eq!(bob.asset(id).await.state, AssetState::Damaged);
    }

    for bad in [json!({"jobs": ["x"]}), json!({"jobs": 1}), json!({"job": []}), json!({"jobs": vec![failed.id; 501]})] {
        ada.post(RETRY, &bad).await.refused(422);
    }
    let nobody: JobsRetried = ada.post(RETRY, &json!({"jobs": [uuid::Uuid::now_v7()]})).await.json(200);
    assert_eq!((nobody.retried, nobody.left), (0, 2));
    let one: JobsRetried = ada.post(RETRY, &json!({"jobs": [failed.id, failed.id]})).await.json(200);
    assert_eq!((one.retried, one.left), (1, 1));
    assert_eq!(bob.processed(ids[0]).await.state, AssetState::Ready);
    let all: JobsRetried = ada.post(RETRY, &json!({})).await.json(200);
    assert_eq!((all.retried, all.left), (1, 0));
    assert_eq!(bob.processed(ids[1]).await.state, AssetState::Ready);
    once(&app, &ada, "an empty queue", |found| found.queue.as_ref().is_some_and(|queue| queue.kinds.is_empty())).await;
    let log = app.finish().await;
    assert!(log.contains("job tried again") && log.contains(&ada.account().to_string()), "who did it");
}

#[tokio::test]
async fn a_full_quota_shows_up() {
    let app = TestApp::builder().account("ada").account_with("bob", "1KB").account_with("eve", "1KB").start().await;
    let ada = app.sign_in_admin().await;
    assert_eq!(app.sign_in("bob").await.reserve("a.jpg", 1_000, &hash(b"a")).await.status, 201);
    assert_eq!(app.sign_in("eve").await.reserve("a.jpg", 899, &hash(b"a")).await.status, 201);
    let near = |found: &System| found.accounts.as_ref().is_some_and(|accounts| accounts.near_quota_count > 0);
    let accounts = once(&app, &ada, "a full quota", near).await.accounts.unwrap();
    assert_eq!((codes(&accounts.row), accounts.row.state), (vec!["quota-full"], SystemState::Attention));
    assert_eq!(accounts.near_quota.len(), 1, "nine tenths are near, and less is not");
    let bob = &accounts.near_quota[0];
    assert_eq!((bob.account.clone(), bob.held_bytes, bob.quota_bytes), (email("bob"), 1_000, 1_000));
    app.finish().await;
}

#[tokio::test]
async fn a_store_that_is_gone_is_a_bad_row_and_not_a_failure() {
    let app = TestApp::start().await;
    let ada = app.sign_in_admin().await;
    let (objects, away) = (app.data().join("objects"), app.path("away"));
    std::fs::rename(&objects, &away).unwrap();
    let found = once(&app, &ada, "a store that is gone", |found| !found.stores[0].writable).await;
    let row = &found.stores[0].row;
    assert_eq!(
        (row.state, found.state, row.advice[0].code.as_str()),
        (SystemState::Bad, SystemState::Bad, "storage-there")
    );
    assert!(row.advice[0].detail.contains("put it back"), "{row:?}");
    assert_eq!(found.database.row.state, SystemState::Good, "the rest is told all the same");
    std::fs::rename(&away, &objects).unwrap();
    once(&app, &ada, "a store that is back", |found| found.stores[0].writable).await;
    app.finish().await;
}
