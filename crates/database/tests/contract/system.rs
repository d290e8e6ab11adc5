use std::time::Duration;

use picup_database::{AssetCounts, Motion};
use picup_domain::{FileName, MotionState};

use crate::asset::facts;
use crate::fresh::{account, asset, at, fresh, hash, new_account, size};

#[tokio::test]
async fn a_database_says_how_it_is() {
    let db = fresh().await;
    let vitals = db.vitals().await.unwrap();
    let engine = picup_testkit::engine::name();
    assert_eq!((vitals.engine, db.engine()), (engine, engine));
    assert!(vitals.schema >= 3 && vitals.bytes > 4096 && vitals.answered_in < Duration::from_secs(60), "{vitals:?}");
    db.close().await;
    assert!(db.vitals().await.is_err());
}

#[tokio::test]
async fn assets_are_counted_by_state_in_the_trash_and_out_of_it() {
    let db = fresh().await;
    let (owner, other) = (account(&db, None).await, account(&db, None).await);
    let mut ids = Vec::new();
    for number in 0..6 {
        ids.push(asset(&db, owner, number).await);
    }
    let of_other = asset(&db, other, 0).await;
    let mut tx = db.write().await.unwrap();
    assert_eq!(tx.asset_counts().await.unwrap(), AssetCounts { processing: 7, ..AssetCounts::default() });
    for id in &ids[..3] {
        tx.asset_make_ready(owner, *id, &facts(0)).await.unwrap();
    }
    tx.asset_make_unviewable(owner, ids[3], &facts(0)).await.unwrap();
    tx.asset_make_damaged(owner, ids[4], "{}").await.unwrap();
    tx.asset_make_damaged(other, of_other, "{}").await.unwrap();
    tx.asset_trash(owner, &[ids[0], ids[4]], at(1)).await.unwrap();
    let motion = Motion {
        file_name: FileName::new("a.mov").unwrap(),
        bytes: size(1),
        sha256: hash("a"),
        state: MotionState::Processing,
    };
    tx.motion_insert(owner, ids[1], &motion).await.unwrap();
    tx.motion_finish(owner, ids[1], MotionState::Damaged).await.unwrap();
    let counts = AssetCounts { processing: 1, ready: 3, unviewable: 1, damaged: 2, damaged_motions: 1 };
    assert_eq!(tx.asset_counts().await.unwrap(), counts);
    let mut owners = vec![(owner, 1), (other, 1)];
    owners.sort_by_key(|(owner, _)| *owner.as_bytes());
    assert_eq!(tx.asset_damaged_owners().await.unwrap(), owners);

    assert!(tx.asset_reopen(owner, ids[4]).await.unwrap() && tx.motion_reopen(owner, ids[1]).await.unwrap());
    assert!(!tx.asset_reopen(owner, ids[4]).await.unwrap() && !tx.motion_reopen(owner, ids[1]).await.unwrap());
    assert!(!tx.asset_reopen(owner, of_other).await.unwrap(), "it is another's");
    let counts = AssetCounts { processing: 2, ready: 3, unviewable: 1, damaged: 1, damaged_motions: 0 };
    assert_eq!(tx.asset_counts().await.unwrap(), counts);
}

#[tokio::test]
async fn an_account_without_photos_counts_nothing() {
    let db = fresh().await;
    let mut tx = db.write().await.unwrap();
    tx.account_insert(&new_account(picup_domain::AccountId::new(at(0)), "ada@example.com", None)).await.unwrap();
    assert_eq!(tx.asset_counts().await.unwrap(), AssetCounts::default());
    assert!(tx.asset_damaged_owners().await.unwrap().is_empty());
}
