//! Fills an empty database of a server with a library. Cut off anywhere, it is run again and goes on; a source that has changed
//! since is copied anew. What is there at the end is read back whole and compared with what was read, in this run, of the source.

use std::path::Path;
use std::time::UNIX_EPOCH;

use sqlx::{AnyConnection, AssertSqlSafe, Connection, Executor, Row};

use super::record::{self, Holds, Record};
use super::{Stage, Watch, compare, known_schema, library, open_file, open_server, schema};
use crate::copy::{self, TableSum, Tables};
use crate::dialect::Dialect;
use crate::{Error, Server, claim, migrations};

/// A library that is in its new place, compared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Copied {
    /// What it holds.
    pub tables: Vec<TableSum>,
    /// How it came there.
    pub by: By,
}

/// How a copy came about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum By {
    /// All of it was copied in one go.
    Copying,
    /// An earlier run had begun it.
    GoingOn,
    /// It was all there, from an earlier run.
    Looking,
}

/// Copies the library in a SQLite file, which stays as it is, into an empty database of a server. No PicUp may be serving the file;
/// whatever else wants to write to it waits, in vain, until this ends.
///
/// # Errors
/// [`Error::Occupied`] when the database holds something else, [`Error::OlderSchema`] when the file needs a migration first, and
/// what else can happen to either database.
pub async fn copy_to(file: &Path, server: &Server, watch: Watch<'_>) -> Result<Copied, Error> {
    let mut source = open_file(file, "mode=rw").await?;
    source.execute(Dialect::Sqlite.prepare_writer()).await?;
    // All of it is in the file itself then, whose age tells whether it has changed since.
    source.execute("PRAGMA wal_checkpoint(TRUNCATE)").await?;
    let age = age(file).map_err(|error| Error::Place(format!("{}: {error}", file.display())))?;
    source.execute(Dialect::Sqlite.begin_write()).await?;
    let found = known_schema(&mut source).await?;
    if found < migrations::LATEST {
        return Err(Error::OlderSchema { found, known: migrations::LATEST });
    }
    let copied = fill(&mut source, server, &age, None, watch).await;
    source.execute("ROLLBACK").await?;
    source.close().await?;
    copied
}

fn age(file: &Path) -> std::io::Result<String> {
    let metadata = std::fs::metadata(file)?;
    let modified = metadata.modified()?.duration_since(UNIX_EPOCH).unwrap_or_default();
    Ok(format!("file of {} bytes, {} ns", metadata.len(), modified.as_nanos()))
}

/// Fills a database with what the source shows; `mark` is the same for as long as the source is. Where it is known already what
/// the source has to show, that is `expected`.
pub(super) async fn fill(
    source: &mut AnyConnection,
    server: &Server,
    mark: &str,
    expected: Option<&[TableSum]>,
    watch: Watch<'_>,
) -> Result<Copied, Error> {
    let mut target = open_server(server).await?;
    alone(&mut target).await?;
    let tables = Tables::newest().await?;
    let wanted = Record { library: library(source).await?, source: mark.to_owned(), emptied: false };
    let (record, by) = match record::look(&mut target).await? {
        Holds::Nothing => (wanted, By::Copying),
        Holds::Unfinished(found) if found.library != wanted.library => {
            return Err(Error::Occupied("it holds an unfinished copy of another library".to_owned()));
        }
        Holds::Unfinished(found) if found.source != wanted.source => (wanted, By::Copying),
        Holds::Unfinished(found) => (found, By::GoingOn),
        Holds::Something => return is_the_same(source, &mut target, &tables, &wanted, watch).await,
    };
    is_not_served(&mut target).await?;
    let tables = through(source, &mut target, &tables, record, expected, watch).await?;
    target.close().await?;
    Ok(Copied { tables, by })
}

/// One process fills a database at a time. The server takes a connection that says nothing for ten minutes for one that was cut
/// off, and its lock ends with it.
async fn alone(target: &mut AnyConnection) -> Result<(), Error> {
    target.execute("SET SESSION wait_timeout = 600").await?;
    let lock = "SELECT GET_LOCK(LEFT(CONCAT('picup.copy.', DATABASE()), 64), 15) AS held";
    match sqlx::query(lock).fetch_one(target).await?.try_get::<Option<i64>, _>("held")? {
        Some(1) => Ok(()),
        _ => Err(Error::Copying),
    }
}

/// A PicUp that serves from it would take up half a library.
async fn is_not_served(target: &mut AnyConnection) -> Result<(), Error> {
    let asked = format!("SELECT {} AS holder", claim::anybody());
    match sqlx::query(AssertSqlSafe(asked)).fetch_one(target).await?.try_get::<Option<i64>, _>("holder")? {
        Some(_) => Err(Error::Occupied("a PicUp is serving from it; stop that first".to_owned())),
        None => Ok(()),
    }
}

async fn through(
    source: &mut AnyConnection,
    target: &mut AnyConnection,
    tables: &Tables,
    mut record: Record,
    expected: Option<&[TableSum]>,
    watch: Watch<'_>,
) -> Result<Vec<TableSum>, Error> {
    if !record.emptied {
        record::write(target, &record).await?;
        migrations::run(target, Dialect::MySql).await?;
        copy::empty(target, tables).await?;
        record.emptied = true;
        record::write(target, &record).await?;
    }
    let read = copy::copy(source, target, tables, &mut |progress| watch(Stage::Copying, progress)).await?;
    let there = copy::sums(target, tables, &mut |progress| watch(Stage::Verifying, progress)).await?;
    if let Err(differs) = compare(expected.unwrap_or(&read), &read).and_then(|()| compare(&read, &there)) {
        // Whatever came in between, the next run begins anew.
        record.emptied = false;
        record::write(target, &record).await?;
        return Err(differs);
    }
    record::remove(target).await?;
    Ok(read)
}

/// A run that was cut off after its very last step has left all there is; anything else is not to be touched.
async fn is_the_same(
    source: &mut AnyConnection,
    target: &mut AnyConnection,
    tables: &Tables,
    wanted: &Record,
    watch: Watch<'_>,
) -> Result<Copied, Error> {
    if schema(target).await? != migrations::LATEST {
        return Err(Error::Occupied("it holds other things already".to_owned()));
    }
    if library(target).await? != wanted.library {
        return Err(Error::Occupied("it holds another library already".to_owned()));
    }
    // The server first: by the time that all of the source was read it would have taken the connection for one that was cut off.
    let there = copy::sums(target, tables, &mut |progress| watch(Stage::Verifying, progress)).await?;
    let read = copy::sums(source, tables, &mut |progress| watch(Stage::Verifying, progress)).await?;
    match compare(&read, &there) {
        Ok(()) => Ok(Copied { tables: read, by: By::Looking }),
        Err(_) => Err(Error::Occupied(
            "it holds a copy of this library already, and one of them has changed since".to_owned(),
        )),
    }
}
