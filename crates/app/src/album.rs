//! Albums: named selections of one's own assets.

pub use picup_database::Album;
use picup_database::{AddOutcome, AlbumCursor, NewAlbum};
use picup_domain::{AccountId, AlbumId, AlbumTitle, AssetId};

use crate::events::{self, Change};
use crate::timeline::Page;
use crate::{App, Error, cursor};

/// A page of albums, newest first.
#[derive(Debug, Clone)]
pub struct Albums {
    /// The albums.
    pub albums: Vec<Album>,
    /// Where the next page begins; `None` at the end.
    pub next: Option<String>,
}

/// What happened to one asset of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Done.
    Done,
    /// It was so already.
    Unchanged,
    /// There is no such asset of the owner's.
    NotFound,
    /// It is not in the trash, and only what is can be deleted.
    NotTrashed,
}

/// An owner's albums, newest first.
///
/// # Errors
/// [`Error::Invalid`] for a cursor that is not ours.
pub async fn list(app: &App, owner: AccountId, from: Option<&str>, limit: u32) -> Result<Albums, Error> {
    let before = from.map(|text| text.parse().map_err(|_| cursor::not_ours())).transpose()?;
    let mut albums = app.database().read().await?.album_list(owner, before, limit + 1).await?;
    let more = albums.len() > limit as usize;
    albums.truncate(limit as usize);
    let next = albums.last().filter(|_| more).map(|last| last.id.to_string());
    Ok(Albums { albums, next })
}

/// Makes an empty album.
///
/// # Errors
/// When the database cannot write.
pub async fn create(app: &App, owner: AccountId, title: AlbumTitle) -> Result<Album, Error> {
    let now = app.now();
    let id = AlbumId::new(now);
    let mut write = app.database().write().await?;
    write.album_insert(&NewAlbum { id, owner, title, created_at: now }).await?;
    let album = write.album_by_id(owner, id).await?.ok_or(Error::NotFound("album"))?;
    tell(app, write, owner, id).await?;
    Ok(album)
}

/// One album of `owner`.
///
/// # Errors
/// [`Error::NotFound`], also when it is somebody else's.
pub async fn fetch(app: &App, owner: AccountId, id: AlbumId) -> Result<Album, Error> {
    app.database().read().await?.album_by_id(owner, id).await?.ok_or(Error::NotFound("album"))
}

/// Gives an album another title.
///
/// # Errors
/// [`Error::NotFound`].
pub async fn rename(app: &App, owner: AccountId, id: AlbumId, title: AlbumTitle) -> Result<Album, Error> {
    let mut write = app.database().write().await?;
    write.album_rename(owner, id, &title, app.now()).await?;
    let album = write.album_by_id(owner, id).await?.ok_or(Error::NotFound("album"))?;
    tell(app, write, owner, id).await?;
    Ok(album)
}

/// Deletes an album. Its assets stay.
///
/// # Errors
/// [`Error::NotFound`].
pub async fn delete(app: &App, owner: AccountId, id: AlbumId) -> Result<(), Error> {
    let mut write = app.database().write().await?;
    if !write.album_delete(owner, id).await? {
        return Err(Error::NotFound("album"));
    }
    tell(app, write, owner, id).await
}

/// An album's assets in the order they were added.
///
/// # Errors
/// [`Error::NotFound`]; [`Error::Invalid`] for a cursor that is not ours.
pub async fn assets(app: &App, owner: AccountId, id: AlbumId, from: Option<&str>, limit: u32) -> Result<Page, Error> {
    let after = from.map(cursor::read).transpose()?.map(|(position, asset)| AlbumCursor { position, asset });
    let mut read = app.database().read().await?;
    read.album_by_id(owner, id).await?.ok_or(Error::NotFound("album"))?;
    let mut rows = read.album_page(id, after, limit + 1).await?;
    let more = rows.len() > limit as usize;
    rows.truncate(limit as usize);
    let next = rows.last().filter(|_| more).map(|last| cursor::write(last.position, last.asset.id));
    Ok(Page { assets: rows.into_iter().map(|row| row.asset).collect(), next })
}

/// Adds assets to the end of an album and tells what happened to each.
///
/// # Errors
/// [`Error::NotFound`] when there is no such album.
pub async fn add(
    app: &App,
    owner: AccountId,
    id: AlbumId,
    assets: &[AssetId],
) -> Result<Vec<(AssetId, Outcome)>, Error> {
    let mut write = app.database().write().await?;
    let outcomes = write.album_add(owner, id, assets, app.now()).await?.ok_or(Error::NotFound("album"))?;
    tell(app, write, owner, id).await?;
    let outcome = |outcome| match outcome {
        AddOutcome::Added => Outcome::Done,
        AddOutcome::AlreadyThere => Outcome::Unchanged,
        AddOutcome::NotYours => Outcome::NotFound,
    };
    Ok(assets.iter().copied().zip(outcomes.into_iter().map(outcome)).collect())
}

/// Takes assets out of an album and tells what happened to each. They stay in the timeline.
///
/// # Errors
/// [`Error::NotFound`] when there is no such album.
pub async fn remove(
    app: &App,
    owner: AccountId,
    id: AlbumId,
    assets: &[AssetId],
) -> Result<Vec<(AssetId, Outcome)>, Error> {
    let mut write = app.database().write().await?;
    let removed = write.album_remove(owner, id, assets, app.now()).await?.ok_or(Error::NotFound("album"))?;
    tell(app, write, owner, id).await?;
    let outcome = |was_there| if was_there { Outcome::Done } else { Outcome::Unchanged };
    Ok(assets.iter().copied().zip(removed.into_iter().map(outcome)).collect())
}

/// Commits a change of an album together with its event.
async fn tell(app: &App, mut write: picup_database::Write, owner: AccountId, id: AlbumId) -> Result<(), Error> {
    events::append(&mut write, owner, Change::Album { id }, app.now()).await?;
    write.commit().await?;
    events::announce(app);
    Ok(())
}
