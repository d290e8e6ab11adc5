//! How plans, statuses and comparisons of servers are shown: for people, for programs, and for Prometheus.

use std::fmt::Write as _;

use picup_database::servers::{ChannelStatus, Comparison, Finding, Plan, Status};
use picup_domain::Timestamp;
use serde_json::{Value, json};

use super::output;
use crate::cli::user::moment;

pub(super) fn plan(plan: &Plan, as_json: bool) -> anyhow::Result<()> {
    if as_json {
        let objections =
            plan.objections.iter().map(|one| json!({"server": one.server, "what": one.what, "remedy": one.remedy}));
        let steps = plan.steps.iter().map(|step| json!({"server": step.server, "what": step.what, "why": step.why}));
        let lines = plan.lines.iter().map(|one| json!({"server": one.server, "lines": one.lines}));
        return output::json(&json!({
            "safe": plan.objections.is_empty(),
            "objections": objections.collect::<Vec<_>>(),
            "warnings": plan.warnings,
            "steps": steps.collect::<Vec<_>>(),
            "configuration": lines.collect::<Vec<_>>(),
        }));
    }
    for objection in &plan.objections {
        output::line(&format!("not safe: {}: {}\n  next: {}", objection.server, objection.what, objection.remedy));
    }
    plan.warnings.iter().for_each(|warning| output::line(&format!("note: {warning}")));
    for (number, step) in (1..).zip(&plan.steps) {
        output::line(&format!("{number}. {step}\n     {}", step.why));
    }
    if plan.objections.is_empty() && plan.steps.is_empty() {
        output::line("all is set up; there is nothing to do");
    }
    lines(plan);
    Ok(())
}

pub(super) fn applied(plan: &Plan) {
    plan.warnings.iter().for_each(|warning| output::line(&format!("note: {warning}")));
    output::line(if plan.steps.is_empty() { "all was set up; nothing was done" } else { "done" });
    lines(plan);
}

fn lines(plan: &Plan) {
    for one in plan.lines.iter().filter(|one| !one.lines.is_empty()) {
        output::line(&format!("in the section [mysqld] of the configuration file of {}:", one.server));
        one.lines.iter().for_each(|line| output::line(&format!("  {line}")));
    }
}

pub(super) fn status(status: &Status, as_json: bool) -> anyhow::Result<()> {
    if as_json {
        return output::json(&json!({
            "healthy": status.healthy,
            "server": status.target,
            "findings": findings(&status.findings),
            "channels": status.channels.iter().map(channel).collect::<Vec<_>>(),
        }));
    }
    output::line(&format!("{}: {}", status.target, if status.healthy { "well" } else { "not well" }));
    told(&status.findings);
    for channel in &status.channels {
        let name = if channel.channel.is_empty() { "replication" } else { &channel.channel };
        let state = if channel.healthy { "well" } else { "not well" };
        let lag = channel.lag.map_or_else(|| "unknown".to_owned(), |lag| format!("{} s", lag.as_secs()));
        let point = channel.recovery_point.map_or_else(|| "unknown".to_owned(), moment);
        output::line(&format!("{name} from {}: {state}; behind: {lag}; has all until: {point}", channel.source));
        told(&channel.findings);
    }
    Ok(())
}

fn told(findings: &[Finding]) {
    for finding in findings {
        let word = if finding.ill { "wrong" } else { "note" };
        output::line(&format!("  {word}: {}\n    next: {}", finding.what, finding.remedy));
    }
}

fn findings(all: &[Finding]) -> Vec<Value> {
    let one = |finding: &Finding| json!({"ill": finding.ill, "code": finding.code, "what": finding.what, "remedy": finding.remedy});
    all.iter().map(one).collect()
}

fn channel(channel: &ChannelStatus) -> Value {
    json!({
        "channel": channel.channel,
        "source": channel.source,
        "healthy": channel.healthy,
        "lag_seconds": channel.lag.map(|lag| lag.as_secs_f64()),
        "recovery_point": channel.recovery_point.map(moment),
        "position": channel.position,
        "findings": findings(&channel.findings),
    })
}

pub(super) fn comparisons(all: &[Comparison], as_json: bool) -> anyhow::Result<()> {
    if as_json {
        return output::json(&all.iter().map(comparison).collect::<Vec<_>>());
    }
    for one in all {
        let name = if one.channel.is_empty() { String::new() } else { format!("{}: ", one.channel) };
        let differing: Vec<_> = one.tables.iter().filter(|table| !table.is_equal()).collect();
        for table in &differing {
            let sum = |sum: &Option<String>| sum.clone().unwrap_or_else(|| "not there".to_owned());
            output::line(&format!(
                "{name}{} differs: {} at the source, {} here",
                table.table,
                sum(&table.source),
                sum(&table.target)
            ));
        }
        let (count, position) = (one.tables.len(), &one.position);
        output::line(&match differing.len() {
            0 => format!("{name}all {count} tables are the same, at {position}"),
            some => format!("{name}{some} of {count} tables differ, at {position}\n  next: rebuild it"),
        });
    }
    Ok(())
}

fn comparison(one: &Comparison) -> Value {
    let tables = one.tables.iter().map(|table| {
        json!({"table": table.table, "equal": table.is_equal(), "source": table.source, "target": table.target})
    });
    let tables = tables.collect::<Vec<_>>();
    json!({"channel": one.channel, "equal": one.is_equal(), "position": one.position, "tables": tables})
}

/// Prometheus' text format. What is not known has no sample.
pub(super) fn metrics(status: &Status, now: Timestamp) -> String {
    let mut text = String::new();
    let channels = || status.channels.iter().map(|channel| (format!("{{channel=\"{}\"}}", channel.channel), channel));
    let seconds = |at: Timestamp| Some(at.seconds().to_string());
    let mut gauge = |name: &str, help: &str, samples: Vec<(String, Option<String>)>| {
        let _ = writeln!(text, "# HELP picup_offsite_{name} {help}\n# TYPE picup_offsite_{name} gauge");
        for (labels, value) in samples {
            let _ = value.map(|value| writeln!(text, "picup_offsite_{name}{labels} {value}"));
        }
    };
    let well = |healthy: bool| Some(u8::from(healthy).to_string());
    gauge(
        "healthy",
        "Whether nothing is wrong with the off-site server or any of its channels.",
        vec![(String::new(), well(status.healthy))],
    );
    gauge(
        "channel_healthy",
        "Whether nothing is wrong with the channel.",
        channels().map(|(labels, one)| (labels, well(one.healthy))).collect(),
    );
    let lag = channels().map(|(labels, one)| (labels, one.lag.map(|lag| lag.as_secs().to_string())));
    gauge("lag_seconds", "How far the channel is behind its source.", lag.collect());
    let point = channels().map(|(labels, one)| (labels, one.recovery_point.and_then(seconds)));
    let help = "Up to which moment all that was written at the source is here, in seconds since 1970.";
    gauge("recovery_point_timestamp_seconds", help, point.collect());
    gauge(
        "looked_at_timestamp_seconds",
        "When this was found, in seconds since 1970.",
        vec![(String::new(), seconds(now))],
    );
    text
}

/// The same when the off-site server itself did not answer.
pub(super) fn metrics_of_nothing(now: Timestamp) -> String {
    let status = Status { target: String::new(), healthy: false, findings: Vec::new(), channels: Vec::new() };
    metrics(&status, now)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn what_is_not_known_has_no_sample() {
        let channel = |name: &str, lag: Option<u64>| ChannelStatus {
            channel: name.to_owned(),
            source: "db:3306".to_owned(),
            healthy: lag == Some(3),
            findings: Vec::new(),
            lag: lag.map(Duration::from_secs),
            recovery_point: lag.map(|_| Timestamp::from_micros(1_700_000_000_000_000)),
            position: String::new(),
        };
        let channels = vec![channel("ada", Some(3)), channel("bob", None)];
        let status = Status { target: String::new(), healthy: false, findings: Vec::new(), channels };
        let text = metrics(&status, Timestamp::from_micros(1_700_000_009_000_000));
        let samples: Vec<_> = text.lines().filter(|line| !line.starts_with('#')).collect();
        assert_eq!(
            samples,
            [
                "picup_offsite_healthy 0",
                "picup_offsite_channel_healthy{channel=\"ada\"} 1",
                "picup_offsite_channel_healthy{channel=\"bob\"} 0",
                "picup_offsite_lag_seconds{channel=\"ada\"} 3",
                "picup_offsite_recovery_point_timestamp_seconds{channel=\"ada\"} 1700000000",
                "picup_offsite_looked_at_timestamp_seconds 1700000009",
            ]
        );
    }
}
