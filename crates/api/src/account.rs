//! The caller's own account.

use axum::Json as Answer;
use axum::extract::State;
use picup_app::{App, account};

use crate::extract::Caller;
use crate::problem::ApiError;
use crate::views;
use crate::wire::{Account, Problem};

/// The caller's account and what of its quota is used.
#[utoipa::path(get, path = "/api/account", operation_id = "account",
    responses((status = 200, body = Account), (status = 401, body = Problem)))]
pub(crate) async fn fetch(State(app): State<App>, Caller(caller): Caller) -> Result<Answer<Account>, ApiError> {
    Ok(Answer(views::account(account::fetch(&app, caller.account).await?)))
}
