//! Who else sees an album, and what each may do with it.

use picup_domain::{AccountId, AlbumId, AlbumRole, AssetId, DisplayName, Email, Timestamp};

use crate::statement::{Row, Statement};
use crate::{Error, Read, Write};

/// A member of an album.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AlbumMember {
    /// Who.
    pub account: AccountId,
    /// What they are called.
    pub name: DisplayName,
    /// By which address they are known.
    pub email: Email,
    /// What they may do.
    pub role: AlbumRole,
    /// Since when.
    pub added_at: Timestamp,
}

/// Whose an album is, and what somebody may do with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AlbumStanding {
    /// Whose it is.
    pub owner: AccountId,
    /// What the one who was asked about may do.
    pub role: AlbumRole,
}

fn member(row: &Row) -> Result<AlbumMember, Error> {
    Ok(AlbumMember {
        account: row.id("account")?,
        name: row.word("name", DisplayName::new)?,
        email: row.word("email", Email::new)?,
        role: row.word("role", AlbumRole::of_member)?,
        added_at: row.time("added_at")?,
    })
}

impl Read {
    /// What an account may do with an album; `None` when it is neither its owner nor a member, or there is none.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn album_standing(&mut self, account: AccountId, id: AlbumId) -> Result<Option<AlbumStanding>, Error> {
        let sql = "SELECT albums.owner, album_members.role FROM albums \
                   LEFT JOIN album_members ON album_members.album = albums.id AND album_members.account = ? \
                   WHERE albums.id = ?";
        let Some(row) = self.one(Statement::new("album_standing", sql).id(&account).id(&id)).await? else {
            return Ok(None);
        };
        let owner: AccountId = row.id("owner")?;
        let role = match row.maybe_text("role")? {
            _ if owner == account => AlbumRole::Owner,
            Some(_) => row.word("role", AlbumRole::of_member)?,
            None => return Ok(None),
        };
        Ok(Some(AlbumStanding { owner, role }))
    }

    /// An album's members, longest there first.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn album_members(&mut self, id: AlbumId) -> Result<Vec<AlbumMember>, Error> {
        let sql = "SELECT album_members.account, accounts.name, accounts.email, album_members.role, \
                   album_members.added_at FROM album_members JOIN accounts ON accounts.id = album_members.account \
                   WHERE album_members.album = ?";
        let mut members: Vec<AlbumMember> = self
            .all(Statement::new("album_members", sql).id(&id))
            .await?
            .iter()
            .map(member)
            .collect::<Result<_, _>>()?;
        members.sort_by_key(|member| (member.added_at, member.account));
        Ok(members)
    }

    /// Everybody who sees an album: its owner and its members. Nobody when there is none.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn album_people(&mut self, id: AlbumId) -> Result<Vec<AccountId>, Error> {
        let sql = "SELECT owner AS account FROM albums WHERE id = ? \
                   UNION ALL SELECT account FROM album_members WHERE album = ?";
        let rows = self.all(Statement::new("album_people", sql).id(&id).id(&id)).await?;
        rows.iter().map(|row| row.id("account")).collect()
    }

    /// The albums in which an asset is, each with everybody who sees it but the asset's owner.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn asset_watchers(&mut self, asset: AssetId) -> Result<Vec<(AlbumId, AccountId)>, Error> {
        let sql = "SELECT albums.id AS album, albums.owner AS account FROM album_assets \
                   JOIN albums ON albums.id = album_assets.album JOIN assets ON assets.id = album_assets.asset \
                   WHERE album_assets.asset = ? AND albums.owner <> assets.owner \
                   UNION ALL SELECT album_members.album, album_members.account FROM album_assets \
                   JOIN album_members ON album_members.album = album_assets.album \
                   JOIN assets ON assets.id = album_assets.asset \
                   WHERE album_assets.asset = ? AND album_members.account <> assets.owner";
        let rows = self.all(Statement::new("asset_watchers", sql).id(&asset).id(&asset)).await?;
        rows.iter().map(|row| Ok((row.id("album")?, row.id("account")?))).collect()
    }

    /// The assets of `whose` that have a place in an album, in the trash or not.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn album_assets_of(&mut self, id: AlbumId, whose: AccountId) -> Result<Vec<AssetId>, Error> {
        let sql = "SELECT assets.id FROM album_assets JOIN assets ON assets.id = album_assets.asset \
                   WHERE album_assets.album = ? AND assets.owner = ?";
        let rows = self.all(Statement::new("album_assets_of", sql).id(&id).id(&whose)).await?;
        rows.iter().map(|row| row.id("id")).collect()
    }

    /// The owner of an asset that `account` sees in an album: one of its own or one that it is a member of. `None` for what is
    /// in no such album or lies in the trash.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn album_shows_to(&mut self, account: AccountId, asset: AssetId) -> Result<Option<AccountId>, Error> {
        let sql = "SELECT assets.owner FROM album_assets JOIN assets ON assets.id = album_assets.asset \
                   JOIN albums ON albums.id = album_assets.album \
                   LEFT JOIN album_members ON album_members.album = albums.id AND album_members.account = ? \
                   WHERE album_assets.asset = ? AND assets.trashed_at IS NULL \
                   AND (albums.owner = ? OR album_members.account IS NOT NULL) LIMIT 1";
        let row = self.one(Statement::new("album_shows_to", sql).id(&account).id(&asset).id(&account)).await?;
        row.map(|row| row.id("owner")).transpose()
    }
}

impl Write {
    /// Makes an account a member of an album, or gives it another role there.
    ///
    /// # Errors
    /// When the database cannot write.
    pub async fn album_member_set(
        &mut self,
        id: AlbumId,
        account: AccountId,
        role: AlbumRole,
        now: Timestamp,
    ) -> Result<(), Error> {
        let sql = "UPDATE album_members SET role = ? WHERE album = ? AND account = ?";
        let changed =
            self.run(Statement::new("album_member_change", sql).text(role.as_str()).id(&id).id(&account)).await?;
        if changed == 0 && self.album_standing(account, id).await?.is_none() {
            let sql = "INSERT INTO album_members (album, account, role, added_at) VALUES (?, ?, ?, ?)";
            let new = Statement::new("album_member_insert", sql).id(&id).id(&account).text(role.as_str()).time(now);
            self.run(new).await?;
        }
        Ok(())
    }

    /// Ends a membership. `false` when there was none.
    ///
    /// # Errors
    /// When the database cannot write.
    pub async fn album_member_remove(&mut self, id: AlbumId, account: AccountId) -> Result<bool, Error> {
        let sql = "DELETE FROM album_members WHERE album = ? AND account = ?";
        self.changed(Statement::new("album_member_remove", sql).id(&id).id(&account)).await
    }
}
