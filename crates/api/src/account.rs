//! The caller's own account.

use axum::Json as Answer;
use axum::extract::State;
use axum::http::StatusCode;
use picup_app::admin::Actor;
use picup_app::{App, account, deletion};
use picup_domain::Password;

use crate::extract::{Caller, Json};
use crate::problem::ApiError;
use crate::views;
use crate::wire::{Account, Deletion, DeletionRequest, Problem};

/// The caller's account and what of its quota is used.
#[utoipa::path(get, path = "/api/account", operation_id = "account",
    responses((status = 200, body = Account), (status = 401, body = Problem)))]
pub(crate) async fn fetch(State(app): State<App>, Caller(caller): Caller) -> Result<Answer<Account>, ApiError> {
    Ok(Answer(views::account(account::fetch(&app, caller.account).await?)))
}

/// Asks for the end of the caller's account: it is erased with all its bytes when the grace is over. Until then everything
/// can be seen and downloaded, and nothing more comes in.
#[utoipa::path(post, path = "/api/account/deletion", operation_id = "account_delete", request_body = DeletionRequest,
    responses((status = 202, body = Deletion), (status = 401, body = Problem, description = "Wrong password"),
        (status = 409, body = Problem, description = "It would leave no admin")))]
pub(crate) async fn delete(
    State(app): State<App>,
    Caller(caller): Caller,
    Json(request): Json<DeletionRequest>,
) -> Result<(StatusCode, Answer<Deletion>), ApiError> {
    let password = Password::attempt(&request.password)?;
    let after = deletion::request_own(&app, caller.account, &password).await?;
    Ok((StatusCode::ACCEPTED, Answer(Deletion { delete_after: views::moment(after) })))
}

/// Takes the end of the caller's account back.
#[utoipa::path(delete, path = "/api/account/deletion", operation_id = "account_keep",
    responses((status = 204, description = "It stays"), (status = 401, body = Problem),
        (status = 409, body = Problem, description = "The grace is over")))]
pub(crate) async fn keep(State(app): State<App>, Caller(caller): Caller) -> Result<StatusCode, ApiError> {
    deletion::take_back(&app, Actor::Account(caller.account), caller.account).await?;
    Ok(StatusCode::NO_CONTENT)
}
