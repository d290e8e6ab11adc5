//! The timeline: counts a day, and pages of the small fields a grid needs. Newest first by the time on the wall, and by id
//! where that is equal. Every page is a keyset over one covering index, so it costs the same at any place in any library.

use picup_domain::{AccountId, AssetId, AssetKind, AssetState, LocalDay, Timestamp};

use crate::statement::{Row, Statement};
use crate::{Asset, Error, Read, Write};

/// How many untrashed assets a day has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DayCount {
    /// The day on the wall.
    pub day: LocalDay,
    /// From 1.
    pub assets: u64,
}

/// What a grid needs to show an asset before any picture is fetched, and to build the pictures' keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TimelineAsset {
    /// Its id.
    pub id: AssetId,
    /// Whose it is.
    pub owner: AccountId,
    /// What it is.
    pub kind: AssetKind,
    /// How far it has come.
    pub state: AssetState,
    /// The time on the wall when it was taken.
    pub captured_local: Timestamp,
    /// The day on the wall.
    pub day: LocalDay,
    /// Width in pixels as shown.
    pub width: Option<u32>,
    /// Height in pixels as shown.
    pub height: Option<u32>,
    /// How long a video plays, in milliseconds.
    pub duration_ms: Option<u64>,
    /// A thumbhash.
    pub placeholder: Option<Vec<u8>>,
    /// The version in the keys of its renditions; 0 when it has none.
    pub rendition_version: u32,
    /// The ending of its thumbnail's key, if it has one.
    pub thumbnail_extension: Option<String>,
    /// Whether its owner likes it best.
    pub favourite: bool,
    /// Whether it is a live photo.
    pub motion: bool,
}

/// A place in the timeline: just at that asset.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TimelineCursor {
    /// The time on the wall.
    pub captured_local: Timestamp,
    /// The asset.
    pub id: AssetId,
}

impl TimelineAsset {
    /// Its place.
    #[must_use]
    pub const fn cursor(&self) -> TimelineCursor {
        TimelineCursor { captured_local: self.captured_local, id: self.id }
    }
}

/// Which way to turn pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// Towards the past.
    Older,
    /// Towards the present.
    Newer,
}

/// The columns of a [`TimelineAsset`], named by their table because album pages join.
macro_rules! timeline_columns {
    () => {
        "assets.id, assets.owner, assets.kind, assets.state, assets.captured_local, assets.width, assets.height, \
         assets.duration_ms, assets.placeholder, assets.rendition_version, assets.thumbnail_extension, \
         assets.favourite, assets.motion_state"
    };
}
pub(crate) use timeline_columns;

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT ",
            timeline_columns!(),
            " FROM assets{by assets_timeline} WHERE owner = ? AND trashed_at IS NULL ",
            $rest
        )
    };
}

pub(crate) fn timeline_asset(row: &Row) -> Result<TimelineAsset, Error> {
    Ok(TimelineAsset {
        id: row.id("id")?,
        owner: row.id("owner")?,
        kind: row.word("kind", AssetKind::parse)?,
        state: row.word("state", AssetState::parse)?,
        captured_local: row.time("captured_local")?,
        day: LocalDay::on_the_wall(row.time("captured_local")?),
        width: row.maybe_int("width")?,
        height: row.maybe_int("height")?,
        duration_ms: row.maybe_int("duration_ms")?,
        placeholder: row.blob("placeholder")?,
        rendition_version: row.int("rendition_version")?,
        thumbnail_extension: row.maybe_text("thumbnail_extension")?,
        favourite: row.bool("favourite")?,
        motion: row.maybe_text("motion_state")?.is_some(),
    })
}

impl Read {
    /// The days on which an owner has assets, newest first.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn timeline_days(&mut self, owner: AccountId) -> Result<Vec<DayCount>, Error> {
        let sql = "SELECT local_day, assets FROM timeline_days WHERE owner = ? ORDER BY local_day DESC";
        let rows = self.all(Statement::new("timeline_days", sql).id(&owner)).await?;
        rows.iter().map(|row| Ok(DayCount { day: row.day("local_day")?, assets: row.int("assets")? })).collect()
    }

    /// At most `limit` assets beyond `from` (itself left out) in that direction, or from that direction's beginning:
    /// `None` with [`Direction::Older`] is the newest page, with [`Direction::Newer`] the oldest. Always newest first.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn timeline_page(
        &mut self,
        owner: AccountId,
        from: Option<TimelineCursor>,
        direction: Direction,
        limit: u32,
    ) -> Result<Vec<TimelineAsset>, Error> {
        let statement = match (direction, from) {
            (Direction::Older, None) => {
                Statement::new("timeline_newest", select!("ORDER BY captured_local DESC, id DESC LIMIT ?")).id(&owner)
            }
            (Direction::Newer, None) => {
                Statement::new("timeline_oldest", select!("ORDER BY captured_local, id LIMIT ?")).id(&owner)
            }
            (Direction::Older, Some(from)) => {
                let sql = select!(
                    "AND captured_local <= ? AND (captured_local < ? OR id < ?) \
                     ORDER BY captured_local DESC, id DESC LIMIT ?"
                );
                let local = from.captured_local;
                Statement::new("timeline_older", sql).id(&owner).time(local).time(local).id(&from.id)
            }
            (Direction::Newer, Some(from)) => {
                let sql = select!(
                    "AND captured_local >= ? AND (captured_local > ? OR id > ?) ORDER BY captured_local, id LIMIT ?"
                );
                let local = from.captured_local;
                Statement::new("timeline_newer", sql).id(&owner).time(local).time(local).id(&from.id)
            }
        };
        let rows = self.all(statement.int(limit)).await?;
        let mut page: Vec<TimelineAsset> = rows.iter().map(timeline_asset).collect::<Result<_, _>>()?;
        if direction == Direction::Newer {
            page.reverse();
        }
        Ok(page)
    }

    /// At most `limit` assets of the days from `newest` back to `oldest`, both included, newest first. When there may be
    /// more, go on with [`Read::timeline_page`] from the last one's cursor.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn timeline_range(
        &mut self,
        owner: AccountId,
        newest: LocalDay,
        oldest: LocalDay,
        limit: u32,
    ) -> Result<Vec<TimelineAsset>, Error> {
        let sql =
            select!("AND captured_local >= ? AND captured_local < ? ORDER BY captured_local DESC, id DESC LIMIT ?");
        let statement =
            Statement::new("timeline_range", sql).id(&owner).time(oldest.bounds().0).time(newest.bounds().1).int(limit);
        self.all(statement).await?.iter().map(timeline_asset).collect()
    }
}

impl Write {
    /// Counts `assets` more on a day.
    pub(crate) async fn timeline_day_add(&mut self, owner: AccountId, day: LocalDay, assets: u32) -> Result<(), Error> {
        let sql = self.dialect().timeline_day_add();
        self.run(Statement::new("timeline_day_add", sql).id(&owner).day(day).int(assets).int(assets)).await?;
        Ok(())
    }

    /// Counts `assets` fewer on a day; a day without any is forgotten.
    ///
    /// # Errors
    /// [`Error::Conflict`] `timeline` when the day has not so many: the counts would be wrong from here on.
    pub(crate) async fn timeline_day_sub(&mut self, owner: AccountId, day: LocalDay, assets: u32) -> Result<(), Error> {
        let sql = "UPDATE timeline_days SET assets = assets - ? WHERE owner = ? AND local_day = ? AND assets >= ?";
        let statement = Statement::new("timeline_day_sub", sql).int(assets).id(&owner).day(day).int(assets);
        if !self.changed(statement).await? {
            return Err(Error::Conflict("timeline"));
        }
        let sql = "DELETE FROM timeline_days WHERE owner = ? AND local_day = ? AND assets = 0";
        self.run(Statement::new("timeline_day_forget", sql).id(&owner).day(day)).await?;
        Ok(())
    }

    /// Counts an asset on another day than the one it had, unless it lies in the trash and is counted on none.
    pub(crate) async fn timeline_move(&mut self, before: &Asset, day: LocalDay) -> Result<(), Error> {
        if day != before.day && before.trashed_at.is_none() {
            self.timeline_day_sub(before.owner, before.day, 1).await?;
            self.timeline_day_add(before.owner, day, 1).await?;
        }
        Ok(())
    }
}
