//! Keeps what goes to and from a backup under so many bytes a second, so that people's own line stays free.

use std::num::NonZeroU64;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// How far ahead of its time a burst may be.
const BURST: Duration = Duration::from_millis(250);

/// A bound on the bytes of a second, over all who ask.
#[derive(Debug)]
pub(super) struct Pace {
    per_second: Option<NonZeroU64>,
    /// When what was allowed so far is through.
    through_at: Mutex<Instant>,
}

impl Pace {
    pub(super) fn new(per_second: Option<NonZeroU64>) -> Self {
        Self { per_second, through_at: Mutex::new(Instant::now()) }
    }

    /// Waits until so many more bytes may go.
    pub(super) async fn wait(&self, bytes: u64) {
        let Some(per_second) = self.per_second else { return };
        let takes = Duration::from_secs_f64(bytes as f64 / per_second.get() as f64);
        let until = {
            let mut through_at = self.through_at.lock().unwrap_or_else(PoisonError::into_inner);
            let begin = (*through_at).max(Instant::now());
            *through_at = begin + takes;
            *through_at
        };
        tokio::time::sleep_until(until.checked_sub(BURST).unwrap_or(until)).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn many_at_once_share_one_bound() {
        let pace = Pace::new(NonZeroU64::new(1_000));
        let begun = Instant::now();
        futures_util::future::join_all((0..10).map(|_| pace.wait(500))).await;
        let took = begun.elapsed();
        assert!((Duration::from_millis(4_700)..Duration::from_millis(5_100)).contains(&took), "{took:?}");
        Pace::new(None).wait(u64::MAX).await;
        assert_eq!(begun.elapsed(), took);
    }
}
