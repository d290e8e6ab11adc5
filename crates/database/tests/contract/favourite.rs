use picup_database::{AssetEdit, TimelineAsset};
use picup_domain::{AssetId, CaptureTime};

use crate::fresh::{account, asset, at, fresh};

fn ids(page: &[TimelineAsset]) -> Vec<AssetId> {
    page.iter().map(|asset| asset.id).collect()
}

#[tokio::test]
async fn favourites_are_their_owners_and_not_in_the_trash() {
    let db = fresh().await;
    let (owner, other) = (account(&db, None).await, account(&db, None).await);
    let mut assets = Vec::new();
    for captured in [0, 300, 100, 200] {
        assets.push(asset(&db, owner, captured).await);
    }
    let theirs = asset(&db, other, 50).await;
    let mut tx = db.write().await.unwrap();
    let named = [assets[0], assets[1], theirs, assets[2], assets[0]];
    let moved = tx.asset_favour(owner, &named, true).await.unwrap();
    assert_eq!((moved.done.len(), moved.unchanged.len()), (3, 0), "another's is not there, and twice is once");
    assert!(moved.done.iter().all(|asset| !asset.favourite));
    let again = tx.asset_favour(owner, &assets, true).await.unwrap();
    assert_eq!((again.done.len(), again.done[0].id, again.unchanged.len()), (1, assets[3], 3));
    assert_eq!(tx.favourite_page(other, None, 10).await.unwrap(), []);

    let all = [assets[1], assets[3], assets[2], assets[0]];
    let page = tx.favourite_page(owner, None, 3).await.unwrap();
    assert_eq!(ids(&page), all[..3], "newest first");
    assert!(page.iter().all(|asset| asset.favourite));
    let rest = tx.favourite_page(owner, Some(page[1].cursor()), 10).await.unwrap();
    assert_eq!(ids(&rest), all[2..]);

    // Two at one time are in the order of their ids, the younger first, and a page may end between them.
    let same =
        AssetEdit { capture: Some(CaptureTime::edited("2001-01-01T00:00:00", None).unwrap()), ..AssetEdit::default() };
    tx.asset_edit(owner, assets[1], &same).await.unwrap();
    tx.asset_edit(owner, assets[3], &same).await.unwrap();
    let last = tx.favourite_page(owner, None, 10).await.unwrap();
    assert_eq!(ids(&last), [assets[2], assets[0], assets[1], assets[3]]);
    assert_eq!(ids(&tx.favourite_page(owner, Some(last[2].cursor()), 10).await.unwrap()), [assets[3]]);

    tx.asset_trash(owner, &assets[..1], at(1)).await.unwrap();
    assert_eq!(ids(&tx.favourite_page(owner, None, 10).await.unwrap()), [assets[2], assets[1], assets[3]]);
    let moved = tx.asset_favour(owner, &assets[..1], false).await.unwrap();
    assert_eq!((moved.done.len(), moved.unchanged.len()), (0, 0), "what is in the trash is not there");
    tx.asset_restore(owner, &assets[..1]).await.unwrap();
    assert_eq!(tx.favourite_page(owner, None, 10).await.unwrap().len(), 4, "it comes back as the favourite it was");
    assert_eq!(tx.asset_favour(owner, &assets, false).await.unwrap().done.len(), 4);
    assert_eq!(tx.favourite_page(owner, None, 10).await.unwrap(), []);
}
