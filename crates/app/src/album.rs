//! Albums: named selections of one's own assets.

use std::collections::HashSet;

pub use picup_database::Album;
use picup_database::{AddOutcome, AlbumCursor, NewAlbum, Ordered};
use picup_domain::{AccountId, AlbumId, AlbumTitle, AssetId, Invalid};

use crate::asset::Outcome;
use crate::events;
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

/// An owner's albums, newest first.
///
/// # Errors
/// [`Error::Invalid`] for a cursor that is not ours.
pub async fn list(app: &App, owner: AccountId, from: Option<&str>, limit: u32) -> Result<Albums, Error> {
    let before = from.map(|text| text.parse().map_err(|_| cursor::not_ours())).transpose()?;
    let rows = app.database().read().await?.album_list(owner, before, limit + 1).await?;
    let (albums, next) = cursor::cut(rows, limit, |last| last.id.to_string());
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
    commit_changed(app, write, owner, id).await?;
    Ok(album)
}

/// One album of `owner`.
///
/// # Errors
/// [`Error::NotFound`], also when it is somebody else's.
pub async fn fetch(app: &App, owner: AccountId, id: AlbumId) -> Result<Album, Error> {
    app.database().read().await?.album_by_id(owner, id).await?.ok_or(Error::NotFound("album"))
}

/// What is to change of an album; what is `None` stays.
#[derive(Debug, Clone, Default)]
pub struct Change {
    /// Its title.
    pub title: Option<AlbumTitle>,
    /// The asset on its cover; `Some(None)` for whatever is first.
    pub cover: Option<Option<AssetId>>,
}

/// Changes an album.
///
/// # Errors
/// [`Error::NotFound`]; [`Error::Invalid`] for a cover that the album does not show.
pub async fn change(app: &App, owner: AccountId, id: AlbumId, change: &Change) -> Result<Album, Error> {
    let mut write = app.database().write().await?;
    if let Some(title) = &change.title {
        write.album_rename(owner, id, title, app.now()).await?;
    }
    if let Some(cover) = change.cover
        && write.album_set_cover(owner, id, cover, app.now()).await? == Some(false)
    {
        return Err(not_there("cover"));
    }
    let album = write.album_by_id(owner, id).await?.ok_or(Error::NotFound("album"))?;
    commit_changed(app, write, owner, id).await?;
    Ok(album)
}

/// Moves assets of an album, in the order given, right before another one, or to the end, and tells what happened to each.
///
/// # Errors
/// [`Error::NotFound`] when there is no such album; [`Error::Invalid`] for a place that is not in it, or is to move itself.
pub async fn order(
    app: &App,
    owner: AccountId,
    id: AlbumId,
    assets: &[AssetId],
    before: Option<AssetId>,
) -> Result<Vec<(AssetId, Outcome)>, Error> {
    let mut seen = HashSet::new();
    let named: Vec<AssetId> = assets.iter().copied().filter(|asset| seen.insert(*asset)).collect();
    if before.is_some_and(|before| seen.contains(&before)) {
        let advice = "name an asset that is not among those that move".to_owned();
        return Err(Invalid { field: "before", advice }.into());
    }
    let mut write = app.database().write().await?;
    let moved = match write.album_order(owner, id, &named, before, app.now()).await? {
        Ordered::Moved(moved) => moved,
        Ordered::NoSuchPlace => return Err(not_there("before")),
        Ordered::NoAlbum => return Err(Error::NotFound("album")),
    };
    commit_changed(app, write, owner, id).await?;
    let there: HashSet<AssetId> = named.into_iter().zip(moved).filter(|(_, moved)| *moved).map(|(id, _)| id).collect();
    let outcome = |id: &AssetId| (*id, if there.contains(id) { Outcome::Done } else { Outcome::NotFound });
    Ok(assets.iter().map(outcome).collect())
}

fn not_there(field: &'static str) -> Error {
    Invalid { field, advice: "name an asset that is in this album".to_owned() }.into()
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
    commit_changed(app, write, owner, id).await
}

/// An album's assets in its order.
///
/// # Errors
/// [`Error::NotFound`]; [`Error::Invalid`] for a cursor that is not ours.
pub async fn assets(app: &App, owner: AccountId, id: AlbumId, from: Option<&str>, limit: u32) -> Result<Page, Error> {
    let after = from.map(cursor::read).transpose()?.map(|(position, asset)| AlbumCursor { position, asset });
    let mut read = app.database().read().await?;
    read.album_by_id(owner, id).await?.ok_or(Error::NotFound("album"))?;
    let rows = read.album_page(id, after, limit + 1).await?;
    let (rows, next) = cursor::cut(rows, limit, |last| cursor::write(last.position, last.asset.id));
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
    commit_changed(app, write, owner, id).await?;
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
    commit_changed(app, write, owner, id).await?;
    let outcome = |was_there| if was_there { Outcome::Done } else { Outcome::Unchanged };
    Ok(assets.iter().copied().zip(removed.into_iter().map(outcome)).collect())
}

/// Commits a change of an album together with its event.
async fn commit_changed(
    app: &App,
    mut write: picup_database::Write,
    owner: AccountId,
    id: AlbumId,
) -> Result<(), Error> {
    events::append(&mut write, owner, events::Change::Album { id }, app.now()).await?;
    write.commit().await?;
    events::announce(app);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::TestApp;
    use crate::upload::tests::keep;
    use crate::{account, trash};

    async fn shown(app: &TestApp, owner: AccountId, id: AlbumId) -> (Vec<AssetId>, Option<AssetId>) {
        let cover = fetch(app, owner, id).await.unwrap().cover.map(|cover| cover.id);
        (assets(app, owner, id, None, 10).await.unwrap().assets.iter().map(|asset| asset.id).collect(), cover)
    }

    #[tokio::test]
    async fn an_album_is_arranged_by_its_owner() {
        let app = TestApp::new().await;
        let owner = account::create(&app, TestApp::account("ada@example.com")).await.unwrap();
        let stranger = account::create(&app, TestApp::account("bob@example.com")).await.unwrap();
        let [one, two, three] =
            [keep(&app, owner, b"one").await, keep(&app, owner, b"two").await, keep(&app, owner, b"three").await];
        let outside = keep(&app, owner, b"outside").await;
        let id = create(&app, owner, AlbumTitle::new("Holiday").unwrap()).await.unwrap().id;
        add(&app, owner, id, &[one, two, three]).await.unwrap();

        let moved = order(&app, owner, id, &[three, outside, one, three], Some(two)).await.unwrap();
        let done = |id| (id, Outcome::Done);
        assert_eq!(moved, [done(three), (outside, Outcome::NotFound), done(one), done(three)]);
        assert_eq!(shown(&app, owner, id).await, (vec![three, one, two], Some(three)));
        let invalid = |result: Result<_, Error>, name| matches!(result, Err(Error::Invalid(Invalid { field, .. })) if field == name);
        assert!(invalid(order(&app, owner, id, &[one], Some(one)).await, "before"));
        assert!(invalid(order(&app, owner, id, &[one], Some(outside)).await, "before"));
        assert!(matches!(order(&app, stranger, id, &[one], None).await, Err(Error::NotFound("album"))));

        let title = AlbumTitle::new("Sea").unwrap();
        let both = Change { title: Some(title.clone()), cover: Some(Some(two)) };
        assert_eq!(change(&app, owner, id, &both).await.unwrap().title, title);
        assert_eq!(shown(&app, owner, id).await, (vec![three, one, two], Some(two)));
        let refused = Change { title: Some(AlbumTitle::new("Lost").unwrap()), cover: Some(Some(outside)) };
        assert!(matches!(change(&app, owner, id, &refused).await, Err(Error::Invalid(Invalid { field: "cover", .. }))));
        assert!(matches!(change(&app, stranger, id, &both).await, Err(Error::NotFound("album"))));
        assert_eq!(fetch(&app, owner, id).await.unwrap().title, title, "all of it or nothing");
        trash::put(&app, owner, &[two]).await.unwrap();
        assert_eq!(shown(&app, owner, id).await, (vec![three, one], Some(three)));
        change(&app, owner, id, &Change { cover: Some(Some(one)), ..Change::default() }).await.unwrap();
        let automatic = Change { cover: Some(None), ..Change::default() };
        assert_eq!(change(&app, owner, id, &automatic).await.unwrap().cover.unwrap().id, three);
    }
}
