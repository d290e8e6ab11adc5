//! What is counted of keeping copies.

use picup_database::OrphanCount;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::{Registry, Unit};

use super::scrub::Scrubbed;
use super::status::DestinationReport;

/// Counters and gauges by destination; the primary store is `primary`.
#[derive(Debug, Clone, Default)]
pub(crate) struct Metrics {
    made: Family<Place, Counter>,
    made_bytes: Family<Place, Counter>,
    failed: Family<Place, Counter>,
    removed: Family<Place, Counter>,
    healed: Family<Place, Counter>,
    scrubbed: Family<Outcome, Counter>,
    copies: Family<InState, Gauge>,
    copy_bytes: Family<InState, Gauge>,
    backlog_age: Family<Place, Gauge>,
    proved_age: Family<Place, Gauge>,
    catalogue_age: Family<Place, Gauge>,
    drill_age: Family<Place, Gauge>,
    drill_ok: Family<Place, Gauge>,
    orphans: Family<Place, Gauge>,
    orphan_bytes: Family<Place, Gauge>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Place {
    destination: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Outcome {
    destination: String,
    outcome: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct InState {
    destination: String,
    state: &'static str,
}

fn place(destination: &str) -> Place {
    Place { destination: destination.to_owned() }
}

impl Metrics {
    pub(crate) fn register(&self, registry: &mut Registry) {
        registry.register("copies_made", "Copies made and proved", self.made.clone());
        registry.register_with_unit("copied", "Bytes of objects copied", Unit::Bytes, self.made_bytes.clone());
        registry.register("copies_failed", "Attempts at a copy that failed", self.failed.clone());
        registry.register("copies_removed", "Copies removed after the retention", self.removed.clone());
        registry.register("healed", "Objects put back from a good copy", self.healed.clone());
        registry.register("scrubbed", "Objects and copies read again, by how they were found", self.scrubbed.clone());
        registry.register("copies", "Copies by state", self.copies.clone());
        registry.register_with_unit("copies", "Bytes of objects by state", Unit::Bytes, self.copy_bytes.clone());
        let ages = [
            ("backlog_age", "How long the oldest copy has waited", &self.backlog_age),
            ("proved_age", "How long ago the copy was read that was read longest ago", &self.proved_age),
            ("catalogue_age", "How old the newest catalogue is", &self.catalogue_age),
            ("drill_age", "How long ago a restore was last rehearsed", &self.drill_age),
        ];
        for (name, help, family) in ages {
            registry.register_with_unit(name, help, Unit::Seconds, family.clone());
        }
        let orphans = "What stands in a store and in no row";
        registry.register("orphans", orphans, self.orphans.clone());
        registry.register_with_unit("orphans", "The bytes of those", Unit::Bytes, self.orphan_bytes.clone());
        registry.register("drill_ok", "1 when the last rehearsal brought everything back", self.drill_ok.clone());
    }

    pub(super) fn copied(&self, destination: &str, bytes: u64) {
        self.made.get_or_create(&place(destination)).inc();
        self.made_bytes.get_or_create(&place(destination)).inc_by(bytes);
    }

    pub(super) fn copy_failed(&self, destination: &str) {
        self.failed.get_or_create(&place(destination)).inc();
    }

    pub(super) fn removed(&self, destination: &str, copies: u64) {
        self.removed.get_or_create(&place(destination)).inc_by(copies);
    }

    pub(super) fn healed(&self, destination: &str) {
        self.healed.get_or_create(&place(destination)).inc();
    }

    pub(super) fn orphans(&self, destination: &str, found: OrphanCount) {
        let number = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
        self.orphans.get_or_create(&place(destination)).set(number(found.orphans));
        self.orphan_bytes.get_or_create(&place(destination)).set(number(found.bytes));
    }

    pub(super) fn scrubbed(&self, destination: &str, found: Scrubbed) {
        for (outcome, count) in
            [("good", found.good), ("healed", found.healed), ("lost", found.lost), ("unread", found.unread)]
        {
            let labels = Outcome { destination: destination.to_owned(), outcome };
            self.scrubbed.get_or_create(&labels).inc_by(count);
        }
    }

    pub(super) fn stands(&self, found: &[DestinationReport]) {
        let number = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
        for report in found {
            for count in &report.counts {
                let labels = InState { destination: report.name.clone(), state: count.state.as_str() };
                self.copies.get_or_create(&labels).set(number(count.copies));
                self.copy_bytes.get_or_create(&labels).set(number(count.bytes));
            }
            let ages = [
                (&self.backlog_age, Some(report.backlog_seconds.unwrap_or_default())),
                (&self.proved_age, report.proved_seconds),
                (&self.catalogue_age, report.catalogue_seconds),
                (&self.drill_age, report.drill_seconds_ago),
            ];
            for (family, seconds) in ages {
                if let Some(seconds) = seconds {
                    family.get_or_create(&place(&report.name)).set(number(seconds));
                }
            }
            if let Some(drill) = &report.drill {
                self.drill_ok.get_or_create(&place(&report.name)).set(i64::from(drill.ok));
            }
        }
    }
}
