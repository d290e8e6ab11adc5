use std::time::Duration;

use picup_domain::AccountId;

use crate::fresh::{account, at, capture, fresh, new_account, new_asset};

#[tokio::test]
async fn what_is_not_committed_never_happened() {
    let db = fresh().await;
    let id = AccountId::new(at(0));
    let mut tx = db.write().await.unwrap();
    tx.account_insert(&new_account(id, "ada@example.com", None)).await.unwrap();
    tx.asset_insert(&new_asset(id, 0)).await.unwrap();
    tx.event_append("asset", Some(id), "{}", at(0)).await.unwrap();
    drop(tx);
    let mut read = db.read().await.unwrap();
    assert_eq!(read.account_count().await.unwrap(), 0);
    assert!(read.timeline_days(id).await.unwrap().is_empty());
    assert_eq!(read.event_latest().await.unwrap(), 0);
}

#[tokio::test]
async fn a_read_sees_one_moment_and_does_not_wait_for_writers() {
    let db = fresh().await;
    let owner = account(&db, None).await;
    let mut read = db.read().await.unwrap();
    assert!(read.timeline_days(owner).await.unwrap().is_empty());
    let mut tx = db.write().await.unwrap();
    tx.asset_insert(&new_asset(owner, 0)).await.unwrap();
    assert_eq!(tx.timeline_days(owner).await.unwrap()[0].day, capture(0).day(), "a write sees its own changes");
    assert!(read.timeline_days(owner).await.unwrap().is_empty());
    tx.commit().await.unwrap();
    assert!(read.timeline_days(owner).await.unwrap().is_empty(), "still the moment it began at");
    assert_eq!(db.read_fresh().await.unwrap().timeline_days(owner).await.unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_cancelled_write_leaves_the_writer_usable() {
    let db = fresh().await;
    for n in 0..20 {
        let work = async {
            let mut tx = db.write().await.unwrap();
            let id = AccountId::new(at(n));
            tx.account_insert(&new_account(id, &format!("{n}@example.com"), None)).await.unwrap();
            std::future::pending::<()>().await;
        };
        // Dropped wherever it stands by then: before its turn, inside a statement, or after.
        let _ = tokio::time::timeout(Duration::from_micros(u64::try_from(n * 97).unwrap()), work).await;
    }
    account(&db, None).await;
    assert_eq!(db.read().await.unwrap().account_count().await.unwrap(), 1);
}
