//! First-run set-up: open until the one row that stands for this installation says it was completed.

use picup_domain::{Sha256, Timestamp};

use crate::statement::Statement;
use crate::{Error, Read, Write};

impl Read {
    /// Whether set-up is still to be done.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn setup_is_open(&mut self) -> Result<bool, Error> {
        let row =
            self.row(Statement::new("setup_is_open", "SELECT completed_at FROM installation WHERE id = 1")).await?;
        Ok(row.maybe_time("completed_at")?.is_none())
    }

    /// The hash of the code that allows set-up; `None` when none was made or set-up is done.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn setup_code_hash(&mut self) -> Result<Option<Sha256>, Error> {
        let row = self
            .row(Statement::new("setup_code_hash", "SELECT setup_code_hash FROM installation WHERE id = 1"))
            .await?;
        row.maybe_id("setup_code_hash")
    }
}

impl Write {
    /// Replaces the code that allows set-up. `false` when set-up is done already, and then no code will ever count.
    ///
    /// # Errors
    /// When the database cannot write.
    pub async fn setup_code_set(&mut self, hash: &Sha256) -> Result<bool, Error> {
        let sql = "UPDATE installation SET setup_code_hash = ? WHERE id = 1 AND completed_at IS NULL";
        self.changed(Statement::new("setup_code_set", sql).id(hash)).await
    }

    /// Closes set-up and forgets the code. `true` for exactly one caller ever: commit the first account in the same
    /// transaction, and drop the transaction when this says `false`.
    ///
    /// # Errors
    /// When the database cannot write.
    pub async fn setup_complete(&mut self, now: Timestamp) -> Result<bool, Error> {
        let sql = "UPDATE installation SET completed_at = ?, setup_code_hash = NULL \
                   WHERE id = 1 AND completed_at IS NULL";
        self.changed(Statement::new("setup_complete", sql).time(now)).await
    }
}
