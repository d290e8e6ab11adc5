//! The API, in this process: a `tower` service that the gateway calls without a second hop.

use std::convert::Infallible;
use std::net::SocketAddr;

use bytes::Bytes;
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use http::{Request, Response};
use http_body_util::BodyExt as _;
use tower::util::BoxCloneSyncService;
use tower::{Service, ServiceExt as _};

use crate::body::{Body, BoxError};
use crate::request_id::{self, RequestId};

/// The API as the gateway calls it. Make one with [`api_service`].
pub type ApiService = BoxCloneSyncService<Request<Body>, Response<Body>, Infallible>;

/// Adapts a service to [`ApiService`]: `api_service(router)` with an `axum::Router` whose state is set.
///
/// Each request it gets carries the client's address as a `std::net::SocketAddr` in its extensions (the one to believe:
/// take it by `axum::Extension<SocketAddr>`), and the header `x-request-id`, made by the gateway.
pub fn api_service<S, B>(service: S) -> ApiService
where
    S: Service<Request<Body>, Response = Response<B>, Error = Infallible> + Clone + Send + Sync + 'static,
    S::Future: Send + 'static,
    B: http_body::Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    BoxCloneSyncService::new(
        service.map_response(|response| response.map(|body| body.map_err(Into::into).boxed_unsync())),
    )
}

/// Hands a request over. Boxed, because from within another future the compiler cannot see that this one is `Send`.
pub(crate) fn call(
    service: &ApiService,
    mut request: Request<Body>,
    client: SocketAddr,
    id: &RequestId,
) -> BoxFuture<'static, Response<Body>> {
    request.headers_mut().insert(request_id::HEADER, id.header());
    request.extensions_mut().insert(client);
    service.clone().oneshot(request).map(|answer| answer.unwrap_or_else(|never| match never {})).boxed()
}
