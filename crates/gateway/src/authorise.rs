//! Phase: may this client fetch this medium?
//!
//! Asked for every request under `/media`, before anything is known of whether the medium exists. The answer to a
//! refusal is the same to the byte for every reason; the reason goes to the log and the metrics.

use std::net::SocketAddr;

use http::request::Parts;
use picup_delivery::{Denied, Fetch, Keyring, TokenRing, authorise};

use crate::forgers::Forgers;
use crate::settings::Settings;

/// Asks `delivery`, with the path and query as they came on the wire, unless another edge asks, which has. A token is looked at
/// where nothing is signed: what is wrong with a signature is not made good by one.
pub(crate) fn media(
    keyring: &Keyring,
    tokens: &TokenRing,
    forgers: &Forgers,
    Settings { public_base, edges, .. }: &Settings,
    request: &Parts,
    client: SocketAddr,
    now_epoch_s: u64,
) -> Result<(), Denied> {
    let path_and_query = request.uri.path_and_query().map_or("/", http::uri::PathAndQuery::as_str);
    let client = client.ip();
    let verdict = match edges.shown(&request.headers) {
        Some(true) => Ok(()),
        Some(false) => Err(Denied::Signature),
        None => {
            let may_verify = forgers.may_verify(client, now_epoch_s);
            let fetch = Fetch { public_base, path_and_query, client, now_epoch_s, may_verify };
            match authorise(keyring, &request.headers, &fetch) {
                // The name of an attachment, which is all that a query can be here, is no part of what a token opens.
                Err(Denied::Unsigned) => {
                    let fetch = Fetch { path_and_query: request.uri.path(), ..fetch };
                    tokens.authorise(&request.headers, &fetch)
                }
                verdict => verdict,
            }
        }
    };
    if verdict == Err(Denied::Signature) {
        forgers.showed_a_wrong_one(client, now_epoch_s);
    }
    verdict
}
