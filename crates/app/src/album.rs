//! Albums: named selections of assets, one's own and those of others who contribute. Who may do what with one of somebody
//! else's is in [`AlbumRole`]; who is a member, in [`crate::album_member`].

use std::collections::HashSet;

use picup_database::{
    AddOutcome, Album as Row, AlbumAsset, AlbumCursor, AlbumStanding, NewAlbum, Ordered, Read, Write,
};
use picup_domain::{AccountId, AlbumId, AlbumRole, AlbumTitle, AssetId, Invalid};

use crate::asset::Outcome;
use crate::media_right::{Extent, right};
use crate::timeline::{Page, TimelineAsset};
use crate::{App, Error, cursor, events};

/// An album as somebody sees it.
#[derive(Debug, Clone)]
pub struct Album {
    /// What the database knows.
    pub row: Row,
    /// Opens the picture on its cover, when that is somebody else's.
    pub cover_right: Option<String>,
}

/// A page of albums, newest first.
#[derive(Debug, Clone)]
pub struct Albums {
    /// The albums.
    pub albums: Vec<Album>,
    /// Where the next page begins; `None` at the end.
    pub next: Option<String>,
}

/// A page of assets of whomever.
#[derive(Debug, Clone)]
pub struct Assets {
    /// The assets. Which are favourites is told of the caller's own alone.
    pub page: Page,
    /// For each in its turn what opens its media, as a query; `None` for the caller's own.
    pub rights: Vec<Option<String>>,
}

/// The albums that somebody sees, one's own and shared ones, newest first.
///
/// # Errors
/// [`Error::Invalid`] for a cursor that is not ours.
pub async fn list(app: &App, caller: AccountId, from: Option<&str>, limit: u32) -> Result<Albums, Error> {
    let before = from.map(|text| text.parse().map_err(|_| cursor::not_ours())).transpose()?;
    let mut read = app.database().read().await?;
    let mut rows = read.album_list(caller, before, limit + 1).await?;
    rows.extend(read.album_shared_list(caller, before, limit + 1).await?);
    rows.sort_unstable_by_key(|album| std::cmp::Reverse(album.id));
    rows.truncate(limit as usize + 1);
    let (rows, next) = cursor::cut(rows, limit, |last| last.id.to_string());
    let albums = rows.into_iter().map(|row| seen(app, caller, row)).collect::<Result<_, _>>()?;
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
    let album = find(&mut write, owner, id).await?;
    commit_changed(app, write, id).await?;
    seen(app, owner, album)
}

/// One album that `caller` sees.
///
/// # Errors
/// [`Error::NotFound`], also when it is somebody else's and not shared with the caller.
pub async fn fetch(app: &App, caller: AccountId, id: AlbumId) -> Result<Album, Error> {
    let row = find(&mut app.database().read().await?, caller, id).await?;
    seen(app, caller, row)
}

/// What is to change of an album; what is `None` stays.
#[derive(Debug, Clone, Default)]
pub struct Change {
    /// Its title.
    pub title: Option<AlbumTitle>,
    /// The asset on its cover; `Some(None)` for whatever is first.
    pub cover: Option<Option<AssetId>>,
}

/// Changes an album. For its managers.
///
/// # Errors
/// [`Error::NotFound`]; [`Error::AlbumRoleNeeded`]; [`Error::Invalid`] for a cover that the album does not show.
pub async fn change(app: &App, caller: AccountId, id: AlbumId, change: &Change) -> Result<Album, Error> {
    let mut write = app.database().write().await?;
    let AlbumStanding { owner, .. } = claim(&mut write, caller, id, AlbumRole::Manager).await?;
    if let Some(title) = &change.title {
        write.album_rename(owner, id, title, app.now()).await?;
    }
    if let Some(cover) = change.cover
        && write.album_set_cover(owner, id, cover, app.now()).await? == Some(false)
    {
        return Err(not_there("cover"));
    }
    let album = find(&mut write, caller, id).await?;
    commit_changed(app, write, id).await?;
    seen(app, caller, album)
}

/// Moves assets of an album, in the order given, right before another one, or to the end, and tells what happened to each. For
/// its managers.
///
/// # Errors
/// [`Error::NotFound`] when there is no such album; [`Error::AlbumRoleNeeded`]; [`Error::Invalid`] for a place that is not in
/// it, or is to move itself.
pub async fn order(
    app: &App,
    caller: AccountId,
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
    let AlbumStanding { owner, .. } = claim(&mut write, caller, id, AlbumRole::Manager).await?;
    let moved = match write.album_order(owner, id, &named, before, app.now()).await? {
        Ordered::Moved(moved) => moved,
        Ordered::NoSuchPlace => return Err(not_there("before")),
        Ordered::NoAlbum => return Err(Error::NotFound("album")),
    };
    commit_changed(app, write, id).await?;
    let there: HashSet<AssetId> = named.into_iter().zip(moved).filter(|(_, moved)| *moved).map(|(id, _)| id).collect();
    let outcome = |id: &AssetId| (*id, if there.contains(id) { Outcome::Done } else { Outcome::NotFound });
    Ok(assets.iter().map(outcome).collect())
}

fn not_there(field: &'static str) -> Error {
    Invalid { field, advice: "name an asset that is in this album".to_owned() }.into()
}

/// Deletes an album. Its assets stay with whoever they are. For its owner.
///
/// # Errors
/// [`Error::NotFound`]; [`Error::AlbumRoleNeeded`].
pub async fn delete(app: &App, caller: AccountId, id: AlbumId) -> Result<(), Error> {
    let mut write = app.database().write().await?;
    let AlbumStanding { owner, .. } = claim(&mut write, caller, id, AlbumRole::Owner).await?;
    let people = write.album_people(id).await?;
    write.album_delete(owner, id).await?;
    commit_changed_for(app, write, id, &people).await
}

/// An album's assets in its order.
///
/// # Errors
/// [`Error::NotFound`]; [`Error::Invalid`] for a cursor that is not ours.
pub async fn assets(
    app: &App,
    caller: AccountId,
    id: AlbumId,
    from: Option<&str>,
    limit: u32,
) -> Result<Assets, Error> {
    let mut read = app.database().read().await?;
    claim(&mut read, caller, id, AlbumRole::Viewer).await?;
    let rows = read.album_page(id, place(from)?, limit + 1).await?;
    drop(read);
    with_rights(app, page_of(rows, limit), |asset| (asset.owner != caller).then_some(Extent::All))
}

/// Where a page of an album's assets, or of a share link's, begins.
pub(crate) fn place(from: Option<&str>) -> Result<Option<AlbumCursor>, Invalid> {
    Ok(from.map(cursor::read).transpose()?.map(|(position, asset)| AlbumCursor { position, asset }))
}

/// The page of rows of which one more than `limit` was asked for.
pub(crate) fn page_of(rows: Vec<AlbumAsset>, limit: u32) -> Page {
    let (rows, next) = cursor::cut(rows, limit, |last| cursor::write(last.position, last.asset.id));
    Page { assets: rows.into_iter().map(|row| row.asset).collect(), next }
}

/// Each asset with what opens so much of it to somebody else than its owner; `None` for who needs nothing.
pub(crate) fn with_rights(
    app: &App,
    mut page: Page,
    extent: impl Fn(&TimelineAsset) -> Option<Extent>,
) -> Result<Assets, Error> {
    let mut rights = Vec::with_capacity(page.assets.len());
    for asset in &mut page.assets {
        let extent = extent(asset);
        asset.favourite &= extent.is_none();
        rights.push(extent.map(|extent| right(app, asset.owner, asset.id, extent)).transpose()?);
    }
    Ok(Assets { page, rights })
}

/// Adds assets of the caller's to the end of an album and tells what happened to each. For its contributors.
///
/// # Errors
/// [`Error::NotFound`] when there is no such album; [`Error::AlbumRoleNeeded`].
pub async fn add(
    app: &App,
    caller: AccountId,
    id: AlbumId,
    assets: &[AssetId],
) -> Result<Vec<(AssetId, Outcome)>, Error> {
    let mut write = app.database().write().await?;
    let AlbumStanding { owner, .. } = claim(&mut write, caller, id, AlbumRole::Contributor).await?;
    let outcomes = write.album_add(owner, id, caller, assets, app.now()).await?.ok_or(Error::NotFound("album"))?;
    commit_changed(app, write, id).await?;
    let outcome = |outcome| match outcome {
        AddOutcome::Added => Outcome::Done,
        AddOutcome::AlreadyThere => Outcome::Unchanged,
        AddOutcome::NotYours => Outcome::NotFound,
    };
    Ok(assets.iter().copied().zip(outcomes.into_iter().map(outcome)).collect())
}

/// Takes assets out of an album and tells what happened to each. They stay in their owners' timelines. Contributors take
/// their own out, managers all.
///
/// # Errors
/// [`Error::NotFound`] when there is no such album; [`Error::AlbumRoleNeeded`].
pub async fn remove(
    app: &App,
    caller: AccountId,
    id: AlbumId,
    assets: &[AssetId],
) -> Result<Vec<(AssetId, Outcome)>, Error> {
    let mut write = app.database().write().await?;
    let AlbumStanding { owner, role } = claim(&mut write, caller, id, AlbumRole::Contributor).await?;
    let theirs: HashSet<AssetId> = if role < AlbumRole::Manager {
        let own = write.asset_standings(caller, assets).await?;
        assets.iter().copied().filter(|asset| !own.contains_key(asset)).collect()
    } else {
        HashSet::new()
    };
    let allowed: Vec<AssetId> = assets.iter().copied().filter(|asset| !theirs.contains(asset)).collect();
    let removed = write.album_remove(owner, id, &allowed, app.now()).await?.ok_or(Error::NotFound("album"))?;
    commit_changed(app, write, id).await?;
    let mut removed = removed.into_iter();
    let outcome = |asset: &AssetId| match theirs.contains(asset) {
        true => (*asset, Outcome::NotFound),
        false if removed.next() == Some(true) => (*asset, Outcome::Done),
        false => (*asset, Outcome::Unchanged),
    };
    Ok(assets.iter().map(outcome).collect())
}

/// What `caller` may do with an album, which has to be `needed` at least. In a transaction that writes it stays so to the end: one
/// writes at a time.
pub(crate) async fn claim(
    read: &mut Read,
    caller: AccountId,
    id: AlbumId,
    needed: AlbumRole,
) -> Result<AlbumStanding, Error> {
    let standing = read.album_standing(caller, id).await?.ok_or(Error::NotFound("album"))?;
    reaches(standing, needed)?;
    Ok(standing)
}

/// Whether somebody's role reaches so far.
pub(crate) fn reaches(standing: AlbumStanding, needed: AlbumRole) -> Result<(), Error> {
    if standing.role < needed { Err(Error::AlbumRoleNeeded(needed)) } else { Ok(()) }
}

async fn find(read: &mut Read, caller: AccountId, id: AlbumId) -> Result<Row, Error> {
    match read.album_by_id(caller, id).await? {
        Some(own) => Ok(own),
        None => read.album_shared_by_id(caller, id).await?.ok_or(Error::NotFound("album")),
    }
}

fn seen(app: &App, caller: AccountId, mut row: Row) -> Result<Album, Error> {
    let cover_right = match &mut row.cover {
        Some(cover) if cover.owner != caller => Some(right(app, cover.owner, cover.id, Extent::View)?),
        _ => None,
    };
    Ok(Album { row, cover_right })
}

/// Commits a change of an album together with its events, for everybody who sees it.
pub(crate) async fn commit_changed(app: &App, mut write: Write, id: AlbumId) -> Result<(), Error> {
    let people = write.album_people(id).await?;
    commit_changed_for(app, write, id, &people).await
}

/// Commits a change of an album together with its events for `people`.
pub(crate) async fn commit_changed_for(
    app: &App,
    mut write: Write,
    id: AlbumId,
    people: &[AccountId],
) -> Result<(), Error> {
    for account in people {
        events::append(&mut write, *account, events::Change::Album { id }, app.now()).await?;
    }
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
        let cover = fetch(app, owner, id).await.unwrap().row.cover.map(|cover| cover.id);
        (assets(app, owner, id, None, 10).await.unwrap().page.assets.iter().map(|asset| asset.id).collect(), cover)
    }

    #[tokio::test]
    async fn an_album_is_arranged_by_its_owner() {
        let app = TestApp::new().await;
        let owner = account::create(&app, TestApp::account("ada@example.com")).await.unwrap();
        let stranger = account::create(&app, TestApp::account("bob@example.com")).await.unwrap();
        let [one, two, three] =
            [keep(&app, owner, b"one").await, keep(&app, owner, b"two").await, keep(&app, owner, b"three").await];
        let outside = keep(&app, owner, b"outside").await;
        let id = create(&app, owner, AlbumTitle::new("Holiday").unwrap()).await.unwrap().row.id;
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
        assert_eq!(change(&app, owner, id, &both).await.unwrap().row.title, title);
        assert_eq!(shown(&app, owner, id).await, (vec![three, one, two], Some(two)));
        let refused = Change { title: Some(AlbumTitle::new("Lost").unwrap()), cover: Some(Some(outside)) };
        assert!(matches!(change(&app, owner, id, &refused).await, Err(Error::Invalid(Invalid { field: "cover", .. }))));
        assert!(matches!(change(&app, stranger, id, &both).await, Err(Error::NotFound("album"))));
        assert_eq!(fetch(&app, owner, id).await.unwrap().row.title, title, "all of it or nothing");
        trash::put(&app, owner, &[two]).await.unwrap();
        assert_eq!(shown(&app, owner, id).await, (vec![three, one], Some(three)));
        change(&app, owner, id, &Change { cover: Some(Some(one)), ..Change::default() }).await.unwrap();
        let automatic = Change { cover: Some(None), ..Change::default() };
        assert_eq!(change(&app, owner, id, &automatic).await.unwrap().row.cover.unwrap().id, three);
    }
}
