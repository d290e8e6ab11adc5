//! The copies elsewhere, as they go over the wire.

use picup_app::backup::{CopyState, DestinationReport, DestinationState};
use picup_app::system::{Destination, Row};

use super::system::row;
use crate::wire::{SystemBackup, SystemCopies, SystemDestination, SystemDrill, SystemFailingCopy};

pub(super) fn backup(found: Row<Vec<Row<Destination>>>) -> SystemBackup {
    SystemBackup { row: row(&found), destinations: found.found.into_iter().map(destination).collect() }
}

fn destination(found: Row<Destination>) -> SystemDestination {
    let (row, report) = (row(&found), found.found.report);
    let copies = |state| {
        let (copies, bytes) = report.count(state);
        SystemCopies { copies, bytes }
    };
    SystemDestination {
        row,
        encrypted: report.sealed,
        paused: report.state == DestinationState::Paused,
        enrolled: report.enrolled,
        kept: copies(CopyState::Kept),
        waiting: copies(CopyState::Waiting),
        failing: copies(CopyState::Failing),
        backlog_age_seconds: report.backlog_seconds,
        last_verified_seconds: report.proved_seconds,
        catalogue_age_seconds: report.catalogue_seconds,
        removals_held: report.held,
        bytes_per_second: report.pace.map(|pace| pace.bytes_per_second),
        latency_ms: report.pace.map(|pace| pace.latency_micros as f64 / 1e3),
        restore_seconds: report.restore_seconds,
        drill: drill(&report),
        errors: errors(&report),
        name: report.name,
        place: report.place,
    }
}

fn drill(report: &DestinationReport) -> Option<SystemDrill> {
    let (drill, age_seconds) = report.drill.as_ref().zip(report.drill_seconds_ago)?;
    Some(SystemDrill { ok: drill.ok, age_seconds, seconds: drill.seconds, note: drill.note.clone() })
}

fn errors(report: &DestinationReport) -> Vec<SystemFailingCopy> {
    let told = report.failing.iter().map(|copy| SystemFailingCopy {
        object: copy.key.to_string(),
        attempts: copy.attempts,
        error: copy.error.clone(),
    });
    told.collect()
}
