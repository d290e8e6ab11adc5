//! One asset.

use axum::Json as Answer;
use picup_app::asset;
use picup_app::edit::{Edit as Change, edit};
use picup_domain::{CaptureTime, Description};
use uuid::Uuid;

use crate::extract::{Allowed, Edit, ForClient, Json, Path, Read, Upload, named};
use crate::problem::ApiError;
use crate::views;
use crate::wire::{Asset, AssetEdit, AssetIds, AssetStates, Problem};

/// All that is known of one asset.
#[utoipa::path(get, path = "/api/assets/{id}", operation_id = "asset", params(("id" = Uuid, Path)),
    responses((status = 200, body = Asset), (status = 401, body = Problem), (status = 404, body = Problem)))]
pub(crate) async fn fetch(
    ForClient(app): ForClient,
    caller: Allowed<Read>,
    Path(id): Path<Uuid>,
) -> Result<Answer<Asset>, ApiError> {
    Ok(Answer(views::asset(asset::fetch(&app, caller.account, id.into()).await?)))
}

/// Changes what its owner may say of an asset outside the trash. A time of capture that is given counts more than the file's
/// own, and moves the asset to its day.
#[utoipa::path(patch, path = "/api/assets/{id}", operation_id = "asset_edit", params(("id" = Uuid, Path)),
    request_body = AssetEdit,
    responses((status = 200, body = Asset), (status = 401, body = Problem), (status = 404, body = Problem),
        (status = 409, body = Problem), (status = 422, body = Problem)))]
pub(crate) async fn change(
    ForClient(app): ForClient,
    caller: Allowed<Edit>,
    Path(id): Path<Uuid>,
    Json(request): Json<AssetEdit>,
) -> Result<Answer<Asset>, ApiError> {
    let description = |text: Option<String>| Description::new(&text.unwrap_or_default());
    let captured = request.captured.map(|captured| CaptureTime::edited(&captured.local, captured.offset_minutes));
    let change = Change {
        favourite: request.favourite,
        description: request.description.map(description).transpose()?,
        capture: captured.transpose()?,
    };
    Ok(Answer(views::asset(edit(&app, caller.account, id.into(), &change).await?)))
}

/// How far assets have come: for whoever has sent them and waits until they are verified.
#[utoipa::path(post, path = "/api/assets/states", operation_id = "assets_states", request_body = AssetIds,
    responses((status = 200, body = AssetStates), (status = 401, body = Problem), (status = 422, body = Problem)))]
pub(crate) async fn states(
    ForClient(app): ForClient,
    caller: Allowed<(Upload, Read)>,
    Json(request): Json<AssetIds>,
) -> Result<Answer<AssetStates>, ApiError> {
    let standings = asset::standings(&app, caller.account, &named(request.assets)?).await?;
    Ok(Answer(AssetStates { states: standings.into_iter().map(views::standing).collect() }))
}
