//! What is in a schema: a whole copy, half a copy of this channel's, or something that is none of PicUp's and never thrown away.

use std::fmt;

use super::node::{Node, Place};
use super::words::{named, quoted};
use super::{Channel, Error};

/// Stands in a schema from the moment its copy is begun until it is followed: such a copy is begun anew. Its comment says whose it
/// is, so that a table that only has this name does not have a schema thrown away.
pub(super) const UNFINISHED: &str = "picup_copy_unfinished";

/// Stands in a schema that `picup db copy-to` or `restore` fills.
const UNFINISHED_MOVE: &str = "unfinished_copy";

/// All that there is in a schema.
pub(super) struct Held {
    things: Vec<Thing>,
    /// Whether there is such a schema, which may be empty.
    pub(super) exists: bool,
}

/// A table, a view, a procedure: whatever goes with its schema.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Thing {
    /// As it is dropped.
    kind: String,
    name: String,
    comment: String,
}

/// What a target holds of a source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Copy {
    Missing,
    Unfinished,
    There,
}

/// Where a server tells of what is in a schema: of which kind it is, its name and its comment.
const TOLD: [&str; 4] = [
    "SELECT table_type, table_name, table_comment FROM information_schema.tables WHERE table_schema = ",
    "SELECT routine_type, routine_name, '' FROM information_schema.routines WHERE routine_schema = ",
    "SELECT 'EVENT', event_name, '' FROM information_schema.events WHERE event_schema = ",
    "SELECT 'TRIGGER', trigger_name, '' FROM information_schema.triggers WHERE trigger_schema = ",
];

impl Held {
    pub(super) async fn of(node: &mut Node, schema: &str) -> Result<Self, Error> {
        let schema = quoted(schema);
        let mut things = Vec::new();
        for told in TOLD {
            things.extend(node.ask(&format!("{told}{schema}")).await?.iter().map(|row| Thing {
                kind: match row.at(0).as_str() {
                    "BASE TABLE" | "SYSTEM VERSIONED" => "TABLE".to_owned(),
                    kind => kind.to_owned(),
                },
                name: row.at(1),
                comment: row.at(2),
            }));
        }
        let exists = format!("SELECT COUNT(*) FROM information_schema.schemata WHERE schema_name = {schema}");
        let exists = node.text(&exists).await? != "0";
        Ok(Self { things, exists })
    }

    /// Whether it is a copy, or half a one with just that mark. Without a table it is none.
    pub(super) fn copy(&self, mark: &str) -> Copy {
        match self.mark() {
            Some(found) if found.comment == mark => Copy::Unfinished,
            Some(_) => Copy::There,
            None if self.things.iter().any(|thing| ["TABLE", "VIEW"].contains(&thing.kind.as_str())) => Copy::There,
            None => Copy::Missing,
        }
    }

    /// A mark that is another's: what it says.
    pub(super) fn strange_mark(&self, mark: &str) -> Option<String> {
        self.mark().filter(|found| found.comment != mark).map(|found| found.comment.clone())
    }

    /// What is not in `source` either, and so no copy of anything there.
    pub(super) fn foreign(&self, source: &Self, mark: &str) -> Vec<Thing> {
        let same = |one: &Thing, other: &Thing| (&one.kind, &one.name) == (&other.kind, &other.name);
        let own = |thing: &Thing| thing.name == UNFINISHED && thing.comment == mark;
        let known = |thing: &Thing| own(thing) || source.things.iter().any(|other| same(thing, other));
        self.things.iter().filter(|thing| !known(thing)).cloned().collect()
    }

    /// Something is still filling it.
    pub(super) fn is_half_copied(&self) -> bool {
        self.things.iter().any(|thing| [UNFINISHED, UNFINISHED_MOVE].contains(&thing.name.as_str()))
    }

    pub(super) const fn count(&self) -> usize {
        self.things.len()
    }

    fn mark(&self) -> Option<&Thing> {
        self.things.iter().find(|thing| thing.name == UNFINISHED)
    }
}

impl Thing {
    /// As an administrator drops it.
    pub(super) fn drop_words(&self, schema: &str) -> String {
        format!("DROP {} {}.{}", self.kind, named(schema), named(&self.name))
    }
}

impl fmt::Display for Thing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.kind.to_lowercase(), self.name)
    }
}

/// The databases of a server but for that one and the server's own.
pub(super) async fn beside(node: &mut Node, schema: &str) -> Result<Vec<String>, Error> {
    let others = format!(
        "SELECT schema_name FROM information_schema.schemata \
         WHERE schema_name NOT IN ('mysql', 'sys', 'information_schema', 'performance_schema', {}) ORDER BY schema_name",
        quoted(schema)
    );
    Ok(node.ask(&others).await?.iter().map(|row| row.at(0)).collect())
}

/// What the mark in a copy of that channel says.
pub(super) fn mark_of(channel: &Channel, source: &Place, schema: &str) -> String {
    format!("half a copy of {}:{}/{schema} for {}", source.host, source.port, channel.shown())
}
