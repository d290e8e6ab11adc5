//! A format as it may be given: the text of a `log_format`, or the whole statement as it stands in nginx's configuration.

use std::borrow::Cow;

use crate::format::{Escape, FormatError};

/// nginx's format for those who name none.
const COMBINED: &str = r#"$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent "$http_referer" "$http_user_agent""#;

/// The format's text and how its values are escaped.
pub(crate) fn text_of(given: &str) -> Result<(Cow<'_, str>, Escape), FormatError> {
    let trimmed = given.trim_start();
    if given == "combined" {
        return Ok((COMBINED.into(), Escape::Default));
    }
    let Some(statement) = trimmed.strip_prefix("log_format").filter(|rest| rest.starts_with(char::is_whitespace))
    else {
        return Ok((given.into(), Escape::Default));
    };
    let mut words = words(statement)?.into_iter();
    words.next().ok_or(FormatError::Statement("it has no name"))?;
    let mut escape = Escape::Default;
    let mut text = String::new();
    for (number, word) in words.enumerate() {
        match word.strip_prefix("escape=") {
            Some(how) if number == 0 => escape = if how == "json" { Escape::Json } else { Escape::Default },
            _ => text.push_str(&word),
        }
    }
    Ok((text.into(), escape))
}

/// The words of a statement up to its semicolon, without their quotes and backslashes.
fn words(statement: &str) -> Result<Vec<String>, FormatError> {
    let mut words = Vec::new();
    let mut rest = statement.trim_start();
    while let Some(first) = rest.chars().next() {
        if first == ';' {
            return Ok(words);
        }
        let quote = (first == '\'' || first == '"').then_some(first);
        let mut word = String::new();
        let mut letters = rest.char_indices().skip(usize::from(quote.is_some()));
        let end = loop {
            let Some((at, letter)) = letters.next() else {
                break if quote.is_some() { None } else { Some(rest.len()) };
            };
            match letter {
                '\\' => word.extend(letters.next().map(|(_, escaped)| match escaped {
                    't' => '\t',
                    'n' => '\n',
                    'r' => '\r',
                    other => other,
                })),
                _ if quote == Some(letter) => break Some(at + 1),
                ';' if quote.is_none() => break Some(at),
                _ if quote.is_none() && letter.is_whitespace() => break Some(at),
                _ => word.push(letter),
            }
        };
        rest = rest[end.ok_or(FormatError::Statement("a quote is not closed"))?..].trim_start();
        words.push(word);
    }
    Ok(words)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_statement_is_read_as_nginx_reads_it() {
        let statement = "log_format main escape=json '{\"a\":\"$status\",'\n    \"\\\"b\\\":$request_time}\" ; more";
        let (text, escape) = text_of(statement).unwrap();
        assert_eq!((&*text, escape), (r#"{"a":"$status","b":$request_time}"#, Escape::Json));
        let (text, escape) = text_of("log_format x escape=none '$status\\t$request';").unwrap();
        assert_eq!((&*text, escape), ("$status\t$request", Escape::Default));
        assert_eq!(text_of("log_format x 'open").unwrap_err(), FormatError::Statement("a quote is not closed"));
        assert_eq!(text_of("log_format ;").unwrap_err(), FormatError::Statement("it has no name"));
    }

    #[test]
    fn anything_else_is_the_format_itself() {
        assert_eq!(text_of("log_formats $status").unwrap().0, "log_formats $status");
        assert_eq!(text_of("'$status'").unwrap().0, "'$status'");
        assert_eq!(text_of("combined").unwrap().0, COMBINED);
    }

    proptest! {
        #[test]
        fn no_statement_panics(text in "[ a\\\\'\";é=$]{0,30}") {
            let _ = text_of(&format!("log_format {text}"));
        }
    }
}
