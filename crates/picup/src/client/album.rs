//! Puts what was imported into an album: the one with exactly that title, or a new one.

use picup_api::wire;
use picup_domain::AlbumTitle;
use uuid::Uuid;

use super::api::Api;
use super::call::{ApiError, Failure};

/// How many assets are named in one request.
const BATCH: usize = 500;

/// Adds `assets` to the album; assets it has already stay where they are. Gives how many the server did not know.
pub(super) async fn add(api: &Api, title: &AlbumTitle, assets: &[Uuid]) -> Result<usize, ApiError> {
    let album = found_or_made(api, title).await?;
    let mut unknown = 0;
    for batch in assets.chunks(BATCH) {
        let request = wire::AssetIds { assets: batch.to_vec() };
        let answer: wire::ItemResults = api.post(&format!("/api/albums/{}/assets", album.id), &request).await?;
        unknown += answer.results.iter().filter(|result| result.outcome == wire::ItemOutcome::NotFound).count();
    }
    Ok(unknown)
}

async fn found_or_made(api: &Api, title: &AlbumTitle) -> Result<wire::Album, ApiError> {
    let request = wire::AlbumRequest { title: title.as_str().to_owned() };
    // It may have been made and only the answer lost, so it is looked for before each attempt.
    api.patiently(|| async {
        match find(api, title).await.map_err(Failure::Lasting)? {
            Some(album) => Ok(album),
            None => api.post_once("/api/albums", &request).await,
        }
    })
    .await
}

async fn find(api: &Api, title: &AlbumTitle) -> Result<Option<wire::Album>, ApiError> {
    let mut cursor: Option<String> = None;
    loop {
        let page: wire::Albums = api.get(&page_path("/api/albums", None, cursor.as_deref())?).await?;
        // What others share is not written to for its title alone.
        let own = |album: &wire::Album| album.role == wire::AlbumRole::Owner && album.title == title.as_str();
        if let Some(album) = page.albums.into_iter().find(own) {
            return Ok(Some(album));
        }
        if page.next.is_none() || page.next == cursor {
            return Ok(None);
        }
        cursor = page.next;
    }
}

/// The path of one page of a list: of so many, from where the last one ended.
pub(super) fn page_path(path: &str, limit: Option<u32>, cursor: Option<&str>) -> Result<String, ApiError> {
    let mut url = reqwest::Url::parse("http://host").and_then(|base| base.join(path));
    if let Ok(url) = &mut url {
        let mut query = url.query_pairs_mut();
        query.extend_pairs(limit.map(|limit| ("limit", limit.to_string())));
        // Cursors are made of characters that stand for themselves in a query, but that is the server's affair.
        query.extend_pairs(cursor.map(|cursor| ("cursor", cursor)));
    }
    let url = url.map_err(|error| ApiError::Garbled(error.to_string()))?;
    let query = url.query().filter(|query| !query.is_empty()).map(|query| format!("?{query}"));
    Ok(format!("{path}{}", query.unwrap_or_default()))
}
