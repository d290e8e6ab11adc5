//! Throws a channel's copy away and makes it anew, while all other channels go on. Only what is certainly a copy of that source is
//! thrown away: never a primary, nor a replica that has become one.

use super::apply::{NewPassword, carry_out};
use super::copying::Tell;
use super::objection::Objections;
use super::plan::Plan;
use super::scene::{Copy, Scene, Source};
use super::{Error, Kind, Topology};

impl Topology {
    /// Makes that channel's copy anew. With `discard_writes` also when there are writes on a replica that its primary does not
    /// know: they are lost.
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
        // From here on it is as if its first copy had been cut off.
        scene.sources.iter_mut().for_each(|source| source.copy = Copy::Unfinished);
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
    if let Some((false, host, port)) = follows {
        let remedy = "correct the file, if that is its source";
        objections.when(true, format!("it is no copy of {address}: it follows {host}:{port}"), remedy);
    }
    let remedy = format!(
        "if it is a copy, have it refuse writes first: SET GLOBAL read_only = ON on it, or {}",
        topology.command("apply", &channel.name)
    );
    objections.when(!scene.target.facts.read_only, "read_only is OFF, as on a primary", remedy);
    if topology.kind == Kind::Replica && !discard_writes && !unfinished {
        let written = source.written_on_target.join(", ");
        let remedy = "look at them first; if nobody needs them, add --discard-writes";
        objections.when(
            !written.is_empty(),
            format!("it has writes that its source does not have ({written})"),
            remedy,
        );
    }
}
