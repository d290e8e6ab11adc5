//! The lists that have pages, and what ought to be in them.

use std::collections::BTreeMap;

use picup_database::{AlbumCursor, Database, Direction, Read, Search, TimelineCursor, TrashCursor, Walk};
use picup_domain::{AccountId, AlbumId, AssetId, Timestamp};

use crate::album::album;
use crate::fresh::{account, at, new_asset, size};

/// A list that has pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum List {
    Older,
    Newer,
    Album,
    Trash,
    Favourites,
    /// Searching for favourites: a page looks at twice as many assets as it shows at most.
    Search,
}

pub(super) const LISTS: [List; 6] =
    [List::Older, List::Newer, List::Album, List::Trash, List::Favourites, List::Search];

/// Where an asset stands in a list: lists go from small to large.
pub(super) type Place = (i64, i128);

/// A page: what it shows in the list's order, and where the next one begins, if there may be one.
pub(super) type Page = (Vec<(Place, AssetId)>, Option<Place>);

/// What the model knows of an asset.
#[derive(Debug, Clone, Copy)]
pub(super) struct Row {
    pub(super) captured: i64,
    pub(super) trashed_at: Option<i64>,
    pub(super) favourite: bool,
    pub(super) position: Option<i64>,
}

#[derive(Debug, Clone)]
pub(super) enum Step {
    Insert(i64, bool),
    Trash(usize, i64),
    Restore(usize),
    Erase(usize),
    Favour(usize, bool),
    Add(usize),
    Remove(usize),
}

/// An account with one album, and what ought to be in it.
pub(super) struct Home {
    pub(super) owner: AccountId,
    pub(super) album: AlbumId,
    pub(super) rows: BTreeMap<AssetId, Row>,
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
    pub(super) fn place(self, id: AssetId, row: &Row) -> Option<Place> {
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
    pub(super) fn naive(self, rows: &BTreeMap<AssetId, Row>, after: Option<Place>, limit: usize) -> Page {
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
    pub(super) async fn page(self, read: &mut Read, home: &Home, after: Option<Place>, limit: u32) -> Page {
        let timeline = after
            .map(|(moment, id)| TimelineCursor { captured_local: Timestamp::from_micros(moment.abs()), id: id_of(id) });
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
    pub(super) async fn new(database: &Database) -> Self {
        let owner = account(database, None).await;
        Self { owner, album: album(database, owner, 0).await, rows: BTreeMap::new() }
    }

    /// Some asset that there is.
    fn some(&self, which: usize) -> Option<AssetId> {
        self.rows.keys().nth(which % self.rows.len().max(1)).copied()
    }

    /// Does it, in a transaction of its own and in the model, and tells which asset it was done to.
    pub(super) async fn take(&mut self, database: &Database, step: &Step) -> Option<AssetId> {
        let (owner, album) = (self.owner, self.album);
        let mut tx = database.write().await.unwrap();
        let id = match step {
            Step::Insert(captured, favourite) => {
                let mut new = new_asset(owner, *captured);
                new.favourite = *favourite;
                // Of no bytes, so that no quota has to be reserved for it.
                new.bytes = size(0);
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
                tx.album_add(owner, album, owner, &[id], at(1)).await.unwrap().unwrap();
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
