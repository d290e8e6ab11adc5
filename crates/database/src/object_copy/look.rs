//! How the copies at a destination stand, as a whole: how many, what is due, and since when.

use picup_domain::{DestinationId, Timestamp};

use super::{CopyCount, CopyState, DUE, FailingCopy, key};
use crate::statement::{Row, Statement};
use crate::{Error, Read};

impl Read {
    /// How many copies are in each state at a destination.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn copy_counts(&mut self, destination: DestinationId) -> Result<Vec<CopyCount>, Error> {
        let sql = "SELECT state, copies, bytes FROM copy_counts WHERE destination = ?";
        let rows = self.all(Statement::new("copy_counts", sql).id(&destination)).await?;
        let count = |row: &Row| {
            let state = row.word("state", CopyState::parse)?;
            Ok(CopyCount { state, copies: row.int("copies")?, bytes: row.int("bytes")? })
        };
        rows.iter().map(count).collect()
    }

    /// Whether a copy is due at a destination.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn copy_is_due(&mut self, destination: DestinationId, now: Timestamp) -> Result<bool, Error> {
        for (turn, state) in DUE {
            let sql = "SELECT state_at FROM object_copies \
                       WHERE destination = ? AND state = ? AND turn = ? AND state_at <= ? ORDER BY state_at LIMIT 1";
            let statement = Statement::new("copy_is_due", sql).id(&destination).text(state.as_str()).int(turn);
            if self.one(statement.time(now)).await?.is_some() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Whether somebody holds the lease of a copy at a destination that has not failed before: it is being made, or will be soon.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn copy_is_leased(&mut self, destination: DestinationId, now: Timestamp) -> Result<bool, Error> {
        for turn in [0_i64, 1] {
            let sql = "SELECT state_at FROM object_copies \
                       WHERE destination = ? AND state = 'waiting' AND turn = ? AND state_at > ? ORDER BY state_at LIMIT 1";
            let statement = Statement::new("copy_is_leased", sql).id(&destination).int(turn).time(now);
            if self.one(statement).await?.is_some() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Since when the copy waits that has waited longest, of the thousand that are due first.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn copy_waits_since(&mut self, destination: DestinationId) -> Result<Option<Timestamp>, Error> {
        let mut since: Option<Timestamp> = None;
        for state in [CopyState::Waiting, CopyState::Failing] {
            let sql = "SELECT MIN(created_at) AS since FROM (SELECT created_at FROM object_copies \
                       WHERE destination = ? AND state = ? ORDER BY turn, state_at, object_key LIMIT 1000) AS first";
            let statement = Statement::new("copy_waits_since", sql).id(&destination).text(state.as_str());
            let found = self.row(statement).await?.maybe_time("since")?;
            since = match (since, found) {
                (Some(one), Some(other)) => Some(one.min(other)),
                (one, other) => one.or(other),
            };
        }
        Ok(since)
    }

    /// At most `limit` copies that failed, those that are tried soonest first.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn copy_list_failing(
        &mut self,
        destination: DestinationId,
        limit: u32,
    ) -> Result<Vec<FailingCopy>, Error> {
        let sql = "SELECT object_key, attempts, last_error, state_at FROM object_copies \
                   WHERE destination = ? AND state = 'failing' ORDER BY turn, state_at, object_key LIMIT ?";
        let rows = self.all(Statement::new("copy_list_failing", sql).id(&destination).int(limit)).await?;
        let failing = |row: &Row| {
            Ok(FailingCopy {
                key: key(row)?,
                attempts: row.int("attempts")?,
                error: row.maybe_text("last_error")?.unwrap_or_default(),
                next: row.time("state_at")?,
            })
        };
        rows.iter().map(failing).collect()
    }

    /// How many copies became doomed from a moment on and before another, but no more than `most` of them.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn copy_count_doomed(
        &mut self,
        destination: DestinationId,
        from: Timestamp,
        before: Timestamp,
        most: u32,
    ) -> Result<u64, Error> {
        let mut counted = 0_u32;
        for turn in [0_i64, 1] {
            let sql = "SELECT COUNT(*) AS copies FROM (SELECT 1 AS one FROM object_copies WHERE destination = ? \
                       AND state = 'doomed' AND turn = ? AND state_at >= ? AND state_at < ? LIMIT ?) AS some";
            let statement = Statement::new("copy_count_doomed", sql).id(&destination).int(turn);
            let left = most.saturating_sub(counted);
            counted += self.row(statement.time(from).time(before).int(left)).await?.int::<u32>("copies")?;
        }
        Ok(counted.into())
    }

    /// When the first copy became doomed of those that did from a moment on.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn copy_doomed_since(
        &mut self,
        destination: DestinationId,
        from: Timestamp,
    ) -> Result<Option<Timestamp>, Error> {
        self.copy_first_at(destination, CopyState::Doomed, from).await
    }

    /// When the copy was last proved of which that is longest ago.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn copy_proved_since(&mut self, destination: DestinationId) -> Result<Option<Timestamp>, Error> {
        self.copy_first_at(destination, CopyState::Kept, Timestamp::from_micros(0)).await
    }

    async fn copy_first_at(
        &mut self,
        destination: DestinationId,
        state: CopyState,
        from: Timestamp,
    ) -> Result<Option<Timestamp>, Error> {
        let mut first: Option<Timestamp> = None;
        for turn in [0_i64, 1] {
            let sql = "SELECT state_at FROM object_copies WHERE destination = ? AND state = ? AND turn = ? \
                       AND state_at >= ? ORDER BY state_at LIMIT 1";
            let statement = Statement::new("copy_first_at", sql).id(&destination).text(state.as_str()).int(turn);
            if let Some(row) = self.one(statement.time(from)).await? {
                let at = row.time("state_at")?;
                first = Some(first.map_or(at, |first| first.min(at)));
            }
        }
        Ok(first)
    }
}
