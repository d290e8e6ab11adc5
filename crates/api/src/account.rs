//! The caller's own account.

use axum::Json as Answer;
use axum::http::StatusCode;
use picup_app::account::Profile;
use picup_app::admin::Actor;
use picup_app::{Error, account, backup, deletion};
use picup_domain::{DisplayName, Email, Password};

use crate::extract::{Allowed, Caller, ForClient, Json, Read, Upload, Visiting};
use crate::problem::ApiError;
use crate::views;
use crate::wire::{Account, AccountChange, Deletion, DeletionRequest, PasswordChange, Problem};

/// The caller's account and what of its quota is used.
#[utoipa::path(get, path = "/api/account", operation_id = "account",
    responses((status = 200, body = Account), (status = 401, body = Problem), (status = 403, body = Problem)))]
pub(crate) async fn fetch(
    ForClient(app): ForClient,
    caller: Allowed<(Upload, Read)>,
) -> Result<Answer<Account>, ApiError> {
    let account = account::fetch(&app, caller.account).await?;
    Ok(Answer(views::account(account, backup::assurance(&app).await?)))
}

/// Asks for the end of the caller's account: it is erased with all its bytes when the grace is over. Until then everything
/// can be seen and downloaded, and nothing more comes in.
#[utoipa::path(post, path = "/api/account/deletion", operation_id = "account_delete", request_body = DeletionRequest,
    responses((status = 202, body = Deletion), (status = 401, body = Problem, description = "Wrong password"),
        (status = 409, body = Problem, description = "It would leave no admin")))]
pub(crate) async fn delete(
    ForClient(app): ForClient,
    Caller(caller): Caller,
    Visiting(visitor): Visiting,
    Json(request): Json<DeletionRequest>,
) -> Result<(StatusCode, Answer<Deletion>), ApiError> {
    let password = current(&request.password)?;
    let after = deletion::request_own(&app, caller.account, &password, &visitor).await?;
    Ok((StatusCode::ACCEPTED, Answer(Deletion { delete_after: views::moment(after) })))
}

/// Takes the end of the caller's account back.
#[utoipa::path(delete, path = "/api/account/deletion", operation_id = "account_keep",
    responses((status = 204, description = "It stays"), (status = 401, body = Problem),
        (status = 409, body = Problem, description = "The grace is over")))]
pub(crate) async fn keep(ForClient(app): ForClient, Caller(caller): Caller) -> Result<StatusCode, ApiError> {
    deletion::take_back(&app, Actor::Account(caller.account), caller.account).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Changes the caller's name or address. A new address wants the current password.
#[utoipa::path(patch, path = "/api/account", operation_id = "account_change", request_body = AccountChange,
    responses((status = 200, body = Account),
        (status = 401, body = Problem, description = "Not signed in, or the password is wrong"), (status = 403, body = Problem),
        (status = 409, body = Problem, description = "Another account has the address"), (status = 422, body = Problem),
        (status = 429, body = Problem, description = "Too many wrong attempts; see Retry-After")))]
pub(crate) async fn change(
    ForClient(app): ForClient,
    Caller(caller): Caller,
    Visiting(visitor): Visiting,
    Json(request): Json<AccountChange>,
) -> Result<Answer<Account>, ApiError> {
    let profile = Profile {
        name: request.name.as_deref().map(DisplayName::new).transpose()?,
        email: request.email.as_deref().map(Email::new).transpose()?,
        password: request.password.as_deref().map(current).transpose()?,
    };
    let account = account::change(&app, caller.account, profile, &visitor).await?;
    Ok(Answer(views::account(account, backup::assurance(&app).await?)))
}

/// Changes the caller's password. All its other sessions end, within 5 minutes; API keys stay.
#[utoipa::path(post, path = "/api/account/password", operation_id = "password_change", request_body = PasswordChange,
    responses((status = 204, description = "Changed"),
        (status = 401, body = Problem, description = "Not signed in, or the current password is wrong"),
        (status = 403, body = Problem), (status = 422, body = Problem),
        (status = 429, body = Problem, description = "Too many wrong attempts; see Retry-After")))]
pub(crate) async fn change_password(
    ForClient(app): ForClient,
    Caller(caller): Caller,
    Visiting(visitor): Visiting,
    Json(request): Json<PasswordChange>,
) -> Result<StatusCode, ApiError> {
    let new = Password::new(&request.new)?;
    account::change_password(&app, &caller, &current(&request.current)?, &new, &visitor).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// A password that proves the caller; an impossible one is simply wrong.
pub(crate) fn current(text: &str) -> Result<Password, Error> {
    Password::attempt(text).map_err(|_| Error::WrongCredentials)
}
