//! First run: whoever holds the printed link makes the first account, once.

use axum::Json as Answer;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use picup_app::account::NewAccount;
use picup_app::setup;
use picup_domain::{AccountRole, DisplayName, Email, Password};

use crate::extract::{ForClient, Json, Visiting};
use crate::problem::ApiError;
use crate::session::opened;
use crate::wire::{Problem, Session, Setup, SetupRequest};

/// Whether the first account is still to be made.
#[utoipa::path(get, path = "/api/setup", operation_id = "setup_status",
    responses((status = 200, body = Setup)))]
pub(crate) async fn status(ForClient(app): ForClient) -> Result<Answer<Setup>, ApiError> {
    Ok(Answer(Setup { open: setup::is_open(&app).await? }))
}

/// Makes the first account, an admin, and signs it in.
#[utoipa::path(post, path = "/api/setup", operation_id = "setup_complete", request_body = SetupRequest,
    responses(
        (status = 201, body = Session),
        (status = 403, body = Problem, description = "Not the newest link"),
        (status = 409, body = Problem, description = "Set up already"),
        (status = 422, body = Problem, description = "A value is not acceptable"),
        (status = 429, body = Problem, description = "Too many wrong attempts; see Retry-After")))]
pub(crate) async fn complete(
    ForClient(app): ForClient,
    Visiting(visitor): Visiting,
    Json(request): Json<SetupRequest>,
) -> Result<Response, ApiError> {
    let account = NewAccount {
        email: Email::new(&request.email)?,
        name: DisplayName::new(&request.name)?,
        password: Password::new(&request.password)?,
        role: AccountRole::Admin,
        quota: None,
    };
    let session = setup::complete(&app, &request.code, account, &visitor).await?;
    Ok((StatusCode::CREATED, opened(&app, session, request.client)).into_response())
}
