//! What an account's books ought to say, counted from the rows themselves. The books are kept right by the statements that
//! change the rows; this is for looking whether they are, and for putting them right after a fault.
//!
//! Counted and corrected in one [`Write`], it is exact beside a running server: the account's row is locked first, and every
//! change of its figures has to pass that row.

use picup_domain::{AccountId, AlbumId, ByteSize, LocalDay};

use crate::statement::Statement;
use crate::{DayCount, Error, Read, Write};

/// An account's figures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Usage {
    /// The bytes of its assets, those in the trash and the moving parts of live photos included.
    pub used: ByteSize,
    /// The bytes promised to its uploads.
    pub reserved: ByteSize,
    /// Its uploads that are not assets yet.
    pub open_uploads: u64,
}

/// An album's count, as it stands and as it ought to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AlbumCount {
    /// The album.
    pub album: AlbumId,
    /// What stands on it.
    pub stands: u64,
    /// How many of its assets are not in the trash.
    pub there: u64,
}

impl Read {
    /// The figures that stand on an account; `None` when there is none.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn usage_stands(&mut self, account: AccountId) -> Result<Option<Usage>, Error> {
        let sql = "SELECT used_bytes, reserved_bytes, open_uploads FROM accounts WHERE id = ?";
        let Some(row) = self.one(Statement::new("usage_stands", sql).id(&account)).await? else { return Ok(None) };
        Ok(Some(Usage {
            used: row.size("used_bytes")?,
            reserved: row.size("reserved_bytes")?,
            open_uploads: row.int("open_uploads")?,
        }))
    }

    /// The figures that an account's rows add up to.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn usage_counted(&mut self, account: AccountId) -> Result<Usage, Error> {
        // A sum is a number of its own kind on some engines; the cast makes it a BIGINT on all.
        let sql = "SELECT CAST(COALESCE(SUM(bytes + COALESCE(motion_bytes, 0)), 0) AS SIGNED) AS used \
                   FROM assets WHERE owner = ?";
        let used = self.row(Statement::new("usage_assets", sql).id(&account)).await?.size("used")?;
        let sql = "SELECT COUNT(*) AS uploads, CAST(COALESCE(SUM(bytes), 0) AS SIGNED) AS reserved \
                   FROM uploads WHERE owner = ? AND state <> 'committed'";
        let row = self.row(Statement::new("usage_uploads", sql).id(&account)).await?;
        Ok(Usage { used, reserved: row.size("reserved")?, open_uploads: row.int("uploads")? })
    }

    /// The bytes of an account's trash.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn usage_trash(&mut self, account: AccountId) -> Result<ByteSize, Error> {
        let sql = "SELECT CAST(COALESCE(SUM(bytes + COALESCE(motion_bytes, 0)), 0) AS SIGNED) AS trash \
                   FROM assets WHERE owner = ? AND trashed_at IS NOT NULL";
        self.row(Statement::new("usage_trash", sql).id(&account)).await?.size("trash")
    }

    /// The days that the timeline ought to have, newest first.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn usage_days(&mut self, account: AccountId) -> Result<Vec<DayCount>, Error> {
        let sql = "SELECT local_day, COUNT(*) AS assets FROM assets WHERE owner = ? AND trashed_at IS NULL \
                   GROUP BY local_day ORDER BY local_day DESC";
        let rows = self.all(Statement::new("usage_days", sql).id(&account)).await?;
        rows.iter().map(|row| Ok(DayCount { day: row.day("local_day")?, assets: row.int("assets")? })).collect()
    }

    /// The counts of an account's albums.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn usage_albums(&mut self, account: AccountId) -> Result<Vec<AlbumCount>, Error> {
        let sql = "SELECT albums.id, albums.asset_count, (SELECT COUNT(*) FROM album_assets \
                   JOIN assets ON assets.id = album_assets.asset \
                   WHERE album_assets.album = albums.id AND assets.trashed_at IS NULL) AS there \
                   FROM albums WHERE albums.owner = ? ORDER BY albums.id";
        let rows = self.all(Statement::new("usage_albums", sql).id(&account)).await?;
        rows.iter()
            .map(|row| {
                Ok(AlbumCount { album: row.id("id")?, stands: row.int("asset_count")?, there: row.int("there")? })
            })
            .collect()
    }
}

impl Write {
    /// Keeps others from changing an account's figures until this transaction ends, on engines with many writers. Call it
    /// before anything is counted.
    ///
    /// # Errors
    /// When the database cannot write.
    pub async fn usage_lock(&mut self, account: AccountId) -> Result<(), Error> {
        let sql = "UPDATE accounts SET used_bytes = used_bytes WHERE id = ?";
        self.run(Statement::new("usage_lock", sql).id(&account)).await?;
        Ok(())
    }

    /// Writes the figures that were counted.
    ///
    /// # Errors
    /// When the database cannot write.
    pub async fn usage_correct(&mut self, account: AccountId, counted: &Usage) -> Result<(), Error> {
        let sql = "UPDATE accounts SET used_bytes = ?, reserved_bytes = ?, open_uploads = ? WHERE id = ?";
        let open = i64::try_from(counted.open_uploads).unwrap_or(i64::MAX);
        let statement =
            Statement::new("usage_correct", sql).size(counted.used).size(counted.reserved).int(open).id(&account);
        self.run(statement).await?;
        Ok(())
    }

    /// Writes the count of a day; 0 forgets the day.
    ///
    /// # Errors
    /// When the database cannot write.
    pub async fn usage_correct_day(&mut self, account: AccountId, day: LocalDay, assets: u64) -> Result<(), Error> {
        let sql = "DELETE FROM timeline_days WHERE owner = ? AND local_day = ?";
        self.run(Statement::new("usage_day_forget", sql).id(&account).day(day)).await?;
        if assets > 0 {
            let sql = "INSERT INTO timeline_days (owner, local_day, assets) VALUES (?, ?, ?)";
            let assets = i64::try_from(assets).unwrap_or(i64::MAX);
            self.run(Statement::new("usage_day", sql).id(&account).day(day).int(assets)).await?;
        }
        Ok(())
    }

    /// Writes the count of an album.
    ///
    /// # Errors
    /// When the database cannot write.
    pub async fn usage_correct_album(&mut self, album: AlbumId, assets: u64) -> Result<(), Error> {
        let sql = "UPDATE albums SET asset_count = ? WHERE id = ?";
        let assets = i64::try_from(assets).unwrap_or(i64::MAX);
        self.run(Statement::new("usage_correct_album", sql).int(assets).id(&album)).await?;
        Ok(())
    }
}
