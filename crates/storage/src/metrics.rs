//! What this room counts.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::{Registry, Unit};

use crate::Error;

/// The room's counters. The default ones count for nobody; [`Metrics::register`] gives ones that are scraped.
#[derive(Clone, Debug, Default)]
pub struct Metrics {
    operations: Family<Operation, Counter>,
    read_bytes: Counter,
    written_bytes: Counter,
    free_bytes: Gauge,
    total_bytes: Gauge,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Operation {
    operation: &'static str,
    outcome: &'static str,
}

impl Metrics {
    /// Adds `storage_…` metrics to `registry`.
    #[must_use]
    pub fn register(registry: &mut Registry) -> Self {
        let metrics = Self::default();
        let storage = registry.sub_registry_with_prefix("storage");
        storage.register(
            "operations",
            "Operations by kind; outcome is ok, refused (the caller's mistake) or failed (the store's)",
            metrics.operations.clone(),
        );
        storage.register_with_unit("read", "Bytes read from objects", Unit::Bytes, metrics.read_bytes.clone());
        storage.register_with_unit("written", "Bytes stored", Unit::Bytes, metrics.written_bytes.clone());
        storage.register_with_unit("free", "Free space when last looked", Unit::Bytes, metrics.free_bytes.clone());
        storage.register_with_unit("size", "Total space when last looked", Unit::Bytes, metrics.total_bytes.clone());
        metrics
    }

    /// Counts an operation by how it ended, and hands its result on.
    pub(crate) fn count<T>(&self, operation: &'static str, result: Result<T, Error>) -> Result<T, Error> {
        let outcome = match &result {
            Ok(_) => "ok",
            Err(error) if error.is_callers() => "refused",
            Err(_) => "failed",
        };
        self.operations.get_or_create(&Operation { operation, outcome }).inc();
        result
    }

    pub(crate) fn read(&self, bytes: u64) {
        self.read_bytes.inc_by(bytes);
    }

    pub(crate) fn written(&self, bytes: u64) {
        self.written_bytes.inc_by(bytes);
    }

    pub(crate) fn space(&self, free: u64, total: u64) {
        self.free_bytes.set(free.try_into().unwrap_or(i64::MAX));
        self.total_bytes.set(total.try_into().unwrap_or(i64::MAX));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_scraped() {
        let mut registry = Registry::default();
        let metrics = Metrics::register(&mut registry);
        metrics.count("put", Ok(())).unwrap();
        metrics.count::<()>("put", Err(Error::Full)).unwrap_err();
        metrics.written(7);
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &registry).unwrap();
        for line in [
            r#"storage_operations_total{operation="put",outcome="ok"} 1"#,
            r#"storage_operations_total{operation="put",outcome="failed"} 1"#,
            "storage_written_bytes_total 7",
        ] {
            assert!(text.lines().any(|l| l == line), "{line} in:\n{text}");
        }
    }
}
