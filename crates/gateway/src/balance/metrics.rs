//! What is counted of each process that requests are sent to. Its address is a label: there are as many as a person has written down.

use std::sync::Arc;
use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

use crate::metrics::BUCKETS;

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByUpstream {
    upstream: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByResult {
    upstream: String,
    result: &'static str,
}

type Times = Family<ByUpstream, Histogram, fn() -> Histogram>;

#[derive(Clone)]
pub(super) struct Metrics {
    ready: Family<ByUpstream, Gauge>,
    active: Family<ByUpstream, Gauge>,
    connect: Times,
    first_byte: Times,
    total: Times,
    attempts: Family<ByResult, Counter>,
    retries: Family<ByUpstream, Counter>,
}

/// How one attempt ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    /// With an answer.
    Answered,
    /// No connection came about.
    NotConnected,
    /// The connection ended before an answer began.
    Broken,
    /// Nothing came of it in time.
    TimedOut,
    /// Whoever asked did not send it whole.
    ClientLeft,
}

impl Outcome {
    const ALL: [Self; 5] = [Self::Answered, Self::NotConnected, Self::Broken, Self::TimedOut, Self::ClientLeft];

    const fn label(self) -> &'static str {
        match self {
            Self::Answered => "answered",
            Self::NotConnected => "not_connected",
            Self::Broken => "broken",
            Self::TimedOut => "timed_out",
            Self::ClientLeft => "client_left",
        }
    }
}

/// Those of one, found once.
#[derive(Debug)]
pub(super) struct PeerMetrics {
    pub(super) ready: Gauge,
    pub(super) active: Gauge,
    connect: Histogram,
    first_byte: Histogram,
    total: Histogram,
    attempts: [Counter; 5],
    retries: Counter,
}

impl Metrics {
    pub(super) fn register(registry: &mut Registry) -> Self {
        let times = || Times::new_with_constructor(|| Histogram::new(BUCKETS));
        let metrics = Self {
            ready: Family::default(),
            active: Family::default(),
            connect: times(),
            first_byte: times(),
            total: times(),
            attempts: Family::default(),
            retries: Family::default(),
        };
        registry.register("upstream_ready", "1 when a process says that it is ready, else 0", metrics.ready.clone());
        registry.register("upstream_active_requests", "Requests that a process has", metrics.active.clone());
        let help = "Time to connect to a process";
        registry.register_with_unit("upstream_connect_duration", help, Unit::Seconds, metrics.connect.clone());
        let help = "Time from sending a request to the head of its answer";
        registry.register_with_unit("upstream_first_byte_duration", help, Unit::Seconds, metrics.first_byte.clone());
        let help = "Time from sending a request to the last byte of its answer";
        registry.register_with_unit("upstream_duration", help, Unit::Seconds, metrics.total.clone());
        registry.register(
            "upstream_attempts",
            "Requests sent to a process, by what came of it",
            metrics.attempts.clone(),
        );
        let help = "Requests that came to nothing at a process and were sent to another one";
        registry.register("upstream_retries", help, metrics.retries.clone());
        metrics
    }

    pub(super) fn of(&self, address: &str) -> Arc<PeerMetrics> {
        let upstream = || ByUpstream { upstream: address.to_owned() };
        let result = |outcome: Outcome| ByResult { upstream: address.to_owned(), result: outcome.label() };
        Arc::new(PeerMetrics {
            ready: self.ready.get_or_create_owned(&upstream()),
            active: self.active.get_or_create_owned(&upstream()),
            connect: self.connect.get_or_create_owned(&upstream()),
            first_byte: self.first_byte.get_or_create_owned(&upstream()),
            total: self.total.get_or_create_owned(&upstream()),
            attempts: Outcome::ALL.map(|outcome| self.attempts.get_or_create_owned(&result(outcome))),
            retries: self.retries.get_or_create_owned(&upstream()),
        })
    }

    /// One that is not sent to any more has no series.
    pub(super) fn forget(&self, address: &str) {
        let upstream = ByUpstream { upstream: address.to_owned() };
        self.ready.remove(&upstream);
        self.active.remove(&upstream);
        self.connect.remove(&upstream);
        self.first_byte.remove(&upstream);
        self.total.remove(&upstream);
        self.retries.remove(&upstream);
        for outcome in Outcome::ALL {
            self.attempts.remove(&ByResult { upstream: address.to_owned(), result: outcome.label() });
        }
    }
}

impl PeerMetrics {
    pub(super) fn connected(&self, time: Duration) {
        self.connect.observe(time.as_secs_f64());
    }

    pub(super) fn answered(&self, time: Duration) {
        self.first_byte.observe(time.as_secs_f64());
        self.came(Outcome::Answered);
    }

    pub(super) fn ended(&self, time: Duration) {
        self.total.observe(time.as_secs_f64());
    }

    pub(super) fn sent_elsewhere(&self) {
        self.retries.inc();
    }

    pub(super) fn came(&self, outcome: Outcome) {
        self.attempts[outcome as usize].inc();
    }
}
