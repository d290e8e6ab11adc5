//! What the report says of a PicUp without a decoder, of its queue and its accounts, and what trying again does.

use std::time::Duration;

use picup_domain::{AccountId, AssetState, ByteSize};

use super::look::REPORT_LIFE;
use super::*;
use crate::admin::Actor;
use crate::testing::TestApp;
use crate::upload::tests::keep;
use crate::{account, asset};

async fn stage() -> (TestApp, AccountId) {
    let app = TestApp::new().await;
    let owner = account::create(&app, TestApp::account("ada@example.com")).await.unwrap();
    (app, owner)
}

/// Gives every waiting job up, as a worker does after its last try.
async fn give_all_up(app: &TestApp, kinds: &[&str]) {
    let mut write = app.database().write().await.unwrap();
    for job in write.job_claim(kinds, app.now(), REPORT_LIFE, 100).await.unwrap() {
        assert!(write.job_give_up(job.lease, "no luck", app.now()).await.unwrap());
    }
    write.commit().await.unwrap();
}

fn codes<T>(row: &Row<T>) -> Vec<&'static str> {
    row.advice.iter().map(|advice| advice.code).collect()
}

#[tokio::test]
async fn each_row_tells_what_was_found_and_the_whole_is_as_bad_as_the_worst() {
    let (app, owner) = stage().await;
    keep(&app, owner, b"content").await;
    let report = report(&app).await;
    assert_eq!((report.database.state(), report.engine), (State::Good, picup_testkit::engine::name()));
    assert!(report.database.found.unwrap().bytes > 0);
    assert_eq!((report.stores[0].state(), report.stores[0].found.kind), (State::Good, "memory"));
    assert!(report.stores[0].found.writable && report.stores[0].found.space.is_none());
    let queue = report.queue.as_ref().unwrap();
    assert_eq!(queue.state(), State::Good);
    let jobs = &queue.found.kinds[0];
    assert_eq!((jobs.counts.kind.as_str(), jobs.counts.pending, jobs.due_since), ("process", 1, Some(app.now())));
    assert_eq!(report.media.found.assets.unwrap().processing, 1);
    assert_eq!(report.media.found.children, Children { alive: 0, limit: 1 });
    let accounts = &report.accounts.as_ref().unwrap().found;
    assert_eq!((accounts.accounts, accounts.used, accounts.near_count), (1, 7, 0));
    assert_eq!(report.uploads.as_ref().unwrap().found.open, 0);
    // Its child's program is not there.
    assert!(codes(&report.media).contains(&"media-child"), "{:?}", report.media.advice);
    assert_eq!((report.media.state(), report.state()), (State::Bad, State::Bad));
}

#[tokio::test]
async fn many_who_ask_at_once_look_once_and_a_moment_later_it_is_looked_at_anew() {
    let (app, owner) = stage().await;
    let first = report(&app).await;
    keep(&app, owner, b"content").await;
    assert!(report(&app).await.queue.unwrap().found.kinds.is_empty(), "a moment has not passed");
    app.clock.advance(REPORT_LIFE);
    let second = report(&app).await;
    assert_eq!(second.queue.unwrap().found.kinds.len(), 1);
    assert!(second.looked_at > first.looked_at && second.started_at == first.started_at);
}

#[tokio::test]
async fn a_database_that_does_not_answer_is_a_row_and_no_failure() {
    let (app, _) = stage().await;
    app.database().close().await;
    let report = report(&app).await;
    assert_eq!(codes(&report.database), ["database-answers"]);
    assert!(report.database.found.is_none() && report.queue.is_none() && report.accounts.is_none());
    assert!(report.media.found.assets.is_none());
    assert_eq!(report.state(), State::Bad);
}

#[tokio::test]
async fn a_job_that_was_given_up_shows_up_and_its_photo_waits_again_when_it_is_tried_again() {
    let (app, owner) = stage().await;
    let id = keep(&app, owner, b"content").await;
    give_all_up(&app, &["process"]).await;
    let mut write = app.database().write().await.unwrap();
    assert!(write.asset_make_damaged(owner, id, r#"{"reason":"no luck"}"#).await.unwrap());
    write.commit().await.unwrap();

    let before = report(&app).await;
    let queue = before.queue.as_ref().unwrap();
    let failed = &queue.found.failed[0];
    assert_eq!((codes(queue), queue.state()), (vec!["jobs-given-up"], State::Attention));
    assert_eq!(
        (failed.error.as_str(), failed.attempts, failed.since, failed.asset),
        ("no luck", 1, app.now(), Some(id))
    );
    assert_eq!(failed.account.as_ref().unwrap().as_str(), "ada@example.com");
    assert!(codes(&before.media).contains(&"assets-damaged"));
    assert_eq!(before.media.found.damaged[0].1, 1);

    let done = retry(&app, Actor::Operator, Some(&[failed.id, JobId::new(app.now())])).await.unwrap();
    assert_eq!(done, Retried { retried: 1, left: 0 });
    let after = asset::fetch(&app, owner, id).await.unwrap();
    assert_eq!((after.row.state, after.details.reason), (AssetState::Processing, None));
    // Also within the life of the report from before.
    let now = report(&app).await;
    assert!(now.queue.as_ref().unwrap().found.failed.is_empty());
    assert_eq!(now.queue.unwrap().found.kinds[0].counts.pending, 1);
    let again = retry(&app, Actor::Operator, Some(&[failed.id])).await.unwrap();
    assert_eq!(again, Retried { retried: 0, left: 0 }, "it waits already");
}

#[tokio::test]
async fn all_are_tried_again_and_what_is_damaged_for_another_reason_stays_so() {
    let (app, owner) = stage().await;
    let (gone, kept) = (keep(&app, owner, b"one").await, keep(&app, owner, b"two").await);
    give_all_up(&app, &["process"]).await;
    let mut write = app.database().write().await.unwrap();
    assert!(write.asset_make_damaged(owner, kept, "{}").await.unwrap());
    write.commit().await.unwrap();
    let proved = keep(&app, owner, b"six").await;
    let mut write = app.database().write().await.unwrap();
    assert!(write.asset_make_damaged(owner, proved, "{}").await.unwrap());
    write.commit().await.unwrap();
    assert_eq!(retry(&app, Actor::Operator, None).await.unwrap(), Retried { retried: 2, left: 0 });
    let mut states = Vec::new();
    for id in [gone, kept, proved] {
        states.push(asset::fetch(&app, owner, id).await.unwrap().row.state);
    }
    assert_eq!(states, [AssetState::Processing, AssetState::Processing, AssetState::Damaged]);
}

#[tokio::test]
async fn work_that_nobody_does_is_stuck_and_work_for_later_is_not() {
    let (app, owner) = stage().await;
    keep(&app, owner, b"content").await;
    app.clock.advance(Duration::from_secs(120));
    assert_eq!(report(&app).await.queue.unwrap().state(), State::Good);
    app.clock.advance(Duration::from_secs(1) + REPORT_LIFE);
    let stuck = report(&app).await.queue.unwrap();
    assert_eq!((codes(&stuck), stuck.state()), (vec!["jobs-stuck"], State::Bad));
    app.inner.system.claimed(app.now());
    app.clock.advance(REPORT_LIFE);
    assert_eq!(report(&app).await.queue.unwrap().state(), State::Good, "another was taken up a moment ago");
    let mut write = app.database().write().await.unwrap();
    let job = write.job_claim(&["process"], app.now(), Duration::from_secs(60), 1).await.unwrap().remove(0);
    write.commit().await.unwrap();
    app.clock.advance(REPORT_LIFE);
    assert_eq!(report(&app).await.queue.unwrap().state(), State::Good, "it is worked on");
    let mut write = app.database().write().await.unwrap();
    assert!(write.job_retry(job.lease, "later", app.now().plus(Duration::from_secs(60))).await.unwrap());
    write.commit().await.unwrap();
    app.clock.advance(REPORT_LIFE);
    assert_eq!(report(&app).await.queue.unwrap().state(), State::Good, "its time has not come");
}

#[tokio::test]
async fn who_has_nearly_used_up_a_quota_is_named_the_fullest_first() {
    let (app, owner) = stage().await;
    let bob = account::create(&app, TestApp::account("bob@example.com")).await.unwrap();
    account::create(&app, TestApp::account("eve@example.com")).await.unwrap();
    let reserve = async |id, bytes| {
        let mut write = app.database().write().await.unwrap();
        assert!(write.quota_reserve(id, 1, ByteSize::new(bytes).unwrap()).await.unwrap());
        write.commit().await.unwrap();
        app.clock.advance(REPORT_LIFE);
        report(&app).await.accounts.unwrap()
    };
    assert_eq!(reserve(owner, 899).await.state(), State::Good);
    let near = reserve(owner, 1).await;
    assert_eq!((codes(&near), near.state(), near.found.near_count), (vec!["quota-near"], State::Attention, 1));
    let full = reserve(bob, 1_000).await;
    let named: Vec<_> = full.found.near.iter().map(|(email, _)| email.as_str()).collect();
    assert_eq!((codes(&full), named), (vec!["quota-full"], vec!["bob@example.com", "ada@example.com"]));
    assert_eq!(report(&app).await.uploads.unwrap().found.reserved, 1_900);
}
