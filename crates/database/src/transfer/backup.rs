//! A library as it was at one moment, in a SQLite file, whichever engine it is on and while PicUp goes on. The file has what a
//! PicUp's own has, and beside it what the rows add up to, so that a restore sees a single bit that is not what it was.
//!
//! Rows are read within one transaction that sees one moment: on SQLite the log grows meanwhile by what is written, on a server
//! its undo log does. Indexes are made when all rows are there, which takes far less time than keeping them.

use std::collections::BTreeSet;
use std::path::Path;

use picup_domain::{Sha256, Timestamp};
use sqlx::{AnyConnection, AssertSqlSafe, Connection, Executor, Row};

use super::file::NewFile;
use super::{Stage, Watch, known_schema, open_file, open_server};
use crate::copy::{self, Progress, TableSum, Tables};
use crate::dialect::Dialect;
use crate::{Error, Place, migrations};

/// What a backup says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct About {
    /// When it was begun.
    pub made_at: Timestamp,
    /// By which PicUp.
    pub version: String,
}

/// A backup that was written, read back and compared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BackedUp {
    /// What it holds.
    pub tables: Vec<TableSum>,
    /// The size of the file in bytes.
    pub bytes: u64,
}

/// No journal: a backup that is cut off is begun anew.
const BUILD: &str = "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA foreign_keys = OFF; \
     PRAGMA cache_size = -16000; PRAGMA temp_store = FILE";

/// Writes a backup to `to`, where nothing may stand.
///
/// # Errors
/// [`Error::Occupied`] when something does, [`Error::Full`] when its disk is, and what else can happen to either database.
pub async fn backup(place: &Place, to: &Path, about: &About, watch: Watch<'_>) -> Result<BackedUp, Error> {
    let new = NewFile::begin(to)?;
    let mut source = match place {
        Place::Sqlite(file) => open_file(file, "mode=rw").await?,
        Place::MySql(server) => open_server(server).await?,
    };
    super::is_complete(&mut source).await?;
    begin_snapshot(&mut source).await?;
    let schema = known_schema(&mut source).await?;
    let tables = Tables::of_schema(schema).await?;
    let mut target = open_file(new.part(), "mode=rw").await?;
    target.execute(BUILD).await?;
    migrations::at_once(&mut target, Dialect::Sqlite, schema).await?;
    let indexes = take_indexes(&mut target).await?;
    target.execute("BEGIN").await?;
    copy::empty(&mut target, &tables).await?;
    let sums = copy::copy(&mut source, &mut target, &tables, &mut |progress| watch(Stage::Copying, progress)).await?;
    source.execute("ROLLBACK").await?;
    source.close().await?;
    write_about(&mut target, about, &sums).await?;
    target.execute("COMMIT").await?;
    for index in indexes {
        sqlx::raw_sql(AssertSqlSafe(index)).execute(&mut target).await?;
    }
    target.close().await?;
    verify(new.part(), watch).await?;
    Ok(BackedUp { tables: sums, bytes: new.keep()? })
}

/// From now on the connection shows this moment. A server that is told to show each statement what is newest would not.
async fn begin_snapshot(source: &mut AnyConnection) -> Result<(), Error> {
    let dialect = Dialect::of(source);
    source.execute(dialect.prepare_reader()).await?;
    if dialect == Dialect::MySql {
        source.execute("SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ").await?;
    }
    source.execute(dialect.begin_read()).await?;
    Ok(())
}

/// Drops the indexes and gives what makes them again.
async fn take_indexes(target: &mut AnyConnection) -> Result<Vec<String>, Error> {
    let sql = "SELECT name, sql FROM sqlite_schema WHERE type = 'index' AND sql IS NOT NULL";
    let mut made = Vec::new();
    for row in sqlx::query(sql).fetch_all(&mut *target).await? {
        let drop = format!("DROP INDEX {}", row.try_get::<String, _>("name")?);
        sqlx::raw_sql(AssertSqlSafe(drop)).execute(&mut *target).await?;
        made.push(row.try_get("sql")?);
    }
    Ok(made)
}

/// The tables of a backup that are not a library's.
pub(super) const ABOUT: [&str; 2] = ["backup_about", "backup_sums"];

async fn write_about(target: &mut AnyConnection, about: &About, sums: &[TableSum]) -> Result<(), Error> {
    target.execute("CREATE TABLE backup_about (made_at BIGINT NOT NULL, version TEXT NOT NULL)").await?;
    let row = sqlx::query("INSERT INTO backup_about (made_at, version) VALUES (?, ?)");
    row.bind(about.made_at.micros()).bind(about.version.clone()).execute(&mut *target).await?;
    let table =
        "CREATE TABLE backup_sums (name TEXT NOT NULL PRIMARY KEY, row_count BIGINT NOT NULL, sha256 BLOB NOT NULL)";
    target.execute(table).await?;
    for sum in sums {
        let row = sqlx::query("INSERT INTO backup_sums (name, row_count, sha256) VALUES (?, ?, ?)");
        let rows = i64::try_from(sum.rows).unwrap_or(i64::MAX);
        let row = row.bind(sum.table.clone()).bind(rows).bind(sum.sha256.as_bytes().to_vec());
        row.execute(&mut *target).await?;
    }
    Ok(())
}

/// A backup that was read whole and is what was backed up.
pub(super) struct Verified {
    pub(super) about: About,
    pub(super) schema: i64,
    pub(super) tables: Vec<TableSum>,
}

/// Reads a backup whole: its pages, by the engine, and its rows.
pub(super) async fn verify(file: &Path, watch: Watch<'_>) -> Result<Verified, Error> {
    let not = |reason: &str| Error::NotABackup { file: file.display().to_string(), reason: reason.to_owned() };
    match look(file, watch).await {
        Ok((verified, sums)) if verified.tables == sums => Ok(verified),
        Ok((verified, sums)) => {
            let differs = verified.tables.iter().zip(&sums).find(|(said, found)| said != found);
            let table = differs.map_or("its list of tables", |(said, _)| &said.table);
            Err(not(&format!("{table} is not what was backed up")))
        }
        Err(Error::Damaged(reason)) => Err(not(&reason)),
        Err(Error::Engine(error)) => Err(not(&error.to_string())),
        Err(error @ (Error::NoLibrary | Error::Corrupt { .. } | Error::Changed)) => Err(not(&error.to_string())),
        // Nothing of what the file holds is why.
        Err(error) => Err(error),
    }
}

/// What would do something of its own where the file is used, nothing of ours has: triggers and views.
async fn has_rows_alone(backup: &mut AnyConnection) -> Result<(), Error> {
    let strange = "SELECT name FROM sqlite_schema WHERE type NOT IN ('table', 'index') LIMIT 1";
    match sqlx::query(strange).fetch_optional(backup).await? {
        Some(row) => Err(stranger(&row.try_get::<String, _>("name")?)),
        None => Ok(()),
    }
}

/// Its tables and indexes are those that the migrations make, to the letter: rows alone are not what a library is.
async fn is_laid_out_as_ours(backup: &mut AnyConnection, schema: i64) -> Result<(), Error> {
    let mut ours = AnyConnection::connect("sqlite::memory:").await?;
    migrations::at_once(&mut ours, Dialect::Sqlite, schema).await?;
    let (ours, theirs) = (layout(&mut ours).await?, layout(backup).await?);
    match ours.symmetric_difference(&theirs).next() {
        Some((name, _)) => Err(stranger(name)),
        None => Ok(()),
    }
}

fn stranger(name: &str) -> Error {
    Error::Damaged(format!("{name} in it is not as `picup db backup` makes it"))
}

/// What a file has, and how each was made; without what says what was backed up.
async fn layout(file: &mut AnyConnection) -> Result<BTreeSet<(String, String)>, Error> {
    let asked = format!(
        "SELECT name, type || ' ' || tbl_name || ' ' || COALESCE(sql, '') AS made FROM sqlite_schema \
         WHERE tbl_name NOT IN ('{}')",
        ABOUT.join("', '")
    );
    let rows = sqlx::query(AssertSqlSafe(asked)).fetch_all(file).await?;
    rows.iter().map(|row| Ok((row.try_get("name")?, row.try_get("made")?))).collect()
}

async fn look(file: &Path, watch: Watch<'_>) -> Result<(Verified, Vec<TableSum>), Error> {
    let mut backup = open_file(file, "immutable=1").await?;
    backup.execute("PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON").await?;
    if watch(Stage::Integrity, Progress { table: "", rows: 0, all: 0 }).is_break() {
        return Err(Error::Interrupted);
    }
    has_rows_alone(&mut backup).await?;
    let sound = sqlx::query("PRAGMA integrity_check(1)").fetch_one(&mut backup).await?.try_get::<String, _>(0)?;
    if sound != "ok" {
        return Err(Error::Damaged(sound));
    }
    let schema = known_schema(&mut backup).await?;
    let has = "SELECT COUNT(*) AS count FROM sqlite_schema WHERE name IN ('backup_about', 'backup_sums')";
    if sqlx::query(has).fetch_one(&mut backup).await?.try_get::<i64, _>("count")? != 2 {
        return Err(Error::Damaged(
            "it does not say what was backed up; `picup db backup` makes files that do".to_owned(),
        ));
    }
    is_laid_out_as_ours(&mut backup, schema).await?;
    let row = sqlx::query("SELECT made_at, version FROM backup_about").fetch_one(&mut backup).await?;
    let about = About { made_at: Timestamp::from_micros(row.try_get("made_at")?), version: row.try_get("version")? };
    let mut said = Vec::new();
    for row in
        sqlx::query("SELECT name, row_count, sha256 FROM backup_sums ORDER BY rowid").fetch_all(&mut backup).await?
    {
        let sha256 = Sha256::from_slice(&row.try_get::<Vec<u8>, _>("sha256")?);
        said.push(TableSum {
            table: row.try_get("name")?,
            rows: u64::try_from(row.try_get::<i64, _>("row_count")?).unwrap_or_default(),
            sha256: sha256.map_err(|error| Error::Damaged(error.to_string()))?,
        });
    }
    let tables = Tables::of_schema(schema).await?;
    let sums = copy::sums(&mut backup, &tables, &mut |progress| watch(Stage::Verifying, progress)).await?;
    backup.close().await?;
    Ok((Verified { about, schema, tables: said }, sums))
}
