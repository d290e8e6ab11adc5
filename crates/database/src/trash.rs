//! The trash, and the end of assets. What moves in, out or away keeps the timeline's days, the albums' counts and covers, and
//! the account's figures right in the same transaction. An asset in the trash keeps its places in albums for its return.

use std::collections::BTreeMap;

use picup_domain::{AccountId, AlbumId, AssetId, ByteSize, LocalDay, Timestamp};

use crate::statement::{Row, Statement, runs};
use crate::timeline::{TimelineAsset, timeline_asset, timeline_columns};
use crate::{Asset, Error, Moved, Object, ObjectState, Read, Write};

/// An asset in the trash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrashAsset {
    /// Since when.
    pub trashed_at: Timestamp,
    /// The asset.
    pub asset: TimelineAsset,
}

/// A place in the trash: just at that asset.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TrashCursor {
    /// Since when it is there.
    pub trashed_at: Timestamp,
    /// The asset.
    pub id: AssetId,
}

impl TrashAsset {
    /// Its place.
    #[must_use]
    pub const fn cursor(&self) -> TrashCursor {
        TrashCursor { trashed_at: self.trashed_at, id: self.asset.id }
    }
}

// "trashed_at > 0" rather than "IS NOT NULL": a range of the index on every engine.
macro_rules! page {
    ($rest:literal) => {
        concat!(
            "SELECT trashed_at, ",
            timeline_columns!(),
            " FROM assets{by assets_trash} WHERE owner = ? AND trashed_at > 0 ",
            $rest,
            " ORDER BY trashed_at DESC, id DESC LIMIT ?"
        )
    };
}

fn trash_asset(row: &Row) -> Result<TrashAsset, Error> {
    Ok(TrashAsset { trashed_at: row.time("trashed_at")?, asset: timeline_asset(row)? })
}

impl Read {
    /// At most `limit` assets of an owner's trash beyond `after` (itself left out), last put there first.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn trash_page(
        &mut self,
        owner: AccountId,
        after: Option<TrashCursor>,
        limit: u32,
    ) -> Result<Vec<TrashAsset>, Error> {
        let statement = match after {
            None => Statement::new("trash_page", page!("")).id(&owner),
            Some(after) => {
                let sql = page!("AND trashed_at <= ? AND (trashed_at < ? OR id < ?)");
                let at = after.trashed_at;
                Statement::new("trash_page_after", sql).id(&owner).time(at).time(at).id(&after.id)
            }
        };
        self.all(statement.int(limit)).await?.iter().map(trash_asset).collect()
    }

    /// How many assets an owner's trash had at a moment and has still.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn trash_count(&mut self, owner: AccountId, until: Timestamp) -> Result<u64, Error> {
        let sql = "SELECT COUNT(*) AS n FROM assets WHERE owner = ? AND trashed_at > 0 AND trashed_at <= ?";
        self.row(Statement::new("trash_count", sql).id(&owner).time(until)).await?.int("n")
    }

    /// At most `limit` of the assets that an owner's trash had at a moment and has still, longest there first.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn trash_list(&mut self, owner: AccountId, until: Timestamp, limit: u32) -> Result<Vec<AssetId>, Error> {
        let sql = "SELECT id FROM assets WHERE owner = ? AND trashed_at > 0 AND trashed_at <= ? \
                   ORDER BY trashed_at, id LIMIT ?";
        let rows = self.all(Statement::new("trash_list", sql).id(&owner).time(until).int(limit)).await?;
        rows.iter().map(|row| row.id("id")).collect()
    }

    /// The owners of whose assets any is in the trash since a moment or longer.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn trash_owners_due(&mut self, until: Timestamp) -> Result<Vec<AccountId>, Error> {
        let sql = "SELECT DISTINCT owner FROM assets WHERE trashed_at > 0 AND trashed_at <= ?";
        let rows = self.all(Statement::new("trash_owners_due", sql).time(until)).await?;
        rows.iter().map(|row| row.id("owner")).collect()
    }
}

impl Write {
    /// Puts assets of an owner's into the trash: out of the timeline and the albums.
    ///
    /// # Errors
    /// When the database cannot write.
    pub async fn asset_trash(&mut self, owner: AccountId, assets: &[AssetId], now: Timestamp) -> Result<Moved, Error> {
        let mut moved = self.moving(owner, assets, |asset| Some(asset.trashed_at.is_none())).await?;
        let ids = moved.ids();
        for run in runs(&ids) {
            let sql = "UPDATE assets SET trashed_at = ? WHERE owner = ? AND trashed_at IS NULL AND id";
            self.run(Statement::among("asset_trash", sql, run.len()).time(now).id(&owner).ids(run)).await?;
        }
        for (day, assets) in days(&moved.done) {
            self.timeline_day_sub(owner, day, assets).await?;
        }
        moved.albums = self.albums_change(&ids, -1).await?;
        Ok(moved)
    }

    /// Takes assets of an owner's out of the trash, back to where they were.
    ///
    /// # Errors
    /// When the database cannot write.
    pub async fn asset_restore(&mut self, owner: AccountId, assets: &[AssetId]) -> Result<Moved, Error> {
        let mut moved = self.moving(owner, assets, |asset| Some(asset.trashed_at.is_some())).await?;
        let ids = moved.ids();
        for run in runs(&ids) {
            let sql = "UPDATE assets SET trashed_at = NULL WHERE owner = ? AND id";
            self.run(Statement::among("asset_restore", sql, run.len()).id(&owner).ids(run)).await?;
        }
        for (day, assets) in days(&moved.done) {
            self.timeline_day_add(owner, day, assets).await?;
        }
        moved.albums = self.albums_change(&ids, 1).await?;
        Ok(moved)
    }

    /// Removes assets of an owner's for ever, with their places in albums, their counts and their use of the quota, and marks
    /// their objects to be removed. With a moment given, only those that are in the trash since then or longer.
    ///
    /// # Errors
    /// When the database cannot write.
    pub async fn asset_erase(
        &mut self,
        owner: AccountId,
        assets: &[AssetId],
        trashed_until: Option<Timestamp>,
    ) -> Result<Moved, Error> {
        let due = |asset: &Asset| {
            Some(trashed_until.is_none_or(|until| asset.trashed_at.is_some_and(|trashed_at| trashed_at <= until)))
        };
        let mut moved = self.moving(owner, assets, due).await?;
        if moved.done.is_empty() {
            return Ok(moved);
        }
        let shown: Vec<Asset> = moved.done.iter().filter(|asset| asset.trashed_at.is_none()).cloned().collect();
        let shown_ids: Vec<AssetId> = shown.iter().map(|asset| asset.id).collect();
        let left = self.albums_of(&shown_ids).await?;
        let ids = moved.ids();
        let objects = self.object_list_all(&ids).await?;
        let whole = objects.into_iter().filter(|object: &Object| object.state != ObjectState::Staged);
        moved.keys = whole.map(|object| object.key).collect();
        for (name, sql) in [
            // The moving part of a live photo that is on its way is its upload's business.
            (
                "asset_erase_objects",
                "UPDATE objects SET state = 'deleting' WHERE NOT (role = 'motion' AND state = 'staged') AND asset",
            ),
            ("asset_erase_places", "DELETE FROM album_assets WHERE asset"),
            ("asset_erase_shared", "DELETE FROM share_link_assets WHERE asset"),
            ("asset_erase", "DELETE FROM assets WHERE id"),
        ] {
            for run in runs(&ids) {
                self.run(Statement::among(name, sql, run.len()).ids(run)).await?;
            }
        }
        for (day, assets) in days(&shown) {
            self.timeline_day_sub(owner, day, assets).await?;
        }
        let bytes = |asset: &Asset| asset.bytes.get() + asset.motion.as_ref().map_or(0, |motion| motion.bytes.get());
        let bytes = ByteSize::new(moved.done.iter().map(bytes).sum()).map_err(|_| Error::Conflict("quota"))?;
        self.quota_free(owner, bytes).await?;
        for (album, assets) in left {
            self.album_recount(album, -assets).await?;
            moved.albums.push(album);
        }
        Ok(moved)
    }

    /// Counts each of those assets as so many in every album it has a place in, and tells the albums.
    async fn albums_change(&mut self, assets: &[AssetId], change: i64) -> Result<Vec<AlbumId>, Error> {
        let albums = self.albums_of(assets).await?;
        for (album, assets) in &albums {
            self.album_recount(*album, change * assets).await?;
        }
        Ok(albums.into_keys().collect())
    }

    /// The albums that those assets have places in, and how many of them.
    async fn albums_of(&mut self, assets: &[AssetId]) -> Result<BTreeMap<AlbumId, i64>, Error> {
        let mut albums: BTreeMap<AlbumId, i64> = BTreeMap::new();
        for run in runs(assets) {
            let sql = "SELECT album FROM album_assets WHERE asset";
            for row in self.all(Statement::among("album_of", sql, run.len()).ids(run)).await? {
                *albums.entry(row.id("album")?).or_default() += 1;
            }
        }
        Ok(albums)
    }
}

fn days(assets: &[Asset]) -> BTreeMap<LocalDay, u32> {
    let mut days: BTreeMap<LocalDay, u32> = BTreeMap::new();
    for asset in assets {
        *days.entry(asset.day).or_default() += 1;
    }
    days
}
