//! Objects: bytes under a key in the store, from the intent to write them until they are gone. The row comes before the bytes
//! and goes after them, so that no bytes lie in the store unknown.

use std::collections::HashSet;

use picup_domain::{AssetId, ByteSize, ObjectKey, ObjectRole, Sha256, Timestamp};

use crate::statement::{Row, Statement, runs};
use crate::{Error, Read, Write};

/// Where an object is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ObjectState {
    /// About to be written, or written and not yet counted on.
    Staged,
    /// Stored; never written again.
    Committed,
    /// About to be removed.
    Deleting,
}

impl ObjectState {
    /// The word stored.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Staged => "staged",
            Self::Committed => "committed",
            Self::Deleting => "deleting",
        }
    }

    fn parse(word: &str) -> Result<Self, String> {
        match word {
            "staged" => Ok(Self::Staged),
            "committed" => Ok(Self::Committed),
            "deleting" => Ok(Self::Deleting),
            _ => Err(format!("unknown state {word}")),
        }
    }
}

/// An object, to be recorded or as recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Object {
    /// Its key.
    pub key: ObjectKey,
    /// Its size.
    pub bytes: ByteSize,
    /// Its hash, once known.
    pub sha256: Option<Sha256>,
    /// Where it is in its life.
    pub state: ObjectState,
    /// When it was recorded.
    pub created_at: Timestamp,
}

macro_rules! select {
    ($rest:literal) => {
        concat!("SELECT object_key, asset, role, bytes, sha256, state, created_at FROM objects ", $rest)
    };
}

fn object(row: &Row) -> Result<Object, Error> {
    let key: ObjectKey = row.word("object_key", |text| text.parse::<ObjectKey>())?;
    let same = row.id::<AssetId>("asset")? == key.asset() && row.word("role", ObjectRole::parse)? == key.role();
    if !same {
        let reason = "it names another asset or role than its row".to_owned();
        return Err(Error::Corrupt { column: "object_key", reason });
    }
    Ok(Object {
        key,
        bytes: row.size("bytes")?,
        sha256: row.maybe_id("sha256")?,
        state: row.word("state", ObjectState::parse)?,
        created_at: row.time("created_at")?,
    })
}

impl Read {
    /// The object under a key.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn object_by_key(&mut self, key: &ObjectKey) -> Result<Option<Object>, Error> {
        let statement = Statement::new("object_by_key", select!("WHERE object_key = ?")).text(&key.to_string());
        self.one(statement).await?.as_ref().map(object).transpose()
    }

    /// All objects of an asset, in any state, by key.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn object_list(&mut self, asset: AssetId) -> Result<Vec<Object>, Error> {
        let sql = select!("WHERE asset = ? ORDER BY object_key");
        self.all(Statement::new("object_list", sql).id(&asset)).await?.iter().map(object).collect()
    }

    /// All objects of several assets, in any state and order.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn object_list_all(&mut self, assets: &[AssetId]) -> Result<Vec<Object>, Error> {
        let mut objects = Vec::new();
        for run in runs(assets) {
            let statement = Statement::among("object_list_all", select!("WHERE asset"), run.len()).ids(run);
            for row in self.all(statement).await? {
                objects.push(object(&row)?);
            }
        }
        Ok(objects)
    }

    /// At most `limit` renditions that are being made since before a moment, oldest first: perhaps of an asset that is gone.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn object_list_unfinished(&mut self, before: Timestamp, limit: u32) -> Result<Vec<Object>, Error> {
        let sql = select!(
            "WHERE state = 'staged' AND role IN ('thumbnail', 'preview') AND created_at < ? \
             ORDER BY created_at, object_key LIMIT ?"
        );
        let statement = Statement::new("object_list_unfinished", sql).time(before).int(limit);
        self.all(statement).await?.iter().map(object).collect()
    }

    /// At most `limit` objects that are in a state since before a moment, oldest first: what a crash left half done.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn object_list_stale(
        &mut self,
        state: ObjectState,
        before: Timestamp,
        limit: u32,
    ) -> Result<Vec<Object>, Error> {
        let sql = select!("WHERE state = ? AND created_at < ? ORDER BY created_at, object_key LIMIT ?");
        let statement = Statement::new("object_list_stale", sql).text(state.as_str()).time(before).int(limit);
        self.all(statement).await?.iter().map(object).collect()
    }

    /// At most `limit` objects that were never read back, or not since a moment: those first, then those longest ago.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn object_list_unproved(&mut self, before: Timestamp, limit: u32) -> Result<Vec<Object>, Error> {
        let never = select!("WHERE state = 'committed' AND verified_at IS NULL ORDER BY object_key LIMIT ?");
        let mut found = self.all(Statement::new("object_list_never_proved", never).int(limit)).await?;
        let left = limit.saturating_sub(u32::try_from(found.len()).unwrap_or(limit));
        if left > 0 {
            let sql = select!("WHERE state = 'committed' AND verified_at < ? ORDER BY verified_at, object_key LIMIT ?");
            found.extend(self.all(Statement::new("object_list_unproved", sql).time(before).int(left)).await?);
        }
        found.iter().map(object).collect()
    }

    /// Of those keys, the ones that have a row, in any state.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn object_known(&mut self, keys: &[ObjectKey]) -> Result<HashSet<ObjectKey>, Error> {
        let mut known = HashSet::new();
        for run in runs(keys) {
            let statement = Statement::among("object_known", select!("WHERE object_key"), run.len());
            let statement = run.iter().fold(statement, |statement, key| statement.text(&key.to_string()));
            for row in self.all(statement).await? {
                known.insert(object(&row)?.key);
            }
        }
        Ok(known)
    }

    /// At most `limit` objects with keys after one, in their order.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn object_page(&mut self, after: &str, limit: u32) -> Result<Vec<Object>, Error> {
        let sql = select!("WHERE object_key > ? ORDER BY object_key LIMIT ?");
        let rows = self.all(Statement::new("object_page", sql).text(after).int(limit)).await?;
        rows.iter().map(object).collect()
    }
}

impl Write {
    /// Records an object.
    ///
    /// # Errors
    /// [`Error::Conflict`] `object` when the key is taken: keys are used once.
    pub async fn object_insert(&mut self, new: &Object) -> Result<(), Error> {
        self.object_insert_all(std::slice::from_ref(new)).await
    }

    /// Records objects, all or none of them.
    ///
    /// # Errors
    /// As [`Write::object_insert`].
    pub async fn object_insert_all(&mut self, all: &[Object]) -> Result<(), Error> {
        let insert = "INSERT INTO objects (object_key, asset, role, bytes, sha256, state, created_at)";
        for run in runs(all) {
            let statement = Statement::rows("object_insert", insert, "(?, ?, ?, ?, ?, ?, ?)", run.len());
            let statement = run.iter().fold(statement, |statement, new| {
                statement
                    .text(&new.key.to_string())
                    .id(&new.key.asset())
                    .text(new.key.role().as_str())
                    .size(new.bytes)
                    .maybe_id(new.sha256.as_ref())
                    .text(new.state.as_str())
                    .time(new.created_at)
            });
            self.run(statement).await.map_err(|error| error.or_conflict("object"))?;
        }
        Ok(())
    }

    /// From staged to committed, with the sizes and hashes that were stored, and to be copied to every destination. The key of
    /// one that is not staged, if there is one: then drop the transaction.
    ///
    /// # Errors
    /// When the database cannot write.
    pub async fn object_commit_all(
        &mut self,
        stored: &[(ObjectKey, ByteSize, Sha256)],
        now: Timestamp,
    ) -> Result<Option<ObjectKey>, Error> {
        for (key, bytes, sha256) in stored {
            let sql = "UPDATE objects SET state = 'committed', bytes = ?, sha256 = ?, verified_at = ? \
                       WHERE object_key = ? AND state = 'staged'";
            let statement = Statement::new("object_commit", sql).size(*bytes).id(sha256).time(now);
            if !self.changed(statement.text(&key.to_string())).await? {
                return Ok(Some(key.clone()));
            }
        }
        let new: Vec<(ObjectKey, ByteSize)> = stored.iter().map(|(key, bytes, _)| (key.clone(), *bytes)).collect();
        self.copy_enqueue(&new, now).await?;
        Ok(None)
    }

    /// Marks an object to be removed, whatever it was. `false` when it is marked already or unknown.
    ///
    /// # Errors
    /// When the database cannot write.
    pub async fn object_doom(&mut self, key: &ObjectKey) -> Result<bool, Error> {
        let sql = "UPDATE objects SET state = 'deleting' WHERE object_key = ? AND state <> 'deleting'";
        self.changed(Statement::new("object_doom", sql).text(&key.to_string())).await
    }

    /// Forgets objects whose bytes are gone from the store, as [`Write::object_delete`].
    ///
    /// # Errors
    /// When the database cannot write.
    pub async fn object_delete_all(&mut self, keys: &[ObjectKey], now: Timestamp) -> Result<(), Error> {
        for run in runs(keys) {
            let sql = "DELETE FROM objects WHERE state <> 'committed' AND object_key";
            let statement = Statement::among("object_delete_all", sql, run.len());
            self.run(run.iter().fold(statement, |statement, key| statement.text(&key.to_string()))).await?;
        }
        self.copy_doom(keys, now).await
    }

    /// Forgets an object whose bytes are gone from the store; its copies stay as long as the retention says. A committed one is
    /// not forgotten: mark it first.
    ///
    /// # Errors
    /// When the database cannot write.
    pub async fn object_delete(&mut self, key: &ObjectKey, now: Timestamp) -> Result<bool, Error> {
        let sql = "DELETE FROM objects WHERE object_key = ? AND state <> 'committed'";
        let gone = self.changed(Statement::new("object_delete", sql).text(&key.to_string())).await?;
        if gone {
            self.copy_doom(std::slice::from_ref(key), now).await?;
        }
        Ok(gone)
    }

    /// Records that an object's bytes were read back and are what they were.
    ///
    /// # Errors
    /// When the database cannot write.
    pub async fn object_proved(&mut self, keys: &[ObjectKey], now: Timestamp) -> Result<(), Error> {
        for run in runs(keys) {
            let sql = "UPDATE objects SET verified_at = ? WHERE state = 'committed' AND object_key";
            let statement = Statement::among("object_proved", sql, run.len()).time(now);
            self.run(run.iter().fold(statement, |statement, key| statement.text(&key.to_string()))).await?;
        }
        Ok(())
    }
}
