//! Asks one process whether it is ready.

use http::header::HOST;
use http::{Request, StatusCode};
use http_body_util::Empty;
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::BalanceSettings;
use super::peer::Peer;
use crate::body::BoxError;

const PATH: &str = "/ready";

/// By a connection of its own, so that what is found is so for new ones.
pub(super) async fn check(peer: &Peer, settings: &BalanceSettings) {
    let patience = settings.connect_timeout;
    match timeout(patience, ask(&peer.upstream.address)).await {
        Ok(Ok(status)) => peer.said(status == StatusCode::OK),
        Ok(Err(error)) => peer.said_nothing(&error.to_string()),
        Err(_) => peer.said_nothing(&format!("nothing in {} ms", patience.as_millis())),
    }
}

async fn ask(address: &str) -> Result<StatusCode, BoxError> {
    let (mut sender, connection) = http1::handshake(TokioIo::new(TcpStream::connect(address).await?)).await?;
    let request = Request::get(PATH).header(HOST, address).body(Empty::<Bytes>::new())?;
    let answer = async { Ok::<_, BoxError>(sender.send_request(request).await?.status()) };
    tokio::select! {
        // It goes on until the answer is here.
        ended = connection => Err(ended.err().map_or_else(|| "it closed the connection".into(), Into::into)),
        status = answer => status,
    }
}
