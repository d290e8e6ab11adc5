//! What a person may decide about the gateway. Plain values: `picup` reads them from the configuration.

use std::time::Duration;

use crate::client_address::TrustedProxies;
use crate::shield::EdgeSecrets;

/// The gateway's settings.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The address that signed policies name, without a path: `https://photos.example`. Compared as text with what the
    /// signer used; a request's `Host` plays no part.
    pub public_base: String,
    /// Where pages are from that show media of another host's: `https://photos.example`. Without it, pages of the same origin alone.
    pub app_origin: Option<String>,
    /// Edges that show one of these get every medium: they have asked for the right of who reads there.
    pub edges: EdgeSecrets,
    /// How long a client may take to send its first request, or the head of a later one over HTTP/1.1.
    pub header_timeout: Duration,
    /// How long a client may take for each 4 KiB of a request's body, or for its end: while they are waited for.
    pub body_timeout: Duration,
    /// How long a client may read nothing of an answer that waits for it, beyond what the system's buffers hold.
    pub write_timeout: Duration,
    /// How long an HTTP/2 connection may stay open with no request in flight.
    pub idle_timeout: Duration,
    /// How long requests in flight may go on after the shutdown signal before they are cut.
    pub drain_timeout: Duration,
    /// Whose word is taken for who asks.
    pub proxies: TrustedProxies,
    /// Connections come from `proxies` alone, and begin with the PROXY protocol, version 2.
    pub proxy_protocol: bool,
    /// How long browsers that came by TLS come by nothing else from then on; zero says nothing of it.
    pub hsts: Duration,
    /// Connections that one address may have open; of IPv6 one /64. Trusted proxies may have all.
    pub max_connections_per_address: usize,
    /// Connections served at once; more wait in the listener's backlog.
    pub max_connections: usize,
    /// Bytes in the head of a request, its line and all its headers; at least 8192.
    pub max_header_bytes: usize,
}

impl Settings {
    /// The defaults, for one public address.
    pub fn new(public_base: impl Into<String>) -> Self {
        Self {
            public_base: public_base.into(),
            app_origin: None,
            edges: EdgeSecrets::default(),
            header_timeout: Duration::from_secs(15),
            body_timeout: Duration::from_secs(30),
            write_timeout: Duration::from_secs(300),
            idle_timeout: Duration::from_secs(120),
            drain_timeout: Duration::from_secs(30),
            proxies: TrustedProxies::default(),
            proxy_protocol: false,
            hsts: Duration::ZERO,
            max_connections_per_address: 256,
            max_connections: 1024,
            max_header_bytes: 64 * 1024,
        }
    }
}
