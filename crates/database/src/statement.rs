//! One statement with its name and its values, and one row of its answer. The nouns use these so that each value is bound
//! and read in the one way that every engine stores it.

use std::borrow::Cow;

use picup_domain::{
    AccountId, AlbumId, ApiKeyId, AssetId, ByteSize, DestinationId, Invalid, InvitationId, JobId, LocalDay, SessionId,
    Sha1, Sha256, ShareLinkId, Timestamp, UploadId,
};
use sqlx::any::{AnyArguments, AnyRow};
use sqlx::{Any, Arguments, Decode, Encode, Row as _, Type};

use crate::Error;

/// A value kept as a fixed number of bytes.
pub(crate) trait Binary: Sized {
    fn to_binary(&self) -> &[u8];
    fn from_binary(bytes: &[u8]) -> Result<Self, Invalid>;
}

macro_rules! binary {
    ($($name:ident),*) => {$(
        impl Binary for $name {
            fn to_binary(&self) -> &[u8] {
                self.as_bytes()
            }

            fn from_binary(bytes: &[u8]) -> Result<Self, Invalid> {
                Self::from_slice(bytes)
            }
        }
    )*};
}

binary!(
    AccountId,
    AlbumId,
    ApiKeyId,
    AssetId,
    DestinationId,
    InvitationId,
    ShareLinkId,
    JobId,
    SessionId,
    Sha1,
    Sha256,
    UploadId
);

/// A statement, the name its time is measured under, and its values in the order of the question marks.
pub(crate) struct Statement {
    pub(crate) name: &'static str,
    pub(crate) sql: Cow<'static, str>,
    pub(crate) values: AnyArguments,
}

/// How many rows one statement may speak of. Few lengths, so that an engine prepares few statements.
const RUNS: [usize; 3] = [64, 8, 1];

/// Cuts a list into runs that [`Statement::rows`] and [`Statement::among`] speak of at once.
pub(crate) fn runs<T>(mut list: &[T]) -> impl Iterator<Item = &[T]> {
    std::iter::from_fn(move || {
        let length = RUNS.into_iter().find(|length| *length <= list.len())?;
        let (run, rest) = list.split_at(length);
        list = rest;
        Some(run)
    })
}

impl Statement {
    pub(crate) fn new(name: &'static str, sql: &'static str) -> Self {
        Self { name, sql: sql.into(), values: AnyArguments::default() }
    }

    /// `insert` followed by so many rows, each written as `row`: `(?, ?, 0)`.
    pub(crate) fn rows(name: &'static str, insert: &'static str, row: &'static str, rows: usize) -> Self {
        let sql = format!("{insert} VALUES {}", vec![row; rows].join(", "));
        Self { name, sql: sql.into(), values: AnyArguments::default() }
    }

    /// `sql` ended by a list of so many question marks: `… id IN (?, ?)`.
    pub(crate) fn among(name: &'static str, sql: &'static str, values: usize) -> Self {
        let sql = format!("{sql} IN ({})", vec!["?"; values].join(", "));
        Self { name, sql: sql.into(), values: AnyArguments::default() }
    }

    /// More of its text; the values of what stands in it are bound next.
    pub(crate) fn and(mut self, more: &str) -> Self {
        self.sql.to_mut().push_str(more);
        self
    }

    pub(crate) fn ids<'i, T: Binary + 'i>(self, values: impl IntoIterator<Item = &'i T>) -> Self {
        values.into_iter().fold(self, Self::id)
    }

    fn bind<'t, T: Encode<'t, Any> + Type<Any>>(mut self, value: T) -> Self {
        self.values
            .add(value)
            .expect("the Any driver encodes numbers, text and bytes by copying them, which cannot fail");
        self
    }

    pub(crate) fn id(self, value: &impl Binary) -> Self {
        self.bind(value.to_binary())
    }

    pub(crate) fn maybe_id(self, value: Option<&impl Binary>) -> Self {
        self.bind(value.map(|value| value.to_binary().to_vec()))
    }

    pub(crate) fn blob(self, value: Option<&[u8]>) -> Self {
        self.bind(value.map(<[u8]>::to_vec))
    }

    pub(crate) fn text(self, value: &str) -> Self {
        self.bind(value)
    }

    pub(crate) fn maybe_text(self, value: Option<&str>) -> Self {
        self.bind(value.map(str::to_owned))
    }

    pub(crate) fn int(self, value: impl Into<i64>) -> Self {
        self.bind(value.into())
    }

    pub(crate) fn maybe_int(self, value: Option<impl Into<i64>>) -> Self {
        self.bind(value.map(Into::into))
    }

    pub(crate) fn real(self, value: Option<f64>) -> Self {
        self.bind(value)
    }

    pub(crate) fn time(self, value: Timestamp) -> Self {
        self.bind(value.micros())
    }

    pub(crate) fn maybe_time(self, value: Option<Timestamp>) -> Self {
        self.bind(value.map(Timestamp::micros))
    }

    pub(crate) fn size(self, value: ByteSize) -> Self {
        self.bind(stored_size(value))
    }

    pub(crate) fn maybe_size(self, value: Option<ByteSize>) -> Self {
        self.bind(value.map(stored_size))
    }

    pub(crate) fn day(self, value: LocalDay) -> Self {
        self.bind(value.as_number())
    }
}

fn stored_size(value: ByteSize) -> i64 {
    i64::try_from(value.get()).expect("a ByteSize is at most i64::MAX")
}

/// One row of an answer.
pub(crate) struct Row(pub(crate) AnyRow);

fn corrupt(column: &'static str, reason: impl ToString) -> Error {
    Error::Corrupt { column, reason: reason.to_string() }
}

impl Row {
    fn get<'r, T: Decode<'r, Any> + Type<Any>>(&'r self, column: &'static str) -> Result<T, Error> {
        self.0.try_get(column).map_err(|error| corrupt(column, error))
    }

    pub(crate) fn id<T: Binary>(&self, column: &'static str) -> Result<T, Error> {
        T::from_binary(self.get(column)?).map_err(|error| corrupt(column, error))
    }

    pub(crate) fn maybe_id<T: Binary>(&self, column: &'static str) -> Result<Option<T>, Error> {
        let bytes: Option<&[u8]> = self.get(column)?;
        bytes.map(T::from_binary).transpose().map_err(|error| corrupt(column, error))
    }

    pub(crate) fn blob(&self, column: &'static str) -> Result<Option<Vec<u8>>, Error> {
        self.get(column)
    }

    pub(crate) fn text(&self, column: &'static str) -> Result<String, Error> {
        self.get(column)
    }

    pub(crate) fn maybe_text(&self, column: &'static str) -> Result<Option<String>, Error> {
        self.get(column)
    }

    /// A text that `parse` turns into a word of the domain.
    pub(crate) fn word<T, E: ToString>(
        &self,
        column: &'static str,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Result<T, Error> {
        parse(self.get(column)?).map_err(|error| corrupt(column, error.to_string()))
    }

    /// A whole number that fits where it is going.
    pub(crate) fn int<T: TryFrom<i64>>(&self, column: &'static str) -> Result<T, Error> {
        let value: i64 = self.get(column)?;
        T::try_from(value).map_err(|_| corrupt(column, format!("{value} is out of range")))
    }

    /// A number that is 0 or 1.
    pub(crate) fn bool(&self, column: &'static str) -> Result<bool, Error> {
        Ok(self.int::<i64>(column)? != 0)
    }

    pub(crate) fn maybe_int<T: TryFrom<i64>>(&self, column: &'static str) -> Result<Option<T>, Error> {
        let value: Option<i64> = self.get(column)?;
        value.map(T::try_from).transpose().map_err(|_| corrupt(column, "out of range"))
    }

    pub(crate) fn real(&self, column: &'static str) -> Result<Option<f64>, Error> {
        self.get(column)
    }

    pub(crate) fn time(&self, column: &'static str) -> Result<Timestamp, Error> {
        self.get(column).map(Timestamp::from_micros)
    }

    pub(crate) fn maybe_time(&self, column: &'static str) -> Result<Option<Timestamp>, Error> {
        Ok(self.get::<Option<i64>>(column)?.map(Timestamp::from_micros))
    }

    pub(crate) fn size(&self, column: &'static str) -> Result<ByteSize, Error> {
        ByteSize::new(self.int(column)?).map_err(|error| corrupt(column, error))
    }

    pub(crate) fn maybe_size(&self, column: &'static str) -> Result<Option<ByteSize>, Error> {
        let bytes: Option<u64> = self.maybe_int(column)?;
        bytes.map(ByteSize::new).transpose().map_err(|error| corrupt(column, error))
    }

    pub(crate) fn day(&self, column: &'static str) -> Result<LocalDay, Error> {
        LocalDay::from_number(self.int(column)?).map_err(|error| corrupt(column, error))
    }
}
