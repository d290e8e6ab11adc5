//! Orphans: what stands in a store and in no row. They are written down when they are found, and looked at again before they go.

use std::collections::HashSet;

use picup_domain::{ByteSize, DestinationId, Timestamp};

use crate::statement::{Statement, runs};
use crate::{Error, Read, Write};

/// How many orphans a store has, and their bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct OrphanCount {
    /// How many.
    pub orphans: u64,
    /// Their bytes.
    pub bytes: u64,
    /// How many of them nobody has said of that they may go.
    pub unconfirmed: u64,
}

impl Read {
    /// At most `limit` orphans of a store that were found before a moment, in the order in which they were; all of those, or the
    /// confirmed ones alone. The primary store is [`DestinationId::FIRST`].
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn orphan_list(
        &mut self,
        store: DestinationId,
        before: Timestamp,
        confirmed_only: bool,
        limit: u32,
    ) -> Result<Vec<String>, Error> {
        let sql = "SELECT name FROM orphans WHERE destination = ? AND found_at < ? AND confirmed >= ? \
                   ORDER BY found_at, name LIMIT ?";
        let statement = Statement::new("orphan_list", sql).id(&store).time(before).int(confirmed_only);
        let rows = self.all(statement.int(limit)).await?;
        rows.iter().map(|row| row.text("name")).collect()
    }

    /// How many orphans of a store are written down.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn orphan_count(&mut self, store: DestinationId) -> Result<OrphanCount, Error> {
        let sql = "SELECT COUNT(*) AS orphans, CAST(COALESCE(SUM(bytes), 0) AS SIGNED) AS bytes, \
                   CAST(COALESCE(SUM(1 - confirmed), 0) AS SIGNED) AS unconfirmed FROM orphans WHERE destination = ?";
        let row = self.row(Statement::new("orphan_count", sql).id(&store)).await?;
        Ok(OrphanCount { orphans: row.int("orphans")?, bytes: row.int("bytes")?, unconfirmed: row.int("unconfirmed")? })
    }
}

impl Write {
    /// Writes orphans of a store down that are not yet; how many those are.
    ///
    /// # Errors
    /// When the database cannot write.
    pub async fn orphan_note(
        &mut self,
        store: DestinationId,
        found: &[(String, ByteSize)],
        now: Timestamp,
    ) -> Result<u64, Error> {
        let mut known = HashSet::new();
        for run in runs(found) {
            let sql = "SELECT name FROM orphans WHERE destination = ? AND name";
            let statement = Statement::among("orphan_known", sql, run.len()).id(&store);
            let statement = run.iter().fold(statement, |statement, (name, _)| statement.text(name));
            for row in self.all(statement).await? {
                known.insert(row.text("name")?);
            }
        }
        let new: Vec<&(String, ByteSize)> = found.iter().filter(|(name, _)| !known.contains(name)).collect();
        for run in runs(&new) {
            let insert = "INSERT INTO orphans (destination, name, bytes, found_at, confirmed)";
            let statement = Statement::rows("orphan_note", insert, "(?, ?, ?, ?, 0)", run.len());
            let row = |statement: Statement, (name, bytes): &&(String, ByteSize)| {
                statement.id(&store).text(name).size(*bytes).time(now)
            };
            self.run(run.iter().fold(statement, row)).await?;
        }
        Ok(new.len() as u64)
    }

    /// Lets all orphans of a store go that are written down, however many they are.
    ///
    /// # Errors
    /// When the database cannot write.
    pub async fn orphan_confirm(&mut self, store: DestinationId) -> Result<(), Error> {
        let sql = "UPDATE orphans SET confirmed = 1 WHERE destination = ?";
        self.run(Statement::new("orphan_confirm", sql).id(&store)).await?;
        Ok(())
    }

    /// Forgets orphans of a store: they are gone, or are none.
    ///
    /// # Errors
    /// When the database cannot write.
    pub async fn orphan_forget(&mut self, store: DestinationId, names: &[String]) -> Result<(), Error> {
        for run in runs(names) {
            let sql = "DELETE FROM orphans WHERE destination = ? AND name";
            let statement = Statement::among("orphan_forget", sql, run.len()).id(&store);
            self.run(run.iter().fold(statement, |statement, name| statement.text(name))).await?;
        }
        Ok(())
    }
}
