//! With whom an album is shared.

use axum::Json as Answer;
use axum::http::StatusCode;
use picup_app::album_member;
use picup_domain::{AlbumRole, Email};
use uuid::Uuid;

use crate::extract::{Allowed, Caller, ForClient, Json, Path, Read, Visiting};
use crate::problem::ApiError;
use crate::views::share as views;
use crate::wire::{AlbumMemberEdit, AlbumMemberRequest, AlbumMembers, Problem};

/// The members of an album.
#[utoipa::path(get, path = "/api/albums/{id}/members", operation_id = "album_members", params(("id" = Uuid, Path)),
    responses((status = 200, body = AlbumMembers), (status = 401, body = Problem), (status = 404, body = Problem)))]
pub(crate) async fn list(
    ForClient(app): ForClient,
    caller: Allowed<Read>,
    Path(id): Path<Uuid>,
) -> Result<Answer<AlbumMembers>, ApiError> {
    Ok(Answer(views::members(album_member::list(&app, caller.account, id.into()).await?)))
}

/// Shares an album with somebody who has an account here. For its managers; managers are chosen by its owner.
#[utoipa::path(post, path = "/api/albums/{id}/members", operation_id = "album_member_add",
    params(("id" = Uuid, Path)), request_body = AlbumMemberRequest,
    responses((status = 200, body = AlbumMembers), (status = 401, body = Problem),
        (status = 403, body = Problem, description = "The caller's role in the album does not reach so far"),
        (status = 404, body = Problem, description = "No such album, or nobody has this address"),
        (status = 409, body = Problem, description = "It is the owner's address, or there are 100 members"),
        (status = 422, body = Problem),
        (status = 429, body = Problem, description = "Too many addresses that nobody has; see Retry-After")))]
pub(crate) async fn add(
    ForClient(app): ForClient,
    Caller(by): Caller,
    Visiting(visitor): Visiting,
    Path(id): Path<Uuid>,
    Json(request): Json<AlbumMemberRequest>,
) -> Result<Answer<AlbumMembers>, ApiError> {
    let (email, role) = (Email::new(&request.email)?, AlbumRole::of_member(&request.role)?);
    let members = album_member::add(&app, by.account, id.into(), &email, role, &visitor).await?;
    Ok(Answer(views::members(members)))
}

/// Gives a member another role. For the album's managers; to and from manager, for its owner.
#[utoipa::path(patch, path = "/api/albums/{id}/members/{account}", operation_id = "album_member_edit",
    params(("id" = Uuid, Path), ("account" = Uuid, Path)), request_body = AlbumMemberEdit,
    responses((status = 200, body = AlbumMembers), (status = 401, body = Problem), (status = 403, body = Problem),
        (status = 404, body = Problem), (status = 422, body = Problem)))]
pub(crate) async fn change(
    ForClient(app): ForClient,
    Caller(by): Caller,
    Path((id, account)): Path<(Uuid, Uuid)>,
    Json(request): Json<AlbumMemberEdit>,
) -> Result<Answer<AlbumMembers>, ApiError> {
    let role = AlbumRole::of_member(&request.role)?;
    let members = album_member::change(&app, by.account, id.into(), account.into(), role).await?;
    Ok(Answer(views::members(members)))
}

/// Ends a membership, one's own or a member's, and takes that member's assets out of the album.
#[utoipa::path(delete, path = "/api/albums/{id}/members/{account}", operation_id = "album_member_remove",
    params(("id" = Uuid, Path), ("account" = Uuid, Path)),
    responses((status = 204, description = "The album is shown to them no more"), (status = 401, body = Problem),
        (status = 403, body = Problem), (status = 404, body = Problem)))]
pub(crate) async fn remove(
    ForClient(app): ForClient,
    Caller(by): Caller,
    Path((id, account)): Path<(Uuid, Uuid)>,
) -> Result<StatusCode, ApiError> {
    album_member::remove(&app, by.account, id.into(), account.into()).await?;
    Ok(StatusCode::NO_CONTENT)
}
