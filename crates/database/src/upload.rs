//! Uploads: files on their way in, part by part. The reservation of quota is the account's business, called in the same
//! transactions.

use picup_domain::{AccountId, AssetId, ByteSize, FileName, Sha256, Timestamp, UploadId};

use crate::statement::{Row, Statement, runs};
use crate::{Error, Read, Write};

/// How far an upload has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UploadState {
    /// It comes as one stream: its size so far is what is reserved for it, its hash is not known. It takes no parts.
    Receiving,
    /// Parts may arrive.
    Open,
    /// Someone is putting the parts together.
    Completing,
    /// Its asset exists. The row stays until it expires, for clients that missed the answer.
    Committed,
}

impl UploadState {
    /// The word stored and shown.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Receiving => "receiving",
            Self::Open => "open",
            Self::Completing => "completing",
            Self::Committed => "committed",
        }
    }

    fn parse(word: &str) -> Result<Self, String> {
        match word {
            "receiving" => Ok(Self::Receiving),
            "open" => Ok(Self::Open),
            "completing" => Ok(Self::Completing),
            "committed" => Ok(Self::Committed),
            _ => Err(format!("unknown state {word}")),
        }
    }
}

/// An upload to be begun.
#[derive(Debug, Clone)]
pub struct NewUpload {
    /// Its id.
    pub id: UploadId,
    /// Whose it is.
    pub owner: AccountId,
    /// The id its asset will have.
    pub asset: AssetId,
    /// The file's name.
    pub file_name: FileName,
    /// [`UploadState::Open`] or [`UploadState::Receiving`].
    pub state: UploadState,
    /// The declared size; of a stream, what is reserved for it.
    pub bytes: ByteSize,
    /// The declared hash; of a stream, one that no file has.
    pub sha256: Sha256,
    /// When the file was last changed, as the client told.
    pub file_modified_at: Option<Timestamp>,
    /// Minutes east of UTC where the client is, as it told.
    pub offset_minutes: Option<i16>,
    /// What its client told beside the bytes; the form is the caller's.
    pub told: Option<String>,
    /// The asset whose moving part it becomes, instead of an asset of its own; then `asset` is that one.
    pub motion_of: Option<AssetId>,
    /// Now.
    pub created_at: Timestamp,
    /// When it is given up.
    pub expires_at: Timestamp,
}

/// An upload as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upload {
    /// Its id.
    pub id: UploadId,
    /// Whose it is.
    pub owner: AccountId,
    /// The id its asset will have, or has.
    pub asset: AssetId,
    /// The file's name.
    pub file_name: FileName,
    /// The declared size.
    pub bytes: ByteSize,
    /// The declared hash.
    pub sha256: Sha256,
    /// When the file was last changed, as the client told.
    pub file_modified_at: Option<Timestamp>,
    /// Minutes east of UTC where the client is, as it told.
    pub offset_minutes: Option<i16>,
    /// What its client told beside the bytes; the form is the caller's.
    pub told: Option<String>,
    /// The asset whose moving part it becomes, instead of an asset of its own; then `asset` is that one.
    pub motion_of: Option<AssetId>,
    /// How far it has come.
    pub state: UploadState,
    /// When it began.
    pub created_at: Timestamp,
    /// When its state last changed.
    pub updated_at: Timestamp,
    /// When it is given up.
    pub expires_at: Timestamp,
}

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT id, owner, asset, file_name, bytes, sha256, file_modified_at, offset_minutes, told, \
             motion_of, state, created_at, updated_at, expires_at FROM uploads ",
            $rest
        )
    };
}

fn upload(row: &Row) -> Result<Upload, Error> {
    Ok(Upload {
        id: row.id("id")?,
        owner: row.id("owner")?,
        asset: row.id("asset")?,
        file_name: row.word("file_name", FileName::new)?,
        bytes: row.size("bytes")?,
        sha256: row.id("sha256")?,
        file_modified_at: row.maybe_time("file_modified_at")?,
        offset_minutes: row.maybe_int("offset_minutes")?,
        told: row.maybe_text("told")?,
        motion_of: row.maybe_id("motion_of")?,
        state: row.word("state", UploadState::parse)?,
        created_at: row.time("created_at")?,
        updated_at: row.time("updated_at")?,
        expires_at: row.time("expires_at")?,
    })
}

impl Read {
    /// An owner's upload in any state.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn upload_by_id(&mut self, owner: AccountId, id: UploadId) -> Result<Option<Upload>, Error> {
        let statement = Statement::new("upload_by_id", select!("WHERE id = ? AND owner = ?")).id(&id).id(&owner);
        self.one(statement).await?.as_ref().map(upload).transpose()
    }

    /// The upload with that id, whoever's it is: for callers who hold an address signed for it, and for the reaper.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn upload_by_address(&mut self, id: UploadId) -> Result<Option<Upload>, Error> {
        let statement = Statement::new("upload_by_address", select!("WHERE id = ?")).id(&id);
        self.one(statement).await?.as_ref().map(upload).transpose()
    }

    /// An owner's uploads of files with any of those hashes, in any state.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn upload_list_by_sha256(&mut self, owner: AccountId, hashes: &[Sha256]) -> Result<Vec<Upload>, Error> {
        let mut uploads = Vec::new();
        for run in runs(hashes) {
            let sql = select!("WHERE owner = ? AND sha256");
            let statement = Statement::among("upload_list_by_sha256", sql, run.len()).id(&owner).ids(run);
            for row in self.all(statement).await? {
                uploads.push(upload(&row)?);
            }
        }
        Ok(uploads)
    }

    /// Those of an owner's uploads, in any state and order.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn upload_list_by_id(&mut self, owner: AccountId, ids: &[UploadId]) -> Result<Vec<Upload>, Error> {
        let mut uploads = Vec::new();
        for run in runs(ids) {
            let sql = select!("WHERE owner = ? AND id");
            for row in self.all(Statement::among("upload_list_by_id", sql, run.len()).id(&owner).ids(run)).await? {
                uploads.push(upload(&row)?);
            }
        }
        Ok(uploads)
    }

    /// An owner's newest upload in that state of a file with that hash, as an asset of its own or as the moving part of that
    /// one, so that a second try goes on where the first stopped.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn upload_by_sha256(
        &mut self,
        owner: AccountId,
        sha256: &Sha256,
        motion_of: Option<AssetId>,
        state: UploadState,
    ) -> Result<Option<Upload>, Error> {
        let statement = match motion_of {
            None => {
                let sql = select!(
                    "{by uploads_sha256} WHERE owner = ? AND sha256 = ? AND motion_of IS NULL AND state = ? ORDER BY id DESC LIMIT 1"
                );
                Statement::new("upload_by_sha256", sql).id(&owner).id(sha256)
            }
            Some(asset) => {
                let sql = select!(
                    "{by uploads_sha256} WHERE owner = ? AND sha256 = ? AND motion_of = ? AND state = ? ORDER BY id DESC LIMIT 1"
                );
                Statement::new("upload_by_sha256_motion", sql).id(&owner).id(sha256).id(&asset)
            }
        };
        self.one(statement.text(state.as_str())).await?.as_ref().map(upload).transpose()
    }

    /// At most `limit` uploads of any owner that someone began to complete before a moment, longest ago first.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn upload_list_completing(&mut self, before: Timestamp, limit: u32) -> Result<Vec<Upload>, Error> {
        let sql = select!("WHERE state = 'completing' AND updated_at < ? ORDER BY updated_at, id LIMIT ?");
        let statement = Statement::new("upload_list_completing", sql).time(before).int(limit);
        self.all(statement).await?.iter().map(upload).collect()
    }

    /// At most `limit` streams of any owner of which nothing was heard since a moment, longest ago first.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn upload_list_receiving(&mut self, before: Timestamp, limit: u32) -> Result<Vec<Upload>, Error> {
        let sql = select!("WHERE state = 'receiving' AND updated_at < ? ORDER BY updated_at, id LIMIT ?");
        let statement = Statement::new("upload_list_receiving", sql).time(before).int(limit);
        self.all(statement).await?.iter().map(upload).collect()
    }

    /// At most `limit` uploads of any owner and in any state whose time is over, longest over first.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn upload_list_expired(&mut self, now: Timestamp, limit: u32) -> Result<Vec<Upload>, Error> {
        let sql = select!("WHERE expires_at <= ? ORDER BY expires_at, id LIMIT ?");
        let statement = Statement::new("upload_list_expired", sql).time(now).int(limit);
        self.all(statement).await?.iter().map(upload).collect()
    }

    /// At most `limit` of an owner's uploads in any state, oldest first.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn upload_list_of(&mut self, owner: AccountId, limit: u32) -> Result<Vec<Upload>, Error> {
        let sql = select!("{by uploads_owner} WHERE owner = ? ORDER BY id LIMIT ?");
        let statement = Statement::new("upload_list_of", sql).id(&owner).int(limit);
        self.all(statement).await?.iter().map(upload).collect()
    }
}

impl Write {
    /// Begins an upload.
    ///
    /// # Errors
    /// [`Error::Conflict`] `upload` when the id exists.
    pub async fn upload_insert(&mut self, new: &NewUpload) -> Result<(), Error> {
        self.upload_insert_all(std::slice::from_ref(new)).await
    }

    /// Begins uploads, all or none of them.
    ///
    /// # Errors
    /// As [`Write::upload_insert`].
    pub async fn upload_insert_all(&mut self, all: &[NewUpload]) -> Result<(), Error> {
        let insert = "INSERT INTO uploads (id, owner, asset, file_name, bytes, sha256, file_modified_at, \
                      offset_minutes, told, motion_of, handle, state, created_at, updated_at, expires_at)";
        for run in runs(all) {
            let row = "(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";
            let statement = Statement::rows("upload_insert", insert, row, run.len());
            let statement = run.iter().fold(statement, |statement, new| {
                statement
                    .id(&new.id)
                    .id(&new.owner)
                    .id(&new.asset)
                    .text(new.file_name.as_str())
                    .size(new.bytes)
                    .id(&new.sha256)
                    .maybe_time(new.file_modified_at)
                    .maybe_int(new.offset_minutes)
                    .maybe_text(new.told.as_deref())
                    .maybe_id(new.motion_of.as_ref())
                    // Only earlier releases read it.
                    .text("")
                    .text(new.state.as_str())
                    .time(new.created_at)
                    .time(new.created_at)
                    .time(new.expires_at)
            });
            self.run(statement).await.map_err(|error| error.or_conflict("upload"))?;
        }
        Ok(())
    }

    /// Moves uploads from one state to another, and tells how many were in the first.
    ///
    /// # Errors
    /// When the database cannot write.
    pub async fn upload_set_states(
        &mut self,
        ids: &[UploadId],
        from: UploadState,
        to: UploadState,
        now: Timestamp,
    ) -> Result<u64, Error> {
        let mut moved = 0;
        for run in runs(ids) {
            let sql = "UPDATE uploads SET state = ?, updated_at = ? WHERE state = ? AND id";
            let statement = Statement::among("upload_set_states", sql, run.len());
            moved += self.run(statement.text(to.as_str()).time(now).text(from.as_str()).ids(run)).await?;
        }
        Ok(moved)
    }

    /// Moves an upload from one state to another; of several callers one gets `true`.
    ///
    /// # Errors
    /// When the database cannot write.
    pub async fn upload_set_state(
        &mut self,
        id: UploadId,
        from: UploadState,
        to: UploadState,
        now: Timestamp,
    ) -> Result<bool, Error> {
        let sql = "UPDATE uploads SET state = ?, updated_at = ? WHERE id = ? AND state = ?";
        let statement = Statement::new("upload_set_state", sql).text(to.as_str()).time(now).id(&id).text(from.as_str());
        self.changed(statement).await
    }

    /// A stream goes on: `bytes` are reserved for it now. `false` when it was given up.
    ///
    /// # Errors
    /// When the database cannot write.
    pub async fn upload_grow(&mut self, id: UploadId, bytes: ByteSize, now: Timestamp) -> Result<bool, Error> {
        let sql = "UPDATE uploads SET bytes = ?, updated_at = ? WHERE id = ? AND state = 'receiving'";
        self.changed(Statement::new("upload_grow", sql).size(bytes).time(now).id(&id)).await
    }

    /// A stream has ended with that size and hash, and is now being completed. `false` when it was given up.
    ///
    /// # Errors
    /// When the database cannot write.
    pub async fn upload_received(
        &mut self,
        id: UploadId,
        bytes: ByteSize,
        sha256: &Sha256,
        modified: Option<(Timestamp, Option<i16>)>,
        told: Option<&str>,
        now: Timestamp,
    ) -> Result<bool, Error> {
        let sql = "UPDATE uploads SET state = 'completing', bytes = ?, sha256 = ?, file_modified_at = ?, \
                   offset_minutes = ?, told = ?, updated_at = ? WHERE id = ? AND state = 'receiving'";
        let statement = Statement::new("upload_received", sql)
            .size(bytes)
            .id(sha256)
            .maybe_time(modified.map(|(at, _)| at))
            .maybe_int(modified.and_then(|(_, offset)| offset))
            .maybe_text(told)
            .time(now)
            .id(&id);
        self.changed(statement).await
    }

    /// Forgets an upload in that state. `false` when it is in another, or gone: then someone else is at it,
    /// and its reservation is theirs to settle.
    ///
    /// # Errors
    /// When the database cannot write.
    pub async fn upload_delete(&mut self, id: UploadId, state: UploadState) -> Result<bool, Error> {
        let sql = "DELETE FROM uploads WHERE id = ? AND state = ?";
        self.changed(Statement::new("upload_delete", sql).id(&id).text(state.as_str())).await
    }
}
