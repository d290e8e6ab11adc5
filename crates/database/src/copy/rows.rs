//! The rows of a table in the order of its primary key, a page at a time, as values that are the same whichever engine they came
//! from; and the one way in which a row is written down to be summed up.

use sha2::Digest;
use sqlx::any::{AnyArguments, AnyRow};
use sqlx::{AnyConnection, Arguments, AssertSqlSafe, Row};

use super::tables::{Kind, Table};
use crate::Error;
use crate::dialect::Dialect;

/// So many rows are read at once at most, and no more are held.
const PAGE: usize = 500;
/// An INSERT of a page has so many values at most: fewer than either engine's bound, which is 32,766 on SQLite.
const VALUES: usize = 16_384;

#[derive(Debug, Clone, PartialEq, PartialOrd)]
pub(super) enum Value {
    Null,
    Int(i64),
    Real(f64),
    Text(String),
    Blob(Vec<u8>),
}

impl Value {
    fn read(row: &AnyRow, place: usize, kind: Kind) -> Result<Self, sqlx::Error> {
        let value = match kind {
            Kind::Int => row.try_get::<Option<i64>, _>(place)?.map(Self::Int),
            // SQLite keeps no sign of a zero.
            Kind::Real => row.try_get::<Option<f64>, _>(place)?.map(|real| Self::Real(real + 0.0)),
            Kind::Text => row.try_get::<Option<String>, _>(place)?.map(Self::Text),
            Kind::Blob => row.try_get::<Option<Vec<u8>>, _>(place)?.map(Self::Blob),
        };
        Ok(value.unwrap_or(Self::Null))
    }

    /// Unmistakable: what kind it is, and how long it is before what it is.
    fn digest(&self, into: &mut sha2::Sha256) {
        let with_length = |into: &mut sha2::Sha256, kind: u8, bytes: &[u8]| {
            into.update([kind]);
            into.update((bytes.len() as u64).to_be_bytes());
            into.update(bytes);
        };
        match self {
            Self::Null => into.update([0]),
            Self::Int(number) => {
                into.update([1]);
                into.update(number.to_be_bytes());
            }
            Self::Real(real) => {
                into.update([2]);
                into.update(real.to_bits().to_be_bytes());
            }
            Self::Text(text) => with_length(into, 3, text.as_bytes()),
            Self::Blob(bytes) => with_length(into, 4, bytes),
        }
    }

    pub(super) fn bind(self, into: &mut AnyArguments, kind: Kind) {
        let bound = match (self, kind) {
            (Self::Int(number), _) => into.add(number),
            (Self::Real(real), _) => into.add(real),
            (Self::Text(text), _) => into.add(text),
            (Self::Blob(bytes), _) => into.add(bytes),
            (Self::Null, Kind::Int) => into.add(None::<i64>),
            (Self::Null, Kind::Real) => into.add(None::<f64>),
            (Self::Null, Kind::Text) => into.add(None::<String>),
            (Self::Null, Kind::Blob) => into.add(None::<Vec<u8>>),
        };
        bound.expect("the Any driver encodes numbers, text and bytes by moving them, which cannot fail");
    }

    /// About how much of a message it fills.
    pub(super) const fn size(&self) -> usize {
        match self {
            Self::Null => 1,
            Self::Int(_) | Self::Real(_) => 9,
            Self::Text(text) => text.len() + 9,
            Self::Blob(bytes) => bytes.len() + 9,
        }
    }
}

pub(super) fn digest(row: &[Value], into: &mut sha2::Sha256) {
    row.iter().for_each(|value| value.digest(into));
}

/// Goes through a table once.
pub(super) struct Walk<'t> {
    table: &'t Table,
    dialect: Dialect,
    after: Option<Vec<Value>>,
    done: bool,
}

impl<'t> Walk<'t> {
    pub(super) fn new(table: &'t Table, dialect: Dialect) -> Self {
        Self { table, dialect, after: None, done: false }
    }

    /// The next rows, at most a page of them; none at the end.
    pub(super) async fn next(&mut self, connection: &mut AnyConnection) -> Result<Vec<Vec<Value>>, Error> {
        let mut rows = Vec::new();
        if self.done {
            return Ok(rows);
        }
        match self.after.clone() {
            None => self.read(connection, &mut rows, String::new(), &[]).await?,
            Some(after) => {
                // Those that share all but the last column of the key with the row before; all but the last two; and so on: each
                // is one stretch of the key's index, on engines too that do not see that of `(a, b) > (?, ?)`.
                for shared in (0..after.len()).rev() {
                    let equal = self.table.key[..shared].iter().map(|place| format!("{} = ? AND ", self.name(*place)));
                    let beyond = format!("{} > ?", self.name(self.table.key[shared]));
                    let place = format!("WHERE {}{beyond}", equal.collect::<String>());
                    self.read(connection, &mut rows, place, &after[..=shared]).await?;
                    if rows.len() == self.table.page() {
                        break;
                    }
                }
            }
        }
        self.done = rows.len() < self.table.page();
        self.after = rows.last().map(|row| self.table.key_of(row));
        Ok(rows)
    }

    async fn read(
        &self,
        connection: &mut AnyConnection,
        rows: &mut Vec<Vec<Value>>,
        place: String,
        after: &[Value],
    ) -> Result<(), Error> {
        let Table { name, columns, key } = self.table;
        let list = columns.iter().map(|column| column.name.as_str()).collect::<Vec<_>>().join(", ");
        let order = key.iter().map(|place| self.name(*place)).collect::<Vec<_>>().join(", ");
        let hint = self.dialect.in_key_order();
        let sql = format!("SELECT {list} FROM {name}{hint} {place} ORDER BY {order} LIMIT ?");
        let mut values = AnyArguments::default();
        for (value, place) in after.iter().zip(key) {
            value.clone().bind(&mut values, columns[*place].kind);
        }
        let most = i64::try_from(self.table.page() - rows.len()).unwrap_or_default();
        Value::Int(most).bind(&mut values, Kind::Int);
        for row in sqlx::query_with(AssertSqlSafe(sql), values).fetch_all(connection).await? {
            let read = columns.iter().enumerate().map(|(place, column)| Value::read(&row, place, column.kind));
            rows.push(read.collect::<Result<_, _>>()?);
        }
        Ok(())
    }

    fn name(&self, place: usize) -> &str {
        &self.table.columns[place].name
    }
}

impl Table {
    /// How many of its rows are read, and inserted, at once.
    pub(super) fn page(&self) -> usize {
        (VALUES / self.columns.len()).clamp(1, PAGE)
    }

    pub(super) fn key_of(&self, row: &[Value]) -> Vec<Value> {
        self.key.iter().map(|place| row[*place].clone()).collect()
    }

    /// The key of its last row.
    pub(super) async fn last_key(&self, connection: &mut AnyConnection) -> Result<Option<Vec<Value>>, Error> {
        let key: Vec<_> = self.key.iter().map(|place| &self.columns[*place]).collect();
        let list = |end: &str| key.iter().map(|column| format!("{}{end}", column.name)).collect::<Vec<_>>().join(", ");
        let hint = Dialect::of(connection).in_key_order();
        let sql = format!("SELECT {} FROM {}{hint} ORDER BY {} LIMIT 1", list(""), self.name, list(" DESC"));
        let row = sqlx::query(AssertSqlSafe(sql)).fetch_optional(connection).await?;
        let read = |row: AnyRow| {
            let values = key.iter().enumerate().map(|(place, column)| Value::read(&row, place, column.kind));
            values.collect::<Result<_, _>>()
        };
        Ok(row.map(read).transpose()?)
    }
}
