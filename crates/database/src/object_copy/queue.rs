//! The rows as a queue: written down, claimed by lease, and made or failed.

use std::collections::{BTreeMap, HashSet};

use picup_domain::{ByteSize, DestinationId, ObjectKey, Timestamp};

use super::{CopyClaim, CopyFailure, CopyMade, CopyState, DUE, key, turn};
use crate::statement::{Statement, runs};
use crate::{Error, Write};

impl Write {
    /// Writes down that objects which count from now on are to be copied to every destination.
    pub(crate) async fn copy_enqueue(&mut self, new: &[(ObjectKey, ByteSize)], now: Timestamp) -> Result<(), Error> {
        for destination in self.destination_ids().await? {
            self.copy_insert_all(destination, new, now).await?;
        }
        Ok(())
    }

    async fn copy_insert_all(
        &mut self,
        destination: DestinationId,
        new: &[(ObjectKey, ByteSize)],
        now: Timestamp,
    ) -> Result<(), Error> {
        let mut known = HashSet::new();
        for run in runs(new) {
            let sql = "SELECT object_key, state, bytes FROM object_copies WHERE destination = ? AND object_key";
            let statement = Statement::among("copy_standing", sql, run.len()).id(&destination);
            let statement = run.iter().fold(statement, |statement, (key, _)| statement.text(&key.to_string()));
            for row in self.all(statement).await?.iter() {
                let key = key(row)?;
                if row.word("state", CopyState::parse)? == CopyState::Doomed {
                    self.copy_revive(destination, &key, row.size("bytes")?, now).await?;
                }
                known.insert(key);
            }
        }
        let new: Vec<_> = new.iter().filter(|(key, _)| !known.contains(key)).collect();
        let insert = "INSERT INTO object_copies (destination, object_key, state, turn, state_at, bytes, generation, attempts, \
                      created_at)";
        for run in runs(&new) {
            let statement = Statement::rows("copy_insert", insert, "(?, ?, 'waiting', ?, ?, ?, 1, 0, ?)", run.len());
            let statement = run.iter().fold(statement, |statement, (key, bytes)| {
                let statement = statement.id(&destination).text(&key.to_string()).int(turn(key.role()));
                statement.time(now).size(*bytes).time(now)
            });
            self.run(statement).await?;
        }
        let bytes = new.iter().map(|(_, bytes)| bytes.get()).sum();
        self.copy_counted(destination, CopyState::Waiting, new.len() as u64, bytes, 1).await
    }

    /// Writes down copies of up to `limit` older objects that have none yet. `false` when all have.
    ///
    /// # Errors
    /// When the database cannot write.
    pub async fn copy_enrol(&mut self, destination: DestinationId, limit: u32, now: Timestamp) -> Result<bool, Error> {
        let sql = "SELECT enrolled_to FROM destinations WHERE id = ? AND state = 'active' AND enrolled_to IS NOT NULL";
        let Some(row) = self.one(Statement::new("copy_enrolled_to", sql).id(&destination)).await? else {
            return Ok(false);
        };
        let sql = "SELECT object_key, bytes, state FROM objects WHERE object_key > ? ORDER BY object_key LIMIT ?";
        let statement = Statement::new("copy_enrol_page", sql).text(&row.text("enrolled_to")?).int(limit);
        let rows = self.all(statement).await?;
        let mut page = Vec::with_capacity(rows.len());
        for row in rows.iter() {
            if row.text("state")? == "committed" {
                page.push((key(row)?, row.size("bytes")?));
            }
        }
        self.copy_insert_all(destination, &page, now).await?;
        let last = match rows.last() {
            Some(row) => Some(row.text("object_key")?),
            None => None,
        };
        let sql = "UPDATE destinations SET enrolled_to = ? WHERE id = ?";
        let statement = Statement::new("copy_enrol_to", sql).maybe_text(last.as_deref()).id(&destination);
        self.run(statement).await?;
        Ok(last.is_some())
    }

    /// Leases at most `limit` copies that are due until a moment, originals first. One whose object does not count (any more) is
    /// put off: its row is about to change.
    ///
    /// # Errors
    /// When the database cannot write.
    pub async fn copy_claim(
        &mut self,
        destination: DestinationId,
        now: Timestamp,
        until: Timestamp,
        limit: u32,
    ) -> Result<Vec<CopyClaim>, Error> {
        let mut claims = Vec::new();
        for (turn, state) in DUE {
            let left = limit.saturating_sub(u32::try_from(claims.len()).unwrap_or(limit));
            if left == 0 {
                break;
            }
            let sql = "SELECT c.object_key, c.generation, c.attempts, o.bytes, o.sha256, o.state FROM object_copies AS c \
                       LEFT JOIN objects AS o ON o.object_key = c.object_key \
                       WHERE c.destination = ? AND c.state = ? AND c.turn = ? AND c.state_at <= ? \
                       ORDER BY c.state_at, c.object_key LIMIT ?";
            let statement = Statement::new("copy_due", sql).id(&destination).text(state.as_str()).int(turn);
            let rows = self.all(statement.time(now).int(left)).await?;
            let mut keys = Vec::with_capacity(rows.len());
            for row in rows.iter() {
                keys.push(row.text("object_key")?);
                if row.maybe_text("state")?.as_deref() == Some("committed")
                    && let Some(sha256) = row.maybe_id("sha256")?
                {
                    let attempt = row.int::<u32>("attempts")?.saturating_add(1);
                    let (bytes, generation) = (row.size("bytes")?, row.int("generation")?);
                    claims.push(CopyClaim { key: key(row)?, bytes, sha256, generation, attempt });
                }
            }
            for run in runs(&keys) {
                let sql = "UPDATE object_copies SET attempts = attempts + 1, state_at = ? WHERE destination = ? AND object_key";
                let statement = Statement::among("copy_lease", sql, run.len()).time(until).id(&destination);
                self.run(run.iter().fold(statement, |statement, key| statement.text(key))).await?;
            }
        }
        Ok(claims)
    }

    /// Keeps leases until another moment; those until now are given back.
    ///
    /// # Errors
    /// When the database cannot write.
    pub async fn copy_extend(
        &mut self,
        destination: DestinationId,
        claims: &[CopyClaim],
        until: Timestamp,
    ) -> Result<(), Error> {
        for claim in claims {
            let sql = "UPDATE object_copies SET state_at = ? WHERE destination = ? AND object_key = ? AND attempts = ? \
                       AND generation = ? AND state IN ('waiting', 'failing', 'sourceless')";
            let statement = Statement::new("copy_extend", sql).time(until).id(&destination);
            self.run(statement.text(&claim.key.to_string()).int(claim.attempt).int(claim.generation)).await?;
        }
        Ok(())
    }

    /// Takes back the leases at a destination, for one who knows that nobody is at work. What has failed before is due at its time.
    ///
    /// # Errors
    /// When the database cannot write.
    pub async fn copy_release(&mut self, destination: DestinationId, now: Timestamp) -> Result<(), Error> {
        for turn in [0_i64, 1] {
            let sql = "UPDATE object_copies SET state_at = ? \
                       WHERE destination = ? AND state = 'waiting' AND turn = ? AND state_at > ?";
            self.run(Statement::new("copy_release", sql).time(now).id(&destination).int(turn).time(now)).await?;
        }
        Ok(())
    }

    /// Records copies that stand at a destination, proved. One that another has taken up since is left to that one.
    ///
    /// # Errors
    /// When the database cannot write.
    pub async fn copy_made(
        &mut self,
        destination: DestinationId,
        made: &[CopyMade],
        now: Timestamp,
    ) -> Result<(), Error> {
        let mut counts: BTreeMap<CopyState, (u64, u64)> = BTreeMap::new();
        for CopyMade { claim, stored_bytes, stored_sha256 } in made {
            let Some(before) = self.copy_claimed(destination, claim).await? else { continue };
            let sql = "UPDATE object_copies SET state = 'kept', state_at = ?, stored_bytes = ?, stored_sha256 = ?, \
                       last_error = NULL WHERE destination = ? AND object_key = ?";
            let statement = Statement::new("copy_made", sql).time(now).size(*stored_bytes).id(stored_sha256);
            self.run(statement.id(&destination).text(&claim.key.to_string())).await?;
            let count = counts.entry(before).or_default();
            *count = (count.0 + 1, count.1 + claim.bytes.get());
        }
        for (before, (copies, bytes)) in counts {
            self.copy_counted(destination, before, copies, bytes, -1).await?;
            self.copy_counted(destination, CopyState::Kept, copies, bytes, 1).await?;
        }
        Ok(())
    }

    /// The state of a copy that is still this claim's.
    async fn copy_claimed(
        &mut self,
        destination: DestinationId,
        claim: &CopyClaim,
    ) -> Result<Option<CopyState>, Error> {
        let sql = "SELECT state FROM object_copies WHERE destination = ? AND object_key = ? AND attempts = ? \
                   AND generation = ? AND state IN ('waiting', 'failing', 'sourceless')";
        let statement = Statement::new("copy_claimed", sql).id(&destination).text(&claim.key.to_string());
        let row = self.one(statement.int(claim.attempt).int(claim.generation)).await?;
        row.map(|row| row.word("state", CopyState::parse)).transpose()
    }

    /// Records that a copy failed and when it is to be tried again, under another name if what stands there is something else, and
    /// whether it failed because there is nothing to copy.
    ///
    /// # Errors
    /// When the database cannot write.
    pub async fn copy_failed(
        &mut self,
        destination: DestinationId,
        claim: &CopyClaim,
        error: &str,
        again: Timestamp,
        how: CopyFailure,
    ) -> Result<(), Error> {
        let Some(before) = self.copy_claimed(destination, claim).await? else { return Ok(()) };
        let after = if how == CopyFailure::Sourceless { CopyState::Sourceless } else { CopyState::Failing };
        let sql = "UPDATE object_copies SET state = ?, state_at = ?, last_error = ?, generation = generation + ? \
                   WHERE destination = ? AND object_key = ?";
        let statement = Statement::new("copy_failed", sql).text(after.as_str()).time(again).text(error);
        let statement = statement.int(how == CopyFailure::Occupied);
        self.run(statement.id(&destination).text(&claim.key.to_string())).await?;
        self.copy_moved(destination, before, after, claim.bytes).await
    }
}
