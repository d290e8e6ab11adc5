//! What a server answers, as text: these questions are few, and their columns have other names and types on each server.

use sqlx::Row as _;
use sqlx::mysql::MySqlRow;

use super::Error;

/// One row.
pub(super) struct Answer(pub(super) MySqlRow);

impl Answer {
    /// The first of these columns that is there; empty when it is NULL or none is.
    pub(super) fn text(&self, names: &[&str]) -> String {
        self.maybe(names).unwrap_or_default()
    }

    /// As [`Answer::text`], telling NULL apart.
    pub(super) fn maybe(&self, names: &[&str]) -> Option<String> {
        names.iter().find_map(|name| self.0.try_get_unchecked::<Option<String>, _>(*name).ok()).flatten()
    }

    /// The column at that place; empty when it is NULL.
    pub(super) fn at(&self, place: usize) -> String {
        self.0.try_get_unchecked::<Option<String>, _>(place).ok().flatten().unwrap_or_default()
    }

    /// A number; `None` when it is NULL, not there or no number.
    pub(super) fn number(&self, names: &[&str]) -> Option<u64> {
        self.maybe(names)?.parse().ok()
    }

    /// `1`, `ON` and `YES` are true, as servers write it.
    pub(super) fn is_on(&self, names: &[&str]) -> bool {
        matches!(self.text(names).to_ascii_uppercase().as_str(), "1" | "ON" | "YES")
    }
}

/// Which version a server is, as `10.11` or `9.1`.
pub(super) fn version(text: &str) -> Result<(u16, u16), Error> {
    let mut numbers = text.split(['.', '-']).map(|part| part.parse::<u16>());
    match (numbers.next(), numbers.next()) {
        (Some(Ok(major)), Some(Ok(minor))) => Ok((major, minor)),
        _ => Err(Error::Senseless(format!("a version that makes no sense: {text}"))),
    }
}

/// The pairs of `SHOW STATUS` and the like are a name and a value.
pub(super) fn value_of(rows: &[Answer], name: &str) -> String {
    let row = rows.iter().find(|row| row.at(0).eq_ignore_ascii_case(name));
    row.map(|row| row.at(1)).unwrap_or_default()
}
