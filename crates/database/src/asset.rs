//! Assets: one photo or video each. Inserting one, or learning a better capture day, keeps the timeline's day counts right
//! in the same transaction.

use std::collections::{BTreeMap, HashMap};

use picup_domain::{
    AccountId, AssetId, AssetKind, AssetState, ByteSize, CaptureSource, CaptureTime, Description, FileName, LocalDay,
    MotionState, Place, Sha1, Sha256, Timestamp,
};

use crate::statement::{Row, Statement, runs};
use crate::{Error, Read, Write};

/// An asset whose original was just committed. It begins as [`AssetState::Processing`].
#[derive(Debug, Clone)]
pub struct NewAsset {
    /// Its id.
    pub id: AssetId,
    /// Whose it is.
    pub owner: AccountId,
    /// What it seems to be so far.
    pub kind: AssetKind,
    /// The name it had.
    pub file_name: FileName,
    /// The declared hash of its original.
    pub sha256: Sha256,
    /// The size of its original.
    pub bytes: ByteSize,
    /// The best guess of when it was taken, until its bytes are read.
    pub capture: CaptureTime,
    /// Where it was taken, as its client told; what its bytes tell counts more.
    pub place: Option<Place>,
    /// Whether its owner likes it best.
    pub favourite: bool,
    /// What is written about it.
    pub description: Option<Description>,
    /// Now.
    pub created_at: Timestamp,
}

/// The moving part of a live photo: a second original under the same asset.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Motion {
    /// The name it had.
    pub file_name: FileName,
    /// Its size.
    pub bytes: ByteSize,
    /// Its declared hash.
    pub sha256: Sha256,
    /// How far it has come.
    pub state: MotionState,
}

/// What processing learned about an asset.
#[derive(Debug, Clone, PartialEq)]
pub struct AssetFacts {
    /// What it is.
    pub kind: AssetKind,
    /// When it was taken.
    pub capture: CaptureTime,
    /// Width in pixels as shown, after its orientation is applied.
    pub width: Option<u32>,
    /// Height in pixels as shown.
    pub height: Option<u32>,
    /// How long a video plays, in milliseconds.
    pub duration_ms: Option<u64>,
    /// A thumbhash, at most 64 bytes.
    pub placeholder: Option<Vec<u8>>,
    /// Who made the camera.
    pub camera_make: Option<String>,
    /// Which camera.
    pub camera_model: Option<String>,
    /// Which lens.
    pub lens: Option<String>,
    /// Further facts as JSON; their shape is the caller's.
    pub details: Option<String>,
    /// Degrees north, −90 to 90.
    pub latitude: Option<f64>,
    /// Degrees east, −180 to 180.
    pub longitude: Option<f64>,
    /// Metres above the sea.
    pub altitude: Option<f64>,
    /// The version in the keys of its renditions, from 1; 0 when it has none.
    pub rendition_version: u32,
    /// The ending of its thumbnail's key, if it has one; at most 8 characters.
    pub thumbnail_extension: Option<String>,
    /// The ending of its preview's key, if it has one; at most 8 characters.
    pub preview_extension: Option<String>,
}

/// An asset as it stands.
#[derive(Debug, Clone, PartialEq)]
pub struct Asset {
    /// Its id.
    pub id: AssetId,
    /// Whose it is.
    pub owner: AccountId,
    /// How far it has come.
    pub state: AssetState,
    /// The name it had.
    pub file_name: FileName,
    /// The declared hash of its original.
    pub sha256: Sha256,
    /// The size of its original.
    pub bytes: ByteSize,
    /// The day on the wall when it was taken.
    pub day: LocalDay,
    /// What is known of its content.
    pub facts: AssetFacts,
    /// Whether its owner likes it best.
    pub favourite: bool,
    /// What is written about it.
    pub description: Option<Description>,
    /// Its moving part, if it is a live photo.
    pub motion: Option<Motion>,
    /// When it came.
    pub created_at: Timestamp,
    /// Since when it lies in the trash; `None` when it does not.
    pub trashed_at: Option<Timestamp>,
}

/// How far an asset has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// Its own state.
    pub state: AssetState,
    /// Its moving part's, if it is a live photo.
    pub motion: Option<MotionState>,
    /// Whether it lies in the trash.
    pub trashed: bool,
}

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT id, owner, kind, state, file_name, sha256, bytes, captured_at, captured_local, offset_minutes, \
             capture_source, local_day, width, height, duration_ms, placeholder, camera_make, camera_model, lens, \
             details, latitude, longitude, altitude, rendition_version, thumbnail_extension, preview_extension, \
             favourite, description, motion_bytes, motion_sha256, motion_file_name, motion_state, created_at, trashed_at \
             FROM assets ",
            $rest
        )
    };
}

fn asset(row: &Row) -> Result<Asset, Error> {
    Ok(Asset {
        id: row.id("id")?,
        owner: row.id("owner")?,
        state: row.word("state", AssetState::parse)?,
        file_name: row.word("file_name", FileName::new)?,
        sha256: row.id("sha256")?,
        bytes: row.size("bytes")?,
        day: row.day("local_day")?,
        facts: facts(row)?,
        favourite: row.bool("favourite")?,
        description: description(row)?,
        motion: motion(row)?,
        created_at: row.time("created_at")?,
        trashed_at: row.maybe_time("trashed_at")?,
    })
}

fn description(row: &Row) -> Result<Option<Description>, Error> {
    match row.maybe_text("description")? {
        None => Ok(None),
        Some(_) => row.word("description", Description::new),
    }
}

fn motion(row: &Row) -> Result<Option<Motion>, Error> {
    let (Some(bytes), Some(sha256)) = (row.maybe_size("motion_bytes")?, row.maybe_id("motion_sha256")?) else {
        return Ok(None);
    };
    let (file_name, state) =
        (row.word("motion_file_name", FileName::new)?, row.word("motion_state", MotionState::parse)?);
    Ok(Some(Motion { file_name, bytes, sha256, state }))
}

fn facts(row: &Row) -> Result<AssetFacts, Error> {
    Ok(AssetFacts {
        kind: row.word("kind", AssetKind::parse)?,
        capture: CaptureTime {
            at: row.time("captured_at")?,
            local: row.time("captured_local")?,
            offset_minutes: row.maybe_int("offset_minutes")?,
            source: row.word("capture_source", CaptureSource::parse)?,
        },
        width: row.maybe_int("width")?,
        height: row.maybe_int("height")?,
        duration_ms: row.maybe_int("duration_ms")?,
        placeholder: row.blob("placeholder")?,
        camera_make: row.maybe_text("camera_make")?,
        camera_model: row.maybe_text("camera_model")?,
        lens: row.maybe_text("lens")?,
        details: row.maybe_text("details")?,
        latitude: row.real("latitude")?,
        longitude: row.real("longitude")?,
        altitude: row.real("altitude")?,
        rendition_version: row.int("rendition_version")?,
        thumbnail_extension: row.maybe_text("thumbnail_extension")?,
        preview_extension: row.maybe_text("preview_extension")?,
    })
}

impl Read {
    /// An owner's asset, in the trash or not.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn asset_by_id(&mut self, owner: AccountId, id: AssetId) -> Result<Option<Asset>, Error> {
        let statement = Statement::new("asset_by_id", select!("WHERE id = ? AND owner = ?")).id(&id).id(&owner);
        self.one(statement).await?.as_ref().map(asset).transpose()
    }

    /// Those of an owner's assets, in the trash or not, in no order.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn asset_list_by_id(&mut self, owner: AccountId, ids: &[AssetId]) -> Result<Vec<Asset>, Error> {
        let mut assets = Vec::with_capacity(ids.len());
        for run in runs(ids) {
            let sql = select!("WHERE owner = ? AND id");
            for row in self.all(Statement::among("asset_list_by_id", sql, run.len()).id(&owner).ids(run)).await? {
                assets.push(asset(&row)?);
            }
        }
        Ok(assets)
    }

    /// How far those of an owner's assets have come, in the trash or not.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn asset_standings(
        &mut self,
        owner: AccountId,
        ids: &[AssetId],
    ) -> Result<HashMap<AssetId, Standing>, Error> {
        let mut standings = HashMap::with_capacity(ids.len());
        for run in runs(ids) {
            // Asked for the owner as well, SQLite would rather read an index over everything of the owner's.
            let sql = "SELECT id, owner, state, motion_state, trashed_at FROM assets WHERE id";
            for row in self.all(Statement::among("asset_standings", sql, run.len()).ids(run)).await? {
                if row.id::<AccountId>("owner")? == owner {
                    let motion = row.maybe_text("motion_state")?.is_some();
                    let standing = Standing {
                        state: row.word("state", AssetState::parse)?,
                        motion: motion.then(|| row.word("motion_state", MotionState::parse)).transpose()?,
                        trashed: row.maybe_time("trashed_at")?.is_some(),
                    };
                    standings.insert(row.id("id")?, standing);
                }
            }
        }
        Ok(standings)
    }

    /// Which of those hashes an owner's assets were declared with, in any state, in the trash or not.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn asset_known_sha256(&mut self, owner: AccountId, hashes: &[Sha256]) -> Result<Vec<Sha256>, Error> {
        let mut known = Vec::new();
        for run in runs(hashes) {
            let sql = "SELECT sha256 FROM assets WHERE owner = ? AND sha256";
            for row in self.all(Statement::among("asset_known_sha256", sql, run.len()).id(&owner).ids(run)).await? {
                known.push(row.id("sha256")?);
            }
        }
        Ok(known)
    }

    /// The owner's newest asset outside the trash whose stored original was proved to have that hash.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn asset_verified_by_sha256(
        &mut self,
        owner: AccountId,
        sha256: &Sha256,
    ) -> Result<Option<Asset>, Error> {
        let sql = select!(
            "WHERE owner = ? AND sha256 = ? AND trashed_at IS NULL AND state IN ('ready', 'unviewable') \
             ORDER BY id DESC LIMIT 1"
        );
        let statement = Statement::new("asset_verified_by_sha256", sql).id(&owner).id(sha256);
        self.one(statement).await?.as_ref().map(asset).transpose()
    }

    /// The owner's oldest asset outside the trash that was declared with that hash and whose original was not read back yet.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn asset_unproved_by_sha256(
        &mut self,
        owner: AccountId,
        sha256: &Sha256,
    ) -> Result<Option<Asset>, Error> {
        let sql = select!(
            "WHERE owner = ? AND sha256 = ? AND trashed_at IS NULL AND state = 'processing' ORDER BY id LIMIT 1"
        );
        let statement = Statement::new("asset_unproved_by_sha256", sql).id(&owner).id(sha256);
        self.one(statement).await?.as_ref().map(asset).transpose()
    }

    /// The owner's newest asset in the trash that was declared with that hash and is not known to be damaged.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn asset_trashed_by_sha256(&mut self, owner: AccountId, sha256: &Sha256) -> Result<Option<Asset>, Error> {
        let sql = select!(
            "WHERE owner = ? AND sha256 = ? AND trashed_at IS NOT NULL AND state <> 'damaged' ORDER BY id DESC LIMIT 1"
        );
        let statement = Statement::new("asset_trashed_by_sha256", sql).id(&owner).id(sha256);
        self.one(statement).await?.as_ref().map(asset).transpose()
    }

    /// The owner's newest asset outside the trash whose stored original was proved and has that SHA-1.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn asset_verified_by_sha1(&mut self, owner: AccountId, sha1: &Sha1) -> Result<Option<Asset>, Error> {
        let sql = select!(
            "WHERE owner = ? AND sha1 = ? AND trashed_at IS NULL AND state IN ('ready', 'unviewable') \
             ORDER BY id DESC LIMIT 1"
        );
        let statement = Statement::new("asset_verified_by_sha1", sql).id(&owner).id(sha1);
        self.one(statement).await?.as_ref().map(asset).transpose()
    }

    /// The owner's newest live photo, in the trash or not, whose moving part was declared with that hash and is not known to be
    /// damaged.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn asset_by_motion_sha256(&mut self, owner: AccountId, sha256: &Sha256) -> Result<Option<Asset>, Error> {
        let sql =
            select!("WHERE owner = ? AND motion_sha256 = ? AND motion_state <> 'damaged' ORDER BY id DESC LIMIT 1");
        let statement = Statement::new("asset_by_motion_sha256", sql).id(&owner).id(sha256);
        self.one(statement).await?.as_ref().map(asset).transpose()
    }

    /// How many of an owner's assets outside the trash are of a kind. Reads their index entries: not for every page.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn asset_count(&mut self, owner: AccountId, kind: AssetKind) -> Result<u64, Error> {
        let sql = "SELECT COUNT(*) AS n FROM assets WHERE owner = ? AND trashed_at IS NULL AND kind = ?";
        self.row(Statement::new("asset_count", sql).id(&owner).text(kind.as_str())).await?.int("n")
    }

    /// At most `limit` of an owner's assets, in the trash or not, in no order: for whoever removes them all.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn asset_ids(&mut self, owner: AccountId, limit: u32) -> Result<Vec<AssetId>, Error> {
        let sql = "SELECT id FROM assets WHERE owner = ? LIMIT ?";
        let rows = self.all(Statement::new("asset_ids", sql).id(&owner).int(limit)).await?;
        rows.iter().map(|row| row.id("id")).collect()
    }
}

impl Write {
    /// Adds an asset in the state [`AssetState::Processing`] and counts it on its day.
    ///
    /// # Errors
    /// [`Error::Conflict`] `asset` when the id exists.
    pub async fn asset_insert(&mut self, new: &NewAsset) -> Result<(), Error> {
        self.asset_insert_all(std::slice::from_ref(new)).await
    }

    /// Adds assets, all or none of them, and counts them on their days.
    ///
    /// # Errors
    /// As [`Write::asset_insert`].
    pub async fn asset_insert_all(&mut self, all: &[NewAsset]) -> Result<(), Error> {
        let insert = "INSERT INTO assets (id, owner, kind, state, file_name, sha256, bytes, captured_at, \
                      captured_local, offset_minutes, capture_source, local_day, latitude, longitude, altitude, \
                      favourite, description, rendition_version, created_at)";
        for run in runs(all) {
            let row = "(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0, ?)";
            let statement = Statement::rows("asset_insert", insert, row, run.len());
            let statement = run.iter().fold(statement, |statement, new| {
                statement
                    .id(&new.id)
                    .id(&new.owner)
                    .text(new.kind.as_str())
                    .text(AssetState::Processing.as_str())
                    .text(new.file_name.as_str())
                    .id(&new.sha256)
                    .size(new.bytes)
                    .time(new.capture.at)
                    .time(new.capture.local)
                    .maybe_int(new.capture.offset_minutes)
                    .text(new.capture.source.as_str())
                    .day(new.capture.day())
                    .real(new.place.map(|place| place.latitude()))
                    .real(new.place.map(|place| place.longitude()))
                    .real(new.place.and_then(|place| place.altitude()))
                    .int(new.favourite)
                    .maybe_text(new.description.as_ref().map(Description::as_str))
                    .time(new.created_at)
            });
            self.run(statement).await.map_err(|error| error.or_conflict("asset"))?;
        }
        let mut days: BTreeMap<(AccountId, LocalDay), u32> = BTreeMap::new();
        for new in all {
            *days.entry((new.owner, new.capture.day())).or_default() += 1;
        }
        for ((owner, day), assets) in days {
            self.timeline_day_add(owner, day, assets).await?;
        }
        Ok(())
    }

    /// Records what processing learned and marks the asset ready; moves it to its right day, and tells which that is. A time
    /// that its owner has given stays. `None` when it is not processing (done already, or gone): nothing changed then.
    ///
    /// # Errors
    /// When the database cannot write.
    pub async fn asset_make_ready(
        &mut self,
        owner: AccountId,
        id: AssetId,
        facts: &AssetFacts,
    ) -> Result<Option<LocalDay>, Error> {
        self.asset_finish(owner, id, AssetState::Ready, facts).await
    }

    /// As [`Write::asset_make_ready`], for a verified original that no picture can be made from.
    ///
    /// # Errors
    /// When the database cannot write.
    pub async fn asset_make_unviewable(
        &mut self,
        owner: AccountId,
        id: AssetId,
        facts: &AssetFacts,
    ) -> Result<Option<LocalDay>, Error> {
        self.asset_finish(owner, id, AssetState::Unviewable, facts).await
    }

    /// Records the SHA-1 of an original that was proved, unless it is known.
    ///
    /// # Errors
    /// When the database cannot write.
    pub async fn asset_learn_sha1(&mut self, owner: AccountId, id: AssetId, sha1: &Sha1) -> Result<bool, Error> {
        let sql = "UPDATE assets SET sha1 = ? WHERE id = ? AND owner = ? AND sha1 IS NULL \
                   AND state IN ('ready', 'unviewable')";
        self.changed(Statement::new("asset_learn_sha1", sql).id(sha1).id(&id).id(&owner)).await
    }

    /// Marks an asset whose original could not be proved, with the reason among its details. `false` when it is not
    /// processing.
    ///
    /// # Errors
    /// When the database cannot write.
    pub async fn asset_make_damaged(&mut self, owner: AccountId, id: AssetId, details: &str) -> Result<bool, Error> {
        let sql = "UPDATE assets SET state = ?, details = ? WHERE id = ? AND owner = ? AND state = ?";
        let statement = Statement::new("asset_make_damaged", sql)
            .text(AssetState::Damaged.as_str())
            .text(details)
            .id(&id)
            .id(&owner)
            .text(AssetState::Processing.as_str());
        self.changed(statement).await
    }

    async fn asset_finish(
        &mut self,
        owner: AccountId,
        id: AssetId,
        state: AssetState,
        facts: &AssetFacts,
    ) -> Result<Option<LocalDay>, Error> {
        self.usage_lock(owner).await?;
        let Some(before) = self.asset_by_id(owner, id).await? else { return Ok(None) };
        let edited = before.facts.capture.source == CaptureSource::Edited;
        let capture = if edited { before.facts.capture } else { facts.capture };
        let sql = "UPDATE assets SET state = ?, kind = ?, captured_at = ?, captured_local = ?, offset_minutes = ?, \
                   capture_source = ?, local_day = ?, width = ?, height = ?, duration_ms = ?, placeholder = ?, \
                   camera_make = ?, camera_model = ?, lens = ?, details = ?, latitude = ?, longitude = ?, \
                   altitude = ?, rendition_version = ?, thumbnail_extension = ?, preview_extension = ? \
                   WHERE id = ? AND owner = ? AND state = ?";
        let day = capture.day();
        let statement = Statement::new("asset_finish", sql)
            .text(state.as_str())
            .text(facts.kind.as_str())
            .time(capture.at)
            .time(capture.local)
            .maybe_int(capture.offset_minutes)
            .text(capture.source.as_str())
            .day(day)
            .maybe_int(facts.width)
            .maybe_int(facts.height)
            .maybe_int(facts.duration_ms.map(|ms| i64::try_from(ms).unwrap_or(i64::MAX)))
            .blob(facts.placeholder.as_deref())
            .maybe_text(facts.camera_make.as_deref())
            .maybe_text(facts.camera_model.as_deref())
            .maybe_text(facts.lens.as_deref())
            .maybe_text(facts.details.as_deref())
            .real(facts.latitude)
            .real(facts.longitude)
            .real(facts.altitude)
            .int(facts.rendition_version)
            .maybe_text(facts.thumbnail_extension.as_deref())
            .maybe_text(facts.preview_extension.as_deref())
            .id(&id)
            .id(&owner)
            .text(AssetState::Processing.as_str());
        if !self.changed(statement).await? {
            return Ok(None);
        }
        self.timeline_move(&before, day).await?;
        Ok(Some(day))
    }
}
