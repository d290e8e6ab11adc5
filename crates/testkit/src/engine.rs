//! Which engine the suites that run on every engine run on, and an empty database of it.
//!
//! A MariaDB writes its log in statements, and a second one can be had that replicates it: what a statement does there must be what
//! it did here.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{OnceLock, mpsc};

use crate::DatabaseServer;
use crate::database_make::Make;

/// A new, empty database for one test: `None` means a SQLite file, and with `PICUP_TEST_ENGINE=mariadb` it is the address of one
/// of a real MariaDB, which all tests of a process share and which ends with the process.
///
/// # Panics
/// When the server cannot be started, or another engine is named.
#[must_use]
pub fn fresh_database() -> Option<String> {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let server = server()?;
    let name = format!("picup_{}", NUMBER.fetch_add(1, Ordering::Relaxed));
    server.say(&format!("CREATE DATABASE {name}")).expect("a database can be made");
    Some(server.url(&name))
}

/// The address of the same database on a server that replicates the one of [`fresh_database`], and has that database by now.
///
/// # Panics
/// When it cannot be started, or does not follow within a minute.
#[must_use]
pub fn replica_of(url: &str) -> Option<String> {
    let (primary, replica) = (server()?, replica()?);
    replica.catch_up_with(primary).expect("it follows");
    Some(replica.url(name_in(url)))
}

/// Holds the replica's copy of a database that nobody writes any more against the original, table by table.
///
/// # Panics
/// When a table differs, or the replica does not catch up within a minute.
pub fn assert_replicated(url: &str) {
    let (Some(primary), Some(replica)) = (server(), replica()) else { return };
    replica.catch_up_with(primary).expect("it follows");
    let name = name_in(url);
    let tables = format!("SELECT table_name FROM information_schema.tables WHERE table_schema = '{name}'");
    let tables = primary.say(&tables).expect("its tables");
    let list: Vec<String> = tables.lines().map(|table| format!("{name}.{table}")).collect();
    assert!(!list.is_empty(), "{name} has no tables");
    let sums = format!("CHECKSUM TABLE {}", list.join(", "));
    let (here, there) = (primary.say(&sums).expect("checksums"), replica.say(&sums).expect("checksums"));
    assert_eq!(here, there, "{name} differs on its replica");
}

fn name_in(url: &str) -> &str {
    url.rsplit('/').next().unwrap_or_default()
}

/// What PicUp calls that engine.
///
/// # Panics
/// As [`fresh_database`].
#[must_use]
pub fn name() -> &'static str {
    if server().is_some() { "mysql" } else { "sqlite" }
}

/// Whether the servers that tests start are MySQL's.
#[must_use]
pub fn is_mysql() -> bool {
    make() == Make::MySql
}

/// The server that [`fresh_database`] makes databases on; `None` on SQLite.
fn server() -> Option<&'static DatabaseServer> {
    static SERVER: OnceLock<DatabaseServer> = OnceLock::new();
    chosen().map(|_| SERVER.get_or_init(|| start(1)))
}

/// What replicates it.
fn replica() -> Option<&'static DatabaseServer> {
    static REPLICA: OnceLock<DatabaseServer> = OnceLock::new();
    let primary = server()?;
    Some(REPLICA.get_or_init(|| {
        let replica = start(2);
        replica.follow(primary.address()).expect("it follows");
        replica
    }))
}

/// Whose servers tests start: the suite's, and MariaDB's in the one that runs on SQLite.
pub(crate) fn make() -> Make {
    chosen().unwrap_or(Make::MariaDb)
}

/// What the suite runs on, when that is a server.
fn chosen() -> Option<Make> {
    #[allow(clippy::disallowed_methods, reason = "the suite says which engine its tests run on")]
    match std::env::var("PICUP_TEST_ENGINE").as_deref() {
        Err(_) => None,
        Ok("mariadb") => Some(Make::MariaDb),
        Ok("mysql") => Some(Make::MySql),
        Ok(other) => panic!("PICUP_TEST_ENGINE is '{other}'; the engines are mariadb and mysql, and sqlite without it"),
    }
}

/// The thread that starts it stays, because the server ends with it.
fn start(number: u32) -> DatabaseServer {
    let (started, server) = mpsc::channel();
    std::thread::spawn(move || {
        let server = DatabaseServer::start_numbered(number, &["--binlog-format=STATEMENT", "--sync-binlog=1"]);
        started.send(server.expect("a database server starts")).expect("somebody waits for it");
        loop {
            std::thread::park();
        }
    });
    server.recv().expect("a database server starts")
}
