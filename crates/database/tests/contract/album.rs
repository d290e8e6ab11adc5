use picup_database::{AddOutcome, AlbumAsset, Database, NewAlbum};
use picup_domain::{AccountId, AlbumId, AlbumTitle, AssetId};
use proptest::prelude::*;

use crate::fresh::{account, asset, at, fresh};

fn title(text: &str) -> AlbumTitle {
    AlbumTitle::new(text).unwrap()
}

async fn album(db: &Database, owner: AccountId, made: i64) -> AlbumId {
    let id = AlbumId::new(at(made));
    let mut tx = db.write().await.unwrap();
    tx.album_insert(&NewAlbum { id, owner, title: title("제주"), created_at: at(made) }).await.unwrap();
    tx.commit().await.unwrap();
    id
}

fn ids(page: &[AlbumAsset]) -> Vec<AssetId> {
    page.iter().map(|entry| entry.asset.id).collect()
}

#[tokio::test]
async fn an_album_is_made_renamed_listed_and_removed_by_its_owner_alone() {
    let db = fresh().await;
    let (owner, other) = (account(&db, None).await, account(&db, None).await);
    let (first, second) = (album(&db, owner, 0).await, album(&db, owner, 1).await);
    let mut tx = db.write().await.unwrap();
    assert!(tx.album_rename(owner, first, &title("바다"), at(9)).await.unwrap());
    assert!(!tx.album_rename(other, first, &title("x"), at(9)).await.unwrap());
    let found = tx.album_by_id(owner, first).await.unwrap().unwrap();
    assert_eq!((found.title, found.asset_count, found.cover), (title("바다"), 0, None));
    assert_eq!((found.created_at, found.updated_at), (at(0), at(9)));
    assert_eq!(tx.album_by_id(other, first).await.unwrap(), None);
    let list = |page: Vec<picup_database::Album>| page.into_iter().map(|album| album.id).collect::<Vec<_>>();
    assert_eq!(list(tx.album_list(owner, None, 10).await.unwrap()), [second, first]);
    assert_eq!(list(tx.album_list(owner, None, 1).await.unwrap()), [second]);
    assert_eq!(list(tx.album_list(owner, Some(second), 10).await.unwrap()), [first]);
    assert!(tx.album_list(other, None, 10).await.unwrap().is_empty());
    assert!(!tx.album_delete(other, first).await.unwrap());
    assert!(tx.album_delete(owner, first).await.unwrap());
    assert_eq!(tx.album_by_id(owner, first).await.unwrap(), None);
}

#[tokio::test]
async fn adding_tells_what_came_of_each() {
    let db = fresh().await;
    let (owner, other) = (account(&db, None).await, account(&db, None).await);
    let id = album(&db, owner, 0).await;
    let (a, b, theirs) = (asset(&db, owner, 0).await, asset(&db, owner, 1).await, asset(&db, other, 2).await);
    let mut tx = db.write().await.unwrap();
    let outcomes = tx.album_add(owner, id, &[b, theirs, a, b], at(5)).await.unwrap().unwrap();
    use AddOutcome::{Added, AlreadyThere, NotYours};
    assert_eq!(outcomes, [Added, NotYours, Added, AlreadyThere]);
    assert_eq!(tx.album_add(other, id, &[theirs], at(5)).await.unwrap(), None);
    let found = tx.album_by_id(owner, id).await.unwrap().unwrap();
    assert_eq!((found.asset_count, found.cover.unwrap().id, found.updated_at), (2, b, at(5)));
    assert_eq!(ids(&tx.album_page(id, None, 10).await.unwrap()), [b, a], "in the order added");
    let page = tx.album_page(id, None, 1).await.unwrap();
    assert_eq!(ids(&tx.album_page(id, Some(page[0].cursor()), 10).await.unwrap()), [a]);

    assert_eq!(tx.album_remove(owner, id, &[b, theirs, b], at(6)).await.unwrap(), Some(vec![true, false, false]));
    assert_eq!(tx.album_remove(other, id, &[a], at(6)).await.unwrap(), None);
    let found = tx.album_by_id(owner, id).await.unwrap().unwrap();
    assert_eq!((found.asset_count, found.cover.unwrap().id), (1, a), "the next is the cover");
    assert_eq!(tx.album_remove(owner, id, &[a], at(7)).await.unwrap(), Some(vec![true]));
    assert_eq!(tx.album_by_id(owner, id).await.unwrap().unwrap().cover, None);
}

#[tokio::test]
async fn removing_an_album_leaves_its_assets() {
    let db = fresh().await;
    let owner = account(&db, None).await;
    let id = album(&db, owner, 0).await;
    let kept = asset(&db, owner, 0).await;
    let mut tx = db.write().await.unwrap();
    tx.album_add(owner, id, &[kept], at(1)).await.unwrap();
    assert!(tx.album_delete(owner, id).await.unwrap());
    assert!(tx.asset_by_id(owner, kept).await.unwrap().is_some());
    assert!(tx.album_page(id, None, 10).await.unwrap().is_empty());
}

#[test]
fn count_cover_and_pages_are_those_of_a_plain_list() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let db = runtime.block_on(fresh());
    let (owner, assets) = runtime.block_on(async {
        let owner = account(&db, None).await;
        let mut assets = Vec::new();
        for n in 0..8 {
            assets.push(asset(&db, owner, n).await);
        }
        (owner, assets)
    });
    let change = (any::<bool>(), prop::collection::vec(0usize..8, 0..5), 1u32..4);
    proptest!(ProptestConfig::with_cases(40), |(changes in prop::collection::vec(change, 1..20))| {
        runtime.block_on(async {
            let id = album(&db, owner, 0).await;
            let mut model: Vec<AssetId> = Vec::new();
            let mut tx = db.write().await.unwrap();
            for (add, which, limit) in changes {
                let chosen: Vec<AssetId> = which.iter().map(|n| assets[*n]).collect();
                if add {
                    tx.album_add(owner, id, &chosen, at(1)).await.unwrap().unwrap();
                    for asset in chosen {
                        if !model.contains(&asset) {
                            model.push(asset);
                        }
                    }
                } else {
                    let removed = tx.album_remove(owner, id, &chosen, at(1)).await.unwrap().unwrap();
                    for (asset, was_there) in chosen.iter().zip(removed) {
                        prop_assert_eq!(was_there, model.contains(asset));
                        model.retain(|kept| kept != asset);
                    }
                }
                let found = tx.album_by_id(owner, id).await.unwrap().unwrap();
                prop_assert_eq!(found.asset_count, model.len() as u64);
                prop_assert_eq!(found.cover.map(|cover| cover.id), model.first().copied());
                let mut seen = Vec::new();
                let mut after = None;
                loop {
                    let page = tx.album_page(id, after, limit).await.unwrap();
                    let Some(last) = page.last() else { break };
                    after = Some(last.cursor());
                    seen.extend(ids(&page));
                }
                prop_assert_eq!(&seen, &model);
            }
            Ok(())
        })?;
    });
}
