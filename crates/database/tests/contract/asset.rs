use picup_database::{AssetFacts, DayCount, Direction, Error, NewAsset, Standing};
use picup_domain::{AccountId, AssetId, AssetKind, AssetState, Description, Place};

use crate::fresh::{account, asset, at, capture, fresh, hash, new_asset};

const DAY: i64 = 86_400;

pub(crate) fn facts(captured: i64) -> AssetFacts {
    AssetFacts {
        kind: AssetKind::Photo,
        capture: capture(captured),
        width: Some(4000),
        height: Some(3000),
        duration_ms: None,
        placeholder: Some(vec![0, 1, 255]),
        camera_make: Some("캐논".to_owned()),
        camera_model: Some("R6".to_owned()),
        lens: None,
        details: Some(r#"{"iso":100}"#.to_owned()),
        latitude: Some(-33.25),
        longitude: Some(126.5),
        altitude: None,
        rendition_version: 1,
        thumbnail_extension: Some("webp".to_owned()),
        preview_extension: Some("jpg".to_owned()),
    }
}

#[tokio::test]
async fn processing_fills_in_what_the_bytes_say() {
    let db = fresh().await;
    let owner = account(&db, None).await;
    let id = asset(&db, owner, 0).await;
    let mut tx = db.write().await.unwrap();
    let before = tx.asset_by_id(owner, id).await.unwrap().unwrap();
    assert_eq!(before.state, AssetState::Processing);
    assert_eq!(before.facts.rendition_version, 0);
    assert_eq!(before.day.to_string(), "2023-11-14");
    assert!(tx.asset_make_ready(owner, id, &facts(DAY)).await.unwrap().is_some());
    assert!(tx.asset_make_ready(owner, id, &facts(2 * DAY)).await.unwrap().is_none(), "done once only");
    let after = tx.asset_by_id(owner, id).await.unwrap().unwrap();
    assert_eq!(after.state, AssetState::Ready);
    assert_eq!(after.facts, facts(DAY));
    assert_eq!(after.day.to_string(), "2023-11-15");
    let days = tx.timeline_days(owner).await.unwrap();
    assert_eq!(days, [DayCount { day: after.day, assets: 1 }], "the old day went");
}

#[tokio::test]
async fn nobody_else_sees_or_changes_an_asset() {
    let db = fresh().await;
    let owner = account(&db, None).await;
    let id = asset(&db, owner, 0).await;
    let mut tx = db.write().await.unwrap();
    let stranger = AccountId::new(at(0));
    assert_eq!(tx.asset_by_id(stranger, id).await.unwrap(), None);
    assert!(tx.asset_make_ready(stranger, id, &facts(0)).await.unwrap().is_none());
    assert!(!tx.asset_make_damaged(stranger, id, "{}").await.unwrap());
    assert!(tx.asset_make_damaged(owner, id, "{}").await.unwrap());
    assert!(!tx.asset_make_damaged(owner, id, "{}").await.unwrap());
    let damaged = tx.asset_by_id(owner, id).await.unwrap().unwrap();
    assert_eq!((damaged.state, damaged.facts.details.as_deref()), (AssetState::Damaged, Some("{}")));
    assert!(tx.asset_make_unviewable(owner, id, &facts(0)).await.unwrap().is_none(), "damaged stays damaged");
}

#[tokio::test]
async fn only_a_verified_asset_counts_as_had_already() {
    let db = fresh().await;
    let (owner, other) = (account(&db, None).await, account(&db, None).await);
    let mut tx = db.write().await.unwrap();
    let mut ids = Vec::new();
    for n in 0..3 {
        let mut new = new_asset(owner, n);
        new.sha256 = hash("same");
        tx.asset_insert(&new).await.unwrap();
        ids.push(new.id);
    }
    let same = hash("same");
    assert_eq!(tx.asset_verified_by_sha256(owner, &same).await.unwrap(), None, "processing is not proof");
    assert_eq!(tx.asset_unproved_by_sha256(owner, &same).await.unwrap().unwrap().id, ids[0], "the oldest");
    assert_eq!(tx.asset_unproved_by_sha256(other, &same).await.unwrap(), None);
    assert!(tx.asset_make_ready(owner, ids[0], &facts(0)).await.unwrap().is_some());
    assert!(tx.asset_make_damaged(owner, ids[2], "{}").await.unwrap());
    assert_eq!(tx.asset_verified_by_sha256(owner, &same).await.unwrap().unwrap().id, ids[0]);
    assert!(tx.asset_make_unviewable(owner, ids[1], &facts(0)).await.unwrap().is_some());
    assert_eq!(tx.asset_verified_by_sha256(owner, &same).await.unwrap().unwrap().id, ids[1], "the newest");
    assert_eq!(tx.asset_verified_by_sha256(other, &same).await.unwrap(), None);
}

#[tokio::test]
async fn an_id_is_used_once_and_only_by_an_account() {
    let db = fresh().await;
    let owner = account(&db, None).await;
    let mut tx = db.write().await.unwrap();
    let new = new_asset(owner, 0);
    tx.asset_insert(&new).await.unwrap();
    assert!(matches!(tx.asset_insert(&new).await, Err(Error::Conflict("asset"))));
    assert!(tx.asset_insert(&new_asset(AccountId::new(at(0)), 0)).await.is_err());
    assert_eq!(tx.timeline_days(owner).await.unwrap()[0].assets, 1, "a refused insert counts nothing");
}

#[tokio::test]
async fn what_was_told_of_an_asset_is_kept() {
    let db = fresh().await;
    let owner = account(&db, None).await;
    let new = NewAsset {
        place: Some(Place::new(-33.25, 126.5, None).unwrap()),
        favourite: true,
        description: Description::new("바다\nand sky").unwrap(),
        ..new_asset(owner, 0)
    };
    let mut tx = db.write().await.unwrap();
    tx.asset_insert(&new).await.unwrap();
    let found = tx.asset_by_id(owner, new.id).await.unwrap().unwrap();
    assert_eq!((found.facts.latitude, found.facts.longitude, found.facts.altitude), (Some(-33.25), Some(126.5), None));
    assert_eq!((found.favourite, found.description, found.motion), (true, new.description, None));
    let shown = tx.timeline_page(owner, None, Direction::Older, 1).await.unwrap().remove(0);
    assert_eq!((shown.favourite, shown.motion), (true, false));
}

#[tokio::test]
async fn standings_are_told_to_the_owner_alone() {
    let db = fresh().await;
    let (owner, other) = (account(&db, None).await, account(&db, None).await);
    let (one, two, theirs) = (asset(&db, owner, 0).await, asset(&db, owner, 1).await, asset(&db, other, 2).await);
    let mut tx = db.write().await.unwrap();
    tx.asset_make_ready(owner, two, &facts(0)).await.unwrap();
    tx.asset_trash(owner, &[two], at(1)).await.unwrap();
    let standings = tx.asset_standings(owner, &[one, two, theirs, one, AssetId::new(at(0))]).await.unwrap();
    assert_eq!(standings.len(), 2);
    let standing = |state, trashed| Standing { state, motion: None, trashed };
    assert_eq!(standings[&one], standing(AssetState::Processing, false));
    assert_eq!(standings[&two], standing(AssetState::Ready, true));
}
