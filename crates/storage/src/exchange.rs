//! A store that is exchanged for another one while it is in use, and nobody who uses it notices. Called by `app` to move photos.
//!
//! While it moves there are two places: `from`, where everything was, and `to`. What is new begins in `to`; an upload that was
//! begun in `from` goes on there; what is read is looked for in `to` and then in `from`; what is deleted goes from both. Nothing
//! here copies anything: whoever moves the objects does, and says when it is done.
//!
//! What was under way in the old place when the exchange was made is waited for, so that from then on nothing new begins there.

use std::collections::HashSet;
use std::convert::Infallible;
use std::sync::{Arc, Mutex, OnceLock, PoisonError, RwLock};

use picup_domain::{ObjectKey, UploadId};
use tokio::sync::oneshot;

use crate::locks::Locks;
use crate::site::Site;
use crate::{Error, PartsBy, Place, Settings, Storage};

/// What a store is at the moment, and how it is told that nobody uses it any more as it was.
#[derive(Debug)]
pub(crate) struct Current {
    state: Arc<State>,
    over: oneshot::Receiver<Infallible>,
}

/// What a store is. Whoever begins something new holds it until that has begun.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) stores: Stores,
    /// Goes with the last one who holds this.
    _over: oneshot::Sender<Infallible>,
}

/// One place, or two.
#[derive(Debug)]
pub(crate) enum Stores {
    Plain(Arc<Site>),
    Moving(Moving),
}

/// Two places.
#[derive(Debug)]
pub(crate) struct Moving {
    pub(crate) from: Arc<Site>,
    pub(crate) to: Arc<Site>,
    /// Whether it goes back to where everything was.
    is_turned: bool,
    /// The uploads that were begun in `from`, once it is known that no other will be.
    begun_before: OnceLock<Mutex<HashSet<UploadId>>>,
    /// Beginning and giving up an upload, whichever place it is in.
    pub(crate) locks: Locks,
}

/// The two places of a store that moves, each as a store of its own.
#[derive(Debug, Clone)]
pub struct Sides {
    /// Where the objects were.
    pub from: Storage,
    /// Where they go.
    pub to: Storage,
}

impl Storage {
    /// Has everything new begin in another store, while what stands in this one stays where it is. That store takes parts through
    /// PicUp alone, and readers too: the pages that are open know nothing of it. Once more changes nothing.
    ///
    /// Comes back when nothing new is being begun any more where it began before.
    ///
    /// # Errors
    /// When the other store cannot be opened.
    pub async fn begin_move(&self, to: Settings) -> Result<(), Error> {
        let from = match &self.state().stores {
            Stores::Plain(site) => Some(Arc::clone(site)),
            Stores::Moving(_) => None,
        };
        if let Some(from) = from {
            let to = Arc::new(Site::open(unannounced(to), from.metrics.clone(), false).await?);
            self.exchange(Stores::Moving(Moving::new(from, to, false))).await;
        }
        Ok(())
    }

    /// Turns a move round: what is new begins where everything was before. Once more changes nothing, nor where nothing moves.
    pub async fn turn_back(&self) {
        let sites = match &self.state().stores {
            Stores::Moving(moving) if !moving.is_turned => (Arc::clone(&moving.to), Arc::clone(&moving.from)),
            _ => return,
        };
        self.exchange(Stores::Moving(Moving::new(sites.0, sites.1, true))).await;
    }

    /// Ends a move: from now on there is only the place that it went to. Whoever calls this has seen to it that all stands there.
    pub async fn end_move(&self) {
        let to = match &self.state().stores {
            Stores::Plain(_) => return,
            Stores::Moving(moving) => Arc::clone(&moving.to),
        };
        self.exchange(Stores::Plain(to)).await;
    }

    /// The two places of a store that moves; `None` for one that does not.
    #[must_use]
    pub fn sides(&self) -> Option<Sides> {
        match &self.state().stores {
            Stores::Plain(_) => None,
            Stores::Moving(moving) => {
                let (from, to) = (Self::of(Arc::clone(&moving.from)), Self::of(Arc::clone(&moving.to)));
                Some(Sides { from, to })
            }
        }
    }

    pub(crate) fn of(site: Arc<Site>) -> Self {
        Self(Arc::new(RwLock::new(Current::new(Stores::Plain(site)))))
    }

    pub(crate) fn state(&self) -> Arc<State> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner).state)
    }

    /// The place for what is new, and the other one if there is.
    pub(crate) fn sites(&self) -> (Arc<Site>, Option<Arc<Site>>) {
        match &self.state().stores {
            Stores::Plain(site) => (Arc::clone(site), None),
            Stores::Moving(moving) => (Arc::clone(&moving.to), Some(Arc::clone(&moving.from))),
        }
    }

    /// The place that pages were told of, if there is one.
    pub(crate) fn told_site(&self) -> Option<Arc<Site>> {
        let (site, other) = self.sites();
        [Some(site), other].into_iter().flatten().find(|site| site.is_told)
    }

    /// The place that an upload is in.
    pub(crate) async fn site_of(&self, id: UploadId) -> Result<Arc<Site>, Error> {
        match &self.state().stores {
            Stores::Plain(site) => Ok(Arc::clone(site)),
            Stores::Moving(moving) => Ok(Arc::clone(moving.site_of(id).await?)),
        }
    }

    /// Makes it another store, and waits until nobody begins anything in what it was.
    async fn exchange(&self, stores: Stores) {
        let over = {
            let mut current = self.0.write().unwrap_or_else(PoisonError::into_inner);
            std::mem::replace(&mut *current, Current::new(stores)).over
        };
        // Nothing is ever sent: that the sender is gone is the word.
        let _ = over.await;
    }

    /// Learns which uploads were begun in the old place, if that is not known. Until it is, each is looked for there.
    ///
    /// # Errors
    /// When the old place does not say.
    pub async fn settle_move(&self) -> Result<(), Error> {
        match &self.state().stores {
            Stores::Plain(_) => Ok(()),
            Stores::Moving(moving) => moving.settle().await,
        }
    }
}

impl Current {
    fn new(stores: Stores) -> Self {
        let (sender, over) = oneshot::channel();
        Self { state: Arc::new(State { stores, _over: sender }), over }
    }
}

impl State {
    /// The place for what is new.
    pub(crate) fn newest(&self) -> &Arc<Site> {
        match &self.stores {
            Stores::Plain(site) => site,
            Stores::Moving(moving) => &moving.to,
        }
    }
}

impl Moving {
    fn new(from: Arc<Site>, to: Arc<Site>, is_turned: bool) -> Self {
        Self { from, to, is_turned, begun_before: OnceLock::new(), locks: Locks::default() }
    }

    /// Learns which uploads were begun before.
    async fn settle(&self) -> Result<(), Error> {
        if self.begun_before.get().is_none() {
            let staged = self.from.uploads_staged().await?;
            let _ = self.begun_before.set(Mutex::new(staged.into_iter().collect()));
        }
        Ok(())
    }

    async fn site_of(&self, id: UploadId) -> Result<&Arc<Site>, Error> {
        Ok(if self.was_begun_before(id).await? { &self.from } else { &self.to })
    }

    pub(crate) async fn was_begun_before(&self, id: UploadId) -> Result<bool, Error> {
        match self.begun_before.get() {
            Some(ids) => Ok(ids.lock().unwrap_or_else(PoisonError::into_inner).contains(&id)),
            None => Ok(self.from.uploads_staged().await?.contains(&id)),
        }
    }

    /// From now on an upload of that id is in `to`.
    pub(crate) fn forget(&self, id: UploadId) {
        if let Some(ids) = self.begun_before.get() {
            ids.lock().unwrap_or_else(PoisonError::into_inner).remove(&id);
        }
    }

    /// Where an upload is to begin, or has begun; its lock is held.
    pub(crate) async fn site_to_begin(&self, id: UploadId, key: &ObjectKey) -> Result<&Arc<Site>, Error> {
        if !self.was_begun_before(id).await? {
            return Ok(&self.to);
        }
        if self.from.uploads_staged().await?.contains(&id) {
            return Ok(&self.from);
        }
        match self.from.open_object(key).await {
            Ok(_) => Err(Error::exists(key)),
            Err(Error::NotFound(_)) => {
                self.forget(id);
                Ok(&self.to)
            }
            Err(error) => Err(error),
        }
    }
}

/// What was found in one place, or else what is found in the other. That it is in neither is told by what either of them says that
/// is more than that.
pub(crate) async fn either<T>(
    first: Result<T, Error>,
    other: Option<impl Future<Output = Result<T, Error>>>,
) -> Result<T, Error> {
    match (first, other) {
        (Err(error), Some(other)) => {
            other.await.map_err(|second| if matches!(second, Error::NotFound(_)) { error } else { second })
        }
        (first, _) => first,
    }
}

/// Settings for a store that pages have not been told of.
fn unannounced(mut settings: Settings) -> Settings {
    if let Place::S3(bucket) = &mut settings.place {
        bucket.parts = PartsBy::Proxied;
    }
    settings
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Metrics;

    #[tokio::test]
    async fn a_move_begins_when_nobody_begins_anything_in_the_old_place_any_more() {
        let storage = Storage::open(Settings::memory(), Metrics::default()).await.unwrap();
        let writing = storage.state();
        let mut beginning = Box::pin(storage.begin_move(Settings::memory()));
        assert!(futures_util::poll!(&mut beginning).is_pending());
        assert!(storage.sides().is_some(), "whoever comes now begins in the new place");
        drop(writing);
        beginning.await.unwrap();
        let sides = storage.sides().unwrap();
        storage.begin_move(Settings::memory()).await.unwrap();
        assert!(Arc::ptr_eq(&storage.sides().unwrap().to.sites().0, &sides.to.sites().0), "once more changes nothing");
    }
}
