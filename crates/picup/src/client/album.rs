//! Puts what was imported into an album: the one with exactly that title, or a new one.

use picup_api::wire;
use picup_domain::AlbumTitle;
use uuid::Uuid;

use super::api::Api;
use super::call::ApiError;

/// How many assets are named in one request.
const BATCH: usize = 500;

/// Adds `assets` to the album; assets it has already stay where they are. Gives how many the server did not know.
pub(super) async fn add(api: &Api, title: &AlbumTitle, assets: &[Uuid]) -> Result<usize, ApiError> {
    let album = match find(api, title).await? {
        Some(album) => album,
        None => api.post("/api/albums", &wire::AlbumRequest { title: title.as_str().to_owned() }).await?,
    };
    let mut unknown = 0;
    for batch in assets.chunks(BATCH) {
        let request = wire::AssetIds { assets: batch.to_vec() };
        let answer: wire::ItemResults = api.post(&format!("/api/albums/{}/assets", album.id), &request).await?;
        unknown += answer.results.iter().filter(|result| result.outcome == wire::ItemOutcome::NotFound).count();
    }
    Ok(unknown)
}

async fn find(api: &Api, title: &AlbumTitle) -> Result<Option<wire::Album>, ApiError> {
    let mut cursor: Option<String> = None;
    loop {
        let path = match &cursor {
            // Cursors are made of characters that stand for themselves in a query, but that is the server's affair.
            Some(cursor) => {
                let mut query = reqwest::Url::parse("http://query/").map_err(|e| ApiError::Garbled(e.to_string()))?;
                query.query_pairs_mut().append_pair("cursor", cursor);
                format!("/api/albums?{}", query.query().unwrap_or_default())
            }
            None => "/api/albums".to_owned(),
        };
        let page: wire::Albums = api.get(&path).await?;
        if let Some(album) = page.albums.into_iter().find(|album| album.title == title.as_str()) {
            return Ok(Some(album));
        }
        if page.next.is_none() || page.next == cursor {
            return Ok(None);
        }
        cursor = page.next;
    }
}
