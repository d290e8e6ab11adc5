//! How much is processed, how it ends and how long it takes. [`crate::Media`] counts; `picup` owns the registry.

use std::time::Duration;

use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family, histogram::Histogram},
    registry::Registry,
};

use crate::sniff::Format;

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct JobLabels {
    format: &'static str,
    outcome: &'static str,
}

/// The room's counters. Cloning shares them.
#[derive(Debug, Clone)]
pub struct Metrics {
    jobs: Family<JobLabels, Counter>,
    crashes: Counter,
    seconds: Histogram,
}

impl Metrics {
    /// Adds `media_jobs`, `media_child_crashes` and `media_seconds` to `registry`.
    pub fn register(registry: &mut Registry) -> Metrics {
        // From 10 ms, a small picture, to 80 s, beyond the usual deadline.
        let buckets = (0..14).map(|n| 0.01 * f64::from(1 << n));
        let metrics =
            Metrics { jobs: Family::default(), crashes: Counter::default(), seconds: Histogram::new(buckets) };
        registry.register("media_jobs", "Originals processed, by format and outcome", metrics.jobs.clone());
        registry.register("media_child_crashes", "Children that ended without an answer", metrics.crashes.clone());
        registry.register("media_seconds", "Time to process one original, waiting excluded", metrics.seconds.clone());
        metrics
    }

    pub(crate) fn job(&self, format: Format, outcome: &'static str, took: Duration) {
        self.jobs.get_or_create(&JobLabels { format: format.name(), outcome }).inc();
        self.seconds.observe(took.as_secs_f64());
    }

    pub(crate) fn crash(&self) {
        self.crashes.inc();
    }
}
