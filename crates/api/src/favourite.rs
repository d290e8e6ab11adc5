//! Favourites.

use axum::Json as Answer;
use picup_app::favourite;

use crate::extract::{Allowed, Edit, ForClient, Json, Query, Read, named};
use crate::problem::ApiError;
use crate::views;
use crate::wire::{AssetColumns, FavouriteRequest, ItemResults, PageQuery, Problem};

/// Makes assets favourites, or no longer. Those in the trash are not there.
#[utoipa::path(post, path = "/api/assets/favourite", operation_id = "assets_favourite", request_body = FavouriteRequest,
    responses((status = 200, body = ItemResults), (status = 401, body = Problem), (status = 422, body = Problem)))]
pub(crate) async fn set(
    ForClient(app): ForClient,
    caller: Allowed<Edit>,
    Json(request): Json<FavouriteRequest>,
) -> Result<Answer<ItemResults>, ApiError> {
    let assets = named(request.assets)?;
    Ok(Answer(views::items(favourite::set(&app, caller.account, &assets, request.favourite).await?)))
}

/// The favourites, newest first by when they were taken.
#[utoipa::path(get, path = "/api/favourites", operation_id = "favourites", params(PageQuery),
    responses((status = 200, body = AssetColumns), (status = 401, body = Problem), (status = 422, body = Problem)))]
pub(crate) async fn list(
    ForClient(app): ForClient,
    caller: Allowed<Read>,
    Query(query): Query<PageQuery>,
) -> Result<Answer<AssetColumns>, ApiError> {
    let limit = views::limit(query.limit)?;
    Ok(Answer(views::columns(favourite::list(&app, caller.account, query.cursor.as_deref(), limit).await?)))
}
