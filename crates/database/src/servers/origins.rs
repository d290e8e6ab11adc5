//! Whose transactions come by a channel. What was applied is numbered by its origin alone, whichever channel it came by, so that an
//! origin that comes by two is followed from neither: what one applies, or leaves out, passes for done with the other.

use std::collections::{BTreeMap, BTreeSet};

use super::objection::{Objection, Objections};
use super::scene::{Scene, Source};

/// MariaDB keeps one position for each domain: a domain that comes from two sources is followed from neither.
pub(super) fn domains(scene: &Scene<'_>, all: &mut Vec<Objection>) {
    let mut homes: BTreeMap<u32, Vec<&str>> = BTreeMap::new();
    for channel in &scene.topology.channels {
        let looked_at = scene.sources.iter().find(|source| source.channel.name == channel.name);
        let mut carried: Vec<u32> = channel.domain.into_iter().collect();
        if let Some(source) = looked_at {
            carried.extend(source.seen.facts.domains_logged());
            let mut objections = Objections { server: &source.seen.node.name, all };
            declared(&mut objections, source);
        }
        carried.sort_unstable();
        carried.dedup();
        carried.iter().for_each(|domain| homes.entry(*domain).or_default().push(&channel.name));
    }
    let mut objections = Objections { server: &scene.target.node.name, all };
    for (domain, channels) in homes {
        let what = format!("domain {domain} comes from {}", channels.join(" and "));
        let remedy = format!(
            "give each home a gtid_domain_id of its own; where that is done and only old binary logs have it, on that home: \
             FLUSH BINARY LOGS, PURGE BINARY LOGS BEFORE NOW(), FLUSH BINARY LOGS DELETE_DOMAIN_ID=({domain})"
        );
        objections.when(channels.len() > 1, what, remedy);
        let own = scene.target.facts.domain == domain;
        let remedy = "give this server a gtid_domain_id of its own";
        objections.when(own, format!("its own gtid_domain_id {domain} is that of {}", channels.join(" and ")), remedy);
    }
}

/// What is written on a home carries its domain; what a home has from its own primary carries that one's.
fn declared(objections: &mut Objections<'_>, source: &Source<'_>) {
    let facts = &source.seen.facts;
    let Some(declared) = source.channel.domain else {
        objections.when(true, "the file names no domain for it", format!("write domain = {}", facts.domain));
        return;
    };
    let chained = !facts.channels.is_empty();
    let carried = if chained { facts.domains_logged() } else { vec![facts.domain] };
    let shown: Vec<_> = carried.iter().map(u32::to_string).collect();
    let what = format!("its transactions carry the domain {}, and the file says {declared}", shown.join(", "));
    let whose = if chained { "its primary's gtid_domain_id" } else { "its gtid_domain_id" };
    let remedy = format!(
        "set {whose} to {declared}, in the configuration file too, and restart its PicUp, whose connections keep what they began with; \
         or correct the file"
    );
    objections.when(!carried.is_empty() && !carried.contains(&declared), what, remedy);
}

/// MySQL numbers transactions by the server that they were made on.
pub(super) fn servers(scene: &Scene<'_>, all: &mut Vec<Objection>) {
    let mut homes: BTreeMap<String, BTreeSet<&str>> = BTreeMap::new();
    for source in &scene.sources {
        for server in source.seen.facts.servers_logged() {
            homes.entry(server).or_default().insert(&source.channel.name);
        }
    }
    // A channel that was not looked at, because another one alone was asked for, is as the target knows it.
    let known = |name: &str| scene.sources.iter().any(|source| source.channel.name == name);
    for state in scene.target.facts.channels.iter().filter(|state| !known(&state.name)) {
        for server in state.servers() {
            homes.entry(server).or_default().insert(&state.name);
        }
    }
    let mut objections = Objections { server: &scene.target.node.name, all };
    for (server, channels) in homes {
        let channels: Vec<_> = channels.into_iter().collect();
        let what = format!("transactions of the server {server} come from {}", channels.join(" and "));
        let remedy =
            "give each home a server of its own: what one channel leaves out would pass for done with the other";
        objections.when(channels.len() > 1, what, remedy);
    }
}
