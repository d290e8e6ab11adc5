//! Who serves from a database: one process that does all, or several that each do a part. One that does all takes up what a killed run
//! left, which nobody else may be at. A SQLite file lies in the folder that its PicUp has locked; a server's database is claimed by
//! locks of the server's own, which end with their connection.
//!
//! Such a lock has one holder. So each of several holds one of a number of places, and one that does all sees that none of them is taken.

use std::time::{Duration, Instant};

use sqlx::any::AnyConnectOptions;
use sqlx::{AnyConnection, AssertSqlSafe, Connection, Row};

use crate::engine::server_options;
use crate::{Database, Error, Place, Settings};

/// The lock of one that does all.
const ALL: &str = "serve";
/// How many may do a part each.
const PLACES: usize = 64;
/// How long one that was just killed may take to let go of it, and how often that is looked at.
const PATIENCE: Duration = Duration::from_secs(5);
const LOOK_EVERY: Duration = Duration::from_millis(200);
/// The connection is never idle, which a server may end, and that it has ended shows at once.
const BUSY: &str = "DO SLEEP(20)";
const BUSY_PATIENCE: Duration = Duration::from_secs(30);

/// What a process does with a database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    /// All there is to do; nobody else does anything.
    All,
    /// Some of it, beside others, and of these things each that nobody else does.
    Some(Vec<Alone>),
}

/// What one process does while others do the rest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Alone {
    /// Answering requests.
    Requests,
    /// The work in the background.
    Work,
}

/// A database that this process serves from, as long as this lives.
#[derive(Debug)]
pub struct Claim(Option<Held>);

#[derive(Debug)]
struct Held {
    connection: AnyConnection,
    id: i64,
    part: Part,
}

impl Claim {
    /// Claims a database for this process, before it is opened: what another one serves from alone is not to be migrated meanwhile.
    ///
    /// # Errors
    /// [`Error::Place`] when another process has claimed it for the same, else as [`Database::open`].
    pub async fn make(settings: &Settings, part: &Part) -> Result<Self, Error> {
        sqlx::any::install_default_drivers();
        let Place::MySql(server) = &settings.place else { return Ok(Self(None)) };
        let (options, begun) = (server_options(server)?, Instant::now());
        loop {
            match claim(&options, part).await? {
                Claimed::Ours(held) => return Ok(Self(Some(held))),
                Claimed::By(..) if begun.elapsed() < PATIENCE => tokio::time::sleep(LOOK_EVERY).await,
                Claimed::By(_, why) => {
                    return Err(Error::Place(why.to_owned()));
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
            match again(held.id, held.part.clone(), || database.inner.writer.connect_options()).await {
                Some(again) => held = again,
                None => return tracing::error!("another PicUp serves from this database"),
            }
        }
    }
}

enum Claimed {
    Ours(Held),
    /// The connection that has it, if one still has; and what is said of it.
    By(Option<i64>, &'static str),
}

impl Alone {
    const fn lock(self) -> &'static str {
        match self {
            Self::Requests => "requests",
            Self::Work => "work",
        }
    }

    const fn taken(self) -> &'static str {
        match self {
            Self::Requests => {
                "another PicUp answers requests for this database already; where photos are in a folder, one does. Put them into a bucket \
                 for more, or stop the other"
            }
            Self::Work => "another PicUp is the worker for this database already; there is one, and it stops first",
        }
    }
}

const ALL_TAKEN: &str = "another PicUp is serving from this database; stop it first, or give each a database of its own. Several serve from \
    one together when each plays its part: --roles api, and --roles worker for one of them";
const PLACE_TAKEN: &str =
    "a PicUp that plays all roles is serving from this database; stop it first, or start it with --roles api,worker";

/// The name of a lock, as the server reckons it. Hashed, because MySQL takes names up to 64 letters, and so long may be the database's.
fn lock(name: &str) -> String {
    format!("SHA2(CONCAT(DATABASE(), '.picup.{name}'), 224)")
}

fn place(number: usize) -> String {
    lock(&format!("part.{number}"))
}

/// Who has each of the places.
fn places() -> String {
    let used: Vec<_> = (0..PLACES).map(|number| format!("IS_USED_LOCK({})", place(number))).collect();
    used.join(", ")
}

/// The connection of one that serves, in any part; NULL if there is none.
pub(crate) fn anybody() -> String {
    format!("CAST(COALESCE(IS_USED_LOCK({}), {}) AS SIGNED)", lock(ALL), places())
}

async fn claim(options: &AnyConnectOptions, part: &Part) -> Result<Claimed, Error> {
    let mut connection = AnyConnection::connect_with(options).await?;
    let id = sqlx::query("SELECT CAST(CONNECTION_ID() AS SIGNED) AS id").fetch_one(&mut connection).await?;
    let id = id.try_get("id")?;
    match obstacle(&mut connection, part).await? {
        None => Ok(Claimed::Ours(Held { connection, id, part: part.clone() })),
        Some((holder, why)) => {
            connection.close().await?;
            Ok(Claimed::By(holder, why))
        }
    }
}

/// Takes the locks of a part, or says who is in the way. Each takes its own and then looks at those of others: of two that come at once,
/// at least one sees the other.
async fn obstacle(connection: &mut AnyConnection, part: &Part) -> Result<Option<(Option<i64>, &'static str)>, Error> {
    let Part::Some(alone) = part else {
        let taken = take(connection, &lock(ALL)).await?.err().or(others(connection).await?);
        return Ok(taken.map(|holder| (holder, ALL_TAKEN)));
    };
    for alone in alone {
        if let Err(holder) = take(connection, &lock(alone.lock())).await? {
            return Ok(Some((holder, alone.taken())));
        }
    }
    Ok(in_a_place(connection).await?.map(|holder| (holder, PLACE_TAKEN)))
}

/// Takes a lock, or says who has it.
async fn take(connection: &mut AnyConnection, lock: &str) -> Result<Result<(), Option<i64>>, Error> {
    // In this order: a lock that is free by the time that its holder is asked for is nobody's.
    let asked = format!("SELECT GET_LOCK({lock}, 0) AS held, CAST(IS_USED_LOCK({lock}) AS SIGNED) AS holder");
    let row = sqlx::query(AssertSqlSafe(asked)).fetch_one(connection).await?;
    Ok(if row.try_get::<Option<i64>, _>("held")? == Some(1) { Ok(()) } else { Err(row.try_get("holder")?) })
}

/// Takes one of the places of those that do a part; `Some` with the connection of one that does all, or of the last place.
async fn in_a_place(connection: &mut AnyConnection) -> Result<Option<Option<i64>>, Error> {
    let mut last = None;
    for number in 0..PLACES {
        match take(connection, &place(number)).await? {
            Ok(()) => {
                return holder(connection, &format!("IS_USED_LOCK({})", lock(ALL))).await.map(|all| all.map(Some));
            }
            Err(holder) => last = holder,
        }
    }
    Ok(Some(last))
}

/// Somebody who does a part.
async fn others(connection: &mut AnyConnection) -> Result<Option<Option<i64>>, Error> {
    holder(connection, &format!("COALESCE({})", places())).await.map(|other| other.map(Some))
}

async fn holder(connection: &mut AnyConnection, of: &str) -> Result<Option<i64>, Error> {
    let asked = format!("SELECT CAST({of} AS SIGNED) AS holder");
    Ok(sqlx::query(AssertSqlSafe(asked)).fetch_one(connection).await?.try_get("holder")?)
}

/// Claims it anew as soon as the server answers; `None` when another process has.
async fn again(before: i64, part: Part, options: impl Fn() -> std::sync::Arc<AnyConnectOptions>) -> Option<Held> {
    loop {
        match tokio::time::timeout(PATIENCE, claim(&options(), &part)).await {
            Ok(Ok(Claimed::Ours(held))) => return Some(held),
            // The server has not noticed yet that the connection is gone.
            Ok(Ok(Claimed::By(Some(holder), _))) if holder == before => end(before, &options()).await,
            Ok(Ok(Claimed::By(Some(_), _))) => return None,
            Ok(Ok(Claimed::By(None, _))) => {}
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
