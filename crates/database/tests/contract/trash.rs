use picup_database::{Moved, NewAlbum, Object, ObjectState, TrashCursor, Write};
use picup_domain::{AccountId, AlbumId, AlbumTitle, AssetId, ObjectKey, ObjectRole};

use crate::fresh::{account, at, fresh, hash, new_asset, size};

/// So many assets of 1,000 bytes, 10,000 seconds apart: nine on each day or so.
async fn assets(tx: &mut Write, owner: AccountId, count: i64) -> Vec<AssetId> {
    let all: Vec<_> = (0..count).map(|n| new_asset(owner, n * 10_000)).collect();
    tx.asset_insert_all(&all).await.unwrap();
    let bytes = size(1_000 * count.unsigned_abs());
    assert!(tx.quota_reserve(owner, 1, bytes).await.unwrap());
    tx.quota_move(owner, 1, bytes).await.unwrap();
    all.into_iter().map(|asset| asset.id).collect()
}

async fn album(tx: &mut Write, owner: AccountId, assets: &[AssetId]) -> AlbumId {
    let id = AlbumId::new(at(0));
    let title = AlbumTitle::new("Holiday").unwrap();
    tx.album_insert(&NewAlbum { id, owner, title, created_at: at(0) }).await.unwrap();
    tx.album_add(owner, id, owner, assets, at(0)).await.unwrap();
    id
}

/// Its count, its cover, and what is on its pages.
async fn look(tx: &mut Write, owner: AccountId, id: AlbumId) -> (u64, Option<AssetId>, Vec<AssetId>) {
    let album = tx.album_by_id(owner, id).await.unwrap().unwrap();
    let page = tx.album_page(id, None, 1_000).await.unwrap();
    (album.asset_count, album.cover.map(|cover| cover.id), page.iter().map(|row| row.asset.id).collect())
}

fn done(moved: &Moved) -> usize {
    moved.done.len()
}

/// The books of an account against what its rows add up to.
async fn in_order(tx: &mut Write, owner: AccountId) {
    assert_eq!(tx.usage_stands(owner).await.unwrap().unwrap(), tx.usage_counted(owner).await.unwrap());
    assert_eq!(tx.timeline_days(owner).await.unwrap(), tx.usage_days(owner).await.unwrap());
    for album in tx.usage_albums(owner).await.unwrap() {
        assert_eq!(album.stands, album.there);
    }
}

#[tokio::test]
async fn what_is_in_the_trash_is_nowhere_else_and_comes_back_where_it_was() {
    let db = fresh().await;
    let (owner, stranger) = (account(&db, None).await, account(&db, None).await);
    let mut tx = db.write().await.unwrap();
    let ids = assets(&mut tx, owner, 74).await;
    let holiday = album(&mut tx, owner, &ids[..3]).await;
    let days = tx.timeline_days(owner).await.unwrap();

    let moved = tx.asset_trash(owner, &ids[..73], at(5)).await.unwrap();
    assert_eq!((done(&moved), moved.unchanged.len(), moved.albums), (73, 0, vec![holiday]));
    assert_eq!(look(&mut tx, owner, holiday).await, (0, None, vec![]));
    assert_eq!(tx.timeline_days(owner).await.unwrap().len(), 1);
    assert_eq!(tx.asset_by_id(owner, ids[0]).await.unwrap().unwrap().trashed_at, Some(at(5)));
    assert_eq!(tx.usage_trash(owner).await.unwrap(), size(73_000));
    in_order(&mut tx, owner).await;

    // Again, and another's, and what never was.
    let nobodys = AssetId::new(at(0));
    let moved = tx.asset_trash(owner, &[ids[0], ids[73], nobodys, ids[73]], at(6)).await.unwrap();
    assert_eq!((done(&moved), moved.unchanged), (1, vec![ids[0]]));
    assert_eq!(tx.asset_trash(stranger, &ids, at(6)).await.unwrap(), Moved::default());
    assert_eq!(tx.asset_restore(stranger, &ids).await.unwrap(), Moved::default());
    assert_eq!(tx.asset_erase(stranger, &ids, None).await.unwrap(), Moved::default());

    let moved = tx.asset_restore(owner, &ids).await.unwrap();
    assert_eq!((done(&moved), moved.unchanged.len(), moved.albums), (74, 0, vec![holiday]));
    assert_eq!(look(&mut tx, owner, holiday).await, (3, Some(ids[0]), ids[..3].to_vec()));
    assert_eq!(tx.timeline_days(owner).await.unwrap(), days);
    assert_eq!(done(&tx.asset_restore(owner, &ids).await.unwrap()), 0);
    in_order(&mut tx, owner).await;
}

#[tokio::test]
async fn the_cover_is_the_first_that_is_shown() {
    let db = fresh().await;
    let owner = account(&db, None).await;
    let mut tx = db.write().await.unwrap();
    let ids = assets(&mut tx, owner, 3).await;
    let holiday = album(&mut tx, owner, &ids).await;
    tx.asset_trash(owner, &ids[..1], at(5)).await.unwrap();
    assert_eq!(look(&mut tx, owner, holiday).await, (2, Some(ids[1]), ids[1..].to_vec()));
    // Out of the album while it is in the trash: it was not counted, and does not come back to it.
    assert_eq!(tx.album_remove(owner, holiday, &[ids[0], ids[0]], at(6)).await.unwrap().unwrap(), [true, false]);
    tx.asset_restore(owner, &ids).await.unwrap();
    assert_eq!(look(&mut tx, owner, holiday).await, (2, Some(ids[1]), ids[1..].to_vec()));
    tx.asset_erase(owner, &ids[1..2], None).await.unwrap();
    assert_eq!(look(&mut tx, owner, holiday).await, (1, Some(ids[2]), ids[2..].to_vec()));
    in_order(&mut tx, owner).await;
}

#[tokio::test]
async fn what_goes_for_ever_leaves_objects_to_remove_and_nothing_else() {
    let db = fresh().await;
    let owner = account(&db, None).await;
    let mut tx = db.write().await.unwrap();
    let ids = assets(&mut tx, owner, 3).await;
    let holiday = album(&mut tx, owner, &ids).await;
    let object = |role, state| Object {
        key: ObjectKey::new(owner, ids[0], role, 1, "jpg"),
        bytes: size(7),
        sha256: Some(hash("x")),
        state,
        created_at: at(0),
    };
    let whole = object(ObjectRole::Original, ObjectState::Committed);
    let made = object(ObjectRole::Preview, ObjectState::Staged);
    let coming = object(ObjectRole::Motion, ObjectState::Staged);
    tx.object_insert_all(&[whole.clone(), made.clone(), coming.clone()]).await.unwrap();
    tx.asset_trash(owner, &ids[..2], at(5)).await.unwrap();
    tx.asset_trash(owner, &ids[2..], at(7)).await.unwrap();
    tx.asset_restore(owner, &ids[1..2]).await.unwrap();

    // Only what was in the trash by then.
    let moved = tx.asset_erase(owner, &ids, Some(at(6))).await.unwrap();
    assert_eq!((done(&moved), moved.unchanged.len(), moved.keys), (1, 2, vec![whole.key.clone()]));
    assert_eq!(tx.asset_by_id(owner, ids[0]).await.unwrap(), None);
    for (object, state) in
        [(&whole, ObjectState::Deleting), (&made, ObjectState::Deleting), (&coming, ObjectState::Staged)]
    {
        assert_eq!(tx.object_by_key(&object.key).await.unwrap().unwrap().state, state, "{}", object.key);
    }
    in_order(&mut tx, owner).await;
    let moved = tx.asset_erase(owner, &ids, None).await.unwrap();
    assert_eq!((done(&moved), moved.albums), (2, vec![holiday]));
    assert_eq!(look(&mut tx, owner, holiday).await, (0, None, vec![]));
    assert_eq!(tx.usage_stands(owner).await.unwrap().unwrap().used, size(0));
    in_order(&mut tx, owner).await;
    tx.object_delete_all(&[whole.key.clone(), made.key, coming.key], at(9)).await.unwrap();
    assert_eq!(tx.object_by_key(&whole.key).await.unwrap(), None);
}

#[tokio::test]
async fn the_trash_is_turned_page_by_page_and_emptied_from_its_other_end() {
    let db = fresh().await;
    let (owner, other) = (account(&db, None).await, account(&db, None).await);
    let mut tx = db.write().await.unwrap();
    let (ids, theirs) = (assets(&mut tx, owner, 7).await, assets(&mut tx, other, 1).await);
    tx.asset_trash(owner, &ids[..3], at(5)).await.unwrap();
    tx.asset_trash(owner, &ids[3..6], at(6)).await.unwrap();
    tx.asset_trash(other, &theirs, at(4)).await.unwrap();
    let newest = |ids: &[AssetId]| ids.iter().rev().copied().collect::<Vec<_>>();
    let expected = [newest(&ids[3..6]), newest(&ids[..3])].concat();
    for limit in 1..=7 {
        let (mut found, mut from): (Vec<AssetId>, Option<TrashCursor>) = (Vec::new(), None);
        loop {
            let page = tx.trash_page(owner, from, limit).await.unwrap();
            found.extend(page.iter().map(|row| row.asset.id));
            match page.last() {
                Some(last) => from = Some(last.cursor()),
                None => break,
            }
        }
        assert_eq!(found, expected, "pages of {limit}");
    }
    assert_eq!(tx.trash_count(owner, at(5)).await.unwrap(), 3);
    assert_eq!(tx.trash_count(owner, at(6)).await.unwrap(), 6);
    assert_eq!(tx.trash_list(owner, at(5), 2).await.unwrap(), ids[..2]);
    let owners = tx.trash_owners_due(at(5)).await.unwrap();
    assert!(owners.len() == 2 && [owner, other].iter().all(|due| owners.contains(due)), "{owners:?}");
    assert_eq!(tx.trash_owners_due(at(4)).await.unwrap(), [other]);
    assert_eq!(tx.trash_owners_due(at(3)).await.unwrap(), []);
}

#[tokio::test]
async fn renditions_that_nobody_finished_are_found() {
    let db = fresh().await;
    let owner = account(&db, None).await;
    let object = |role, n: i64| Object {
        key: ObjectKey::new(owner, AssetId::new(at(n)), role, 1, "jpg"),
        bytes: size(7),
        sha256: None,
        state: ObjectState::Staged,
        created_at: at(n),
    };
    let all = [
        object(ObjectRole::Original, 0),
        object(ObjectRole::Thumbnail, 1),
        object(ObjectRole::Motion, 2),
        object(ObjectRole::Preview, 3),
        object(ObjectRole::Preview, 9),
    ];
    let mut tx = db.write().await.unwrap();
    tx.object_insert_all(&all).await.unwrap();
    assert_eq!(tx.object_list_unfinished(at(9), 10).await.unwrap(), [all[1].clone(), all[3].clone()]);
    let ids: Vec<AssetId> = all.iter().map(|object| object.key.asset()).collect();
    assert_eq!(tx.object_list_all(&ids).await.unwrap().len(), 5);
}
