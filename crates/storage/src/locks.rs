//! Locks by name: one writer at a time for one part, one upload or one new folder, and no lock kept for what nobody holds.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError};

use picup_domain::{ObjectKey, UploadId};
use tokio::sync::OwnedMutexGuard;

/// What a lock is about.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Name {
    /// Beginning, completing and aborting an upload.
    Upload(UploadId),
    /// Writing one part of an upload.
    Part(UploadId, u32),
    /// Writing one object whole.
    Object(ObjectKey),
    /// Making one folder, named by its path in the store.
    Folder(String),
}

/// All locks of one store.
#[derive(Clone, Debug, Default)]
pub(crate) struct Locks(Arc<Mutex<HashMap<Name, Arc<tokio::sync::Mutex<()>>>>>);

/// A held lock; let go on drop.
#[derive(Debug)]
pub(crate) struct Held {
    locks: Locks,
    name: Name,
    guard: Option<OwnedMutexGuard<()>>,
}

impl Locks {
    /// Waits until nobody else holds `name`.
    pub(crate) async fn hold(&self, name: Name) -> Held {
        let mut held = self.wait_for(name);
        held.guard = Some(self.entry(&held.name).lock_owned().await);
        held
    }

    /// As [`hold`](Self::hold), on a thread that may block.
    pub(crate) fn hold_blocking(&self, name: Name) -> Held {
        let mut held = self.wait_for(name);
        held.guard = Some(self.entry(&held.name).blocking_lock_owned());
        held
    }

    /// A lock not held yet; made first, so that a waiter who gives up tidies the map as a holder does.
    fn wait_for(&self, name: Name) -> Held {
        Held { locks: self.clone(), name, guard: None }
    }

    fn entry(&self, name: &Name) -> Arc<tokio::sync::Mutex<()>> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(all.entry(name.clone()).or_default())
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let mut all = self.locks.0.lock().unwrap_or_else(PoisonError::into_inner);
        // Let go first: the map and this guard are then the only owners unless somebody waits.
        self.guard = None;
        if all.get(&self.name).is_some_and(|lock| Arc::strong_count(lock) == 1) {
            all.remove(&self.name);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn excludes_by_name_and_forgets() {
        let locks = Locks::default();
        let held = locks.hold(Name::Folder("a".into())).await;
        let other = locks.hold(Name::Folder("b".into())).await;
        let mut waiting = Box::pin(locks.hold(Name::Folder("a".into())));
        assert!(futures_util::poll!(&mut waiting).is_pending());
        drop(held);
        drop(waiting.await);
        drop(other);
        assert!(locks.0.lock().unwrap().is_empty());
    }

    #[tokio::test]
    async fn a_waiter_that_gives_up_leaves_nothing_behind() {
        let locks = Locks::default();
        let held = locks.hold(Name::Folder("a".into())).await;
        let mut waiting = Box::pin(locks.hold(Name::Folder("a".into())));
        assert!(futures_util::poll!(&mut waiting).is_pending());
        drop(waiting);
        drop(held);
        assert!(locks.0.lock().unwrap().is_empty());
    }
}
