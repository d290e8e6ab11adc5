//! What an administrator does to accounts.

use axum::Json as Answer;
use axum::http::StatusCode;
use picup_app::admin::{self, Actor, Changes, Listed};
use picup_app::deletion::{self, When};
use picup_app::invitation;
use picup_domain::{AccountRole, ByteSize, DisplayName};
use uuid::Uuid;

use crate::extract::{Admin, ForClient, Json, Path};
use crate::problem::ApiError;
use crate::views;
use crate::wire::{AdminAccount, AdminAccountRequest, AdminAccounts, Deletion, InvitationMade, Problem};

/// All accounts, by address.
#[utoipa::path(get, path = "/api/admin/accounts", operation_id = "admin_accounts",
    responses((status = 200, body = AdminAccounts), (status = 401, body = Problem), (status = 403, body = Problem)))]
pub(crate) async fn list(ForClient(app): ForClient, _admin: Admin) -> Result<Answer<AdminAccounts>, ApiError> {
    let accounts = admin::list(&app).await?;
    Ok(Answer(AdminAccounts { accounts: accounts.into_iter().map(views::admin_account).collect() }))
}

/// Changes an account. The last admin can be neither demoted nor disabled.
#[utoipa::path(patch, path = "/api/admin/accounts/{id}", operation_id = "admin_account_update",
    params(("id" = Uuid, Path)), request_body = AdminAccountRequest,
    responses((status = 200, body = AdminAccount), (status = 401, body = Problem), (status = 403, body = Problem),
        (status = 404, body = Problem), (status = 409, body = Problem, description = "It would leave no admin"),
        (status = 422, body = Problem)))]
pub(crate) async fn update(
    ForClient(app): ForClient,
    Admin(by): Admin,
    Path(id): Path<Uuid>,
    Json(request): Json<AdminAccountRequest>,
) -> Result<Answer<AdminAccount>, ApiError> {
    let quota = |bytes: Option<u64>| bytes.map(ByteSize::new).transpose();
    let changes = Changes {
        name: request.name.as_deref().map(DisplayName::new).transpose()?,
        role: request.role.as_deref().map(AccountRole::parse).transpose()?,
        quota: request.quota_bytes.map(quota).transpose()?,
        disabled: request.disabled,
    };
    let account = admin::update(&app, Actor::Account(by.account), id.into(), changes).await?;
    let last_seen = admin::last_seen(&app, account.id).await?;
    Ok(Answer(views::admin_account(Listed { account, last_seen })))
}

/// Asks for the end of an account: it is erased with all its bytes when the grace is over. Asked again, the first time stands.
#[utoipa::path(post, path = "/api/admin/accounts/{id}/deletion", operation_id = "admin_account_delete",
    params(("id" = Uuid, Path)),
    responses((status = 202, body = Deletion), (status = 401, body = Problem), (status = 403, body = Problem),
        (status = 404, body = Problem), (status = 409, body = Problem, description = "It would leave no admin")))]
pub(crate) async fn delete(
    ForClient(app): ForClient,
    Admin(by): Admin,
    Path(id): Path<Uuid>,
) -> Result<(StatusCode, Answer<Deletion>), ApiError> {
    let after = deletion::request(&app, Actor::Account(by.account), id.into(), When::AfterGrace).await?;
    Ok((StatusCode::ACCEPTED, Answer(Deletion { delete_after: views::moment(after) })))
}

/// Takes the end of an account back.
#[utoipa::path(delete, path = "/api/admin/accounts/{id}/deletion", operation_id = "admin_account_keep",
    params(("id" = Uuid, Path)),
    responses((status = 204, description = "It stays"), (status = 401, body = Problem), (status = 403, body = Problem),
        (status = 404, body = Problem), (status = 409, body = Problem, description = "The grace is over")))]
pub(crate) async fn keep(
    ForClient(app): ForClient,
    Admin(by): Admin,
    Path(id): Path<Uuid>,
) -> Result<StatusCode, ApiError> {
    deletion::take_back(&app, Actor::Account(by.account), id.into()).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Makes a link that sets a new password for an account; it holds for a day and voids the one before it.
#[utoipa::path(post, path = "/api/admin/accounts/{id}/password-link", operation_id = "admin_password_link",
    params(("id" = Uuid, Path)),
    responses((status = 201, body = InvitationMade), (status = 401, body = Problem), (status = 403, body = Problem),
        (status = 404, body = Problem), (status = 409, body = Problem, description = "The account is disabled")))]
pub(crate) async fn password_link(
    ForClient(app): ForClient,
    Admin(by): Admin,
    Path(id): Path<Uuid>,
) -> Result<(StatusCode, Answer<InvitationMade>), ApiError> {
    let made = invitation::password_link(&app, Actor::Account(by.account), id.into()).await?;
    Ok((StatusCode::CREATED, Answer(views::invitation_made(made))))
}
