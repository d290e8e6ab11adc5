//! The caller's API keys. A key cannot look after keys: these want a person's session.

use axum::Json as Answer;
use axum::http::StatusCode;
use picup_app::api_key;
use picup_app::api_key::NewApiKey;
use picup_domain::{ApiKeyName, Scope, Scopes};
use uuid::Uuid;

use crate::extract::{Caller, ForClient, Json, Path};
use crate::problem::ApiError;
use crate::views;
use crate::wire::{ApiKeyMade, ApiKeyRequest, ApiKeyScope, ApiKeys, Problem};

/// The caller's keys, newest first.
#[utoipa::path(get, path = "/api/keys", operation_id = "api_keys",
    responses((status = 200, body = ApiKeys), (status = 401, body = Problem), (status = 403, body = Problem)))]
pub(crate) async fn list(ForClient(app): ForClient, Caller(caller): Caller) -> Result<Answer<ApiKeys>, ApiError> {
    let keys = api_key::list(&app, caller.account).await?;
    Ok(Answer(ApiKeys { keys: keys.into_iter().map(views::api_key).collect() }))
}

/// Makes a key. The answer has its token, this once.
#[utoipa::path(post, path = "/api/keys", operation_id = "api_key_create", request_body = ApiKeyRequest,
    responses((status = 201, body = ApiKeyMade), (status = 401, body = Problem), (status = 403, body = Problem),
        (status = 409, body = Problem, description = "The account has 100 keys"), (status = 422, body = Problem)))]
pub(crate) async fn create(
    ForClient(app): ForClient,
    Caller(caller): Caller,
    Json(request): Json<ApiKeyRequest>,
) -> Result<(StatusCode, Answer<ApiKeyMade>), ApiError> {
    let new = NewApiKey {
        name: ApiKeyName::new(&request.name)?,
        scopes: Scopes::new(request.scopes.into_iter().map(scope))?,
        expires_at: views::end(request.expires_at.as_deref())?,
    };
    let (key, token) = api_key::create(&app, caller.account, new).await?;
    Ok((StatusCode::CREATED, Answer(ApiKeyMade { key: views::api_key(key), token })))
}

/// Revokes a key, at once.
#[utoipa::path(delete, path = "/api/keys/{id}", operation_id = "api_key_revoke", params(("id" = Uuid, Path)),
    responses((status = 204, description = "Revoked"), (status = 401, body = Problem), (status = 403, body = Problem),
        (status = 404, body = Problem)))]
pub(crate) async fn revoke(
    ForClient(app): ForClient,
    Caller(caller): Caller,
    Path(id): Path<Uuid>,
) -> Result<StatusCode, ApiError> {
    api_key::revoke(&app, caller.account, id.into()).await?;
    Ok(StatusCode::NO_CONTENT)
}

const fn scope(scope: ApiKeyScope) -> Scope {
    match scope {
        ApiKeyScope::Upload => Scope::Upload,
        ApiKeyScope::Read => Scope::Read,
        ApiKeyScope::Edit => Scope::Edit,
    }
}
