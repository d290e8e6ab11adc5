//! The HTTP API: routes, extractors, problem+json, OpenAPI and wire types.
//!
//! A handler takes its arguments apart, calls one use case of `app`, and puts the answer together; it decides nothing and
//! speaks no SQL. `picup` mounts [`router`] behind the gateway, in the same process.

#![forbid(unsafe_code)]

mod account;
mod album;
mod asset;
mod cookies;
mod events;
mod extract;
mod health;
mod openapi;
mod problem;
mod session;
mod setup;
mod timeline;
mod upload;
mod views;
pub mod wire;

use axum::extract::DefaultBodyLimit;
use axum::{Router, middleware};
use picup_app::App;

pub use openapi::document;

/// The largest JSON body; parts of uploads are bounded by their own announced size instead.
const MAX_JSON_BYTES: usize = 1 << 20;

/// All endpoints, ready to be served.
pub fn router(app: App) -> Router {
    let (router, _) = openapi::endpoints().split_for_parts();
    router
        .fallback(problem::no_such_endpoint)
        .method_not_allowed_fallback(problem::no_such_method)
        .layer(DefaultBodyLimit::max(MAX_JSON_BYTES))
        .layer(middleware::from_fn(extract::same_origin))
        .layer(middleware::from_fn(problem::finish))
        .with_state(app)
}
