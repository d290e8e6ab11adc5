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
}

impl Read {
    /// At most `limit` orphans of a store that were found before a moment, in the order in which they were. The primary store is
    /// [`DestinationId::FIRST`].
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn orphan_list(
        &mut self,
        store: DestinationId,
        before: Timestamp,
        limit: u32,
    ) -> Result<Vec<String>, Error> {
        let sql = "SELECT name FROM orphans WHERE destination = ? AND found_at < ? ORDER BY found_at, name LIMIT ?";
        let rows = self.all(Statement::new("orphan_list", sql).id(&store).time(before).int(limit)).await?;
        rows.iter().map(|row| row.text("name")).collect()
    }

    /// How many orphans of a store are written down.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn orphan_count(&mut self, store: DestinationId) -> Result<OrphanCount, Error> {
        let sql = "SELECT bytes FROM orphans WHERE destination = ?";
        let rows = self.all(Statement::new("orphan_count", sql).id(&store)).await?;
        let mut count = OrphanCount::default();
        for row in rows.iter() {
            count.orphans += 1;
            count.bytes += row.size("bytes")?.get();
        }
        Ok(count)
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
            let insert = "INSERT INTO orphans (destination, name, bytes, found_at)";
            let statement = Statement::rows("orphan_note", insert, "(?, ?, ?, ?)", run.len());
            let row = |statement: Statement, (name, bytes): &&(String, ByteSize)| {
                statement.id(&store).text(name).size(*bytes).time(now)
            };
            self.run(run.iter().fold(statement, row)).await?;
        }
        Ok(new.len() as u64)
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
