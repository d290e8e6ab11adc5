//! The trash. An API key may put assets there and take them back; only a person deletes for ever.

use axum::Json as Answer;
use axum::http::StatusCode;
use picup_app::trash;

use crate::caller::{Allowed, Caller, Edit, Read};
use crate::extract::{ForClient, Json, Query, named};
use crate::problem::ApiError;
use crate::views;
use crate::wire::{AssetColumns, AssetIds, ItemResults, PageQuery, Problem, TrashEmptied, TrashSummary};

/// Puts assets into the trash. They leave the timeline and the albums, count against the quota, and can be taken back until
/// their time is over.
#[utoipa::path(post, path = "/api/assets/trash", operation_id = "assets_trash", request_body = AssetIds,
    responses((status = 200, body = ItemResults), (status = 401, body = Problem), (status = 422, body = Problem)))]
pub(crate) async fn put(
    ForClient(app): ForClient,
    caller: Allowed<Edit>,
    Json(request): Json<AssetIds>,
) -> Result<Answer<ItemResults>, ApiError> {
    Ok(Answer(views::items(trash::put(&app, caller.account, &named(request.assets)?).await?)))
}

/// Takes assets out of the trash, back to their days and albums.
#[utoipa::path(post, path = "/api/assets/restore", operation_id = "assets_restore", request_body = AssetIds,
    responses((status = 200, body = ItemResults), (status = 401, body = Problem), (status = 422, body = Problem)))]
pub(crate) async fn restore(
    ForClient(app): ForClient,
    caller: Allowed<Edit>,
    Json(request): Json<AssetIds>,
) -> Result<Answer<ItemResults>, ApiError> {
    Ok(Answer(views::items(trash::restore(&app, caller.account, &named(request.assets)?).await?)))
}

/// Deletes assets for ever. Only those that are in the trash.
#[utoipa::path(post, path = "/api/assets/delete", operation_id = "assets_delete", request_body = AssetIds,
    responses((status = 200, body = ItemResults), (status = 401, body = Problem), (status = 403, body = Problem),
        (status = 422, body = Problem)))]
pub(crate) async fn delete(
    ForClient(app): ForClient,
    Caller(caller): Caller,
    Json(request): Json<AssetIds>,
) -> Result<Answer<ItemResults>, ApiError> {
    Ok(Answer(views::items(trash::delete(&app, caller.account, &named(request.assets)?).await?)))
}

/// What is in the trash, last put there first.
#[utoipa::path(get, path = "/api/trash", operation_id = "trash", params(PageQuery),
    responses((status = 200, body = AssetColumns), (status = 401, body = Problem), (status = 422, body = Problem)))]
pub(crate) async fn list(
    ForClient(app): ForClient,
    caller: Allowed<Read>,
    Query(query): Query<PageQuery>,
) -> Result<Answer<AssetColumns>, ApiError> {
    let limit = views::limit(query.limit)?;
    let listed = trash::list(&app, caller.account, query.cursor.as_deref(), limit).await?;
    Ok(Answer(AssetColumns { days_left: listed.days_left, ..views::columns(listed.page) }))
}

/// How many assets lie in the trash, what they take, and for how long they stay.
#[utoipa::path(get, path = "/api/trash/summary", operation_id = "trash_summary",
    responses((status = 200, body = TrashSummary), (status = 401, body = Problem)))]
pub(crate) async fn summary(
    ForClient(app): ForClient,
    caller: Allowed<Read>,
) -> Result<Answer<TrashSummary>, ApiError> {
    let trash::Summary { count, bytes, days } = trash::summary(&app, caller.account).await?;
    Ok(Answer(TrashSummary { count, bytes: bytes.get(), days }))
}

/// Deletes for ever what is in the trash at this moment, in the background.
#[utoipa::path(delete, path = "/api/trash", operation_id = "trash_empty",
    responses((status = 202, body = TrashEmptied), (status = 401, body = Problem), (status = 403, body = Problem)))]
pub(crate) async fn empty(
    ForClient(app): ForClient,
    Caller(caller): Caller,
) -> Result<(StatusCode, Answer<TrashEmptied>), ApiError> {
    let count = trash::empty(&app, caller.account).await?;
    Ok((StatusCode::ACCEPTED, Answer(TrashEmptied { count })))
}
