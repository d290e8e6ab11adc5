//! Taking requests apart: what they ask, each with an error a person can act on. Who calls is in `caller`.

use axum::extract::rejection::{JsonRejection, PathRejection, QueryRejection};
use axum::extract::{FromRequest, FromRequestParts, Request, State};
use axum::http::request::Parts;
use axum::http::{Method, StatusCode, Uri, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use picup_app::{Access, App, admin};
use picup_domain::{AssetId, Invalid};
use serde::de::DeserializeOwned;
use uuid::Uuid;

pub(crate) use crate::caller::{Allowed, Caller, Edit, Read, Upload, Visiting, bearer};
use crate::problem::ApiError;
pub(crate) use crate::seen::ForClient;

/// A signed-in caller who is an admin at this moment, looked up anew. Others hear that they are none: that there is an
/// administrator's side is no secret.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Admin(pub(crate) Access);

impl FromRequestParts<App> for Admin {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ApiError> {
        let Caller(access) = Caller::from_request_parts(parts, app).await?;
        admin::authorise(app, &access).await?;
        Ok(Self(access))
    }
}

/// Refuses a list of none, or of more than one request may name.
pub(crate) fn bounded(field: &'static str, length: usize, most: usize) -> Result<(), ApiError> {
    if (1..=most).contains(&length) {
        return Ok(());
    }
    Err(Invalid { field, advice: format!("name 1 to {most} at once") }.into())
}

/// The assets a request names: 1 to 1000.
pub(crate) fn named(assets: Vec<Uuid>) -> Result<Vec<AssetId>, ApiError> {
    bounded("assets", assets.len(), 1000)?;
    Ok(assets.into_iter().map(AssetId::from).collect())
}

/// A JSON body.
pub(crate) struct Json<T>(pub(crate) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Json<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        match axum::Json::<T>::from_request(request, state).await {
            Ok(axum::Json(value)) => Ok(Self(value)),
            Err(rejection) => Err(json_error(&rejection)),
        }
    }
}

fn json_error(rejection: &JsonRejection) -> ApiError {
    let detail = rejection.body_text();
    match rejection.status() {
        StatusCode::UNSUPPORTED_MEDIA_TYPE => ApiError::request(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "not-json",
            "Not JSON",
            "Send the body as JSON, with the header `content-type: application/json`.",
        ),
        StatusCode::PAYLOAD_TOO_LARGE => {
            ApiError::request(StatusCode::PAYLOAD_TOO_LARGE, "body-too-large", "Body too large", "Send less at once.")
        }
        StatusCode::UNPROCESSABLE_ENTITY => {
            ApiError::request(StatusCode::UNPROCESSABLE_ENTITY, "invalid", "A value is not acceptable", detail)
        }
        _ => ApiError::request(StatusCode::BAD_REQUEST, "malformed", "Malformed request", detail),
    }
}

/// The query.
pub(crate) struct Query<T>(pub(crate) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Query<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        match axum::extract::Query::<T>::from_request_parts(parts, state).await {
            Ok(axum::extract::Query(value)) => Ok(Self(value)),
            Err(rejection) => Err(query_error(&rejection)),
        }
    }
}

fn query_error(rejection: &QueryRejection) -> ApiError {
    ApiError::request(StatusCode::BAD_REQUEST, "malformed", "Malformed request", rejection.body_text())
}

/// What stands in the path.
pub(crate) struct Path<T>(pub(crate) T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for Path<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        match axum::extract::Path::<T>::from_request_parts(parts, state).await {
            Ok(axum::extract::Path(value)) => Ok(Self(value)),
            Err(rejection) => Err(path_error(&rejection)),
        }
    }
}

fn path_error(rejection: &PathRejection) -> ApiError {
    ApiError::request(StatusCode::BAD_REQUEST, "malformed", "Malformed request", rejection.body_text())
}

/// Refuses an unsafe request that another site's page may have caused.
///
/// A browser says where a request comes from, in `Sec-Fetch-Site` or at least in `Origin`; one from elsewhere is refused. A
/// request that says neither comes from no browser and passes only without cookies: then it carries its own right. "Here" is
/// the host the request was sent to, or the configured public address, since a proxy in between may name another host.
pub(crate) async fn same_origin(State(app): State<App>, request: Request, next: Next) -> Response {
    let safe = matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS);
    if safe || comes_from_here(&request, &app.settings().public_base) {
        return next.run(request).await;
    }
    ApiError::request(
        StatusCode::FORBIDDEN,
        "cross-site",
        "Cross-site request refused",
        "This request came from another site's page, or says not where it came from while carrying cookies.",
    )
    .into_response()
}

fn comes_from_here(request: &Request, public_base: &str) -> bool {
    let headers = request.headers();
    if let Some(site) = headers.get("sec-fetch-site") {
        return site == "same-origin" || site == "none";
    }
    match headers.get(header::ORIGIN) {
        Some(origin) => {
            let Ok(origin) = origin.to_str() else { return false };
            let uri = origin.parse::<Uri>().ok();
            let from = uri.as_ref().and_then(|uri| uri.authority().map(axum::http::uri::Authority::as_str));
            from.is_some() && (from == authority(request) || origin == public_base)
        }
        None => !headers.contains_key(header::COOKIE),
    }
}

/// The host the client believes it talks to: `:authority` of HTTP/2, `Host` of HTTP/1.1.
fn authority(request: &Request) -> Option<&str> {
    match request.uri().authority() {
        Some(authority) => Some(authority.as_str()),
        None => request.headers().get(header::HOST)?.to_str().ok(),
    }
}
