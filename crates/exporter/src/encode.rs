//! The metrics as text, in Prometheus' format 0.0.4. Names are those of prometheus-nginxlog-exporter, which a library that adds
//! `_total` to counters and has no summaries cannot write.

use std::collections::BTreeMap;
use std::fmt::{self, Display, Write as _};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::series::{Observed, Timing};
use crate::tally::Tally;
use crate::window::{QUANTILES, turn};

/// What the format is called in HTTP.
pub(crate) const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// The times, in the order of [`Observed::times`]: name and help.
const TIMES: [(&str, &str); 3] = [
    ("http_upstream_time_seconds", "Time until the upstream servers had answered, summed over those of a request"),
    (
        "http_upstream_connect_time_seconds",
        "Time until connections to the upstream servers were made, summed over those of a request",
    ),
    ("http_response_time_seconds", "Time from a request's first byte to the end of its response"),
];

/// A namespace, as it is told.
pub(crate) struct Told<'a> {
    pub(crate) name: &'a str,
    pub(crate) prefix: &'a str,
    /// The label that has the name.
    pub(crate) name_label: Option<&'a str>,
    pub(crate) tally: &'a Mutex<Tally>,
    pub(crate) files: usize,
}

/// All metrics.
pub(crate) fn encode(namespaces: &[Told<'_>], now: Duration) -> String {
    let mut text = String::new();
    let mut by_prefix: BTreeMap<&str, Vec<&Told<'_>>> = BTreeMap::new();
    for told in namespaces {
        by_prefix.entry(told.prefix).or_default().push(told);
    }
    for (prefix, told) in &by_prefix {
        let tallies: Vec<_> = told.iter().map(|told| (*told, lock(told.tally))).collect();
        Group { text: &mut text, prefix, tallies: &tallies }.write(turn(now));
    }
    own(&mut text, namespaces);
    text
}

fn lock(tally: &Mutex<Tally>) -> MutexGuard<'_, Tally> {
    tally.lock().unwrap_or_else(PoisonError::into_inner)
}

/// All namespaces whose metrics have the same names.
struct Group<'a> {
    text: &'a mut String,
    prefix: &'a str,
    tallies: &'a [(&'a Told<'a>, MutexGuard<'a, Tally>)],
}

impl Group<'_> {
    fn write(&mut self, turn: u64) {
        let name = self.head("http_response_count_total", "counter", "Responses");
        for (_, tally) in self.tallies {
            for (key, count) in tally.series.counts() {
                sample(self.text, &name, "", &tally.named(key), None, count);
            }
        }
        self.bytes("http_response_size_bytes", "Bytes of responses", |observed| observed.response_bytes);
        self.bytes("http_request_size_bytes", "Bytes of requests", |observed| observed.request_bytes);
        for (which, (name, help)) in TIMES.into_iter().enumerate() {
            self.summary(name, help, which, turn);
            self.histogram(&format!("{name}_hist"), help, which);
        }
        let name = self.head(
            "parse_errors_total",
            "counter",
            "Lines that do not fit the format, and values that are no numbers",
        );
        for (told, tally) in self.tallies {
            let labels = told.name_label.map(|label| (label, told.name)).into_iter().collect();
            sample(self.text, &name, "", &labels, None, tally.parse_errors);
        }
    }

    fn head(&mut self, name: &str, kind: &str, help: &str) -> String {
        let separator = if self.prefix.is_empty() { "" } else { "_" };
        let name = format!("{}{separator}{name}", self.prefix);
        head(self.text, &name, kind, help);
        name
    }

    fn bytes(&mut self, name: &str, help: &str, of: impl Fn(&Observed) -> Option<f64>) {
        let name = self.head(name, "counter", help);
        for (_, tally) in self.tallies {
            for (key, observed) in tally.series.observed() {
                if let Some(bytes) = of(observed) {
                    sample(self.text, &name, "", &tally.named(key), None, Go(bytes));
                }
            }
        }
    }

    fn summary(&mut self, name: &str, help: &str, which: usize, turn: u64) {
        let name = self.head(name, "summary", help);
        self.timings(which, |text, labels, _, timing| {
            for (quantile, seconds) in QUANTILES.into_iter().zip(timing.window.quantiles(turn)) {
                sample(text, &name, "", labels, Some(("quantile", quantile)), Go(seconds));
            }
            sample(text, &name, "_sum", labels, None, Go(timing.sum));
            sample(text, &name, "_count", labels, None, timing.buckets.iter().sum::<u64>());
        });
    }

    fn histogram(&mut self, name: &str, help: &str, which: usize) {
        let name = self.head(name, "histogram", help);
        self.timings(which, |text, labels, bounds, timing| {
            let mut below = 0;
            for (bound, count) in bounds.iter().copied().chain([f64::INFINITY]).zip(&timing.buckets) {
                below += count;
                sample(text, &name, "_bucket", labels, Some(("le", bound)), below);
            }
            sample(text, &name, "_sum", labels, None, Go(timing.sum));
            sample(text, &name, "_count", labels, None, below);
        });
    }

    fn timings(&mut self, which: usize, mut write: impl FnMut(&mut String, &BTreeMap<&str, &str>, &[f64], &Timing)) {
        for (_, tally) in self.tallies {
            for (key, observed) in tally.series.observed() {
                if let Some(timing) = &observed.times[which] {
                    write(self.text, &tally.named(key), &tally.bounds, timing);
                }
            }
        }
    }
}

/// What the exporter tells of itself.
fn own(text: &mut String, namespaces: &[Told<'_>]) {
    type Of = fn(&Told<'_>, &Tally) -> u64;
    let all: [(&str, &str, &str, Of); 6] = [
        ("lines_total", "counter", "Lines that were read", |_, tally| tally.lines),
        ("series", "gauge", "Sets of label values that are told apart", |_, tally| tally.series.len() as u64),
        (
            "lines_folded_total",
            "counter",
            "Lines whose labels became other: there are max_series already",
            |_, tally| tally.series.folded,
        ),
        ("format_fits", "gauge", "1 when at least half of the last hundred lines fit the format", |_, tally| {
            tally.recent.fits().into()
        }),
        ("files", "gauge", "Files that are followed", |told, _| told.files as u64),
        ("syslog_ignored_total", "counter", "Syslog messages with another tag, or that are none", |_, tally| {
            tally.ignored
        }),
    ];
    for (name, kind, help, of) in all {
        let name = format!("picup_exporter_{name}");
        head(text, &name, kind, help);
        for told in namespaces {
            let value = of(told, &lock(told.tally));
            sample(text, &name, "", &BTreeMap::from([("namespace", told.name)]), None, value);
        }
    }
}

fn head(text: &mut String, name: &str, kind: &str, help: &str) {
    // Writing to a String cannot fail.
    let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} {kind}");
}

fn sample(
    text: &mut String,
    name: &str,
    suffix: &str,
    labels: &BTreeMap<&str, &str>,
    last: Option<(&str, f64)>,
    value: impl Display,
) {
    text.push_str(name);
    text.push_str(suffix);
    let mut before = '{';
    for (name, value) in labels {
        text.push(before);
        text.push_str(name);
        text.push_str("=\"");
        for letter in value.chars() {
            match letter {
                '\\' => text.push_str("\\\\"),
                '"' => text.push_str("\\\""),
                '\n' => text.push_str("\\n"),
                other => text.push(other),
            }
        }
        text.push('"');
        before = ',';
    }
    if let Some((name, value)) = last {
        let _ = write!(text, "{before}{name}=\"{}\"", Go(value));
        before = ',';
    }
    if before == ',' {
        text.push('}');
    }
    let _ = writeln!(text, " {value}");
}

/// A number as Go writes it, so that `le` has the same values as with prometheus-nginxlog-exporter: `1e+06`, not `1000000`.
struct Go(f64);

impl Display for Go {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let number = self.0;
        if number.is_nan() {
            return f.write_str("NaN");
        }
        if number.is_infinite() {
            return f.write_str(if number > 0.0 { "+Inf" } else { "-Inf" });
        }
        let scientific = format!("{number:e}");
        let (digits, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
        let exponent: i32 = exponent.parse().unwrap_or(0);
        if number != 0.0 && !(-4..6).contains(&exponent) {
            let sign = if exponent < 0 { '-' } else { '+' };
            return write!(f, "{digits}e{sign}{:02}", exponent.abs());
        }
        write!(f, "{number}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_as_go_writes_them() {
        let all = [0.005, 0.0, 1.0, 10.0, 2.5, 123_456.0, 1e6, 1_234_567.5, 0.0001, 0.00001, f64::INFINITY, f64::NAN];
        let written = all.map(|number| Go(number).to_string());
        let expected =
            ["0.005", "0", "1", "10", "2.5", "123456", "1e+06", "1.2345675e+06", "0.0001", "1e-05", "+Inf", "NaN"];
        assert_eq!(written, expected);
    }
}
