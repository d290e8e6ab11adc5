//! nginx's `log_format`, compiled once into literal text and fields, and a line taken apart by it.
//!
//! A field ends where the text that follows it in the format is found first. nginx escapes what could look like that text (`"` is `\x22`
//! in a value), so no expression and no going back is needed. A line may go on behind what the format describes, as
//! prometheus-nginxlog-exporter has it: who adds a variable to the end of a log keeps its metrics.

use std::ops::Range;

use memchr::memchr;

use crate::wanted::Wanted;

/// Variables whose values are one word.
const WORDS: [&str; 17] = [
    "body_bytes_sent",
    "bytes_sent",
    "connection",
    "connection_requests",
    "msec",
    "pipe",
    "remote_addr",
    "remote_port",
    "request_id",
    "request_length",
    "request_method",
    "request_time",
    "scheme",
    "server_port",
    "server_protocol",
    "status",
    "time_iso8601",
];

/// Why a format cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FormatError {
    /// Nothing would be read.
    #[error("the format is empty: give it as it stands in nginx's log_format")]
    Empty,
    /// A dollar sign without a name.
    #[error("the format has a $ without the name of a variable, at byte {0}")]
    NoName(usize),
    /// Where one value ends and the next begins cannot be seen.
    #[error(
        "nothing stands between ${0} and ${1} in the format, so ${2} cannot be told apart: put a space between them in nginx too"
    )]
    Adjacent(String, String, String),
    /// A `log_format` statement that is not whole.
    #[error("the log_format statement cannot be read: {0}")]
    Statement(&'static str),
}

/// How nginx escaped the values of a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Escape {
    /// `"`, `\` and control characters as `\xXX`, or not at all: no value has a quote behind a backslash.
    #[default]
    Default,
    /// As in JSON strings: a quote in a value is `\"`.
    Json,
}

/// Where in a line, or in a reader's own buffer, the values of the wanted variables are: one for each, in their order.
pub(crate) type Spans = Vec<Option<Range<usize>>>;

/// Where a line and its format part.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Mismatch {
    #[error("it does not begin as the format does")]
    Beginning,
    /// What should follow this field, by its number, does not.
    #[error("it ends too soon")]
    After(usize),
    #[error("it is no JSON object")]
    NoObject,
    #[error("its $status is none")]
    NoStatus,
    #[error("a time or size in it is no number")]
    NoNumber,
    #[error("it is longer than 64 KiB")]
    TooLong,
}

/// A compiled format.
#[derive(Debug)]
pub(crate) struct TextFormat {
    beginning: Box<[u8]>,
    fields: Vec<Field>,
    escape: Escape,
}

#[derive(Debug)]
struct Field {
    /// Its name; several, where nothing tells them apart.
    names: Vec<String>,
    slot: Option<usize>,
    /// nginx never writes a space into it: a value with one is a sign that the format is another log's.
    word: bool,
    /// nginx writes one value for each server that was asked, separated by `, ` and ` : `.
    several: bool,
    /// What follows it; nothing at the end of the format.
    end: Box<[u8]>,
}

impl TextFormat {
    /// Compiles `format`, the text between the quotes of a `log_format`, or that whole statement.
    pub(crate) fn compile(format: &str, wanted: &Wanted) -> Result<Self, FormatError> {
        let (format, escape) = crate::statement::text_of(format)?;
        if format.is_empty() {
            return Err(FormatError::Empty);
        }
        let mut this = Self { beginning: Box::default(), fields: Vec::new(), escape };
        let (mut rest, mut literal) = (&*format, String::new());
        while let Some(at) = rest.find('$') {
            literal.push_str(&rest[..at]);
            let (name, behind) =
                variable(&rest[at + 1..]).ok_or(FormatError::NoName(format.len() - rest.len() + at))?;
            this.push(std::mem::take(&mut literal), name);
            rest = behind;
        }
        literal.push_str(rest);
        this.close(literal);
        for field in &mut this.fields {
            field.slot = wanted.slot(&field.names[0]);
            field.several = field.names[0].starts_with("upstream_");
            field.word = field.names.iter().all(|name| WORDS.contains(&name.as_str()));
            let lost = field.names.iter().find(|name| wanted.slot(name).is_some());
            if let ([first, second, ..], Some(lost)) = (&field.names[..], lost) {
                return Err(FormatError::Adjacent(first.clone(), second.clone(), lost.clone()));
            }
        }
        Ok(this)
    }

    fn push(&mut self, before: String, name: &str) {
        match self.fields.last_mut() {
            Some(last) if before.is_empty() => last.names.push(name.to_owned()),
            _ => {
                self.close(before);
                self.fields.push(Field {
                    names: vec![name.to_owned()],
                    slot: None,
                    several: false,
                    word: false,
                    end: Box::default(),
                });
            }
        }
    }

    /// Text after the last field, or at the beginning.
    fn close(&mut self, text: String) {
        let text = text.into_bytes().into_boxed_slice();
        match self.fields.last_mut() {
            Some(last) => last.end = text,
            None => self.beginning = text,
        }
    }

    /// The variables that it names.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.fields.iter().flat_map(|field| field.names.iter().map(String::as_str))
    }

    /// Finds the wanted values of a line; allocates nothing.
    pub(crate) fn read(&self, line: &[u8], spans: &mut Spans) -> Result<(), Mismatch> {
        if !line.starts_with(&self.beginning) {
            return Err(Mismatch::Beginning);
        }
        let mut at = self.beginning.len();
        for (number, field) in self.fields.iter().enumerate() {
            let end = self.end_of(field, line, at).filter(|end| !field.word || memchr(b' ', &line[at..*end]).is_none());
            let end = end.ok_or(Mismatch::After(number))?;
            if let Some(slot) = field.slot {
                spans[slot] = Some(at..end);
            }
            at = end + field.end.len();
        }
        Ok(())
    }

    fn end_of(&self, field: &Field, line: &[u8], from: usize) -> Option<usize> {
        let mut search = from;
        loop {
            let found = match field.end.split_first() {
                Some((first, others)) => {
                    let at = search + memchr(*first, &line[search..])?;
                    line[at + 1..].starts_with(others).then_some(at).ok_or(at)
                }
                // The last one of a line ends at a space, so that what is added to the log behind it does not become part of it.
                None => Ok(memchr(b' ', &line[search..]).map_or(line.len(), |at| search + at)),
            };
            match found {
                Ok(at) if !self.goes_on(field, line, from, at) => return Some(at),
                Ok(at) | Err(at) => search = at + 1,
            }
        }
    }

    /// Whether what looks like a field's end belongs to its value.
    fn goes_on(&self, field: &Field, line: &[u8], from: usize, at: usize) -> bool {
        if at == line.len() {
            return false;
        }
        let value = &line[from..at];
        if self.escape == Escape::Json && line[at] == b'"' {
            return value.iter().rev().take_while(|byte| **byte == b'\\').count() % 2 == 1;
        }
        // `0.010, 0.020 : 0.030` without quotes around it.
        field.several
            && line[at] == b' '
            && (value.ends_with(b",") || value.ends_with(b" :") || line[at..].starts_with(b" : "))
    }

    /// What a line lacks, for people.
    pub(crate) fn describe(&self, mismatch: Mismatch) -> String {
        match mismatch {
            Mismatch::Beginning => format!("it does not begin with {}", shown(&self.beginning)),
            Mismatch::After(number) if number < self.fields.len() => {
                let field = &self.fields[number];
                format!("there is no {} after ${}", shown(&field.end), field.names.join("$"))
            }
            other => other.to_string(),
        }
    }
}

fn shown(literal: &[u8]) -> String {
    format!("'{}'", String::from_utf8_lossy(literal).replace('\t', "\\t"))
}

/// The name at the beginning of `text`, as `name` or `{name}`, and what follows it.
fn variable(text: &str) -> Option<(&str, &str)> {
    let is_name = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    let (inner, braces) = text.strip_prefix('{').map_or((text, false), |inner| (inner, true));
    let end = inner.bytes().position(|byte| !is_name(byte)).unwrap_or(inner.len());
    let (name, rest) = inner.split_at(end);
    let rest = if braces { rest.strip_prefix('}')? } else { rest };
    (!name.is_empty()).then_some((name, rest))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const COMBINED: &str = r#"$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent "$http_referer" "$http_user_agent""#;

    fn read(format: &str, names: &[&str], line: &str) -> Result<Vec<Option<String>>, String> {
        let mut wanted = Wanted::default();
        let slots: Vec<_> = names.iter().map(|name| wanted.add(name)).collect();
        let format = TextFormat::compile(format, &wanted).map_err(|error| error.to_string())?;
        let mut spans = vec![None; wanted.len()];
        format.read(line.as_bytes(), &mut spans).map_err(|mismatch| format.describe(mismatch))?;
        Ok(slots.iter().map(|slot| spans[*slot].clone().map(|span| line[span].to_owned())).collect())
    }

    fn all(values: &[&str]) -> Result<Vec<Option<String>>, String> {
        Ok(values.iter().map(|value| Some((*value).to_owned())).collect())
    }

    #[test]
    fn a_line_of_nginx_is_taken_apart() {
        let line = r#"192.0.2.7 - ada b [11/Oct/2026:22:14:15 +0000] "GET /a?b=1 HTTP/1.1" 200 612 "-" "curl/8 (x) \x22y\x22""#;
        let wanted = ["request", "status", "body_bytes_sent", "remote_user", "http_user_agent"];
        let values = ["GET /a?b=1 HTTP/1.1", "200", "612", "ada b", r"curl/8 (x) \x22y\x22"];
        assert_eq!(read(COMBINED, &wanted, line), all(&values));
        // With more behind it, as prometheus-nginxlog-exporter has it.
        assert_eq!(read(COMBINED, &wanted, &format!("{line} \"-\" 0.001")), all(&values));
    }

    #[test]
    fn where_a_line_and_its_format_part_is_told() {
        let told = |line| read(COMBINED, &["status"], line).unwrap_err();
        assert_eq!(told("hello"), "there is no ' - ' after $remote_addr");
        assert_eq!(told(r#"a - b [c] "GET /"#), "there is no '\" ' after $request");
        assert_eq!(read("<$status>", &["status"], "200").unwrap_err(), "it does not begin with '<'");
    }

    #[test]
    fn a_format_of_another_log_is_no_coincidence() {
        let line = r#"192.0.2.7 - - [11/Oct/2026:22:14:15 +0000] "GET / HTTP/1.1" 200 612"#;
        let told = read("$remote_addr [$time_local] $status", &["status"], line).unwrap_err();
        assert_eq!(told, "there is no ' [' after $remote_addr");
    }

    #[test]
    fn several_upstream_times_are_one_value_with_or_without_quotes() {
        let times = "0.010, 0.020 : 0.030, -";
        let names = ["upstream_response_time", "request_time", "upstream_addr"];
        for (format, line) in [
            ("$upstream_response_time $request_time $upstream_addr", format!("{times} 0.5 unix:/a : 10.0.0.1:80")),
            (
                "\"$upstream_response_time\" $request_time $upstream_addr",
                format!("\"{times}\" 0.5 unix:/a : 10.0.0.1:80"),
            ),
            (
                "a=$upstream_addr $request_time $upstream_response_time",
                format!("a=unix:/a : 10.0.0.1:80 0.5 {times} more"),
            ),
        ] {
            assert_eq!(read(format, &names, &line), all(&[times, "0.5", "unix:/a : 10.0.0.1:80"]), "{format}");
        }
    }

    #[test]
    fn a_value_escaped_as_json_may_have_quotes() {
        let format = r#"log_format x escape=json '{"r":"$request","s":"$status"}';"#;
        let line = r#"{"r":"GET /\"\\","s":"200"}"#;
        assert_eq!(read(format, &["request", "status"], line), all(&[r#"GET /\"\\"#, "200"]));
    }

    #[test]
    fn variables_without_text_between_them_matter_only_when_wanted() {
        let line = "https://example.org/a 200";
        assert_eq!(read("$scheme://$host$request_uri $status", &["status"], line), all(&["200"]));
        let error = read("$scheme://$host$request_uri $status", &["host"], line).unwrap_err();
        assert!(error.starts_with("nothing stands between $host and $request_uri in the format, so $host"), "{error}");
        assert_eq!(read("${scheme}s $status", &["scheme"], "https 200"), all(&["http"]));
        assert_eq!(
            read("costs $ 5", &[], "").unwrap_err(),
            "the format has a $ without the name of a variable, at byte 6"
        );
        assert_eq!(read("", &[], "").unwrap_err(), FormatError::Empty.to_string());
    }

    #[test]
    fn a_format_without_variables_fits_lines_that_begin_with_it() {
        assert_eq!(read("foo", &[], "foo"), Ok(vec![]));
        assert!(read("foo", &[], "bar").is_err());
    }

    proptest! {
        #[test]
        fn what_nginx_writes_is_read_back(values in prop::collection::vec("[ -!#-Z^-~]{0,20}", 5)) {
            let format = r#"[$a] "$b" "$c" "$d" {"$e"}"#;
            prop_assume!(!values[0].contains(']'));
            let line = format!(r#"[{}] "{}" "{}" "{}" {{"{}"}}"#, values[0], values[1], values[2], values[3], values[4]);
            let expected: Vec<_> = values.iter().map(|value| Some(value.clone())).collect();
            prop_assert_eq!(read(format, &["a", "b", "c", "d", "e"], &line), Ok(expected));
        }

        #[test]
        fn no_line_and_no_format_panics(format in "[$a-c{}\" ,:]{0,24}", escape in any::<bool>(), line in "[a-c\\\\{}\" ,:é]{0,40}") {
            let format = if escape { format!("log_format x escape=json '{format}';") } else { format };
            let _ = read(&format, &["a", "upstream_b", "c"], &line);
        }
    }
}
