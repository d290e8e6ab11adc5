//! What tables there are, and what is in them: read from the migrations themselves, which are run on an empty SQLite database in
//! memory. So no later migration's table or column can be forgotten when rows are copied or summed up, and a database of an
//! older schema can be read as what it is.

use sqlx::{AnyConnection, Connection, Row};

use crate::dialect::Dialect;
use crate::{Error, migrations};

/// What the migrations note for themselves, on each engine its own way; it is not a part of a library.
const NOT_A_LIBRARYS: &str = "('schema_versions', 'schema_steps')";

/// The tables of a schema. Whatever a table refers to stands before it.
#[derive(Debug, Clone)]
pub struct Tables(pub(super) Vec<Table>);

#[derive(Debug, Clone)]
pub(super) struct Table {
    pub(super) name: String,
    pub(super) columns: Vec<Column>,
    /// The columns of its primary key, in order, by their places in `columns`.
    pub(super) key: Vec<usize>,
}

#[derive(Debug, Clone)]
pub(super) struct Column {
    pub(super) name: String,
    pub(super) kind: Kind,
}

/// What a column holds, whichever engine has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Int,
    Real,
    Text,
    Blob,
}

impl Tables {
    /// Those of the newest schema.
    ///
    /// # Errors
    /// When there is no memory for an empty database.
    pub async fn newest() -> Result<Self, Error> {
        Self::of_schema(migrations::LATEST).await
    }

    /// Those of the schema with that version.
    pub(crate) async fn of_schema(version: i64) -> Result<Self, Error> {
        sqlx::any::install_default_drivers();
        let mut empty = AnyConnection::connect("sqlite::memory:").await?;
        migrations::at_once(&mut empty, Dialect::Sqlite, version).await?;
        let names = format!(
            "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT IN {NOT_A_LIBRARYS} ORDER BY rowid"
        );
        let mut tables = Vec::new();
        // In the order in which they were made: a server makes no table that refers to one which is not there.
        for row in sqlx::query(sqlx::AssertSqlSafe(names)).fetch_all(&mut empty).await? {
            tables.push(table(&mut empty, row.try_get("name")?).await?);
        }
        empty.close().await?;
        Ok(Self(tables))
    }

    /// Their names, in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|table| table.name.as_str())
    }
}

async fn table(schema: &mut AnyConnection, name: String) -> Result<Table, Error> {
    let asked = "SELECT name, type, pk FROM pragma_table_info(?) ORDER BY cid";
    let rows = sqlx::query(asked).bind(name.clone()).fetch_all(schema).await?;
    let (mut columns, mut key) = (Vec::new(), Vec::new());
    for (place, row) in rows.iter().enumerate() {
        columns.push(Column { name: row.try_get("name")?, kind: Kind::of(&row.try_get::<String, _>("type")?) });
        let in_key: i64 = row.try_get("pk")?;
        if in_key > 0 {
            key.push((in_key, place));
        }
    }
    key.sort_unstable();
    Ok(Table { name, columns, key: key.into_iter().map(|(_, place)| place).collect() })
}

impl Kind {
    fn of(declared: &str) -> Self {
        match declared.split('(').next().unwrap_or_default() {
            "SMALLINT" | "INTEGER" | "BIGINT" => Self::Int,
            "DOUBLE" => Self::Real,
            "BINARY" | "VARBINARY" => Self::Blob,
            _ => Self::Text,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn each_schema_has_its_own_tables_and_columns() {
        let (first, newest) = (Tables::of_schema(1).await.unwrap(), Tables::newest().await.unwrap());
        let columns = |tables: &Tables, name| tables.0.iter().find(|table| table.name == name).unwrap().columns.len();
        assert!(first.names().all(|name| name != "api_keys") && newest.names().any(|name| name == "api_keys"));
        assert!(columns(&first, "assets") < columns(&newest, "assets"));
        assert!(newest.names().all(|name| !name.starts_with("schema_")));
    }

    #[tokio::test]
    async fn every_table_has_a_key_and_refers_to_those_before_it_alone() {
        let tables = Tables::newest().await.unwrap();
        let mut schema = AnyConnection::connect("sqlite::memory:").await.unwrap();
        migrations::at_once(&mut schema, Dialect::Sqlite, migrations::LATEST).await.unwrap();
        let mut referred = 0;
        for (place, table) in tables.0.iter().enumerate() {
            assert!(!table.key.is_empty(), "{} has no primary key", table.name);
            assert!(
                table.key.iter().all(|place| table.columns[*place].kind != Kind::Real),
                "{}: a number with fractions is no key",
                table.name
            );
            let asked = "SELECT \"table\" AS name FROM pragma_foreign_key_list(?)";
            for row in sqlx::query(asked).bind(&table.name).fetch_all(&mut schema).await.unwrap() {
                let other: String = row.get("name");
                assert!(
                    tables.0[..place].iter().any(|before| before.name == other),
                    "{} refers to {other}",
                    table.name
                );
                referred += 1;
            }
        }
        assert!(referred >= 8, "{referred}");
    }

    #[tokio::test]
    async fn the_types_of_the_migrations_are_known() {
        for table in Tables::newest().await.unwrap().0 {
            for column in table.columns.iter().filter(|column| column.kind == Kind::Text) {
                let texts =
                    ["name", "email", "role", "kind", "state", "payload", "label", "handle", "key", "scopes", "told"];
                let more = [
                    "_source",
                    "_extension",
                    "details",
                    "description",
                    "title",
                    "hash",
                    "lens",
                    "camera",
                    "error",
                    "place",
                    "note",
                    "enrolled_to",
                ];
                let known = texts.iter().chain(&more).any(|text| column.name.contains(text));
                assert!(known, "is {}.{} a text? If not, say so in Kind::of", table.name, column.name);
            }
        }
    }
}
