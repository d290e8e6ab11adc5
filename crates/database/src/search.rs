//! Searching: the assets of an owner that are what was asked for, newest first, a bounded stretch of the timeline at a time.
//!
//! No index knows the words in a name or a description, so a search looks at assets one after the other. What keeps it
//! bounded is the walk: first the index by time tells where so many assets end, then what lies before that place is held
//! against the conditions. A page therefore costs the same in a library of any size, whether it finds much or nothing.

use std::collections::BTreeMap;

use picup_domain::{AccountId, AlbumId, AssetId, LocalDay, SearchKind, Timestamp, Vicinity, Words};
use unicode_normalization::UnicodeNormalization;

use crate::dialect::Dialect;
use crate::statement::{Row, Statement};
use crate::timeline::{TimelineAsset, TimelineCursor, timeline_asset, timeline_columns};
use crate::{Error, Read};

/// What is looked for: whatever meets all that is said. What is in the trash is not looked for.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Search {
    /// Each occurs in the file's name, the description, the camera, the lens, or the title of an album that holds the asset.
    pub text: Option<Words>,
    /// The oldest day on the wall.
    pub from: Option<LocalDay>,
    /// The newest day on the wall.
    pub to: Option<LocalDay>,
    /// What kind it is.
    pub kind: Option<SearchKind>,
    /// Each occurs in the camera's make or model.
    pub camera: Option<Words>,
    /// In this album. Whose it is, the caller has checked.
    pub album: Option<AlbumId>,
    /// Whether it is among the favourites.
    pub favourite: Option<bool>,
    /// Whether it is known where it was taken.
    pub located: Option<bool>,
    /// Taken there.
    pub near: Option<Vicinity>,
}

/// How far one page goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Walk {
    /// At most so many assets are held against the conditions, from 1.
    pub inspect: u32,
    /// At most so many are found, from 1.
    pub find: u32,
}

/// A page of a search.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Searched {
    /// What was found, newest first.
    pub found: Vec<TimelineAsset>,
    /// Where to go on; `None` when everything has been looked at.
    pub reached: Option<Reached>,
}

/// How far a search has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reached {
    /// The last asset that was looked at.
    pub cursor: TimelineCursor,
    /// Its day on the wall.
    pub day: LocalDay,
}

/// A camera's make and model, as far as a file tells them.
pub type Camera = (Option<String>, Option<String>);

/// The stretch of the timeline that one page looks at: beyond `after`, down to `last` and this one too.
#[derive(Clone, Copy)]
struct Stretch {
    after: TimelineCursor,
    last: TimelineCursor,
}

/// The condition of a stretch: later than its end and earlier than its beginning, by the index.
macro_rules! walk {
    ($columns:expr, $rest:literal) => {
        concat!(
            "SELECT ",
            $columns,
            " FROM assets{by assets_timeline} WHERE owner = ? AND trashed_at IS NULL \
             AND captured_local <= ? AND (captured_local < ? OR id < ?) \
             AND captured_local >= ? AND (captured_local > ? OR id >= ?)",
            $rest
        )
    };
}

impl Stretch {
    /// All of the days asked for that lies beyond `after`.
    fn of(search: &Search, after: Option<TimelineCursor>) -> Self {
        // Just before the first asset of that moment, in the order of time.
        let at = |captured_local| TimelineCursor { captured_local, id: AssetId::FIRST };
        let newest = at(search.to.map_or(Timestamp::from_micros(i64::MAX), |day| day.bounds().1));
        let after = after.filter(|after| (after.captured_local, after.id) < (newest.captured_local, newest.id));
        Self { after: after.unwrap_or(newest), last: at(search.from.unwrap_or(LocalDay::FIRST).bounds().0) }
    }

    fn bind(self, statement: Statement, owner: AccountId) -> Statement {
        let Self { after, last } = self;
        statement
            .id(&owner)
            .time(after.captured_local)
            .time(after.captured_local)
            .id(&after.id)
            .time(last.captured_local)
            .time(last.captured_local)
            .id(&last.id)
    }
}

impl Read {
    /// The next page of a search beyond `after` (itself left out).
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn search_page(
        &mut self,
        owner: AccountId,
        search: &Search,
        after: Option<TimelineCursor>,
        walk: Walk,
    ) -> Result<Searched, Error> {
        let mut stretch = Stretch::of(search, after);
        let end = self.search_end(owner, stretch, walk.inspect).await?;
        if let Some(end) = end {
            stretch.last = end.cursor;
        }
        let titles = self.search_titles(owner, search.text.as_ref()).await?;
        // The place is asked for only where it is looked at: without it, many searches need no more than the index has.
        let sql = match search.near {
            None => walk!(timeline_columns!(), ""),
            Some(_) => walk!(concat!(timeline_columns!(), ", latitude, longitude"), ""),
        };
        let statement = stretch.bind(Statement::new("search_page", sql), owner);
        let statement = narrow(statement, self.dialect(), owner, search, &titles);
        // One more than asked for tells whether there are more.
        let statement = statement.and(" ORDER BY captured_local DESC, id DESC LIMIT ?").int(i64::from(walk.find) + 1);
        let mut rows = self.all(statement).await?;
        let reached = if rows.len() > walk.find as usize {
            rows.truncate(walk.find as usize);
            rows.last().map(timeline_asset).transpose()?.map(|it| Reached { cursor: it.cursor(), day: it.day })
        } else {
            end
        };
        let mut found = Vec::with_capacity(rows.len());
        for row in &rows {
            if is_near(row, search.near.as_ref())? {
                found.push(timeline_asset(row)?);
            }
        }
        Ok(Searched { found, reached })
    }

    /// Which cameras the newest `inspect` assets outside the trash were taken with, by make and model, and how many with each.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn search_cameras(&mut self, owner: AccountId, inspect: u32) -> Result<BTreeMap<Camera, u32>, Error> {
        let sql = "SELECT camera_make, camera_model FROM assets{by assets_timeline} WHERE owner = ? AND trashed_at IS NULL \
                   ORDER BY captured_local DESC, id DESC LIMIT ?";
        let rows = self.all(Statement::new("search_cameras", sql).id(&owner).int(inspect)).await?;
        let mut cameras = BTreeMap::new();
        for row in &rows {
            *cameras.entry((row.maybe_text("camera_make")?, row.maybe_text("camera_model")?)).or_default() += 1;
        }
        cameras.remove(&(None, None));
        Ok(cameras)
    }

    /// The last of `inspect` assets of a stretch; `None` when it has no more than these.
    async fn search_end(&mut self, owner: AccountId, stretch: Stretch, inspect: u32) -> Result<Option<Reached>, Error> {
        // Pages are not turned by counting; this one count is bounded, and goes over neighbouring entries of the index alone.
        let sql = walk!("captured_local, id", " ORDER BY captured_local DESC, id DESC LIMIT 2 OFFSET ?");
        let statement = stretch.bind(Statement::new("search_end", sql), owner).int(i64::from(inspect) - 1);
        let rows = self.all(statement).await?;
        let [last, _] = rows.as_slice() else { return Ok(None) };
        let cursor = TimelineCursor { captured_local: last.time("captured_local")?, id: last.id("id")? };
        Ok(Some(Reached { cursor, day: LocalDay::on_the_wall(cursor.captured_local) }))
    }

    /// Of each word whether an album of the owner's has it in its title. Most have not, and then no asset's albums need be
    /// looked up.
    async fn search_titles(&mut self, owner: AccountId, words: Option<&Words>) -> Result<Vec<bool>, Error> {
        let mut titles = Vec::new();
        for word in words.into_iter().flat_map(Words::iter) {
            let statement =
                Statement::new("search_titles", "SELECT 1 AS n FROM albums WHERE owner = ? AND ").id(&owner);
            let statement = like(statement, self.dialect(), "title", word).and(" LIMIT 1");
            titles.push(self.one(statement).await?.is_some());
        }
        Ok(titles)
    }
}

fn is_near(row: &Row, near: Option<&Vicinity>) -> Result<bool, Error> {
    let Some(near) = near else { return Ok(true) };
    Ok(matches!((row.real("latitude")?, row.real("longitude")?), (Some(n), Some(e)) if near.holds(n, e)))
}

/// Adds the conditions other than the days, the cheapest first.
fn narrow(mut statement: Statement, dialect: Dialect, owner: AccountId, search: &Search, titles: &[bool]) -> Statement {
    statement = match search.kind {
        Some(SearchKind::Is(kind)) => statement.and(" AND kind = ?").text(kind.as_str()),
        Some(SearchKind::Live) => statement.and(" AND motion_state IS NOT NULL"),
        None => statement,
    };
    if let Some(favourite) = search.favourite {
        statement = statement.and(" AND favourite = ?").int(favourite);
    }
    if let Some(album) = search.album {
        // "EXISTS" would let a planner begin with all of the album, and sort it.
        let holds = " AND (SELECT COUNT(*) FROM album_assets WHERE album = ? AND asset = assets.id) = 1";
        statement = statement.and(holds).id(&album);
    }
    statement = match search.located {
        Some(true) => statement.and(" AND latitude IS NOT NULL"),
        Some(false) => statement.and(" AND latitude IS NULL"),
        None => statement,
    };
    if let Some(near) = &search.near {
        let bounds = near.bounds();
        let longitudes =
            if bounds.wraps() { "(longitude >= ? OR longitude <= ?)" } else { "longitude BETWEEN ? AND ?" };
        statement = statement.and(" AND latitude BETWEEN ? AND ? AND ").and(longitudes);
        for degrees in [bounds.south, bounds.north, bounds.west, bounds.east] {
            statement = statement.real(Some(degrees));
        }
    }
    for word in search.camera.iter().flat_map(Words::iter) {
        statement = like(statement.and(" AND "), dialect, "CONCAT_WS(' ', camera_make, camera_model)", word);
    }
    let words = search.text.iter().flat_map(Words::iter);
    words.zip(titles).fold(statement, |statement, (word, titled)| mentions(statement, dialect, owner, word, *titled))
}

/// Adds that a word occurs in what is written about an asset or, if any album is `titled` so, over an album that holds it.
fn mentions(statement: Statement, dialect: Dialect, owner: AccountId, word: &str, titled: bool) -> Statement {
    // No word has a space, so none is found across two texts.
    let texts = "CONCAT_WS(' ', file_name, description, camera_make, camera_model, lens)";
    let mut statement = like(statement.and(" AND ("), dialect, texts, word);
    if titled {
        // The order of a "CROSS JOIN" is kept: from the asset to its few albums, not from all albums to the asset.
        let over = " OR EXISTS (SELECT 1 FROM album_assets CROSS JOIN albums WHERE album_assets.asset = assets.id \
                    AND albums.id = album_assets.album AND albums.owner = ? AND ";
        statement = like(statement.and(over).id(&owner), dialect, "albums.title", word).and(")");
    }
    statement.and(")")
}

/// Adds that a word occurs in a text, in any of its spellings.
fn like(mut statement: Statement, dialect: Dialect, text: &str, word: &str) -> Statement {
    let spellings = spellings(word);
    for (at, spelling) in spellings.iter().enumerate() {
        let pattern = format!("%{}%", spelling.replace('!', "!!").replace('%', "!%").replace('_', "!_"));
        statement = statement.and(if at == 0 { "(" } else { " OR " }).and(&dialect.contains(text)).text(&pattern);
    }
    statement.and(")")
}

/// The spellings that are one word to a person and several to an engine: SQLite's `LIKE` knows that `a` is `A`, but not that
/// `é` is `É`; and Apple's file names come with letters taken apart, so that `가` is `ㄱ` and `ㅏ`.
fn spellings(word: &str) -> Vec<String> {
    if word.is_ascii() {
        return vec![word.to_owned()];
    }
    let lower = word.to_lowercase();
    let mut letters = lower.chars();
    let capital = letters.next().map(|first| first.to_uppercase().chain(letters).collect::<String>());
    let cases = [Some(word.to_owned()), Some(word.to_uppercase()), capital, Some(lower)];
    let mut spellings: Vec<String> =
        cases.into_iter().flatten().flat_map(|word| [word.nfc().collect(), word.nfd().collect()]).collect();
    spellings.sort_unstable();
    spellings.dedup();
    spellings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_has_few_spellings() {
        assert_eq!(spellings("IMG_1.jpg"), ["IMG_1.jpg"]);
        assert_eq!(spellings("가"), ["\u{1100}\u{1161}", "가"]);
        let accents = spellings("École");
        for spelling in ["école", "École", "ÉCOLE", "e\u{301}cole", "E\u{301}COLE"] {
            assert!(accents.iter().any(|known| known == spelling), "{spelling}");
        }
        assert_eq!(accents.len(), 6);
    }
}
