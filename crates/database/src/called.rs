//! What people call an asset: all that somebody who has no PicUp needs to know of a copy.

use std::collections::HashMap;

use picup_domain::{AssetId, CaptureSource, CaptureTime, Email, FileName, Sha256};

use crate::statement::{Row, Statement, runs};
use crate::{Error, Read};

/// An asset, by its names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Called {
    /// Whose it is.
    pub account: Email,
    /// The name its file had.
    pub file_name: FileName,
    /// The hash of that.
    pub sha256: Sha256,
    /// The name its moving part had, and the hash of that, if it is a live photo.
    pub motion: Option<(FileName, Sha256)>,
    /// When it was taken.
    pub capture: CaptureTime,
    /// Whether it lies in the trash.
    pub trashed: bool,
    /// The titles of the albums it has a place in.
    pub albums: Vec<String>,
}

fn called(row: &Row) -> Result<Called, Error> {
    let motion = row.maybe_id("motion_sha256")?;
    let motion = motion.map(|sha256| Ok::<_, Error>((row.word("motion_file_name", FileName::new)?, sha256)));
    Ok(Called {
        account: row.word("email", Email::new)?,
        file_name: row.word("file_name", FileName::new)?,
        sha256: row.id("sha256")?,
        motion: motion.transpose()?,
        capture: CaptureTime {
            at: row.time("captured_at")?,
            local: row.time("captured_local")?,
            offset_minutes: row.maybe_int("offset_minutes")?,
            source: row.word("capture_source", CaptureSource::parse)?,
        },
        trashed: row.maybe_time("trashed_at")?.is_some(),
        albums: Vec::new(),
    })
}

impl Read {
    /// Those assets, whoever's they are, by their names.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn asset_called(&mut self, ids: &[AssetId]) -> Result<HashMap<AssetId, Called>, Error> {
        let mut all = HashMap::new();
        for run in runs(ids) {
            let sql = "SELECT assets.id, email, file_name, sha256, motion_file_name, motion_sha256, captured_at, captured_local, \
                       offset_minutes, capture_source, trashed_at FROM assets JOIN accounts ON accounts.id = assets.owner \
                       WHERE assets.id";
            for row in self.all(Statement::among("asset_called", sql, run.len()).ids(run)).await? {
                all.insert(row.id("id")?, called(&row)?);
            }
            let sql = "SELECT asset, title FROM album_assets JOIN albums ON albums.id = album_assets.album WHERE asset";
            for row in self.all(Statement::among("asset_called_albums", sql, run.len()).ids(run)).await? {
                if let Some(called) = all.get_mut(&row.id::<AssetId>("asset")?) {
                    called.albums.push(row.text("title")?);
                }
            }
        }
        all.values_mut().for_each(|called: &mut Called| called.albums.sort_unstable());
        Ok(all)
    }
}
