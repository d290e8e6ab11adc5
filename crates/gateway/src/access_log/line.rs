//! How a line of the log looks. Written here and not by the logger of everything else, because there is one for each request, and what a
//! refusal costs is mostly its line.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

/// What lines look like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AccessFormat {
    /// For people: `name=value`, texts in quotes.
    Text,
    /// One JSON object a line.
    Json,
}

/// Where the lines of requests go, and what they look like. Nothing is written while the target `access` of the log is off.
#[derive(Clone)]
pub struct AccessLog {
    format: AccessFormat,
    write: Arc<dyn Fn(&str) + Send + Sync>,
}

impl AccessLog {
    /// `write` gets each line whole, with its end.
    pub fn new(format: AccessFormat, write: impl Fn(&str) + Send + Sync + 'static) -> Self {
        Self { format, write: Arc::new(write) }
    }

    /// Begins a line of that moment since the epoch, if anybody wants it.
    pub(super) fn line(&self, now: Duration) -> Option<Line<'_>> {
        tracing::enabled!(target: "access", tracing::Level::INFO).then(|| Line::begin(self, now))
    }
}

/// A line that is being made.
pub(super) struct Line<'l> {
    log: &'l AccessLog,
    text: String,
}

impl<'l> Line<'l> {
    fn begin(log: &'l AccessLog, now: Duration) -> Self {
        let micros = i64::try_from(now.as_micros()).unwrap_or(i64::MAX);
        let now = Timestamp::from_microsecond(micros).unwrap_or(Timestamp::MAX);
        let mut text = String::with_capacity(512);
        let _ = match log.format {
            AccessFormat::Text => write!(text, "{now:.6}  INFO access:"),
            AccessFormat::Json => write!(text, "{{\"timestamp\":\"{now:.6}\",\"level\":\"INFO\",\"target\":\"access\""),
        };
        Self { log, text }
    }

    fn name(&mut self, name: &str) {
        let (before, after) = match self.log.format {
            AccessFormat::Text => (" ", "="),
            AccessFormat::Json => (",\"", "\":"),
        };
        self.text.push_str(before);
        self.text.push_str(name);
        self.text.push_str(after);
    }

    /// A text, of whatever characters.
    pub(super) fn text(&mut self, name: &str, value: &str) -> &mut Self {
        self.name(name);
        self.text.push('"');
        if value.bytes().all(|byte| (byte.is_ascii_graphic() || byte == b' ') && !matches!(byte, b'"' | b'\\')) {
            self.text.push_str(value);
        } else {
            value.chars().for_each(|character| self.escaped(character));
        }
        self.text.push('"');
        self
    }

    /// As JSON has it; nor is a line ended or a terminal steered by what somebody sent.
    fn escaped(&mut self, character: char) {
        let _ = match character {
            '"' | '\\' => write!(self.text, "\\{character}"),
            _ if character.is_control() => write!(self.text, "\\u{:04x}", u32::from(character)),
            _ => self.text.write_char(character),
        };
    }

    /// A number or a truth.
    pub(super) fn plain(&mut self, name: &str, value: impl std::fmt::Display) -> &mut Self {
        self.name(name);
        let _ = write!(self.text, "{value}");
        self
    }

    /// Milliseconds, to the microsecond.
    pub(super) fn millis(&mut self, name: &str, value: Duration) -> &mut Self {
        let micros = value.as_micros();
        self.plain(name, format_args!("{}.{:03}", micros / 1_000, micros % 1_000))
    }

    pub(super) fn end(mut self) {
        self.text.push_str(match self.log.format {
            AccessFormat::Text => "\n",
            AccessFormat::Json => "}\n",
        });
        (self.log.write)(&self.text);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use proptest::prelude::*;

    use super::*;

    fn written(format: AccessFormat, value: &str) -> String {
        let lines = Arc::new(Mutex::new(String::new()));
        let kept = Arc::clone(&lines);
        let log = AccessLog::new(format, move |line| kept.lock().unwrap().push_str(line));
        let mut line = Line::begin(&log, Duration::from_micros(1_700_000_000_000_007));
        line.text("path", value).plain("bytes", 7).millis("duration_ms", Duration::from_micros(12_034));
        line.end();
        let text = lines.lock().unwrap().clone();
        text
    }

    #[test]
    fn a_line_for_people_and_one_for_programs() {
        assert_eq!(
            written(AccessFormat::Text, "/a\"b\n"),
            "2023-11-14T22:13:20.000007Z  INFO access: path=\"/a\\\"b\\u000a\" bytes=7 duration_ms=12.034\n"
        );
        assert_eq!(
            written(AccessFormat::Json, "/a"),
            "{\"timestamp\":\"2023-11-14T22:13:20.000007Z\",\"level\":\"INFO\",\"target\":\"access\",\
             \"path\":\"/a\",\"bytes\":7,\"duration_ms\":12.034}\n"
        );
    }

    proptest! {
        #[test]
        fn any_text_is_one_line_of_json_that_says_it(value: String) {
            let line = written(AccessFormat::Json, &value);
            let read: serde_json::Value = serde_json::from_str(&line).unwrap();
            prop_assert_eq!(read["path"].as_str(), Some(value.as_str()));
            prop_assert_eq!(line.lines().count(), 1);
            prop_assert_eq!(written(AccessFormat::Text, &value).lines().count(), 1);
        }
    }
}
