//! What a plan consists of.

use std::fmt;

use super::lines::Lines;
use super::objection::Objection;
use super::words::Sql;

/// What would be done, and what stands against it.
#[derive(Debug)]
pub struct Plan {
    /// Nothing is done as long as there is one.
    pub objections: Vec<Objection>,
    /// What is worth knowing.
    pub warnings: Vec<String>,
    /// In order; none when all is as it should be.
    pub steps: Vec<Step>,
    /// What has to stand in configuration files, because it does not outlive a restart otherwise.
    pub lines: Vec<Lines>,
}

/// One thing that is done to one server.
#[derive(Debug)]
pub struct Step {
    /// Which server.
    pub server: String,
    /// What is done, as SQL where it is some; without passwords.
    pub what: String,
    /// What for.
    pub why: String,
    pub(super) on: On,
    pub(super) act: Act,
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.server, self.what)
    }
}

/// Which server is spoken to: the target, or a channel's source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum On {
    Target,
    Source(String),
}

#[derive(Debug)]
pub(super) enum Act {
    Say(Sql),
    /// What all channels must stand still for; they go on afterwards.
    SayAmidSilence(Vec<Sql>),
    /// Makes the channel's schema, empty but for the mark, and drops the one that is there.
    Make {
        channel: String,
        drop: bool,
    },
    /// Copies the channel's schema from a snapshot.
    Copy(String),
    /// Goes to the position of that snapshot.
    Place {
        channel: String,
        forget_log: bool,
    },
}
