//! A connection that a pool has lent, and the transaction on it. Requests are given up at any moment, when a phone loses its
//! network say, and a driver that is left in the middle of a statement takes the answer to it for the answer to the next. So a
//! connection that is dropped amid a statement is closed, and the engine undoes what it had begun.

use std::borrow::Cow;
use std::sync::Arc;

use sqlx::any::{AnyArguments, AnyQueryResult, AnyRow};
use sqlx::pool::PoolConnection;
use sqlx::{Any, AnyPool, AssertSqlSafe, Row};

use crate::replica::{Replica, STATEMENT_PATIENCE};
use crate::{Error, migrations};

pub(crate) struct Lent {
    /// `None` only once it is given back.
    connection: Option<PoolConnection<Any>>,
    amid: bool,
    in_transaction: bool,
    /// Whose connection it is, when it is a replica's: it is watched, and not waited for.
    replica: Option<Arc<Replica>>,
}

impl Lent {
    pub(crate) async fn from(pool: &AnyPool) -> Result<Self, Error> {
        Ok(Self { connection: Some(pool.acquire().await?), amid: false, in_transaction: false, replica: None })
    }

    /// A connection on which a transaction has begun.
    pub(crate) async fn begin(pool: &AnyPool, begin: &'static str) -> Result<Self, Error> {
        let mut lent = Self::from(pool).await?;
        lent.say(begin).await?;
        lent.in_transaction = true;
        Ok(lent)
    }

    /// As [`Lent::begin`], on a replica.
    pub(crate) async fn begin_on_replica(
        pool: &AnyPool,
        begin: &'static str,
        replica: Arc<Replica>,
    ) -> Result<Self, Error> {
        let mut lent = Self::from(pool).await?;
        lent.replica = Some(replica);
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
        let Some(replica) = &self.replica else {
            let done = work(connection).await;
            self.amid = false;
            return Ok(done?);
        };
        let Ok(done) = tokio::time::timeout(STATEMENT_PATIENCE, work(connection)).await else {
            replica.failed("it does not answer in time");
            return Err(Error::ReplicaLost(replica.name.clone()));
        };
        self.amid = false;
        // What it refuses for a reason of its own (it is shutting down, say) the primary would not refuse.
        done.map_err(|error| {
            replica.failed(&error.to_string());
            Error::ReplicaLost(replica.name.clone())
        })
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
                    if sqlx::raw_sql("ROLLBACK").execute(&mut *connection).await.is_err() {
                        drop(connection.detach());
                    }
                });
            }
            _ => drop(connection.detach()),
        }
    }
}
