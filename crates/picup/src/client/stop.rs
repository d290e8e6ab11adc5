//! How an import or export ends before all is done: at a person's wish, or because going on is pointless.

use std::sync::OnceLock;

use tokio_util::sync::CancellationToken;

/// Ends an import or export early.
#[derive(Debug, Default)]
pub(crate) struct Stop {
    /// No new file is begun, for this reason.
    reason: OnceLock<&'static str>,
    /// Files on their way are dropped too.
    at_once: CancellationToken,
}

impl Stop {
    /// Begins no new file, and drops those on their way.
    pub(crate) fn interrupt(&self) {
        let _ = self.reason.set("it was interrupted; run it again for the rest");
        self.at_once.cancel();
    }

    /// Does `work` unless it is interrupted before its end.
    pub(crate) async fn unless<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        tokio::select! {
            biased;
            () = self.at_once.cancelled() => None,
            done = work => Some(done),
        }
    }

    /// Ends when it is interrupted.
    pub(super) async fn interrupted(&self) {
        self.at_once.cancelled().await;
    }

    /// Why no new file is begun, when none is.
    pub(crate) fn reason(&self) -> Option<&'static str> {
        self.reason.get().copied()
    }

    /// Begins no new file; true for the first who says so.
    pub(super) fn halt(&self, reason: &'static str) -> bool {
        self.reason.set(reason).is_ok()
    }
}
