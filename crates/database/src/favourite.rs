//! Favourites: the assets that their owner likes best, as a page of their own.

use std::cmp::Reverse;

use picup_domain::{AccountId, AssetId};

use crate::statement::{Statement, runs};
use crate::timeline::{TimelineAsset, TimelineCursor, timeline_asset, timeline_columns};
use crate::{Asset, Error, Moved, Read, Write};

macro_rules! page {
    ($rest:literal) => {
        concat!(
            "SELECT id FROM assets{by assets_favourites} WHERE owner = ? AND favourite = 1 AND trashed_at IS NULL ",
            $rest,
            " ORDER BY captured_local DESC, id DESC LIMIT ?"
        )
    };
}

impl Read {
    /// At most `limit` of an owner's favourites outside the trash beyond `after` (itself left out), newest first.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn favourite_page(
        &mut self,
        owner: AccountId,
        after: Option<TimelineCursor>,
        limit: u32,
    ) -> Result<Vec<TimelineAsset>, Error> {
        let statement = match after {
            None => Statement::new("favourite_page", page!("")).id(&owner),
            Some(after) => {
                let sql = page!("AND captured_local <= ? AND (captured_local < ? OR id < ?)");
                let local = after.captured_local;
                Statement::new("favourite_page_after", sql).id(&owner).time(local).time(local).id(&after.id)
            }
        };
        let rows = self.all(statement.int(limit)).await?;
        let ids: Vec<AssetId> = rows.iter().map(|row| row.id("id")).collect::<Result<_, _>>()?;
        // Asked for all at once, SQLite would rather read the whole timeline, whose index has every column.
        let mut page = Vec::with_capacity(ids.len());
        for run in runs(&ids) {
            let sql = concat!("SELECT ", timeline_columns!(), " FROM assets WHERE id");
            for row in self.all(Statement::among("favourite_list", sql, run.len()).ids(run)).await? {
                page.push(timeline_asset(&row)?);
            }
        }
        page.sort_by_key(|asset| Reverse((asset.captured_local, asset.id)));
        Ok(page)
    }
}

impl Write {
    /// Makes assets of an owner's favourites, or no longer. Those in the trash are left as they are, and not told of.
    ///
    /// # Errors
    /// When the database cannot write.
    pub async fn asset_favour(
        &mut self,
        owner: AccountId,
        assets: &[AssetId],
        favourite: bool,
    ) -> Result<Moved, Error> {
        let moves = |asset: &Asset| asset.trashed_at.is_none().then_some(asset.favourite != favourite);
        let moved = self.moving(owner, assets, moves).await?;
        let ids = moved.ids();
        for run in runs(&ids) {
            let sql = "UPDATE assets SET favourite = ? WHERE owner = ? AND trashed_at IS NULL AND id";
            self.run(Statement::among("asset_favour", sql, run.len()).int(favourite).id(&owner).ids(run)).await?;
        }
        Ok(moved)
    }
}
