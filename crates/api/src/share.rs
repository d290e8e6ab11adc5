//! Share links: made by people with an account, opened by anybody who has one.

use axum::Json as Answer;
use axum::extract::FromRequestParts;
use axum::http::StatusCode;
use axum::http::request::Parts;
use picup_app::share::{self, Change, End, New, What};
use picup_app::{App, Error};
use picup_domain::{Invalid, Password, Timestamp};
use uuid::Uuid;

use crate::extract::{Caller, ForClient, Json, Path, Query, Visiting, bearer, named};
use crate::problem::ApiError;
use crate::views;
use crate::wire::{
    AssetColumns, PageQuery, Problem, ShareLink, ShareLinkEdit, ShareLinkRequest, ShareLinks, ShareLinksQuery,
    ShareOpenRequest, ShareOpened, SharedAsset,
};

/// What a share link gave to whoever opened it, unchecked.
pub(crate) struct OpenedLink(String);

impl FromRequestParts<App> for OpenedLink {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<Self, ApiError> {
        Ok(Self(bearer(&parts.headers).ok_or(Error::LinkOver)?.to_owned()))
    }
}

/// The links that the caller has made; or those to an album that the caller manages.
#[utoipa::path(get, path = "/api/share-links", operation_id = "share_links", params(ShareLinksQuery),
    responses((status = 200, body = ShareLinks), (status = 401, body = Problem), (status = 403, body = Problem),
        (status = 404, body = Problem)))]
pub(crate) async fn list(
    ForClient(app): ForClient,
    Caller(by): Caller,
    Query(query): Query<ShareLinksQuery>,
) -> Result<Answer<ShareLinks>, ApiError> {
    let links = share::list(&app, by.account, query.album.map(Into::into)).await?;
    Ok(Answer(ShareLinks { links: links.into_iter().map(views::share::link).collect() }))
}

/// Makes a link that shows an album, or assets of the caller's, to whoever has it.
#[utoipa::path(post, path = "/api/share-links", operation_id = "share_link_make", request_body = ShareLinkRequest,
    responses((status = 201, body = ShareLink), (status = 401, body = Problem),
        (status = 403, body = Problem, description = "The caller does not manage the album"),
        (status = 404, body = Problem), (status = 409, body = Problem, description = "There are 1,000 links"),
        (status = 422, body = Problem)))]
pub(crate) async fn create(
    ForClient(app): ForClient,
    Caller(by): Caller,
    Json(request): Json<ShareLinkRequest>,
) -> Result<(StatusCode, Answer<ShareLink>), ApiError> {
    let what = match (request.album, request.assets) {
        (Some(album), None) => What::Album(album.into()),
        (None, Some(assets)) => What::Assets(named(assets)?),
        _ => {
            return Err(Invalid { field: "album", advice: "name either an album or assets".to_owned() }.into());
        }
    };
    let new = New {
        what,
        password: request.password.as_deref().map(Password::for_a_link).transpose()?,
        download: request.download,
        end: end(request.expires_at)?,
    };
    let link = share::create(&app, by.account, new).await?;
    Ok((StatusCode::CREATED, Answer(views::share::link(link))))
}

/// Changes a link's password, end, or whether it lets originals go. For its maker and the managers of its album.
#[utoipa::path(patch, path = "/api/share-links/{id}", operation_id = "share_link_edit", params(("id" = Uuid, Path)),
    request_body = ShareLinkEdit,
    responses((status = 200, body = ShareLink), (status = 401, body = Problem), (status = 404, body = Problem),
        (status = 422, body = Problem)))]
pub(crate) async fn change(
    ForClient(app): ForClient,
    Caller(by): Caller,
    Path(id): Path<Uuid>,
    Json(request): Json<ShareLinkEdit>,
) -> Result<Answer<ShareLink>, ApiError> {
    let password = match request.password {
        None => None,
        Some(password) => Some(password.as_deref().map(Password::for_a_link).transpose()?),
    };
    let change = Change { password, download: request.download, end: end(request.expires_at)? };
    Ok(Answer(views::share::link(share::change(&app, by.account, id.into(), change).await?)))
}

/// Revokes a link. What it gave out opens for ten minutes more at the longest. For its maker and the managers of its album.
#[utoipa::path(delete, path = "/api/share-links/{id}", operation_id = "share_link_revoke", params(("id" = Uuid, Path)),
    responses((status = 204, description = "It shows nothing any more"), (status = 401, body = Problem),
        (status = 404, body = Problem)))]
pub(crate) async fn revoke(
    ForClient(app): ForClient,
    Caller(by): Caller,
    Path(id): Path<Uuid>,
) -> Result<StatusCode, ApiError> {
    share::revoke(&app, by.account, id.into()).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Opens a link for whoever has its token, and its password if it has one.
#[utoipa::path(post, path = "/api/share/open", operation_id = "share_open", request_body = ShareOpenRequest,
    responses((status = 200, body = ShareOpened),
        (status = 401, body = Problem, description = "It needs its password, or this is not it"),
        (status = 404, body = Problem, description = "Revoked, over, or never was"), (status = 422, body = Problem),
        (status = 429, body = Problem, description = "Too many wrong attempts; see Retry-After")))]
pub(crate) async fn open(
    ForClient(app): ForClient,
    Visiting(visitor): Visiting,
    Json(request): Json<ShareOpenRequest>,
) -> Result<Answer<ShareOpened>, ApiError> {
    let password = request.password.as_deref().map(Password::attempt).transpose()?;
    let opened = share::open(&app, &request.token, password.as_ref(), &visitor).await?;
    Ok(Answer(views::share::opened(opened)))
}

/// What an opened link shows, in its order. Takes the `access_token` of the opening as `Authorization: Bearer`.
#[utoipa::path(get, path = "/api/share/assets", operation_id = "share_assets", params(PageQuery),
    responses((status = 200, body = AssetColumns),
        (status = 404, body = Problem, description = "The link is over, or has to be opened again"),
        (status = 422, body = Problem)))]
pub(crate) async fn assets(
    ForClient(app): ForClient,
    OpenedLink(access): OpenedLink,
    Query(query): Query<PageQuery>,
) -> Result<Answer<AssetColumns>, ApiError> {
    let limit = views::limit(query.limit)?;
    let assets = share::assets(&app, &access, query.cursor.as_deref(), limit).await?;
    Ok(Answer(views::columns_of_many(assets)))
}

/// One asset that an opened link shows.
#[utoipa::path(get, path = "/api/share/assets/{id}", operation_id = "share_asset", params(("id" = Uuid, Path)),
    responses((status = 200, body = SharedAsset),
        (status = 404, body = Problem, description = "The link is over, or does not show this")))]
pub(crate) async fn asset(
    ForClient(app): ForClient,
    OpenedLink(access): OpenedLink,
    Path(id): Path<Uuid>,
) -> Result<Answer<SharedAsset>, ApiError> {
    Ok(Answer(views::share::asset(share::asset(&app, &access, id.into()).await?)))
}

/// When a link is to end, as far as its maker says.
fn end(said: Option<Option<String>>) -> Result<Option<End>, ApiError> {
    let Some(said) = said else { return Ok(None) };
    let moment: Option<Timestamp> = views::end(said.as_deref())?;
    Ok(Some(moment.map_or(End::Never, End::At)))
}
