//! How a target and its channels are: whether all is well, how far each copy has come, and of each trouble what to do about it.

use std::time::Duration;

use picup_domain::Timestamp;

use super::channel_words::Words;
use super::facts::{ChannelState, Facts};
use super::health::{self, Times};
use super::held::Copy;
use super::scene::{Scene, Seen, Source};
use super::trouble::{Commands, known};
use super::{Channel, Error, Kind, Topology, safety};
use crate::family::Family;

/// A target, looked at once.
#[derive(Debug, Clone)]
pub struct Status {
    /// Which server.
    pub target: String,
    /// Nothing is wrong with it or any channel.
    pub healthy: bool,
    /// What concerns the target itself, or how its sources go together.
    pub findings: Vec<Finding>,
    /// In the order of the file.
    pub channels: Vec<ChannelStatus>,
}

/// A channel, looked at once.
#[derive(Debug, Clone)]
pub struct ChannelStatus {
    /// Its name; empty for a replica.
    pub channel: String,
    /// Which source it follows.
    pub source: String,
    /// Nothing is wrong with it.
    pub healthy: bool,
    /// What is.
    pub findings: Vec<Finding>,
    /// How far behind its source, if anybody can tell.
    pub lag: Option<Duration>,
    /// Up to which moment what was written at the source is sure to be here.
    pub recovery_point: Option<Timestamp>,
    /// Up to which transaction.
    pub position: String,
}

/// Something to know or to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Whether it makes the copy worthless or soon will; otherwise it is only worth knowing.
    pub ill: bool,
    /// The server's number for it, if it has one.
    pub code: Option<u64>,
    /// What is wrong.
    pub what: String,
    /// What to do.
    pub remedy: String,
}

impl Finding {
    fn ill(what: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { ill: true, code: None, what: what.into(), remedy: remedy.into() }
    }

    fn note(what: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { ill: false, ..Self::ill(what, remedy) }
    }
}

impl Topology {
    /// Looks at the target and at each source. A source that does not answer is a finding.
    ///
    /// # Errors
    /// When the target does not answer.
    pub async fn status(&self, now: Timestamp) -> Result<Status, Error> {
        let mut target = Seen::look(self.target_role(), &self.target).await?;
        let (mut sources, mut away) = (Vec::new(), Vec::new());
        for channel in &self.channels {
            match Source::look(self, channel, &mut target).await {
                Ok(source) => sources.push(source),
                Err(Error::Away { source, .. }) => away.push((channel, source.to_string())),
                Err(error) => return Err(error),
            }
        }
        let mut scene = Scene { topology: self, target, sources };
        let (mut findings, of_sources) = unsafe_settings(&scene);
        findings.extend(of_target(&mut scene).await?);
        let mut channels = Vec::new();
        for channel in &self.channels {
            let mut status = of_channel(&mut scene, channel, now).await?;
            let source = scene.sources.iter().find(|source| source.channel.name == channel.name);
            let name = source.map(|source| source.seen.node.name.as_str()).unwrap_or_default();
            status
                .findings
                .extend(of_sources.iter().filter(|(server, _)| server == name).map(|(_, found)| found.clone()));
            if let Some((_, said)) = away.iter().find(|(away, _)| away.name == channel.name) {
                status.findings.push(Finding::note(
                    format!("its source does not answer its administrator, so that nothing was compared: {said}"),
                    "see that it runs, and that address and password in the file are right",
                ));
            }
            status.healthy = !status.findings.iter().any(|finding| finding.ill);
            channels.push(status);
        }
        let healthy = channels.iter().all(|channel| channel.healthy) && !findings.iter().any(|finding| finding.ill);
        Ok(Status { target: scene.target.node.name, healthy, findings, channels })
    }
}

/// What was safe when it was set up and is no more: of the target or of all, and of a source with its name.
fn unsafe_settings(scene: &Scene<'_>) -> (Vec<Finding>, Vec<(String, Finding)>) {
    let (mut all, mut of_sources) = (Vec::new(), Vec::new());
    for objection in safety::settings(scene) {
        let finding = Finding::ill(objection.what, objection.remedy);
        if objection.server == scene.target.node.name {
            all.push(finding);
        } else {
            of_sources.push((objection.server, finding));
        }
    }
    (all, of_sources)
}

async fn of_target(scene: &mut Scene<'_>) -> Result<Vec<Finding>, Error> {
    let mut findings = Vec::new();
    let family = scene.target.node.family;
    let apply = scene.topology.command("apply", "");
    let facts = &scene.target.facts;
    if !facts.read_only {
        let written = scene.topology.kind == Kind::Replica
            && scene.sources.iter().any(|source| source.copy == Copy::There && !source.written_on_target.is_empty());
        let does = if written { scene.topology.discarding() } else { apply.clone() };
        let remedy = format!("if it is to stay a copy: {does}");
        findings.push(Finding::ill("read_only is OFF: anybody with the right to may write on it", remedy));
    }
    if !facts.strict {
        let what = "it does not insist on the order of transactions (gtid_strict_mode, or gtid_mode on MySQL)";
        findings.push(Finding::ill(what, format!("set it: {apply}")));
    }
    if family == Family::MySql && facts.read_only && !facts.super_read_only {
        let what = "super_read_only is OFF: its administrators may write on it";
        findings.push(Finding::note(what, format!("set it: {apply}")));
    }
    unnamed(&mut findings, scene);
    let facts = &scene.target.facts;
    if family == Family::MariaDb && facts.read_only {
        let asked =
            "SELECT global_value_origin FROM information_schema.system_variables WHERE variable_name = 'read_only'";
        if scene.target.node.text(asked).await? == "SQL" {
            let remedy = "write the lines that `plan` shows into its configuration file";
            findings.push(Finding::note("read_only does not outlive a restart", remedy));
        }
    }
    Ok(findings)
}

/// Channels that nobody looks after.
fn unnamed(findings: &mut Vec<Finding>, scene: &Scene<'_>) {
    let named = |name: &str| scene.topology.channels.iter().any(|channel| channel.name == name);
    for state in scene.target.facts.channels.iter().filter(|state| !named(&state.name)) {
        let words = Words { family: scene.target.node.family, channel: &state.name };
        let what = format!(
            "it follows {}:{} too (channel '{}'), which the file does not name",
            state.host, state.port, state.name
        );
        let remedy = format!("name it in the file; or let it go: {}; {}", words.stop().text(), words.forget().text());
        findings.push(Finding::note(what, remedy));
    }
}

async fn of_channel(scene: &mut Scene<'_>, channel: &Channel, now: Timestamp) -> Result<ChannelStatus, Error> {
    let state = scene.target.facts.channel(&channel.name).cloned();
    let place = scene.sources.iter().position(|source| source.channel.name == channel.name);
    let mut findings = Vec::new();
    let mut times = Times::default();
    if let Some(state) = &state {
        let words = Words { family: scene.target.node.family, channel: &channel.name };
        let command = |verb| scene.topology.command(verb, &channel.name);
        let commands =
            Commands { words, apply: command("apply"), rebuild: command("rebuild"), verify: command("verify") };
        let has_lost = place.is_some_and(|place| scene.sources[place].has_lost_its_filter(state, &commands.words));
        settings(&mut findings, scene, place, state, &commands);
        threads(&mut findings, state, &commands, has_lost);
        let source = place.map(|place| &scene.sources[place].seen.facts);
        source.into_iter().for_each(|source| chain(&mut findings, source));
        times = health::times(&mut scene.target, source, state, channel, now).await;
        lag(&mut findings, scene.topology, channel, &times);
        let apply = commands.apply;
        if let Some(source) = place.map(|place| &mut scene.sources[place]).filter(|_| channel.semi_sync)
            && !health::is_semi_sync(&mut source.seen.node).await?
        {
            findings.push(Finding::ill("its source does not wait for it (semi_sync)", format!("set it: {apply}")));
        }
    } else {
        let remedy = format!("set it up: {}", scene.topology.command("apply", &channel.name));
        findings.push(Finding::ill("it follows nobody", remedy));
    }
    let source = state.map(|state| format!("{}:{}", state.host, state.port)).unwrap_or_default();
    let position = scene.target.facts.applied.clone();
    let Times { lag, recovery_point, .. } = times;
    Ok(ChannelStatus { channel: channel.name.clone(), source, healthy: false, findings, lag, recovery_point, position })
}

/// A thread that does not run, and why. One that met what is none of the copy's goes on once that is filtered out again.
fn threads(findings: &mut Vec<Finding>, state: &ChannelState, commands: &Commands<'_>, has_lost_its_filter: bool) {
    let threads = [
        ("receives", state.receives, state.receiver.as_str(), &state.receive_error),
        ("applies", state.applies, "No", &state.apply_error),
    ];
    for (does, runs, how, (number, said)) in threads {
        if runs {
            continue;
        }
        match known(*number, said, commands) {
            Some(known) => findings.push(Finding {
                ill: true,
                code: Some(*number),
                what: format!("the thread that {does} is stopped: {}: {said}", known.what),
                remedy: match does {
                    "applies" if has_lost_its_filter => format!("its filter first: {}", commands.apply),
                    _ => known.remedy,
                },
            }),
            None if how == "No" => {
                let remedy = format!("let it go on: {}", commands.words.start().text());
                findings.push(Finding::ill(format!("the thread that {does} is stopped"), remedy));
            }
            None => {
                let remedy = "see that its source runs, and that its address in the file holds from there";
                findings.push(Finding::ill(format!("it is not connected to its source ({how})"), remedy));
            }
        }
    }
}

/// A source that follows another server and has stopped has nothing more to give, and whoever follows it seems up to date.
fn chain(findings: &mut Vec<Finding>, source: &Facts) {
    for upstream in source.channels.iter().filter(|upstream| !upstream.runs()) {
        let place = format!("{}:{}", upstream.host, upstream.port);
        let what = format!("its source follows {place} itself, and has stopped doing so");
        findings.push(Finding::ill(
            what,
            "see there why: picup db replica status; if it is a primary now: STOP and RESET … ALL there",
        ));
    }
}

fn lag(findings: &mut Vec<Finding>, topology: &Topology, channel: &Channel, times: &Times) {
    let most = topology.max_lag + Duration::from_secs(channel.delay.into());
    if let Some(lag) = times.lag.filter(|lag| *lag > most) {
        let remedy = "see whether its disk, or the network to its source, keeps up; it may be catching up";
        findings
            .push(Finding::ill(format!("it is {} s behind, more than {} s", lag.as_secs(), most.as_secs()), remedy));
    }
    if let Some(ahead) = times.ahead {
        let what = format!(
            "the last heartbeat of its source is {} s in the future: it does not tell how old this copy is",
            ahead.as_secs()
        );
        findings.push(Finding::note(what, "set the clocks of this machine and of PicUp's right"));
    }
}

fn settings(
    findings: &mut Vec<Finding>,
    scene: &Scene<'_>,
    place: Option<usize>,
    state: &ChannelState,
    commands: &Commands<'_>,
) {
    if !state.by_ids {
        let remedy = format!("set it anew: {}", commands.apply);
        findings.push(Finding::ill("it does not follow by global transaction ids", remedy));
    }
    let Some(source) = place.map(|place| &scene.sources[place]) else { return };
    if let Some(tables) = state.writes_elsewhere(&source.channel.schema) {
        let what = format!("it writes to {tables}, the file says {}", source.channel.schema);
        findings.push(Finding::ill(what, "correct the file"));
    } else if source.has_lost_its_filter(state, &commands.words) {
        let lines = commands.words.filter_lines(&source.seen.node.place.schema, &source.channel.schema).join(" and ");
        let what = "it has lost its filter, as it does over a restart: it takes in what is none of PicUp's";
        let remedy = format!("write {lines} into its configuration file, then: {}", commands.apply);
        findings.push(Finding::ill(what, remedy));
    }
    match source.copy {
        Copy::Unfinished => {
            let remedy = format!("go on with it: {}", commands.apply);
            findings.push(Finding::ill("its copy was never finished", remedy));
        }
        Copy::Missing => {
            let remedy = format!("make it anew: {}", commands.rebuild);
            findings.push(Finding::ill(format!("there are no tables in {}", source.channel.schema), remedy));
        }
        Copy::There => {}
    }
    written(findings, scene.topology.kind, &source.written_on_target, commands);
}

/// On a replica nobody else has anything to write; an off-site server may have something of its own, elsewhere than in the copies.
fn written(findings: &mut Vec<Finding>, kind: Kind, written: &[String], commands: &Commands<'_>) {
    if written.is_empty() {
        return;
    }
    let what =
        format!("something was written on the copy itself ({}), which its source does not know", written.join(", "));
    let verify = &commands.verify;
    findings.push(match kind {
        Kind::Replica => {
            let remedy =
                format!("see what differs: {verify}; then make it anew: {} --discard-writes", commands.rebuild);
            Finding::ill(what, remedy)
        }
        Kind::OffSite => Finding::note(what, format!("see that it is nothing of a home's: {verify}")),
    });
}
