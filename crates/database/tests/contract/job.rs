use std::collections::HashSet;
use std::time::Duration;

use picup_database::{Database, Error, JobCounts, NewJob};
use picup_domain::JobId;

use crate::fresh::{at, fresh};

const LEASE: Duration = Duration::from_secs(60);

fn new_job(kind: &str, key: Option<&str>, due: i64) -> NewJob {
    NewJob {
        id: JobId::new(at(due)),
        kind: kind.to_owned(),
        payload: format!(r#"{{"due":{due}}}"#),
        dedupe_key: key.map(str::to_owned),
        run_after: at(due),
        created_at: at(0),
    }
}

async fn enqueue(db: &Database, job: &NewJob) -> bool {
    let mut tx = db.write().await.unwrap();
    let queued = tx.job_enqueue(job).await.unwrap();
    tx.commit().await.unwrap();
    queued
}

#[tokio::test]
async fn due_jobs_are_claimed_in_order_and_completed_once() {
    let db = fresh().await;
    let (second, first, later, other) =
        (new_job("a", None, 2), new_job("b", None, 1), new_job("a", None, 100), new_job("c", None, 0));
    for job in [&second, &first, &later, &other] {
        assert!(enqueue(&db, job).await);
    }
    let mut tx = db.write().await.unwrap();
    assert_eq!(tx.job_next_due(&["a", "b"]).await.unwrap(), Some(at(1)));
    let jobs = tx.job_claim(&["a", "b"], at(50), LEASE, 10).await.unwrap();
    assert_eq!(jobs.iter().map(|job| job.lease.job).collect::<Vec<_>>(), [first.id, second.id]);
    assert_eq!((jobs[0].kind.as_str(), jobs[0].payload.as_str()), ("b", r#"{"due":1}"#));
    assert_eq!((jobs[0].lease.attempt, jobs[0].leased_until), (1, at(110)));
    assert!(tx.job_claim(&["a", "b"], at(50), LEASE, 10).await.unwrap().is_empty());
    let count = |kind: &str, pending, leased| JobCounts { kind: kind.to_owned(), pending, leased, failed: 0 };
    assert_eq!(tx.job_counts(at(50)).await.unwrap(), [count("a", 1, 1), count("b", 0, 1), count("c", 1, 0)]);
    assert!(tx.job_complete(jobs[0].lease).await.unwrap());
    assert!(!tx.job_complete(jobs[0].lease).await.unwrap());
    assert_eq!(tx.job_next_due(&["b"]).await.unwrap(), None);
    assert_eq!(tx.job_claim(&["c", "a"], at(500), LEASE, 1).await.unwrap()[0].lease.job, other.id, "longest due first");
}

#[tokio::test]
async fn one_job_a_key_waits_but_a_running_one_does_not_swallow_the_next() {
    let db = fresh().await;
    assert!(enqueue(&db, &new_job("a", Some("asset-1"), 0)).await);
    assert!(!enqueue(&db, &new_job("a", Some("asset-1"), 0)).await);
    assert!(enqueue(&db, &new_job("a", Some("asset-2"), 0)).await);
    let mut tx = db.write().await.unwrap();
    let running = tx.job_claim(&["a"], at(1), LEASE, 10).await.unwrap();
    assert_eq!(running.len(), 2);
    assert!(tx.job_enqueue(&new_job("a", Some("asset-1"), 0)).await.unwrap(), "the world changed while it ran");
    assert!(!tx.job_enqueue(&new_job("a", Some("asset-1"), 0)).await.unwrap());
    assert!(tx.job_retry(running[0].lease, "later", at(5)).await.unwrap());
    let job = new_job("a", Some("asset-3"), 0);
    assert!(tx.job_enqueue(&job).await.unwrap());
    let again = NewJob { dedupe_key: Some("asset-4".to_owned()), ..job };
    assert!(matches!(tx.job_enqueue(&again).await, Err(Error::Conflict("job"))), "the id, not the key, is taken");
}

#[tokio::test]
async fn a_failed_job_waits_and_a_hopeless_one_stays_to_be_seen() {
    let db = fresh().await;
    enqueue(&db, &new_job("a", None, 0)).await;
    let mut tx = db.write().await.unwrap();
    let job = tx.job_claim(&["a"], at(1), LEASE, 1).await.unwrap().remove(0);
    assert!(tx.job_retry(job.lease, "disk full", at(30)).await.unwrap());
    assert!(!tx.job_retry(job.lease, "again", at(30)).await.unwrap(), "the lease went with it");
    assert!(!tx.job_complete(job.lease).await.unwrap());
    assert!(tx.job_claim(&["a"], at(29), LEASE, 1).await.unwrap().is_empty());
    let job = tx.job_claim(&["a"], at(30), LEASE, 1).await.unwrap().remove(0);
    assert_eq!((job.lease.attempt, job.last_error.as_deref()), (2, Some("disk full")));
    assert!(tx.job_give_up(job.lease, "hopeless", at(31)).await.unwrap());
    assert!(tx.job_claim(&["a"], at(9_999), LEASE, 1).await.unwrap().is_empty());
    assert_eq!(tx.job_next_due(&["a"]).await.unwrap(), None);
    let counts = tx.job_counts(at(40)).await.unwrap();
    assert_eq!(counts, [JobCounts { kind: "a".to_owned(), pending: 0, leased: 0, failed: 1 }]);
}

#[tokio::test]
async fn a_job_that_was_given_up_is_listed_and_begun_once_more_when_asked_for() {
    let db = fresh().await;
    for due in 0..3 {
        enqueue(&db, &new_job("a", None, due)).await;
    }
    enqueue(&db, &new_job("b", None, 0)).await;
    let mut tx = db.write().await.unwrap();
    let jobs = tx.job_claim(&["a"], at(5), LEASE, 10).await.unwrap();
    for (job, failed) in jobs.iter().zip([11, 13, 12]) {
        assert!(tx.job_give_up(job.lease, "hopeless", at(failed)).await.unwrap());
    }
    let failed = tx.job_list_failed("a", 2).await.unwrap();
    assert_eq!(failed.iter().map(|job| job.failed_at).collect::<Vec<_>>(), [at(13), at(12)], "the last first");
    assert_eq!((failed[0].attempts, failed[0].last_error.as_deref()), (1, Some("hopeless")));
    assert_eq!((failed[0].id, failed[0].payload.as_str()), (jobs[1].lease.job, r#"{"due":1}"#));
    assert!(tx.job_list_failed("b", 2).await.unwrap().is_empty(), "one that waits is not given up");
    assert_eq!(tx.job_failed_by_id(failed[0].id).await.unwrap(), Some(failed[0].clone()));

    assert!(tx.job_revive(failed[0].id, at(20)).await.unwrap());
    assert!(!tx.job_revive(failed[0].id, at(20)).await.unwrap(), "it waits already");
    assert_eq!(tx.job_failed_by_id(failed[0].id).await.unwrap(), None);
    assert!(!tx.job_complete(jobs[1].lease).await.unwrap(), "its old lease is no right to it");
    let again = tx.job_claim(&["a"], at(20), LEASE, 10).await.unwrap().remove(0);
    assert_eq!(
        (again.lease.job, again.lease.attempt, again.last_error.as_deref()),
        (failed[0].id, 2, Some("hopeless"))
    );
    assert!(tx.job_complete(again.lease).await.unwrap());
}

#[tokio::test]
async fn a_lapsed_lease_is_taken_over_and_its_holder_refused() {
    let db = fresh().await;
    enqueue(&db, &new_job("a", None, 0)).await;
    let mut tx = db.write().await.unwrap();
    let dead = tx.job_claim(&["a"], at(0), LEASE, 1).await.unwrap().remove(0);
    assert_eq!(tx.job_next_due(&["a"]).await.unwrap(), Some(at(60)), "when the lease lapses");
    assert!(tx.job_claim(&["a"], at(59), LEASE, 1).await.unwrap().is_empty());
    assert!(tx.job_extend(dead.lease, at(100)).await.unwrap());
    assert!(tx.job_claim(&["a"], at(99), LEASE, 1).await.unwrap().is_empty(), "kept by extending");
    let heir = tx.job_claim(&["a"], at(100), LEASE, 1).await.unwrap().remove(0);
    assert_eq!((heir.lease.job, heir.lease.attempt), (dead.lease.job, 2));
    assert!(!tx.job_extend(dead.lease, at(500)).await.unwrap());
    assert!(!tx.job_complete(dead.lease).await.unwrap());
    assert!(!tx.job_retry(dead.lease, "late", at(0)).await.unwrap());
    assert!(!tx.job_give_up(dead.lease, "late", at(0)).await.unwrap());
    assert!(tx.job_complete(heir.lease).await.unwrap());
}

#[tokio::test]
async fn leases_taken_back_are_claimed_at_once_and_their_holders_refused() {
    let db = fresh().await;
    for (kind, due) in [("a", 0), ("a", 50), ("b", 0)] {
        enqueue(&db, &new_job(kind, None, due)).await;
    }
    let mut tx = db.write().await.unwrap();
    let dead = tx.job_claim(&["a", "b"], at(0), LEASE, 10).await.unwrap();
    assert_eq!(dead.len(), 2);
    assert_eq!(tx.job_release(&["a"], at(1)).await.unwrap(), 1);
    assert!(!tx.job_complete(dead.iter().find(|job| job.kind == "a").unwrap().lease).await.unwrap());
    let heirs = tx.job_claim(&["a", "b"], at(1), LEASE, 10).await.unwrap();
    assert_eq!(heirs.iter().map(|job| (job.kind.as_str(), job.lease.attempt)).collect::<Vec<_>>(), [("a", 2)]);
    assert_eq!(tx.job_next_due(&["a"]).await.unwrap(), Some(at(50)), "what waits goes on waiting");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_two_claimers_ever_hold_the_same_job() {
    let db = fresh().await;
    let mut tx = db.write().await.unwrap();
    for n in 0..60 {
        tx.job_enqueue(&new_job("a", None, n % 3)).await.unwrap();
    }
    tx.commit().await.unwrap();
    let workers: Vec<_> = (0..8)
        .map(|_| {
            let db = db.clone();
            tokio::spawn(async move {
                let mut held = Vec::new();
                loop {
                    let mut tx = db.write().await.unwrap();
                    let jobs = tx.job_claim(&["a"], at(10), LEASE, 3).await.unwrap();
                    tx.commit().await.unwrap();
                    if jobs.is_empty() {
                        return held;
                    }
                    held.extend(jobs.into_iter().map(|job| job.lease));
                }
            })
        })
        .collect();
    let mut all = Vec::new();
    for worker in workers {
        all.extend(worker.await.unwrap());
    }
    assert_eq!(all.len(), 60);
    assert_eq!(all.iter().map(|lease| lease.job).collect::<HashSet<_>>().len(), 60);
    assert!(all.iter().all(|lease| lease.attempt == 1));
}
