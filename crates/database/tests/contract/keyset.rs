//! Lists whose pages are turned while others insert, move to the trash and delete: no row is lost, none comes twice. Each page is
//! held against a plain model, once step by step and once with everybody at work at the same time.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use picup_database::{AlbumCursor, Database, Direction, Read, Search, TimelineCursor, TrashCursor, Walk};
use picup_domain::{AccountId, AlbumId, AssetId};
use proptest::prelude::*;

use crate::album::album;
use crate::fresh::{account, at, fresh, new_asset};

/// A list that has pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum List {
    Older,
    Newer,
    Album,
    Trash,
    Favourites,
    /// Searching for favourites: a page looks at twice as many assets as it shows at most.
    Search,
}

const LISTS: [List; 6] = [List::Older, List::Newer, List::Album, List::Trash, List::Favourites, List::Search];

/// Where an asset stands in a list: lists go from small to large.
type Place = (i64, i128);

/// A page: what it shows in the list's order, and where the next one begins, if there may be one.
type Page = (Vec<(Place, AssetId)>, Option<Place>);

/// What the model knows of an asset.
#[derive(Debug, Clone, Copy)]
struct Row {
    captured: i64,
    trashed_at: Option<i64>,
    favourite: bool,
    position: Option<i64>,
}

#[derive(Debug, Clone)]
enum Step {
    Insert(i64, bool),
    Trash(usize, i64),
    Restore(usize),
    Erase(usize),
    Favour(usize, bool),
    Add(usize),
    Remove(usize),
}

/// An account with one album, and what ought to be in it.
struct Home {
    owner: AccountId,
    album: AlbumId,
    rows: BTreeMap<AssetId, Row>,
}

fn number(id: AssetId) -> i128 {
    // The first bit of the times of births of some ten thousand years is not set.
    i128::from_be_bytes(*id.as_bytes())
}

fn id_of(number: i128) -> AssetId {
    AssetId::from_slice(&number.abs().to_be_bytes()).unwrap()
}

impl List {
    /// Where a row stands in it, if it is in it.
    fn place(self, id: AssetId, row: &Row) -> Option<Place> {
        let shown = row.trashed_at.is_none();
        let captured = at(row.captured).micros();
        match self {
            Self::Older | Self::Search => shown.then_some((-captured, -number(id))),
            Self::Newer => shown.then_some((captured, number(id))),
            Self::Favourites => (shown && row.favourite).then_some((-captured, -number(id))),
            Self::Album => row.position.filter(|_| shown).map(|position| (position, number(id))),
            Self::Trash => row.trashed_at.map(|trashed| (-at(trashed).micros(), -number(id))),
        }
    }

    /// The page by the plainest means: sort everything, skip, take.
    fn naive(self, rows: &BTreeMap<AssetId, Row>, after: Option<Place>, limit: usize) -> Page {
        let mut all: Vec<(Place, AssetId)> =
            rows.iter().filter_map(|(id, row)| Some((self.place(*id, row)?, *id))).collect();
        all.sort_unstable();
        all.retain(|(place, _)| after.is_none_or(|after| *place > after));
        if self != Self::Search {
            all.truncate(limit);
            let next = all.last().map(|last| last.0);
            return (all, next);
        }
        let more = all.len() > 2 * limit;
        all.truncate(2 * limit);
        let end = all.last().map(|last| last.0).filter(|_| more);
        all.retain(|(_, id)| rows[id].favourite);
        let next = if all.len() > limit { Some(all[limit - 1].0) } else { end };
        all.truncate(limit);
        (all, next)
    }

    /// The page that the database gives.
    async fn page(self, read: &mut Read, home: &Home, after: Option<Place>, limit: u32) -> Page {
        let timeline = after.map(|(moment, id)| TimelineCursor {
            captured_local: picup_domain::Timestamp::from_micros(moment.abs()),
            id: id_of(id),
        });
        let (owner, album) = (home.owner, home.album);
        let backwards = |captured: i64, id: AssetId| ((-captured, -number(id)), id);
        let shown: Vec<(Place, AssetId)> = match self {
            Self::Older => {
                let page = read.timeline_page(owner, timeline, Direction::Older, limit).await.unwrap();
                page.iter().map(|it| backwards(it.captured_local.micros(), it.id)).collect()
            }
            Self::Newer => {
                let page = read.timeline_page(owner, timeline, Direction::Newer, limit).await.unwrap();
                page.iter().rev().map(|it| ((it.captured_local.micros(), number(it.id)), it.id)).collect()
            }
            Self::Favourites => {
                let page = read.favourite_page(owner, timeline, limit).await.unwrap();
                page.iter().map(|it| backwards(it.captured_local.micros(), it.id)).collect()
            }
            Self::Album => {
                let after = after.map(|(position, id)| AlbumCursor { position, asset: id_of(id) });
                let page = read.album_page(album, after, limit).await.unwrap();
                page.iter().map(|it| ((it.position, number(it.asset.id)), it.asset.id)).collect()
            }
            Self::Trash => {
                let after = timeline.map(|it| TrashCursor { trashed_at: it.captured_local, id: it.id });
                let page = read.trash_page(owner, after, limit).await.unwrap();
                page.iter().map(|it| backwards(it.trashed_at.micros(), it.asset.id)).collect()
            }
            Self::Search => {
                let (search, walk) =
                    (Search { favourite: Some(true), ..Search::default() }, Walk { inspect: 2 * limit, find: limit });
                let page = read.search_page(owner, &search, timeline, walk).await.unwrap();
                let found = page.found.iter().map(|it| backwards(it.captured_local.micros(), it.id)).collect();
                let reached = page.reached.map(|it| backwards(it.cursor.captured_local.micros(), it.cursor.id).0);
                return (found, reached);
            }
        };
        let next = shown.last().map(|last| last.0);
        (shown, next)
    }
}

impl Home {
    async fn new(database: &Database) -> Self {
        let owner = account(database, None).await;
        Self { owner, album: album(database, owner, 0).await, rows: BTreeMap::new() }
    }

    /// Some asset that there is.
    fn some(&self, which: usize) -> Option<AssetId> {
        self.rows.keys().nth(which % self.rows.len().max(1)).copied()
    }

    /// Does it, in a transaction of its own and in the model, and tells which asset it was done to.
    async fn take(&mut self, database: &Database, step: &Step) -> Option<AssetId> {
        let (owner, album) = (self.owner, self.album);
        let mut tx = database.write().await.unwrap();
        let id = match step {
            Step::Insert(captured, favourite) => {
                let mut new = new_asset(owner, *captured);
                new.favourite = *favourite;
                tx.asset_insert(&new).await.unwrap();
                let row = Row { captured: *captured, trashed_at: None, favourite: *favourite, position: None };
                self.rows.insert(new.id, row);
                new.id
            }
            Step::Trash(which, ..) | Step::Restore(which) | Step::Erase(which) => self.some(*which)?,
            Step::Favour(which, _) | Step::Add(which) | Step::Remove(which) => self.some(*which)?,
        };
        let last = self.rows.values().filter_map(|row| row.position).max().unwrap_or(0);
        let row = self.rows.get_mut(&id)?;
        match step {
            Step::Insert(..) => {}
            Step::Trash(_, when) => {
                tx.asset_trash(owner, &[id], at(*when)).await.unwrap();
                row.trashed_at = row.trashed_at.or(Some(*when));
            }
            Step::Restore(_) => {
                tx.asset_restore(owner, &[id]).await.unwrap();
                row.trashed_at = None;
            }
            Step::Erase(_) => {
                tx.asset_erase(owner, &[id], None).await.unwrap();
                self.rows.remove(&id);
            }
            Step::Favour(_, favourite) => {
                tx.asset_favour(owner, &[id], *favourite).await.unwrap();
                row.favourite = if row.trashed_at.is_none() { *favourite } else { row.favourite };
            }
            Step::Add(_) => {
                tx.album_add(owner, album, &[id], at(1)).await.unwrap().unwrap();
                row.position = row.position.or(Some(last + 1).filter(|_| row.trashed_at.is_none()));
            }
            Step::Remove(_) => {
                tx.album_remove(owner, album, &[id], at(1)).await.unwrap().unwrap();
                row.position = None;
            }
        }
        tx.commit().await.unwrap();
        Some(id)
    }
}

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
    proptest!(ProptestConfig::with_cases(60), |((before, between, list, limit) in cases)| {
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
        new.favourite = true;
        tx.asset_insert(&new).await.unwrap();
        tx.album_add(owner, album, &[new.id], at(1)).await.unwrap();
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
