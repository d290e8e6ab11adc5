//! What owners do, how it is done for real, and what it was seen to do, step by step.

use picup_domain::{AlbumId, AlbumTitle, AssetId, ByteSize, CaptureSource, FileName, UploadId};
use proptest::prelude::*;

use super::plain::Plain;
use super::{FILM, bytes, film, time};
use crate::admin::{self, Changes};
use crate::audit::Actor;
use crate::upload::tests::{send, wish};
use crate::upload::{self, NewStream, NewUpload, Received, Reserved, Told};
use crate::{App, Error, album, edit, favourite, trash};

/// Contents that come in parts, and after them those that come as streams.
const IN_PARTS: usize = 5;
pub(super) const CONTENTS: usize = 7;
/// Beyond an owner's contents, numbers mean those of the next owner, which are not there.
const NAMES: usize = CONTENTS + 2;

/// What an owner does. Numbers are contents, and albums from the oldest on.
#[derive(Debug, Clone)]
pub(super) enum Op {
    Reserve(usize),
    Send(usize),
    Complete(usize),
    Cancel(usize),
    /// All of an upload.
    Keep(usize),
    /// All of several, asked for and completed together.
    KeepMany(Vec<usize>),
    /// A file as one stream; `false` when its sender hangs up half-way.
    Stream(usize, bool),
    /// All of an upload of a live photo's film, one of two.
    Film(usize, bool),
    Trash(Vec<usize>),
    Restore(Vec<usize>),
    Delete(Vec<usize>),
    Empty,
    Favour(Vec<usize>, bool),
    Edit(usize, u8),
    Create,
    Add(usize, Vec<usize>),
    Remove(usize, Vec<usize>),
    Cover(usize, Option<usize>),
    Order(usize, Vec<usize>, Option<usize>),
    Drop(usize),
    Quota(Option<u64>),
}

/// What came of it that only the app can know.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Did {
    Upload(UploadId),
    Asset(AssetId),
    Album(AlbumId),
    Full,
    Done,
    Refused,
}

/// One step that counts at one moment, with its answer.
#[derive(Debug, Clone)]
pub(super) enum Effect {
    Reserve(usize, Did),
    Send(usize, UploadId),
    Complete(usize, UploadId, Did),
    Cancel(usize, UploadId, Did),
    /// A stream has begun, or found no room.
    Stream(usize, Did),
    /// A stream has ended.
    Received(UploadId, Did),
    /// One of two films of that photo was wished for.
    Film(AssetId, bool, Did),
    Attach(AssetId, UploadId, Did),
    /// Whatever changes only what is there already; the album it means.
    Library(Op, AlbumId, Did),
    /// A worker has looked at a file, which tells that day or nothing.
    Processed(AssetId, Option<u8>),
    /// A worker has emptied the trash of what lay there since a moment or longer.
    Emptied(picup_domain::Timestamp),
    /// The reaper came by after more than every life there is.
    Expired,
}

pub(super) fn op() -> impl Strategy<Value = Op> {
    let (one, album) = (|| 0..IN_PARTS, || 0..3usize);
    let some = || prop::collection::vec(0..NAMES, 1..4);
    prop_oneof![
        4 => one().prop_map(Op::Reserve),
        2 => one().prop_map(Op::Send),
        2 => one().prop_map(Op::Complete),
        3 => one().prop_map(Op::Cancel),
        5 => one().prop_map(Op::Keep),
        3 => prop::collection::vec(one(), 2..4).prop_map(Op::KeepMany),
        4 => (IN_PARTS..CONTENTS, prop::bool::weighted(0.7)).prop_map(|(content, ends)| Op::Stream(content, ends)),
        4 => (0..NAMES, any::<bool>()).prop_map(|(content, which)| Op::Film(content, which)),
        3 => some().prop_map(Op::Trash),
        2 => some().prop_map(Op::Restore),
        2 => some().prop_map(Op::Delete),
        1 => Just(Op::Empty),
        2 => (some(), any::<bool>()).prop_map(|(which, favourite)| Op::Favour(which, favourite)),
        2 => (0..NAMES, 1..4u8).prop_map(|(content, day)| Op::Edit(content, day)),
        2 => Just(Op::Create),
        4 => (album(), some()).prop_map(|(album, which)| Op::Add(album, which)),
        1 => (album(), some()).prop_map(|(album, which)| Op::Remove(album, which)),
        2 => (album(), prop::option::of(0..NAMES)).prop_map(|(album, cover)| Op::Cover(album, cover)),
        2 => (album(), some(), prop::option::of(0..NAMES))
            .prop_map(|(album, which, before)| Op::Order(album, which, before)),
        1 => album().prop_map(Op::Drop),
        2 => prop::option::of(0..900u64).prop_map(Op::Quota),
    ]
}

/// One who acts for an owner, with what the owner knew before.
#[derive(Clone)]
pub(super) struct Hand {
    pub(super) app: App,
    pub(super) plain: Plain,
    pub(super) foreign: Vec<AssetId>,
}

impl Hand {
    /// Does it, and tells its steps: each list in its order, the lists in any.
    pub(super) async fn act(&self, op: Op) -> Vec<Vec<Effect>> {
        let owner = self.plain.owner;
        match op {
            Op::Reserve(content) => vec![vec![Effect::Reserve(content, self.reserve(content).await)]],
            Op::Send(content) => vec![self.send(content, self.upload(content)).await.into_iter().collect()],
            Op::Complete(content) => {
                let id = self.upload(content);
                vec![vec![Effect::Complete(content, id, asset(upload::complete(&self.app, owner, id).await))]]
            }
            Op::Cancel(content) => {
                let id = self.upload(content);
                vec![vec![Effect::Cancel(content, id, done(upload::cancel(&self.app, owner, id).await))]]
            }
            Op::Keep(content) => {
                let did = self.reserve(content).await;
                let mut steps = vec![Effect::Reserve(content, did)];
                if let Did::Upload(id) = did {
                    steps.extend(self.send(content, id).await);
                    steps.push(Effect::Complete(content, id, asset(upload::complete(&self.app, owner, id).await)));
                }
                vec![steps]
            }
            Op::KeepMany(contents) => self.keep_many(contents).await,
            Op::Stream(content, ends) => vec![self.stream(content, ends).await],
            Op::Film(content, which) => vec![self.film(content, which).await],
            op => {
                let album = self.album(&op);
                let did = self.change(&op, album).await;
                vec![vec![Effect::Library(op, album, did)]]
            }
        }
    }

    async fn reserve(&self, content: usize) -> Did {
        answer(upload::reserve(&self.app, self.plain.owner, wish(&bytes(self.plain.owner, content))).await)
    }

    /// Whoever comes second may find that it is all done.
    async fn send(&self, content: usize, id: UploadId) -> Option<Effect> {
        let sent = send(&self.app, self.plain.owner, id, &bytes(self.plain.owner, content)).await;
        (done(sent) == Did::Done).then_some(Effect::Send(content, id))
    }

    async fn keep_many(&self, contents: Vec<usize>) -> Vec<Vec<Effect>> {
        let owner = self.plain.owner;
        let wishes = contents.iter().map(|content| wish(&bytes(owner, *content))).collect();
        let dids: Vec<Did> =
            upload::reserve_many(&self.app, owner, wishes).await.unwrap().into_iter().map(answer).collect();
        let mut lists = Vec::new();
        for (content, did) in contents.into_iter().zip(dids) {
            let mut steps = vec![Effect::Reserve(content, did)];
            if let Did::Upload(id) = did {
                steps.extend(self.send(content, id).await);
                steps.push(Effect::Complete(content, id, Did::Refused));
            }
            lists.push(steps);
        }
        let mut asked: Vec<(UploadId, &mut Did)> = Vec::new();
        for step in lists.iter_mut().flatten() {
            if let Effect::Complete(_, id, did) = step {
                asked.push((*id, did));
            }
        }
        let ids: Vec<UploadId> = asked.iter().map(|(id, _)| *id).collect();
        let answers = upload::complete_many(&self.app, owner, &ids).await.unwrap();
        for ((_, did), answer) in asked.into_iter().zip(answers) {
            *did = asset(answer);
        }
        lists
    }

    async fn stream(&self, content: usize, ends: bool) -> Vec<Effect> {
        let (owner, bytes) = (self.plain.owner, bytes(self.plain.owner, content));
        let length = ByteSize::new(bytes.len() as u64).unwrap();
        let new = NewStream { file_name: FileName::new("stream.jpg").unwrap(), bytes: Some(length) };
        let mut receiver = match upload::receive(&self.app, owner, new).await {
            Ok(receiver) => receiver,
            Err(Error::QuotaExceeded { .. }) => return vec![Effect::Stream(content, Did::Full)],
            Err(error) => panic!("{}", error.story()),
        };
        let id = receiver.id();
        let (first, second) = bytes.split_at(bytes.len() / 2);
        receiver.write(first.to_vec().into()).await.unwrap();
        let did = if ends {
            receiver.write(second.to_vec().into()).await.unwrap();
            match receiver.finish(None, Told::default()).await {
                Ok(Received::Created(asset) | Received::Duplicate(asset)) => Did::Asset(asset),
                other => done(other),
            }
        } else {
            drop(receiver);
            Did::Refused
        };
        // What was dropped is given back by itself.
        while did == Did::Refused && self.stands(id).await {
            tokio::task::yield_now().await;
        }
        vec![Effect::Stream(content, Did::Upload(id)), Effect::Received(id, did)]
    }

    async fn stands(&self, id: UploadId) -> bool {
        self.app.database().read_fresh().await.unwrap().upload_by_id(self.plain.owner, id).await.unwrap().is_some()
    }

    async fn film(&self, content: usize, which: bool) -> Vec<Effect> {
        let (owner, photo) = (self.plain.owner, self.asset(content));
        let film = film(owner, content, which);
        assert_eq!(film.len() as u64, FILM);
        let did = answer(upload::reserve(&self.app, owner, NewUpload { motion_of: Some(photo), ..wish(&film) }).await);
        let mut steps = vec![Effect::Film(photo, which, did)];
        if let Did::Upload(id) = did {
            let _ = done(send(&self.app, owner, id, &film).await);
            steps.push(Effect::Attach(photo, id, asset(upload::complete(&self.app, owner, id).await)));
        }
        steps
    }

    async fn change(&self, op: &Op, at: AlbumId) -> Did {
        let (app, owner) = (&self.app, self.plain.owner);
        let all = |which: &[usize]| -> Vec<AssetId> { which.iter().map(|content| self.asset(*content)).collect() };
        let one = |content: &Option<usize>| content.map(|content| self.asset(content));
        match op {
            Op::Trash(which) => done(trash::put(app, owner, &all(which)).await),
            Op::Restore(which) => done(trash::restore(app, owner, &all(which)).await),
            Op::Delete(which) => done(trash::delete(app, owner, &all(which)).await),
            Op::Empty => done(trash::empty(app, owner).await),
            Op::Favour(which, favourite) => done(favourite::set(app, owner, &all(which), *favourite).await),
            Op::Edit(content, day) => {
                let capture = Some(time(*day, CaptureSource::Edited));
                let edit = edit::Edit { capture, ..edit::Edit::default() };
                done(edit::edit(app, owner, self.asset(*content), &edit).await)
            }
            Op::Create => {
                Did::Album(album::create(app, owner, AlbumTitle::new("Holiday").unwrap()).await.unwrap().row.id)
            }
            Op::Add(_, which) => done(album::add(app, owner, at, &all(which)).await),
            Op::Remove(_, which) => done(album::remove(app, owner, at, &all(which)).await),
            Op::Cover(_, cover) => {
                let change = album::Change { cover: Some(one(cover)), ..album::Change::default() };
                done(album::change(app, owner, at, &change).await)
            }
            Op::Order(_, which, before) => done(album::order(app, owner, at, &all(which), one(before)).await),
            Op::Drop(_) => done(album::delete(app, owner, at).await),
            Op::Quota(quota) => {
                let quota = Some(quota.map(|quota| ByteSize::new(quota).unwrap()));
                done(admin::update(app, Actor::Operator, owner, Changes { quota, ..Changes::default() }).await)
            }
            of_upload => unreachable!("{of_upload:?}"),
        }
    }

    /// The asset that a number means, or an id that nobody has.
    fn asset(&self, content: usize) -> AssetId {
        let found = match content.checked_sub(CONTENTS) {
            None => self.plain.assets.get(&content).map(|kept| kept.id),
            Some(theirs) => self.foreign.get(theirs).copied(),
        };
        found.unwrap_or_else(|| AssetId::new(self.app.now()))
    }

    fn upload(&self, content: usize) -> UploadId {
        self.plain.uploads.get(&content).map_or_else(|| UploadId::new(self.app.now()), |upload| upload.0)
    }

    fn album(&self, op: &Op) -> AlbumId {
        let number = match op {
            Op::Add(number, _)
            | Op::Remove(number, _)
            | Op::Cover(number, _)
            | Op::Order(number, ..)
            | Op::Drop(number) => *number,
            _ => 0,
        };
        let albums = &self.plain.albums;
        albums.get(number % albums.len().max(1)).map_or_else(|| AlbumId::new(self.app.now()), |album| album.id)
    }
}

/// An answer, or a refusal of what a caller may well ask for; a failure of PicUp's own is neither.
fn done<T>(result: Result<T, Error>) -> Did {
    match result {
        Ok(_) => Did::Done,
        Err(Error::NotFound(_) | Error::Invalid(_) | Error::Conflict(_) | Error::PartsMissing(_) | Error::Busy(_)) => {
            Did::Refused
        }
        Err(error) => panic!("{}", error.story()),
    }
}

fn answer(result: Result<Reserved, Error>) -> Did {
    match result {
        Ok(Reserved::Upload(upload)) => Did::Upload(upload.id),
        Ok(Reserved::Duplicate(asset)) => Did::Asset(asset),
        Err(Error::QuotaExceeded { .. }) => Did::Full,
        other => done(other),
    }
}

fn asset(result: Result<AssetId, Error>) -> Did {
    match result {
        Ok(asset) => Did::Asset(asset),
        other => done(other),
    }
}
