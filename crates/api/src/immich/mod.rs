//! What Immich's uploaders call, so that its users can switch: the surface of `@immich/cli` 3.2.2, and of immich-go, which sends
//! files without telling their length. Each handler is a translation to one of PicUp's own use cases; nothing is decided here.
//!
//! These shapes are Immich's and not ours: they stand in [`wire`], not in our OpenAPI document, and fields that we do not know are
//! ignored. Callers present an API key in `x-api-key`.

mod album;
mod asset;
mod multipart;
mod server;
mod upload;
mod wire;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::routing::{MethodRouter, get, post, put};
use picup_app::App;

/// Where `/.well-known/immich` sends them.
const ENDPOINT: &str = "/api/immich";
/// Five thousand paths at their longest, with their hashes; ids of 65,000 assets are less.
const LARGEST_LIST: usize = 24 << 20;

/// Every route: the method, the path, the handler.
fn routes() -> [(&'static str, &'static str, MethodRouter<App>); 11] {
    let long = || DefaultBodyLimit::max(LARGEST_LIST);
    [
        ("GET", "/.well-known/immich", get(server::well_known)),
        ("GET", "/api/immich/server/version", get(server::version)),
        ("GET", "/api/immich/server/media-types", get(server::media_types)),
        ("GET", "/api/immich/users/me", get(server::user)),
        ("GET", "/api/immich/api-keys/me", get(server::key)),
        ("GET", "/api/immich/assets/statistics", get(server::statistics)),
        ("POST", "/api/immich/assets/bulk-upload-check", post(asset::check).layer(long())),
        ("POST", "/api/immich/assets", post(upload::upload)),
        ("GET", "/api/immich/albums", get(album::list)),
        ("POST", "/api/immich/albums", post(album::create).layer(long())),
        ("PUT", "/api/immich/albums/{id}/assets", put(album::add).layer(long())),
    ]
}

pub(crate) fn router() -> Router<App> {
    routes().into_iter().fold(Router::new(), |router, (_, path, handler)| router.route(path, handler))
}

/// Every operation here, as `METHOD /path`: the test of who may call what holds each of them.
#[must_use]
pub fn operations() -> Vec<String> {
    routes().into_iter().map(|(method, path, _)| format!("{method} {path}")).collect()
}
