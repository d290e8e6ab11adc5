//! A server that follows the primary and answers reads: whether it may be asked, how far it has come, and who asked last.
//!
//! A task of its own looks at each: at its position as often as somebody may be waiting for it, and at its health twice a second.
//! One bad look, or one read that fails on it, takes it out; a few good ones in a row bring it back.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use sqlx::mysql::{MySqlConnection, MySqlRow};
use sqlx::{AnyPool, Row};
use tokio::sync::{Notify, Semaphore, watch};

use crate::connection::{Lent, To};
use crate::credentials::{self, Kept, SignIn};
use crate::family::Family;
use crate::position::Position;
use crate::primary::Primary;
use crate::{Error, Metrics};

/// A look that takes longer is a bad one.
const LOOK_PATIENCE: Duration = Duration::from_secs(1);
/// How often a replica's health is looked at.
const HEALTH_EVERY: Duration = Duration::from_millis(500);
/// How often its position is asked for while it is behind.
const BEHIND_EVERY: Duration = Duration::from_millis(10);
/// How far the clock may have been set back since a heartbeat was sent, in microseconds.
const AHEAD: i64 = 5_000_000;
/// Good looks in a row that bring one back.
const GOOD_LOOKS: u32 = 3;
/// A statement that a replica answers later than that is asked elsewhere.
pub(crate) const STATEMENT_PATIENCE: Duration = Duration::from_secs(2);

/// When a replica may be asked.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// How far behind the primary, by the clock.
    pub(crate) lag: Duration,
    /// How long a read waits for one that has not come far enough.
    pub(crate) wait: Duration,
}

pub(crate) struct Replica {
    pub(crate) name: String,
    pool: AnyPool,
    watcher: SignIn,
    family: Family,
    limits: Limits,
    metrics: Metrics,
    serving: AtomicBool,
    state: Mutex<State>,
    /// Rung by whoever has committed, or found it failing.
    look_again: Notify,
    /// Half of its connections may be waited on at once; the others answer. Who finds none goes to the primary without waiting.
    waiters: Semaphore,
}

#[derive(Default)]
struct State {
    applied: Position,
    /// What the newest heartbeat says that reached it.
    beat_at: i64,
    good_looks: u32,
    /// It was never looked at.
    is_new: bool,
    lag: Option<Duration>,
    trouble: Option<String>,
}

/// A replica as an operator sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReplicaReport {
    /// Its host and port.
    pub name: String,
    /// Whether it is asked.
    pub serving: bool,
    /// How far it is behind the primary, by the clock, if known.
    pub lag: Option<Duration>,
    /// Why it is not asked.
    pub trouble: Option<String>,
}

/// What one look has found.
struct Look {
    applied: Position,
    /// `None` when only the position was asked for.
    health: Option<Health>,
}

struct Health {
    /// What the newest heartbeat says that reached it, and how long ago that was.
    beat_at: i64,
    lag: Option<Duration>,
    trouble: Option<Trouble>,
}

/// Why a replica may not be asked.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Trouble {
    /// It hears nothing of the primary, which may be the primary's fault.
    #[error("{0}")]
    Deaf(String),
    #[error("{0}")]
    Of(String),
}

impl Replica {
    pub(crate) fn new(
        name: String,
        pool: AnyPool,
        watcher: SignIn,
        family: Family,
        limits: Limits,
        metrics: Metrics,
    ) -> Self {
        let state = State { trouble: Some("not looked at yet".to_owned()), is_new: true, ..State::default() };
        let waiters = pool.options().get_max_connections() / 2;
        metrics.replica_serving(&name, false);
        Self {
            name,
            pool,
            watcher,
            family,
            limits,
            metrics,
            serving: AtomicBool::new(false),
            state: Mutex::new(state),
            look_again: Notify::new(),
            waiters: Semaphore::new(waiters.max(1) as usize),
        }
    }

    pub(crate) fn sign_in_as(&self, user: Option<&str>, password: &str) -> Result<(), Error> {
        self.watcher.change(user, password);
        credentials::change(&self.pool, user, password)
    }

    pub(crate) fn is_serving(&self) -> bool {
        self.serving.load(Ordering::Acquire)
    }

    /// Whether it is known to have come so far.
    pub(crate) fn has(&self, floor: &Position) -> bool {
        self.state().applied.covers(floor)
    }

    /// How far it is known to have come.
    pub(crate) fn applied(&self) -> Position {
        self.state().applied.clone()
    }

    /// What the newest heartbeat says that reached it.
    pub(crate) fn beat_at(&self) -> i64 {
        self.state().beat_at
    }

    /// Begins a transaction here; the caller has seen that it may.
    pub(crate) async fn begin(self: &Arc<Self>, begin: &'static str) -> Result<Lent, Error> {
        let begun = Lent::begin(&self.pool, begin, To::Replica(Arc::clone(self))).await;
        begun.inspect_err(|error| match error {
            // All its connections are lent, or it takes none: the next look tells.
            Error::Busy => self.look_again.notify_one(),
            error => self.failed(&format!("no transaction can begin there: {}", story(error))),
        })
    }

    /// Waits a little until it has come so far; false when it has not, or when enough others wait already.
    pub(crate) async fn wait_for(self: &Arc<Self>, floor: &Position) -> bool {
        let Ok(_permit) = self.waiters.try_acquire() else { return false };
        // All its connections are lent, or it takes none: the next look tells.
        let Ok(mut lent) = Lent::from(&self.pool, To::All).await else {
            self.look_again.notify_one();
            return false;
        };
        let waited = async {
            let rows = lent.ask(self.family.wait(floor, self.limits.wait)).await?;
            let answer: Option<i64> = rows.first().ok_or(sqlx::Error::RowNotFound)?.try_get("waited")?;
            Ok::<_, Error>(answer == Some(0))
        };
        // The server keeps the time itself; a server that is stuck does not.
        match tokio::time::timeout(self.limits.wait * 4, waited).await {
            Ok(Ok(has_come)) => {
                if has_come {
                    self.state().applied.merge(floor);
                }
                has_come
            }
            Ok(Err(error)) => {
                self.failed(&format!("it cannot be waited for: {}", story(&error)));
                false
            }
            Err(_) => {
                self.failed("it does not answer in time");
                false
            }
        }
    }

    /// Takes it out: a read has failed on it.
    pub(crate) fn failed(&self, trouble: &str) {
        self.take_out(&mut self.state(), trouble);
        self.look_again.notify_one();
    }

    /// As [`Replica::failed`], and what to tell whoever read.
    pub(crate) fn lost(&self, trouble: &str) -> Error {
        self.failed(trouble);
        Error::ReplicaLost(self.name.clone())
    }

    /// Somebody has committed, and will want to read it.
    pub(crate) fn expect_more(&self) {
        self.look_again.notify_one();
    }

    pub(crate) fn report(&self) -> ReplicaReport {
        let state = self.state();
        ReplicaReport {
            name: self.name.clone(),
            serving: self.is_serving(),
            lag: state.lag,
            trouble: state.trouble.clone(),
        }
    }

    pub(crate) async fn close(&self) {
        self.pool.close().await;
    }

    /// Looks at it for ever.
    pub(crate) async fn watch(self: Arc<Self>, newest: watch::Receiver<Position>, primary: Arc<Primary>) {
        let mut kept = Kept::new(self.watcher.clone());
        let mut healthy_until = Instant::now();
        loop {
            let health = Instant::now() >= healthy_until;
            let looked = tokio::time::timeout(LOOK_PATIENCE, self.look(&mut kept, health, &primary)).await;
            let mut looked = looked.unwrap_or_else(|_| Err("it does not answer in time".to_owned()));
            if looked.is_err() {
                kept.let_go();
            }
            if let Ok(Look { health: Some(health), .. }) = &mut looked {
                self.pardon(health, &primary).await;
            }
            if health || looked.is_err() {
                healthy_until = Instant::now() + HEALTH_EVERY;
            }
            let reached = looked.is_ok();
            self.looked(looked);
            let behind = reached && self.is_well() && !self.has(&newest.borrow());
            let pause = if behind { BEHIND_EVERY } else { healthy_until.saturating_duration_since(Instant::now()) };
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = self.look_again.notified(), if reached && !behind => {}
            }
        }
    }

    /// Who cannot hear of a primary that is gone may answer all the same, if it was not too far behind when that went.
    async fn pardon(&self, health: &mut Health, primary: &Primary) {
        let deaf = matches!(health.trouble, Some(Trouble::Deaf(_)));
        let missed = primary.last_beat().saturating_sub(health.beat_at).max(0).unsigned_abs();
        if deaf && Duration::from_micros(missed) <= self.limits.lag && !(primary.is_up() && primary.answers().await) {
            health.trouble = None;
            health.lag = None;
        }
    }

    async fn look(&self, kept: &mut Kept, health: bool, primary: &Primary) -> Result<Look, String> {
        let said = |error: sqlx::Error| error.to_string();
        let connection = kept.connection().await.map_err(said)?;
        let applied: String = sqlx::raw_sql(self.family.applied())
            .fetch_one(&mut *connection)
            .await
            .map_err(said)?
            .try_get(0)
            .map_err(said)?;
        let applied = Position::parse(&applied).ok_or_else(|| format!("its position makes no sense: {applied}"))?;
        let health = if health { Some(self.health(connection, primary).await?) } else { None };
        Ok(Look { applied, health })
    }

    /// How far behind it is, or why it may not be asked.
    async fn health(&self, connection: &mut MySqlConnection, primary: &Primary) -> Result<Health, String> {
        let following = following(connection, self.family, self.limits.lag).await;
        let trouble = match following.map_err(|error| error.to_string())? {
            Following::Nobody => return Err("it follows nobody".to_owned()),
            Following::Badly(trouble) => Some(trouble),
            // Whoever may not ask for that is left with the heartbeat.
            Following::Well | Following::Unseen => None,
        };
        let beat = sqlx::raw_sql("SELECT beat_at FROM heartbeat WHERE id = 1").fetch_one(connection).await;
        let beat_at: i64 = beat.and_then(|row| row.try_get(0)).map_err(|error| error.to_string())?;
        if beat_at == 0 {
            return Err("it has no heartbeat of the primary yet".to_owned());
        }
        let age = (primary.now)().saturating_sub(beat_at);
        if age < -AHEAD {
            return Err("it has a heartbeat that the primary has not sent yet".to_owned());
        }
        let lag = Duration::from_micros(age.max(0).unsigned_abs());
        let late = || {
            let story = format!("the last heartbeat of the primary that reached it is {} s old", lag.as_secs());
            (lag > self.limits.lag).then_some(Trouble::Deaf(story))
        };
        Ok(Health { beat_at, lag: Some(lag), trouble: trouble.or_else(late) })
    }

    fn looked(&self, looked: Result<Look, String>) {
        let mut state = self.state();
        match looked {
            Err(trouble) => {
                self.metrics.replica_lag(&self.name, None);
                self.take_out(&mut state, &trouble);
            }
            Ok(Look { applied, health }) => {
                // A replica that was made anew may stand before where the old one stood.
                state.applied = applied;
                let Some(Health { beat_at, lag, trouble }) = health else { return };
                state.beat_at = beat_at;
                self.metrics.replica_lag(&self.name, lag);
                match trouble {
                    Some(Trouble::Deaf(trouble) | Trouble::Of(trouble)) => self.take_out(&mut state, &trouble),
                    None => self.take_in(&mut state, lag),
                }
            }
        }
    }

    /// Notes a good look.
    fn take_in(&self, state: &mut State, lag: Option<Duration>) {
        state.lag = lag;
        state.good_looks = state.good_looks.saturating_add(1);
        if state.good_looks >= GOOD_LOOKS && !self.is_serving() {
            state.trouble = None;
            self.serving.store(true, Ordering::Release);
            self.metrics.replica_serving(&self.name, true);
            tracing::info!(replica = self.name, "a replica answers reads");
        }
    }

    /// Whether its last look was a good one.
    fn is_well(&self) -> bool {
        self.state().good_looks > 0
    }

    fn take_out(&self, state: &mut State, trouble: &str) {
        if !self.is_serving() && (state.good_looks > 0 || state.is_new) {
            tracing::warn!(replica = self.name, trouble, "a replica is not asked");
        }
        state.is_new = false;
        state.good_looks = 0;
        state.lag = None;
        state.trouble = Some(trouble.to_owned());
        if self.serving.swap(false, Ordering::AcqRel) {
            self.metrics.replica_serving(&self.name, false);
            tracing::warn!(replica = self.name, trouble, "a replica is asked no more");
        }
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How a server follows others.
pub(crate) enum Following {
    Nobody,
    Well,
    Badly(Trouble),
    /// The user may not ask.
    Unseen,
}

pub(crate) async fn following(
    connection: &mut MySqlConnection,
    family: Family,
    most: Duration,
) -> Result<Following, sqlx::Error> {
    match sqlx::raw_sql(family.status()).fetch_all(connection).await {
        Ok(channels) if channels.is_empty() => Ok(Following::Nobody),
        Ok(channels) => {
            let trouble = channels.iter().find_map(|channel| trouble_of(channel, most));
            Ok(trouble.map_or(Following::Well, Following::Badly))
        }
        Err(sqlx::Error::Database(refused)) if is_forbidden(refused.as_ref()) => Ok(Following::Unseen),
        Err(error) => Err(error),
    }
}

/// What is wrong with a channel of a replica.
fn trouble_of(channel: &MySqlRow, most: Duration) -> Option<Trouble> {
    let text = |names: [&str; 2]| {
        names.iter().find_map(|name| channel.try_get_unchecked::<Option<String>, _>(*name).ok()).flatten()
    };
    let stopped = |thread, names, error| {
        let running = text(names).unwrap_or_default();
        let said = text([error, error]).filter(|said| !said.is_empty());
        let said = said.map(|said| format!(": {said}")).unwrap_or_default();
        (running != "Yes").then(|| format!("the thread that {thread} is not running ({running}){said}"))
    };
    if let Some(trouble) = stopped("applies", ["Slave_SQL_Running", "Replica_SQL_Running"], "Last_SQL_Error") {
        return Some(Trouble::Of(trouble));
    }
    if let Some(trouble) = stopped("receives", ["Slave_IO_Running", "Replica_IO_Running"], "Last_IO_Error") {
        return Some(Trouble::Deaf(trouble));
    }
    let lag = ["Seconds_Behind_Master", "Seconds_Behind_Source"];
    match lag.iter().find_map(|name| channel.try_get_unchecked::<Option<i64>, _>(*name).ok()).flatten() {
        None => Some(Trouble::Deaf("it does not know how far it is behind".to_owned())),
        Some(seconds) if seconds.unsigned_abs() > most.as_secs() => {
            Some(Trouble::Of(format!("it is {seconds} s behind")))
        }
        Some(_) => None,
    }
}

/// No right to look at the state of replication.
fn is_forbidden(error: &dyn sqlx::error::DatabaseError) -> bool {
    let number = error.try_downcast_ref::<sqlx::mysql::MySqlDatabaseError>().map(|error| error.number());
    matches!(number, Some(1227))
}

fn story(error: &Error) -> String {
    match std::error::Error::source(error) {
        Some(source) => format!("{error}: {source}"),
        None => error.to_string(),
    }
}
