//! One asset.

use axum::Json as Answer;
use axum::extract::State;
use picup_app::{App, asset};
use uuid::Uuid;

use crate::extract::{Allowed, Path, Read};
use crate::problem::ApiError;
use crate::views;
use crate::wire::{Asset, Problem};

/// All that is known of one asset.
#[utoipa::path(get, path = "/api/assets/{id}", operation_id = "asset", params(("id" = Uuid, Path)),
    responses((status = 200, body = Asset), (status = 401, body = Problem), (status = 404, body = Problem)))]
pub(crate) async fn fetch(
    State(app): State<App>,
    caller: Allowed<Read>,
    Path(id): Path<Uuid>,
) -> Result<Answer<Asset>, ApiError> {
    Ok(Answer(views::asset(asset::fetch(&app, caller.account, id.into()).await?)))
}
