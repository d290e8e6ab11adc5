//! The HTTP API: routes, extractors, problem+json, OpenAPI and wire types.
//!
//! A handler takes its arguments apart, calls one use case of `app`, and puts the answer together; it decides nothing and
//! speaks no SQL. `picup` mounts [`router`] behind the gateway, in the same process.

#![forbid(unsafe_code)]

mod account;
mod admin;
mod album;
mod album_member;
mod api_key;
mod asset;
mod caller;
mod cookies;
mod events;
mod extract;
mod favourite;
mod health;
mod immich;
mod invitation;
mod openapi;
mod problem;
mod search;
mod seen;
mod session;
mod setup;
mod share;
mod system;
mod timeline;
mod trash;
mod upload;
mod views;
pub mod wire;

use axum::extract::DefaultBodyLimit;
use axum::http::{HeaderValue, header};
use axum::response::Response;
use axum::{Router, middleware};
use picup_app::App;
use picup_domain::ByteSize;

pub use caller::access_token;
pub use immich::operations as immich_operations;
pub use openapi::document;

/// All endpoints, ready to be served. `largest_body` bounds JSON; the parts of uploads are bounded by their announced size.
pub fn router(app: App, largest_body: ByteSize) -> Router {
    let largest_body = usize::try_from(largest_body.get()).unwrap_or(usize::MAX);
    let (router, _) = openapi::endpoints().split_for_parts();
    router
        .merge(immich::router())
        .fallback(problem::no_such_endpoint)
        .method_not_allowed_fallback(problem::no_such_method)
        .layer(DefaultBodyLimit::max(largest_body))
        .layer(middleware::from_fn_with_state(app.clone(), extract::same_origin))
        .layer(middleware::from_fn_with_state(app.clone(), seen::remember))
        .layer(middleware::from_fn(problem::finish))
        .layer(middleware::map_response(kept_by_nobody))
        .with_state(app)
}

/// What is told to one caller is nothing for a cache on the way, and may carry rights.
async fn kept_by_nobody(mut response: Response) -> Response {
    response.headers_mut().entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}
