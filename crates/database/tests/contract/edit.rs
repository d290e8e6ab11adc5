use picup_database::{AssetEdit, DayCount};
use picup_domain::{AssetState, CaptureTime, Description};

use crate::asset::facts;
use crate::fresh::{account, asset, at, fresh};

const DAY: i64 = 86_400;

fn taken(local: &str) -> AssetEdit {
    AssetEdit { capture: Some(CaptureTime::edited(local, Some(540)).unwrap()), ..AssetEdit::default() }
}

#[tokio::test]
async fn what_is_said_changes_and_the_rest_stays() {
    let db = fresh().await;
    let (owner, other) = (account(&db, None).await, account(&db, None).await);
    let id = asset(&db, owner, 0).await;
    let mut tx = db.write().await.unwrap();
    let text = Description::new("바다\nand sky").unwrap();
    let edit = AssetEdit { favourite: Some(true), description: Some(text.clone()), capture: None };
    let before = tx.asset_edit(owner, id, &edit).await.unwrap().unwrap();
    assert_eq!((before.favourite, before.description.clone()), (false, None));
    let after = tx.asset_by_id(owner, id).await.unwrap().unwrap();
    assert_eq!((after.favourite, &after.description, after.facts.capture), (true, &text, before.facts.capture));
    tx.asset_edit(owner, id, &AssetEdit::default()).await.unwrap();
    assert_eq!(tx.asset_by_id(owner, id).await.unwrap().unwrap(), after);
    let nothing = AssetEdit { description: Some(None), ..AssetEdit::default() };
    tx.asset_edit(owner, id, &nothing).await.unwrap();
    assert_eq!(tx.asset_by_id(owner, id).await.unwrap().unwrap().description, None);
    assert_eq!(tx.asset_edit(other, id, &edit).await.unwrap(), None, "another's is not there");
}

#[tokio::test]
async fn a_time_that_is_given_moves_the_day_and_outlasts_processing() {
    let db = fresh().await;
    let owner = account(&db, None).await;
    let (one, two) = (asset(&db, owner, 0).await, asset(&db, owner, 0).await);
    let mut tx = db.write().await.unwrap();
    let old = tx.asset_by_id(owner, one).await.unwrap().unwrap().day;
    let edit = taken("1999-12-31T23:59:59");
    let new = edit.capture.unwrap().day();
    tx.asset_edit(owner, one, &edit).await.unwrap();
    let count = |day, assets| DayCount { day, assets };
    assert_eq!(tx.timeline_days(owner).await.unwrap(), [count(old, 1), count(new, 1)]);
    tx.asset_edit(owner, two, &edit).await.unwrap();
    assert_eq!(tx.timeline_days(owner).await.unwrap(), [count(new, 2)], "the day that has none is forgotten");
    // The same day at another hour.
    tx.asset_edit(owner, two, &taken("1999-12-31T00:00:00")).await.unwrap();
    assert_eq!(tx.timeline_days(owner).await.unwrap(), [count(new, 2)]);

    assert_eq!(tx.asset_make_ready(owner, one, &facts(DAY)).await.unwrap(), Some(new));
    let ready = tx.asset_by_id(owner, one).await.unwrap().unwrap();
    assert_eq!((ready.state, Some(ready.facts.capture), ready.day), (AssetState::Ready, edit.capture, new));
    assert_eq!(ready.facts.width, Some(4000), "everything else is what the bytes say");
    assert_eq!(tx.timeline_days(owner).await.unwrap(), [count(new, 2)]);
}

#[tokio::test]
async fn what_lies_in_the_trash_is_left_as_it_is() {
    let db = fresh().await;
    let owner = account(&db, None).await;
    let id = asset(&db, owner, 0).await;
    let mut tx = db.write().await.unwrap();
    tx.asset_trash(owner, &[id], at(1)).await.unwrap();
    let before = tx.asset_by_id(owner, id).await.unwrap().unwrap();
    let edit = AssetEdit { favourite: Some(true), ..taken("1999-12-31T23:59:59") };
    assert_eq!(tx.asset_edit(owner, id, &edit).await.unwrap().as_ref(), Some(&before));
    assert_eq!(tx.asset_by_id(owner, id).await.unwrap(), Some(before));
    assert!(tx.timeline_days(owner).await.unwrap().is_empty());
}
