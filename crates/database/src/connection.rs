//! A connection that a pool has lent, and the transaction on it. Requests are given up at any moment, when a phone loses its
//! network say, and a driver that is left in the middle of a statement takes the answer to it for the answer to the next. So a
//! connection that is dropped amid a statement is closed, and the engine undoes what it had begun.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use sqlx::any::{AnyArguments, AnyQueryResult, AnyRow};
use sqlx::pool::PoolConnection;
use sqlx::{Any, AnyPool, AssertSqlSafe, Row};

use crate::dialect::Dialect;
use crate::primary::Primary;
use crate::replica::{Replica, STATEMENT_PATIENCE};
use crate::{Error, migrations};

/// A server that has not answered by then is gone: no statement of PicUp's takes as long.
const PATIENCE: Duration = Duration::from_secs(60);
/// The same for undoing what only read.
const ROLLBACK_PATIENCE: Duration = Duration::from_secs(2);

pub(crate) struct Lent {
    /// `None` only once it is given back.
    connection: Option<PoolConnection<Any>>,
    amid: bool,
    in_transaction: bool,
    to: To,
}

/// Where a connection leads to.
pub(crate) enum To {
    /// A database without replicas.
    All,
    /// One with replicas: once it is found to be away, nobody waits for it.
    Primary(Arc<Primary>),
    /// Another may answer sooner.
    Replica(Arc<Replica>),
}

impl Lent {
    pub(crate) async fn from(pool: &AnyPool, to: To) -> Result<Self, Error> {
        Ok(Self { connection: Some(pool.acquire().await?), amid: false, in_transaction: false, to })
    }

    /// A connection on which a transaction has begun.
    pub(crate) async fn begin(pool: &AnyPool, begin: &'static str, to: To) -> Result<Self, Error> {
        let mut lent = Self::from(pool, to).await?;
        lent.say(begin).await?;
        lent.in_transaction = true;
        Ok(lent)
    }

    pub(crate) async fn commit(&mut self) -> Result<(), Error> {
        self.say("COMMIT").await?;
        self.in_transaction = false;
        Ok(())
    }

    /// A statement without values or an answer.
    pub(crate) async fn say(&mut self, sql: &'static str) -> Result<(), Error> {
        self.amid(async |connection| sqlx::raw_sql(sql).execute(connection).await).await?;
        Ok(())
    }

    /// What a statement without values answers.
    pub(crate) async fn ask(&mut self, sql: impl Into<String>) -> Result<Vec<AnyRow>, Error> {
        let sql = AssertSqlSafe(sql.into());
        self.amid(async |connection| sqlx::raw_sql(sql).fetch_all(connection).await).await
    }

    /// The one row that a statement without values answers.
    pub(crate) async fn row(&mut self, sql: &'static str) -> Result<AnyRow, Error> {
        Ok(self.ask(sql).await?.pop().ok_or(sqlx::Error::RowNotFound)?)
    }

    /// The schema that the database has.
    pub(crate) async fn schema(&mut self) -> Result<i64, Error> {
        Ok(self.row(migrations::VERSION).await?.try_get("version")?)
    }

    pub(crate) async fn all(&mut self, sql: Cow<'static, str>, values: AnyArguments) -> Result<Vec<AnyRow>, Error> {
        let sql = AssertSqlSafe(sql);
        self.amid(async |connection| sqlx::query_with(sql, values).fetch_all(connection).await).await
    }

    pub(crate) async fn one(&mut self, sql: Cow<'static, str>, values: AnyArguments) -> Result<Option<AnyRow>, Error> {
        let sql = AssertSqlSafe(sql);
        self.amid(async |connection| sqlx::query_with(sql, values).fetch_optional(connection).await).await
    }

    pub(crate) async fn run(&mut self, sql: Cow<'static, str>, values: AnyArguments) -> Result<AnyQueryResult, Error> {
        let sql = AssertSqlSafe(sql);
        self.amid(async |connection| sqlx::query_with(sql, values).execute(connection).await).await
    }

    async fn amid<T>(
        &mut self,
        work: impl AsyncFnOnce(&mut sqlx::AnyConnection) -> Result<T, sqlx::Error>,
    ) -> Result<T, Error> {
        let connection = self.connection.as_mut().ok_or(sqlx::Error::PoolClosed)?;
        self.amid = true;
        let is_server = Dialect::of(connection) != Dialect::Sqlite;
        let done = tokio::select! {
            biased;
            done = work(connection) => done,
            silence = self.to.is_silent(), if is_server => return Err(silence),
        };
        self.amid = false;
        done.map_err(|error| match &self.to {
            // Whatever it was, it may be a reason of the replica's own: that it is shutting down, say.
            To::Replica(replica) => replica.lost(&error.to_string()),
            _ => error.into(),
        })
    }
}

impl To {
    /// Waits until a server has not answered for so long that it will not.
    async fn is_silent(&self) -> Error {
        let silent = || std::io::Error::new(std::io::ErrorKind::TimedOut, "the server does not answer");
        match self {
            Self::All => {
                tokio::time::sleep(PATIENCE).await;
                Error::Lost(silent())
            }
            Self::Primary(primary) => {
                let _ = tokio::time::timeout(PATIENCE, primary.is_away()).await;
                Error::Lost(silent())
            }
            Self::Replica(replica) => {
                tokio::time::sleep(STATEMENT_PATIENCE).await;
                replica.lost("it does not answer in time")
            }
        }
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        let Some(mut connection) = self.connection.take() else { return };
        if !self.amid && !self.in_transaction {
            return;
        }
        match tokio::runtime::Handle::try_current() {
            Ok(runtime) if !self.amid => {
                runtime.spawn(async move {
                    // A full disk may have ended the transaction already; then there is nothing to go back to.
                    let undone = sqlx::raw_sql("ROLLBACK").execute(&mut *connection);
                    if !matches!(tokio::time::timeout(ROLLBACK_PATIENCE, undone).await, Ok(Ok(_))) {
                        drop(connection.detach());
                    }
                });
            }
            _ => drop(connection.detach()),
        }
    }
}
