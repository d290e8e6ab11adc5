//! What anybody can see of an owner's library, really and by the model; and every state that some order leads to.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use picup_domain::{AccountId, AlbumId, AssetId, LocalDay, Timestamp};

use super::ops::Effect;
use super::plain::{Kept, Plain};
use crate::timeline::{Page, Window};
use crate::{App, account, album, favourite, timeline, trash, usage};

/// Every figure and every list.
#[derive(Debug, PartialEq)]
pub(super) struct Seen {
    quota: Option<u64>,
    used: u64,
    reserved: u64,
    open_uploads: u64,
    days: BTreeMap<LocalDay, u64>,
    timeline: Vec<AssetId>,
    favourites: Vec<AssetId>,
    trash: Vec<AssetId>,
    /// By id: the count, the cover, and what is shown in its order.
    albums: BTreeMap<AlbumId, (u64, Option<AssetId>, Vec<AssetId>)>,
}

/// What is to be seen of an owner now. What its rows add up to must be what stands.
pub(super) async fn see(app: &App, owner: AccountId) -> Seen {
    assert_eq!(usage::verify(app, owner).await.unwrap(), [], "figures that do not add up");
    let ids = |page: Page| -> Vec<AssetId> { page.assets.into_iter().map(|asset| asset.id).collect() };
    let quota = account::fetch(app, owner).await.unwrap().quota;
    let stands = app.database().read_fresh().await.unwrap().usage_stands(owner).await.unwrap().unwrap();
    let days = timeline::days(app, owner).await.unwrap();
    let mut albums = BTreeMap::new();
    for found in album::list(app, owner, None, 50).await.unwrap().albums {
        let shown = ids(album::assets(app, owner, found.row.id, None, 50).await.unwrap().page);
        albums.insert(found.row.id, (found.row.asset_count, found.row.cover.map(|cover| cover.id), shown));
    }
    Seen {
        quota: quota.limit.map(|limit| limit.get()),
        used: quota.used.get(),
        reserved: quota.reserved.get(),
        open_uploads: stands.open_uploads,
        days: days.into_iter().map(|day| (day.day, day.assets)).collect(),
        timeline: ids(timeline::assets(app, owner, Window::default(), None, 50).await.unwrap()),
        favourites: ids(favourite::list(app, owner, None, 50).await.unwrap()),
        trash: ids(trash::list(app, owner, None, 50).await.unwrap().page),
        albums,
    }
}

impl Plain {
    /// The same by the model.
    pub(super) fn seen(&self) -> Seen {
        let shown = || self.assets.values().filter(|kept| kept.trashed.is_none());
        let mut days: BTreeMap<LocalDay, u64> = BTreeMap::new();
        for kept in shown() {
            *days.entry(kept.capture.day()).or_default() += 1;
        }
        let list = |place: &dyn Fn(&Kept) -> Option<Timestamp>| -> Vec<AssetId> {
            let mut list: Vec<_> =
                self.assets.values().filter_map(|kept| Some(Reverse((place(kept)?, kept.id)))).collect();
            list.sort_unstable();
            list.into_iter().map(|Reverse((_, id))| id).collect()
        };
        let taken = |kept: &Kept| kept.trashed.is_none().then_some(kept.capture.local);
        let albums = self.albums.iter().map(|album| {
            let shown = self.shown(album);
            (album.id, (shown.len() as u64, album.chosen.or(shown.first().copied()), shown))
        });
        Seen {
            quota: self.quota,
            used: self.used(),
            reserved: self.reserved(),
            open_uploads: self.open_uploads() as u64,
            days,
            timeline: list(&taken),
            favourites: list(&|kept| taken(kept).filter(|_| kept.favourite)),
            trash: list(&|kept| kept.trashed),
            albums: albums.collect(),
        }
    }
}

/// Every state that some order of the steps leads to: those of each list in their order, the lists in any.
pub(super) fn orders(from: &[Plain], lists: &[Vec<Effect>], now: Timestamp) -> Vec<Plain> {
    let all: Vec<usize> = lists.iter().map(Vec::len).collect();
    // By how much of each list is done. What comes of one is greater than it, so all that leads to the first is known.
    let mut reached = BTreeMap::from([(vec![0; lists.len()], from.to_vec())]);
    while let Some((done, plains)) = reached.pop_first() {
        if done == all {
            return plains;
        }
        for (list, steps) in lists.iter().enumerate() {
            let Some(step) = steps.get(done[list]) else { continue };
            let mut next = done.clone();
            next[list] += 1;
            let there: &mut Vec<Plain> = reached.entry(next).or_default();
            for plain in &plains {
                let mut plain = plain.clone();
                if plain.take(step, now) && !there.contains(&plain) {
                    there.push(plain);
                }
            }
        }
    }
    Vec::new()
}
