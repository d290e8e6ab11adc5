//! Asks the server for everything that is to be exported: which assets, what is known of each, and the albums they are in.

use std::collections::{HashMap, HashSet};

use futures_util::{StreamExt, TryStreamExt, stream};
use picup_api::wire;
use uuid::Uuid;

use super::super::album::page_path;
use super::super::api::Api;
use super::super::call::{ApiError, plain};
use super::super::source::own::SidecarAlbum;
use super::ExportError;
use super::photo::Photo;

/// As many as a page may have.
const PAGE: u32 = 1000;
/// Asked about at once.
const AT_ONCE: usize = 8;

/// All that is to be exported.
#[derive(Debug, Default)]
pub(super) struct Library {
    /// The photos and videos.
    pub(super) photos: Vec<Photo>,
    /// The titles of all albums, the oldest album first.
    pub(super) albums: Vec<String>,
    /// What could not be understood, each with the reason.
    pub(super) failed: Vec<String>,
}

/// Gathers all of a library, or what is in the albums of some titles.
pub(super) async fn gather(api: &Api, only: &HashSet<String>) -> Result<Library, ExportError> {
    let albums = albums(api).await?;
    if let Some(unknown) = only.iter().find(|title| !albums.iter().any(|album| album.title == **title)) {
        return Err(ExportError::Album(unknown.clone()));
    }
    let mut memberships: HashMap<Uuid, Vec<SidecarAlbum>> = HashMap::new();
    let mut wanted = Vec::new();
    for album in &albums {
        let members = assets(api, &format!("/api/albums/{}/assets", album.id)).await?;
        for (position, asset) in members.iter().enumerate() {
            let album = SidecarAlbum { title: album.title.clone(), position: Some(position as u64) };
            memberships.entry(*asset).or_default().push(album);
        }
        if only.contains(&album.title) {
            wanted.extend(members);
        }
    }
    if only.is_empty() {
        wanted = assets(api, "/api/timeline/assets").await?;
    }
    let mut seen = HashSet::new();
    wanted.retain(|id| seen.insert(*id));
    let mut library = Library { albums: albums.into_iter().map(|album| album.title).collect(), ..Library::default() };
    let mut told = stream::iter(wanted).map(|id| one(api, id)).buffered(AT_ONCE);
    while let Some(asset) = told.try_next().await? {
        let Some(asset) = asset.filter(|asset| asset.trashed_at.is_none()) else { continue };
        let (id, albums) = (asset.id, memberships.remove(&asset.id).unwrap_or_default());
        match Photo::new(asset, albums) {
            Ok(photo) => library.photos.push(photo),
            Err(reason) => library.failed.push(plain(&format!("asset {id}: {reason}"))),
        }
    }
    Ok(library)
}

/// One asset; `None` when it has gone meanwhile.
async fn one(api: &Api, id: Uuid) -> Result<Option<wire::Asset>, ExportError> {
    match api.get(&format!("/api/assets/{id}")).await {
        Ok(asset) => Ok(Some(asset)),
        Err(error) if error.status() == 404 => Ok(None),
        Err(error) => Err(refused(error)),
    }
}

/// All albums of one's own, the oldest first: what others share is theirs to export.
async fn albums(api: &Api) -> Result<Vec<wire::Album>, ExportError> {
    let mut albums = Vec::new();
    let mut cursor: Option<String> = None;
    loop {
        let path = page_path("/api/albums", Some(PAGE), cursor.as_deref()).map_err(refused)?;
        let page: wire::Albums = api.get(&path).await.map_err(refused)?;
        albums.extend(page.albums.into_iter().filter(|album| album.role == wire::AlbumRole::Owner));
        if page.next.is_none() || page.next == cursor {
            albums.reverse();
            return Ok(albums);
        }
        cursor = page.next;
    }
}

/// All assets of a list that are one's own: in an album there may be those of others, of which alone it is said what opens them.
async fn assets(api: &Api, list: &str) -> Result<Vec<Uuid>, ExportError> {
    let mut assets = Vec::new();
    let mut cursor: Option<String> = None;
    loop {
        let path = page_path(list, Some(PAGE), cursor.as_deref()).map_err(refused)?;
        let page: wire::AssetColumns = match api.get(&path).await {
            Ok(page) => page,
            // An album deleted meanwhile has none.
            Err(error) if error.status() == 404 => return Ok(assets),
            Err(error) => return Err(refused(error)),
        };
        let theirs = |at: usize| page.right.get(at).is_some_and(Option::is_some);
        assets.extend(page.id.iter().enumerate().filter(|(at, _)| !theirs(*at)).map(|(_, id)| *id));
        if page.next.is_none() || page.next == cursor {
            return Ok(assets);
        }
        cursor = page.next;
    }
}

fn refused(error: ApiError) -> ExportError {
    if error.status() == 403 { ExportError::Scope } else { ExportError::Server(error.to_string()) }
}
