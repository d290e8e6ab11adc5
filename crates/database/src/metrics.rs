//! How long statements take and how long callers wait for a connection. `picup` owns the registry; this room only fills in.

use std::sync::atomic::AtomicU64;
use std::time::Duration;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

type Label = [(&'static str, &'static str); 1];
type OfServer = [(&'static str, String); 1];
type Histograms = Family<Label, Histogram, fn() -> Histogram>;

/// The room's figures. The default counts into nowhere.
#[derive(Debug, Clone)]
pub struct Metrics {
    statements: Histograms,
    waits: Histograms,
    reads: Family<[(&'static str, &'static str); 2], Counter>,
    /// Nothing is said of a primary without replicas: nobody asks it regularly.
    primary: Family<OfServer, Gauge>,
    serving: Family<OfServer, Gauge>,
    lag: Family<OfServer, Gauge<f64, AtomicU64>>,
}

impl Default for Metrics {
    fn default() -> Self {
        Self {
            statements: Family::new_with_constructor(seconds),
            waits: Family::new_with_constructor(seconds),
            reads: Family::default(),
            primary: Family::default(),
            serving: Family::default(),
            lag: Family::default(),
        }
    }
}

/// Few buckets: a statement is a matter of microseconds, and what matters is that it stays one.
fn seconds() -> Histogram {
    Histogram::new([0.0001, 0.001, 0.01, 0.1, 1.0])
}

impl Metrics {
    /// Adds `database_statement_seconds{statement}`, `database_wait_seconds{intent}`, `database_reads_total{server,why}`,
    /// `database_primary_up{primary}`, `database_replica_serving{replica}` and `database_replica_lag_seconds{replica}` to `registry`.
    #[must_use]
    pub fn register(registry: &mut Registry) -> Self {
        let metrics = Self::default();
        registry.register(
            "database_statement_seconds",
            "Time a statement took, by its name",
            metrics.statements.clone(),
        );
        registry.register(
            "database_wait_seconds",
            "Time until a transaction began, by intent (read or write)",
            metrics.waits.clone(),
        );
        registry.register(
            "database_reads",
            "Reads that a replica may answer, by who answered (replica or primary) and why",
            metrics.reads.clone(),
        );
        registry.register(
            "database_primary_up",
            "1 when the primary took the last heartbeat, else 0; where there are replicas",
            metrics.primary.clone(),
        );
        registry.register(
            "database_replica_serving",
            "1 when a replica answers reads, else 0",
            metrics.serving.clone(),
        );
        registry.register(
            "database_replica_lag_seconds",
            "Age of the newest heartbeat of the primary that a replica has, while that is known",
            metrics.lag.clone(),
        );
        metrics
    }

    pub(crate) fn read(&self, server: &'static str, why: &'static str) {
        self.reads.get_or_create(&[("server", server), ("why", why)]).inc();
    }

    pub(crate) fn primary_is_up(&self, primary: &str, up: bool) {
        self.primary.get_or_create(&[("primary", primary.to_owned())]).set(i64::from(up));
    }

    pub(crate) fn replica_serving(&self, replica: &str, serves: bool) {
        self.serving.get_or_create(&[("replica", replica.to_owned())]).set(i64::from(serves));
    }

    pub(crate) fn replica_lag(&self, replica: &str, lag: Option<Duration>) {
        let replica = [("replica", replica.to_owned())];
        match lag {
            Some(lag) => {
                self.lag.get_or_create(&replica).set(lag.as_secs_f64());
            }
            None => {
                self.lag.remove(&replica);
            }
        }
    }

    pub(crate) fn statement(&self, name: &'static str, took: Duration) {
        self.statements.get_or_create(&[("statement", name)]).observe(took.as_secs_f64());
    }

    pub(crate) fn wait(&self, intent: &'static str, took: Duration) {
        self.waits.get_or_create(&[("intent", intent)]).observe(took.as_secs_f64());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_reach_the_registry_under_their_names() {
        let mut registry = Registry::default();
        let metrics = Metrics::register(&mut registry);
        metrics.statement("asset_by_id", Duration::from_micros(50));
        metrics.wait("read", Duration::from_millis(5));
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &registry).unwrap();
        for line in [
            r#"database_statement_seconds_bucket{le="0.0001",statement="asset_by_id"} 1"#,
            r#"database_wait_seconds_bucket{le="0.001",intent="read"} 0"#,
            r#"database_wait_seconds_count{intent="read"} 1"#,
        ] {
            assert!(text.contains(line), "{line} is not in\n{text}");
        }
    }
}
