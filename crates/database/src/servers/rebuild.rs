//! Throws a channel's copy away and makes it anew, while all other channels go on. Only what is certainly a copy of that source is
//! thrown away: never a primary, nor a replica that has become one.

use super::apply::{NewPassword, carry_out};
use super::copying::Tell;
use super::held::Copy;
use super::objection::Objections;
use super::scene::{Scene, Source};
use super::step::Plan;
use super::{Error, Kind, Topology, safety};

impl Topology {
    /// Makes that channel's copy anew. With `discard_writes` also a replica that takes writes, and has some that its primary does
    /// not know: they are lost, and it takes none any more.
    ///
    /// # Errors
    /// [`Error::Unsafe`] when it is no copy of that source, or is not sure to be one: then nothing is done. Cut off later,
    /// it is done again by the same call.
    pub async fn rebuild(
        &self,
        channel: &str,
        discard_writes: bool,
        password: NewPassword<'_>,
        tell: Tell<'_>,
    ) -> Result<Plan, Error> {
        let mut scene = Scene::look(self, Some(channel)).await?;
        let mut all = Vec::new();
        for source in &scene.sources {
            object(&mut Objections { server: &scene.target.node.name, all: &mut all }, &scene, source, discard_writes);
        }
        if !all.is_empty() {
            return Err(Error::Unsafe(all));
        }
        scene.sources.iter_mut().for_each(Source::begin_anew);
        carry_out(&mut scene, password, tell).await
    }
}

fn object(objections: &mut Objections<'_>, scene: &Scene<'_>, source: &Source<'_>, discard_writes: bool) {
    let (topology, channel) = (scene.topology, source.channel);
    let address = format!("{}:{}", source.address.host, source.address.port);
    let follows =
        source.state(&scene.target).map(|state| (state.follows(&source.address), state.host.clone(), state.port));
    let unfinished = source.copy == Copy::Unfinished;
    let remedy = format!("this throws away copies alone; to set one up: {}", topology.command("apply", &channel.name));
    objections.when(
        follows.is_none() && !unfinished,
        format!("it is no copy of {address}: it follows nobody there"),
        remedy,
    );
    if !discard_writes {
        writes(objections, scene, source);
    }
    // What is on a replica was written on it; beside half a copy it may be anybody's.
    if !discard_writes || follows.is_none() {
        safety::foreign(objections, scene, source);
    }
    if let Some((false, host, port)) = follows {
        let remedy = "correct the file, if that is its source";
        objections.when(true, format!("it is no copy of {address}: it follows {host}:{port}"), remedy);
    }
}

/// Somebody may write there, or has. A replica's primary is lost at times, and its replica takes its place.
fn writes(objections: &mut Objections<'_>, scene: &Scene<'_>, source: &Source<'_>) {
    let topology = scene.topology;
    let lost = topology.kind == Kind::Replica && source.copy != Copy::Unfinished;
    let written = if lost { source.written_on_target.join(", ") } else { String::new() };
    let closes =
        if written.is_empty() { topology.command("apply", &source.channel.name) } else { topology.discarding() };
    let remedy = format!("if it is to stay a copy: {closes}");
    objections.when(!scene.target.facts.read_only, "read_only is OFF, as on a primary", remedy);
    let remedy = format!("look at them first; if nobody needs them: {}", topology.discarding());
    objections.when(!written.is_empty(), format!("it has writes that its source does not have ({written})"), remedy);
}
