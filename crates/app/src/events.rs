//! Hints for open pages: "this changed, look again".
//!
//! Whoever changes something appends an event in the same transaction. Every process polls the events once a moment and tells
//! its own open pages, so a page hears of a change whichever process made it. Events are hints and short-lived: a page that
//! missed some is told to fetch again what it shows.

use std::collections::HashMap;
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use picup_database::{NewEvent, Write};
use picup_domain::{AccountId, AlbumId, AssetId, AssetState, LocalDay, Timestamp};
use serde::{Deserialize, Serialize};
use tokio::sync::{Notify, broadcast};
use tokio_util::sync::CancellationToken;

use crate::{App, Error};

/// Open pages an account may have listening in this process.
const STREAMS_PER_ACCOUNT: usize = 16;
/// Events a slow page may lie behind before it is told to start over.
const BACKLOG: usize = 1024;
const POLL: Duration = Duration::from_millis(500);
const KEEP: Duration = Duration::from_secs(10 * 60);
const PAGE: u32 = 500;

/// Something changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// An asset was added or has come further.
    Asset {
        /// Which.
        id: AssetId,
        /// How far it has come.
        state: AssetState,
        /// The day it is listed under.
        day: LocalDay,
    },
    /// An album was made, changed or deleted.
    Album {
        /// Which.
        id: AlbumId,
    },
}

/// How a change is stored.
#[derive(Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
enum Stored {
    Asset { id: AssetId, state: String, day: i32 },
    Album { id: AlbumId },
}

impl Change {
    const fn kind(self) -> &'static str {
        match self {
            Self::Asset { .. } => "asset",
            Self::Album { .. } => "album",
        }
    }

    fn to_stored(self) -> Result<String, Error> {
        let stored = match self {
            Self::Asset { id, state, day } => {
                Stored::Asset { id, state: state.as_str().to_owned(), day: day.as_number() }
            }
            Self::Album { id } => Stored::Album { id },
        };
        serde_json::to_string(&stored).map_err(|error| Error::Internal(format!("writing an event: {error}")))
    }

    fn from_stored(text: &str) -> Option<Self> {
        match serde_json::from_str(text).ok()? {
            Stored::Asset { id, state, day } => {
                Some(Self::Asset { id, state: AssetState::parse(&state).ok()?, day: LocalDay::from_number(day).ok()? })
            }
            Stored::Album { id } => Some(Self::Album { id }),
        }
    }
}

/// Tells this process's open pages.
pub(crate) struct Hub {
    sender: broadcast::Sender<(AccountId, Change)>,
    streams: Arc<Mutex<HashMap<AccountId, usize>>>,
    changed: Notify,
    closed: CancellationToken,
}

impl Hub {
    pub(crate) fn new() -> Self {
        Self {
            sender: broadcast::channel(BACKLOG).0,
            streams: Arc::default(),
            changed: Notify::new(),
            closed: CancellationToken::new(),
        }
    }
}

/// What a listener hears.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Heard {
    /// Something changed.
    Change(Change),
    /// Some changes were missed: look at everything again.
    Missed,
}

/// One open page's ear. Dropping it frees its place.
pub struct Listener {
    account: AccountId,
    receiver: broadcast::Receiver<(AccountId, Change)>,
    streams: Arc<Mutex<HashMap<AccountId, usize>>>,
    closed: CancellationToken,
}

impl Listener {
    /// Waits for the next thing this account should hear; `None` when the process is about to stop.
    pub async fn next(&mut self) -> Option<Heard> {
        loop {
            let received = tokio::select! {
                biased;
                () = self.closed.cancelled() => return None,
                received = self.receiver.recv() => received,
            };
            match received {
                Ok((account, change)) if account == self.account => return Some(Heard::Change(change)),
                Ok(_) => {}
                Err(broadcast::error::RecvError::Lagged(_)) => return Some(Heard::Missed),
                Err(broadcast::error::RecvError::Closed) => return None,
            }
        }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        let mut streams = self.streams.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = streams.get_mut(&self.account) {
            *count -= 1;
            if *count == 0 {
                streams.remove(&self.account);
            }
        }
    }
}

/// Listens for an account's changes.
///
/// # Errors
/// [`Error::Busy`] when the account has too many pages open.
pub fn listen(app: &App, account: AccountId) -> Result<Listener, Error> {
    let hub = &app.inner.events;
    let mut streams = hub.streams.lock().unwrap_or_else(PoisonError::into_inner);
    let count = streams.entry(account).or_default();
    if *count >= STREAMS_PER_ACCOUNT {
        return Err(Error::Busy("too many pages are open; close one"));
    }
    *count += 1;
    Ok(Listener {
        account,
        receiver: hub.sender.subscribe(),
        streams: Arc::clone(&hub.streams),
        closed: hub.closed.clone(),
    })
}

/// Wakes this process's poller after a commit that appended an event, so that its own pages hear at once.
pub(crate) fn announce(app: &App) {
    app.inner.events.changed.notify_one();
}

/// Polls the events and tells the open pages, until `shutdown`.
pub async fn run(app: App, shutdown: impl Future<Output = ()>) {
    tokio::pin!(shutdown);
    let mut cursor = None;
    let mut next_prune = app.now();
    let mut failing = false;
    loop {
        let polled = poll(&app, &mut cursor).await;
        match &polled {
            Ok(()) if failing => tracing::info!("events are read again"),
            Ok(()) => {}
            Err(error) if failing => tracing::debug!(error = error.story(), "reading events failed again"),
            Err(error) => tracing::warn!(error = error.story(), "reading events failed; trying until it succeeds"),
        }
        failing = polled.is_err();
        if !failing && app.now() >= next_prune {
            next_prune = app.now().plus(KEEP);
            if let Err(error) = prune(&app).await {
                tracing::warn!(error = error.story(), "pruning events failed; trying again later");
            }
        }
        tokio::select! {
            () = &mut shutdown => return,
            () = app.inner.events.changed.notified() => {}
            () = tokio::time::sleep(POLL) => {}
        }
    }
}

async fn poll(app: &App, cursor: &mut Option<i64>) -> Result<(), Error> {
    let Some(mut after) = *cursor else {
        *cursor = Some(app.database().read_fresh().await?.event_latest().await?);
        return Ok(());
    };
    loop {
        // Not held any longer: it may be the only connection.
        let events = app.database().read_fresh().await?.event_list(after, PAGE).await?;
        let Some(last) = events.last() else { return Ok(()) };
        after = last.position;
        let accounts: Vec<AccountId> = events.iter().filter_map(|event| event.account).collect();
        app.database().tell(&accounts).await?;
        *cursor = Some(after);
        for event in &events {
            if let (Some(account), Some(change)) = (event.account, Change::from_stored(&event.payload)) {
                // An error only means that no page is open.
                let _ = app.inner.events.sender.send((account, change));
            }
        }
    }
}

async fn prune(app: &App) -> Result<(), Error> {
    let mut write = app.database().write().await?;
    write.event_prune(app.now().minus(KEEP)).await?;
    Ok(write.commit().await?)
}

/// Appends a change to the caller's transaction, as its last step.
pub(crate) async fn append(write: &mut Write, account: AccountId, change: Change, now: Timestamp) -> Result<(), Error> {
    append_all(write, account, &[change], now).await
}

/// Appends changes to the caller's transaction, as its last step.
pub(crate) async fn append_all(
    write: &mut Write,
    account: AccountId,
    changes: &[Change],
    now: Timestamp,
) -> Result<(), Error> {
    let event = |change: &Change| Ok::<_, Error>(NewEvent { kind: change.kind(), payload: change.to_stored()? });
    let events: Vec<NewEvent> = changes.iter().map(event).collect::<Result<_, _>>()?;
    write.event_append_all(Some(account), &events, now).await?;
    Ok(())
}

/// How long a caller's access still holds: a page's stream ends with it.
#[must_use]
pub fn remaining(app: &App, until: Timestamp) -> Duration {
    let micros = until.micros().saturating_sub(app.now().micros());
    Duration::from_micros(micros.max(0).unsigned_abs())
}

/// Ends every open page's stream: this process is about to stop, and pages should turn to another.
pub fn close(app: &App) {
    app.inner.events.closed.cancel();
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::TestApp;

    fn change(app: &TestApp) -> Change {
        Change::Album { id: AlbumId::new(app.now()) }
    }

    async fn commit(app: &TestApp, account: AccountId, change: Change) {
        let mut write = app.database().write().await.unwrap();
        append(&mut write, account, change, app.now()).await.unwrap();
        write.commit().await.unwrap();
    }

    #[tokio::test]
    async fn a_page_hears_of_its_own_account_and_of_no_other() {
        let app = TestApp::new().await;
        let (ada, bob) = (AccountId::new(app.now()), AccountId::new(app.now()));
        let mut cursor = None;
        poll(&app, &mut cursor).await.unwrap();
        let mut listener = listen(&app, ada).unwrap();
        let (first, other, second) = (change(&app), change(&app), change(&app));
        commit(&app, ada, first).await;
        commit(&app, bob, other).await;
        commit(&app, ada, second).await;
        poll(&app, &mut cursor).await.unwrap();
        assert_eq!(listener.next().await, Some(Heard::Change(first)));
        assert_eq!(listener.next().await, Some(Heard::Change(second)));
    }

    #[tokio::test]
    async fn a_slow_page_is_told_that_it_missed_some_and_closing_ends_it() {
        let app = TestApp::new().await;
        let ada = AccountId::new(app.now());
        let mut listener = listen(&app, ada).unwrap();
        for _ in 0..BACKLOG + 1 {
            let _ = app.inner.events.sender.send((ada, change(&app)));
        }
        assert_eq!(listener.next().await, Some(Heard::Missed));
        close(&app);
        assert_eq!(listener.next().await, None);
    }

    #[tokio::test]
    async fn pages_are_bounded_and_a_closed_one_frees_its_place() {
        let app = TestApp::new().await;
        let ada = AccountId::new(app.now());
        let mut pages: Vec<_> = (0..STREAMS_PER_ACCOUNT).map(|_| listen(&app, ada).unwrap()).collect();
        assert!(matches!(listen(&app, ada), Err(Error::Busy(_))));
        assert!(listen(&app, AccountId::new(app.now())).is_ok());
        pages.pop();
        assert!(listen(&app, ada).is_ok());
    }

    #[test]
    fn what_is_stored_reads_back_and_nonsense_does_not() {
        let now = Timestamp::from_micros(1);
        let day = LocalDay::FIRST;
        for change in [
            Change::Asset { id: AssetId::new(now), state: AssetState::Ready, day },
            Change::Album { id: AlbumId::new(now) },
        ] {
            assert_eq!(Change::from_stored(&change.to_stored().unwrap()), Some(change));
        }
        assert_eq!(Change::from_stored("{}"), None);
    }
}
