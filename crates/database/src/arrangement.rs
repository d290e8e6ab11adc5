//! How an album's owner arranges it: what is on its cover, and the order of its assets.
//!
//! Positions are whole numbers. To move assets before another one, the position of every row from there on is written anew, in
//! one statement, and gaps stay. That is nothing to look after: SQLite moves 100,000 of them in 0.3 seconds, and
//! whoever else wants to write waits for up to 4. Fractions between neighbours would have to be evened out some day.

use picup_domain::{AccountId, AlbumId, AssetId, Timestamp};

use crate::statement::Statement;
use crate::{Error, Write};

/// What came of putting assets of an album into another order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ordered {
    /// Of each whether it is in the album, and has moved.
    Moved(Vec<bool>),
    /// The asset that they were to stand before is not in the album. Nothing has moved.
    NoSuchPlace,
    /// The owner has no such album.
    NoAlbum,
}

impl Write {
    /// Puts an asset on the cover of an owner's album, where it stays while it is in the album and out of the trash; `None`
    /// puts whatever is first there. `Some(false)` when the album shows no such asset, `None` when there is no album.
    ///
    /// # Errors
    /// When the database cannot write.
    pub async fn album_set_cover(
        &mut self,
        owner: AccountId,
        id: AlbumId,
        cover: Option<AssetId>,
        now: Timestamp,
    ) -> Result<Option<bool>, Error> {
        if !self.album_touch(owner, id, now).await? {
            return Ok(None);
        }
        if let Some(cover) = cover {
            let sql = "SELECT COUNT(*) AS n FROM album_assets JOIN assets ON assets.id = album_assets.asset \
                       WHERE album_assets.album = ? AND album_assets.asset = ? AND assets.trashed_at IS NULL";
            let shown = self.row(Statement::new("album_shows", sql).id(&id).id(&cover)).await?;
            if shown.int::<i64>("n")? == 0 {
                return Ok(Some(false));
            }
        }
        let sql = "UPDATE albums SET cover_chosen = ?, cover_asset = ? WHERE id = ?";
        let statement = Statement::new("album_set_cover", sql).int(cover.is_some()).maybe_id(cover.as_ref()).id(&id);
        self.run(statement).await?;
        self.album_recount(id, 0).await?;
        Ok(Some(true))
    }

    /// Moves assets of an owner's album, in the order given, right before another of its assets, or to its end.
    ///
    /// # Errors
    /// When the database cannot write.
    pub async fn album_order(
        &mut self,
        owner: AccountId,
        id: AlbumId,
        assets: &[AssetId],
        before: Option<AssetId>,
        now: Timestamp,
    ) -> Result<Ordered, Error> {
        if !self.album_touch(owner, id, now).await? {
            return Ok(Ordered::NoAlbum);
        }
        let first = match before {
            None => self.album_last(id).await? + 1,
            Some(before) => {
                let sql = "SELECT position FROM album_assets WHERE album = ? AND asset = ?";
                let place = self.one(Statement::new("album_place", sql).id(&id).id(&before)).await?;
                let Some(place) = place else { return Ok(Ordered::NoSuchPlace) };
                let place: i64 = place.int("position")?;
                let room = i64::try_from(assets.len()).unwrap_or(i64::MAX);
                let sql = "UPDATE album_assets SET position = position + ? WHERE album = ? AND position >= ?";
                self.run(Statement::new("album_make_room", sql).int(room).id(&id).int(place)).await?;
                place
            }
        };
        let mut moved = Vec::with_capacity(assets.len());
        for (position, asset) in (first..).zip(assets) {
            let sql = "UPDATE album_assets SET position = ? WHERE album = ? AND asset = ?";
            moved.push(self.changed(Statement::new("album_move", sql).int(position).id(&id).id(asset)).await?);
        }
        self.album_recount(id, 0).await?;
        Ok(Ordered::Moved(moved))
    }
}
