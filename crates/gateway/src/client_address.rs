//! Phase: who asks. Allow list, rate limit, policies bound to an address, and the log go by this.
//!
//! It is the peer of the connection. Headers such as `X-Forwarded-For` are not believed: anyone can send them.

use std::net::SocketAddr;

/// The peer, with an IPv4 client of an IPv6 socket (`::ffff:192.0.2.1`) shown as IPv4.
pub(crate) fn of(peer: SocketAddr) -> SocketAddr {
    SocketAddr::new(peer.ip().to_canonical(), peer.port())
}
