//! Several processes behind this one, each of which can answer any request.
//!
//! ```text
//! choose (policy, who is well) → send (a connection kept, or a new one) → answer, or once more elsewhere
//! ```
//! A request is sent a second time, to another process, only where that does no harm: none of it was sent, or it is one that changes
//! nothing. Who is well is found by asking each `/ready` now and then, and by what comes of requests.

mod choose;
mod forward;
mod health;
mod metrics;
mod peer;
mod silence;

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use prometheus_client::registry::Registry;
use tokio_util::sync::CancellationToken;

use crate::api::ApiService;
use metrics::Metrics;
use peer::Peer;

pub use choose::Policy;
pub(crate) use forward::Upstreamed;

/// One process that requests are sent to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upstream {
    /// Where it is, as `host:port`. It speaks HTTP/1.1 without TLS.
    pub address: String,
    /// Its share, beside those of the others; at least 1.
    pub weight: u32,
    /// It is sent nothing more, and may finish what it has.
    pub drains: bool,
}

/// What a person may decide about balancing.
#[derive(Debug, Clone)]
pub struct BalanceSettings {
    /// Which of them gets a request.
    pub policy: Policy,
    /// How long it may take to connect.
    pub connect_timeout: Duration,
    /// How long nothing may come: no piece of the request taken, no answer begun, nor a next piece of it.
    pub answer_timeout: Duration,
    /// How often each is asked whether it is ready, and how long it may take to say so, unless connecting may take less.
    pub check_every: Duration,
}

impl Default for BalanceSettings {
    fn default() -> Self {
        Self {
            policy: Policy::RoundRobin,
            connect_timeout: Duration::from_secs(2),
            answer_timeout: Duration::from_secs(120),
            check_every: Duration::from_secs(1),
        }
    }
}

/// How one of them is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UpstreamState {
    /// Which.
    pub address: String,
    /// Whether it answers and says that it is ready.
    pub ready: bool,
    /// Whether it is sent nothing more.
    pub drains: bool,
    /// Requests that it has at the moment.
    pub active: usize,
}

/// Sends requests to several processes. Cheap to clone; clones are one.
#[derive(Clone)]
pub struct Balancer(Arc<Inner>);

struct Inner {
    settings: BalanceSettings,
    peers: RwLock<Arc<Peers>>,
    turn: AtomicUsize,
    leaving: AtomicBool,
    /// Ends the answers that never end by themselves.
    ends: CancellationToken,
    metrics: Metrics,
}

/// Those there are, and the order in which they take turns.
struct Peers {
    all: Vec<Arc<Peer>>,
    turns: Vec<usize>,
}

impl Balancer {
    /// With nobody to send to before [`Balancer::set`].
    pub fn new(settings: BalanceSettings, registry: &mut Registry) -> Self {
        let peers = RwLock::new(Arc::new(Peers { all: Vec::new(), turns: Vec::new() }));
        Self(Arc::new(Inner {
            settings,
            peers,
            turn: AtomicUsize::new(0),
            leaving: AtomicBool::new(false),
            ends: CancellationToken::new(),
            metrics: Metrics::register(registry),
        }))
    }

    /// Sends to these from now on. What is known of one that was there before stays known, and what another has under way goes on.
    pub fn set(&self, upstreams: &[Upstream]) {
        let known = self.peers();
        let peer = |upstream: &Upstream| {
            let same = known.all.iter().find(|peer| peer.upstream.address == upstream.address);
            match same {
                Some(peer) if peer.upstream == *upstream => Arc::clone(peer),
                Some(peer) => Arc::new(peer.changed(upstream.clone())),
                None => Arc::new(Peer::new(upstream.clone(), self.0.metrics.of(&upstream.address))),
            }
        };
        let all: Vec<_> = upstreams.iter().map(peer).collect();
        for gone in known.all.iter().filter(|peer| !upstreams.iter().any(|now| now.address == peer.upstream.address)) {
            self.0.metrics.forget(&gone.upstream.address);
        }
        let turns = choose::turns(&all.iter().map(|peer| peer.upstream.weight).collect::<Vec<_>>());
        *self.0.peers.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(Peers { all, turns });
    }

    /// Says from now on at `/ready` that nothing more should be sent here.
    pub fn leave(&self) {
        self.0.leaving.store(true, Ordering::Relaxed);
    }

    /// Ends streams of events, which would go on for ever: whoever listens asks again, and comes to another gateway.
    pub fn end_streams(&self) {
        self.0.ends.cancel();
    }

    /// Whether requests may be sent here.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        let any = || self.peers().all.iter().any(|peer| peer.is_ready() && !peer.upstream.drains);
        !self.0.leaving.load(Ordering::Relaxed) && any()
    }

    /// How each of them is.
    #[must_use]
    pub fn states(&self) -> Vec<UpstreamState> {
        self.peers().all.iter().map(|peer| peer.state()).collect()
    }

    /// Asks each of them whether it is ready, for ever.
    pub async fn check(&self) {
        loop {
            let peers = self.peers();
            let checks = peers.all.iter().map(|peer| health::check(peer, &self.0.settings));
            futures_util::future::join_all(checks).await;
            tokio::time::sleep(self.0.settings.check_every).await;
        }
    }

    /// As the gateway calls an API.
    #[must_use]
    pub fn service(&self) -> ApiService {
        let balancer = self.clone();
        Arc::new(move |request, client| {
            let balancer = balancer.clone();
            Box::pin(async move {
                match health::own(&balancer, request.uri().path()) {
                    Some(answer) => answer,
                    None => forward::forward(&balancer.0, request, client.ip()).await,
                }
            })
        })
    }

    fn peers(&self) -> Arc<Peers> {
        self.0.peers()
    }
}

impl Inner {
    fn peers(&self) -> Arc<Peers> {
        Arc::clone(&self.peers.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// The next number of those by which they take turns.
    fn turn(&self) -> usize {
        self.turn.fetch_add(1, Ordering::Relaxed)
    }
}
