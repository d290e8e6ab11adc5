//! Servers that copy PicUp's database from one another: a read replica of one primary, or an off-site server that follows several
//! homes at once. Sets them up, looks after them, compares and rebuilds them, on MariaDB and on MySQL.
//!
//! `picup db replica` and `picup db offsite` call this as the administrator of the servers; nothing of a running PicUp does. Both are
//! the same thing here: a [`Topology`], which is a target and the channels that it follows its sources by. A plan is made of what
//! the servers say of themselves ([`Plan`]), and applying it does exactly what the plan shows. So doing it twice does nothing, and what
//! was cut off goes on. Whatever is said to a server stays out of its binary log, because it is meant for that server alone.

mod answer;
mod apply;
mod channel_words;
mod copying;
mod facts;
mod health;
mod held;
mod lines;
mod node;
mod objection;
mod origins;
mod placing;
mod plan;
mod rebuild;
mod safety;
mod scene;
mod semi_sync;
mod snapshot;
mod status;
mod step;
mod trouble;
mod verify;
mod words;

use std::time::Duration;

use crate::Server;

pub use apply::NewPassword;
pub use copying::Tell;
pub use lines::Lines;
pub use objection::Objection;
pub use status::{ChannelStatus, Finding, Status};
pub use step::{Plan, Step};
pub use verify::{Comparison, TableComparison};

/// A target and what it follows.
#[derive(Debug, Clone)]
pub struct Topology {
    /// What the target is for.
    pub kind: Kind,
    /// The server that copies, as its administrator; the address names no database.
    pub target: Server,
    /// One for a replica, without a name; at least one for an off-site server, each with a name.
    pub channels: Vec<Channel>,
    /// Whom PicUp reads a replica as.
    pub reader: Option<Account>,
    /// A channel that is further behind, by the clock and beyond its own delay, is not well.
    pub max_lag: Duration,
    /// What stands behind `picup db replica …` and `picup db offsite …` in advice, such as `--config replica.toml`.
    pub arguments: String,
}

/// What a target is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Answers reads in the primary's place, and can take its place.
    Replica,
    /// Keeps copies of several homes, each in a schema of its own.
    OffSite,
}

/// The way from one source to the target.
#[derive(Debug, Clone)]
pub struct Channel {
    /// Lower-case letters, digits and `_`; empty for a replica.
    pub name: String,
    /// The source, as its administrator; the address names PicUp's database.
    pub source: Server,
    /// Where the target finds the source, `HOST:PORT`, if not where the administrator does.
    pub address: Option<String>,
    /// PicUp's schema on the target; for a replica it is the source's.
    pub schema: String,
    /// Which domain the source's transactions carry. MariaDB tells sources apart by it; MySQL by the servers' own names.
    pub domain: Option<u32>,
    /// How long the target keeps a transaction before it applies it, in seconds.
    pub delay: u32,
    /// A file on the target's machine with the authority that has signed the source's certificate.
    pub tls_ca: Option<String>,
    /// Which hosts the target may come from, as the source's accounts spell it: `%` for all.
    pub from: String,
    /// Whether a commit on the source waits until the target has received it.
    pub semi_sync: bool,
}

/// An account of a server.
#[derive(Clone)]
pub struct Account {
    /// Its name.
    pub name: String,
    /// From which hosts it may come, as the server spells it.
    pub host: String,
    /// Its password.
    pub password: String,
}

impl std::fmt::Debug for Account {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}@{}", self.name, self.host)
    }
}

/// Why something could not be done.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A server cannot be reached or does not let its administrator in.
    #[error("{server} cannot be asked")]
    Away {
        /// Which one.
        server: String,
        /// What it or the network said.
        #[source]
        source: sqlx::Error,
    },
    /// A server does not do what it is told.
    #[error("{server} refuses: {statement}")]
    Refused {
        /// Which one.
        server: String,
        /// What it was told, without passwords.
        statement: String,
        /// What it said, without passwords.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// It would not be safe.
    #[error("this is not safe:{}", listed(.0))]
    Unsafe(Vec<Objection>),
    /// A server's answer makes no sense here, or what was asked for does not.
    #[error("{0}")]
    Senseless(String),
    /// Something did not happen in time.
    #[error("{what} did not happen within {} s", .within.as_secs())]
    TooLate {
        /// What was waited for.
        what: String,
        /// For how long.
        within: Duration,
    },
}

fn listed(objections: &[Objection]) -> String {
    objections.iter().map(|objection| format!("\n  - {objection}")).collect()
}

impl Topology {
    /// The channel of that name.
    ///
    /// # Errors
    /// [`Error::Senseless`] with the names there are.
    pub fn channel(&self, name: &str) -> Result<&Channel, Error> {
        self.channels.iter().find(|channel| channel.name == name).ok_or_else(|| {
            let names: Vec<_> = self.channels.iter().map(|channel| channel.name.as_str()).collect();
            Error::Senseless(format!("there is no channel '{name}'; the file has {}", names.join(", ")))
        })
    }

    /// A command about a channel, as a person types it.
    fn command(&self, verb: &str, channel: &str) -> String {
        let (noun, channel) = match self.kind {
            Kind::Replica => ("replica", String::new()),
            Kind::OffSite if channel.is_empty() => ("offsite", String::new()),
            Kind::OffSite => ("offsite", format!(" {channel}")),
        };
        format!("picup db {noun} {verb}{channel} {}", self.arguments).trim_end().to_owned()
    }

    /// The command that makes a replica anew whatever was written on it.
    fn discarding(&self) -> String {
        format!("{} --discard-writes", self.command("rebuild", ""))
    }
}

impl Channel {
    /// What it is called in a sentence.
    fn shown(&self) -> String {
        if self.name.is_empty() { "replication".to_owned() } else { format!("channel {}", self.name) }
    }
}
