//! Share links: what each opens, to whoever has it. The token is known here by its hash alone.

use picup_domain::{AccountId, AlbumId, AssetId, PasswordHash, Sha256, ShareLinkId, Timestamp};

use crate::statement::{Row, Statement};
use crate::timeline::{timeline_asset, timeline_columns};
use crate::{AlbumAsset, AlbumCursor, Error, Read, Write};

/// A share link to be made.
#[derive(Debug, Clone)]
pub struct NewShareLink {
    /// Its id.
    pub id: ShareLinkId,
    /// Who makes it.
    pub account: AccountId,
    /// The hash of its token.
    pub token: Sha256,
    /// What it opens.
    pub place: SharedPlace,
    /// What has to be known besides the token.
    pub password: Option<PasswordHash>,
    /// Whether it opens the originals, too.
    pub download: bool,
    /// Now.
    pub created_at: Timestamp,
    /// When it ends; `None`: when it is revoked.
    pub expires_at: Option<Timestamp>,
}

/// What a link opens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SharedPlace {
    /// Whatever is in this album.
    Album(AlbumId),
    /// These assets, in this order.
    Assets(Vec<AssetId>),
}

/// A share link as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShareLink {
    /// Its id.
    pub id: ShareLinkId,
    /// Who made it.
    pub account: AccountId,
    /// The hash of its token.
    pub token: Sha256,
    /// The album it opens; `None`: assets of its own.
    pub album: Option<AlbumId>,
    /// The album's title.
    pub title: Option<String>,
    /// How many assets it shows.
    pub asset_count: u64,
    /// What has to be known besides the token.
    pub password: Option<PasswordHash>,
    /// Whether it opens the originals, too.
    pub download: bool,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it ends.
    pub expires_at: Option<Timestamp>,
}

/// What is to change of a link; what is `None` stays.
#[derive(Debug, Clone, Default)]
pub struct ShareLinkChange {
    /// The password, or none.
    pub password: Option<Option<PasswordHash>>,
    /// Whether it opens the originals, too.
    pub download: Option<bool>,
    /// When it ends, or never.
    pub expires_at: Option<Option<Timestamp>>,
}

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT share_links.id, share_links.account, share_links.token_hash, share_links.album, albums.title, \
             COALESCE(albums.asset_count, (SELECT COUNT(*) FROM share_link_assets \
             JOIN assets ON assets.id = share_link_assets.asset \
             WHERE share_link_assets.link = share_links.id AND assets.trashed_at IS NULL)) AS asset_count, \
             share_links.password_hash, share_links.download, share_links.created_at, share_links.expires_at \
             FROM share_links LEFT JOIN albums ON albums.id = share_links.album ",
            $rest
        )
    };
}

fn link(row: &Row) -> Result<ShareLink, Error> {
    Ok(ShareLink {
        id: row.id("id")?,
        account: row.id("account")?,
        token: row.id("token_hash")?,
        album: row.maybe_id("album")?,
        title: row.maybe_text("title")?,
        asset_count: row.int("asset_count")?,
        password: row.maybe_text("password_hash")?.map(PasswordHash::new),
        download: row.bool("download")?,
        created_at: row.time("created_at")?,
        expires_at: row.maybe_time("expires_at")?,
    })
}

impl Read {
    /// The link with that token, ended or not.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn share_link_by_token(&mut self, token: &Sha256) -> Result<Option<ShareLink>, Error> {
        let sql = select!("WHERE share_links.token_hash = ?");
        self.one(Statement::new("share_link_by_token", sql).id(token)).await?.as_ref().map(link).transpose()
    }

    /// One link, ended or not.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn share_link_by_id(&mut self, id: ShareLinkId) -> Result<Option<ShareLink>, Error> {
        let sql = select!("WHERE share_links.id = ?");
        self.one(Statement::new("share_link_by_id", sql).id(&id)).await?.as_ref().map(link).transpose()
    }

    /// The links that an account has made, the newest first.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn share_link_list(&mut self, account: AccountId) -> Result<Vec<ShareLink>, Error> {
        let sql = select!("WHERE share_links.account = ? ORDER BY share_links.id DESC");
        self.all(Statement::new("share_link_list", sql).id(&account)).await?.iter().map(link).collect()
    }

    /// The links to an album, whoever made them, the newest first.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn share_link_list_of(&mut self, album: AlbumId) -> Result<Vec<ShareLink>, Error> {
        let sql = select!("WHERE share_links.album = ? ORDER BY share_links.id DESC");
        self.all(Statement::new("share_link_list_of", sql).id(&album)).await?.iter().map(link).collect()
    }

    /// At most `limit` of a link's own assets beyond `after` (itself left out), in the order they were named.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn share_link_page(
        &mut self,
        id: ShareLinkId,
        after: Option<AlbumCursor>,
        limit: u32,
    ) -> Result<Vec<AlbumAsset>, Error> {
        macro_rules! page {
            ($rest:literal) => {
                concat!(
                    "SELECT share_link_assets.position, ",
                    timeline_columns!(),
                    " FROM share_link_assets JOIN assets ON assets.id = share_link_assets.asset \
                     WHERE share_link_assets.link = ? AND COALESCE(assets.trashed_at, 0) = 0 ",
                    $rest,
                    " ORDER BY share_link_assets.position, share_link_assets.asset LIMIT ?"
                )
            };
        }
        let statement = match after {
            None => Statement::new("share_link_page", page!("")).id(&id),
            Some(after) => {
                let sql = page!("AND share_link_assets.position > ?");
                Statement::new("share_link_page_after", sql).id(&id).int(after.position)
            }
        };
        let rows = self.all(statement.int(limit)).await?;
        rows.iter().map(|row| Ok(AlbumAsset { position: row.int("position")?, asset: timeline_asset(row)? })).collect()
    }

    /// The owner of an asset that a link shows; `None` for any other, and for what lies in the trash.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn share_link_shows(&mut self, link: &ShareLink, asset: AssetId) -> Result<Option<AccountId>, Error> {
        let statement = match &link.album {
            Some(album) => {
                let sql = "SELECT assets.owner FROM album_assets JOIN assets ON assets.id = album_assets.asset \
                           WHERE album_assets.album = ? AND album_assets.asset = ? AND assets.trashed_at IS NULL";
                Statement::new("share_link_shows_of_album", sql).id(album)
            }
            None => {
                let sql = "SELECT assets.owner FROM share_link_assets \
                           JOIN assets ON assets.id = share_link_assets.asset \
                           WHERE share_link_assets.link = ? AND share_link_assets.asset = ? \
                           AND assets.trashed_at IS NULL";
                Statement::new("share_link_shows", sql).id(&link.id)
            }
        };
        self.one(statement.id(&asset)).await?.map(|row| row.id("owner")).transpose()
    }
}

impl Write {
    /// Writes a link down. `false` when one of its assets is not its maker's or lies in the trash: drop the transaction then.
    ///
    /// # Errors
    /// When the database cannot write.
    pub async fn share_link_insert(&mut self, new: &NewShareLink) -> Result<bool, Error> {
        let sql = "INSERT INTO share_links (id, account, token_hash, album, password_hash, download, created_at, \
                   expires_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?)";
        let (album, assets) = match &new.place {
            SharedPlace::Album(album) => (Some(album), &[][..]),
            SharedPlace::Assets(assets) => (None, assets.as_slice()),
        };
        let statement = Statement::new("share_link_insert", sql)
            .id(&new.id)
            .id(&new.account)
            .id(&new.token)
            .maybe_id(album)
            .maybe_text(new.password.as_ref().map(PasswordHash::as_str))
            .int(new.download)
            .time(new.created_at)
            .maybe_time(new.expires_at);
        self.run(statement).await?;
        for (position, asset) in (1_i64..).zip(assets) {
            let sql = "INSERT INTO share_link_assets (link, asset, position) \
                       SELECT ?, id, ? FROM assets WHERE id = ? AND owner = ? AND trashed_at IS NULL";
            let statement = Statement::new("share_link_add", sql).id(&new.id).int(position).id(asset).id(&new.account);
            if !self.changed(statement).await? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Changes a link.
    ///
    /// # Errors
    /// When the database cannot write.
    pub async fn share_link_change(&mut self, id: ShareLinkId, change: &ShareLinkChange) -> Result<(), Error> {
        if let Some(password) = &change.password {
            let sql = "UPDATE share_links SET password_hash = ? WHERE id = ?";
            let password = password.as_ref().map(PasswordHash::as_str);
            self.run(Statement::new("share_link_set_password", sql).maybe_text(password).id(&id)).await?;
        }
        if let Some(download) = change.download {
            let sql = "UPDATE share_links SET download = ? WHERE id = ?";
            self.run(Statement::new("share_link_set_download", sql).int(download).id(&id)).await?;
        }
        if let Some(expires_at) = change.expires_at {
            let sql = "UPDATE share_links SET expires_at = ? WHERE id = ?";
            self.run(Statement::new("share_link_set_expiry", sql).maybe_time(expires_at).id(&id)).await?;
        }
        Ok(())
    }

    /// Revokes a link. `false` when there is none.
    ///
    /// # Errors
    /// When the database cannot write.
    pub async fn share_link_delete(&mut self, id: ShareLinkId) -> Result<bool, Error> {
        self.changed(Statement::new("share_link_delete", "DELETE FROM share_links WHERE id = ?").id(&id)).await
    }

    /// Revokes the links to an album that an account has made; how many there were.
    ///
    /// # Errors
    /// When the database cannot write.
    pub async fn share_link_delete_by(&mut self, account: AccountId, album: AlbumId) -> Result<u64, Error> {
        let sql = "DELETE FROM share_links WHERE album = ? AND account = ?";
        self.run(Statement::new("share_link_delete_by", sql).id(&album).id(&account)).await
    }

    /// Forgets the links whose time was over before a moment.
    ///
    /// # Errors
    /// When the database cannot write.
    pub async fn share_link_prune(&mut self, before: Timestamp) -> Result<u64, Error> {
        let sql = "DELETE FROM share_links WHERE expires_at <= ?";
        self.run(Statement::new("share_link_prune", sql).time(before)).await
    }
}
