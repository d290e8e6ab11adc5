//! Links that let somebody in: made by an admin, used by whoever holds them.

use axum::Json as Answer;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use picup_app::admin::Actor;
use picup_app::invitation::{self, Choice, NewInvitation, USUAL_DAYS};
use picup_domain::{AccountRole, ByteSize, DisplayName, Email, Password};
use uuid::Uuid;

use crate::extract::{Admin, ForClient, Json, Path, Visiting};
use crate::problem::ApiError;
use crate::session::opened;
use crate::views;
use crate::wire::{
    InvitationAcceptance, InvitationLook, InvitationMade, InvitationRequest, InvitationToken, Invitations, Problem,
    Session,
};

/// The links that can still be used, the next to end first.
#[utoipa::path(get, path = "/api/admin/invitations", operation_id = "admin_invitations",
    responses((status = 200, body = Invitations), (status = 401, body = Problem), (status = 403, body = Problem)))]
pub(crate) async fn list(ForClient(app): ForClient, _admin: Admin) -> Result<Answer<Invitations>, ApiError> {
    let rows = invitation::list(&app).await?;
    Ok(Answer(Invitations { invitations: rows.into_iter().map(views::invitation).collect() }))
}

/// Invites somebody: makes a link that makes one account.
#[utoipa::path(post, path = "/api/admin/invitations", operation_id = "admin_invite", request_body = InvitationRequest,
    responses((status = 201, body = InvitationMade), (status = 401, body = Problem), (status = 403, body = Problem),
        (status = 409, body = Problem, description = "The address has an account"), (status = 422, body = Problem)))]
pub(crate) async fn invite(
    ForClient(app): ForClient,
    Admin(by): Admin,
    Json(request): Json<InvitationRequest>,
) -> Result<(StatusCode, Answer<InvitationMade>), ApiError> {
    let new = NewInvitation {
        email: request.email.as_deref().map(Email::new).transpose()?,
        role: request.role.as_deref().map_or(Ok(AccountRole::Member), AccountRole::parse)?,
        quota: request.quota_bytes.map(ByteSize::new).transpose()?,
        days: request.days.unwrap_or(USUAL_DAYS),
    };
    let made = invitation::invite(&app, Actor::Account(by.account), new).await?;
    Ok((StatusCode::CREATED, Answer(views::invitation_made(made))))
}

/// Withdraws a link that was not used.
#[utoipa::path(delete, path = "/api/admin/invitations/{id}", operation_id = "admin_invitation_withdraw",
    params(("id" = Uuid, Path)),
    responses((status = 204, description = "It opens nothing any more"), (status = 401, body = Problem),
        (status = 403, body = Problem), (status = 404, body = Problem)))]
pub(crate) async fn withdraw(
    ForClient(app): ForClient,
    Admin(by): Admin,
    Path(id): Path<Uuid>,
) -> Result<StatusCode, ApiError> {
    invitation::withdraw(&app, Actor::Account(by.account), id.into()).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// What a link is for. Looking does not use it up.
#[utoipa::path(post, path = "/api/invitations/look", operation_id = "invitation_look", request_body = InvitationToken,
    responses((status = 200, body = InvitationLook),
        (status = 404, body = Problem, description = "Used, withdrawn, over, or never was"),
        (status = 429, body = Problem, description = "Too many wrong attempts; see Retry-After")))]
pub(crate) async fn look(
    ForClient(app): ForClient,
    Visiting(visitor): Visiting,
    Json(request): Json<InvitationToken>,
) -> Result<Answer<InvitationLook>, ApiError> {
    Ok(Answer(views::invitation_look(invitation::look(&app, &request.token, &visitor).await?)))
}

/// Uses a link, once: makes the account, or sets the password and ends the account's other sessions; then opens a session.
#[utoipa::path(post, path = "/api/invitations/accept", operation_id = "invitation_accept",
    request_body = InvitationAcceptance,
    responses((status = 201, body = Session),
        (status = 404, body = Problem, description = "Used, withdrawn, over, or never was"),
        (status = 409, body = Problem, description = "The address has an account"),
        (status = 422, body = Problem, description = "A value is not acceptable; the link can still be used"),
        (status = 429, body = Problem, description = "Too many wrong attempts; see Retry-After")))]
pub(crate) async fn accept(
    ForClient(app): ForClient,
    Visiting(visitor): Visiting,
    Json(request): Json<InvitationAcceptance>,
) -> Result<Response, ApiError> {
    let choice = Choice {
        email: request.email.as_deref().map(Email::new).transpose()?,
        name: request.name.as_deref().map(DisplayName::new).transpose()?,
        password: Password::new(&request.password)?,
    };
    let session = invitation::accept(&app, &request.token, choice, &visitor).await?;
    Ok((StatusCode::CREATED, opened(&app, session, request.client)).into_response())
}
