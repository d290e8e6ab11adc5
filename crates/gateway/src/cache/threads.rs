//! The one place of the gateway where work with files blocks a thread: bounded, so that a slow disk fills a queue and not the process.

use std::sync::Arc;

use tokio::sync::Semaphore;

/// Runs blocking work on tokio's threads, at most so many at once.
#[derive(Clone)]
pub(super) struct Threads(Arc<Semaphore>);

impl Threads {
    pub(super) fn new(at_once: usize) -> Self {
        Self(Arc::new(Semaphore::new(at_once.max(1))))
    }

    /// Waits for a free place and runs `work` there, to its end even when the caller goes away. `None` when it panicked.
    #[allow(clippy::disallowed_methods, reason = "the room's one bounded place for blocking work")]
    pub(super) async fn run<T: Send + 'static>(&self, work: impl FnOnce() -> Option<T> + Send + 'static) -> Option<T> {
        let permit = Arc::clone(&self.0).acquire_owned().await.ok()?;
        let task = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            work()
        });
        task.await.ok().flatten()
    }
}
