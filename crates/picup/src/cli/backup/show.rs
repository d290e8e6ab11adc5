//! `picup backup status`.

use std::process::ExitCode;

use picup_app::backup::DestinationReport;
use picup_database::{CopyState, DestinationState};
use picup_domain::ByteSize;
use serde::Serialize;

use super::{StatusArgs, failure, opened, output};
use crate::cli::{Failure, block_on};

/// Copies in a state, for programs.
#[derive(Serialize)]
struct Count {
    copies: u64,
    bytes: u64,
}

/// One destination, for programs.
#[derive(Serialize)]
pub(super) struct Shown {
    name: String,
    place: String,
    encrypted: bool,
    state: &'static str,
    enrolled: bool,
    safe: bool,
    waiting: Count,
    failing: Count,
    kept: Count,
    sourceless: Count,
    doomed: Count,
    backlog_age_seconds: Option<u64>,
    last_verified_seconds: Option<u64>,
    catalogue_age_seconds: Option<u64>,
    removals_held: Option<u64>,
    orphans_held: Option<u64>,
    bytes_per_second: Option<u64>,
    latency_ms: Option<f64>,
    restore_seconds: Option<u64>,
    drill: Option<Drill>,
    errors: Vec<String>,
}

#[derive(Serialize)]
struct Drill {
    ok: bool,
    age_seconds: Option<u64>,
    seconds: u64,
    note: String,
}

impl From<&DestinationReport> for Shown {
    fn from(report: &DestinationReport) -> Self {
        let count = |state| {
            let (copies, bytes) = report.count(state);
            Count { copies, bytes }
        };
        Self {
            name: report.name.clone(),
            place: report.place.clone(),
            encrypted: report.sealed,
            state: report.state.as_str(),
            enrolled: report.enrolled,
            safe: is_safe(report),
            waiting: count(CopyState::Waiting),
            failing: count(CopyState::Failing),
            kept: count(CopyState::Kept),
            sourceless: count(CopyState::Sourceless),
            doomed: count(CopyState::Doomed),
            backlog_age_seconds: report.backlog_seconds,
            last_verified_seconds: report.proved_seconds,
            catalogue_age_seconds: report.catalogue_seconds,
            removals_held: report.held,
            orphans_held: report.orphans_held,
            bytes_per_second: report.pace.map(|pace| pace.bytes_per_second),
            latency_ms: report.pace.map(|pace| pace.latency_micros as f64 / 1e3),
            restore_seconds: report.restore_seconds,
            drill: report.drill.as_ref().map(|drill| Drill {
                ok: drill.ok,
                age_seconds: report.drill_seconds_ago,
                seconds: drill.seconds,
                note: drill.note.clone(),
            }),
            errors: report.failing.iter().map(|failing| format!("{}: {}", failing.key, failing.error)).collect(),
        }
    }
}

/// How many copies do not stand there that should.
pub(super) fn behind(report: &DestinationReport) -> u64 {
    [CopyState::Waiting, CopyState::Failing, CopyState::Sourceless].map(|state| report.count(state).0).iter().sum()
}

/// Whether everything stands there, with what a restore needs.
pub(super) fn is_safe(report: &DestinationReport) -> bool {
    report.enrolled && behind(report) == 0 && report.catalogue_seconds.is_some()
}

pub(super) fn run(args: &StatusArgs) -> Result<ExitCode, Failure> {
    let (reports, orphans_held) = block_on(async {
        let app = opened(&args.place).await?;
        let reports = picup_app::backup::report(&app).await.map_err(failure)?;
        Ok::<_, Failure>((reports, picup_app::backup::held_orphans(&app).await.map_err(failure)?))
    })?;
    if args.json {
        let shown: Vec<Shown> = reports.iter().map(Shown::from).collect();
        let primary = serde_json::json!({ "orphans_held": orphans_held });
        output::json(&serde_json::json!({ "destinations": shown, "primary": primary }))?;
    } else {
        for report in &reports {
            output::text_of(&text(report));
        }
        if reports.is_empty() {
            output::line("no destination is known yet; they are once PicUp was started with them");
        }
        if let Some(held) = orphans_held {
            output::line("primary:");
            output::line(&orphans(held, "primary"));
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn orphans(held: u64, store: &str) -> String {
    format!(
        "  HELD      {held} objects that no row speaks of stay: if this is the right database, and they may go, \
         picup backup confirm-removals {store}"
    )
}

/// One destination, for people.
pub(super) fn text(report: &DestinationReport) -> String {
    let size = |bytes| ByteSize::new(bytes).unwrap_or_default();
    let sealed = if report.sealed { ", encrypted" } else { "" };
    let mut lines = vec![format!("{}: {}{sealed}", report.name, report.place)];
    if report.state == DestinationState::Paused {
        lines.push(format!("  paused; `picup backup resume {}` has it go on", report.name));
    }
    let (kept, bytes) = report.count(CopyState::Kept);
    lines.push(format!("  kept      {kept} copies, {}{}", size(bytes), last(report.proved_seconds)));
    let (waiting, bytes) = report.count(CopyState::Waiting);
    let more = if report.enrolled { "" } else { ", and more that are not written down yet" };
    let since = report
        .backlog_seconds
        .filter(|_| waiting > 0)
        .map_or_else(String::new, |age| format!(", the oldest for {}", span(age)));
    lines.push(format!("  waiting   {waiting} copies, {}{since}{more}", size(bytes)));
    let (failing, _) = report.count(CopyState::Failing);
    if failing > 0 {
        lines.push(format!("  failing   {failing} copies, tried again and again; some of them:"));
        lines.extend(
            report.failing.iter().map(|one| format!("    {} ({} times): {}", one.key, one.attempts, one.error)),
        );
    }
    let (sourceless, _) = report.count(CopyState::Sourceless);
    if sourceless > 0 {
        lines.push(format!(
            "  no source {sourceless} copies: their objects are not what was sent, in any store; their owners see them as damaged"
        ));
    }
    let (doomed, bytes) = report.count(CopyState::Doomed);
    if doomed > 0 {
        lines.push(format!("  deleted   {doomed} copies, {}, kept until the retention is over", size(bytes)));
    }
    if let Some(held) = report.held {
        lines.push(format!(
            "  HELD      {held} copies of what was deleted within a day stay: if that was meant, picup backup confirm-removals {}",
            report.name
        ));
    }
    lines.extend(report.orphans_held.map(|held| orphans(held, &report.name)));
    lines.push(match report.catalogue_seconds {
        Some(age) => format!("  catalogue written {} ago", span(age)),
        None => "  catalogue none yet: without it nothing can be restored from there".to_owned(),
    });
    if let Some(pace) = report.pace {
        let latency = pace.latency_micros as f64 / 1e3;
        lines.push(format!("  pace      {} a second; a small copy takes {latency:.0} ms", size(pace.bytes_per_second)));
    }
    lines.push(match (&report.drill, report.drill_seconds_ago) {
        (Some(drill), Some(age)) => {
            let went = if drill.ok { "went well" } else { "FAILED" };
            let before = match report.drilled_well_seconds_ago {
                Some(age) if !drill.ok => format!("; the last that went well was {} ago", span(age)),
                _ => String::new(),
            };
            format!("  drill     {went} {} ago, in {}: {}{before}", span(age), span(drill.seconds), drill.note)
        }
        _ => format!("  drill     none yet; run: picup backup drill {}", report.name),
    });
    if let Some(seconds) = report.restore_seconds {
        lines.push(format!("  restore   of everything would take about {}", span(seconds)));
    }
    lines.join("\n") + "\n"
}

fn last(seconds: Option<u64>) -> String {
    seconds.map_or_else(String::new, |age| format!(", each read and compared within the last {}", span(age)))
}

/// A time as people say it.
pub(super) fn span(seconds: u64) -> String {
    match seconds {
        0..120 => format!("{seconds} s"),
        120..7_200 => format!("{} min", seconds / 60),
        7_200..172_800 => format!("{} h", seconds / 3_600),
        _ => format!("{} days", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use picup_database::CopyCount;

    use super::*;

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
            proved_seconds: None,
            catalogue_seconds: Some(90),
            failing: Vec::new(),
            held: None,
            orphans_held: None,
            drill: None,
            drill_seconds_ago: None,
            drilled_well_seconds_ago: None,
            pace: None,
            restore_seconds: None,
        }
    }

    #[test]
    fn it_is_safe_when_everything_stands_there_with_a_catalogue() {
        assert!(is_safe(&report()));
        for state in [CopyState::Waiting, CopyState::Failing, CopyState::Sourceless] {
            let mut behind = report();
            behind.counts.iter_mut().filter(|count| count.state == state).for_each(|count| count.copies = 1);
            assert!(!is_safe(&behind), "{state:?}");
        }
        assert!(!is_safe(&DestinationReport { enrolled: false, ..report() }));
        assert!(!is_safe(&DestinationReport { catalogue_seconds: None, ..report() }));
    }

    #[test]
    fn what_somebody_has_to_do_is_said() {
        let said = text(&report());
        assert!(
            said.contains("catalogue written 90 s ago") && said.contains("run: picup backup drill offsite"),
            "{said}"
        );
        let bad = DestinationReport {
            held: Some(700),
            orphans_held: Some(800),
            catalogue_seconds: None,
            enrolled: false,
            ..report()
        };
        let said = text(&bad);
        for part in [
            "HELD      700",
            "HELD      800",
            "confirm-removals offsite",
            "none yet: without it nothing can be restored",
            "not written down",
        ] {
            assert!(said.contains(part), "{part} in {said}");
        }
    }
}
