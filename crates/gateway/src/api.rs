//! What answers requests that are not for the gateway itself: the API in this process, without a second hop, or processes behind it.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use http::{Request, Response};
use http_body_util::BodyExt as _;
use tower::{Service, ServiceExt as _};

use crate::body::{Body, BoxError};
use crate::request_id::{self, RequestId};

/// The API as the gateway calls it, with the address of the client to believe. Make one with [`api_service`].
pub type ApiService = Arc<dyn Fn(Request<Body>, SocketAddr) -> BoxFuture<'static, Response<Body>> + Send + Sync>;

/// Adapts a `tower` service to [`ApiService`]: `api_service(router)` with an `axum::Router` whose state is set.
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
    Arc::new(move |mut request, client| {
        request.extensions_mut().insert(client);
        let answer = service.clone().oneshot(request).map(|answer| {
            let answer = answer.unwrap_or_else(|never| match never {});
            answer.map(|body| body.map_err(Into::into).boxed_unsync())
        });
        answer.boxed()
    })
}

/// Hands a request over.
pub(crate) fn call(
    service: &ApiService,
    mut request: Request<Body>,
    client: SocketAddr,
    id: &RequestId,
) -> BoxFuture<'static, Response<Body>> {
    request.headers_mut().insert(request_id::HEADER, id.header());
    service(request, client)
}
