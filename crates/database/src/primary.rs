//! Whether the primary answers. It is asked once a second by a heartbeat that it writes, which the replicas receive: so the
//! heartbeat's age on a replica is how far behind it is.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::{Duration, Instant};

use sqlx::Row;
use tokio::sync::{Notify, watch};

use crate::Metrics;
use crate::credentials::{Kept, SignIn};
use crate::family::Family;
use crate::position::Position;

const BEAT_EVERY: Duration = Duration::from_secs(1);
/// A beat that takes longer has failed: a server that has much to do may take its time, and one that is gone refuses at once.
const PATIENCE: Duration = Duration::from_secs(5);

/// The present moment in microseconds UTC: what a heartbeat says.
pub(crate) type Now = Arc<dyn Fn() -> i64 + Send + Sync>;

pub(crate) struct Primary {
    name: String,
    sign_in: SignIn,
    pub(crate) now: Now,
    up: AtomicBool,
    /// What the newest heartbeat says that it has taken.
    last_beat: AtomicI64,
    beaten: watch::Sender<Instant>,
    look_now: Notify,
    metrics: Metrics,
}

impl Primary {
    pub(crate) fn new(name: String, sign_in: SignIn, now: Now, metrics: Metrics) -> Self {
        // It has answered a moment ago.
        let last_beat = AtomicI64::new(now());
        let beaten = watch::Sender::new(Instant::now());
        metrics.primary_is_up(&name, true);
        Self { name, sign_in, now, up: AtomicBool::new(true), last_beat, beaten, look_now: Notify::new(), metrics }
    }

    /// Whether it answered when it was asked last.
    pub(crate) fn is_up(&self) -> bool {
        self.up.load(Ordering::Acquire)
    }

    /// What the newest heartbeat says that it has taken: while it is away, nobody can have a newer one.
    pub(crate) fn last_beat(&self) -> i64 {
        self.last_beat.load(Ordering::Acquire)
    }

    pub(crate) fn look_now(&self) {
        self.look_now.notify_one();
    }

    /// Waits until it is found to be away.
    pub(crate) async fn is_away(&self) {
        let mut beaten = self.beaten.subscribe();
        while self.is_up() && beaten.changed().await.is_ok() {}
    }

    /// Whether it answers now.
    pub(crate) async fn answers(&self) -> bool {
        let asked = Instant::now();
        let mut beaten = self.beaten.subscribe();
        self.look_now();
        let beat = beaten.wait_for(|at| *at >= asked);
        tokio::time::timeout(PATIENCE, beat).await.is_ok_and(|beat| beat.is_ok()) && self.is_up()
    }

    /// Beats for ever; `learnt` hears how far everything is that was committed at a moment.
    pub(crate) async fn watch(self: Arc<Self>, family: Family, learnt: impl Fn(Position, Instant)) {
        let mut kept = Kept::new(self.sign_in.clone());
        loop {
            let begun = Instant::now();
            let mut beat = self.beat(&mut kept, family).await;
            if matches!(beat, Err(Miss::Failed(_))) {
                // The connection may have ended by itself: a new one tells.
                kept.let_go();
                beat = self.beat(&mut kept, family).await;
            }
            let up = beat.is_ok();
            self.metrics.primary_is_up(&self.name, up);
            if self.up.swap(up, Ordering::AcqRel) != up {
                match &beat {
                    Ok(_) => tracing::info!("the primary answers again"),
                    Err(trouble) => tracing::error!(%trouble, "the primary does not answer; reads go on from replicas"),
                }
            }
            match beat {
                Ok(newest) => learnt(newest, begun),
                Err(_) => kept.let_go(),
            }
            self.beaten.send_replace(begun);
            tokio::select! {
                () = tokio::time::sleep(BEAT_EVERY) => {}
                () = self.look_now.notified() => {}
            }
        }
    }

    async fn beat(&self, kept: &mut Kept, family: Family) -> Result<Position, Miss> {
        let now = (self.now)();
        let beat = async {
            let connection = kept.connection().await?;
            let beat = sqlx::query("UPDATE heartbeat SET beat_at = ? WHERE id = 1").bind(now);
            beat.execute(&mut *connection).await?;
            sqlx::raw_sql(family.newest()).fetch_one(connection).await?.try_get::<String, _>(0)
        };
        let said = tokio::time::timeout(PATIENCE, beat).await.map_err(|_| Miss::TimedOut)?;
        let said = said.map_err(|error| Miss::Failed(error.to_string()))?;
        self.last_beat.store(now, Ordering::Release);
        Position::parse(&said).ok_or_else(|| Miss::Failed(format!("its position makes no sense: {said}")))
    }
}

/// Why a heartbeat was not taken.
#[derive(Debug, thiserror::Error)]
enum Miss {
    #[error("it does not answer in time")]
    TimedOut,
    #[error("{0}")]
    Failed(String),
}
