//! Which engine the suites that run on every engine run on, and an empty database of it.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{OnceLock, mpsc};

use crate::MariaDb;

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

/// What PicUp calls that engine.
///
/// # Panics
/// As [`fresh_database`].
#[must_use]
pub fn name() -> &'static str {
    if server().is_some() { "mysql" } else { "sqlite" }
}

/// The server that [`fresh_database`] makes databases on; `None` on SQLite.
fn server() -> Option<&'static MariaDb> {
    static SERVER: OnceLock<MariaDb> = OnceLock::new();
    #[allow(clippy::disallowed_methods, reason = "the suite says which engine its tests run on")]
    match std::env::var("PICUP_TEST_ENGINE").as_deref() {
        Err(_) => None,
        Ok("mariadb") => Some(SERVER.get_or_init(start)),
        Ok(other) => panic!("PICUP_TEST_ENGINE is '{other}'; the engines are mariadb, and sqlite without it"),
    }
}

/// The thread that starts it stays, because the server ends with it.
fn start() -> MariaDb {
    let (started, server) = mpsc::channel();
    std::thread::spawn(move || {
        started.send(MariaDb::start(&[]).expect("MariaDB starts")).expect("somebody waits for it");
        loop {
            std::thread::park();
        }
    });
    server.recv().expect("MariaDB starts")
}
