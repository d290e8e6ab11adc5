//! The bounded pools of connections: how many, how long one waits for one, and when one is replaced.

use std::time::Duration;

use sqlx::any::AnyPoolOptions;
use sqlx::{Connection, Executor};

use crate::Settings;
use crate::credentials::Changed;
use crate::dialect::Dialect;

/// A turn to write, not a connection, is what is waited for: longer than any sane transaction. A request that waited this long had
/// better tell its client.
const WRITER_WAIT: Duration = Duration::from_secs(4);
/// One at a time writes, wherever it waits for its turn.
const WRITERS: u32 = 1;
const READER_WAIT: Duration = Duration::from_millis(800);
/// Another replica, or the primary, may be quicker.
const REPLICA_WAIT: Duration = Duration::from_millis(250);
/// After so long without use a connection to a server is asked whether it still stands before it is lent.
const TRUSTED: Duration = Duration::from_secs(1);

/// How the pools of one database are made.
pub(crate) struct Pools {
    dialect: Dialect,
    readers: u32,
    life: Duration,
    pub(crate) changed: Changed,
}

impl Pools {
    pub(crate) fn new(dialect: Dialect, settings: &Settings) -> Self {
        let (readers, life) = (settings.readers.max(1), settings.connection_life);
        Self { dialect, readers, life, changed: Changed::default() }
    }

    pub(crate) fn writer(&self) -> AnyPoolOptions {
        self.pool(WRITERS, WRITER_WAIT, self.dialect.prepare_writer())
    }

    pub(crate) fn readers(&self) -> AnyPoolOptions {
        self.pool(self.readers, READER_WAIT, self.dialect.prepare_reader())
    }

    pub(crate) fn readers_of_a_replica(&self) -> AnyPoolOptions {
        self.pool(self.readers, REPLICA_WAIT, self.dialect.prepare_reader())
    }

    /// A pool whose connections are all told `prepare` first. Connections to a local file do not go stale, so they are neither
    /// tested nor replaced.
    fn pool(&self, size: u32, wait: Duration, prepare: &'static str) -> AnyPoolOptions {
        let pool =
            AnyPoolOptions::new().max_connections(size).acquire_timeout(wait).test_before_acquire(false).after_connect(
                move |connection, _| {
                    Box::pin(async move {
                        connection.execute(prepare).await?;
                        Ok(())
                    })
                },
            );
        if self.dialect == Dialect::Sqlite {
            return pool.idle_timeout(None).max_lifetime(None);
        }
        let changed = self.changed.clone();
        pool.idle_timeout(self.life).max_lifetime(self.life).before_acquire(move |connection, lent| {
            let is_old = changed.is_after(lent.age);
            Box::pin(async move {
                if !is_old && lent.idle_for > TRUSTED {
                    connection.ping().await?;
                }
                Ok(!is_old)
            })
        })
    }
}
