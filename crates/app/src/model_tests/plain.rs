//! The model: one owner's library as plain lists, changed in the plainest way there is.

use std::collections::BTreeMap;

use picup_domain::{AccountId, AlbumId, AssetId, CaptureSource, CaptureTime, Timestamp, UploadId};

use super::ops::{Did, Effect, Op};
use super::{FILM, size, time};

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Kept {
    pub(super) id: AssetId,
    /// With those of its film.
    pub(super) bytes: u64,
    /// Which of the two.
    pub(super) film: Option<bool>,
    pub(super) capture: CaptureTime,
    pub(super) favourite: bool,
    pub(super) trashed: Option<Timestamp>,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Album {
    pub(super) id: AlbumId,
    /// In their order, those in the trash included.
    pub(super) list: Vec<AssetId>,
    pub(super) chosen: Option<AssetId>,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Plain {
    pub(super) owner: AccountId,
    pub(super) quota: Option<u64>,
    /// By content: the upload, and whether its bytes have arrived.
    pub(super) uploads: BTreeMap<usize, (UploadId, bool)>,
    /// The contents that come as streams.
    pub(super) streams: BTreeMap<UploadId, usize>,
    /// The photos whose films are on their way, and which.
    pub(super) films: BTreeMap<UploadId, (AssetId, bool)>,
    pub(super) assets: BTreeMap<usize, Kept>,
    pub(super) albums: Vec<Album>,
}

impl Plain {
    pub(super) fn new(owner: AccountId, quota: Option<u64>) -> Self {
        Self {
            owner,
            quota,
            uploads: BTreeMap::new(),
            streams: BTreeMap::new(),
            films: BTreeMap::new(),
            assets: BTreeMap::new(),
            albums: Vec::new(),
        }
    }

    pub(super) fn used(&self) -> u64 {
        self.assets.values().map(|kept| kept.bytes).sum()
    }

    pub(super) fn reserved(&self) -> u64 {
        let contents = self.uploads.keys().chain(self.streams.values());
        contents.map(|content| size(*content)).sum::<u64>() + FILM * self.films.len() as u64
    }

    pub(super) fn open_uploads(&self) -> usize {
        self.uploads.len() + self.streams.len() + self.films.len()
    }

    fn fits(&self, bytes: u64) -> bool {
        self.quota.is_none_or(|quota| self.used() + self.reserved() + bytes <= quota)
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

    fn by_id(&mut self, asset: AssetId) -> Option<&mut Kept> {
        self.assets.values_mut().find(|kept| kept.id == asset)
    }

    /// Those of a list that can be added to an album, in their order.
    fn ids(&self, which: &[usize]) -> Vec<AssetId> {
        which.iter().filter_map(|content| self.assets.get(content)).map(|kept| kept.id).collect()
    }

    /// Does one step; `false` when its answer cannot be right in this state.
    pub(super) fn take(&mut self, effect: &Effect, now: Timestamp) -> bool {
        let right = match effect {
            Effect::Reserve(content, did) => self.reserve(*content, *did),
            Effect::Send(content, id) => {
                if let Some((_, sent)) = self.uploads.get_mut(content).filter(|upload| upload.0 == *id) {
                    *sent = true;
                }
                true
            }
            Effect::Complete(content, id, did) => self.complete(*content, *id, *did, now),
            Effect::Cancel(content, id, did) => {
                let open = self.uploads.get(content).is_some_and(|upload| upload.0 == *id);
                if open {
                    self.uploads.remove(content);
                }
                open == (*did == Did::Done)
            }
            Effect::Stream(content, Did::Upload(id)) => {
                self.fits(size(*content)) && self.streams.insert(*id, *content).is_none()
            }
            Effect::Stream(content, _) => !self.fits(size(*content)),
            Effect::Received(id, did) => self.received(*id, *did, now),
            Effect::Film(photo, which, did) => self.film(*photo, *which, *did),
            Effect::Attach(photo, id, did) => self.attach(*photo, *id, *did),
            Effect::Library(op, album, did) => self.change(op, *album, *did, now),
            Effect::Processed(asset, found) => {
                if let (Some(kept), Some(day)) = (self.by_id(*asset), found)
                    && kept.capture.source != CaptureSource::Edited
                {
                    kept.capture = time(*day, CaptureSource::Exif);
                }
                true
            }
            Effect::Emptied(until) => {
                self.erase(|_, kept| kept.trashed.is_some_and(|trashed| trashed <= *until));
                true
            }
            Effect::Expired => {
                self.uploads.clear();
                self.films.clear();
                self.erase(|_, kept| kept.trashed.is_some());
                true
            }
        };
        self.forget_covers();
        right
    }

    fn reserve(&mut self, content: usize, did: Did) -> bool {
        let upload = self.uploads.get(&content).map(|upload| upload.0);
        let room = self.fits(size(content));
        match (self.assets.get_mut(&content), upload, did) {
            (Some(kept), _, Did::Asset(id)) => {
                // Whoever sends a file again wants to have it.
                kept.trashed = None;
                kept.id == id
            }
            (None, Some(known), Did::Upload(id)) => known == id,
            (None, None, Did::Upload(id)) => room && self.uploads.insert(content, (id, false)).is_none(),
            (None, None, Did::Full) => !room,
            // Others were quicker too often, and it is asked to come back.
            (_, _, did) => did == Did::Refused,
        }
    }

    fn complete(&mut self, content: usize, id: UploadId, did: Did, now: Timestamp) -> bool {
        match (self.uploads.get(&content).filter(|upload| upload.0 == id), did) {
            (Some((_, true)), Did::Asset(asset)) => {
                self.uploads.remove(&content);
                self.keep(content, asset, now);
                true
            }
            (Some((_, sent)), did) => !sent && did == Did::Refused,
            // It is completed already, or was given up.
            (None, did) => matches!(did, Did::Asset(_) | Did::Refused),
        }
    }

    fn keep(&mut self, content: usize, id: AssetId, now: Timestamp) {
        let capture = CaptureTime::from_moment(now, None, CaptureSource::Upload).unwrap();
        let kept = Kept { id, bytes: size(content), film: None, capture, favourite: false, trashed: None };
        self.assets.insert(content, kept);
    }

    fn received(&mut self, id: UploadId, did: Did, now: Timestamp) -> bool {
        let Some(content) = self.streams.remove(&id) else { return false };
        match (self.assets.get_mut(&content), did) {
            (_, Did::Refused) => true,
            (Some(kept), Did::Asset(asset)) => {
                kept.trashed = None;
                kept.id == asset
            }
            (None, Did::Asset(asset)) => {
                self.keep(content, asset, now);
                true
            }
            _ => false,
        }
    }

    fn film(&mut self, photo: AssetId, which: bool, did: Did) -> bool {
        let on_its_way = self.films.iter().find(|(_, (of, _))| *of == photo).map(|(id, (_, which))| (*id, *which));
        let room = self.fits(FILM);
        let kept = self.by_id(photo).filter(|kept| kept.trashed.is_none());
        match (kept.map(|kept| kept.film), on_its_way, did) {
            (Some(Some(film)), _, Did::Asset(asset)) => asset == photo && film == which,
            (Some(None), Some(known), Did::Upload(id)) => known == (id, which),
            (Some(None), None, Did::Upload(id)) => room && self.films.insert(id, (photo, which)).is_none(),
            (Some(None), None, Did::Full) => !room,
            // A photo takes one film. What is refused for two reasons may be told either.
            (Some(Some(film)), _, Did::Full) => !room && film != which,
            (Some(None), Some((_, film)), Did::Full) => !room && film != which,
            (_, _, did) => did == Did::Refused,
        }
    }

    fn attach(&mut self, photo: AssetId, id: UploadId, did: Did) -> bool {
        let on_its_way = self.films.remove(&id);
        match (self.by_id(photo), on_its_way, did) {
            (Some(kept), Some((_, which)), Did::Asset(_)) => {
                kept.bytes += FILM;
                kept.film.replace(which).is_none()
            }
            // Its photo has gone, and it is let go.
            (None, _, Did::Refused) => true,
            (_, on_its_way, did) => on_its_way.is_none() && matches!(did, Did::Asset(_) | Did::Refused),
        }
    }

    /// What changes nothing but what is there.
    fn change(&mut self, op: &Op, album: AlbumId, did: Did, now: Timestamp) -> bool {
        match op {
            Op::Trash(which) => {
                self.own(which).filter(|kept| kept.trashed.is_none()).for_each(|kept| kept.trashed = Some(now));
            }
            Op::Restore(which) => self.own(which).for_each(|kept| kept.trashed = None),
            Op::Delete(which) => self.erase(|content, kept| which.contains(content) && kept.trashed.is_some()),
            Op::Favour(which, favourite) => {
                let shown = self.own(which).filter(|kept| kept.trashed.is_none());
                shown.for_each(|kept| kept.favourite = *favourite);
            }
            Op::Edit(content, day) => {
                let shown = self.own(std::slice::from_ref(content)).filter(|kept| kept.trashed.is_none());
                shown.for_each(|kept| kept.capture = time(*day, CaptureSource::Edited));
            }
            Op::Quota(quota) => self.quota = *quota,
            // A worker does it.
            Op::Empty => {}
            of_album => return self.arrange(of_album, album, did),
        }
        true
    }

    fn erase(&mut self, gone: impl Fn(&usize, &Kept) -> bool) {
        self.assets.retain(|content, kept| !gone(content, kept));
        let left: Vec<AssetId> = self.assets.values().map(|kept| kept.id).collect();
        for album in &mut self.albums {
            album.list.retain(|asset| left.contains(asset));
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

    fn arrange(&mut self, op: &Op, at: AlbumId, did: Did) -> bool {
        if let (Op::Create, Did::Album(id)) = (op, did) {
            self.albums.push(Album { id, list: Vec::new(), chosen: None });
        }
        let Some(number) = self.albums.iter().position(|album| album.id == at) else { return did != Did::Done };
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
            Op::Drop(_) => drop(self.albums.remove(number)),
            _ => {}
        }
        true
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
