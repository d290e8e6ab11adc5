use picup_database::{Error, Object, ObjectState};
use picup_domain::{AccountId, AssetId, ObjectKey, ObjectRole};

use crate::fresh::{at, fresh, hash, size};

fn staged(owner: AccountId, asset: AssetId, role: ObjectRole, begun: i64) -> Object {
    Object {
        key: ObjectKey::new(owner, asset, role, 1, "jpg"),
        bytes: size(7),
        sha256: None,
        state: ObjectState::Staged,
        created_at: at(begun),
    }
}

#[tokio::test]
async fn an_object_goes_from_staged_to_committed_to_gone() {
    let db = fresh().await;
    let (owner, asset) = (AccountId::new(at(0)), AssetId::new(at(0)));
    let object = staged(owner, asset, ObjectRole::Original, 0);
    let mut tx = db.write().await.unwrap();
    tx.object_insert(&object).await.unwrap();
    assert!(matches!(tx.object_insert(&object).await, Err(Error::Conflict("object"))));
    assert_eq!(tx.object_by_key(&object.key).await.unwrap(), Some(object.clone()));
    let stored = |bytes, sha256| [(object.key.clone(), size(bytes), hash(sha256))];
    assert_eq!(tx.object_commit_all(&stored(9, "x"), at(1)).await.unwrap(), None);
    assert_eq!(tx.object_commit_all(&stored(10, "y"), at(1)).await.unwrap(), Some(object.key.clone()), "never again");
    let committed = Object { bytes: size(9), sha256: Some(hash("x")), state: ObjectState::Committed, ..object.clone() };
    assert_eq!(tx.object_by_key(&object.key).await.unwrap(), Some(committed));
    assert!(!tx.object_delete(&object.key, at(2)).await.unwrap(), "what is counted on is not forgotten");
    assert!(tx.object_doom(&object.key).await.unwrap());
    assert!(!tx.object_doom(&object.key).await.unwrap());
    assert!(tx.object_delete(&object.key, at(2)).await.unwrap());
    assert_eq!(tx.object_by_key(&object.key).await.unwrap(), None);
}

#[tokio::test]
async fn objects_are_listed_by_asset_and_by_age() {
    let db = fresh().await;
    let owner = AccountId::new(at(0));
    let (asset, other) = (AssetId::new(at(0)), AssetId::new(at(1)));
    let original = staged(owner, asset, ObjectRole::Original, 5);
    let thumbnail = staged(owner, asset, ObjectRole::Thumbnail, 3);
    let theirs = staged(owner, other, ObjectRole::Original, 4);
    let mut tx = db.write().await.unwrap();
    for object in [&original, &thumbnail, &theirs] {
        tx.object_insert(object).await.unwrap();
    }
    assert_eq!(tx.object_list(asset).await.unwrap(), [original.clone(), thumbnail.clone()]);
    let state = ObjectState::Staged;
    assert_eq!(tx.object_list_stale(state, at(5), 10).await.unwrap(), [thumbnail.clone(), theirs.clone()]);
    assert_eq!(tx.object_list_stale(state, at(6), 2).await.unwrap(), [thumbnail, theirs]);
    assert!(tx.object_list_stale(ObjectState::Deleting, at(6), 10).await.unwrap().is_empty());
}
