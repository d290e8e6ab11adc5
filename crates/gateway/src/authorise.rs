//! Phase: may this client fetch this medium?
//!
//! Asked for every request under `/media`, before anything is known of whether the medium exists. The answer to a
//! refusal is the same to the byte for every reason; the reason goes to the log and the metrics.

use std::net::SocketAddr;

use http::request::Parts;
use picup_delivery::{Denied, Fetch, Keyring, authorise};

/// Asks `delivery`, with the path and query as they came on the wire.
pub(crate) fn media(
    keyring: &Keyring,
    public_base: &str,
    request: &Parts,
    client: SocketAddr,
    now_epoch_s: u64,
) -> Result<(), Denied> {
    let path_and_query = request.uri.path_and_query().map_or("/", http::uri::PathAndQuery::as_str);
    authorise(keyring, &request.headers, &Fetch { public_base, path_and_query, client: client.ip(), now_epoch_s })
}
