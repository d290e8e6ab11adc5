//! How something that Vault lends stands: for metrics, and for whether we are ready.

use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

use crate::Error;

/// How it stands.
#[derive(Debug, Clone)]
pub struct Standing {
    /// Until when it is good by what Vault has said so far; `None` when it does not end by itself.
    pub until: Option<Instant>,
    /// Since when all has been well, or has not.
    pub since: Instant,
    /// What went wrong at the last attempt; `None` when it went well.
    pub last_error: Option<Error>,
}

impl Standing {
    pub(crate) fn well(until: Option<Instant>) -> Self {
        Self { until, since: Instant::now(), last_error: None }
    }

    /// Whether the last attempt went well and what was lent has not ended.
    #[must_use]
    pub fn is_well(&self) -> bool {
        self.last_error.is_none() && !self.has_ended()
    }

    /// Whether what was lent has ended.
    #[must_use]
    pub fn has_ended(&self) -> bool {
        self.until.is_some_and(|until| until <= Instant::now())
    }

    /// How long it is still good; `None` when it does not end by itself.
    #[must_use]
    pub fn left(&self) -> Option<Duration> {
        self.until.map(|until| until.saturating_duration_since(Instant::now()))
    }
}

/// All is well.
pub(crate) fn well(standing: &watch::Sender<Standing>, until: Option<Instant>) {
    standing.send_modify(|standing| {
        if standing.last_error.take().is_some() {
            standing.since = Instant::now();
        }
        standing.until = until;
    });
}

/// Something went wrong. Said in the log once, when it begins: an error when it is an alarm.
pub(crate) fn ill(standing: &watch::Sender<Standing>, doing: &str, error: Error) {
    standing.send_modify(|standing| {
        let begins = standing.last_error.is_none();
        if begins {
            standing.since = Instant::now();
        }
        if error.is_alarm() && standing.last_error.as_ref() != Some(&error) {
            tracing::error!(%error, "Vault: {doing}");
        } else if begins {
            tracing::warn!(%error, "Vault: {doing}; it is tried again");
        }
        standing.last_error = Some(error);
    });
}
