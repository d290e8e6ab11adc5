//! The front of PicUp: everything between a socket and either the API, a medium or a file of the user interface.
//!
//! `picup` builds one [`Gateway`] from [`Parts`] and lets it [`Gateway::serve`] a listener. What happens to a request, and
//! in which order, stands in one place: `gateway.rs`. The gateway sees `delivery` alone of PicUp's crates: it is handed the
//! API as a `tower` service, the stores as an [`Origin`], the public keys through a `watch` channel, the time and the
//! request ids as functions. It opens no file but those of its cache,
//! no database, decodes no picture, and holds no private key but that of its certificate.

#![forbid(unsafe_code)]

mod accept;
mod access_log;
mod activity;
mod allow;
mod api;
mod attachment;
mod authorise;
mod balance;
mod body;
mod byteranges;
mod cache;
mod certificate;
mod challenge;
mod class;
mod client_address;
mod connections;
mod forgers;
mod gateway;
mod handshake;
mod limit;
mod media;
mod metrics;
mod normalise;
mod origin;
mod problem;
mod proxied;
mod range;
mod redirect;
mod request_id;
mod route;
mod security;
mod series;
mod settings;
mod shield;
mod stall;
mod static_files;
mod tls;

pub use accept::Drained;
pub use access_log::{AccessFormat, AccessLog};
pub use allow::{AllowList, Networks};
pub use api::{ApiService, api_service};
pub use balance::{BalanceSettings, Balancer, Policy, Upstream, UpstreamState};
pub use body::{Body, BoxError, ByteStream};
pub use cache::{Cache, CacheCounts, CacheSettings};
pub use certificate::Certificate;
pub use challenge::{Challenges, Posted};
pub use class::Class;
pub use client_address::{ForwardedHeader, TrustedProxies};
pub use gateway::{AccountOf, Gateway, Parts, Rules};
pub use limit::{Account, ClassLimits, Limit, Limits};
pub use metrics::{Delivered, Metrics, method_label};
pub use origin::{Elsewhere, Opened, Origin, OriginError, Told};
pub use route::RouteTemplate;
pub use settings::Settings;
pub use shield::{EDGE_SECRET, EdgeSecrets};
pub use static_files::{StaticFile, StaticFiles};
pub use tls::{Tls, TlsError, TlsProfile};
