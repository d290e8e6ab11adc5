//! What a database says of itself while something is copied into it: which library, from what, and whether what the migrations
//! inserted has gone. Its table stands from before anything else until all is there and compared.

use sqlx::{AnyConnection, AssertSqlSafe, Row};

use crate::Error;
use crate::dialect::Dialect;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Record {
    /// The library, as [`super::library`] says it.
    pub(super) library: String,
    /// What it is copied from, and that it has not changed.
    pub(super) source: String,
    /// Whether all that is in the tables was copied.
    pub(super) emptied: bool,
}

/// What a database of a server holds.
pub(super) enum Holds {
    Nothing,
    Unfinished(Record),
    Something,
}

const STANDS: &str = "SELECT COUNT(*) AS count FROM information_schema.tables \
     WHERE table_schema = DATABASE() AND table_name = 'unfinished_copy'";
const ALL: &str = "SELECT COUNT(*) AS count FROM information_schema.tables WHERE table_schema = DATABASE()";

async fn count(connection: &mut AnyConnection, sql: &'static str) -> Result<i64, Error> {
    Ok(sqlx::query(sql).fetch_one(connection).await?.try_get("count")?)
}

pub(super) async fn stands(connection: &mut AnyConnection) -> Result<bool, Error> {
    Ok(count(connection, STANDS).await? > 0)
}

pub(super) async fn look(connection: &mut AnyConnection) -> Result<Holds, Error> {
    let all = count(connection, ALL).await?;
    if !stands(connection).await? {
        return Ok(if all == 0 { Holds::Nothing } else { Holds::Something });
    }
    let sql = "SELECT copy_of, copied_from, emptied FROM unfinished_copy WHERE id = 1";
    Ok(match sqlx::query(sql).fetch_optional(connection).await? {
        Some(row) => Holds::Unfinished(Record {
            library: row.try_get("copy_of")?,
            source: row.try_get("copied_from")?,
            emptied: row.try_get::<i64, _>("emptied")? != 0,
        }),
        // Cut off between the table and its row, which is before everything else.
        None if all == 1 => Holds::Nothing,
        None => Holds::Something,
    })
}

pub(super) async fn write(connection: &mut AnyConnection, record: &Record) -> Result<(), Error> {
    let table = "CREATE TABLE IF NOT EXISTS unfinished_copy (id SMALLINT NOT NULL PRIMARY KEY, \
         copy_of VARCHAR(64) NOT NULL, copied_from VARCHAR(190) NOT NULL, emptied SMALLINT NOT NULL) {table}";
    sqlx::raw_sql(AssertSqlSafe(Dialect::MySql.schema(table))).execute(&mut *connection).await?;
    let row = "REPLACE INTO unfinished_copy (id, copy_of, copied_from, emptied) VALUES (1, ?, ?, ?)";
    let row = sqlx::query(row).bind(record.library.clone()).bind(record.source.clone()).bind(i64::from(record.emptied));
    row.execute(connection).await?;
    Ok(())
}

pub(super) async fn remove(connection: &mut AnyConnection) -> Result<(), Error> {
    sqlx::raw_sql("DROP TABLE unfinished_copy").execute(connection).await?;
    Ok(())
}
