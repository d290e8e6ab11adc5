//! The client's one door to blocking work: reading files and folders, a few at once, beside the event loop.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use tokio::sync::Semaphore;

use super::read::{Measured, ReadError, measure};
use super::walk::{Walk, walk};

/// Hashes files beside the event loop, a few at once.
#[derive(Debug, Clone)]
pub(super) struct Hasher {
    permits: Arc<Semaphore>,
    at_once: usize,
}

impl Hasher {
    /// Hashes at most `at_once` files at the same time.
    pub(super) fn new(at_once: usize) -> Self {
        let at_once = at_once.max(1);
        Self { permits: Arc::new(Semaphore::new(at_once)), at_once }
    }

    /// How many files are hashed at the same time.
    pub(super) fn at_once(&self) -> usize {
        self.at_once
    }

    /// Reads and hashes a file; see [`Measured`].
    pub(super) async fn measure(&self, path: PathBuf, part_size: Option<u64>) -> Result<Measured, ReadError> {
        self.block(move || measure(&path, part_size)).await?
    }

    /// Looks through a folder; see [`walk`].
    pub(super) async fn walk(&self, root: PathBuf) -> io::Result<Walk> {
        self.block(move || walk(&root)).await
    }

    /// Does blocking work beside the event loop.
    #[allow(clippy::disallowed_methods, reason = "the client's one door to blocking work, bounded by the permits")]
    pub(super) async fn block<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> io::Result<T> {
        let _permit = self.permits.acquire().await.map_err(io::Error::other)?;
        tokio::task::spawn_blocking(work).await.map_err(io::Error::other)
    }
}
