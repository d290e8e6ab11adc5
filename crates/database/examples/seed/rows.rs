//! Rows as text for INSERT: literals one after another, bytes as hexadecimal.

use std::fmt::Write as _;

/// One INSERT of many rows.
pub(crate) struct Rows {
    begin: &'static str,
    sql: String,
    rows: usize,
}

impl Rows {
    /// `begin` ends with `VALUES `.
    pub(crate) fn new(begin: &'static str) -> Self {
        Self { begin, sql: begin.to_owned(), rows: 0 }
    }

    pub(crate) const fn len(&self) -> usize {
        self.rows
    }

    /// The statement so far, from which this begins anew; `None` when it has no rows.
    pub(crate) fn take(&mut self) -> Option<String> {
        let begin = self.begin.to_owned();
        let rows = std::mem::take(&mut self.rows);
        let sql = std::mem::replace(&mut self.sql, begin);
        (rows > 0).then_some(sql)
    }

    /// Begins a row.
    pub(crate) fn row(&mut self) -> Row<'_> {
        self.sql.push_str(if self.rows == 0 { "(" } else { ",(" });
        self.rows += 1;
        Row { sql: &mut self.sql, first: true }
    }
}

/// A row that is being written; it ends when it is dropped.
pub(crate) struct Row<'a> {
    sql: &'a mut String,
    first: bool,
}

impl Row<'_> {
    fn next(&mut self) {
        if !std::mem::take(&mut self.first) {
            self.sql.push(',');
        }
    }

    pub(crate) fn bytes(mut self, bytes: &[u8]) -> Self {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        self.next();
        self.sql.push_str("x'");
        for byte in bytes {
            self.sql.push(char::from(DIGITS[usize::from(byte >> 4)]));
            self.sql.push(char::from(DIGITS[usize::from(byte & 15)]));
        }
        self.sql.push('\'');
        self
    }

    /// Text without quotes in it.
    pub(crate) fn text(mut self, text: &str) -> Self {
        self.next();
        let _ = write!(self.sql, "'{text}'");
        self
    }

    pub(crate) fn int(mut self, number: impl Into<i128>) -> Self {
        self.next();
        let _ = write!(self.sql, "{}", number.into());
        self
    }

    pub(crate) fn maybe_int(self, number: Option<u64>) -> Self {
        match number {
            Some(number) => self.int(number),
            None => self.null(),
        }
    }

    fn null(mut self) -> Self {
        self.next();
        self.sql.push_str("NULL");
        self
    }
}

impl Drop for Row<'_> {
    fn drop(&mut self) {
        self.sql.push(')');
    }
}
