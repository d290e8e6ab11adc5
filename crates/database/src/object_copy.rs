//! Copies of objects at destinations: written down in the transaction that makes an object count, claimed by lease as jobs are, and
//! counted in the transactions that change them. A copy outlives its object until the retention is over.

use std::collections::{BTreeMap, HashMap, HashSet};

use picup_domain::{ByteSize, DestinationId, ObjectKey, ObjectRole, Sha256, Timestamp};

use crate::statement::{Row, Statement, runs};
use crate::{Error, Read, Write};

/// How a copy stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CopyState {
    /// It is to be made.
    Waiting,
    /// It is to be made, and failed the last time.
    Failing,
    /// It stands there, proved.
    Kept,
    /// Its object is not what it should be, in any store: there is nothing to copy before it is healed.
    Sourceless,
    /// Its object is gone; it is removed when the retention is over.
    Doomed,
}

impl CopyState {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Waiting, Self::Failing, Self::Kept, Self::Sourceless, Self::Doomed];

    /// The word stored.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Failing => "failing",
            Self::Kept => "kept",
            Self::Sourceless => "sourceless",
            Self::Doomed => "doomed",
        }
    }

    fn parse(word: &str) -> Result<Self, String> {
        Self::ALL.into_iter().find(|state| state.as_str() == word).ok_or_else(|| format!("unknown state {word}"))
    }
}

/// A copy that is to be made, leased to whoever makes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CopyClaim {
    /// The object.
    pub key: ObjectKey,
    /// Its size.
    pub bytes: ByteSize,
    /// Its hash.
    pub sha256: Sha256,
    /// Which copy of it, from 1.
    pub generation: u32,
    /// How often this copy of it was begun, this time included; with its number also the lease's token.
    pub attempt: u32,
}

/// A copy as it stands at a destination.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptCopy {
    /// The object.
    pub key: ObjectKey,
    /// Which copy of it, from 1.
    pub generation: u32,
    /// The object's size.
    pub bytes: ByteSize,
    /// How many bytes are stored, encrypted if they are.
    pub stored_bytes: ByteSize,
    /// Their hash.
    pub stored_sha256: Sha256,
    /// When it was last proved.
    pub proved_at: Timestamp,
}

/// A copy in any state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedCopy {
    /// The object.
    pub key: ObjectKey,
    /// Which copy of it, from 1.
    pub generation: u32,
    /// How it stands.
    pub state: CopyState,
    /// The object's size.
    pub bytes: ByteSize,
    /// Waiting and failing: when it is due. Kept: when it was last proved. Doomed: since when.
    pub state_at: Timestamp,
}

/// A copy whose object is gone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DoomedCopy {
    /// The object that was.
    pub key: ObjectKey,
    /// Which copy of it, from 1. It may never have come to stand there.
    pub generation: u32,
    /// The object's size.
    pub bytes: ByteSize,
}

/// A copy that was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CopyMade {
    /// The claim.
    pub claim: CopyClaim,
    /// How many bytes are stored.
    pub stored_bytes: ByteSize,
    /// Their hash.
    pub stored_sha256: Sha256,
}

/// Why a copy failed, as far as the next attempt differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CopyFailure {
    /// Something was away, or went wrong on the way.
    Passing,
    /// Something else stands under its name, which is never overwritten.
    Occupied,
    /// The object is not what it should be, in any store.
    Sourceless,
}

/// How many copies are in a state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CopyCount {
    /// The state.
    pub state: CopyState,
    /// How many.
    pub copies: u64,
    /// How many bytes their objects have.
    pub bytes: u64,
}

/// A copy that failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FailingCopy {
    /// The object.
    pub key: ObjectKey,
    /// How often it was begun.
    pub attempts: u32,
    /// Why it failed the last time.
    pub error: String,
    /// When it is tried again.
    pub next: Timestamp,
}

/// In which order copies are made: originals before what can be made of them again, and what never failed first.
const DUE: [(i64, CopyState); 6] = [
    (0, CopyState::Waiting),
    (0, CopyState::Failing),
    (1, CopyState::Waiting),
    (1, CopyState::Failing),
    (0, CopyState::Sourceless),
    (1, CopyState::Sourceless),
];

macro_rules! select_kept {
    ($rest:literal) => {
        concat!(
            "SELECT object_key, generation, bytes, stored_bytes, stored_sha256, state_at FROM object_copies ",
            $rest
        )
    };
}

fn key(row: &Row) -> Result<ObjectKey, Error> {
    row.word("object_key", |text| text.parse::<ObjectKey>())
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

const fn turn(role: ObjectRole) -> i64 {
    match role {
        ObjectRole::Original | ObjectRole::Motion => 0,
        ObjectRole::Thumbnail | ObjectRole::Preview => 1,
    }
}

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

    /// A copy whose object is gone, and whose key counts again: it is made under its next name.
    async fn copy_revive(
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

    /// Keeps the count: `by` is 1 for more, -1 for fewer.
    async fn copy_counted(
        &mut self,
        destination: DestinationId,
        state: CopyState,
        copies: u64,
        bytes: u64,
        by: i64,
    ) -> Result<(), Error> {
        if copies == 0 {
            return Ok(());
        }
        let signed = |count: u64| i64::try_from(count).unwrap_or(i64::MAX).saturating_mul(by);
        let sql = "UPDATE copy_counts SET copies = copies + ?, bytes = bytes + ? WHERE destination = ? AND state = ?";
        let statement = Statement::new("copy_counted", sql).int(signed(copies)).int(signed(bytes));
        self.run(statement.id(&destination).text(state.as_str())).await?;
        Ok(())
    }

    async fn copy_moved(
        &mut self,
        destination: DestinationId,
        from: CopyState,
        to: CopyState,
        bytes: ByteSize,
    ) -> Result<(), Error> {
        if from == to {
            return Ok(());
        }
        self.copy_counted(destination, from, 1, bytes.get(), -1).await?;
        self.copy_counted(destination, to, 1, bytes.get(), 1).await
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
