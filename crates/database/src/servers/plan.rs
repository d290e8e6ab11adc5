//! What has to be done so that a target follows its sources, made of what is there now: where nothing is missing, nothing.

use super::channel_words::Words;
use super::facts::ChannelState;
use super::held::UNFINISHED;
use super::lines::lines;
use super::node::Node;
use super::objection::Objection;
use super::scene::{Scene, Source};
use super::step::{Act, On, Plan, Step};
use super::trouble::is_refused;
use super::words::{self, Sql, named};
use super::{Account, Error, Kind, Topology, safety};
use crate::family::Family;

/// Looks at the servers and says what [`Topology::apply`] would do: for one channel, or for all.
pub(super) async fn look(topology: &Topology, only: Option<&str>) -> Result<Plan, Error> {
    let mut scene = Scene::look(topology, only).await?;
    Planner::plan(&mut scene, &mut String::new).await
}

/// Makes a plan of a scene; `password` gives a new one each time it is called.
pub(super) struct Planner<'p> {
    pub(super) steps: Vec<Step>,
    password: &'p mut (dyn FnMut() -> String + Send),
}

impl<'p> Planner<'p> {
    pub(super) async fn plan(
        scene: &mut Scene<'_>,
        password: &'p mut (dyn FnMut() -> String + Send),
    ) -> Result<Plan, Error> {
        let mut objections = safety::objections(scene);
        let (warnings, lines) = (safety::warnings(scene), lines(scene));
        let mut planner = Self { steps: Vec::new(), password };
        if objections.is_empty() {
            planner.target(scene).await?;
            for place in 0..scene.sources.len() {
                planner.channel(scene, place).await?;
            }
            planner.end(scene);
            if let Some(objection) = followed_itself(scene).await? {
                objections.push(objection);
            }
        }
        let steps = if objections.is_empty() { planner.steps } else { Vec::new() };
        Ok(Plan { objections, warnings, steps, lines })
    }

    fn step(&mut self, server: &str, on: On, what: impl Into<String>, why: &str, act: Act) {
        self.steps.push(Step { server: server.to_owned(), what: what.into(), why: why.to_owned(), on, act });
    }

    pub(super) fn say(&mut self, scene: &Scene<'_>, sql: Sql, why: &str) {
        self.step(&scene.target.node.name, On::Target, sql.to_string(), why, Act::Say(sql));
    }

    pub(super) fn say_to(&mut self, source: &Source<'_>, sql: Sql, why: &str) {
        let on = On::Source(source.channel.name.clone());
        self.step(&source.seen.node.name, on, sql.to_string(), why, Act::Say(sql));
    }

    /// Settings of the target, and whom PicUp reads it as.
    async fn target(&mut self, scene: &mut Scene<'_>) -> Result<(), Error> {
        let family = scene.target.node.family;
        if !scene.target.facts.read_only {
            self.say(scene, family.set("read_only", "ON"), "nobody but replication writes there");
        }
        let mut still = Vec::new();
        for (name, value) in family.target_settings() {
            let now = scene.target.node.text(&format!("SELECT @@global.{name}")).await?;
            let enough = now == value || now == "1" && value == "ON" || now.parse::<u32>().is_ok_and(|now| now > 1);
            if !enough {
                still.push(family.set(name, &value));
            }
        }
        if !still.is_empty() {
            let shown: Vec<_> = still.iter().map(Sql::to_string).collect();
            let why = "positions are strict, and several transactions are applied at once";
            self.step(&scene.target.node.name, On::Target, shown.join("; "), why, Act::SayAmidSilence(still));
        }
        self.reader(scene).await
    }

    async fn reader(&mut self, scene: &mut Scene<'_>) -> Result<(), Error> {
        let Some(reader) = &scene.topology.reader else { return Ok(()) };
        if !has_account(&mut scene.target.node, &reader.name, &reader.host).await? {
            let schema = scene.sources.first().map(|source| source.channel.schema.clone()).unwrap_or_default();
            self.open_target(scene);
            for sql in scene.target.node.family.reader(reader, &schema) {
                self.say(scene, sql, "PicUp reads as that account, and cannot write as it");
            }
        }
        Ok(())
    }

    /// On MySQL even an administrator writes nothing on a target until it is opened for that.
    pub(super) fn open_target(&mut self, scene: &Scene<'_>) {
        let open = Sql::plain("SET GLOBAL super_read_only = OFF");
        // A source may have been opened by the same words.
        let opened = self.steps.iter().any(|step| step.on == On::Target && step.what == open.text());
        if scene.target.facts.super_read_only && !opened {
            self.say(scene, open, "its administrator writes for a moment");
        }
    }

    /// At the end nobody writes there any more.
    fn end(&mut self, scene: &Scene<'_>) {
        let facts = &scene.target.facts;
        let opens = |step: &Step| step.on == On::Target && step.what.starts_with("SET GLOBAL super_read_only");
        let opened = self.steps.iter().any(opens);
        if scene.target.node.family == Family::MySql && (!facts.super_read_only || opened) {
            let (_, close) = scene.target.node.family.refuse_writes();
            self.say(scene, close, "not even its administrators write there");
        }
        for on in [On::Target].into_iter().chain(scene.sources.iter().map(|s| On::Source(s.channel.name.clone()))) {
            if let Some(first) = self.steps.iter().position(|step| step.on == on) {
                let server = self.steps[first].server.clone();
                let sql = Sql::plain(words::KEEP_TO_ITSELF);
                let why = "what follows is for this server alone".to_owned();
                self.steps.insert(first, Step { server, what: sql.to_string(), why, on, act: Act::Say(sql) });
            }
        }
    }

    async fn channel(&mut self, scene: &mut Scene<'_>, place: usize) -> Result<(), Error> {
        let user = scene.follower_name();
        let source = &mut scene.sources[place];
        let known = has_account(&mut source.seen.node, &user, &source.channel.from).await?;
        let source = &scene.sources[place];
        let copy = source.wants_a_copy(&scene.target);
        let state = source.state(&scene.target).cloned();
        let connect = copy || !known || state.as_ref().is_none_or(|state| misconnected(source, state, &user));
        let words = Words { family: scene.target.node.family, channel: &source.channel.name };
        let name = source.seen.node.place.schema.clone();
        let filtered =
            state.as_ref().is_some_and(|state| state.filter == words.filter_shown(&name, &source.channel.schema));
        let mut restart = connect || !filtered || state.as_ref().is_some_and(ChannelState::rests);
        if restart && state.as_ref().is_some_and(|state| !state.rests()) {
            self.say(scene, words.stop(), "it is set anew");
        }
        let user = connect.then(|| self.follower(scene, place));
        if copy {
            self.copy(scene, place);
        }
        let source = &scene.sources[place];
        if let Some(user) = user {
            let follow = words.follow(&source.address, &user, source.channel, source.tls());
            self.say(scene, follow, "it finds its source, by global transaction ids");
        }
        if connect || !filtered {
            for sql in words.filter(&name, &source.channel.schema) {
                self.say(scene, sql, "it takes in PicUp's schema and nothing else");
            }
        }
        restart |= self.semi_sync(scene, place).await?;
        let source = &scene.sources[place];
        if copy {
            if let Some(sql) = words.forget_received() {
                self.say(scene, sql, "what was received before the copy was made is in it");
            }
            let unmark = format!("DROP TABLE {}.{}", named(&source.channel.schema), named(UNFINISHED));
            self.say(scene, Sql::plain(unmark), "the copy is whole");
        }
        if restart {
            self.say(scene, words.start(), "it goes on from there");
        }
        Ok(())
    }

    /// The account that the target follows its source as, with a new password: nobody else needs to know it.
    fn follower(&mut self, scene: &Scene<'_>, place: usize) -> Account {
        let source = &scene.sources[place];
        let password = (self.password)();
        let user = Account { name: scene.follower_name(), host: source.channel.from.clone(), password };
        let shut = source.seen.facts.super_read_only;
        if shut {
            let open = Sql::plain("SET GLOBAL super_read_only = OFF");
            self.say_to(source, open, "it follows another server itself; its administrator writes for a moment");
        }
        for sql in words::follower(&user, source.tls() && !source.address.is_loopback()) {
            self.say_to(source, sql, "the target follows as that account, which may do nothing else");
        }
        if shut {
            self.say_to(source, Sql::plain("SET GLOBAL super_read_only = ON"), "as it was");
        }
        user
    }

    /// An empty schema, and what goes with the one that is there.
    fn make(&mut self, scene: &Scene<'_>, source: &Source<'_>) {
        let (name, drop) = (named(&source.channel.schema), source.held.exists);
        let dropped = if drop { format!("DROP DATABASE {name}; ") } else { String::new() };
        let why = match source.held.count() {
            _ if !drop => "a mark in it says that its copy is not whole yet".to_owned(),
            0 => "there is nothing in it, and a copy has its source's character set".to_owned(),
            count => format!("what is in it ({count} tables and the like) is thrown away, and copied anew"),
        };
        let act = Act::Make { channel: source.channel.name.clone(), drop };
        self.step(&scene.target.node.name, On::Target, format!("{dropped}CREATE DATABASE {name}"), &why, act);
    }

    fn copy(&mut self, scene: &Scene<'_>, place: usize) {
        let source = &scene.sources[place];
        let (channel, target) = (&source.channel.name, &scene.target.node.name);
        let from = format!("{}.{}", source.seen.node.name, source.seen.node.place.schema);
        let schema = &source.channel.schema;
        let forget_log = scene.topology.kind == Kind::Replica && !source.written_on_target.is_empty();
        self.open_target(scene);
        self.make(scene, source);
        let what = format!("copy a snapshot of {from} into {schema}");
        self.step(target, On::Target, what, "rows as they are at one moment", Act::Copy(channel.clone()));
        let forget = if forget_log { format!("{}; ", scene.target.node.family.forget_log()) } else { String::new() };
        let variable = match scene.target.node.family {
            Family::MariaDb => "gtid_slave_pos",
            Family::MySql => "gtid_purged",
        };
        let what =
            format!("{forget}SET GLOBAL {variable} = that snapshot's position, and all other positions as they are");
        let why = if forget_log {
            "it goes on from exactly that moment; what its own log holds would pass for writes made on a copy"
        } else {
            "it goes on from exactly that moment"
        };
        self.step(target, On::Target, what, why, Act::Place { channel: channel.clone(), forget_log });
    }
}

/// Whether it has to be told anew where its source is or who it is.
fn misconnected(source: &Source<'_>, state: &ChannelState, user: &str) -> bool {
    let refused = is_refused(state.receive_error.0, &state.receive_error.1);
    let changed = state.user != user || !state.by_ids || state.delay != u64::from(source.channel.delay);
    let authority = source.channel.tls_ca.clone().unwrap_or_default();
    refused || changed || state.encrypted != source.tls() || state.authority != authority
}

impl Scene<'_> {
    /// One for each target, so that a new password for one leaves the others alone.
    fn follower_name(&self) -> String {
        format!("picup_replica_{}", self.target.facts.server_id)
    }
}

async fn has_account(node: &mut Node, name: &str, host: &str) -> Result<bool, Error> {
    let (name, host) = (words::quoted(name), words::quoted(host));
    let asked = format!("SELECT COUNT(*) FROM mysql.user WHERE user = {name} AND host = {host}");
    Ok(node.text(&asked).await? == "1")
}

/// Servers that follow the target get nothing of a copy that is made on it.
async fn followed_itself(scene: &mut Scene<'_>) -> Result<Option<Objection>, Error> {
    if !scene.sources.iter().any(|source| source.wants_a_copy(&scene.target)) {
        return Ok(None);
    }
    let asked = "SELECT COUNT(*) FROM information_schema.processlist WHERE command LIKE 'Binlog Dump%'";
    let followers = scene.target.node.text(asked).await?;
    let remedy = "stop those first, and make them anew after this: what is copied here is not in its binary log";
    Ok((followers != "0").then(|| Objection {
        server: scene.target.node.name.clone(),
        what: format!("{followers} other servers follow it"),
        remedy: remedy.to_owned(),
    }))
}
