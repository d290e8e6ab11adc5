//! Albums, which Immich's uploaders find by their name.

use axum::Json as Answer;
use axum::http::StatusCode;
use picup_app::App;
use picup_app::album;
use picup_app::asset::Outcome;
use picup_domain::{AccountId, AlbumId, AlbumRole, AlbumTitle, AssetId};
use uuid::Uuid;

use super::wire::{Album, AlbumRequest, IdResult, Ids};
use crate::extract::{Allowed, Edit, ForClient, Json, Path, Read, Upload};
use crate::problem::ApiError;

/// How many albums are read at a time.
const PAGE: u32 = 500;
/// How many assets are added in one transaction.
const ADDED_AT_ONCE: usize = 1_000;

/// All of the caller's own albums: Immich's answer has no pages.
pub(super) async fn list(
    ForClient(app): ForClient,
    caller: Allowed<(Upload, Read)>,
) -> Result<Answer<Vec<Album>>, ApiError> {
    let mut albums = Vec::new();
    let mut cursor = None;
    loop {
        let page = album::list(&app, caller.account, cursor.as_deref(), PAGE).await?;
        // Uploaders go by the title: an album of somebody else's is not taken for one's own.
        let own = |album: &album::Album| album.row.role == AlbumRole::Owner;
        albums.extend(page.albums.into_iter().filter(own).map(view));
        cursor = page.next;
        if cursor.is_none() {
            return Ok(Answer(albums));
        }
    }
}

pub(super) async fn create(
    ForClient(app): ForClient,
    caller: Allowed<(Upload, Edit)>,
    Json(request): Json<AlbumRequest>,
) -> Result<(StatusCode, Answer<Album>), ApiError> {
    let made = album::create(&app, caller.account, AlbumTitle::new(&request.album_name)?).await?;
    let added = add_all(&app, caller.account, made.row.id, &request.asset_ids).await?;
    let asset_count = added.iter().filter(|added| added.success).count() as u64;
    Ok((StatusCode::CREATED, Answer(Album { asset_count, ..view(made) })))
}

pub(super) async fn add(
    ForClient(app): ForClient,
    caller: Allowed<(Upload, Edit)>,
    Path(id): Path<Uuid>,
    Json(request): Json<Ids>,
) -> Result<Answer<Vec<IdResult>>, ApiError> {
    album::fetch(&app, caller.account, id.into()).await?;
    Ok(Answer(add_all(&app, caller.account, id.into(), &request.ids).await?))
}

async fn add_all(app: &App, owner: AccountId, id: AlbumId, assets: &[Uuid]) -> Result<Vec<IdResult>, ApiError> {
    let mut results = Vec::with_capacity(assets.len());
    for some in assets.chunks(ADDED_AT_ONCE) {
        let some: Vec<AssetId> = some.iter().copied().map(Into::into).collect();
        let added = album::add(app, owner, id, &some).await?;
        results.extend(added.into_iter().map(|(asset, outcome)| IdResult {
            id: asset.to_string(),
            success: outcome == Outcome::Done,
            error: match outcome {
                Outcome::Done => None,
                Outcome::Unchanged => Some("duplicate"),
                Outcome::NotFound | Outcome::NotTrashed => Some("not_found"),
            },
        }));
    }
    Ok(results)
}

fn view(album: album::Album) -> Album {
    let row = album.row;
    Album { id: row.id.to_string(), album_name: row.title.as_str().to_owned(), asset_count: row.asset_count }
}
