//! How the value of a variable becomes the value of a label, as prometheus-nginxlog-exporter has it: a part of it, those on a list or
//! `other`, or what the first expression that fits makes of it. What follows a `?` never gets into a label: queries have secrets.

use std::borrow::Cow;

use memchr::{memchr, memmem};
use regex::Regex;

/// What values become that have no series of their own.
pub(crate) const OTHER: &str = "other";

/// A label's value is cut off behind so many bytes: what a client sends is as long as it likes.
const LONGEST_VALUE: usize = 200;

/// A label made of a variable.
#[derive(Debug, Clone, Default)]
pub struct Relabel {
    /// The label's name.
    pub target_label: String,
    /// The variable, without its dollar sign.
    pub from: String,
    /// Which part of the value, counted from 1; 0 is all of it.
    pub split: usize,
    /// What stands between parts; a space when it is empty.
    pub separator: String,
    /// The values that stay; all others are `other`. All stay when it is empty.
    pub whitelist: Vec<String>,
    /// The first that fits replaces what it fits; when none does, the value is empty. Not looked at with a whitelist.
    pub matches: Vec<(Regex, String)>,
    /// Only the count of responses has this label.
    pub only_counter: bool,
}

/// A compiled [`Relabel`].
#[derive(Debug)]
pub(crate) struct Rule {
    separator: Vec<u8>,
    split: usize,
    whitelist: Vec<Vec<u8>>,
    matches: Vec<(Regex, String)>,
}

impl Rule {
    pub(crate) fn new(relabel: &Relabel) -> Self {
        let separator = if relabel.separator.is_empty() { " " } else { &relabel.separator };
        let mut whitelist: Vec<_> = relabel.whitelist.iter().map(|value| value.clone().into_bytes()).collect();
        whitelist.sort_unstable();
        Self {
            separator: separator.as_bytes().to_vec(),
            split: relabel.split,
            whitelist,
            matches: relabel.matches.clone(),
        }
    }

    /// Writes the label's value for `value` behind what is in `to`, as UTF-8.
    pub(crate) fn write(&self, value: &[u8], to: &mut Vec<u8>) {
        let part = if self.split == 0 { value } else { part(value, &self.separator, self.split) };
        if !self.whitelist.is_empty() {
            let known = self.whitelist.binary_search_by(|known| known.as_slice().cmp(part)).is_ok();
            return write_text(if known { part } else { OTHER.as_bytes() }, to);
        }
        if self.matches.is_empty() {
            return write_text(part, to);
        }
        let text = String::from_utf8_lossy(part);
        if let Some((regex, replacement)) = self.matches.iter().find(|(regex, _)| regex.is_match(&text)) {
            write_text(regex.replace_all(&text, replacement).as_bytes(), to);
        }
    }
}

/// The part of that number, counted from 1; nothing when there are fewer.
fn part<'a>(value: &'a [u8], separator: &[u8], number: usize) -> &'a [u8] {
    let mut rest = value;
    for _ in 1..number {
        match memmem::find(rest, separator) {
            Some(at) => rest = &rest[at + separator.len()..],
            None => return b"",
        }
    }
    memmem::find(rest, separator).map_or(rest, |at| &rest[..at])
}

fn write_text(value: &[u8], to: &mut Vec<u8>) {
    let value = &value[..memchr(b'?', value).unwrap_or(value.len())];
    let text = if value.is_ascii() { Cow::Borrowed(value) } else { lossy(value) };
    let mut end = text.len().min(LONGEST_VALUE);
    while end < text.len() && end > 0 && text[end] & 0xC0 == 0x80 {
        end -= 1;
    }
    to.extend_from_slice(&text[..end]);
}

fn lossy(value: &[u8]) -> Cow<'_, [u8]> {
    match String::from_utf8_lossy(value) {
        Cow::Borrowed(text) => Cow::Borrowed(text.as_bytes()),
        Cow::Owned(text) => Cow::Owned(text.into_bytes()),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn mapped(relabel: &Relabel, value: &[u8]) -> String {
        let mut to = Vec::new();
        Rule::new(relabel).write(value, &mut to);
        String::from_utf8(to).unwrap()
    }

    fn matching(rules: &[(&str, &str)]) -> Relabel {
        let matches = rules.iter().map(|(regex, with)| (Regex::new(regex).unwrap(), (*with).to_owned())).collect();
        Relabel { split: 2, matches, ..Relabel::default() }
    }

    #[test]
    fn a_part_of_a_value_is_taken() {
        let of = |split, separator: &str| Relabel { split, separator: separator.to_owned(), ..Relabel::default() };
        assert_eq!(mapped(&of(1, ""), b"GET / HTTP/1.1"), "GET");
        assert_eq!(mapped(&of(2, " "), b"GET /a HTTP/1.1"), "/a");
        assert_eq!(mapped(&of(4, " "), b"GET /a HTTP/1.1"), "");
        assert_eq!(mapped(&of(2, "::"), b"a::b::c"), "b");
        assert_eq!(mapped(&of(0, ""), b"a b"), "a b");
    }

    #[test]
    fn the_first_expression_that_fits_counts_and_others_give_nothing() {
        let rules = matching(&[("^/(users|profiles)/[0-9]+", "/$1/:id"), ("^/u", "x")]);
        assert_eq!(mapped(&rules, b"GET /users/12/a HTTP/1.1"), "/users/:id/a");
        assert_eq!(mapped(&rules, b"GET /up HTTP/1.1"), "xp");
        assert_eq!(mapped(&rules, b"GET /foo HTTP/1.1"), "");
    }

    #[test]
    fn values_off_the_list_are_other() {
        let relabel = Relabel { whitelist: vec!["b".to_owned(), "a".to_owned()], ..Relabel::default() };
        assert_eq!(["a", "b", "c", ""].map(|value| mapped(&relabel, value.as_bytes())), ["a", "b", "other", "other"]);
    }

    #[test]
    fn a_query_never_becomes_a_label() {
        let all = Relabel { split: 2, ..Relabel::default() };
        assert_eq!(mapped(&all, b"GET /a?token=secret HTTP/1.1"), "/a");
        assert_eq!(mapped(&matching(&[("^/a", "/b")]), b"GET /a?token=secret HTTP/1.1"), "/b");
    }

    proptest! {
        #[test]
        fn any_bytes_become_short_text(value in prop::collection::vec(any::<u8>(), 0..300), long in "[aé€]{0,150}", split in 0_usize..4) {
            for value in [&value[..], long.as_bytes()] {
                let text = mapped(&Relabel { split, ..Relabel::default() }, value);
                prop_assert!(text.len() <= LONGEST_VALUE);
            }
        }
    }
}
