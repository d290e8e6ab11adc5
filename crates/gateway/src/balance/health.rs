//! Asks one process whether it is ready, and says whether the gateway itself is.

use std::time::Duration;

use http::header::{CACHE_CONTROL, CONTENT_TYPE, HOST};
use http::{HeaderValue, Request, Response, StatusCode};
use http_body_util::Empty;
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::peer::Peer;
use super::{BalanceSettings, Balancer};
use crate::body::{Body, BoxError, full};

const PATH: &str = "/ready";
/// Less says nothing of a process that is busy.
const LEAST: Duration = Duration::from_millis(500);

/// By a connection of its own, so that what is found is so for new ones.
pub(super) async fn check(peer: &Peer, settings: &BalanceSettings) {
    let patience = settings.connect_timeout.min(settings.check_every.max(LEAST));
    match timeout(patience, ask(&peer.upstream.address)).await {
        Ok(Ok(status)) => peer.said(status == StatusCode::OK),
        Ok(Err(error)) => peer.said_nothing(&error.to_string()),
        Err(_) => peer.said_nothing(&format!("nothing in {} ms", patience.as_millis())),
    }
}

async fn ask(address: &str) -> Result<StatusCode, BoxError> {
    let (mut sender, connection) = http1::handshake(TokioIo::new(TcpStream::connect(address).await?)).await?;
    let request = Request::get(PATH).header(HOST, address).body(Empty::<Bytes>::new())?;
    // One that closes it with its answer has answered.
    tokio::spawn(connection);
    Ok(sender.send_request(request).await?.status())
}

/// What the gateway says of itself.
pub(super) fn own(balancer: &Balancer, path: &str) -> Option<Response<Body>> {
    let ok = match path {
        "/live" => true,
        "/ready" => balancer.is_ready(),
        _ => return None,
    };
    let mut response = Response::new(full(Bytes::from(format!("{{\"ok\":{ok}}}"))));
    *response.status_mut() = if ok { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Some(response)
}
