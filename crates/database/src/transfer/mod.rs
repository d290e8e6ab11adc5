//! Moves a whole library between databases: from a SQLite file to a server ([`copy_to`]), into a file that is kept ([`backup`]),
//! and from such a file into a new place ([`restore`]). The command line calls it (`picup db …`); how rows travel and are
//! compared is in [`crate::copy`].
//!
//! Nothing here writes over a library. What is being filled says so: on a server by a table, `unfinished_copy`, for as long as
//! it stands no PicUp opens the database; of a file by another name. Both are there before the first row, and go after every row
//! was read back and compared.

mod backup;
mod file;
mod record;
mod restore;
mod server;
#[cfg(test)]
mod tests;

use std::ops::ControlFlow;
use std::path::Path;

use picup_domain::Sha256;
use sqlx::{AnyConnection, Connection, Executor, Row};

use crate::copy::{Progress, TableSum};
use crate::dialect::Dialect;
use crate::engine::{self, sqlite_address};
use crate::{Error, Server, migrations};

pub use backup::{About, BackedUp, backup};
pub use restore::{Restored, restore};
pub use server::{By, Copied, copy_to};

/// What is being done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// The pages of a file are looked at, by the engine, which does not say how far it is.
    Integrity,
    /// Rows are copied.
    Copying,
    /// Rows are read back and compared.
    Verifying,
}

/// Called again and again; [`ControlFlow::Break`] ends the work with [`Error::Interrupted`].
pub type Watch<'w> = &'w mut (dyn FnMut(Stage, Progress<'_>) -> ControlFlow<()> + Send);

/// Refuses a database that something is being copied into.
pub(crate) async fn is_complete(connection: &mut AnyConnection) -> Result<(), Error> {
    // A file has another name until it is complete.
    if Dialect::of(connection) == Dialect::MySql && record::stands(connection).await? {
        return Err(Error::Unfinished);
    }
    Ok(())
}

/// A SQLite file that is there.
async fn open_file(path: &Path, options: &str) -> Result<AnyConnection, Error> {
    sqlx::any::install_default_drivers();
    let place = |reason: String| Error::Place(format!("{}: {reason}", path.display()));
    let full = std::fs::canonicalize(path).map_err(|error| place(error.to_string()))?;
    let text = full.to_str().ok_or_else(|| place("the path is not UTF-8".to_owned()))?;
    Ok(AnyConnection::connect(&sqlite_address(text, options)).await?)
}

async fn open_server(server: &Server) -> Result<AnyConnection, Error> {
    sqlx::any::install_default_drivers();
    let mut connection = AnyConnection::connect_with(&engine::server_options(server)?).await?;
    connection.execute(Dialect::MySql.prepare_writer()).await?;
    Ok(connection)
}

/// The schema of a database; 0 when it has none.
async fn schema(connection: &mut AnyConnection) -> Result<i64, Error> {
    let has = match Dialect::of(connection) {
        Dialect::Sqlite => "SELECT COUNT(*) AS count FROM sqlite_schema WHERE name = 'schema_versions'",
        Dialect::MySql => {
            "SELECT COUNT(*) AS count FROM information_schema.tables \
             WHERE table_schema = DATABASE() AND table_name = 'schema_versions'"
        }
    };
    if sqlx::query(has).fetch_one(&mut *connection).await?.try_get::<i64, _>("count")? == 0 {
        return Ok(0);
    }
    Ok(sqlx::query(migrations::VERSION).fetch_one(connection).await?.try_get("version")?)
}

/// As [`schema`], of a database that this program can read.
async fn known_schema(connection: &mut AnyConnection) -> Result<i64, Error> {
    match schema(connection).await? {
        0 => Err(Error::NoLibrary),
        found if found > migrations::LATEST => Err(Error::NewerSchema { found, known: migrations::LATEST }),
        found => Ok(found),
    }
}

/// Which library it is: the same in all its copies, and another one's is another.
async fn library(connection: &mut AnyConnection) -> Result<String, Error> {
    let oldest = "SELECT id FROM accounts ORDER BY created_at, id LIMIT 1";
    Ok(match sqlx::query(oldest).fetch_optional(connection).await? {
        Some(row) => Sha256::of(&row.try_get::<Vec<u8>, _>("id")?).to_string(),
        None => "empty".to_owned(),
    })
}

/// Says which table's copy is not the same.
fn compare(source: &[TableSum], copy: &[TableSum]) -> Result<(), Error> {
    let differs = source.iter().zip(copy).find(|(source, copy)| source != copy);
    match differs {
        Some((source, _)) => Err(Error::Differs(source.table.clone())),
        None => Ok(()),
    }
}
