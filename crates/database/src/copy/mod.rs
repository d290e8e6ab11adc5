//! Carries a whole library from one database to another, whichever engines they are, and tells whether two hold the same.
//!
//! [`crate::transfer`] (from SQLite to a server, to a backup and back) calls it, with a connection to each side. A replica's first
//! copy is made in `servers::copying`: its source's tables may be another PicUp's.
//! Rows go table by table in the order of the migrations, so that what a row refers to is there before it, and within a table
//! in the order of the primary key, a page at a time: nothing is ever held but one page, however large a table is.
//!
//! **Nothing is counted twice.** What is derived from other rows (`timeline_days`, `accounts.used_bytes`, `albums.asset_count`)
//! is kept by PicUp's own statements; there are no triggers. So derived rows are copied like all others, and inserting an asset
//! here changes no count. What the migrations themselves insert (`installation`, `sequences`, `heartbeat`) goes out of the
//! target first ([`empty`]), and the source's rows take its place.
//!
//! **It goes on where it was cut off.** An INSERT holds some hundred rows that follow each other, and is done whole or not at
//! all. So what an unfinished copy has of a table is its beginning, up to the last key: that is read from the target, and rows up
//! to it are summed up again and not sent. This needs a source that did not change meanwhile; the sums at the end tell whether
//! that held.
//!
//! **Sums.** A table's is the SHA-256 over all its rows in the order of the primary key; a row's values stand in the order of the
//! migrations, each with its kind and length before it. The same library has the same sums on every engine.

mod rows;
mod tables;
#[cfg(test)]
pub(crate) mod tests;

use std::ops::ControlFlow;
use std::time::Duration;

use picup_domain::Sha256;
use sqlx::any::AnyArguments;
use sqlx::{AnyConnection, AssertSqlSafe, Connection, Row};

use crate::Error;
use crate::dialect::Dialect;
use rows::{Value, Walk, digest};
use tables::Table;
pub use tables::Tables;

/// An INSERT's values take about so many bytes at most, or are one row: a server takes no larger message than 16 MiB.
const BYTES: usize = 1 << 20;
/// How long a page may take, to be read or to be inserted: a server that has lost its power never says so.
const PAGE_PATIENCE: Duration = Duration::from_secs(300);
/// After so many pages that were not sent the target is told that somebody is there.
const SILENT_PAGES: u32 = 40;

/// What a table holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableSum {
    /// Its name.
    pub table: String,
    /// How many rows it has.
    pub rows: u64,
    /// Over all of them.
    pub sha256: Sha256,
}

/// How far a copy or a sum has come.
#[derive(Debug, Clone, Copy)]
pub struct Progress<'a> {
    /// The table at hand.
    pub table: &'a str,
    /// How many rows of all tables are done with.
    pub rows: u64,
    /// How many rows all tables have.
    pub all: u64,
}

/// Called after each page; [`ControlFlow::Break`] ends the work with [`Error::Interrupted`].
pub type Watch<'w> = &'w mut (dyn FnMut(Progress<'_>) -> ControlFlow<()> + Send);

/// Takes out all rows, so that a copy may begin: those that the migrations have made, too.
///
/// # Errors
/// When the database cannot write.
pub async fn empty(target: &mut AnyConnection, tables: &Tables) -> Result<(), Error> {
    let dialect = Dialect::of(target);
    for table in tables.0.iter().rev() {
        sqlx::raw_sql(AssertSqlSafe(dialect.empty(&table.name))).execute(&mut *target).await?;
    }
    Ok(())
}

/// Copies all rows that the target does not have yet, and gives the sums of the source. Both must have the schema of `tables`,
/// the source must show one moment for as long as this takes, and the target must have been [`empty`] or hold what an unfinished
/// copy of the same source has left.
///
/// # Errors
/// When one of them does not answer, or the target does not take a row. What was copied stays.
pub async fn copy(
    source: &mut AnyConnection,
    target: &mut AnyConnection,
    tables: &Tables,
    watch: Watch<'_>,
) -> Result<Vec<TableSum>, Error> {
    let mut done = Done { rows: 0, all: count(source, tables).await?, watch };
    let mut sums = Vec::new();
    for table in &tables.0 {
        sums.push(copy_table(source, target, table, &mut done).await?);
    }
    done.end()?;
    Ok(sums)
}

/// The sums of all tables, in order.
///
/// # Errors
/// When the database does not answer.
pub async fn sums(connection: &mut AnyConnection, tables: &Tables, watch: Watch<'_>) -> Result<Vec<TableSum>, Error> {
    let mut done = Done { rows: 0, all: count(connection, tables).await?, watch };
    let mut sums = Vec::new();
    for table in &tables.0 {
        let mut walk = Walk::new(table, Dialect::of(connection));
        let mut sum = Sum::default();
        loop {
            let rows = in_time(PAGE_PATIENCE, walk.next(connection)).await?;
            if rows.is_empty() {
                break;
            }
            rows.iter().for_each(|row| sum.add(row));
            done.page(table, rows.len())?;
        }
        sums.push(sum.of(table));
    }
    done.end()?;
    Ok(sums)
}

/// How many rows all tables have.
async fn count(connection: &mut AnyConnection, tables: &Tables) -> Result<u64, Error> {
    let mut all = 0;
    for table in tables.names() {
        let count = AssertSqlSafe(format!("SELECT COUNT(*) AS count FROM {table}"));
        let row = sqlx::query(count).fetch_one(&mut *connection).await?;
        all += u64::try_from(row.try_get::<i64, _>("count")?).unwrap_or_default();
    }
    Ok(all)
}

async fn copy_table(
    source: &mut AnyConnection,
    target: &mut AnyConnection,
    table: &Table,
    done: &mut Done<'_>,
) -> Result<TableSum, Error> {
    let there = table.last_key(target).await?;
    let mut walk = Walk::new(table, Dialect::of(source));
    let (mut sum, mut silent) = (Sum::default(), 0);
    loop {
        let mut rows = in_time(PAGE_PATIENCE, walk.next(source)).await?;
        let read = rows.len();
        if read == 0 {
            return Ok(sum.of(table));
        }
        rows.iter().for_each(|row| sum.add(row));
        if let Some(last) = &there {
            rows.retain(|row| table.key_of(row) > *last);
        }
        silent = if rows.is_empty() { silent + 1 } else { 0 };
        if silent == SILENT_PAGES {
            target.ping().await?;
            silent = 0;
        }
        in_time(PAGE_PATIENCE, insert(target, table, rows)).await?;
        done.page(table, read)?;
    }
}

async fn in_time<T>(patience: Duration, work: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
    let late = |_| Err(Error::Lost(std::io::ErrorKind::TimedOut.into()));
    tokio::time::timeout(patience, work).await.unwrap_or_else(late)
}

/// Inserts rows, by as few statements as hold them, each of which is done whole or not at all.
async fn insert(target: &mut AnyConnection, table: &Table, rows: Vec<Vec<Value>>) -> Result<(), Error> {
    let mut batch = Batch::default();
    for row in rows {
        let size = row.iter().map(Value::size).sum::<usize>();
        if batch.rows > 0 && batch.bytes + size > BYTES {
            std::mem::take(&mut batch).insert(target, table).await?;
        }
        batch.rows += 1;
        batch.bytes += size;
        for (value, column) in row.into_iter().zip(&table.columns) {
            value.bind(&mut batch.values, column.kind);
        }
    }
    if batch.rows > 0 {
        batch.insert(target, table).await?;
    }
    Ok(())
}

#[derive(Default)]
struct Batch {
    rows: usize,
    bytes: usize,
    values: AnyArguments,
}

impl Batch {
    async fn insert(self, target: &mut AnyConnection, table: &Table) -> Result<(), Error> {
        let columns = table.columns.iter().map(|column| column.name.as_str()).collect::<Vec<_>>().join(", ");
        let row = format!("({})", vec!["?"; table.columns.len()].join(", "));
        let sql = format!("INSERT INTO {} ({columns}) VALUES {}", table.name, vec![row; self.rows].join(", "));
        // Only the statement that comes again and again is worth keeping.
        let insert = sqlx::query_with(AssertSqlSafe(sql), self.values).persistent(self.rows == table.page());
        insert.execute(target).await?;
        Ok(())
    }
}

#[derive(Default)]
struct Sum {
    rows: u64,
    hash: sha2::Sha256,
}

impl Sum {
    fn add(&mut self, row: &[Value]) {
        self.rows += 1;
        digest(row, &mut self.hash);
    }

    fn of(self, table: &Table) -> TableSum {
        TableSum { table: table.name.clone(), rows: self.rows, sha256: Sha256::from_hasher(self.hash) }
    }
}

struct Done<'w> {
    rows: u64,
    all: u64,
    watch: Watch<'w>,
}

impl Done<'_> {
    fn page(&mut self, table: &Table, rows: usize) -> Result<(), Error> {
        self.rows += rows as u64;
        match (self.watch)(Progress { table: &table.name, rows: self.rows, all: self.all }) {
            ControlFlow::Continue(()) => Ok(()),
            ControlFlow::Break(()) => Err(Error::Interrupted),
        }
    }

    /// What was gone through is what was counted.
    fn end(&self) -> Result<(), Error> {
        if self.rows == self.all { Ok(()) } else { Err(Error::Changed) }
    }
}
