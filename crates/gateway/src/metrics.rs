//! What the gateway counts, named as OpenTelemetry names it. Every label has a fixed set of values, or a bounded one: see [`Series`].

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use http::Method;
use picup_delivery::Denied;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeLabelSet, EncodeMetric as _};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::{ConstGauge, Gauge};
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};
use tokio::sync::watch;

use crate::class::Class;
use crate::handshake::Outcome;
use crate::route::{Route, RouteLabel};
use crate::series::{Ended, Labels, OTHER, Series};
use crate::tls::Tls;

/// The buckets that OpenTelemetry's conventions give for this histogram, in seconds.
pub(crate) const BUCKETS: [f64; 14] = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0];

/// A handshake is some milliseconds of computing and two ways of the network.
const HANDSHAKE_BUCKETS: [f64; 11] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0];

/// The gateway's metrics. Cheap to clone; every clone counts together.
#[derive(Clone, Debug)]
pub struct Metrics {
    series: Arc<Series>,
    media_bytes: Counter,
    active: Gauge,
    connections: Gauge,
    denied: Family<ByReason, Counter>,
    not_admitted: Family<ByClass, Counter>,
    limited: Family<ByClass, Counter>,
    turned_away: Family<ByReason, Counter>,
    handshakes: Family<Handshake, Counter>,
    handshake_duration: Histogram,
    expiry: Expiry,
}

/// What came of requests for media.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Delivered {
    /// Bytes that were handed to clients.
    pub bytes: u64,
    /// How many were refused, by reason; nothing of reasons that there were none of.
    pub refused: Vec<(&'static str, u64)>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByClass {
    class: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByReason {
    reason: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Handshake {
    protocol: &'static str,
    result: &'static str,
}

/// Until when the certificate in use is good, whenever that is asked.
#[derive(Clone, Debug, Default)]
struct Expiry(Arc<OnceLock<watch::Receiver<Tls>>>);

impl Collector for Expiry {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> std::fmt::Result {
        let Some(tls) = self.0.get() else { return Ok(()) };
        let not_after = ConstGauge::new(tls.borrow().certificate().not_after);
        let help = "Until when the certificate in use is good, since 1970";
        let metric = encoder.encode_descriptor(
            "tls_certificate_not_after",
            help,
            Some(&Unit::Seconds),
            not_after.metric_type(),
        )?;
        not_after.encode(metric)
    }
}

impl Metrics {
    /// Makes the metrics and puts them into `registry`.
    pub fn register(registry: &mut Registry) -> Self {
        let metrics = Self {
            series: Arc::new(Series::register(registry)),
            media_bytes: Counter::default(),
            active: Gauge::default(),
            connections: Gauge::default(),
            denied: Family::default(),
            not_admitted: Family::default(),
            limited: Family::default(),
            turned_away: Family::default(),
            handshakes: Family::default(),
            handshake_duration: Histogram::new(HANDSHAKE_BUCKETS),
            expiry: Expiry::default(),
        };
        registry.register("http_server_active_requests", "Requests being answered", metrics.active.clone());
        registry.register("http_server_open_connections", "Client connections open", metrics.connections.clone());
        registry.register("delivery_denied", "Requests for media refused, by reason", metrics.denied.clone());
        let help = "Requests from where their class may not come from";
        registry.register("http_server_not_admitted", help, metrics.not_admitted.clone());
        let help = "Requests over the rate that an address or account has for their class";
        registry.register("http_server_limited", help, metrics.limited.clone());
        let help = "Connections closed before a request: too many of an address, or a proxy that is not trusted or says nothing";
        registry.register("http_server_connections_turned_away", help, metrics.turned_away.clone());
        let help = "Connections to where TLS is spoken, by what came of them";
        registry.register("tls_handshakes", help, metrics.handshakes.clone());
        let help = "Time that handshakes took which came about";
        registry.register_with_unit("tls_handshake_duration", help, Unit::Seconds, metrics.handshake_duration.clone());
        registry.register_collector(Box::new(metrics.expiry.clone()));
        for class in Class::ALL {
            let class = ByClass { class: class.name() };
            metrics.not_admitted.get_or_create_owned(&class);
            metrics.limited.get_or_create_owned(&class);
        }
        for reason in Denied::ALL {
            metrics.denied.get_or_create_owned(&ByReason { reason: reason.label() });
        }
        metrics
    }

    /// What was given of media, and refused, since the process began.
    #[must_use]
    pub fn delivered(&self) -> Delivered {
        let refused = |reason: Denied| {
            let label = reason.label();
            (label, self.denied.get_or_create(&ByReason { reason: label }).get())
        };
        Delivered {
            bytes: self.media_bytes.get(),
            refused: Denied::ALL.into_iter().map(refused).filter(|(_, times)| *times > 0).collect(),
        }
    }

    pub(crate) fn begun(&self) {
        self.active.inc();
    }

    pub(crate) fn ended(&self, labels: Labels, ended: Ended<'_>) {
        self.active.dec();
        if labels.route == RouteLabel::Class(Route::Media.label()) {
            self.media_bytes.inc_by(ended.sent);
        }
        self.series.count(labels, ended);
    }

    pub(crate) fn refused(&self, reason: Denied) {
        self.denied.get_or_create(&ByReason { reason: reason.label() }).inc();
    }

    pub(crate) fn not_admitted(&self, class: Class) {
        self.not_admitted.get_or_create(&ByClass { class: class.name() }).inc();
    }

    pub(crate) fn limited(&self, class: Class) {
        self.limited.get_or_create(&ByClass { class: class.name() }).inc();
    }

    pub(crate) fn turned_away(&self, reason: &'static str) {
        self.turned_away.get_or_create(&ByReason { reason }).inc();
    }

    pub(crate) fn handshake(&self, outcome: Outcome, protocol: &'static str) {
        self.handshakes.get_or_create(&Handshake { protocol, result: outcome.label() }).inc();
    }

    pub(crate) fn shaken(&self, duration: Duration) {
        self.handshake_duration.observe(duration.as_secs_f64());
    }

    /// Tells from now on until when this certificate is good.
    pub(crate) fn follow(&self, tls: watch::Receiver<Tls>) {
        // Metrics are one gateway's; of a second, the first would go on.
        let _ = self.expiry.0.set(tls);
    }

    pub(crate) fn connected(&self) -> Connected {
        self.connections.inc();
        Connected(self.connections.clone())
    }
}

/// Counts one connection for as long as it lives.
pub(crate) struct Connected(Gauge);

impl Drop for Connected {
    fn drop(&mut self) {
        self.0.dec();
    }
}

/// The value of the `method` label: a fixed set, whatever a client invents.
#[must_use]
pub fn method_label(method: &Method) -> &'static str {
    const KNOWN: [&str; 7] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];
    KNOWN.into_iter().find(|known| method == *known).unwrap_or(OTHER)
}
