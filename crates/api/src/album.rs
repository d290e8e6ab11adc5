//! Albums.

use axum::Json as Answer;
use axum::http::StatusCode;
use picup_app::album;
use picup_app::album::Change;
use picup_domain::{AlbumTitle, AssetId};
use uuid::Uuid;

use crate::extract::{Allowed, Edit, ForClient, Json, Path, Query, Read, Upload, named};
use crate::problem::ApiError;
use crate::views;
use crate::wire::{
    Album, AlbumEdit, AlbumOrder, AlbumRequest, Albums, AssetColumns, AssetIds, ItemResults, PageQuery, Problem,
};

/// The caller's albums, newest first.
#[utoipa::path(get, path = "/api/albums", operation_id = "albums", params(PageQuery),
    responses((status = 200, body = Albums), (status = 401, body = Problem), (status = 422, body = Problem)))]
pub(crate) async fn list(
    ForClient(app): ForClient,
    caller: Allowed<(Upload, Read)>,
    Query(query): Query<PageQuery>,
) -> Result<Answer<Albums>, ApiError> {
    let limit = views::limit(query.limit)?;
    let page = album::list(&app, caller.account, query.cursor.as_deref(), limit).await?;
    Ok(Answer(Albums { albums: page.albums.into_iter().map(views::album).collect(), next: page.next }))
}

/// Makes an album.
#[utoipa::path(post, path = "/api/albums", operation_id = "album_create", request_body = AlbumRequest,
    responses((status = 201, body = Album), (status = 401, body = Problem), (status = 422, body = Problem)))]
pub(crate) async fn create(
    ForClient(app): ForClient,
    caller: Allowed<(Upload, Edit)>,
    Json(request): Json<AlbumRequest>,
) -> Result<(StatusCode, Answer<Album>), ApiError> {
    let album = album::create(&app, caller.account, AlbumTitle::new(&request.title)?).await?;
    Ok((StatusCode::CREATED, Answer(views::album(album))))
}

/// One album.
#[utoipa::path(get, path = "/api/albums/{id}", operation_id = "album", params(("id" = Uuid, Path)),
    responses((status = 200, body = Album), (status = 401, body = Problem), (status = 404, body = Problem)))]
pub(crate) async fn fetch(
    ForClient(app): ForClient,
    caller: Allowed<Read>,
    Path(id): Path<Uuid>,
) -> Result<Answer<Album>, ApiError> {
    Ok(Answer(views::album(album::fetch(&app, caller.account, id.into()).await?)))
}

/// Changes an album's title or cover. For its managers.
#[utoipa::path(patch, path = "/api/albums/{id}", operation_id = "album_edit", params(("id" = Uuid, Path)),
    request_body = AlbumEdit,
    responses((status = 200, body = Album), (status = 401, body = Problem), (status = 403, body = Problem, description = "The caller's role in the album does not reach so far"),
        (status = 404, body = Problem),
        (status = 422, body = Problem)))]
pub(crate) async fn change(
    ForClient(app): ForClient,
    caller: Allowed<Edit>,
    Path(id): Path<Uuid>,
    Json(request): Json<AlbumEdit>,
) -> Result<Answer<Album>, ApiError> {
    let change = Change {
        title: request.title.as_deref().map(AlbumTitle::new).transpose()?,
        cover: request.cover.map(|cover| cover.map(AssetId::from)),
    };
    Ok(Answer(views::album(album::change(&app, caller.account, id.into(), &change).await?)))
}

/// Deletes an album. Its assets stay in the timeline. For its owner.
#[utoipa::path(delete, path = "/api/albums/{id}", operation_id = "album_delete", params(("id" = Uuid, Path)),
    responses((status = 204, description = "Deleted"), (status = 401, body = Problem), (status = 403, body = Problem, description = "The caller's role in the album does not reach so far"),
        (status = 404, body = Problem)))]
pub(crate) async fn delete(
    ForClient(app): ForClient,
    caller: Allowed<Edit>,
    Path(id): Path<Uuid>,
) -> Result<StatusCode, ApiError> {
    album::delete(&app, caller.account, id.into()).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// An album's assets, in its order: as they were added, unless they were put into another.
#[utoipa::path(get, path = "/api/albums/{id}/assets", operation_id = "album_assets",
    params(("id" = Uuid, Path), PageQuery),
    responses((status = 200, body = AssetColumns), (status = 401, body = Problem), (status = 404, body = Problem),
        (status = 422, body = Problem)))]
pub(crate) async fn assets(
    ForClient(app): ForClient,
    caller: Allowed<Read>,
    Path(id): Path<Uuid>,
    Query(query): Query<PageQuery>,
) -> Result<Answer<AssetColumns>, ApiError> {
    let limit = views::limit(query.limit)?;
    let assets = album::assets(&app, caller.account, id.into(), query.cursor.as_deref(), limit).await?;
    Ok(Answer(views::columns_of_many(assets)))
}

/// Adds assets to an album. For its contributors.
#[utoipa::path(post, path = "/api/albums/{id}/assets", operation_id = "album_add", params(("id" = Uuid, Path)),
    request_body = AssetIds,
    responses((status = 200, body = ItemResults), (status = 401, body = Problem), (status = 403, body = Problem, description = "The caller's role in the album does not reach so far"),
        (status = 404, body = Problem),
        (status = 422, body = Problem)))]
pub(crate) async fn add(
    ForClient(app): ForClient,
    caller: Allowed<(Upload, Edit)>,
    Path(id): Path<Uuid>,
    Json(request): Json<AssetIds>,
) -> Result<Answer<ItemResults>, ApiError> {
    let assets = named(request.assets)?;
    Ok(Answer(views::items(album::add(&app, caller.account, id.into(), &assets).await?)))
}

/// Takes assets out of an album. They stay in the timeline. For its contributors, their own; for its managers, all.
#[utoipa::path(post, path = "/api/albums/{id}/assets/remove", operation_id = "album_remove",
    params(("id" = Uuid, Path)), request_body = AssetIds,
    responses((status = 200, body = ItemResults), (status = 401, body = Problem), (status = 403, body = Problem, description = "The caller's role in the album does not reach so far"),
        (status = 404, body = Problem),
        (status = 422, body = Problem)))]
pub(crate) async fn remove(
    ForClient(app): ForClient,
    caller: Allowed<Edit>,
    Path(id): Path<Uuid>,
    Json(request): Json<AssetIds>,
) -> Result<Answer<ItemResults>, ApiError> {
    let assets = named(request.assets)?;
    Ok(Answer(views::items(album::remove(&app, caller.account, id.into(), &assets).await?)))
}

/// Moves assets of an album, in the order given, right before another one of it, or to its end. For its managers.
#[utoipa::path(post, path = "/api/albums/{id}/order", operation_id = "album_order", params(("id" = Uuid, Path)),
    request_body = AlbumOrder,
    responses((status = 200, body = ItemResults), (status = 401, body = Problem), (status = 403, body = Problem, description = "The caller's role in the album does not reach so far"),
        (status = 404, body = Problem),
        (status = 422, body = Problem)))]
pub(crate) async fn order(
    ForClient(app): ForClient,
    caller: Allowed<Edit>,
    Path(id): Path<Uuid>,
    Json(request): Json<AlbumOrder>,
) -> Result<Answer<ItemResults>, ApiError> {
    let (assets, before) = (named(request.assets)?, request.before.map(AssetId::from));
    Ok(Answer(views::items(album::order(&app, caller.account, id.into(), &assets, before).await?)))
}
