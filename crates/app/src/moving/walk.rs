//! All objects in the order of their keys, a page at a time, beside the list of what stands in a store.

use std::iter::zip;

use futures_util::stream::{self, BoxStream, Peekable};
use futures_util::{StreamExt, TryStreamExt};
use picup_database::{Object, ObjectState};
use picup_domain::ObjectKey;
use picup_storage::{Error as Storage, Sides, Storage as Store};

use super::object::{Done, Found, bring};
use super::{Known, Progress};
use crate::{App, Error};

/// How many rows are read at once.
const PAGE: u32 = 500;
/// How many objects are on their way at once.
const AT_ONCE: usize = 8;
/// How many of those that are not well are named.
const NAMED: usize = 20;

/// Brings everything to the new place that is not there. `false` when it was told to stop.
pub(super) async fn everything(
    app: &App,
    sides: &Sides,
    known: &Known,
    progress: &mut Progress,
    tell: &mut impl FnMut(&Progress) -> bool,
) -> Result<bool, Error> {
    let (mut listed, mut after) = (Listed::of(&sides.to), String::new());
    loop {
        let page = app.database().read_fresh().await?.object_page(&after, PAGE).await?;
        let Some(last) = page.last() else { return Ok(true) };
        after = last.key.to_string();
        let mut found = Vec::with_capacity(page.len());
        for object in &page {
            found.push(look(&mut listed, object, known, progress).await?);
        }
        progress.looked_at += found.iter().filter(|found| found.is_none()).count() as u64;
        let work = zip(&page, found).filter_map(|(object, found)| Some((object, found?)));
        let work = work.map(|(object, found)| async move {
            let done = bring(app, sides, object, found).await?;
            Ok::<_, Error>((&object.key, done))
        });
        let mut work = stream::iter(work.collect::<Vec<_>>()).buffer_unordered(AT_ONCE);
        while let Some((key, done)) = work.try_next().await? {
            progress.count(key, done);
            if !tell(progress) {
                return Ok(false);
            }
        }
        if progress.unread == 0 && after > progress.proved_up_to {
            progress.proved_up_to.clone_from(&after);
        }
        if !tell(progress) {
            return Ok(false);
        }
    }
}

/// What is to be done about an object; `None` for nothing.
async fn look(
    listed: &mut Listed,
    object: &Object,
    known: &Known,
    progress: &Progress,
) -> Result<Option<Found>, Error> {
    let key = object.key.to_string();
    let size = listed.size(&key).await?;
    let believed = known.back || object.created_at >= known.asked_at || key <= progress.proved_up_to;
    Ok(match (object.state, size) {
        (ObjectState::Deleting, _) => None,
        (_, None) => Some(Found::Missing),
        (ObjectState::Committed, Some(size)) if !believed || size != object.bytes.get() => Some(Found::Unproved),
        _ => None,
    })
}

/// The names of some objects that count and are not in a store.
pub(super) async fn missing(app: &App, store: &Store) -> Result<Vec<String>, Error> {
    let (mut listed, mut after, mut missing) = (Listed::of(store), String::new(), Vec::new());
    loop {
        let page = app.database().read_fresh().await?.object_page(&after, PAGE).await?;
        let Some(last) = page.last() else { return Ok(missing) };
        after = last.key.to_string();
        for object in page.iter().filter(|object| object.state == ObjectState::Committed) {
            if listed.size(&object.key.to_string()).await? != Some(object.bytes.get())
                && missing.len() < NAMED
                && !stands(store, object).await?
            {
                missing.push(object.key.to_string());
            }
        }
    }
}

/// The first object that counts.
pub(super) async fn first(app: &App) -> Result<Option<ObjectKey>, Error> {
    let mut after = String::new();
    loop {
        let page = app.database().read_fresh().await?.object_page(&after, PAGE).await?;
        let Some(last) = page.last() else { return Ok(None) };
        after = last.key.to_string();
        if let Some(counts) = page.into_iter().find(|object| object.state == ObjectState::Committed) {
            return Ok(Some(counts.key));
        }
    }
}

/// Whether an object stands there that the list has not told of: it may have come since.
async fn stands(store: &Store, object: &Object) -> Result<bool, Error> {
    match store.open_object(&object.key).await {
        Ok(there) => Ok(there.bytes() == object.bytes.get()),
        Err(Storage::NotFound(_)) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// An object in a store that has no row.
pub(super) async fn strange(app: &App, store: &Store) -> Result<Option<String>, Error> {
    let mut pages = store.list().try_chunks(PAGE as usize);
    while let Some(page) = pages.next().await {
        let keys: Vec<ObjectKey> = page.map_err(|error| error.1)?.into_iter().map(|(key, _)| key).collect();
        let known = app.database().read_fresh().await?.object_known(&keys).await?;
        if let Some(strange) = keys.iter().find(|key| !known.contains(key)) {
            return Ok(Some(strange.to_string()));
        }
    }
    Ok(None)
}

/// What stands in a store, walked along with rows. A store that lists in another order seems to have less than it has.
struct Listed(Peekable<BoxStream<'static, Result<(ObjectKey, u64), Storage>>>);

impl Listed {
    fn of(store: &Store) -> Self {
        Self(store.list().peekable())
    }

    /// The size of an object; ask for one after the other, in order.
    async fn size(&mut self, key: &str) -> Result<Option<u64>, Error> {
        let mut listed = std::pin::Pin::new(&mut self.0);
        loop {
            match listed.as_mut().peek().await {
                None => return Ok(None),
                Some(Ok((there, _))) if there.to_string().as_str() > key => return Ok(None),
                Some(_) => {}
            }
            match listed.next().await.transpose()? {
                Some((there, size)) if there.to_string() == key => return Ok(Some(size)),
                _ => {}
            }
        }
    }
}

impl Progress {
    fn count(&mut self, key: &ObjectKey, done: Done) {
        self.looked_at += 1;
        match &done {
            Done::Present | Done::Gone => return,
            Done::Copied(bytes) => {
                self.copied += 1;
                self.bytes += bytes;
                return;
            }
            Done::Healed => {
                self.healed += 1;
                return;
            }
            Done::Damaged => self.damaged += 1,
            Done::Lost => self.lost += 1,
            Done::Unread(_) => self.unread += 1,
        }
        if self.named.len() < NAMED {
            let named = format!("{key}: {}", done.word());
            if self.logged.insert(named.clone()) {
                tracing::warn!(object = named, "an object is not well, on its way to another store");
            }
            self.named.push(named);
        }
    }
}

impl Done {
    fn word(&self) -> String {
        match self {
            Self::Lost => "in neither place".to_owned(),
            Self::Unread(why) => format!("cannot be read: {why}"),
            _ => "not what is recorded; moved as it is".to_owned(),
        }
    }
}
