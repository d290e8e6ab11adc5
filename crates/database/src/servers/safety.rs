//! What makes following a source unsafe: settings by which a copy would differ from it in silence, collide with another, or be lost.

use super::held::Copy;
use super::node::Node;
use super::objection::{Objection, Objections};
use super::scene::{Scene, Seen, Source};
use super::words::{all_of, named};
use super::{Kind, Topology, origins};
use crate::family::Family;

/// The oldest versions that this is tried on.
const OLDEST: [(Family, (u16, u16)); 2] = [(Family::MariaDb, (10, 11)), (Family::MySql, (8, 4))];

/// What an address ends with, so that the server's certificate is checked.
const CHECKED: &str = "?ssl-mode=VERIFY_IDENTITY&ssl-ca=FILE";

/// Everything that speaks against following these sources.
pub(super) fn objections(scene: &Scene<'_>) -> Vec<Objection> {
    let mut all = settings(scene);
    for source in &scene.sources {
        copied_before(&mut Objections { server: &scene.target.node.name, all: &mut all }, scene, source);
    }
    all
}

/// What speaks against it whatever the target holds already.
pub(super) fn settings(scene: &Scene<'_>) -> Vec<Objection> {
    let mut all = Vec::new();
    for source in &scene.sources {
        of_source(&mut Objections { server: &source.seen.node.name, all: &mut all }, source);
        between(&mut Objections { server: &scene.target.node.name, all: &mut all }, scene, source);
    }
    if scene.topology.kind == Kind::OffSite {
        let names = &mut Objections { server: &scene.target.node.name, all: &mut all };
        schemas(names, scene.topology, scene);
        match scene.target.node.family {
            Family::MariaDb => origins::domains(scene, &mut all),
            Family::MySql => origins::servers(scene, &mut all),
        }
    }
    all
}

/// A source whose log does not tell exactly what happened.
fn of_source(objections: &mut Objections<'_>, source: &Source<'_>) {
    let (facts, node) = (&source.seen.facts, &source.seen.node);
    let (log, ids) = match node.family {
        Family::MariaDb => ("log_bin", "gtid_strict_mode"),
        Family::MySql => ("log_bin", "gtid_mode and enforce_gtid_consistency"),
    };
    objections.when(!facts.logs, format!("{log} is off"), "start it with log_bin=bin; nothing can follow it otherwise");
    let on = format!("set {ids} to ON, in its configuration file too");
    objections.when(!facts.strict, format!("{ids} is not ON"), on);
    format(objections, source);
    let remedy = "set both to 1: after a power cut a copy would have what the source has lost";
    objections.when(!facts.syncs, "sync_binlog or innodb_flush_log_at_trx_commit is not 1", remedy);
    let follows = !facts.channels.is_empty();
    let remedy = "set log_slave_updates (log_replica_updates on MySQL) to ON: what it follows would not come further";
    objections.when(
        follows && !facts.logs_what_it_follows,
        "it follows another server and does not log what it gets",
        remedy,
    );
    let schema = &node.place.schema;
    let remedy = "name PicUp's database in the address, and start PicUp on it once";
    objections.when(!source.has_tables, format!("there are no tables in {schema}"), remedy);
    let remedy = "have whatever fills it finish first";
    objections.when(source.half_copied, format!("what is in {schema} is half a copy itself"), remedy);
    let tables = source.unsafe_tables.join(", ");
    let remedy = "ALTER TABLE … ENGINE = InnoDB: other engines have no snapshots";
    objections.when(!source.unsafe_tables.is_empty(), format!("tables that are not InnoDB's: {tables}"), remedy);
}

/// A statement that names a schema outright is not rewritten to the copy's, and its filter then drops it; rows are.
fn format(objections: &mut Objections<'_>, source: &Source<'_>) {
    let format = &source.seen.facts.format;
    let renamed = source.seen.node.place.schema != source.channel.schema;
    let bad = if renamed { !format.eq_ignore_ascii_case("ROW") } else { format.eq_ignore_ascii_case("STATEMENT") };
    let why = if renamed { "what names its schema outright would be lost" } else { "a copy can differ" };
    let remedy =
        "set it to ROW, in its configuration file too, and restart PicUp: connections keep what they began with";
    objections.when(bad, format!("binlog_format is {format}, by which {why} in silence"), remedy);
}

/// Two servers that do not go together.
fn between(objections: &mut Objections<'_>, scene: &Scene<'_>, source: &Source<'_>) {
    let (here, there) = (&scene.target, &source.seen);
    let other = format!("it is {} and {} is not", family(&here.node), there.node.name);
    let remedy = "take one of the same family: they number transactions in different ways";
    objections.when(here.node.family != there.node.family, other, remedy);
    if here.node.family != there.node.family {
        return;
    }
    for (node, facts) in [(&here.node, &here.facts), (&there.node, &there.facts)] {
        let oldest = OLDEST.iter().find(|(family, _)| *family == node.family).map_or((0, 0), |(_, oldest)| *oldest);
        let what = format!("{} is {} {}.{}", node.name, family(node), facts.version.0, facts.version.1);
        objections.when(facts.version < oldest, what, format!("{}.{} is the oldest that is tried", oldest.0, oldest.1));
    }
    let older = here.facts.version < there.facts.version;
    let remedy = "upgrade it first: what a newer one logs, an older one may not understand";
    objections.when(older, format!("it is older than {}", there.node.name), remedy);
    let same = here.facts.server_id == there.facts.server_id
        || !here.facts.uuid.is_empty() && here.facts.uuid == there.facts.uuid;
    let what = format!("its server_id {} (or server_uuid) is that of {}", here.facts.server_id, there.node.name);
    objections.when(same, what, "give each server a number of its own, and check that they are not one and the same");
    let behind = there.facts.channels.iter().any(|channel| channel.source_id == here.facts.server_id && !same);
    let remedy = "one of them must not follow the other; is this the primary?";
    objections.when(behind, format!("{} follows a server with its server_id", there.node.name), remedy);
    for seen in [&there.node, &here.node] {
        let open = !seen.place.is_loopback() && !seen.encrypted;
        let remedy =
            format!("set up TLS there, and add {CHECKED} to its address: passwords and photos' facts go over it");
        objections.when(open, format!("the network to {} is not encrypted", seen.name), remedy);
    }
}

/// What a target has already.
fn copied_before(objections: &mut Objections<'_>, scene: &Scene<'_>, source: &Source<'_>) {
    let (topology, channel) = (scene.topology, source.channel);
    let state = source.state(&scene.target);
    let full = state.is_none() && source.copy == Copy::There;
    let drop = drop_words(&scene.target, &channel.schema);
    let remedy = format!("if nobody needs them, drop them, because a copy begins with an empty place: {drop}");
    objections.when(full, format!("there are tables in {} already", channel.schema), remedy);
    // A replica is that and nothing else: it is read-only as a whole, and its log begins anew.
    let shared = topology.kind == Kind::Replica && state.is_none() && !source.beside.is_empty();
    let remedy = "give the replica a server of its own; or drop them, if nobody needs them";
    objections.when(shared, format!("there are other databases ({})", source.beside.join(", ")), remedy);
    if let Some(mark) = &source.strange_mark {
        let what = format!("the mark of half a copy in {} says '{mark}', and not '{}'", channel.schema, source.mark);
        objections.when(true, what, format!("correct the file; or, if nobody needs it, drop it: {drop}"));
    }
    if source.wants_a_copy(&scene.target) {
        foreign(objections, scene, source);
    }
    whose(objections, scene, source);
    if let Some(state) = state {
        let elsewhere = !state.follows(&source.address) && source.copy != Copy::Unfinished;
        let what = format!(
            "{} follows {}:{} and not {}:{}",
            channel.shown(),
            state.host,
            state.port,
            source.address.host,
            source.address.port
        );
        let remedy = format!(
            "correct the file; or, to follow another, STOP and RESET … ALL this channel and drop its schema first: {drop}"
        );
        objections.when(elsewhere, what, remedy);
        let gone = source.copy == Copy::Missing;
        let rebuild = topology.command("rebuild", &channel.name);
        objections.when(
            gone,
            format!("{} is empty, though it is followed", channel.schema),
            format!("make it anew: {rebuild}"),
        );
        if topology.kind == Kind::Replica && source.copy == Copy::There {
            let written = source.written_on_target.join(", ");
            let discarding = topology.discarding();
            let remedy = format!("if it is the primary now, leave it; otherwise make it anew: {discarding}");
            objections.when(!written.is_empty(), format!("it has taken writes of its own ({written})"), remedy);
        }
    }
}

/// What would go with a copy and is none: nobody knows what it is for.
pub(super) fn foreign(objections: &mut Objections<'_>, scene: &Scene<'_>, source: &Source<'_>) {
    let schema = &source.channel.schema;
    let all: Vec<_> = source.foreign.iter().map(ToString::to_string).collect();
    let drops: Vec<_> = source.foreign.iter().map(|thing| thing.drop_words(schema)).collect();
    let what = format!("{schema} has what {} does not: {}", source.seen.node.name, all.join(", "));
    let drops = as_administrator(&scene.target, &drops.join("; "));
    objections.when(!all.is_empty(), what, format!("move it elsewhere; or, if nobody needs it: {drops}"));
}

/// What an administrator says to drop a copy.
fn drop_words(target: &Seen, schema: &str) -> String {
    as_administrator(target, &format!("DROP DATABASE {}", named(schema)))
}

/// Nobody who follows the server hears of it, and MySQL has to be opened for it.
fn as_administrator(target: &Seen, sql: &str) -> String {
    let (open, close) = if target.facts.super_read_only {
        ("SET GLOBAL super_read_only = OFF; ", "; SET GLOBAL super_read_only = ON")
    } else {
        ("", "")
    };
    format!("{open}SET SESSION sql_log_bin = 0; {sql}{close}")
}

/// A schema that another channel writes into, or a channel that writes into another: the file is mistaken.
fn whose(objections: &mut Objections<'_>, scene: &Scene<'_>, source: &Source<'_>) {
    let (channel, state) = (source.channel, source.state(&scene.target));
    if let Some(tables) = state.and_then(|state| state.writes_elsewhere(&channel.schema)) {
        let what = format!("{} writes to {tables}, the file says {}", channel.shown(), channel.schema);
        let remedy = "correct the file; or, to begin again in another schema, STOP and RESET … ALL this channel first";
        objections.when(true, what, remedy);
    }
    let others = scene.target.facts.channels.iter().filter(|other| other.name != channel.name);
    for other in others.filter(|other| other.filter[1] == all_of(&channel.schema)) {
        let what = format!("channel {} writes to {}, the file says {}", other.name, channel.schema, channel.shown());
        objections.when(true, what, "correct the file: each channel has a schema of its own");
    }
}

/// Two homes in one schema would be one heap; a schema named as a home's own would take in what a lost filter lets through.
fn schemas(objections: &mut Objections<'_>, topology: &Topology, scene: &Scene<'_>) {
    for source in &scene.sources {
        let name = &source.seen.node.place.schema;
        let taken = topology.channels.iter().any(|channel| channel.schema == *name);
        let remedy = format!("call that one otherwise in the file, such as home_{}", source.channel.name);
        objections.when(
            taken,
            format!("a schema of it is to be {name}, as {} calls its own", source.seen.node.name),
            remedy,
        );
    }
}

pub(super) const fn family(node: &Node) -> &'static str {
    match node.family {
        Family::MariaDb => "MariaDB",
        Family::MySql => "MySQL",
    }
}

/// What is safe and still worth knowing.
pub(super) fn warnings(scene: &Scene<'_>) -> Vec<String> {
    let mut all = Vec::new();
    let target = &scene.target;
    if !target.facts.logs {
        all.push(format!(
            "{} writes no binary log: it cannot take the primary's place, and writes on it go unnoticed",
            target.node.name
        ));
    }
    for node in scene.sources.iter().map(|source| &source.seen.node).chain([&target.node]) {
        if node.encrypted && !node.checked && !node.place.is_loopback() {
            all.push(format!(
                "{}: your own way to it is encrypted, but nobody checks its certificate; add {CHECKED} to its address",
                node.name
            ));
        }
    }
    for source in &scene.sources {
        let name = &source.seen.node.name;
        if source.tls() && source.channel.tls_ca.is_none() && !source.address.is_loopback() {
            all.push(format!("{name}: the way to it is encrypted, but nobody checks its certificate; name the authority's file: tls_ca"));
        }
        let own = source.seen.facts.domain;
        let domain = source.channel.domain.unwrap_or(own);
        if !source.seen.facts.channels.is_empty() && own != domain {
            all.push(format!(
                "{name}: if it takes its primary's place, what is written on it carries domain {own}, not {domain}"
            ));
        }
    }
    all
}
