//! Assets: one photo or video each. Inserting one, or learning a better capture day, keeps the timeline's day counts right
//! in the same transaction.

use std::collections::{BTreeMap, HashMap};

use picup_domain::{
    AccountId, AssetId, AssetKind, AssetState, ByteSize, CaptureSource, CaptureTime, Description, FileName, LocalDay,
    MotionState, Place, Sha256, Timestamp,
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

/// A statement that reads whole assets.
macro_rules! select_asset {
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

pub(crate) use select_asset;

pub(crate) fn asset(row: &Row) -> Result<Asset, Error> {
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
        let statement = Statement::new("asset_by_id", select_asset!("WHERE id = ? AND owner = ?")).id(&id).id(&owner);
        self.one(statement).await?.as_ref().map(asset).transpose()
    }

    /// Those of an owner's assets, in the trash or not, in no order.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn asset_list_by_id(&mut self, owner: AccountId, ids: &[AssetId]) -> Result<Vec<Asset>, Error> {
        let mut assets = Vec::with_capacity(ids.len());
        for run in runs(ids) {
            let sql = select_asset!("WHERE owner = ? AND id");
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
}
