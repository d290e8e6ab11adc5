//! A syslog message: its tag, and the line of the log in it. As nginx sends them (RFC 3164), and as RFC 5424 has them.

/// A message, as far as it matters here.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Message<'a> {
    pub(crate) tag: &'a [u8],
    pub(crate) line: &'a [u8],
}

/// Reads one message; `None` when it is none.
pub(crate) fn parse(bytes: &[u8]) -> Option<Message<'_>> {
    let rest = priority(bytes.trim_ascii_end())?;
    match rest.strip_prefix(b"1 ") {
        Some(rest) => rfc5424(rest),
        None => rfc3164(rest),
    }
}

/// What follows `<190>`.
fn priority(bytes: &[u8]) -> Option<&[u8]> {
    let rest = bytes.strip_prefix(b"<")?;
    let end = rest.iter().take(4).position(|byte| *byte == b'>')?;
    (end > 0 && rest[..end].iter().all(u8::is_ascii_digit)).then(|| &rest[end + 1..])
}

/// `Oct 11 22:14:15 host nginx: line`; nginx leaves out the host when it is told to.
fn rfc3164(rest: &[u8]) -> Option<Message<'_>> {
    let (time, rest) = (rest.get(..16)?, &rest[16..]);
    if time[3] != b' ' || time[6] != b' ' || time[9] != b':' || time[12] != b':' || time[15] != b' ' {
        return None;
    }
    let (first, behind) = word(rest);
    if first.ends_with(b":") {
        return Some(tagged(first, behind));
    }
    let (second, behind) = word(behind);
    second.ends_with(b":").then(|| tagged(second, behind))
}

fn tagged<'a>(tag: &'a [u8], line: &'a [u8]) -> Message<'a> {
    let end = tag.iter().position(|byte| matches!(byte, b':' | b'[')).unwrap_or(tag.len());
    Message { tag: &tag[..end], line }
}

/// `TIMESTAMP HOSTNAME APP-NAME PROCID MSGID [DATA] line`.
fn rfc5424(rest: &[u8]) -> Option<Message<'_>> {
    let (_time, rest) = word(rest);
    let (_host, rest) = word(rest);
    let (tag, rest) = word(rest);
    let (_process, rest) = word(rest);
    let (_id, rest) = word(rest);
    let line = match rest.first()? {
        b'-' => &rest[1..],
        b'[' => behind_data(rest)?,
        _ => return None,
    };
    let line = line.strip_prefix(b" ").unwrap_or(line);
    Some(Message { tag, line: line.strip_prefix("\u{feff}".as_bytes()).unwrap_or(line) })
}

/// What follows structured data, in whose values a bracket or quote has a backslash before it.
fn behind_data(mut rest: &[u8]) -> Option<&[u8]> {
    while rest.first() == Some(&b'[') {
        let (mut quoted, mut escaped) = (false, false);
        let end = rest.iter().position(|byte| {
            let was_escaped = escaped;
            escaped = !was_escaped && *byte == b'\\';
            quoted ^= *byte == b'"' && !was_escaped;
            *byte == b']' && !quoted && !was_escaped
        })?;
        rest = &rest[end + 1..];
    }
    Some(rest)
}

/// What stands before the first space, and what behind it.
fn word(bytes: &[u8]) -> (&[u8], &[u8]) {
    match memchr::memchr(b' ', bytes) {
        Some(at) => (&bytes[..at], &bytes[at + 1..]),
        None => (bytes, b""),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parsed(text: &str) -> Option<(String, String)> {
        let text_of = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        parse(text.as_bytes()).map(|message| (text_of(message.tag), text_of(message.line)))
    }

    #[test]
    fn messages_are_understood_in_both_forms() {
        let expected = |tag: &str, line: &str| Some((tag.to_owned(), line.to_owned()));
        for text in [
            "<190>Oct 11 22:14:15 host nginx: 192.0.2.7 - a: b",
            "<190>Oct  1 22:14:15 nginx: 192.0.2.7 - a: b\n",
            "<190>Oct 11 22:14:15 host nginx[17]: 192.0.2.7 - a: b",
            "<190>1 2026-10-11T22:14:15.003Z host nginx 17 ID47 - 192.0.2.7 - a: b",
            "<190>1 2026-10-11T22:14:15.003Z host nginx - - [x@1 a=\"\\\"]\"][y] \u{feff}192.0.2.7 - a: b",
        ] {
            assert_eq!(parsed(text), expected("nginx", "192.0.2.7 - a: b"), "{text}");
        }
    }

    #[test]
    fn what_is_no_message_is_none() {
        for text in [
            "",
            "hello",
            "<>Oct 11 22:14:15 host nginx: x",
            "<1900>x",
            "<190>22:14:15 nginx: x",
            "<190>1 a b c d e f",
            "<190>1 a b c d e [x",
        ] {
            assert_eq!(parsed(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..60), text in "<19>(1 |Oct 11 22:14:15 )?[a-z :\"\\\\\\[\\]-]{0,40}") {
            let _ = parse(&bytes);
            let _ = parse(text.as_bytes());
        }
    }
}
