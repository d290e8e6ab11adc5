//! One PicUp serves from a database at a time: a second one would take up what the first is at. A SQLite file lies in the folder
//! that its PicUp has locked; a server's database is claimed by a lock of the server's own, which ends with its connection.

use std::time::{Duration, Instant};

use sqlx::any::AnyConnectOptions;
use sqlx::{AnyConnection, AssertSqlSafe, Connection, Row};

use crate::engine::server_options;
use crate::{Database, Error, Place, Settings};

/// The lock. Hashed, because MySQL takes names of locks up to 64 letters, and so long may be the database's own.
pub(crate) const LOCK: &str = "SHA2(CONCAT(DATABASE(), '.picup.serve'), 224)";
/// How long one that was just killed may take to let go of it, and how often that is looked at.
const PATIENCE: Duration = Duration::from_secs(5);
const LOOK_EVERY: Duration = Duration::from_millis(200);
/// The connection is never idle, which a server may end, and that it has ended shows at once.
const BUSY: &str = "DO SLEEP(20)";
const BUSY_PATIENCE: Duration = Duration::from_secs(30);

/// A database that this process alone serves from, as long as this lives.
#[derive(Debug)]
pub struct Claim(Option<Held>);

#[derive(Debug)]
struct Held {
    connection: AnyConnection,
    id: i64,
}

impl Claim {
    /// Claims a database for this process, before it is opened: what another one serves from is not to be migrated meanwhile.
    ///
    /// # Errors
    /// [`Error::Place`] when another process has claimed it, else as [`Database::open`].
    pub async fn make(settings: &Settings) -> Result<Self, Error> {
        sqlx::any::install_default_drivers();
        let Place::MySql(server) = &settings.place else { return Ok(Self(None)) };
        let (options, begun) = (server_options(server)?, Instant::now());
        loop {
            match claim(&options).await? {
                Claimed::Ours(held) => return Ok(Self(Some(held))),
                Claimed::By(_) if begun.elapsed() < PATIENCE => tokio::time::sleep(LOOK_EVERY).await,
                Claimed::By(_) => {
                    let advice = "another PicUp is serving from this database; stop it first, or give each a database of its own";
                    return Err(Error::Place(advice.to_owned()));
                }
            }
        }
    }

    /// Keeps the claim, also when the server was away and has forgotten it. Ends when another process has it meanwhile: then
    /// nothing may be written any more.
    pub async fn keep(self, database: &Database) {
        let Self(Some(mut held)) = self else { return std::future::pending().await };
        loop {
            let busy = sqlx::raw_sql(BUSY).execute(&mut held.connection);
            if matches!(tokio::time::timeout(BUSY_PATIENCE, busy).await, Ok(Ok(_))) {
                continue;
            }
            tracing::warn!("the connection that claims the database has ended; claiming it again");
            match again(held.id, || database.inner.writer.connect_options()).await {
                Some(again) => held = again,
                None => return tracing::error!("another PicUp serves from this database"),
            }
        }
    }
}

enum Claimed {
    Ours(Held),
    /// The connection that has it, if one still has.
    By(Option<i64>),
}

async fn claim(options: &AnyConnectOptions) -> Result<Claimed, Error> {
    let mut connection = AnyConnection::connect_with(options).await?;
    // In this order: a lock that is free by the time that its holder is asked for is nobody's.
    let asked = format!(
        "SELECT GET_LOCK({LOCK}, 0) AS held, CAST(CONNECTION_ID() AS SIGNED) AS id, CAST(IS_USED_LOCK({LOCK}) AS SIGNED) AS holder"
    );
    let row = sqlx::query(AssertSqlSafe(asked)).fetch_one(&mut connection).await?;
    if row.try_get::<Option<i64>, _>("held")? == Some(1) {
        return Ok(Claimed::Ours(Held { connection, id: row.try_get("id")? }));
    }
    Ok(Claimed::By(row.try_get("holder")?))
}

/// Claims it anew as soon as the server answers; `None` when another process has.
async fn again(before: i64, options: impl Fn() -> std::sync::Arc<AnyConnectOptions>) -> Option<Held> {
    loop {
        match tokio::time::timeout(PATIENCE, claim(&options())).await {
            Ok(Ok(Claimed::Ours(held))) => return Some(held),
            // The server has not noticed yet that the connection is gone.
            Ok(Ok(Claimed::By(Some(holder)))) if holder == before => end(before, &options()).await,
            Ok(Ok(Claimed::By(Some(_)))) => return None,
            Ok(Ok(Claimed::By(None))) => {}
            Ok(Err(error)) => tracing::debug!(%error, "the database cannot be claimed again yet"),
            Err(_) => tracing::debug!("the database does not answer; it cannot be claimed again yet"),
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// Ends a connection of this user's.
async fn end(id: i64, options: &AnyConnectOptions) {
    let end = async {
        let mut connection = AnyConnection::connect_with(options).await?;
        sqlx::raw_sql(AssertSqlSafe(format!("KILL {id}"))).execute(&mut connection).await?;
        connection.close().await
    };
    let ended = tokio::time::timeout(PATIENCE, end).await;
    tracing::debug!(id, ?ended, "ended the connection that had claimed the database");
}
