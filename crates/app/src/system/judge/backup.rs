//! What is to be said of the copies elsewhere. Every advice names the command that helps.

use std::time::Duration;

use picup_database::{CopyState, DestinationState};

use super::super::Destination;
use super::{Advice, State, advice};
use crate::backup::DestinationReport;

const DAY: u64 = 86_400;
/// A copy that waits for longer is late.
const LATE: u64 = DAY;
/// A rehearsal from longer ago proves little.
const DRILL_AGAIN: u64 = 90 * DAY;

/// Of so many destinations, and so many objects in the primary store that are held though no row speaks of them.
pub(in super::super) fn backup(destinations: usize, orphans_held: Option<u64>) -> Vec<Advice> {
    let detail = "no destination is configured, so no copies are kept elsewhere; add a section [backup.destinations.NAME] to \
                  picup.toml (see: picup config template), run: picup backup recovery-key, and restart PicUp";
    let none = (destinations == 0).then(|| advice("backup-none", State::Attention, detail));
    none.into_iter().chain(orphans(orphans_held, "primary")).collect()
}

/// `every`: how often a catalogue is written.
pub(in super::super) fn destination(found: &Destination, every: Duration) -> Vec<Advice> {
    let report = &found.report;
    let mut all = copying(report);
    all.extend(
        [catalogue(found, every), removals(report), orphans(report.orphans_held, &report.name), drill(report)]
            .into_iter()
            .flatten(),
    );
    all
}

/// What is paused is behind because somebody wants it so.
fn copying(report: &DestinationReport) -> Vec<Advice> {
    let name = &report.name;
    if report.state == DestinationState::Paused {
        let detail = format!("nothing is copied to {name}; to have it go on, run: picup backup resume {name}");
        return vec![advice("backup-paused", State::Attention, detail)];
    }
    let late = report.backlog_seconds.filter(|age| *age > LATE);
    let (failing, _) = report.count(CopyState::Failing);
    let mut all = Vec::new();
    if failing > 0 {
        let detail = format!("{failing} copies failed and are tried again; for why, see: picup backup status");
        let state = if late.is_some() { State::Bad } else { State::Attention };
        all.push(advice("backup-failing", state, detail));
    }
    if let Some(age) = late {
        let detail =
            format!("the oldest copy that is to be made has waited for {}; see: picup backup status", span(age));
        all.push(advice("backup-behind", State::Attention, detail));
    }
    all
}

fn catalogue(found: &Destination, every: Duration) -> Option<Advice> {
    let name = &found.report.name;
    if !found.has_recovery_key {
        let detail = "without one no catalogue is written; run: picup backup recovery-key, keep what it shows away from this \
                      machine, and restart PicUp";
        return Some(advice("backup-no-recovery-key", State::Attention, detail));
    }
    let Some(age) = found.report.catalogue_seconds else {
        let detail =
            format!("one is written within a minute of a start; to write it now, run: picup backup catalogue {name}");
        return Some(advice("backup-no-catalogue", State::Attention, detail));
    };
    // It is written anew once a day at least.
    let old = age > 2 * every.as_secs().max(DAY);
    old.then(|| {
        let detail = format!(
            "the newest is from {} ago; see the log for why, and run: picup backup catalogue {name}",
            span(age)
        );
        advice("backup-catalogue-old", State::Attention, detail)
    })
}

fn removals(report: &DestinationReport) -> Option<Advice> {
    let detail = format!(
        "{} copies of what was deleted stay; if that was meant, run: picup backup confirm-removals {}",
        report.held?, report.name
    );
    Some(advice("removals-held", State::Attention, detail))
}

fn orphans(held: Option<u64>, store: &str) -> Option<Advice> {
    let detail = format!(
        "{} objects in {store} have no row in the database and stay; is it the right database? If it is, and they may go, run: \
         picup backup confirm-removals {store}",
        held?
    );
    Some(advice("orphans-held", State::Attention, detail))
}

/// Before there is a catalogue, there is nothing to rehearse.
fn drill(report: &DestinationReport) -> Option<Advice> {
    let name = &report.name;
    match (&report.drill, report.drill_seconds_ago) {
        (Some(drill), _) if !drill.ok => {
            let detail = format!("{}; run: picup backup scrub, and then: picup backup drill {name}", drill.note);
            Some(advice("drill-failed", State::Bad, detail))
        }
        (Some(_), Some(age)) if age > DRILL_AGAIN => {
            let detail = format!("it was {} ago; run again: picup backup drill {name}", span(age));
            Some(advice("drill-old", State::Attention, detail))
        }
        (None, _) if report.catalogue_seconds.is_some() => {
            let detail = format!("nobody knows yet whether one works; run: picup backup drill {name}");
            Some(advice("drill-never", State::Attention, detail))
        }
        _ => None,
    }
}

/// A time of a day or more.
fn span(seconds: u64) -> String {
    if seconds < 2 * DAY { format!("{} hours", seconds / 3_600) } else { format!("{} days", seconds / DAY) }
}

#[cfg(test)]
mod tests {
    use picup_database::{CopyCount, Drill};
    use picup_domain::Timestamp;

    use super::super::worst;
    use super::*;

    const EVERY: Duration = Duration::from_secs(3_600);

    /// Everything is there, proved, and was rehearsed a day ago.
    fn report() -> DestinationReport {
        let counts = CopyState::ALL.map(|state| CopyCount { state, copies: 0, bytes: 0 });
        DestinationReport {
            name: "offsite".to_owned(),
            place: "s3://family-backup".to_owned(),
            sealed: true,
            state: DestinationState::Active,
            enrolled: true,
            counts: counts.to_vec(),
            backlog_seconds: None,
            proved_seconds: Some(60),
            catalogue_seconds: Some(60),
            failing: Vec::new(),
            held: None,
            orphans_held: None,
            drill: Some(drilled(true)),
            drill_seconds_ago: Some(DAY),
            drilled_well_seconds_ago: Some(DAY),
            pace: None,
            restore_seconds: None,
        }
    }

    fn drilled(ok: bool) -> Drill {
        Drill {
            at: Timestamp::from_micros(0),
            ok,
            seconds: 60,
            of: None,
            note: "3 objects are missing there".to_owned(),
        }
    }

    fn said(report: DestinationReport, has_recovery_key: bool) -> Vec<(&'static str, State)> {
        let advice = destination(&Destination { report, has_recovery_key }, EVERY);
        for one in &advice {
            assert!(one.detail.contains("picup backup "), "{one:?} names a command");
        }
        advice.iter().map(|advice| (advice.code, advice.state)).collect()
    }

    #[test]
    fn without_a_destination_it_is_said_plainly_and_with_one_it_is_looked_at() {
        assert_eq!(worst(&backup(0, None)), State::Attention);
        assert_eq!(backup(0, None)[0].code, "backup-none");
        assert!(backup(1, None).is_empty());
        assert!(said(report(), true).is_empty());
    }

    #[test]
    fn copies_that_fail_are_bad_once_they_are_late_and_what_is_paused_is_neither() {
        let failing = |backlog| {
            let counts = vec![CopyCount { state: CopyState::Failing, copies: 1, bytes: 1 }];
            DestinationReport { counts, backlog_seconds: Some(backlog), ..report() }
        };
        assert_eq!(said(failing(LATE), true), [("backup-failing", State::Attention)]);
        let late = [("backup-failing", State::Bad), ("backup-behind", State::Attention)];
        assert_eq!(said(failing(LATE + 1), true), late);
        let behind = DestinationReport { backlog_seconds: Some(LATE + 1), ..report() };
        assert_eq!(said(behind, true), [("backup-behind", State::Attention)]);
        let paused = DestinationReport { state: DestinationState::Paused, ..failing(LATE + 1) };
        assert_eq!(said(paused, true), [("backup-paused", State::Attention)]);
    }

    #[test]
    fn what_a_restore_needs_is_asked_for_one_after_the_other() {
        let young = DestinationReport { catalogue_seconds: None, drill: None, drill_seconds_ago: None, ..report() };
        assert_eq!(said(young.clone(), false), [("backup-no-recovery-key", State::Attention)]);
        assert_eq!(said(young.clone(), true), [("backup-no-catalogue", State::Attention)]);
        let ready = DestinationReport { catalogue_seconds: Some(2 * DAY), ..young };
        assert_eq!(said(ready, true), [("drill-never", State::Attention)]);
        let old = DestinationReport { catalogue_seconds: Some(2 * DAY + 1), ..report() };
        assert_eq!(said(old, true), [("backup-catalogue-old", State::Attention)]);
    }

    #[test]
    fn a_rehearsal_ages_and_one_that_failed_is_bad() {
        let at = |age| DestinationReport { drill_seconds_ago: Some(age), ..report() };
        assert!(said(at(DRILL_AGAIN), true).is_empty());
        assert_eq!(said(at(DRILL_AGAIN + 1), true), [("drill-old", State::Attention)]);
        let failed = DestinationReport { drill: Some(drilled(false)), ..at(1) };
        assert_eq!(said(failed, true), [("drill-failed", State::Bad)]);
        let held = DestinationReport { held: Some(700), ..report() };
        assert_eq!(said(held, true), [("removals-held", State::Attention)]);
        let orphans = DestinationReport { orphans_held: Some(700), ..report() };
        assert_eq!(said(orphans, true), [("orphans-held", State::Attention)]);
        let primary = backup(1, Some(700));
        assert_eq!((primary.len(), primary[0].code), (1, "orphans-held"));
        assert!(primary[0].detail.ends_with("picup backup confirm-removals primary"), "{}", primary[0].detail);
    }
}
