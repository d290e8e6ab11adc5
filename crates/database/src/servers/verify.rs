//! Compares a copy with its source, table by table, at the same position: the channel is held there for as long as it takes to
//! begin a snapshot of the target, and goes on while both are read.

use std::collections::BTreeSet;
use std::time::Duration;

use tokio::time::Instant;

use super::channel_words::Words;
use super::facts::Facts;
use super::held::Copy;
use super::node::Node;
use super::scene::Scene;
use super::semi_sync::is_on;
use super::snapshot::Snapshot;
use super::words::{Sql, named, quoted};
use super::{Error, Topology};
use crate::position::Position;

const LOOK_EVERY: Duration = Duration::from_millis(20);

/// A copy beside its source.
#[derive(Debug, Clone)]
pub struct Comparison {
    /// Which channel; empty for a replica.
    pub channel: String,
    /// Up to which transaction both were read.
    pub position: String,
    /// Every table of either.
    pub tables: Vec<TableComparison>,
}

/// One table on both.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableComparison {
    /// Its name.
    pub table: String,
    /// Its checksum at the source; `None` where there is no such table.
    pub source: Option<String>,
    /// Its checksum at the target.
    pub target: Option<String>,
}

impl Comparison {
    /// Whether the copy is its source's.
    #[must_use]
    pub fn is_equal(&self) -> bool {
        self.tables.iter().all(TableComparison::is_equal)
    }
}

impl TableComparison {
    /// Whether both have it, with the same rows.
    #[must_use]
    pub fn is_equal(&self) -> bool {
        self.source.is_some() && self.source == self.target
    }
}

impl Topology {
    /// Compares that channel's copy with its source. The channel goes on afterwards, whatever comes of it.
    ///
    /// # Errors
    /// When it is not running, or does not come to where its source is within `patience` and its own delay.
    pub async fn verify(&self, channel: &str, patience: Duration) -> Result<Comparison, Error> {
        let mut scene = Scene::look(self, Some(channel)).await?;
        let source = scene.sources.first().ok_or_else(|| Error::Senseless("there is no channel".to_owned()))?;
        let running = source.state(&scene.target).is_some_and(|state| state.applies && state.receives);
        if !running || source.copy != Copy::There {
            let status = self.command("status", "");
            let shown = source.channel.shown();
            return Err(Error::Senseless(format!(
                "{shown} is not running, so there is nothing to compare; see {status}"
            )));
        }
        let words = Words { family: scene.target.node.family, channel };
        let tells = is_on(&mut scene.target.node, words.family.semi_sync_target()).await?;
        scene.target.node.say(&words.stop()).await?;
        let patience = patience + Duration::from_secs(source.channel.delay.into());
        let held = hold(&mut scene.target.node, &source.seen.node, &words, tells, patience).await;
        let gone_on = go_on(&mut scene.target.node, &words, tells).await;
        let (mut there, mut here) = held?;
        gone_on?;
        let from = source.seen.node.place.schema.clone();
        let (source, target) = tokio::join!(sums(&mut there.node, &from), sums(&mut here, &source.channel.schema));
        let tables = side_by_side(source?, target?);
        Ok(Comparison { channel: channel.to_owned(), position: there.position, tables })
    }
}

impl Topology {
    /// Lets a channel go on whose comparison was cut short.
    ///
    /// # Errors
    /// When the target does not answer, or refuses.
    pub async fn go_on(&self, channel: &str) -> Result<(), Error> {
        let tells = self.channel(channel)?.semi_sync;
        let mut target = Node::open(self.target_role(), &self.target).await?;
        let words = Words { family: target.family, channel };
        go_on(&mut target, &words, tells).await
    }
}

/// From where it was to be held, too, it goes on only when it is told to.
async fn go_on(target: &mut Node, words: &Words<'_>, tells: bool) -> Result<(), Error> {
    let stopped = target.say(&words.stop()).await;
    let told = if tells { target.say(&telling(words, "ON")).await } else { Ok(()) };
    stopped.and(told).and(target.say(&words.start()).await)
}

fn telling(words: &Words<'_>, value: &str) -> Sql {
    Sql::plain(format!("SET GLOBAL {} = {value}", words.family.semi_sync_target()))
}

/// A snapshot of the source, and one of the target at the same position, to which the channel is let go on. One that `tells` its
/// source what it has received does not meanwhile: MariaDB 10.11 never says to such a one that it has come to its end.
async fn hold(
    target: &mut Node,
    source: &Node,
    words: &Words<'_>,
    tells: bool,
    patience: Duration,
) -> Result<(Snapshot, Node), Error> {
    if tells {
        target.say(&telling(words, "OFF")).await?;
    }
    let there = Snapshot::of(source).await?;
    target.say(&words.start_until(&there.position)).await?;
    let begun = Instant::now();
    loop {
        let facts = Facts::of(target).await?;
        let state = facts.channel(words.channel).cloned().unwrap_or_default();
        for (number, said) in [&state.apply_error, &state.receive_error] {
            if *number != 0 {
                return Err(Error::Senseless(format!("{} stopped on the way: {number}: {said}", target.name)));
            }
        }
        let (applied, wanted) = (Position::parse(&facts.applied), Position::parse(&there.position));
        let reached = applied.zip(wanted).is_some_and(|(applied, wanted)| applied.covers(&wanted));
        if !state.applies && reached {
            break;
        }
        if begun.elapsed() > patience {
            let what = format!("that {} comes to {}", target.name, there.position);
            return Err(Error::TooLate { what, within: patience });
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
    let here = Snapshot::of_target(target).await?;
    Ok((there, here))
}

async fn sums(node: &mut Node, schema: &str) -> Result<Vec<(String, Option<String>)>, Error> {
    let tables = format!(
        "SELECT table_name FROM information_schema.tables WHERE table_type = 'BASE TABLE' AND table_schema = {} ORDER BY table_name",
        quoted(schema)
    );
    let mut sums = Vec::new();
    for table in node.ask(&tables).await?.iter().map(|row| row.at(0)) {
        let sum = node.ask(&format!("CHECKSUM TABLE {}.{}", named(schema), named(&table))).await?;
        sums.push((table, sum.first().and_then(|row| row.maybe(&["Checksum"]))));
    }
    node.say(&Sql::plain("COMMIT")).await?;
    Ok(sums)
}

fn side_by_side(source: Vec<(String, Option<String>)>, target: Vec<(String, Option<String>)>) -> Vec<TableComparison> {
    let names: BTreeSet<&String> = source.iter().chain(&target).map(|(name, _)| name).collect();
    let of = |sums: &[(String, Option<String>)], name: &String| {
        sums.iter().find(|(table, _)| table == name).and_then(|(_, sum)| sum.clone())
    };
    let compare =
        |name: &String| TableComparison { table: name.clone(), source: of(&source, name), target: of(&target, name) };
    names.into_iter().map(compare).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_that_differs_or_is_missing_is_not_equal() {
        let sum = |table: &str, sum: &str| (table.to_owned(), Some(sum.to_owned()));
        let tables = side_by_side(
            vec![sum("albums", "1"), sum("assets", "2"), sum("jobs", "3")],
            vec![sum("albums", "1"), sum("assets", "9"), sum("more", "4")],
        );
        let equal: Vec<_> = tables.iter().filter(|table| table.is_equal()).map(|table| table.table.as_str()).collect();
        assert_eq!((tables.len(), equal), (4, vec!["albums"]));
    }
}
