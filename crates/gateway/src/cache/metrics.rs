//! What the cache has done, for Prometheus: read from its counts when it is asked.

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric as _};
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Registry;

use super::Cache;

impl Cache {
    /// Puts what it counts into `registry`.
    pub fn register(&self, registry: &mut Registry) {
        registry.register_collector(Box::new(Counted(self.clone())));
    }
}

struct Counted(Cache);

impl std::fmt::Debug for Counted {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Counted(…)")
    }
}

impl Collector for Counted {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), std::fmt::Error> {
        let counts = self.0.counts();
        for (name, help, count) in [
            ("edge_cache_memory_blocks", "Blocks of 64 KiB given from memory", counts.memory),
            ("edge_cache_disk_blocks", "Blocks of 64 KiB read from the cache's disk", counts.disk),
            ("edge_cache_waits", "Readers that waited for a slice that another one had asked for", counts.waited),
            ("edge_cache_fills", "Slices that the origin was asked for", counts.fills),
            ("edge_cache_origin_bytes", "Bytes that came from the origin", counts.origin_bytes),
            ("edge_cache_broken_slices", "Slices on disk that were not as they were written", counts.broken),
            ("edge_cache_unkept_slices", "Slices that the cache's disk did not take", counts.unkept),
        ] {
            let counter = ConstCounter::new(count);
            counter.encode(encoder.encode_descriptor(name, help, None, counter.metric_type())?)?;
        }
        for (name, help, held) in [
            ("edge_cache_disk_held_bytes", "Bytes on the cache's disk", counts.disk_bytes),
            ("edge_cache_slices", "Slices on the cache's disk", counts.slices),
        ] {
            let gauge = ConstGauge::new(i64::try_from(held).unwrap_or(i64::MAX));
            gauge.encode(encoder.encode_descriptor(name, help, None, gauge.metric_type())?)?;
        }
        Ok(())
    }
}
