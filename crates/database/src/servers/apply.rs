//! Carries a plan out, step by step. Cut off anywhere, a new plan holds what is left.

use std::collections::HashMap;
use std::time::Duration;

use super::copying::{self, Tell};
use super::facts::{ChannelState, Facts};
use super::placing;
use super::plan::{self, Planner};
use super::scene::Scene;
use super::snapshot::Snapshot;
use super::step::{Act, On, Plan};
use super::{Error, Kind, Topology};

/// A channel that has just begun is looked at again after that.
const SETTLING: Duration = Duration::from_millis(100);

/// Gives a new password each time it is called.
pub type NewPassword<'p> = &'p mut (dyn FnMut() -> String + Send);

impl Topology {
    /// What [`Topology::apply`] would do; of one channel, or of all.
    ///
    /// # Errors
    /// When a server cannot be asked.
    pub async fn plan(&self, only: Option<&str>) -> Result<Plan, Error> {
        plan::look(self, only).await
    }

    /// Does what is missing, and gives the plan that was carried out. `tell` hears of each thing that is done.
    ///
    /// # Errors
    /// [`Error::Unsafe`] when there are objections: then nothing is done. Otherwise what a server said; done again, it goes on.
    pub async fn apply(&self, only: Option<&str>, password: NewPassword<'_>, tell: Tell<'_>) -> Result<Plan, Error> {
        let mut scene = Scene::look(self, only).await?;
        carry_out(&mut scene, password, tell).await
    }
}

/// Plans for what was seen, and does it.
pub(super) async fn carry_out(scene: &mut Scene<'_>, password: NewPassword<'_>, tell: Tell<'_>) -> Result<Plan, Error> {
    let plan = Planner::plan(scene, password).await?;
    if !plan.objections.is_empty() {
        return Err(Error::Unsafe(plan.objections));
    }
    // Where the copies of this run were taken.
    let mut positions = HashMap::new();
    for step in &plan.steps {
        tell(&step.to_string());
        do_it(scene, &step.on, &step.act, &mut positions, tell).await?;
    }
    if !plan.steps.is_empty() {
        settle(scene).await?;
    }
    Ok(plan)
}

/// Gives the channels a moment to connect, so that whoever looks next sees how they are; if they do not, their status says why.
async fn settle(scene: &mut Scene<'_>) -> Result<(), Error> {
    let channels: Vec<_> = scene.sources.iter().map(|source| source.channel.name.clone()).collect();
    for _ in 0..100 {
        let facts = Facts::of(&mut scene.target.node).await?;
        let settled = |state: &ChannelState| {
            state.receives && state.applies || state.receive_error.0 != 0 || state.apply_error.0 != 0
        };
        if channels.iter().all(|channel| facts.channel(channel).is_some_and(settled)) {
            break;
        }
        tokio::time::sleep(SETTLING).await;
    }
    Ok(())
}

async fn do_it(
    scene: &mut Scene<'_>,
    on: &On,
    act: &Act,
    positions: &mut HashMap<String, String>,
    tell: Tell<'_>,
) -> Result<(), Error> {
    let node = match on {
        On::Target => &mut scene.target.node,
        On::Source(name) => &mut source(&mut scene.sources, name)?.seen.node,
    };
    match act {
        Act::Say(sql) => node.say(sql).await,
        Act::SayAmidSilence(all) => {
            placing::amid_silence(node, None, async |node| {
                for sql in all {
                    node.say(sql).await?;
                }
                Ok(())
            })
            .await
        }
        Act::Make { channel, drop } => {
            let source = source(&mut scene.sources, channel)?;
            let (from, schema) = (source.seen.node.place.schema.clone(), &source.channel.schema);
            let charset = copying::charset(&mut source.seen.node, &from).await?;
            copying::make(&mut scene.target.node, schema, &charset, &source.mark, *drop).await
        }
        Act::Copy(channel) => {
            let source = source(&mut scene.sources, channel)?;
            let mut snapshot = Snapshot::of(&source.seen.node).await?;
            copying::copy(&mut snapshot, &mut scene.target.node, &source.channel.schema, tell).await?;
            tell(&format!("that snapshot's position is {}", snapshot.position));
            positions.insert(channel.clone(), snapshot.position);
            Ok(())
        }
        Act::Place { channel, forget_log } => {
            let position = positions.get(channel).map(String::as_str).unwrap_or_default();
            let alone = scene.topology.kind == Kind::Replica;
            placing::place(&mut scene.target.node, channel, position, alone, *forget_log).await
        }
    }
}

fn source<'s, 'a>(
    sources: &'s mut [super::scene::Source<'a>],
    channel: &str,
) -> Result<&'s mut super::scene::Source<'a>, Error> {
    let there = sources.iter_mut().find(|source| source.channel.name == channel);
    there.ok_or_else(|| Error::Senseless(format!("channel {channel} was not looked at")))
}
