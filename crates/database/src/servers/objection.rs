//! Why something is not done: which server stands in the way, by what, and what to do about it.

use std::fmt;

/// One thing that makes a plan unsafe.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Objection {
    /// Which server it is about.
    pub server: String,
    /// What is wrong.
    pub what: String,
    /// What to do.
    pub remedy: String,
}

impl fmt::Display for Objection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}; {}", self.server, self.what, self.remedy)
    }
}

/// What was found, while it is being looked for.
pub(super) struct Objections<'a> {
    pub(super) server: &'a str,
    pub(super) all: &'a mut Vec<Objection>,
}

impl Objections<'_> {
    /// Notes it when `wrong`.
    pub(super) fn when(&mut self, wrong: bool, what: impl Into<String>, remedy: impl Into<String>) {
        if wrong {
            self.all.push(Objection { server: self.server.to_owned(), what: what.into(), remedy: remedy.into() });
        }
    }
}
