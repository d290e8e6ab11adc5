//! What becomes of a copy later: proved again, found broken, doomed with its object, revived, and forgotten.

use picup_domain::{ByteSize, DestinationId, ObjectKey, Timestamp};

use super::{CopyState, DoomedCopy, KeptCopy};
use crate::statement::{Statement, runs};
use crate::{Error, Write};

impl Write {
    /// A copy whose object is gone, and whose key counts again: it is made under its next name.
    pub(super) async fn copy_revive(
        &mut self,
        destination: DestinationId,
        key: &ObjectKey,
        bytes: ByteSize,
        now: Timestamp,
    ) -> Result<(), Error> {
        let sql = "UPDATE object_copies SET state = 'waiting', state_at = ?, generation = generation + 1, \
                   stored_bytes = NULL, stored_sha256 = NULL, created_at = ? WHERE destination = ? AND object_key = ?";
        let statement = Statement::new("copy_revive", sql).time(now).time(now).id(&destination);
        self.run(statement.text(&key.to_string())).await?;
        self.copy_moved(destination, CopyState::Doomed, CopyState::Waiting, bytes).await
    }

    /// Records that a copy was read back and is as it was stored.
    ///
    /// # Errors
    /// When the database cannot write.
    pub async fn copy_proved(
        &mut self,
        destination: DestinationId,
        copies: &[KeptCopy],
        now: Timestamp,
    ) -> Result<(), Error> {
        for copy in copies {
            let sql = "UPDATE object_copies SET state_at = ? \
                       WHERE destination = ? AND object_key = ? AND state = 'kept' AND generation = ?";
            let statement = Statement::new("copy_proved", sql).time(now).id(&destination).text(&copy.key.to_string());
            self.run(statement.int(copy.generation)).await?;
        }
        Ok(())
    }

    /// Records that a copy does not stand there as it was stored: it is made anew, under its next name. `false` when it is
    /// another one by now.
    ///
    /// # Errors
    /// When the database cannot write.
    pub async fn copy_broken(
        &mut self,
        destination: DestinationId,
        copy: &KeptCopy,
        error: &str,
        now: Timestamp,
    ) -> Result<bool, Error> {
        let sql = "UPDATE object_copies SET state = 'failing', state_at = ?, generation = generation + 1, attempts = 0, \
                   stored_bytes = NULL, stored_sha256 = NULL, last_error = ?, created_at = ? \
                   WHERE destination = ? AND object_key = ? AND state = 'kept' AND generation = ?";
        let statement = Statement::new("copy_broken", sql).time(now).text(error).time(now).id(&destination);
        let changed = self.changed(statement.text(&copy.key.to_string()).int(copy.generation)).await?;
        if changed {
            self.copy_moved(destination, CopyState::Kept, CopyState::Failing, copy.bytes).await?;
        }
        Ok(changed)
    }

    /// Copies of objects that are forgotten wait for the end of the retention, those that were on their way too: they may have
    /// come to stand there.
    pub(crate) async fn copy_doom(&mut self, keys: &[ObjectKey], now: Timestamp) -> Result<(), Error> {
        for destination in self.destination_every_id().await? {
            for run in runs(keys) {
                let sql = "SELECT object_key, state, bytes FROM object_copies \
                           WHERE destination = ? AND state <> 'doomed' AND object_key";
                let statement = Statement::among("copy_doom_list", sql, run.len()).id(&destination);
                let rows = self.all(run.iter().fold(statement, |all, key| all.text(&key.to_string()))).await?;
                for row in rows.iter() {
                    let (state, bytes) = (row.word("state", CopyState::parse)?, row.size("bytes")?);
                    let sql = "UPDATE object_copies SET state = 'doomed', state_at = ? \
                               WHERE destination = ? AND object_key = ?";
                    let statement = Statement::new("copy_doom", sql).time(now).id(&destination);
                    self.run(statement.text(&row.text("object_key")?)).await?;
                    self.copy_moved(destination, state, CopyState::Doomed, bytes).await?;
                }
            }
        }
        Ok(())
    }

    /// Forgets copies that were removed.
    ///
    /// # Errors
    /// When the database cannot write.
    pub async fn copy_forget(&mut self, destination: DestinationId, removed: &[DoomedCopy]) -> Result<(), Error> {
        for copy in removed {
            let sql = "DELETE FROM object_copies WHERE destination = ? AND object_key = ? AND state = 'doomed'";
            let statement = Statement::new("copy_forget", sql).id(&destination).text(&copy.key.to_string());
            if self.changed(statement).await? {
                self.copy_counted(destination, CopyState::Doomed, 1, copy.bytes.get(), -1).await?;
            }
        }
        Ok(())
    }
}
