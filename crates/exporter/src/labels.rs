//! The labels of a namespace: those that are always the same, and those that each line gives.

use std::collections::BTreeMap;

use crate::format::Spans;
use crate::relabel::{OTHER, Relabel, Rule};
use crate::series::{END, Folds};
use crate::wanted::Wanted;

/// The methods that are labels as they are.
const METHODS: [&str; 9] = ["CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "TRACE"];

#[derive(Debug)]
struct Label {
    name: String,
    slot: usize,
    /// Where it is looked for when the first is not in the line.
    instead: Option<usize>,
    rule: Rule,
    only_counter: bool,
    /// Method and status stay when others are folded.
    stays: bool,
}

/// The labels of a namespace.
#[derive(Debug)]
pub(crate) struct Labels {
    constant: BTreeMap<String, String>,
    /// Those of the count alone stand last.
    given: Vec<Label>,
    shared: usize,
}

impl Labels {
    /// Labels from those of the configuration, and method and status unless they are among them.
    pub(crate) fn new(constant: BTreeMap<String, String>, relabels: &[Relabel], wanted: &mut Wanted) -> Self {
        let method = Relabel {
            target_label: "method".to_owned(),
            from: "request".to_owned(),
            split: 1,
            whitelist: METHODS.map(str::to_owned).to_vec(),
            ..Relabel::default()
        };
        let status = Relabel { target_label: "status".to_owned(), from: "status".to_owned(), ..Relabel::default() };
        let mut given: Vec<Label> = Vec::new();
        for (number, relabel) in relabels.iter().chain([&method, &status]).enumerate() {
            if given.iter().any(|label| label.name == relabel.target_label) {
                continue;
            }
            let by_itself = number >= relabels.len();
            given.push(Label {
                name: relabel.target_label.clone(),
                slot: wanted.add(&relabel.from),
                instead: (by_itself && relabel.from == "request").then(|| wanted.add("request_method")),
                rule: Rule::new(relabel),
                only_counter: relabel.only_counter,
                stays: by_itself,
            });
        }
        given.sort_by_key(|label| label.only_counter);
        let shared = given.iter().filter(|label| !label.only_counter).count();
        Self { constant, given, shared }
    }

    /// Writes the values of a line into `key`; gives how many bytes of it all series have in common.
    pub(crate) fn write(&self, bytes: &[u8], spans: &Spans, key: &mut Vec<u8>) -> usize {
        key.clear();
        let mut shared = 0;
        for (number, label) in self.given.iter().enumerate() {
            if number == self.shared {
                shared = key.len();
            }
            let span = spans[label.slot].as_ref().or_else(|| spans[label.instead?].as_ref());
            if let Some(span) = span {
                label.rule.write(&bytes[span.clone()], key);
            }
            key.push(END);
        }
        if self.shared == self.given.len() { key.len() } else { shared }
    }

    /// The names with the values of a key: of the count, or of what all share.
    pub(crate) fn named<'a>(&'a self, key: &'a [u8]) -> BTreeMap<&'a str, &'a str> {
        let values = key.split(|byte| *byte == END).map(|value| std::str::from_utf8(value).unwrap_or(OTHER));
        // A key of what all share has fewer values, and an empty one after the last end, which no label takes.
        let count = key.iter().filter(|byte| **byte == END).count();
        let given = self.given.iter().take(count).map(|label| &*label.name).zip(values);
        self.constant.iter().map(|(name, value)| (&**name, &**value)).chain(given).collect()
    }
}

impl Folds for Labels {
    fn folded(&self, key: &[u8], all: bool) -> (Vec<u8>, usize) {
        let mut folded = Vec::with_capacity(key.len());
        let mut shared = 0;
        for (label, value) in self.given.iter().zip(key.split(|byte| *byte == END)) {
            folded.extend_from_slice(if label.stays && !all { value } else { OTHER.as_bytes() });
            folded.push(END);
            if !label.only_counter {
                shared = folded.len();
            }
        }
        (folded, shared)
    }
}
