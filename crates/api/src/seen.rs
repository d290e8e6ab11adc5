//! What a client has seen of the database goes with its requests, so that replicas never show it less: in a cookie of the browser,
//! in a header of a program. Without replicas there is nothing to remember.

use std::convert::Infallible;
use std::net::SocketAddr;

use axum::body::Body;
use axum::extract::{FromRequestParts, Request, State};
use axum::http::Method;
use axum::http::request::Parts;
use axum::middleware::Next;
use axum::response::Response;
use picup_app::{App, Seen};

use crate::cookies;

/// The use cases for the client who asks: it is not shown less than it has seen.
pub(crate) struct ForClient(pub(crate) App);

impl FromRequestParts<App> for ForClient {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Infallible> {
        Ok(Self(for_client(parts, app)))
    }
}

pub(crate) fn for_client(parts: &Parts, app: &App) -> App {
    let address = parts.extensions.get::<SocketAddr>().map(SocketAddr::ip);
    app.for_client(address, parts.extensions.get::<Seen>().cloned())
}

/// Knows what a client has seen, tells it what to show from now on when it has written, and asks again what a server was lost amid.
/// Wraps the whole router.
pub(crate) async fn remember(State(app): State<App>, mut request: Request, next: Next) -> Response {
    if !app.has_replicas() {
        return next.run(request).await;
    }
    let seen = app.seen(cookies::seen(request.headers()));
    let again = if is_question(request.method()) {
        Some(copy(&request, &seen))
    } else {
        seen.read_fresh();
        None
    };
    request.extensions_mut().insert(seen.clone());
    let mut response = next.clone().run(request).await;
    if let Some(again) = again {
        // Each time another server answers: the one that was lost is asked no more.
        for _ in 0..app.servers() {
            if !(response.status().is_server_error() && seen.has_lost_a_server()) {
                break;
            }
            response = next.clone().run(copy(&again, &seen)).await;
        }
    }
    if let Some(token) = app.token_of(&seen) {
        cookies::set_seen(response.headers_mut(), &token, cookies::secure(&app));
    }
    response
}

/// Whether a request only asks, and so can be asked again.
pub(crate) fn is_question(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD)
}

fn copy(request: &Request, seen: &Seen) -> Request {
    let mut copy = Request::new(Body::empty());
    *copy.method_mut() = request.method().clone();
    *copy.uri_mut() = request.uri().clone();
    *copy.version_mut() = request.version();
    *copy.headers_mut() = request.headers().clone();
    *copy.extensions_mut() = request.extensions().clone();
    copy.extensions_mut().insert(seen.clone());
    copy
}
