//! Share links: what somebody shows to people without an account, for as long as its maker wants.
//!
//! The token stands in the link's fragment, which no browser sends and no log holds. The page sends it in a body, with the
//! password if there is one, and gets a short right for it; each use of that looks the link up again, so that a link that is
//! revoked, over or changed shows nothing more from that moment on. Addresses of media that were given out before open for
//! [`WINDOW_SECONDS`] to twice that. They are signed for the assets that are shared alone, and for their originals only
//! where downloads are allowed.
//!
//! A link is as good as its maker's right: to an album, while they may manage it. Its token is derived from the link's id by a
//! key that only this PicUp has, so that its maker can be shown it again though the database holds its hash alone.

use std::collections::HashSet;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use picup_database::{NewShareLink, Read, ShareLink as Row, ShareLinkChange, SharedPlace, Write};
use picup_domain::{AccountId, AlbumId, AlbumRole, AssetId, Invalid, Password, PasswordHash, ShareLinkId, Timestamp};

use crate::album::{self, Assets};
use crate::asset::{self, Asset};
use crate::attempts::{Secret, guess};
use crate::audit::{Actor, note};
use crate::media_right::{Extent, WINDOW_SECONDS, right};
use crate::token::{ShareAccess, hash_token};
use crate::{App, Error, Visitor};

/// How long a link holds unless said otherwise.
pub const USUAL_DAYS: u64 = 30;
/// The most links that somebody may have at once.
const MOST_LINKS: usize = 1000;
/// For how long what the page got for the token holds. The link is looked up at each use.
const ACCESS_LIFE: Duration = Duration::from_secs(12 * 60 * 60);
/// How long a link that is over is still listed, so that its maker finds it and can let it go on.
const LISTED_AFTER: Duration = Duration::from_secs(30 * DAY);
const DAY: u64 = 24 * 60 * 60;

/// What is to be shared.
#[derive(Debug, Clone)]
pub enum What {
    /// Whatever is in an album, now and later.
    Album(AlbumId),
    /// These assets of one's own.
    Assets(Vec<AssetId>),
}

/// When a link is to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// At that moment.
    At(Timestamp),
    /// When it is revoked.
    Never,
}

/// A link to be made.
#[derive(Debug, Clone)]
pub struct New {
    /// What it shows.
    pub what: What,
    /// What is asked for besides the token.
    pub password: Option<Password>,
    /// Whether it opens the originals, too.
    pub download: bool,
    /// When it ends; `None`: in [`USUAL_DAYS`].
    pub end: Option<End>,
}

/// What is to change of a link; what is `None` stays.
#[derive(Debug, Clone, Default)]
pub struct Change {
    /// Its password, or none.
    pub password: Option<Option<Password>>,
    /// Whether it opens the originals, too.
    pub download: Option<bool>,
    /// When it ends.
    pub end: Option<End>,
}

/// A link as those who manage it see it.
#[derive(Debug, Clone)]
pub struct Link {
    /// What the database knows.
    pub row: Row,
    /// Whether its time is over.
    pub over: bool,
    /// The link itself. `None` when another server key has made it, as after a restore.
    pub link: Option<String>,
}

/// A link that somebody has opened.
#[derive(Debug, Clone)]
pub struct Opened {
    /// What the database knows of the link.
    pub row: Row,
    /// Who shares.
    pub by: String,
    /// Shown with each request for what the link shows.
    pub access_token: String,
    /// When that ends.
    pub expires_at: Timestamp,
    /// For how long addresses of media open at least, in seconds.
    pub media_seconds: u64,
}

/// Makes a link. To an album, for its managers.
///
/// # Errors
/// [`Error::NotFound`] and [`Error::AlbumRoleNeeded`] for an album; [`Error::Invalid`] for an end that lies behind, and for assets
/// of which one is not the caller's; [`Error::Conflict`] for too many links.
pub async fn create(app: &App, caller: AccountId, new: New) -> Result<Link, Error> {
    let now = app.now();
    let expires_at = match new.end.map(|end| ends(end, now)).transpose()? {
        Some(given) => given,
        None => Some(now.plus(Duration::from_secs(USUAL_DAYS * DAY))),
    };
    let password = hashed(app, new.password.as_ref()).await?;
    let id = ShareLinkId::new(now);
    let mut write = app.database().write().await?;
    let place = match new.what {
        What::Album(album) => {
            album::claim(&mut write, caller, album, AlbumRole::Manager).await?;
            SharedPlace::Album(album)
        }
        What::Assets(assets) => {
            let mut seen = HashSet::new();
            SharedPlace::Assets(assets.into_iter().filter(|asset| seen.insert(*asset)).collect())
        }
    };
    if write.share_link_list(caller).await?.len() >= MOST_LINKS {
        return Err(Error::Conflict("an account has at most 1,000 share links; revoke some"));
    }
    let token = hash_token(&token(app, id));
    let (account, download) = (caller, new.download);
    let row = NewShareLink { id, account, token, place, password, download, created_at: now, expires_at };
    if !write.share_link_insert(&row).await? {
        let advice = "name assets of your own that are not in the trash".to_owned();
        return Err(Invalid { field: "assets", advice }.into());
    }
    let row = write.share_link_by_id(id).await?.ok_or(Error::NotFound("share link"))?;
    write.commit().await?;
    note(Actor::Account(caller), "share link made", &id);
    Ok(shown(app, row))
}

/// The links that the caller has made, the newest first; or those to an album that the caller manages, whoever made them.
///
/// # Errors
/// [`Error::NotFound`] and [`Error::AlbumRoleNeeded`] for an album.
pub async fn list(app: &App, caller: AccountId, album: Option<AlbumId>) -> Result<Vec<Link>, Error> {
    let mut read = app.database().read().await?;
    let rows = match album {
        None => read.share_link_list(caller).await?,
        Some(album) => {
            album::claim(&mut read, caller, album, AlbumRole::Manager).await?;
            read.share_link_list_of(album).await?
        }
    };
    Ok(rows.into_iter().map(|row| shown(app, row)).collect())
}

/// Changes a link. For its maker, and the managers of the album it shows.
///
/// # Errors
/// [`Error::NotFound`]; [`Error::Invalid`] for an end that lies behind.
pub async fn change(app: &App, caller: AccountId, id: ShareLinkId, change: Change) -> Result<Link, Error> {
    let expires_at = change.end.map(|end| ends(end, app.now())).transpose()?;
    let password = match &change.password {
        None => None,
        Some(password) => Some(hashed(app, password.as_ref()).await?),
    };
    let mut write = app.database().write().await?;
    managed(&mut write, caller, id).await?;
    let change = ShareLinkChange { password, download: change.download, expires_at };
    write.share_link_change(id, &change).await?;
    let row = write.share_link_by_id(id).await?.ok_or(Error::NotFound("share link"))?;
    write.commit().await?;
    note(Actor::Account(caller), "share link changed", &id);
    Ok(shown(app, row))
}

/// Revokes a link: it shows nothing more from now on, and addresses of media that it gave out open for minutes only. For its
/// maker, and the managers of the album it shows.
///
/// # Errors
/// [`Error::NotFound`].
pub async fn revoke(app: &App, caller: AccountId, id: ShareLinkId) -> Result<(), Error> {
    let mut write = app.database().write().await?;
    managed(&mut write, caller, id).await?;
    write.share_link_delete(id).await?;
    write.commit().await?;
    note(Actor::Account(caller), "share link revoked", &id);
    Ok(())
}

/// Opens a link for whoever has its token, and its password if it has one.
///
/// # Errors
/// [`Error::LinkOver`] when it was revoked, is over or never was; [`Error::LinkPasswordNeeded`]; [`Error::WrongLinkPassword`];
/// [`Error::TooManyGuesses`]; [`Error::Busy`].
pub async fn open(app: &App, token: &str, password: Option<&Password>, visitor: &Visitor) -> Result<Opened, Error> {
    let (row, by) = guess(app, Secret::Link(None), visitor.address, find(app, token)).await?;
    if let Some(stored) = &row.password {
        let password = password.ok_or(Error::LinkPasswordNeeded)?;
        guess(app, Secret::Link(Some(row.id)), visitor.address, prove(app, stored, password)).await?;
    }
    let until = app.now().plus(ACCESS_LIFE);
    let expires_at = row.expires_at.map_or(until, |end| end.min(until));
    let access = ShareAccess { link: row.id, password: mark(row.password.as_ref()), expires_at };
    let access_token = app.inner.share_tokens.issue(&access)?;
    Ok(Opened { row, by, access_token, expires_at, media_seconds: WINDOW_SECONDS })
}

/// A page of what a link shows, in its order.
///
/// # Errors
/// [`Error::LinkOver`] when the link, or the right that [`open`] gave, is over; [`Error::Invalid`] for a cursor that is not ours.
pub async fn assets(app: &App, access: &str, from: Option<&str>, limit: u32) -> Result<Assets, Error> {
    let (mut read, link) = look_up(app, access).await?;
    let after = album::place(from)?;
    let rows = match link.album {
        Some(album) => read.album_page(album, after, limit + 1).await?,
        None => read.share_link_page(link.id, after, limit + 1).await?,
    };
    drop(read);
    album::with_rights(app, album::page_of(rows, limit), |_| Some(extent(&link)))
}

/// One asset that a link shows, and whether its original may be fetched.
///
/// # Errors
/// [`Error::LinkOver`], as [`assets`]; [`Error::NotFound`].
pub async fn asset(app: &App, access: &str, id: AssetId) -> Result<(Asset, bool), Error> {
    let (mut read, link) = look_up(app, access).await?;
    let owner = read.share_link_shows(&link, id).await?.ok_or(Error::NotFound("asset"))?;
    let row = read.asset_by_id(owner, id).await?.ok_or(Error::NotFound("asset"))?;
    let asset = asset::view(&mut read, row).await?;
    Ok((Asset { right: Some(right(app, owner, id, extent(&link))?), ..asset }, link.download))
}

/// Forgets the links whose time has been over for long.
pub(crate) async fn prune(app: &App) -> Result<(), Error> {
    let mut write = app.database().write().await?;
    write.share_link_prune(app.now().minus(LISTED_AFTER)).await?;
    Ok(write.commit().await?)
}

/// The link that a token is of, and who shares by it.
async fn find(app: &App, token: &str) -> Result<(Row, String), Error> {
    let mut read = app.database().read_fresh().await?;
    let link = read.share_link_by_token(&hash_token(token)).await?.ok_or(Error::LinkOver)?;
    let by = standing(app, &mut read, &link).await?;
    Ok((link, by))
}

async fn prove(app: &App, stored: &PasswordHash, password: &Password) -> Result<(), Error> {
    if app.inner.passwords.verify(password, Some(stored.clone())).await? {
        Ok(())
    } else {
        Err(Error::WrongLinkPassword)
    }
}

/// The link of a right that [`open`] gave, as it stands now.
async fn look_up(app: &App, access: &str) -> Result<(Read, Row), Error> {
    let access = app.inner.share_tokens.check(access, app.now())?;
    let mut read = app.database().read_fresh().await?;
    let link = read.share_link_by_id(access.link).await?.ok_or(Error::LinkOver)?;
    standing(app, &mut read, &link).await?;
    if mark(link.password.as_ref()) != access.password {
        return Err(Error::LinkOver);
    }
    Ok((read, link))
}

/// Whether a link is good still: its time not over, and its maker here and with the right to share this. Tells the maker's name.
async fn standing(app: &App, read: &mut Read, link: &Row) -> Result<String, Error> {
    if is_over(app, link) {
        return Err(Error::LinkOver);
    }
    let maker = read.account_by_id(link.account).await?.filter(|account| account.disabled_at.is_none());
    let maker = maker.ok_or(Error::LinkOver)?;
    if let Some(album) = link.album
        && !manages(read, link.account, album).await?
    {
        return Err(Error::LinkOver);
    }
    Ok(maker.name.as_str().to_owned())
}

/// A link that the caller may change: one's own, or one to an album that one manages.
async fn managed(write: &mut Write, caller: AccountId, id: ShareLinkId) -> Result<(), Error> {
    let link = write.share_link_by_id(id).await?.ok_or(Error::NotFound("share link"))?;
    let is_theirs = match link.album {
        _ if link.account == caller => true,
        Some(album) => manages(write, caller, album).await?,
        None => false,
    };
    if is_theirs { Ok(()) } else { Err(Error::NotFound("share link")) }
}

async fn manages(read: &mut Read, account: AccountId, album: AlbumId) -> Result<bool, Error> {
    let standing = read.album_standing(account, album).await?;
    Ok(standing.is_some_and(|standing| standing.role >= AlbumRole::Manager))
}

fn ends(end: End, now: Timestamp) -> Result<Option<Timestamp>, Invalid> {
    match end {
        End::Never => Ok(None),
        End::At(moment) if moment > now => Ok(Some(moment)),
        End::At(_) => Err(Invalid { field: "expires_at", advice: "choose a moment that is still to come".to_owned() }),
    }
}

async fn hashed(app: &App, password: Option<&Password>) -> Result<Option<PasswordHash>, Error> {
    match password {
        None => Ok(None),
        Some(password) => Ok(Some(app.inner.passwords.hash(password).await?)),
    }
}

fn extent(link: &Row) -> Extent {
    if link.download { Extent::All } else { Extent::View }
}

/// Tells one password of a link from another: nothing is found out from it.
fn mark(password: Option<&PasswordHash>) -> u64 {
    let bytes = password.map(|hash| *hash_token(hash.as_str()).as_bytes());
    bytes.and_then(|bytes| bytes.first_chunk().copied()).map_or(0, u64::from_be_bytes) >> 1
}

fn is_over(app: &App, link: &Row) -> bool {
    link.expires_at.is_some_and(|end| end <= app.now())
}

fn shown(app: &App, row: Row) -> Link {
    let token = token(app, row.id);
    let link = (hash_token(&token) == row.token).then(|| format!("{}/#/share/{token}", app.settings().link_base));
    Link { over: is_over(app, &row), link, row }
}

fn token(app: &App, id: ShareLinkId) -> String {
    let key = &app.inner.secrets.server_key;
    let mut mac = <Hmac<sha2::Sha256> as KeyInit>::new_from_slice(key).expect("HMAC takes keys of any length");
    mac.update(b"picup share link 1");
    mac.update(id.as_bytes());
    URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes())
}

#[cfg(test)]
mod tests;
