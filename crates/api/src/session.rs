//! Signing in, renewing and signing out.

use axum::Json as Answer;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use picup_app::session::Opened;
use picup_app::{App, Error, session};
use picup_domain::{Email, Password};
use uuid::Uuid;

use crate::cookies;
use crate::extract::{Allowed, Caller, ForClient, Json, Path, Read, Visiting, bearer};
use crate::problem::ApiError;
use crate::views;
use crate::wire::{ClientKind, MediaSession, Problem, RefreshRequest, Session, Sessions, SignInRequest, Tokens};

/// Opens a session.
#[utoipa::path(post, path = "/api/session", operation_id = "sign_in", request_body = SignInRequest,
    responses(
        (status = 200, body = Session),
        (status = 401, body = Problem, description = "Wrong address or password"),
        (status = 429, body = Problem, description = "Too many wrong attempts; see Retry-After"),
        (status = 503, body = Problem, description = "Too many at once; see Retry-After")))]
pub(crate) async fn sign_in(
    ForClient(app): ForClient,
    Visiting(visitor): Visiting,
    Json(request): Json<SignInRequest>,
) -> Result<Response, ApiError> {
    // An impossible address or password is simply a wrong one.
    let email = Email::new(&request.email).map_err(|_| Error::WrongCredentials)?;
    let password = Password::attempt(&request.password).map_err(|_| Error::WrongCredentials)?;
    let session = session::sign_in(&app, &email, &password, &visitor).await?;
    Ok(opened(&app, session, request.client))
}

/// Renews the session: new access token, new refresh token, new media cookies.
#[utoipa::path(post, path = "/api/session/refresh", operation_id = "refresh", request_body = RefreshRequest,
    responses(
        (status = 200, body = Session),
        (status = 401, body = Problem, description = "The session has ended; sign in")))]
pub(crate) async fn refresh(
    ForClient(app): ForClient,
    headers: HeaderMap,
    Json(request): Json<RefreshRequest>,
) -> Result<Response, ApiError> {
    let (token, client) = match &request.refresh_token {
        Some(token) => (Some(token.as_str()), ClientKind::Program),
        None => (cookies::read(&headers, cookies::REFRESH), ClientKind::Browser),
    };
    let session = session::refresh(&app, token.ok_or(Error::NotSignedIn)?).await?;
    Ok(opened(&app, session, client))
}

/// Ends the session. Works as often as it is asked for.
#[utoipa::path(delete, path = "/api/session", operation_id = "sign_out",
    responses((status = 204, description = "The session has ended")))]
pub(crate) async fn sign_out(ForClient(app): ForClient, headers: HeaderMap) -> Result<Response, ApiError> {
    let access = bearer(&headers).or_else(|| cookies::read(&headers, cookies::ACCESS));
    let refresh = cookies::read(&headers, cookies::REFRESH);
    let media_path = session::sign_out(&app, access, refresh).await?;
    let mut response = StatusCode::NO_CONTENT.into_response();
    cookies::clear(response.headers_mut(), media_path.as_deref(), cookies::secure(&app));
    Ok(response)
}

/// The caller's sessions: where it is signed in.
#[utoipa::path(get, path = "/api/sessions", operation_id = "sessions",
    responses((status = 200, body = Sessions), (status = 401, body = Problem), (status = 403, body = Problem)))]
pub(crate) async fn list(ForClient(app): ForClient, Caller(caller): Caller) -> Result<Answer<Sessions>, ApiError> {
    let sessions = session::list(&app, &caller).await?;
    let sessions = sessions.into_iter().map(|session| views::session(session, caller.session)).collect();
    Ok(Answer(Sessions { sessions }))
}

/// Ends one of the caller's sessions. It cannot be renewed from now on; what it holds ends within 5 minutes, its media cookies
/// within the time that is configured for them.
#[utoipa::path(delete, path = "/api/sessions/{id}", operation_id = "session_revoke", params(("id" = Uuid, Path)),
    responses((status = 204, description = "Ended"), (status = 401, body = Problem), (status = 403, body = Problem),
        (status = 404, body = Problem)))]
pub(crate) async fn revoke(
    ForClient(app): ForClient,
    Caller(caller): Caller,
    Path(id): Path<Uuid>,
) -> Result<StatusCode, ApiError> {
    session::revoke(&app, &caller, id.into()).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Signs out everywhere: ends all of the caller's sessions, as `session_revoke` does, and takes this browser's cookies back.
#[utoipa::path(delete, path = "/api/sessions", operation_id = "session_revoke_all",
    responses((status = 204, description = "Ended"), (status = 401, body = Problem), (status = 403, body = Problem)))]
pub(crate) async fn revoke_all(ForClient(app): ForClient, Caller(caller): Caller) -> Result<Response, ApiError> {
    let media_path = session::revoke_all(&app, &caller).await?;
    let mut response = StatusCode::NO_CONTENT.into_response();
    cookies::clear(response.headers_mut(), Some(&media_path), cookies::secure(&app));
    Ok(response)
}

/// Sets the cookies that open the account's media: for a program that has an API key in place of a session. They hold as
/// long as a session's, but never longer than the key.
#[utoipa::path(post, path = "/api/session/media", operation_id = "session_media",
    responses(
        (status = 200, body = MediaSession, description = "With the cookies"),
        (status = 401, body = Problem),
        (status = 403, body = Problem, description = "The key needs the scope read")))]
pub(crate) async fn media(ForClient(app): ForClient, caller: Allowed<Read>) -> Result<Response, ApiError> {
    let media = session::media(&app, caller.account, caller.key_ends)?;
    let mut headers = HeaderMap::new();
    cookies::set_media(&mut headers, &media, cookies::secure(&app));
    Ok((headers, Answer(MediaSession { path: media.path, expires_at: views::moment(media.expires_at) }))
        .into_response())
}

/// The answer that opens or renews a session: tokens where this client keeps them, and the media cookies.
pub(crate) fn opened(app: &App, opened: Opened, client: ClientKind) -> Response {
    let mut headers = HeaderMap::new();
    cookies::set_media(&mut headers, &opened.media, cookies::secure(app));
    if client == ClientKind::Browser {
        cookies::set_session(&mut headers, &opened, cookies::secure(app));
    }
    let tokens = match client {
        ClientKind::Program => Some(Tokens { access_token: opened.access_token, refresh_token: opened.refresh_token }),
        ClientKind::Browser => None,
    };
    let session = Session {
        account: views::account(opened.account, opened.assurance),
        expires_at: views::moment(opened.access_expires_at),
        media_expires_at: views::moment(opened.media.expires_at),
        tokens,
    };
    (headers, Answer(session)).into_response()
}
