//! The one place where file work blocks a thread: bounded, so that a slow disk fills a queue and not the process.

use std::sync::Arc;

use tokio::sync::Semaphore;

use crate::Error;

/// Runs blocking work on tokio's threads, at most so many at once.
#[derive(Clone, Debug)]
pub(crate) struct Blocking(Arc<Semaphore>);

impl Blocking {
    pub(crate) fn new(threads: usize) -> Self {
        Self(Arc::new(Semaphore::new(threads.max(1))))
    }

    /// Waits for a free place and runs `work` there. Work that has begun runs to its end even when the caller goes away.
    #[allow(clippy::disallowed_methods, reason = "the room's one bounded place for blocking work")]
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let permit = Arc::clone(&self.0).acquire_owned().await.expect("the semaphore is never closed");
        let task = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            work()
        });
        match task.await {
            Ok(result) => result,
            Err(failure) => match failure.try_into_panic() {
                Ok(panic) => std::panic::resume_unwind(panic),
                Err(cancelled) => Err(Error::Io { doing: "run file work", source: std::io::Error::other(cancelled) }),
            },
        }
    }
}
