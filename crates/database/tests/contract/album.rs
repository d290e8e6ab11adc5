use picup_database::{AddOutcome, AlbumAsset, Database, NewAlbum, Ordered, Write};
use picup_domain::{AccountId, AlbumId, AlbumTitle, AssetId};
use proptest::prelude::*;

use crate::fresh::{account, asset, at, fresh};

fn title(text: &str) -> AlbumTitle {
    AlbumTitle::new(text).unwrap()
}

pub(crate) async fn album(db: &Database, owner: AccountId, made: i64) -> AlbumId {
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
    let outcomes = tx.album_add(owner, id, owner, &[b, theirs, a, b], at(5)).await.unwrap().unwrap();
    use AddOutcome::{Added, AlreadyThere, NotYours};
    assert_eq!(outcomes, [Added, NotYours, Added, AlreadyThere]);
    assert_eq!(tx.album_add(other, id, other, &[theirs], at(5)).await.unwrap(), None);
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
    tx.album_add(owner, id, owner, &[kept], at(1)).await.unwrap();
    assert!(tx.album_delete(owner, id).await.unwrap());
    assert!(tx.asset_by_id(owner, kept).await.unwrap().is_some());
    assert!(tx.album_page(id, None, 10).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_cover_stays_as_long_as_it_is_shown() {
    let db = fresh().await;
    let (owner, other) = (account(&db, None).await, account(&db, None).await);
    let id = album(&db, owner, 0).await;
    let (a, b, outside) = (asset(&db, owner, 0).await, asset(&db, owner, 1).await, asset(&db, owner, 2).await);
    let mut tx = db.write().await.unwrap();
    tx.album_add(owner, id, owner, &[a, b], at(1)).await.unwrap();
    assert_eq!(tx.album_set_cover(owner, id, Some(outside), at(2)).await.unwrap(), Some(false));
    assert_eq!(tx.album_set_cover(other, id, Some(a), at(2)).await.unwrap(), None);
    assert_eq!(cover(&mut tx, owner, id).await, Some(a));
    assert_eq!(tx.album_set_cover(owner, id, Some(b), at(2)).await.unwrap(), Some(true));
    tx.album_order(owner, id, &[a], None, at(3)).await.unwrap();
    tx.album_add(owner, id, owner, &[outside], at(3)).await.unwrap();
    tx.album_remove(owner, id, &[outside], at(3)).await.unwrap();
    assert_eq!(cover(&mut tx, owner, id).await, Some(b), "whatever else changes");
    tx.asset_trash(owner, &[b], at(4)).await.unwrap();
    assert_eq!(cover(&mut tx, owner, id).await, Some(a));
    assert_eq!(tx.album_set_cover(owner, id, Some(b), at(4)).await.unwrap(), Some(false), "it lies in the trash");
    tx.asset_restore(owner, &[b]).await.unwrap();
    tx.album_order(owner, id, &[a], Some(b), at(5)).await.unwrap();
    assert_eq!(cover(&mut tx, owner, id).await, Some(a), "back from the trash it is not chosen any more");
    tx.album_set_cover(owner, id, Some(b), at(6)).await.unwrap();
    assert_eq!(tx.album_set_cover(owner, id, None, at(6)).await.unwrap(), Some(true));
    assert_eq!(cover(&mut tx, owner, id).await, Some(a), "the first");
    tx.album_set_cover(owner, id, Some(b), at(7)).await.unwrap();
    tx.album_remove(owner, id, &[b], at(8)).await.unwrap();
    assert_eq!(cover(&mut tx, owner, id).await, Some(a));
}

async fn cover(tx: &mut Write, owner: AccountId, id: AlbumId) -> Option<AssetId> {
    tx.album_by_id(owner, id).await.unwrap().unwrap().cover.map(|cover| cover.id)
}

#[tokio::test]
async fn assets_move_before_another_or_to_the_end() {
    let db = fresh().await;
    let (owner, other) = (account(&db, None).await, account(&db, None).await);
    let id = album(&db, owner, 0).await;
    let mut all = Vec::new();
    for n in 0..5 {
        all.push(asset(&db, owner, n).await);
    }
    let [a, b, c, d, outside] = all[..] else { unreachable!() };
    let mut tx = db.write().await.unwrap();
    tx.album_add(owner, id, owner, &[a, b, c, d], at(1)).await.unwrap();
    let moved = |moved: &[bool]| Ordered::Moved(moved.to_vec());
    let order = tx.album_order(owner, id, &[d, outside, a], Some(c), at(2)).await.unwrap();
    assert_eq!(order, moved(&[true, false, true]));
    assert_eq!(ids(&tx.album_page(id, None, 10).await.unwrap()), [b, d, a, c]);
    assert_eq!(cover(&mut tx, owner, id).await, Some(b));
    assert_eq!(tx.album_order(owner, id, &[b], None, at(3)).await.unwrap(), moved(&[true]));
    assert_eq!(ids(&tx.album_page(id, None, 10).await.unwrap()), [d, a, c, b]);
    assert_eq!(cover(&mut tx, owner, id).await, Some(d));
    assert_eq!(tx.album_order(owner, id, &[b], Some(outside), at(3)).await.unwrap(), Ordered::NoSuchPlace);
    assert_eq!(tx.album_order(other, id, &[b], Some(a), at(3)).await.unwrap(), Ordered::NoAlbum);
    assert_eq!(ids(&tx.album_page(id, None, 10).await.unwrap()), [d, a, c, b]);
}

/// One change of an album in the test below.
#[derive(Debug, Clone)]
enum Step {
    Add(Vec<usize>),
    Remove(Vec<usize>),
    Order(Vec<usize>, Option<usize>),
    Cover(Option<usize>),
    Trash(usize),
    Restore(usize),
}

fn step() -> impl Strategy<Value = Step> {
    let some = || prop::collection::vec(0usize..8, 0..5);
    prop_oneof![
        3 => some().prop_map(Step::Add),
        1 => some().prop_map(Step::Remove),
        3 => (some(), prop::option::of(0usize..8)).prop_map(|(which, before)| Step::Order(which, before)),
        1 => prop::option::of(0usize..8).prop_map(Step::Cover),
        1 => (0usize..8).prop_map(Step::Trash),
        1 => (0usize..8).prop_map(Step::Restore),
    ]
}

/// An album as a plain list.
#[derive(Default)]
struct Plain {
    list: Vec<AssetId>,
    trash: Vec<AssetId>,
    chosen: Option<AssetId>,
}

impl Plain {
    fn shown(&self) -> Vec<AssetId> {
        self.list.iter().filter(|asset| !self.trash.contains(asset)).copied().collect()
    }

    fn cover(&mut self) -> Option<AssetId> {
        let shown = self.shown();
        self.chosen = self.chosen.filter(|chosen| shown.contains(chosen));
        self.chosen.or(shown.first().copied())
    }

    async fn take(&mut self, tx: &mut Write, owner: AccountId, id: AlbumId, assets: &[AssetId], step: Step) {
        let named = |which: &[usize]| -> Vec<AssetId> { which.iter().map(|n| assets[*n]).collect() };
        match step {
            Step::Add(which) => {
                tx.album_add(owner, id, owner, &named(&which), at(1)).await.unwrap().unwrap();
                for asset in named(&which) {
                    if !self.list.contains(&asset) && !self.trash.contains(&asset) {
                        self.list.push(asset);
                    }
                }
            }
            Step::Remove(which) => {
                let removed = tx.album_remove(owner, id, &named(&which), at(1)).await.unwrap().unwrap();
                for (asset, was_there) in named(&which).iter().zip(removed) {
                    assert_eq!(was_there, self.list.contains(asset));
                    self.list.retain(|kept| kept != asset);
                }
            }
            Step::Order(mut which, before) => {
                which.sort_unstable();
                which.dedup();
                which.retain(|n| Some(*n) != before);
                let (which, before) = (named(&which), before.map(|n| assets[n]));
                let ordered = tx.album_order(owner, id, &which, before, at(1)).await.unwrap();
                if before.is_some_and(|before| !self.list.contains(&before)) {
                    assert_eq!(ordered, Ordered::NoSuchPlace);
                    return;
                }
                let moving: Vec<AssetId> = which.iter().filter(|asset| self.list.contains(asset)).copied().collect();
                assert_eq!(ordered, Ordered::Moved(which.iter().map(|asset| moving.contains(asset)).collect()));
                self.list.retain(|asset| !moving.contains(asset));
                let place = before.and_then(|before| self.list.iter().position(|asset| *asset == before));
                let place = place.unwrap_or(self.list.len());
                self.list.splice(place..place, moving);
            }
            Step::Cover(which) => {
                let chosen = which.map(|n| assets[n]);
                let shown = chosen.is_none_or(|chosen| self.shown().contains(&chosen));
                assert_eq!(tx.album_set_cover(owner, id, chosen, at(1)).await.unwrap(), Some(shown));
                if shown {
                    self.chosen = chosen;
                }
            }
            Step::Trash(n) => {
                tx.asset_trash(owner, &[assets[n]], at(1)).await.unwrap();
                self.trash.push(assets[n]);
            }
            Step::Restore(n) => {
                tx.asset_restore(owner, &[assets[n]]).await.unwrap();
                self.trash.retain(|asset| *asset != assets[n]);
            }
        }
    }
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
    let steps = prop::collection::vec((step(), 1u32..4), 1..20);
    proptest!(ProptestConfig::with_cases(60), |(steps in steps)| {
        runtime.block_on(async {
            let id = album(&db, owner, 0).await;
            let mut model = Plain::default();
            // Never committed: every case begins with everything out of the trash.
            let mut tx = db.write().await.unwrap();
            for (step, limit) in steps {
                model.take(&mut tx, owner, id, &assets, step).await;
                let found = tx.album_by_id(owner, id).await.unwrap().unwrap();
                prop_assert_eq!(found.asset_count, model.shown().len() as u64);
                prop_assert_eq!(found.cover.map(|cover| cover.id), model.cover());
                let mut seen = Vec::new();
                let mut after = None;
                loop {
                    let page = tx.album_page(id, after, limit).await.unwrap();
                    let Some(last) = page.last() else { break };
                    after = Some(last.cursor());
                    seen.extend(ids(&page));
                }
                prop_assert_eq!(seen, model.shown());
            }
            Ok(())
        })?;
    });
}
