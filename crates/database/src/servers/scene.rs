//! All servers of a topology, looked at once: what each says of itself, and what the target holds of each source.

use super::channel_words::Words;
use super::facts::{ChannelState, Facts};
use super::held::{self, Copy, Held, Thing, mark_of};
use super::node::{Node, Place};
use super::words::quoted;
use super::{Channel, Error, Kind, Topology};
use crate::family::Family;

pub(super) struct Scene<'a> {
    pub(super) topology: &'a Topology,
    pub(super) target: Seen,
    pub(super) sources: Vec<Source<'a>>,
}

pub(super) struct Seen {
    pub(super) node: Node,
    pub(super) facts: Facts,
}

pub(super) struct Source<'a> {
    pub(super) channel: &'a Channel,
    pub(super) seen: Seen,
    /// Where the target finds it.
    pub(super) address: Place,
    /// Its tables that follow no transactions.
    pub(super) unsafe_tables: Vec<String>,
    pub(super) has_tables: bool,
    /// It is being copied into itself.
    pub(super) half_copied: bool,
    pub(super) copy: Copy,
    /// What the target has in that channel's schema.
    pub(super) held: Held,
    /// The target's other databases.
    pub(super) beside: Vec<String>,
    /// What of it is not in the source's.
    pub(super) foreign: Vec<Thing>,
    /// What the mark of half a copy says, if it is this channel's.
    pub(super) mark: String,
    /// What it says, if it is another's.
    pub(super) strange_mark: Option<String>,
    /// Transactions of the target's own that this source does not know.
    pub(super) written_on_target: Vec<String>,
}

impl<'a> Scene<'a> {
    /// Looks at the target, and at the sources of all channels, or of that one alone.
    pub(super) async fn look(topology: &'a Topology, only: Option<&str>) -> Result<Self, Error> {
        let mut target = Seen::look(topology.target_role(), &topology.target).await?;
        let channels = match only {
            Some(name) => vec![topology.channel(name)?],
            None => topology.channels.iter().collect(),
        };
        let mut sources = Vec::new();
        for channel in channels {
            sources.push(Source::look(topology, channel, &mut target).await?);
        }
        Ok(Self { topology, target, sources })
    }
}

impl Seen {
    pub(super) async fn look(role: &str, server: &crate::Server) -> Result<Self, Error> {
        let mut node = Node::open(role, server).await?;
        let facts = Facts::of(&mut node).await?;
        Ok(Self { node, facts })
    }
}

impl<'a> Source<'a> {
    pub(super) async fn look(topology: &Topology, channel: &'a Channel, target: &mut Seen) -> Result<Self, Error> {
        let mut seen = Seen::look(&topology.source_role(channel), &channel.source).await?;
        let address = match &channel.address {
            Some(address) => Place::parse(address)?,
            None => Place { schema: String::new(), ..seen.node.place.clone() },
        };
        let schema = seen.node.place.schema.clone();
        if schema.is_empty() {
            let name = &seen.node.name;
            let told = format!("the address of {name} names no database; write mysql://USER@HOST:PORT/NAME");
            return Err(Error::Senseless(told));
        }
        let tables = format!(
            "SELECT table_name, engine FROM information_schema.tables WHERE table_type = 'BASE TABLE' AND table_schema = {}",
            quoted(&schema)
        );
        let tables = seen.node.ask(&tables).await?;
        let unsafe_tables = tables.iter().filter(|table| table.at(1) != "InnoDB").map(|table| table.at(0)).collect();
        let there = Held::of(&mut seen.node, &schema).await?;
        let (mark, held) = (mark_of(channel, &address, &schema), Held::of(&mut target.node, &channel.schema).await?);
        Ok(Self {
            channel,
            beside: held::beside(&mut target.node, &channel.schema).await?,
            written_on_target: written_on(target, &seen.facts).await?,
            seen,
            address,
            unsafe_tables,
            has_tables: !tables.is_empty(),
            half_copied: there.is_half_copied(),
            copy: held.copy(&mark),
            foreign: held.foreign(&there, &mark),
            strange_mark: held.strange_mark(&mark),
            held,
            mark,
        })
    }

    /// From here on it is as if its first copy had been cut off.
    pub(super) fn begin_anew(&mut self) {
        (self.copy, self.strange_mark) = (Copy::Unfinished, None);
        self.foreign.clear();
    }

    /// The target's channel, if it has it.
    pub(super) fn state<'s>(&self, target: &'s Seen) -> Option<&'s ChannelState> {
        target.facts.channel(&self.channel.name)
    }

    /// Whether the channel lets in more or less than the copy is to have; one that is the file's mistake has lost nothing.
    pub(super) fn has_lost_its_filter(&self, state: &ChannelState, words: &Words<'_>) -> bool {
        let filter = words.filter_shown(&self.seen.node.place.schema, &self.channel.schema);
        state.writes_elsewhere(&self.channel.schema).is_none() && state.filter != filter
    }

    /// Whether the copy has to be made, because there is none that is followed.
    pub(super) fn wants_a_copy(&self, target: &Seen) -> bool {
        self.copy == Copy::Unfinished || self.copy == Copy::Missing && self.state(target).is_none()
    }

    /// What goes over a network is encrypted; MySQL always can.
    pub(super) fn tls(&self) -> bool {
        self.channel.tls_ca.is_some() || self.seen.node.family == Family::MySql || !self.address.is_loopback()
    }
}

/// What was written on the target itself and never came from that source.
pub(super) async fn written_on(target: &mut Seen, source: &Facts) -> Result<Vec<String>, Error> {
    if target.node.family == Family::MariaDb {
        return Ok(target.facts.written_here(source));
    }
    let (here, there) = (quoted(&target.facts.logged), quoted(&source.logged));
    let unknown = target.node.text(&format!("SELECT GTID_SUBTRACT({here}, {there})")).await?;
    let own = unknown.split(',').map(str::trim).filter(|ids| ids.starts_with(&target.facts.uuid));
    Ok(own.filter(|ids| !ids.is_empty()).map(str::to_owned).collect())
}

impl Topology {
    pub(super) const fn target_role(&self) -> &'static str {
        match self.kind {
            Kind::Replica => "the replica",
            Kind::OffSite => "the off-site server",
        }
    }

    pub(super) fn source_role(&self, channel: &Channel) -> String {
        match self.kind {
            Kind::Replica => "the primary".to_owned(),
            Kind::OffSite => format!("the source of {}", channel.name),
        }
    }
}
