//! Copies a schema from a snapshot of a source into a target, table by table, as it is: a home may run an older or a newer PicUp than
//! this one, so that the tables are the source's own and no migration's. Nothing but a batch of rows is ever held.

use futures_util::TryStreamExt;
use sqlx::mysql::{MySqlArguments, MySqlRow};
use sqlx::{Arguments, AssertSqlSafe, Row};

use super::Error;
use super::held::UNFINISHED;
use super::node::Node;
use super::snapshot::Snapshot;
use super::words::{Sql, named, quoted};

/// An INSERT has about so many bytes, so many rows and so many values at most.
const BYTES: usize = 512 << 10;
const ROWS: usize = 500;
const VALUES: usize = 30_000;
/// So many of them are one commit.
const BATCHES: usize = 32;

/// Zero is zero in a column that counts by itself; what refers to what is checked on the source.
const SESSION: &str =
    "SET SESSION foreign_key_checks = 0, unique_checks = 0, sql_mode = CONCAT(@@sql_mode, ',NO_AUTO_VALUE_ON_ZERO')";

/// Called with each table that is done.
pub type Tell<'t> = &'t mut (dyn FnMut(&str) + Send);

/// Fills an empty `schema` on the target with all that the snapshot has in its own. Sessions of the target are in it from now on.
pub(super) async fn copy(
    snapshot: &mut Snapshot,
    target: &mut Node,
    schema: &str,
    tell: Tell<'_>,
) -> Result<(), Error> {
    let from = snapshot.node.place.schema.clone();
    target.say(&Sql::plain(format!("USE {}", named(schema)))).await?;
    target.say(&Sql::plain(SESSION)).await?;
    let tables = format!(
        "SELECT table_name FROM information_schema.tables WHERE table_type = 'BASE TABLE' AND table_schema = {} ORDER BY table_name",
        quoted(&from)
    );
    for table in snapshot.node.ask(&tables).await?.iter().map(|row| row.at(0)) {
        let create = snapshot.node.ask(&format!("SHOW CREATE TABLE {}.{}", named(&from), named(&table))).await?;
        let create = create.first().map(|row| row.at(1)).unwrap_or_default();
        target.say(&Sql::plain(create)).await?;
        let rows = copy_rows(snapshot, target, &format!("{}.{}", named(&from), named(&table)), &table).await?;
        tell(&format!("{schema}.{table}: {rows} rows"));
    }
    Ok(())
}

/// With which character set a schema was made.
pub(super) async fn charset(source: &mut Node, schema: &str) -> Result<String, Error> {
    let asked = "SELECT default_character_set_name, default_collation_name FROM information_schema.schemata WHERE schema_name = ";
    let set = source.ask(&format!("{asked}{}", quoted(schema))).await?;
    let (set, collation) = set.first().map(|row| (row.at(0), row.at(1))).unwrap_or_default();
    Ok(format!("CHARACTER SET {set} COLLATE {collation}"))
}

/// An empty schema, marked as unfinished; with `drop` in place of the one that is there.
pub(super) async fn make(target: &mut Node, schema: &str, charset: &str, mark: &str, drop: bool) -> Result<(), Error> {
    let (name, table) = (named(schema), named(UNFINISHED));
    let drop = drop.then(|| format!("DROP DATABASE IF EXISTS {name}"));
    let make = [
        format!("CREATE DATABASE {name} {charset}"),
        format!("CREATE TABLE {name}.{table} (id INT NOT NULL PRIMARY KEY) ENGINE = InnoDB COMMENT = {}", quoted(mark)),
    ];
    for sql in drop.into_iter().chain(make) {
        target.say(&Sql::plain(sql)).await?;
    }
    Ok(())
}

async fn copy_rows(snapshot: &mut Snapshot, target: &mut Node, from: &str, table: &str) -> Result<u64, Error> {
    let name = snapshot.node.name.clone();
    let away = |source| Error::Away { server: name.clone(), source };
    let mut rows = sqlx::raw_sql(AssertSqlSafe(format!("SELECT * FROM {from}"))).fetch(&mut snapshot.node.connection);
    let (mut copied, mut batch, mut batches) = (0, Batch::default(), 0);
    target.say(&Sql::plain("START TRANSACTION")).await?;
    while let Some(row) = rows.try_next().await.map_err(away)? {
        copied += 1;
        batch.add(&row).map_err(away)?;
        if batch.is_full() {
            std::mem::take(&mut batch).insert(target, table).await?;
            batches += 1;
            if batches % BATCHES == 0 {
                target.say(&Sql::plain("COMMIT AND CHAIN")).await?;
            }
        }
    }
    if batch.rows > 0 {
        batch.insert(target, table).await?;
    }
    target.say(&Sql::plain("COMMIT")).await?;
    Ok(copied)
}

/// Rows on their way. Every value travels as the bytes of its text, which is what the source says and any column understands.
#[derive(Default)]
struct Batch {
    rows: usize,
    columns: usize,
    bytes: usize,
    values: MySqlArguments,
}

impl Batch {
    fn add(&mut self, row: &MySqlRow) -> Result<(), sqlx::Error> {
        self.columns = row.len();
        self.rows += 1;
        for place in 0..row.len() {
            let value: Option<Vec<u8>> = row.try_get_unchecked(place)?;
            self.bytes += value.as_ref().map_or(0, Vec::len) + 9;
            self.values.add(value).map_err(sqlx::Error::Encode)?;
        }
        Ok(())
    }

    const fn is_full(&self) -> bool {
        self.rows >= ROWS || self.bytes >= BYTES || (self.rows + 1) * self.columns > VALUES
    }

    async fn insert(self, target: &mut Node, table: &str) -> Result<(), Error> {
        let row = format!("({})", vec!["?"; self.columns].join(", "));
        let sql = format!("INSERT INTO {} VALUES {}", named(table), vec![row; self.rows].join(", "));
        // Only the statement that comes again and again is worth keeping.
        let insert = sqlx::query_with(AssertSqlSafe(sql), self.values).persistent(self.rows == ROWS);
        let inserted = insert.execute(&mut target.connection).await;
        inserted.map(drop).map_err(|source| target.refused(format!("INSERT INTO {table} …"), source))
    }
}
