//! Lists whose pages are turned while others insert, move to the trash and delete: no row is lost, none comes twice. Each page is
//! held against a plain model, once step by step and once with everybody at work at the same time.

mod list;

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use picup_database::Database;
use picup_domain::{AccountId, AlbumId, AssetId};
use proptest::prelude::*;

use self::list::{Home, LISTS, List, Place, Step};
use crate::fresh::{at, fresh, new_asset, size};

fn step() -> impl Strategy<Value = Step> {
    // Few moments, so that many assets share one.
    let moment = || 0i64..4;
    let which = || 0usize..40;
    prop_oneof![
        4 => (moment(), any::<bool>()).prop_map(|(captured, favourite)| Step::Insert(captured, favourite)),
        2 => (which(), moment()).prop_map(|(which, when)| Step::Trash(which, when)),
        1 => which().prop_map(Step::Restore),
        1 => which().prop_map(Step::Erase),
        1 => (which(), any::<bool>()).prop_map(|(which, favourite)| Step::Favour(which, favourite)),
        3 => which().prop_map(Step::Add),
        1 => which().prop_map(Step::Remove),
    ]
}

#[test]
fn pages_turned_between_changes_are_those_of_a_naive_model() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let database = runtime.block_on(fresh());
    let before = prop::collection::vec(step(), 10..40);
    let between = prop::collection::vec(prop::collection::vec(step(), 0..3), 0..8);
    let cases = (before, between, prop::sample::select(&LISTS[..]), 1u32..5);
    proptest!(ProptestConfig::with_cases(40), |((before, between, list, limit) in cases)| {
        runtime.block_on(async {
            let mut home = Home::new(&database).await;
            for step in &before {
                home.take(&database, step).await;
            }
            let mut stay: BTreeSet<AssetId> =
                home.rows.iter().filter(|(id, row)| list.place(**id, row).is_some()).map(|(id, _)| *id).collect();
            if list == List::Search {
                stay.retain(|id| home.rows[id].favourite);
            }
            let (mut between, mut walked, mut after) = (between.into_iter(), Vec::new(), None);
            loop {
                let page = list.page(&mut database.read().await.unwrap(), &home, after, limit).await;
                prop_assert_eq!(&page, &list.naive(&home.rows, after, limit as usize), "{:?} after {:?}", list, after);
                walked.extend(page.0);
                let Some(next) = page.1 else { break };
                after = Some(next);
                for step in between.next().unwrap_or_default() {
                    if let Some(touched) = home.take(&database, &step).await {
                        stay.remove(&touched);
                    }
                }
            }
            prop_assert!(walked.windows(2).all(|pair| pair[0].0 < pair[1].0), "in order and none twice: {:?}", walked);
            let seen: BTreeSet<AssetId> = walked.into_iter().map(|(_, id)| id).collect();
            prop_assert!(stay.is_subset(&seen), "{:?} lost {:?}", list, stay.difference(&seen));
            Ok(())
        })?;
    });
}

/// Assets that nobody touches while pages are turned, in every list but the trash or in that, between others that come and go.
async fn crowd(database: &Database, home: &mut Home) -> BTreeSet<AssetId> {
    let mut stay = BTreeSet::new();
    for n in 0..30 {
        let id = home.take(database, &Step::Insert(n % 4, true)).await.unwrap();
        let which = home.rows.keys().position(|known| *known == id).unwrap();
        home.take(database, &Step::Add(which)).await;
        if n % 3 == 0 {
            home.take(database, &Step::Trash(which, n % 4)).await;
        }
        stay.insert(id);
    }
    stay
}

/// Inserts, trashes, restores and erases assets of its own until told to stop.
async fn come_and_go(database: &Database, owner: AccountId, album: AlbumId, mark: usize, done: &Progress) {
    let mut own: Vec<AssetId> = Vec::new();
    for turn in mark.. {
        if done.walkers_left.load(Ordering::SeqCst) == 0 {
            return;
        }
        let mut tx = database.write().await.unwrap();
        let mut new = new_asset(owner, i64::try_from(turn % 4).unwrap());
        (new.favourite, new.bytes) = (true, size(0));
        tx.asset_insert(&new).await.unwrap();
        tx.album_add(owner, album, owner, &[new.id], at(1)).await.unwrap();
        own.push(new.id);
        match turn % 3 {
            0 => drop(tx.asset_trash(owner, &own[own.len() / 2..], at(2)).await.unwrap()),
            1 => drop(tx.asset_restore(owner, &own).await.unwrap()),
            _ => drop(tx.asset_erase(owner, &own.split_off(own.len().min(6)), None).await.unwrap()),
        }
        tx.commit().await.unwrap();
        done.commits.fetch_add(1, Ordering::SeqCst);
        tokio::task::yield_now().await;
    }
}

struct Progress {
    commits: AtomicU64,
    walkers_left: AtomicUsize,
}

/// Walks a list until it was changed amid three walks, each time a page in a transaction of its own.
async fn walk(database: &Database, home: &Home, list: List, stay: &BTreeSet<AssetId>, done: &Progress) {
    let expected: BTreeSet<(Place, AssetId)> =
        stay.iter().filter_map(|id| Some((list.place(*id, &home.rows[id])?, *id))).collect();
    let mut changed = 0;
    while changed < 3 {
        let (begun, mut walked, mut after) = (done.commits.load(Ordering::SeqCst), Vec::new(), None);
        loop {
            let page = list.page(&mut database.read().await.unwrap(), home, after, 3).await;
            walked.extend(page.0);
            let Some(next) = page.1 else { break };
            after = Some(next);
            tokio::task::yield_now().await;
        }
        assert!(walked.windows(2).all(|pair| pair[0].0 < pair[1].0), "{list:?}: in order and none twice: {walked:?}");
        let seen: BTreeSet<(Place, AssetId)> = walked.into_iter().collect();
        assert!(expected.is_subset(&seen), "{list:?} lost {:?}", expected.difference(&seen));
        changed += u32::from(done.commits.load(Ordering::SeqCst) > begun + 1);
    }
    done.walkers_left.fetch_sub(1, Ordering::SeqCst);
}

#[tokio::test]
async fn nothing_that_stays_is_lost_or_comes_twice_while_others_come_and_go() {
    let database = fresh().await;
    let mut home = Home::new(&database).await;
    let stay = crowd(&database, &mut home).await;
    let done = Progress { commits: AtomicU64::new(0), walkers_left: AtomicUsize::new(LISTS.len()) };
    let (database, home, stay, done) = (&*database, &home, &stay, &done);
    let walks = LISTS.map(|list| walk(database, home, list, stay, done));
    let [a, b, c, d, e, f] = walks;
    tokio::join!(
        a,
        b,
        c,
        d,
        e,
        f,
        come_and_go(database, home.owner, home.album, 0, done),
        come_and_go(database, home.owner, home.album, 1, done),
    );
}
