//! Whether the primary answers. It is asked once a second by a heartbeat that it writes, which the replicas receive: so the
//! heartbeat's age on a replica is how far behind it is.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use sqlx::Row;
use sqlx::mysql::MySqlConnection;
use tokio::sync::{Notify, watch};

use crate::credentials::SignIn;
use crate::position::Position;
use crate::replica::Family;

const BEAT_EVERY: Duration = Duration::from_secs(1);
/// A beat that takes longer has failed: a server that has much to do may take its time, and one that is gone refuses at once.
const PATIENCE: Duration = Duration::from_secs(3);

/// The present moment in microseconds UTC: what a heartbeat says.
pub(crate) type Now = Arc<dyn Fn() -> i64 + Send + Sync>;

pub(crate) struct Primary {
    sign_in: SignIn,
    pub(crate) now: Now,
    up: AtomicBool,
    beaten: watch::Sender<Instant>,
    look_now: Notify,
}

impl Primary {
    pub(crate) fn new(sign_in: SignIn, now: Now) -> Self {
        let beaten = watch::Sender::new(Instant::now());
        Self { sign_in, now, up: AtomicBool::new(true), beaten, look_now: Notify::new() }
    }

    /// Whether it answered when it was asked last.
    pub(crate) fn is_up(&self) -> bool {
        self.up.load(Ordering::Acquire)
    }

    pub(crate) fn look_now(&self) {
        self.look_now.notify_one();
    }

    /// Whether it answers now.
    pub(crate) async fn answers(&self) -> bool {
        let asked = Instant::now();
        let mut beaten = self.beaten.subscribe();
        self.look_now();
        let beat = beaten.wait_for(|at| *at >= asked);
        tokio::time::timeout(PATIENCE, beat).await.is_ok_and(|beat| beat.is_ok()) && self.is_up()
    }

    /// Beats for ever; `learnt` hears how far everything is that is committed.
    pub(crate) async fn watch(self: Arc<Self>, family: Family, learnt: impl Fn(Position)) {
        let mut connection = None;
        loop {
            let begun = Instant::now();
            let mut beat = self.beat(&mut connection, family).await;
            if beat.is_err() {
                // The connection may have ended by itself: a new one tells.
                connection = None;
                beat = self.beat(&mut connection, family).await;
            }
            let up = beat.is_ok();
            if self.up.swap(up, Ordering::AcqRel) != up {
                match &beat {
                    Ok(_) => tracing::info!("the primary answers again"),
                    Err(trouble) => tracing::error!(trouble, "the primary does not answer; reads go on from replicas"),
                }
            }
            match beat {
                Ok(newest) => learnt(newest),
                Err(_) => connection = None,
            }
            self.beaten.send_replace(begun);
            tokio::select! {
                () = tokio::time::sleep(BEAT_EVERY) => {}
                () = self.look_now.notified() => {}
            }
        }
    }

    async fn beat(&self, connection: &mut Option<MySqlConnection>, family: Family) -> Result<Position, String> {
        let beat = async {
            if connection.is_none() {
                *connection = Some(self.sign_in.connect().await?);
            }
            let connection = connection.as_mut().ok_or(sqlx::Error::PoolClosed)?;
            let beat = sqlx::query("UPDATE heartbeat SET beat_at = ? WHERE id = 1").bind((self.now)());
            beat.execute(&mut *connection).await?;
            sqlx::raw_sql(family.newest()).fetch_one(connection).await?.try_get::<String, _>(0)
        };
        let said = tokio::time::timeout(PATIENCE, beat).await.map_err(|_| "it does not answer in time".to_owned())?;
        let said = said.map_err(|error| error.to_string())?;
        Position::parse(&said).ok_or_else(|| format!("its position makes no sense: {said}"))
    }
}
