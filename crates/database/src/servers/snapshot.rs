//! One moment of a source, and the position that belongs to exactly that moment: what a copy is made of and compared with.

use super::Error;
use super::answer::value_of;
use super::node::Node;
use super::words::{Sql, quoted};
use crate::family::Family;

/// Sees its source as it was, for as long as it is kept.
pub(super) struct Snapshot {
    pub(super) node: Node,
    /// Global transaction ids: whoever has come there has what this sees, and no more.
    pub(super) position: String,
}

const BEGIN: &str = "START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY";
const REPEATABLE: &str = "SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ";
/// MySQL waits for statements under way before it holds writers back, and writers wait for that: not longer than this.
/// And if this is cut off from the server meanwhile, it is the server that has to end it.
const BOUNDED: &str = "SET SESSION lock_wait_timeout = 20, wait_timeout = 20";
/// A snapshot of a source waits for the other server, which may take as long as its channel's delay: a year at most.
const SILENT: &str = "SET SESSION wait_timeout = 31536000";

impl Snapshot {
    /// Takes it on a connection of its own. On MariaDB nobody waits for it; on MySQL, which tells no position of a snapshot,
    /// writers wait for the two round trips in between.
    pub(super) async fn of(source: &Node) -> Result<Self, Error> {
        let mut node = source.again().await?;
        node.say(&Sql::plain(REPEATABLE)).await?;
        node.say(&Sql::plain(SILENT)).await?;
        let position = match node.family {
            Family::MariaDb => Self::begin_with_position(&mut node).await?,
            Family::MySql => Self::begin_amid_silence(&mut node).await?,
        };
        Ok(Self { node, position })
    }

    /// A target, whose channel stands still: where it has come to is known.
    pub(super) async fn of_target(target: &Node) -> Result<Node, Error> {
        let mut node = target.again().await?;
        node.say(&Sql::plain(REPEATABLE)).await?;
        node.say(&Sql::plain(BEGIN)).await?;
        Ok(node)
    }

    async fn begin_with_position(node: &mut Node) -> Result<String, Error> {
        node.say(&Sql::plain(BEGIN)).await?;
        let place = node.ask("SHOW STATUS LIKE 'binlog_snapshot_%'").await?;
        let file = quoted(&value_of(&place, "Binlog_snapshot_file"));
        let at = value_of(&place, "Binlog_snapshot_position");
        let at: u64 =
            at.parse().map_err(|_| Error::Senseless(format!("{} tells no position of its log", node.name)))?;
        node.text(&format!("SELECT BINLOG_GTID_POS({file}, {at})")).await
    }

    async fn begin_amid_silence(node: &mut Node) -> Result<String, Error> {
        let mut silence = node.again().await?;
        silence.say(&Sql::plain(BOUNDED)).await?;
        silence.say(&Sql::plain("FLUSH TABLES WITH READ LOCK")).await?;
        node.say(&Sql::plain(BEGIN)).await?;
        let position = silence.text("SELECT @@global.gtid_executed").await?;
        silence.say(&Sql::plain("UNLOCK TABLES")).await?;
        Ok(position.replace('\n', ""))
    }
}
