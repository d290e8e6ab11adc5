//! How a line of the log looks. Written here and not by the logger of everything else, because there is one for each request, and what a
//! refusal costs is mostly its line.

use std::fmt::{self, Write as _};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;

/// What lines look like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AccessFormat {
    /// For people: `name=value`, texts in quotes.
    Text,
    /// One JSON object a line.
    Json,
    /// nginx's `combined`, and behind it `$request_time` and `$upstream_response_time`.
    Combined,
}

/// Where the lines of requests go, and what they look like. Nothing is written while the target `access` of the log is off.
#[derive(Clone)]
pub struct AccessLog {
    format: AccessFormat,
    second: Arc<Mutex<Second>>,
    write: Arc<dyn Fn(&str) + Send + Sync>,
}

/// One request, at its end.
pub(super) struct Entry<'e> {
    /// Since the epoch.
    pub(super) now: Duration,
    pub(super) request_id: &'e str,
    pub(super) client: IpAddr,
    pub(super) method: &'e str,
    pub(super) route: &'e str,
    pub(super) path: &'e str,
    pub(super) protocol: &'e str,
    pub(super) status: u16,
    pub(super) bytes: u64,
    pub(super) complete: bool,
    pub(super) duration: Duration,
    pub(super) denied: Option<&'e str>,
    pub(super) error: Option<&'e str>,
    pub(super) upstream: Option<SentOn<'e>>,
    pub(super) referrer: Option<&'e str>,
    pub(super) user_agent: Option<&'e str>,
}

/// A request that was sent on to another process.
pub(super) struct SentOn<'e> {
    pub(super) to: &'e str,
    /// How long each attempt took that came to nothing.
    pub(super) before: &'e [Duration],
    /// How long the last one took, to the last byte of its answer.
    pub(super) last: Duration,
}

impl AccessLog {
    /// `write` gets each line whole, with its end.
    pub fn new(format: AccessFormat, write: impl Fn(&str) + Send + Sync + 'static) -> Self {
        Self { format, second: Arc::default(), write: Arc::new(write) }
    }

    pub(super) fn is_wanted() -> bool {
        tracing::enabled!(target: "access", tracing::Level::INFO)
    }

    /// Whether lines say where a client came from, and what it is.
    pub(super) fn tells_whence(&self) -> bool {
        self.format == AccessFormat::Combined
    }

    pub(super) fn write(&self, entry: &Entry<'_>) {
        let mut line = String::with_capacity(512);
        // A text takes whatever is written to it.
        let _ = match self.format {
            AccessFormat::Text => text(&mut line, entry),
            AccessFormat::Json => json(&mut line, entry),
            AccessFormat::Combined => combined(&mut line, entry, &self.second),
        };
        (self.write)(&line);
    }
}

fn moment(since_epoch: Duration) -> Timestamp {
    let micros = i64::try_from(since_epoch.as_micros()).unwrap_or(i64::MAX);
    Timestamp::from_microsecond(micros).unwrap_or(Timestamp::MAX)
}

/// The last second that was written as nginx has it: most lines are of the same one as the line before.
#[derive(Default)]
struct Second {
    since_epoch: u64,
    text: String,
}

fn number(line: &mut String, number: impl itoa::Integer) {
    line.push_str(itoa::Buffer::new().format(number));
}

/// A number of thousandths, as one of wholes: `12.034`.
fn thousandths(line: &mut String, thousandths: u128) {
    let thousandths = u64::try_from(thousandths).unwrap_or(u64::MAX);
    number(line, thousandths / 1_000);
    let rest = thousandths % 1_000;
    line.push_str(match rest {
        ..10 => ".00",
        10..100 => ".0",
        _ => ".",
    });
    number(line, rest);
}

fn address(line: &mut String, address: IpAddr) -> fmt::Result {
    let IpAddr::V4(address) = address else { return write!(line, "{address}") };
    for (index, octet) in address.octets().into_iter().enumerate() {
        if index > 0 {
            line.push('.');
        }
        number(line, octet);
    }
    Ok(())
}

fn text(line: &mut String, entry: &Entry<'_>) -> fmt::Result {
    write!(line, "{:.6}  INFO access:", moment(entry.now))?;
    fields(line, entry, (" ", "="))?;
    line.write_char('\n')
}

fn json(line: &mut String, entry: &Entry<'_>) -> fmt::Result {
    write!(line, "{{\"timestamp\":\"{:.6}\",\"level\":\"INFO\",\"target\":\"access\"", moment(entry.now))?;
    fields(line, entry, (",\"", "\":"))?;
    line.write_str("}\n")
}

/// Each by its name, between `around`.
fn fields(line: &mut String, entry: &Entry<'_>, around: (&str, &str)) -> fmt::Result {
    let name = |line: &mut String, name: &str| {
        line.push_str(around.0);
        line.push_str(name);
        line.push_str(around.1);
    };
    let said = |line: &mut String, of: &str, value: &str| {
        name(line, of);
        quoted(line, value)
    };
    said(line, "request_id", entry.request_id)?;
    name(line, "client");
    line.push('"');
    address(line, entry.client)?;
    line.push('"');
    said(line, "method", entry.method)?;
    said(line, "route", entry.route)?;
    said(line, "path", entry.path)?;
    said(line, "protocol", entry.protocol)?;
    name(line, "status");
    number(line, entry.status);
    name(line, "bytes");
    number(line, entry.bytes);
    name(line, "complete");
    line.push_str(if entry.complete { "true" } else { "false" });
    name(line, "duration_ms");
    thousandths(line, entry.duration.as_micros());
    if let Some(sent) = &entry.upstream {
        said(line, "upstream", sent.to)?;
        name(line, "upstream_ms");
        thousandths(line, sent.last.as_micros());
        name(line, "upstream_attempts");
        number(line, sent.before.len() + 1);
    }
    entry.denied.map_or(Ok(()), |denied| said(line, "denied", denied))?;
    entry.error.map_or(Ok(()), |error| said(line, "error", error))
}

/// As JSON has it, whatever the characters; nor is a line ended or a terminal steered by what somebody sent.
fn quoted(line: &mut String, value: &str) -> fmt::Result {
    line.push('"');
    if value.bytes().all(|byte| matches!(byte, b' '..=b'~') && !matches!(byte, b'"' | b'\\')) {
        line.push_str(value);
    } else {
        for character in value.chars() {
            match character {
                '"' | '\\' => write!(line, "\\{character}")?,
                _ if character.is_control() => write!(line, "\\u{:04x}", u32::from(character))?,
                _ => line.push(character),
            }
        }
    }
    line.write_char('"')
}

/// As nginx has it: `$remote_addr - - [$time_local] "$request" $status $body_bytes_sent "$http_referer" "$http_user_agent"`.
fn combined(line: &mut String, entry: &Entry<'_>, second: &Mutex<Second>) -> fmt::Result {
    address(line, entry.client)?;
    line.push_str(" - - [");
    local_time(line, entry.now, second)?;
    line.push_str("] \"");
    line.push_str(entry.method);
    line.push(' ');
    escaped(line, entry.path)?;
    line.push_str(" HTTP/");
    line.push_str(if entry.protocol == "2" { "2.0" } else { entry.protocol });
    line.push_str("\" ");
    number(line, entry.status);
    line.push(' ');
    number(line, entry.bytes);
    for said in [entry.referrer, entry.user_agent] {
        line.push_str(" \"");
        escaped(line, said.unwrap_or("-"))?;
        line.push('"');
    }
    line.push(' ');
    thousandths(line, entry.duration.as_millis());
    line.push(' ');
    let Some(sent) = &entry.upstream else { return line.write_str("-\n") };
    for before in sent.before {
        thousandths(line, before.as_millis());
        line.push_str(", ");
    }
    thousandths(line, sent.last.as_millis());
    line.write_char('\n')
}

/// `$time_local`, in UTC.
fn local_time(line: &mut String, since_epoch: Duration, second: &Mutex<Second>) -> fmt::Result {
    let mut second = second.lock().unwrap_or_else(PoisonError::into_inner);
    if second.text.is_empty() || second.since_epoch != since_epoch.as_secs() {
        second.since_epoch = since_epoch.as_secs();
        second.text.clear();
        let now = moment(since_epoch).strftime("%d/%b/%Y:%H:%M:%S +0000");
        write!(second.text, "{now}")?;
    }
    line.write_str(&second.text)
}

/// As nginx writes what clients sent: `"`, `\` and all that is not printable ASCII as `\xXX`.
fn escaped(line: &mut String, value: &str) -> fmt::Result {
    let is_plain = |byte| matches!(byte, b' '..=b'~') && !matches!(byte, b'"' | b'\\');
    if value.bytes().all(is_plain) {
        return line.write_str(value);
    }
    for byte in value.bytes() {
        match is_plain(byte) {
            true => line.push(char::from(byte)),
            false => write!(line, "\\x{byte:02X}")?,
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn written(format: AccessFormat, said: &str) -> String {
        let lines = Arc::new(Mutex::new(String::new()));
        let kept = Arc::clone(&lines);
        AccessLog::new(format, move |line| kept.lock().unwrap().push_str(line)).write(&Entry {
            now: Duration::from_micros(1_700_000_000_000_007),
            request_id: "r-1",
            client: "2001:db8::1".parse().unwrap(),
            method: "GET",
            route: "media",
            path: said,
            protocol: "1.1",
            status: 503,
            bytes: 7,
            complete: false,
            duration: Duration::from_micros(12_034),
            denied: None,
            error: Some(said),
            upstream: None,
            referrer: None,
            user_agent: Some(said),
        });
        lines.lock().unwrap().clone()
    }

    #[test]
    fn a_line_for_people_one_for_programs_and_one_as_nginx_has_it() {
        assert_eq!(
            written(AccessFormat::Text, "/a\"b\n"),
            "2023-11-14T22:13:20.000007Z  INFO access: request_id=\"r-1\" client=\"2001:db8::1\" method=\"GET\" \
             route=\"media\" path=\"/a\\\"b\\u000a\" protocol=\"1.1\" status=503 bytes=7 complete=false \
             duration_ms=12.034 error=\"/a\\\"b\\u000a\"\n"
        );
        assert_eq!(
            written(AccessFormat::Json, "/a"),
            "{\"timestamp\":\"2023-11-14T22:13:20.000007Z\",\"level\":\"INFO\",\"target\":\"access\",\
             \"request_id\":\"r-1\",\"client\":\"2001:db8::1\",\"method\":\"GET\",\"route\":\"media\",\"path\":\"/a\",\
             \"protocol\":\"1.1\",\"status\":503,\"bytes\":7,\"complete\":false,\"duration_ms\":12.034,\"error\":\"/a\"}\n"
        );
        assert_eq!(
            written(AccessFormat::Combined, "/a\"b\u{e9}"),
            "2001:db8::1 - - [14/Nov/2023:22:13:20 +0000] \"GET /a\\x22b\\xC3\\xA9 HTTP/1.1\" 503 7 \"-\" \
             \"/a\\x22b\\xC3\\xA9\" 0.012 -\n"
        );
    }

    proptest! {
        #[test]
        fn any_text_is_within_one_line(said: String) {
            let line = written(AccessFormat::Json, &said);
            let read: serde_json::Value = serde_json::from_str(&line).unwrap();
            prop_assert_eq!(read["path"].as_str(), Some(said.as_str()));
            for format in [AccessFormat::Text, AccessFormat::Json, AccessFormat::Combined] {
                let line = written(format, &said);
                prop_assert_eq!(line.chars().filter(|character| character.is_control()).count(), 1);
                prop_assert!(line.ends_with('\n'));
            }
            prop_assert_eq!(written(AccessFormat::Combined, &said).matches('"').count(), 6);
        }
    }
}
