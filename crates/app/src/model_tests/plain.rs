//! The model: one owner's library as plain lists, changed in the plainest way there is.

use std::collections::BTreeMap;

use picup_domain::{AccountId, AlbumId, AssetId, CaptureSource, CaptureTime, Timestamp, UploadId};

use super::{Did, Op, size, time};

/// How many contents an owner may have.
pub(super) const CONTENTS: usize = 5;

#[derive(Debug, Clone)]
pub(super) struct Kept {
    pub(super) id: AssetId,
    pub(super) bytes: u64,
    pub(super) capture: CaptureTime,
    pub(super) favourite: bool,
    pub(super) trashed: Option<Timestamp>,
}

#[derive(Debug)]
pub(super) struct Album {
    pub(super) id: AlbumId,
    /// In their order, those in the trash included.
    pub(super) list: Vec<AssetId>,
    pub(super) chosen: Option<AssetId>,
}

#[derive(Debug)]
pub(super) struct Plain {
    pub(super) owner: AccountId,
    pub(super) quota: Option<u64>,
    /// By content: the upload, and whether its bytes have arrived.
    pub(super) uploads: BTreeMap<usize, (UploadId, bool)>,
    pub(super) assets: BTreeMap<usize, Kept>,
    pub(super) albums: Vec<Album>,
    /// The moments at which the trash was to be emptied, which a worker has not done yet.
    pub(super) empties: Vec<Timestamp>,
}

impl Plain {
    pub(super) fn new(owner: AccountId, quota: Option<u64>) -> Self {
        let (uploads, assets) = (BTreeMap::new(), BTreeMap::new());
        Self { owner, quota, uploads, assets, albums: Vec::new(), empties: Vec::new() }
    }

    pub(super) fn used(&self) -> u64 {
        self.assets.values().map(|kept| kept.bytes).sum()
    }

    pub(super) fn reserved(&self) -> u64 {
        self.uploads.keys().map(|content| size(*content)).sum()
    }

    fn fits(&self, content: usize) -> bool {
        self.quota.is_none_or(|quota| self.used() + self.reserved() + size(content) <= quota)
    }

    /// The album that a number means, if there is any.
    pub(super) fn album(&self, number: usize) -> Option<&Album> {
        self.albums.get(number % self.albums.len().max(1))
    }

    pub(super) fn is_shown(&self, asset: AssetId) -> bool {
        self.assets.values().any(|kept| kept.id == asset && kept.trashed.is_none())
    }

    /// What an album shows.
    pub(super) fn shown(&self, album: &Album) -> Vec<AssetId> {
        album.list.iter().copied().filter(|asset| self.is_shown(*asset)).collect()
    }

    /// What of a list is an asset of this owner's.
    fn own(&mut self, which: &[usize]) -> impl Iterator<Item = &mut Kept> {
        self.assets.iter_mut().filter(|(content, _)| which.contains(content)).map(|(_, kept)| kept)
    }

    /// Those of a list that can be added to an album, in their order.
    fn ids(&self, which: &[usize]) -> Vec<AssetId> {
        which.iter().filter_map(|content| self.assets.get(content)).map(|kept| kept.id).collect()
    }

    /// Whether a wish to upload is refused for want of room.
    pub(super) fn is_full(&self, content: usize) -> bool {
        !self.assets.contains_key(&content) && !self.uploads.contains_key(&content) && !self.fits(content)
    }

    /// Does what was asked for, now that it is known which ids came of it.
    pub(super) fn take(&mut self, op: &Op, did: Did, now: Timestamp) {
        match op {
            Op::Reserve(content) => self.reserve(*content, did),
            Op::Send(content) => {
                if let Some((_, sent)) = self.uploads.get_mut(content) {
                    *sent = true;
                }
            }
            Op::Complete(content) => self.complete(*content, did, now),
            Op::Keep(content) => {
                let full = self.is_full(*content);
                self.reserve(*content, did);
                if !full && !self.assets.contains_key(content) {
                    self.uploads.insert(*content, (UploadId::new(now), true));
                    self.complete(*content, did, now);
                }
            }
            Op::Cancel(content) => drop(self.uploads.remove(content)),
            Op::Trash(which) => {
                self.own(which).filter(|kept| kept.trashed.is_none()).for_each(|kept| kept.trashed = Some(now));
            }
            Op::Restore(which) => self.own(which).for_each(|kept| kept.trashed = None),
            Op::Delete(which) => self.erase(|content, kept| which.contains(content) && kept.trashed.is_some()),
            Op::Empty => self.empties.push(now),
            Op::Favour(which, favourite) => {
                let shown = self.own(which).filter(|kept| kept.trashed.is_none());
                shown.for_each(|kept| kept.favourite = *favourite);
            }
            Op::Edit(content, day) => {
                let shown = self.own(std::slice::from_ref(content)).filter(|kept| kept.trashed.is_none());
                shown.for_each(|kept| kept.capture = time(*day, CaptureSource::Edited));
            }
            Op::Quota(quota) => self.quota = *quota,
            of_album => self.arrange(of_album, did),
        }
        self.forget_covers();
    }

    fn reserve(&mut self, content: usize, did: Did) {
        match (self.assets.get_mut(&content), did) {
            // Whoever sends a file again wants to have it.
            (Some(kept), _) => kept.trashed = None,
            (None, Did::Upload(id)) if !self.uploads.contains_key(&content) => {
                self.uploads.insert(content, (id, false));
            }
            _ => {}
        }
    }

    fn complete(&mut self, content: usize, did: Did, now: Timestamp) {
        if let (Some((_, true)), Did::Asset(id)) = (self.uploads.get(&content), did) {
            self.uploads.remove(&content);
            let capture = CaptureTime::from_moment(now, None, CaptureSource::Upload).unwrap();
            let kept = Kept { id, bytes: size(content), capture, favourite: false, trashed: None };
            self.assets.insert(content, kept);
        }
    }

    fn erase(&mut self, gone: impl Fn(&usize, &Kept) -> bool) {
        self.assets.retain(|content, kept| !gone(content, kept));
        let left: Vec<AssetId> = self.assets.values().map(|kept| kept.id).collect();
        for album in &mut self.albums {
            album.list.retain(|asset| left.contains(asset));
        }
    }

    /// What a worker finds to do in the trash.
    pub(super) fn empty(&mut self) {
        for until in std::mem::take(&mut self.empties) {
            self.erase(|_, kept| kept.trashed.is_some_and(|trashed| trashed <= until));
        }
        self.forget_covers();
    }

    /// What a worker learns from an asset's bytes, unless its owner knows better.
    pub(super) fn processed(&mut self, asset: AssetId, found: Option<u8>) {
        if let Some(kept) = self.assets.values_mut().find(|kept| kept.id == asset)
            && let Some(day) = found
            && kept.capture.source != CaptureSource::Edited
        {
            kept.capture = time(day, CaptureSource::Exif);
        }
    }

    /// A chosen cover is chosen as long as its album shows it.
    fn forget_covers(&mut self) {
        let chosen: Vec<Option<AssetId>> =
            self.albums.iter().map(|album| album.chosen.filter(|chosen| self.shown(album).contains(chosen))).collect();
        for (album, chosen) in self.albums.iter_mut().zip(chosen) {
            album.chosen = chosen;
        }
    }

    fn arrange(&mut self, op: &Op, did: Did) {
        if let (Op::Create, Did::Album(id)) = (op, did) {
            self.albums.push(Album { id, list: Vec::new(), chosen: None });
        }
        let (Op::Add(number, _)
        | Op::Remove(number, _)
        | Op::Cover(number, _)
        | Op::Order(number, ..)
        | Op::Drop(number)) = op
        else {
            return;
        };
        if self.albums.is_empty() {
            return;
        }
        let number = number % self.albums.len();
        let (shown, list) = (self.shown(&self.albums[number]), self.albums[number].list.clone());
        match op {
            Op::Add(_, which) => {
                for asset in self.ids(which) {
                    if self.is_shown(asset) && !self.albums[number].list.contains(&asset) {
                        self.albums[number].list.push(asset);
                    }
                }
            }
            Op::Remove(_, which) => {
                let gone = self.ids(which);
                self.albums[number].list.retain(|asset| !gone.contains(asset));
            }
            Op::Cover(_, None) => self.albums[number].chosen = None,
            Op::Cover(_, Some(content)) => {
                if let Some(kept) = self.assets.get(content).filter(|kept| shown.contains(&kept.id)) {
                    self.albums[number].chosen = Some(kept.id);
                }
            }
            Op::Order(_, which, before) => {
                let before = before.map(|content| self.ids(&[content]).first().copied());
                if let Some(list) = reordered(&list, &self.ids(which), before) {
                    self.albums[number].list = list;
                }
            }
            _ => drop(self.albums.remove(number)),
        }
    }
}

/// A list with some of it moved; `None` when that cannot be.
fn reordered(list: &[AssetId], named: &[AssetId], before: Option<Option<AssetId>>) -> Option<Vec<AssetId>> {
    let mut moving: Vec<AssetId> = Vec::new();
    for asset in named {
        if list.contains(asset) && !moving.contains(asset) {
            moving.push(*asset);
        }
    }
    let mut rest: Vec<AssetId> = list.iter().copied().filter(|asset| !moving.contains(asset)).collect();
    let place = match before {
        None => rest.len(),
        // Not among the rest: not in the album, or to move itself.
        Some(before) => rest.iter().position(|asset| Some(*asset) == before)?,
    };
    rest.splice(place..place, moving);
    Some(rest)
}
