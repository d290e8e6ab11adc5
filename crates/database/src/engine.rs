//! Opens the database: finds the place, settles the file's mode, migrates, and makes the two bounded pools. Called once by
//! `picup` (and by tests).

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use picup_domain::Clock;
use sqlx::any::AnyConnectOptions;
use sqlx::mysql::MySqlConnectOptions;
use sqlx::{AnyConnection, Connection, Executor, Row};

use crate::credentials::SignIn;
use crate::dialect::Dialect;
use crate::family::Family;
use crate::pools::Pools;
use crate::position::Position;
use crate::primary::Primary;
use crate::replica::{Limits, Replica};
use crate::replicas::Replicas;
use crate::routing::{Database, Inner};
use crate::{Error, Metrics, migrations, transfer};

/// A connection to a server is replaced after that, so that what changes there (a certificate, a user's rights) reaches all.
const SERVER_LIFE: Duration = Duration::from_secs(30 * 60);

/// How to open the database.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where it is.
    pub place: Place,
    /// How many transactions may read at once, from 1, on each server. Each costs about a megabyte when used.
    pub readers: u32,
    /// Servers that follow the one in `place` and answer reads.
    pub replication: Option<Replication>,
    /// How long a connection to a server is used before it is replaced.
    pub connection_life: Duration,
}

/// Replicas, and when they may be asked.
#[derive(Clone)]
pub struct Replication {
    /// At least one, all of the same family as the primary.
    pub replicas: Vec<Server>,
    /// One that is further behind, by the clock, is asked no more until it has caught up.
    pub max_lag: Duration,
    /// How long a read waits for a replica that has not yet got what its client has seen, before the primary answers.
    pub wait: Duration,
    /// Where "now" comes from, for the heartbeat.
    pub clock: Arc<dyn Clock>,
}

impl std::fmt::Debug for Replication {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.replicas.iter().map(|server| &server.url)).finish()
    }
}

/// Where a database is.
#[derive(Clone)]
pub enum Place {
    /// A SQLite file; made when it does not exist, in a folder that must. The `-wal` and `-shm` files beside it belong to it.
    Sqlite(PathBuf),
    /// A database of a MySQL or MariaDB server; it must exist.
    MySql(Server),
}

/// A database of a server, and who may use it.
#[derive(Clone)]
pub struct Server {
    /// Its address, as `mysql://USER@HOST:PORT/NAME`.
    pub url: String,
    /// The user's password, if it needs one.
    pub password: Option<String>,
}

impl std::fmt::Debug for Server {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.url)
    }
}

impl std::fmt::Debug for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Sqlite(path) => f.debug_tuple("Sqlite").field(path).finish(),
            Self::MySql(server) => f.debug_tuple("MySql").field(&server.url).finish(),
        }
    }
}

impl Settings {
    /// A SQLite file with four readers.
    #[must_use]
    pub fn sqlite(path: impl Into<PathBuf>) -> Self {
        Self { place: Place::Sqlite(path.into()), readers: 4, replication: None, connection_life: SERVER_LIFE }
    }

    /// A database of a MySQL or MariaDB server whose user has no password, with four readers.
    #[must_use]
    pub fn mysql(url: impl Into<String>) -> Self {
        let place = Place::MySql(Server { url: url.into(), password: None });
        Self { place, readers: 4, replication: None, connection_life: SERVER_LIFE }
    }
}

/// What opening does to the schema.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Schema {
    Migrated,
    AsItIs,
}

impl Database {
    /// Opens the database, making or migrating it when needed.
    ///
    /// # Errors
    /// [`Error::Place`] when the file cannot be made or used there, [`Error::Damaged`] when it is not a database,
    /// [`Error::NewerSchema`] when a newer PicUp wrote it, [`Error::Busy`] when another process keeps it locked,
    /// [`Error::Engine`] when a server does not answer or refuses.
    pub async fn open(settings: &Settings, metrics: Metrics) -> Result<Self, Error> {
        Self::open_as(settings, metrics, Schema::Migrated).await
    }

    /// Opens a database that another program may be using, to look at it: its schema stays as it is.
    ///
    /// # Errors
    /// As [`Database::open`].
    pub async fn open_to_look(settings: &Settings) -> Result<Self, Error> {
        Self::open_as(settings, Metrics::default(), Schema::AsItIs).await
    }

    async fn open_as(settings: &Settings, metrics: Metrics, schema: Schema) -> Result<Self, Error> {
        sqlx::any::install_default_drivers();
        let (dialect, options) = match &settings.place {
            Place::Sqlite(path) => (Dialect::Sqlite, sqlite_options(path).await?),
            Place::MySql(server) => (Dialect::MySql, server_options(server)?),
        };

        // A connection of its own, because a pool would try a failing one again until it reports a mere time-out.
        let mut first = AnyConnection::connect_with(&options).await?;
        first.execute(dialect.prepare_writer()).await?;
        transfer::is_complete(&mut first).await?;
        if schema == Schema::Migrated {
            if dialect == Dialect::Sqlite {
                keep_a_log(&mut first).await?;
            }
            migrations::run(&mut first, dialect).await?;
        }

        let pools = Pools::new(dialect, settings);
        let writer = pools.writer().connect_with(options.clone()).await?;
        let primary = match &settings.place {
            Place::Sqlite(_) => None,
            Place::MySql(server) => Some((name(server), sign_in(server)?)),
        };
        let replicas = match (&primary, &settings.replication) {
            // Who looks on does not beat.
            (Some((name, sign_in)), Some(replication)) if schema == Schema::Migrated => {
                let now = Arc::clone(&replication.clock);
                let now = Arc::new(move || now.now().micros());
                let primary = Primary::new(name.clone(), sign_in.clone(), now, metrics.clone());
                Some(replicas(&mut first, primary, replication, &pools, &metrics).await?)
            }
            _ => None,
        };
        first.close().await?;
        let readers = pools.readers().connect_with(options).await?;
        if let Some(replicas) = &replicas {
            replicas.start();
        }
        let inner = Inner {
            dialect,
            writer,
            readers,
            replicas,
            sign_in: primary.map(|(_, sign_in)| sign_in),
            changed: pools.changed,
            metrics,
            #[cfg(test)]
            plans: std::sync::Mutex::default(),
        };
        Ok(Self { inner: Arc::new(inner), seen: None })
    }
}

/// Turns the write-ahead log on: readers and the writer do not wait for each other, and a commit is one append and one sync.
pub(crate) async fn keep_a_log(connection: &mut AnyConnection) -> Result<(), Error> {
    let row = sqlx::query("PRAGMA journal_mode = WAL").fetch_one(connection).await?;
    let mode: String = row.try_get(0)?;
    if mode == "wal" {
        Ok(())
    } else {
        Err(Error::Place("its file system has no shared memory for SQLite's log; use a local disk".to_owned()))
    }
}

/// The address of a SQLite file, made first if need be so that only this user can read it: it holds password hashes.
async fn sqlite_options(path: &Path) -> Result<AnyConnectOptions, Error> {
    let place = |reason: String| Error::Place(format!("{}: {reason}", path.display()));
    let name = path.file_name().ok_or_else(|| place("not a file name".to_owned()))?;
    let folder = match path.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    };
    let folder = tokio::fs::canonicalize(folder).await.map_err(|error| place(error.to_string()))?;
    let full = folder.join(name);
    let mut open = tokio::fs::OpenOptions::new();
    open.read(true).write(true).create(true).truncate(false).mode(0o600);
    open.open(&full).await.map_err(|error| place(error.to_string()))?;
    let text = full.to_str().ok_or_else(|| place("the path is not UTF-8".to_owned()))?;
    Ok(sqlite_address(text, "mode=rw").parse()?)
}

/// The address of a SQLite file for the driver.
pub(crate) fn sqlite_address(path: &str, options: &str) -> String {
    format!("sqlite://{}?{options}", percent_encoded(path))
}

/// The replicas, whose tables are the primary's.
async fn replicas(
    first: &mut AnyConnection,
    primary: Primary,
    replication: &Replication,
    pools: &Pools,
    metrics: &Metrics,
) -> Result<Arc<Replicas>, Error> {
    let family = family_of_primary(first).await?;
    let limits = Limits { lag: replication.max_lag, wait: replication.wait };
    let all = replication.replicas.iter().map(|server| {
        let pool = pools.readers_of_a_replica().connect_lazy_with(server_options(server)?);
        Ok(Replica::new(name(server), pool, sign_in(server)?, family, limits, metrics.clone()))
    });
    let all = all.collect::<Result<Vec<_>, Error>>()?;
    // Nobody is known to have seen less: not before a restart of this program, nor a schema older than its own.
    let row = sqlx::query(family.newest()).fetch_one(first).await?;
    let newest = Position::of(&row)?;
    Ok(Replicas::new(all, family, primary, newest, metrics.clone()))
}

/// Whose words a server speaks that others are to follow.
///
/// # Errors
/// [`Error::Place`] when nobody could tell what its followers have.
pub(crate) async fn family_of_primary(primary: &mut AnyConnection) -> Result<Family, Error> {
    let asked = "SELECT VERSION() AS version, CAST(@@log_bin AS SIGNED) AS logs";
    let row = sqlx::query(asked).fetch_one(&mut *primary).await?;
    let family = Family::of(&row.try_get::<String, _>("version")?);
    let logs = row.try_get::<i64, _>("logs")? == 1;
    match if logs { family.lacking(primary).await? } else { Some("it writes no binary log (log_bin)") } {
        Some(lacking) => Err(Error::Place(format!("{lacking}, so what a replica has cannot be told"))),
        None => Ok(family),
    }
}

/// What a server is called in reports: `HOST:PORT`.
pub(crate) fn name(server: &Server) -> String {
    let options = server.url.parse::<MySqlConnectOptions>();
    options.map(|options| format!("{}:{}", options.get_host(), options.get_port())).unwrap_or_default()
}

fn sign_in(server: &Server) -> Result<SignIn, Error> {
    let options: MySqlConnectOptions = server.url.parse()?;
    Ok(SignIn::new(match &server.password {
        Some(password) => options.password(password),
        None => options,
    }))
}

pub(crate) fn server_options(server: &Server) -> Result<AnyConnectOptions, Error> {
    let mut options: AnyConnectOptions = server.url.parse()?;
    options
        .database_url
        .set_password(server.password.as_deref())
        .map_err(|()| Error::Place(format!("{} names no host; write mysql://USER@HOST:PORT/NAME", server.url)))?;
    Ok(options)
}

fn percent_encoded(path: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/-_.~".contains(&byte);
    path.bytes().map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}
