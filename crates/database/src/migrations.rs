//! Brings a database to the newest schema, in one transaction, when it is opened. Migrations only expand: last release's
//! program still runs on this release's schema, and contracting waits a release.

use sqlx::{AnyConnection, AssertSqlSafe, Connection, Row};

use crate::Error;
use crate::dialect::Dialect;

/// In order; a migration's place is its version, from 1. Never edit one that was released.
const MIGRATIONS: [&str; 3] = [
    include_str!("../migrations/0001_walking_skeleton.sql"),
    include_str!("../migrations/0002_accounts_trash_and_import.sql"),
    include_str!("../migrations/0003_system.sql"),
];

/// The newest schema this program knows.
pub(crate) const LATEST: i64 = MIGRATIONS.len() as i64;

/// The schema of the database, from what [`run`] noted; 0 when it never ran.
const VERSION: &str = "SELECT COALESCE(MAX(version), 0) AS version FROM schema_versions";

/// Applies what is missing.
///
/// # Errors
/// [`Error::NewerSchema`] when the database is ahead of this program; it is left as it was.
pub(crate) async fn run(connection: &mut AnyConnection, dialect: Dialect) -> Result<(), Error> {
    let mut tx = connection.begin_with(dialect.begin_write()).await?;
    sqlx::raw_sql("CREATE TABLE IF NOT EXISTS schema_versions (version INTEGER NOT NULL PRIMARY KEY)")
        .execute(&mut *tx)
        .await?;
    let found = version(&mut tx).await?;
    if found > LATEST {
        return Err(Error::NewerSchema { found, known: LATEST });
    }
    for (number, sql) in (1_i64..).zip(MIGRATIONS) {
        if number > found {
            tracing::info!(version = number, "migrating the database");
            sqlx::raw_sql(AssertSqlSafe(dialect.schema(sql))).execute(&mut *tx).await?;
            sqlx::query("INSERT INTO schema_versions (version) VALUES (?)").bind(number).execute(&mut *tx).await?;
        }
    }
    tx.commit().await?;
    Ok(())
}

/// The schema a database has.
pub(crate) async fn version(connection: &mut AnyConnection) -> Result<i64, Error> {
    let row = sqlx::query(VERSION).fetch_one(connection).await?;
    Ok(row.try_get("version")?)
}
