//! Brings a database to the newest schema when it is opened: in one transaction, or where those do not hold changes of the
//! schema, step by step. Migrations only expand: last release's program still runs on this release's schema, and contracting
//! waits a release; of an index, too, that a statement names.

use sqlx::{AnyConnection, AssertSqlSafe, Connection, Row};

use crate::Error;
use crate::dialect::{self, Dialect};

/// In order; a migration's place is its version, from 1. Never edit one that was released.
const MIGRATIONS: [&str; 7] = [
    include_str!("../migrations/0001_walking_skeleton.sql"),
    include_str!("../migrations/0002_accounts_trash_and_import.sql"),
    include_str!("../migrations/0003_system.sql"),
    include_str!("../migrations/0004_heartbeat.sql"),
    include_str!("../migrations/0005_timeline.sql"),
    include_str!("../migrations/0006_backup.sql"),
    include_str!("../migrations/0007_sharing.sql"),
];

/// The newest schema this program knows.
pub(crate) const LATEST: i64 = MIGRATIONS.len() as i64;

/// The schema of the database, from what [`run`] noted; 0 when it never ran.
pub(crate) const VERSION: &str = "SELECT COALESCE(MAX(version), 0) AS version FROM schema_versions";

/// Applies what is missing.
///
/// # Errors
/// [`Error::NewerSchema`] when the database is ahead of this program; it is left as it was.
pub(crate) async fn run(connection: &mut AnyConnection, dialect: Dialect) -> Result<(), Error> {
    if dialect.migrates_at_once() {
        at_once(connection, dialect, LATEST).await
    } else {
        step_by_step(connection, dialect).await
    }
}

/// Applies what is missing up to a version, in one transaction.
pub(crate) async fn at_once(connection: &mut AnyConnection, dialect: Dialect, newest: i64) -> Result<(), Error> {
    let mut tx = connection.begin_with(dialect.begin_write()).await?;
    sqlx::raw_sql("CREATE TABLE IF NOT EXISTS schema_versions (version INTEGER NOT NULL PRIMARY KEY)")
        .execute(&mut *tx)
        .await?;
    let found = version(&mut tx).await?;
    if found > LATEST {
        return Err(Error::NewerSchema { found, known: LATEST });
    }
    for (number, sql) in (1..=newest).zip(MIGRATIONS) {
        if number > found {
            tracing::info!(version = number, "migrating the database");
            sqlx::raw_sql(AssertSqlSafe(dialect.schema(sql))).execute(&mut *tx).await?;
            sqlx::query("INSERT INTO schema_versions (version) VALUES (?)").bind(number).execute(&mut *tx).await?;
        }
    }
    tx.commit().await?;
    Ok(())
}

/// How long another process may take to migrate, in seconds.
const PATIENCE: &str = "SELECT GET_LOCK(SHA2(CONCAT(DATABASE(), '.picup'), 224), 300) AS held";

/// Each statement is a step, noted once it is done, so that a migration that was cut off goes on where it stopped; a step that
/// was done and not noted yet finds its work there. One process migrates at a time; its lock ends with its connection.
async fn step_by_step(connection: &mut AnyConnection, dialect: Dialect) -> Result<(), Error> {
    let held: Option<i64> = sqlx::query(PATIENCE).fetch_one(&mut *connection).await?.try_get("held")?;
    if held != Some(1) {
        return Err(Error::Busy);
    }
    for table in [
        "CREATE TABLE IF NOT EXISTS schema_versions (version INTEGER NOT NULL PRIMARY KEY) {table}",
        "CREATE TABLE IF NOT EXISTS schema_steps (version INTEGER NOT NULL PRIMARY KEY, done INTEGER NOT NULL) {table}",
    ] {
        sqlx::raw_sql(AssertSqlSafe(dialect.schema(table))).execute(&mut *connection).await?;
    }
    let found = version(connection).await?;
    if found > LATEST {
        return Err(Error::NewerSchema { found, known: LATEST });
    }
    for (number, sql) in (1_i64..).zip(MIGRATIONS) {
        if number > found {
            tracing::info!(version = number, "migrating the database");
            migrate(connection, number, &dialect.schema(sql)).await?;
        }
    }
    sqlx::query("SELECT RELEASE_LOCK(SHA2(CONCAT(DATABASE(), '.picup'), 224))").execute(connection).await?;
    Ok(())
}

async fn migrate(connection: &mut AnyConnection, number: i64, sql: &str) -> Result<(), Error> {
    let row =
        sqlx::query("SELECT done FROM schema_steps WHERE version = ?").bind(number).fetch_optional(&mut *connection);
    let done = row.await?.map(|row| row.try_get::<i64, _>("done")).transpose()?.unwrap_or(0);
    for (step, statement) in (0_i64..).zip(statements(sql)).filter(|(step, _)| *step >= done) {
        let run = sqlx::raw_sql(AssertSqlSafe(statement)).execute(&mut *connection).await;
        match run {
            Err(sqlx::Error::Database(error)) if step == done && dialect::is_done_already(error.as_ref()) => {}
            Err(error) => return Err(error.into()),
            Ok(_) => {}
        }
        let note = "REPLACE INTO schema_steps (version, done) VALUES (?, ?)";
        sqlx::query(note).bind(number).bind(step + 1).execute(&mut *connection).await?;
    }
    sqlx::query("INSERT INTO schema_versions (version) VALUES (?)").bind(number).execute(&mut *connection).await?;
    Ok(())
}

/// The statements of a migration, which holds no semicolon but at their ends, and comments on lines of their own.
fn statements(sql: &str) -> impl Iterator<Item = String> + '_ {
    let plain = |statement: &str| {
        let lines = statement.lines().filter(|line| !line.trim_start().starts_with("--"));
        lines.collect::<Vec<_>>().join("\n").trim().to_owned()
    };
    sql.split(";\n").map(plain).map(|one| one.trim_end_matches(';').to_owned()).filter(|one| !one.is_empty())
}

async fn version(connection: &mut AnyConnection) -> Result<i64, Error> {
    let row = sqlx::query(VERSION).fetch_one(connection).await?;
    Ok(row.try_get("version")?)
}
