//! What an administrator asks of the whole database at a glance. No answer reads a table that grows with the library: what is
//! not as it should be has small indexes of its own, and the rest is summed from the days that the timeline keeps.

use std::time::{Duration, Instant};

use picup_domain::{AccountId, AssetState};
use sqlx::Row as _;

use crate::statement::Statement;
use crate::{Database, Error, Read};

/// Signs of life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Vitals {
    /// The engine's name.
    pub engine: &'static str,
    /// How long the smallest question took, the wait for a connection included.
    pub answered_in: Duration,
    /// The schema's version.
    pub schema: i64,
    /// What it takes on its disk, in bytes.
    pub bytes: u64,
}

/// How many assets are in which state, those in the trash included.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct AssetCounts {
    /// Not looked at yet.
    pub processing: u64,
    /// Proved, with pictures.
    pub ready: u64,
    /// Proved, without.
    pub unviewable: u64,
    /// Not what was declared, or never looked at.
    pub damaged: u64,
    /// The moving parts of live photos that are damaged.
    pub damaged_motions: u64,
}

impl Database {
    /// The engine's name.
    #[must_use]
    pub fn engine(&self) -> &'static str {
        self.inner.dialect.name()
    }

    /// Signs of life.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn vitals(&self) -> Result<Vitals, Error> {
        let begun = Instant::now();
        self.read_fresh().await?.setup_is_open().await?;
        let answered_in = begun.elapsed();
        let mut connection = self.reader().await?;
        let schema = connection.schema().await?;
        let bytes: i64 = connection.row(self.inner.dialect.size()).await?.try_get("bytes")?;
        Ok(Vitals { engine: self.engine(), answered_in, schema, bytes: bytes.unsigned_abs() })
    }
}

impl Read {
    /// How many assets are in which state.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn asset_counts(&mut self) -> Result<AssetCounts, Error> {
        let mut counts = AssetCounts { damaged_motions: self.motions_damaged().await?, ..AssetCounts::default() };
        let mut others = 0;
        let sql = "SELECT state, COUNT(*) AS assets FROM assets WHERE state <> 'ready' GROUP BY state";
        for row in self.all(Statement::new("asset_counts", sql)).await? {
            let assets: u64 = row.int("assets")?;
            others += assets;
            match row.word("state", AssetState::parse)? {
                AssetState::Processing => counts.processing = assets,
                AssetState::Unviewable => counts.unviewable = assets,
                AssetState::Damaged => counts.damaged = assets,
                AssetState::Ready => {}
            }
        }
        counts.ready = self.assets_in_all().await?.saturating_sub(others);
        Ok(counts)
    }

    /// Whose assets are damaged, and how many each.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn asset_damaged_owners(&mut self) -> Result<Vec<(AccountId, u64)>, Error> {
        let sql =
            "SELECT owner, COUNT(*) AS assets FROM assets WHERE state <> 'ready' AND state = 'damaged' GROUP BY owner";
        let rows = self.all(Statement::new("asset_damaged_owners", sql)).await?;
        rows.iter().map(|row| Ok((row.id("owner")?, row.int("assets")?))).collect()
    }

    async fn motions_damaged(&mut self) -> Result<u64, Error> {
        let sql = "SELECT COUNT(*) AS assets FROM assets WHERE motion_state = 'damaged'";
        self.row(Statement::new("motions_damaged", sql)).await?.int("assets")
    }

    /// The days hold what is not in the trash; the trash has an index of its own.
    async fn assets_in_all(&mut self) -> Result<u64, Error> {
        let sql = "SELECT CAST(COALESCE(SUM(assets), 0) AS SIGNED) AS assets FROM timeline_days";
        let shown: u64 = self.row(Statement::new("assets_on_days", sql)).await?.int("assets")?;
        // Not IS NOT NULL, which SQLite takes for no range of the index.
        let sql = "SELECT COUNT(*) AS assets FROM assets WHERE trashed_at > 0";
        let trashed: u64 = self.row(Statement::new("assets_in_trashes", sql)).await?.int("assets")?;
        Ok(shown + trashed)
    }
}
