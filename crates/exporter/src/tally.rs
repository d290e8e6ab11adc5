//! What a namespace counts: a line comes in, and some series have grown.
//!
//! Lines come from the thread that follows its files and from its syslog; whoever reads the metrics looks at the same tally.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::format::{FormatError, Mismatch, Spans, TextFormat};
use crate::labels::Labels;
use crate::number::{NoNumber, number, sum};
use crate::recent::{Recent, shape};
use crate::relabel::Relabel;
use crate::series::{Series, TIMES};
use crate::wanted::Wanted;
use crate::window::turn;
use crate::{json, settings::Parser};

/// The longest line that is looked at, in bytes: nginx's are shorter, whatever clients send, unless its buffers were made larger.
pub(crate) const LONGEST_LINE: usize = 64 * 1024;

/// The variables of the times, in the order of [`crate::series::Observed::times`].
const TIME_VARIABLES: [&str; TIMES] = ["upstream_response_time", "upstream_connect_time", "request_time"];

/// What a tally is made of.
#[derive(Debug, Clone)]
pub(crate) struct Plan<'a> {
    pub(crate) name: &'a str,
    pub(crate) parser: &'a Parser,
    pub(crate) constant: BTreeMap<String, String>,
    pub(crate) relabels: &'a [Relabel],
    pub(crate) buckets: &'a [f64],
    pub(crate) max_series: usize,
}

#[derive(Debug)]
enum Reader {
    Text(TextFormat),
    Json(Wanted),
}

/// What a namespace has counted.
#[derive(Debug)]
pub(crate) struct Tally {
    name: String,
    reader: Reader,
    labels: Labels,
    slots: Slots,
    pub(crate) bounds: Vec<f64>,
    pub(crate) series: Series,
    pub(crate) recent: Recent,
    pub(crate) lines: u64,
    pub(crate) parse_errors: u64,
    /// Syslog messages that are none of its lines.
    pub(crate) ignored: u64,
    spans: Spans,
    values: Vec<u8>,
    key: Vec<u8>,
}

/// Where the numbers of a line are.
#[derive(Debug)]
struct Slots {
    status: usize,
    response_bytes: [usize; 2],
    request_bytes: usize,
    times: [usize; TIMES],
}

impl Tally {
    /// An empty tally.
    pub(crate) fn new(plan: Plan<'_>) -> Result<Self, FormatError> {
        let mut wanted = Wanted::default();
        let slots = Slots {
            status: wanted.add("status"),
            response_bytes: ["body_bytes_sent", "bytes_sent"].map(|name| wanted.add(name)),
            request_bytes: wanted.add("request_length"),
            times: TIME_VARIABLES.map(|name| wanted.add(name)),
        };
        let labels = Labels::new(plan.constant, plan.relabels, &mut wanted);
        let spans = vec![None; wanted.len()];
        let reader = match plan.parser {
            Parser::Text(format) => Reader::Text(TextFormat::compile(format, &wanted)?),
            Parser::Json => Reader::Json(wanted),
        };
        Ok(Self {
            name: plan.name.to_owned(),
            reader,
            labels,
            slots,
            bounds: plan.buckets.to_vec(),
            series: Series::new(plan.max_series),
            recent: Recent::default(),
            lines: 0,
            parse_errors: 0,
            ignored: 0,
            spans,
            values: Vec::new(),
            key: Vec::new(),
        })
    }

    /// Counts whole lines, each with its end.
    pub(crate) fn lines(&mut self, lines: &[u8], now: Duration) {
        let mut rest = lines;
        while let Some(at) = memchr::memchr(b'\n', rest) {
            self.line(&rest[..at], now);
            rest = &rest[at + 1..];
        }
        if !rest.is_empty() {
            self.line(rest, now);
        }
    }

    /// Counts one line, without its end.
    pub(crate) fn line(&mut self, line: &[u8], now: Duration) {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        self.lines += 1;
        match self.read(line) {
            Err(mismatch) => self.misfit(mismatch, line, now),
            Ok(()) => match self.count(line, turn(now)) {
                0 => self.recent.fit(),
                wrong => {
                    self.parse_errors += wrong - 1;
                    self.misfit(Mismatch::NoNumber, line, now);
                }
            },
        }
    }

    /// A line that was too long to be kept.
    pub(crate) fn overlong(&mut self, now: Duration) {
        self.lines += 1;
        self.misfit(Mismatch::TooLong, b"", now);
    }

    /// Finds the values of a line, wherever the reader has them.
    fn read(&mut self, line: &[u8]) -> Result<(), Mismatch> {
        self.spans.fill(None);
        if line.len() > LONGEST_LINE {
            return Err(Mismatch::TooLong);
        }
        match &self.reader {
            Reader::Text(format) => format.read(line, &mut self.spans)?,
            Reader::Json(wanted) => json::read(wanted, line, &mut self.values, &mut self.spans)?,
        }
        let bytes = if matches!(self.reader, Reader::Text(_)) { line } else { &self.values };
        // What stands there shows best whether the format is that of the log.
        match self.spans[self.slots.status].clone().map(|span| &bytes[span]) {
            None | Some(b"" | b"-") => Ok(()),
            Some(status) if status.len() == 3 && status.iter().all(u8::is_ascii_digit) => Ok(()),
            Some(_) => Err(Mismatch::NoStatus),
        }
    }

    /// Counts what was read; gives how many values are no numbers.
    fn count(&mut self, line: &[u8], turn: u64) -> u64 {
        let bytes = if matches!(self.reader, Reader::Text(_)) { line } else { &self.values };
        let shared = self.labels.write(bytes, &self.spans, &mut self.key);
        let observed = self.series.count(&self.key, shared, &self.labels);
        let value = |slot: usize| self.spans[slot].clone().map_or(&b""[..], |span| &bytes[span]);
        let mut wrong = 0;
        let mut each = |found: Result<Option<f64>, NoNumber>| {
            found.unwrap_or_else(|NoNumber| {
                wrong += 1;
                None
            })
        };
        let [body, whole] = self.slots.response_bytes;
        let sent = if self.spans[body].is_some() { body } else { whole };
        if let Some(bytes) = each(number(value(sent))) {
            *observed.response_bytes.get_or_insert_default() += bytes;
        }
        if let Some(bytes) = each(number(value(self.slots.request_bytes))) {
            *observed.request_bytes.get_or_insert_default() += bytes;
        }
        for (which, slot) in self.slots.times.iter().enumerate() {
            if let Some(seconds) = each(sum(value(*slot))) {
                observed.time(which, self.bounds.len()).observe(seconds, &self.bounds, turn);
            }
        }
        wrong
    }

    fn misfit(&mut self, mismatch: Mismatch, line: &[u8], now: Duration) {
        self.parse_errors += 1;
        if let Some(lines) = self.recent.misfit(now) {
            let (namespace, shape, why) = (&self.name, shape(line), self.describe(mismatch));
            tracing::warn!(namespace, lines, shape, "lines do not fit the format: {why}");
        }
    }

    fn describe(&self, mismatch: Mismatch) -> String {
        match (&self.reader, mismatch) {
            (Reader::Text(format), mismatch) => format.describe(mismatch),
            (Reader::Json(_), mismatch) => mismatch.to_string(),
        }
    }

    /// Whether no line has that variable, as far as the format says.
    pub(crate) fn lacks(&self, variable: &str) -> bool {
        matches!(&self.reader, Reader::Text(format) if !format.names().any(|name| name == variable))
    }

    /// Why a line does not fit, for people; nothing when it does. Counts nothing.
    pub(crate) fn objection(&mut self, line: &[u8]) -> Option<String> {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let read = self.read(line).and_then(|()| {
            let bytes = if matches!(self.reader, Reader::Text(_)) { line } else { &self.values };
            let value = |slot: &usize| self.spans[*slot].clone().map_or(&b""[..], |span| &bytes[span]);
            let [body, whole] = &self.slots.response_bytes;
            let sizes = [body, whole, &self.slots.request_bytes].into_iter().all(|slot| number(value(slot)).is_ok());
            let times = self.slots.times.iter().all(|slot| sum(value(slot)).is_ok());
            if sizes && times { Ok(()) } else { Err(Mismatch::NoNumber) }
        });
        read.err().map(|mismatch| self.describe(mismatch))
    }

    /// Whether the line that was read last has that variable.
    pub(crate) fn has(&self, which: Known) -> bool {
        let has = |slot: usize| self.spans[slot].is_some();
        match which {
            Known::ResponseBytes => self.slots.response_bytes.iter().any(|slot| has(*slot)),
            Known::RequestBytes => has(self.slots.request_bytes),
            Known::Time(which) => has(self.slots.times[which]),
        }
    }

    /// The names and values of a key of its series.
    pub(crate) fn named<'a>(&'a self, key: &'a [u8]) -> BTreeMap<&'a str, &'a str> {
        self.labels.named(key)
    }
}

/// What metrics are made of.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Known {
    ResponseBytes,
    RequestBytes,
    Time(usize),
}
