//! Who we are to Vault at this moment: a token, and the way by which it is good.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde::de::DeserializeOwned;
use tokio::time::Instant;

use crate::door::{Ask, Door};
use crate::wire::Answer;
use crate::{Error, Hidden};

/// A token and what is known of it.
#[derive(Clone)]
pub(crate) struct Session {
    pub(crate) door: Arc<Door>,
    pub(crate) token: Hidden,
    /// Which login it is of, from 1. What was lent by one ends with it.
    pub(crate) number: u64,
    /// Whether it was made for us, and not for an agent beside us.
    pub(crate) ours: bool,
    pub(crate) renewable: bool,
    /// How long it was lent at the login; `None` when it does not end.
    pub(crate) lent: Option<Duration>,
    /// How long it was lent last.
    pub(crate) granted: Option<Duration>,
    pub(crate) ends: Option<Instant>,
}

impl Session {
    /// Asks as this.
    pub(crate) async fn ask<D: DeserializeOwned>(&self, ask: &Ask) -> Result<Answer<D>, Error> {
        self.door.ask(ask, Some(&self.token)).await
    }

    /// Whether it has ended by what is known.
    pub(crate) fn is_over(&self) -> bool {
        self.ends.is_some_and(|ends| ends <= Instant::now())
    }

    /// The same, lent anew at that moment.
    pub(crate) fn renewed(&self, asked: Instant, granted: Option<Duration>, renewable: bool) -> Self {
        Self { granted, renewable, ends: granted.map(|granted| asked + granted), ..self.clone() }
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Session")
            .field("number", &self.number)
            .field("ends", &self.ends)
            .finish_non_exhaustive()
    }
}

/// Seconds as Vault writes them: 0 is without end.
pub(crate) fn span(seconds: u64) -> Option<Duration> {
    (seconds > 0).then(|| Duration::from_secs(seconds))
}
