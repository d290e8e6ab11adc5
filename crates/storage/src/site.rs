//! One place where bytes stand: what a [`Storage`](crate::Storage) is made of, one while it stays where it is, two while it moves.
//!
//! Each door of the store has its counterpart here, which does the same in this place alone.

use std::sync::Arc;

use crate::blocking::Blocking;
use crate::files::Files;
use crate::hash::Hashing;
use crate::locks::Locks;
use crate::memory::Memory;
use crate::s3::S3;
use crate::{Error, Metrics, Place, Settings};

/// A folder, a bucket or memory, and what goes with it.
#[derive(Debug)]
pub(crate) struct Site {
    pub(crate) store: Store,
    pub(crate) blocking: Blocking,
    pub(crate) locks: Locks,
    pub(crate) hashing: Hashing,
    pub(crate) metrics: Metrics,
    /// Whether pages were told of it, so that they may send to it and show from it.
    pub(crate) is_told: bool,
}

#[derive(Debug)]
pub(crate) enum Store {
    Files(Arc<Files>),
    S3(Arc<S3>),
    Memory(Arc<Memory>),
}

impl Site {
    pub(crate) async fn open(settings: Settings, metrics: Metrics, is_told: bool) -> Result<Self, Error> {
        let (blocking, locks) = (Blocking::new(settings.blocking_threads), Locks::default());
        let store = match settings.place {
            Place::Memory => Store::Memory(Arc::default()),
            Place::S3(bucket) => Store::S3(Arc::new(S3::open(*bucket, blocking.clone()).await?)),
            Place::Files { folder } => {
                let locks = locks.clone();
                Store::Files(Arc::new(blocking.run(move || Files::open(&folder, locks)).await?))
            }
        };
        Ok(Self { store, blocking, locks, hashing: Hashing::default(), metrics, is_told })
    }

    /// Runs file work in the bounded place for it.
    pub(crate) async fn on_files<T: Send + 'static>(
        &self,
        files: &Arc<Files>,
        work: impl FnOnce(&Files) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let files = Arc::clone(files);
        self.blocking.run(move || work(&files)).await
    }
}
