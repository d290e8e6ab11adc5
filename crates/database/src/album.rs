//! Albums: named selections of assets, their owner's and their contributors' (`album_member`), in the order they were added until
//! somebody puts them into another (`arrangement`). The count and the cover stand on the album itself, so that a list of albums costs one look-up each.

use std::collections::BTreeSet;

use picup_domain::{AccountId, AlbumId, AlbumRole, AlbumTitle, AssetId, DisplayName, Invalid, Timestamp};

use crate::statement::{Row, Statement, runs};
use crate::timeline::{TimelineAsset, timeline_asset, timeline_columns};
use crate::{Error, Read, Write};

/// An album to be made.
#[derive(Debug, Clone)]
pub struct NewAlbum {
    /// Its id.
    pub id: AlbumId,
    /// Whose it is.
    pub owner: AccountId,
    /// Its title.
    pub title: AlbumTitle,
    /// Now.
    pub created_at: Timestamp,
}

/// An album as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Album {
    /// Its id.
    pub id: AlbumId,
    /// Whose it is.
    pub owner: AccountId,
    /// What its owner is called.
    pub owner_name: DisplayName,
    /// What whoever asked may do with it.
    pub role: AlbumRole,
    /// How many others see it.
    pub members: u64,
    /// Its title.
    pub title: AlbumTitle,
    /// The asset shown for it: the one that was chosen, or the first, while it has any.
    pub cover: Option<TimelineAsset>,
    /// How many assets it has outside the trash.
    pub asset_count: u64,
    /// When it was made.
    pub created_at: Timestamp,
    /// When its title or assets last changed.
    pub updated_at: Timestamp,
}

/// An asset in an album.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AlbumAsset {
    /// Its place in the album's order; places may have gaps.
    pub position: i64,
    /// The asset.
    pub asset: TimelineAsset,
}

/// A place in an album's order: just at that asset.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AlbumCursor {
    /// The asset's place.
    pub position: i64,
    /// The asset.
    pub asset: AssetId,
}

impl AlbumAsset {
    /// Its place.
    #[must_use]
    pub const fn cursor(&self) -> AlbumCursor {
        AlbumCursor { position: self.position, asset: self.asset.id }
    }
}

/// What came of adding one asset to an album.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AddOutcome {
    /// It is in the album now.
    Added,
    /// It was in the album before.
    AlreadyThere,
    /// Whoever adds it has no such asset, or it lies in the trash.
    NotYours,
}

macro_rules! select {
    ($role:literal, $from:literal, $rest:literal) => {
        concat!(
            "SELECT albums.id AS album_id, albums.owner AS album_owner, albums.title, albums.cover_asset, \
             albums.asset_count, albums.created_at AS album_created_at, albums.updated_at, accounts.name AS owner_name, \
             (SELECT COUNT(*) FROM album_members WHERE album_members.album = albums.id) AS members, ",
            $role,
            " AS album_role, ",
            timeline_columns!(),
            " FROM ",
            $from,
            " JOIN accounts ON accounts.id = albums.owner LEFT JOIN assets ON assets.id = albums.cover_asset ",
            $rest
        )
    };
}

/// An owner's albums.
macro_rules! own {
    ($rest:literal) => {
        select!("'owner'", "albums", $rest)
    };
}

/// The albums of others that an account is a member of.
macro_rules! shared {
    ($rest:literal) => {
        select!("shared.role", "album_members AS shared JOIN albums ON albums.id = shared.album", $rest)
    };
}

fn role(word: &str) -> Result<AlbumRole, Invalid> {
    if word == AlbumRole::Owner.as_str() { Ok(AlbumRole::Owner) } else { AlbumRole::of_member(word) }
}

fn album(row: &Row) -> Result<Album, Error> {
    let cover: Option<AssetId> = row.maybe_id("cover_asset")?;
    Ok(Album {
        id: row.id("album_id")?,
        owner: row.id("album_owner")?,
        owner_name: row.word("owner_name", DisplayName::new)?,
        role: row.word("album_role", role)?,
        members: row.int("members")?,
        title: row.word("title", AlbumTitle::new)?,
        cover: cover.map(|_| timeline_asset(row)).transpose()?,
        asset_count: row.int("asset_count")?,
        created_at: row.time("album_created_at")?,
        updated_at: row.time("updated_at")?,
    })
}

fn album_asset(row: &Row) -> Result<AlbumAsset, Error> {
    Ok(AlbumAsset { position: row.int("position")?, asset: timeline_asset(row)? })
}

impl Read {
    /// An owner's album.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn album_by_id(&mut self, owner: AccountId, id: AlbumId) -> Result<Option<Album>, Error> {
        let sql = own!("WHERE albums.id = ? AND albums.owner = ?");
        self.one(Statement::new("album_by_id", sql).id(&id).id(&owner)).await?.as_ref().map(album).transpose()
    }

    /// At most `limit` of an owner's albums made before the album `before` (itself left out), newest first.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn album_list(
        &mut self,
        owner: AccountId,
        before: Option<AlbumId>,
        limit: u32,
    ) -> Result<Vec<Album>, Error> {
        let statement = match before {
            None => {
                let sql = own!("WHERE albums.owner = ? ORDER BY albums.id DESC LIMIT ?");
                Statement::new("album_list", sql).id(&owner)
            }
            Some(before) => {
                let sql = own!("WHERE albums.owner = ? AND albums.id < ? ORDER BY albums.id DESC LIMIT ?");
                Statement::new("album_list_before", sql).id(&owner).id(&before)
            }
        };
        self.all(statement.int(limit)).await?.iter().map(album).collect()
    }

    /// An album of somebody else's that `account` is a member of.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn album_shared_by_id(&mut self, account: AccountId, id: AlbumId) -> Result<Option<Album>, Error> {
        let sql = shared!("WHERE shared.album = ? AND shared.account = ?");
        self.one(Statement::new("album_shared_by_id", sql).id(&id).id(&account)).await?.as_ref().map(album).transpose()
    }

    /// As [`Read::album_list`], of the albums of others that `account` is a member of.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn album_shared_list(
        &mut self,
        account: AccountId,
        before: Option<AlbumId>,
        limit: u32,
    ) -> Result<Vec<Album>, Error> {
        let statement = match before {
            None => {
                let sql = shared!("WHERE shared.account = ? ORDER BY shared.album DESC LIMIT ?");
                Statement::new("album_shared_list", sql).id(&account)
            }
            Some(before) => {
                let sql = shared!("WHERE shared.account = ? AND shared.album < ? ORDER BY shared.album DESC LIMIT ?");
                Statement::new("album_shared_list_before", sql).id(&account).id(&before)
            }
        };
        self.all(statement.int(limit)).await?.iter().map(album).collect()
    }

    /// At most `limit` assets of an album beyond `after` (itself left out), in the album's order. Whose album it is, the
    /// caller has checked.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn album_page(
        &mut self,
        album: AlbumId,
        after: Option<AlbumCursor>,
        limit: u32,
    ) -> Result<Vec<AlbumAsset>, Error> {
        // Of the places nothing is asked that the index of the album's order has not, so that a page looks up its assets alone.
        // "COALESCE" keeps an index by time in the trash from leading the search: the album's order does.
        macro_rules! page {
            ($rest:literal) => {
                concat!(
                    "SELECT album_assets.position, ",
                    timeline_columns!(),
                    " FROM album_assets JOIN assets ON assets.id = album_assets.asset \
                     WHERE album_assets.album = ? AND COALESCE(assets.trashed_at, 0) = 0 ",
                    $rest,
                    " ORDER BY album_assets.position, album_assets.asset LIMIT ?"
                )
            };
        }
        let statement = match after {
            None => Statement::new("album_page", page!("")).id(&album),
            Some(after) => {
                let sql =
                    page!("AND album_assets.position >= ? AND (album_assets.position > ? OR album_assets.asset > ?)");
                let place = after.position;
                Statement::new("album_page_after", sql).id(&album).int(place).int(place).id(&after.asset)
            }
        };
        self.all(statement.int(limit)).await?.iter().map(album_asset).collect()
    }
}

impl Write {
    /// Makes an empty album.
    ///
    /// # Errors
    /// [`Error::Conflict`] `album` when the id exists.
    pub async fn album_insert(&mut self, new: &NewAlbum) -> Result<(), Error> {
        let sql = "INSERT INTO albums (id, owner, title, asset_count, created_at, updated_at) \
                   VALUES (?, ?, ?, 0, ?, ?)";
        let statement = Statement::new("album_insert", sql)
            .id(&new.id)
            .id(&new.owner)
            .text(new.title.as_str())
            .time(new.created_at)
            .time(new.created_at);
        self.run(statement).await.map_err(|error| error.or_conflict("album"))?;
        Ok(())
    }

    /// Gives an owner's album another title. `false` when there is none.
    ///
    /// # Errors
    /// When the database cannot write.
    pub async fn album_rename(
        &mut self,
        owner: AccountId,
        id: AlbumId,
        title: &AlbumTitle,
        now: Timestamp,
    ) -> Result<bool, Error> {
        let sql = "UPDATE albums SET title = ?, updated_at = ? WHERE id = ? AND owner = ?";
        self.changed(Statement::new("album_rename", sql).text(title.as_str()).time(now).id(&id).id(&owner)).await
    }

    /// Removes an owner's album; its assets stay. `false` when there is none.
    ///
    /// # Errors
    /// When the database cannot write.
    pub async fn album_delete(&mut self, owner: AccountId, id: AlbumId) -> Result<bool, Error> {
        let sql = "DELETE FROM albums WHERE id = ? AND owner = ?";
        self.changed(Statement::new("album_delete", sql).id(&id).id(&owner)).await
    }

    /// Appends assets of `whose` to an album of `owner` in the order given, and tells what came of each. `None` when there is no
    /// album.
    ///
    /// # Errors
    /// When the database cannot write.
    pub async fn album_add(
        &mut self,
        owner: AccountId,
        id: AlbumId,
        whose: AccountId,
        assets: &[AssetId],
        now: Timestamp,
    ) -> Result<Option<Vec<AddOutcome>>, Error> {
        if !self.album_touch(owner, id, now).await? {
            return Ok(None);
        }
        let mut position = self.album_last(id).await?;
        let mut outcomes = Vec::with_capacity(assets.len());
        for asset in assets {
            let sql = "INSERT INTO album_assets (album, asset, position, added_at) \
                       SELECT ?, id, ?, ? FROM assets WHERE id = ? AND owner = ? AND trashed_at IS NULL";
            let statement = Statement::new("album_add", sql).id(&id).int(position + 1).time(now).id(asset).id(&whose);
            outcomes.push(match self.changed(statement).await {
                Ok(true) => {
                    position += 1;
                    AddOutcome::Added
                }
                Ok(false) => AddOutcome::NotYours,
                Err(error) if error.is_taken() => AddOutcome::AlreadyThere,
                Err(error) => return Err(error),
            });
        }
        let added = outcomes.iter().filter(|outcome| **outcome == AddOutcome::Added).count();
        self.album_recount(id, i64::try_from(added).unwrap_or(i64::MAX)).await?;
        Ok(Some(outcomes))
    }

    /// Takes assets out of an owner's album and tells of each whether it was in it. `None` when there is no album.
    ///
    /// # Errors
    /// When the database cannot write.
    pub async fn album_remove(
        &mut self,
        owner: AccountId,
        id: AlbumId,
        assets: &[AssetId],
        now: Timestamp,
    ) -> Result<Option<Vec<bool>>, Error> {
        if !self.album_touch(owner, id, now).await? {
            return Ok(None);
        }
        let named: Vec<AssetId> = assets.iter().copied().collect::<BTreeSet<_>>().into_iter().collect();
        let mut shown = 0;
        for run in runs(&named) {
            let sql = "SELECT COUNT(*) AS n FROM album_assets JOIN assets ON assets.id = album_assets.asset \
                       WHERE album_assets.album = ? AND assets.trashed_at IS NULL AND album_assets.asset";
            shown +=
                self.row(Statement::among("album_shown", sql, run.len()).id(&id).ids(run)).await?.int::<i64>("n")?;
        }
        let mut removed = Vec::with_capacity(assets.len());
        for asset in assets {
            let sql = "DELETE FROM album_assets WHERE album = ? AND asset = ?";
            removed.push(self.changed(Statement::new("album_remove", sql).id(&id).id(asset)).await?);
        }
        self.album_recount(id, -shown).await?;
        Ok(Some(removed))
    }

    /// The last place in an album's order, in the trash or not.
    pub(crate) async fn album_last(&mut self, id: AlbumId) -> Result<i64, Error> {
        let sql = "SELECT COALESCE(MAX(position), 0) AS last FROM album_assets WHERE album = ?";
        self.row(Statement::new("album_last", sql).id(&id)).await?.int("last")
    }

    /// Finds the album and, on engines with many writers, keeps others from changing it until this transaction ends.
    pub(crate) async fn album_touch(&mut self, owner: AccountId, id: AlbumId, now: Timestamp) -> Result<bool, Error> {
        let sql = "UPDATE albums SET updated_at = ? WHERE id = ? AND owner = ?";
        self.changed(Statement::new("album_touch", sql).time(now).id(&id).id(&owner)).await
    }

    /// Brings the count and the cover up to date after so many assets more or fewer are shown. A chosen cover stays as long as
    /// it is in the album and out of the trash; otherwise the first asset is on it.
    pub(crate) async fn album_recount(&mut self, id: AlbumId, change: i64) -> Result<(), Error> {
        let sql = "UPDATE albums SET asset_count = asset_count + ?, cover_chosen = CASE WHEN cover_chosen = 1 AND EXISTS \
                   (SELECT 1 FROM album_assets JOIN assets ON assets.id = album_assets.asset \
                   WHERE album_assets.album = albums.id AND album_assets.asset = albums.cover_asset \
                   AND assets.trashed_at IS NULL) THEN 1 ELSE 0 END WHERE id = ?";
        self.run(Statement::new("album_recount", sql).int(change).id(&id)).await?;
        let sql = "UPDATE albums SET cover_asset = (SELECT album_assets.asset FROM album_assets \
                   JOIN assets ON assets.id = album_assets.asset \
                   WHERE album_assets.album = ? AND assets.trashed_at IS NULL \
                   ORDER BY album_assets.position, album_assets.asset LIMIT 1) WHERE id = ? AND cover_chosen = 0";
        self.run(Statement::new("album_cover", sql).id(&id).id(&id)).await?;
        Ok(())
    }
}
