//! Copies one by one, and in lists: what stands there, what is to be read again, and what is to go.

use std::collections::HashMap;

use picup_domain::{DestinationId, ObjectKey, Timestamp};

use super::{CopyState, DoomedCopy, KeptCopy, ListedCopy, key};
use crate::statement::{Row, Statement, runs};
use crate::{Error, Read};

macro_rules! select_kept {
    ($rest:literal) => {
        concat!(
            "SELECT object_key, generation, bytes, stored_bytes, stored_sha256, state_at FROM object_copies ",
            $rest
        )
    };
}

fn kept(row: &Row) -> Result<Option<KeptCopy>, Error> {
    let (bytes, sha256) = (row.maybe_size("stored_bytes")?, row.maybe_id("stored_sha256")?);
    let Some((stored_bytes, stored_sha256)) = bytes.zip(sha256) else { return Ok(None) };
    Ok(Some(KeptCopy {
        key: key(row)?,
        generation: row.int("generation")?,
        bytes: row.size("bytes")?,
        stored_bytes,
        stored_sha256,
        proved_at: row.time("state_at")?,
    }))
}

impl Read {
    /// The copy that stands at a destination; `None` when none does.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn copy_kept(&mut self, destination: DestinationId, key: &ObjectKey) -> Result<Option<KeptCopy>, Error> {
        let sql = select_kept!("WHERE destination = ? AND object_key = ? AND state = 'kept'");
        let statement = Statement::new("copy_kept", sql).id(&destination).text(&key.to_string());
        Ok(self.one(statement).await?.as_ref().map(kept).transpose()?.flatten())
    }

    /// At most `limit` copies that were last proved before a moment, originals first, those longest ago first.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn copy_list_unproved(
        &mut self,
        destination: DestinationId,
        before: Timestamp,
        limit: u32,
    ) -> Result<Vec<KeptCopy>, Error> {
        let mut found = Vec::new();
        for turn in [0_i64, 1] {
            let left = limit.saturating_sub(u32::try_from(found.len()).unwrap_or(limit));
            let sql = select_kept!(
                "WHERE destination = ? AND state = 'kept' AND turn = ? AND state_at < ? \
                 ORDER BY state_at, object_key LIMIT ?"
            );
            let statement = Statement::new("copy_list_unproved", sql).id(&destination).int(turn);
            let rows = self.all(statement.time(before).int(left)).await?;
            found.extend(rows.iter().filter_map(|row| kept(row).transpose()).collect::<Result<Vec<_>, _>>()?);
        }
        Ok(found)
    }

    /// At most `limit` copies of objects that are gone since before a moment.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn copy_list_doomed(
        &mut self,
        destination: DestinationId,
        before: Timestamp,
        limit: u32,
    ) -> Result<Vec<DoomedCopy>, Error> {
        let mut found = Vec::new();
        for turn in [0_i64, 1] {
            let left = limit.saturating_sub(u32::try_from(found.len()).unwrap_or(limit));
            let sql = "SELECT object_key, generation, bytes FROM object_copies \
                       WHERE destination = ? AND state = 'doomed' AND turn = ? AND state_at < ? \
                       ORDER BY state_at, object_key LIMIT ?";
            let statement = Statement::new("copy_list_doomed", sql).id(&destination).int(turn);
            for row in self.all(statement.time(before).int(left)).await? {
                let (generation, bytes) = (row.int("generation")?, row.size("bytes")?);
                found.push(DoomedCopy { key: key(&row)?, generation, bytes });
            }
        }
        Ok(found)
    }

    /// In how many destinations each of those objects is kept.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn copy_places(&mut self, keys: &[ObjectKey]) -> Result<HashMap<ObjectKey, u64>, Error> {
        let mut places = HashMap::new();
        for destination in self.destination_ids().await? {
            for run in runs(keys) {
                let sql =
                    "SELECT object_key FROM object_copies WHERE destination = ? AND state = 'kept' AND object_key";
                let statement = Statement::among("copy_places", sql, run.len()).id(&destination);
                let statement = run.iter().fold(statement, |statement, key| statement.text(&key.to_string()));
                for row in self.all(statement).await? {
                    *places.entry(key(&row)?).or_default() += 1;
                }
            }
        }
        Ok(places)
    }

    /// Of those keys, the ones with a copy at a destination in any state, each with its generation.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn copy_known(
        &mut self,
        destination: DestinationId,
        keys: &[ObjectKey],
    ) -> Result<HashMap<ObjectKey, u32>, Error> {
        let mut known = HashMap::new();
        for run in runs(keys) {
            let sql = "SELECT object_key, generation FROM object_copies WHERE destination = ? AND object_key";
            let statement = Statement::among("copy_known", sql, run.len()).id(&destination);
            let statement = run.iter().fold(statement, |statement, key| statement.text(&key.to_string()));
            for row in self.all(statement).await? {
                known.insert(key(&row)?, row.int("generation")?);
            }
        }
        Ok(known)
    }

    /// At most `limit` copies with keys after one, in their order, in any state.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn copy_page(
        &mut self,
        destination: DestinationId,
        after: &str,
        limit: u32,
    ) -> Result<Vec<ListedCopy>, Error> {
        let sql = "SELECT object_key, generation, state, bytes, state_at FROM object_copies \
                   WHERE destination = ? AND object_key > ? ORDER BY object_key LIMIT ?";
        let statement = Statement::new("copy_page", sql).id(&destination).text(after).int(limit);
        let listed = |row: &Row| {
            Ok(ListedCopy {
                key: key(row)?,
                generation: row.int("generation")?,
                state: row.word("state", CopyState::parse)?,
                bytes: row.size("bytes")?,
                state_at: row.time("state_at")?,
            })
        };
        self.all(statement).await?.iter().map(listed).collect()
    }
}
