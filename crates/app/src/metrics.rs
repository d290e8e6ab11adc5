//! What this room counts.

use picup_database::JobCounts;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

/// Counters of the use cases and the worker.
#[derive(Debug, Clone, Default)]
pub struct Metrics {
    uploads: Family<UploadLabels, Counter>,
    jobs: Family<JobLabels, Counter>,
    queue: Family<QueueLabels, Gauge>,
    guesses: Family<GuessLabels, Counter>,
    pub(crate) backup: crate::backup::Metrics,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct UploadLabels {
    outcome: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct JobLabels {
    kind: &'static str,
    outcome: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct GuessLabels {
    outcome: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct QueueLabels {
    kind: String,
    state: &'static str,
}

impl Metrics {
    /// Registers the counters.
    pub fn register(registry: &mut Registry) -> Self {
        let metrics = Self::default();
        registry.register("uploads", "Uploads by what became of them", metrics.uploads.clone());
        registry.register("jobs", "Jobs run, by kind and outcome", metrics.jobs.clone());
        registry.register("jobs_in_queue", "Jobs waiting, running and given up, by kind", metrics.queue.clone());
        registry.register(
            "sign_ins",
            "Secrets shown to prove somebody: right, wrong, or not looked at",
            metrics.guesses.clone(),
        );
        metrics.backup.register(registry.sub_registry_with_prefix("backup"));
        metrics
    }

    pub(crate) fn guess(&self, outcome: &'static str) {
        self.guesses.get_or_create(&GuessLabels { outcome }).inc();
    }

    pub(crate) fn upload(&self, outcome: &'static str) {
        self.uploads.get_or_create(&UploadLabels { outcome }).inc();
    }

    pub(crate) fn queue(&self, counts: &[JobCounts]) {
        // A kind without jobs is not counted: whatever was there before has gone.
        self.queue.clear();
        for kind in counts {
            for (state, jobs) in [("pending", kind.pending), ("running", kind.leased), ("failed", kind.failed)] {
                let labels = QueueLabels { kind: kind.kind.clone(), state };
                self.queue.get_or_create(&labels).set(i64::try_from(jobs).unwrap_or(i64::MAX));
            }
        }
    }

    pub(crate) fn job(&self, kind: &'static str, outcome: &'static str) {
        self.jobs.get_or_create(&JobLabels { kind, outcome }).inc();
    }
}
