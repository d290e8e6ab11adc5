//! Who calls, and whether that is enough: a person's session, or an API key with a scope.
//!
//! What concerns security itself takes [`Caller`], which no key passes. Everything else takes [`Allowed`] and names the scope
//! that a key needs; a session may do all of it. A request that shows a key is judged by the key, whatever else it shows.

use std::marker::PhantomData;
use std::net::SocketAddr;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use picup_app::{Access, App, Error, Seen, Visitor, api_key, session};
use picup_domain::{AccountId, Scope, Scopes, Timestamp};

use crate::cookies;
use crate::problem::ApiError;
use crate::seen::{for_client, is_question};

/// Where programs that send no `Authorization` put their key.
const KEY_HEADER: &str = "x-api-key";

/// A signed-in person: by `Authorization: Bearer`, else by the access cookie. Never an API key.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Caller(pub(crate) Access);

impl FromRequestParts<App> for Caller {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ApiError> {
        match key(&parts.headers) {
            Some(token) => {
                // Only who holds a good key is told what keys may do.
                api_key::authenticate(&for_client(parts, app), token).await?;
                Err(Error::SessionNeeded.into())
            }
            None => Ok(Self(person(parts, app).await?)),
        }
    }
}

/// What is known of whoever asks, signed in or not.
pub(crate) struct Visiting(pub(crate) Visitor);

impl<S: Sync> FromRequestParts<S> for Visiting {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        let client = parts.extensions.get::<SocketAddr>();
        let client = client.ok_or_else(|| Error::Internal("a request came without its client's address".to_owned()))?;
        let user_agent = parts.headers.get(header::USER_AGENT).and_then(|value| value.to_str().ok());
        Ok(Self(Visitor { address: client.ip(), user_agent: user_agent.unwrap_or_default().to_owned() }))
    }
}

/// A caller who may do what needs the scope `S`, by a session or by an API key.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Allowed<S> {
    /// For whom it acts.
    pub(crate) account: AccountId,
    /// When what it showed is to be shown again: the end of the access token; of a key, which can be revoked meanwhile, as far
    /// from now.
    pub(crate) until: Timestamp,
    /// When its key ends, if it is one that does.
    pub(crate) key_ends: Option<Timestamp>,
    scope: PhantomData<S>,
}

/// Which scopes are enough, as a type.
pub(crate) trait Needs {
    /// Any one of these.
    const SCOPES: Scopes;
}

/// Needs the scope `upload`.
pub(crate) struct Upload;
/// Needs the scope `read`.
pub(crate) struct Read;
/// Needs the scope `edit`.
pub(crate) struct Edit;

impl Needs for Upload {
    const SCOPES: Scopes = Scopes::only(Scope::Upload);
}

impl Needs for Read {
    const SCOPES: Scopes = Scopes::only(Scope::Read);
}

impl Needs for Edit {
    const SCOPES: Scopes = Scopes::only(Scope::Edit);
}

/// Either is enough.
impl<A: Needs, B: Needs> Needs for (A, B) {
    const SCOPES: Scopes = A::SCOPES.or(B::SCOPES);
}

impl<S: Needs> FromRequestParts<App> for Allowed<S> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ApiError> {
        let Some(token) = key(&parts.headers) else {
            let access = person(parts, app).await?;
            return Ok(Self { account: access.account, until: access.expires_at, key_ends: None, scope: PhantomData });
        };
        let key = api_key::authenticate(&for_client(parts, app), token).await?;
        if !key.scopes.meet(S::SCOPES) {
            return Err(Error::ScopeNeeded(S::SCOPES).into());
        }
        for_account(parts, key.account);
        let soon = app.now().plus(app.settings().access_life);
        let until = key.expires_at.map_or(soon, |end| end.min(soon));
        Ok(Self { account: key.account, until, key_ends: key.expires_at, scope: PhantomData })
    }
}

/// The API key that a request shows.
fn key(headers: &HeaderMap) -> Option<&str> {
    match headers.get(KEY_HEADER) {
        // What is no text is no key either, and is refused as one.
        Some(value) => Some(value.to_str().unwrap_or_default()),
        None => bearer(headers).filter(|token| token.starts_with(api_key::PREFIX)),
    }
}

/// The access token that a request shows, whatever it is worth: by `Authorization: Bearer`, else by the access cookie.
#[must_use]
pub fn access_token(headers: &HeaderMap) -> Option<&str> {
    bearer(headers).or_else(|| cookies::read(headers, cookies::ACCESS))
}

async fn person(parts: &Parts, app: &App) -> Result<Access, ApiError> {
    let token = access_token(&parts.headers).ok_or(Error::NotSignedIn)?;
    let access = if is_question(&parts.method) {
        session::authenticate_to_look(&for_client(parts, app), token).await?
    } else {
        session::authenticate(app, token)?
    };
    for_account(parts, access.account);
    Ok(access)
}

/// What was done for the account by others counts as seen, too.
fn for_account(parts: &Parts, account: AccountId) {
    if let Some(seen) = parts.extensions.get::<Seen>() {
        seen.belongs_to(account);
    }
}

pub(crate) fn bearer(headers: &HeaderMap) -> Option<&str> {
    headers.get(header::AUTHORIZATION)?.to_str().ok()?.strip_prefix("Bearer ")
}
