//! What a server says of itself: its settings, how far it has come, and the channels by which it follows others.

use super::Error;
use super::answer::{Answer, version};
use super::node::{Node, Place};
use super::words::all_of;
use crate::family::Family;
use crate::position::Position;

#[derive(Debug, Clone)]
pub(super) struct Facts {
    pub(super) version: (u16, u16),
    pub(super) server_id: u64,
    /// MySQL's name for the server; empty on MariaDB.
    pub(super) uuid: String,
    pub(super) logs: bool,
    pub(super) logs_what_it_follows: bool,
    pub(super) format: String,
    pub(super) syncs: bool,
    /// Whether it refuses what would confuse positions: MariaDB's strict mode, MySQL's ids for every transaction.
    pub(super) strict: bool,
    /// MariaDB's domain of what is written here.
    pub(super) domain: u32,
    pub(super) read_only: bool,
    /// MySQL alone: administrators cannot write either.
    pub(super) super_read_only: bool,
    /// What its binary log holds or held.
    pub(super) logged: String,
    /// On MariaDB, that of each server by itself.
    pub(super) logged_by_server: String,
    /// How far it has followed others.
    pub(super) applied: String,
    pub(super) channels: Vec<ChannelState>,
}

/// A channel, as the target tells of it.
#[derive(Debug, Clone, Default)]
pub(super) struct ChannelState {
    pub(super) name: String,
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) user: String,
    pub(super) source_id: u64,
    /// MySQL's name for the source.
    pub(super) source_uuid: String,
    /// What MySQL has received since the channel was set up.
    pub(super) received: String,
    pub(super) receives: bool,
    /// `Yes`, `No`, `Connecting`.
    pub(super) receiver: String,
    pub(super) applies: bool,
    pub(super) receive_error: (u64, String),
    pub(super) apply_error: (u64, String),
    pub(super) seconds_behind: Option<u64>,
    pub(super) by_ids: bool,
    pub(super) encrypted: bool,
    /// The file with the authority that the source's certificate is checked against; empty when it is not.
    pub(super) authority: String,
    pub(super) delay: u64,
    /// What is rewritten, and which tables are taken in.
    pub(super) filter: [String; 2],
}

const OF_MARIADB: &str = "SELECT VERSION() AS version, @@server_id AS server_id, '' AS uuid, @@log_bin AS logs, \
     @@log_slave_updates AS logs_followed, @@global.binlog_format AS format, @@sync_binlog AS sync_log, \
     @@innodb_flush_log_at_trx_commit AS sync_engine, @@gtid_strict_mode AS strict, @@global.gtid_domain_id AS domain, \
     @@read_only AS read_only, 0 AS super_read_only, @@gtid_binlog_pos AS logged, @@gtid_binlog_state AS logged_by_server, \
     @@gtid_slave_pos AS applied";
const OF_MYSQL: &str = "SELECT VERSION() AS version, @@server_id AS server_id, @@server_uuid AS uuid, @@log_bin AS logs, \
     @@log_replica_updates AS logs_followed, @@global.binlog_format AS format, @@sync_binlog AS sync_log, \
     @@innodb_flush_log_at_trx_commit AS sync_engine, @@gtid_mode = 'ON' AND @@enforce_gtid_consistency = 'ON' AS strict, \
     0 AS domain, @@read_only AS read_only, @@super_read_only AS super_read_only, @@global.gtid_executed AS logged, \
     '' AS logged_by_server, @@global.gtid_executed AS applied";

impl Facts {
    pub(super) async fn of(node: &mut Node) -> Result<Self, Error> {
        let family = node.family;
        let rows = node.ask(if family == Family::MariaDb { OF_MARIADB } else { OF_MYSQL }).await?;
        let channels = node.ask(family.channels()).await?.iter().map(ChannelState::from).collect();
        let row = rows.first().ok_or_else(|| Error::Senseless(format!("{} says nothing of itself", node.name)))?;
        Ok(Self {
            version: version(&row.text(&["version"]))?,
            server_id: row.number(&["server_id"]).unwrap_or_default(),
            uuid: row.text(&["uuid"]),
            logs: row.is_on(&["logs"]),
            logs_what_it_follows: row.is_on(&["logs_followed"]),
            format: row.text(&["format"]),
            syncs: row.number(&["sync_log"]) == Some(1) && row.number(&["sync_engine"]) == Some(1),
            strict: row.is_on(&["strict"]),
            domain: row.number(&["domain"]).and_then(|domain| domain.try_into().ok()).unwrap_or_default(),
            read_only: row.is_on(&["read_only"]),
            super_read_only: row.is_on(&["super_read_only"]),
            logged: row.text(&["logged"]).replace('\n', ""),
            logged_by_server: row.text(&["logged_by_server"]),
            applied: row.text(&["applied"]).replace('\n', ""),
            channels,
        })
    }

    pub(super) fn channel(&self, name: &str) -> Option<&ChannelState> {
        self.channels.iter().find(|channel| channel.name == name)
    }

    /// The domains that whoever follows it receives.
    pub(super) fn domains_logged(&self) -> Vec<u32> {
        Position::parse(&self.logged).map(|logged| logged.domains().collect()).unwrap_or_default()
    }

    /// On MySQL, the servers whose transactions whoever follows it receives.
    pub(super) fn servers_logged(&self) -> Vec<String> {
        servers_of(&self.logged, &self.uuid)
    }

    /// What was written on this server itself and is not known to `source`: on a copy there should be nothing of the kind. Ask
    /// the copy before the source.
    pub(super) fn written_here(&self, source: &Self) -> Vec<String> {
        let own = |entry: &&Entry| entry.server == self.server_id;
        let known = entries(&source.logged_by_server);
        let unknown = |mine: &Entry| {
            let same = |theirs: &&Entry| (theirs.domain, theirs.server) == (mine.domain, mine.server);
            known.iter().find(same).is_none_or(|theirs| theirs.sequence < mine.sequence)
        };
        let entries = entries(&self.logged_by_server);
        entries.iter().filter(own).filter(|mine| unknown(mine)).map(|mine| mine.text.clone()).collect()
    }
}

/// Those of a position, and one more unless it is empty. What is tagged is the same server's.
fn servers_of(position: &str, one: &str) -> Vec<String> {
    let position = Position::parse(position).unwrap_or_default();
    let server = |name: &str| name.split(':').next().unwrap_or_default().to_ascii_lowercase();
    position.servers().chain([one]).map(server).filter(|server| !server.is_empty()).collect()
}

/// A server's last transaction in a domain, as MariaDB tells it for each server of its log.
struct Entry {
    text: String,
    domain: u64,
    server: u64,
    sequence: u64,
}

fn entries(state: &str) -> Vec<Entry> {
    let entry = |text: &str| {
        let mut numbers = text.trim().split('-').map(|number| number.parse::<u64>().ok());
        let mut next = || numbers.next().flatten();
        Some(Entry { text: text.trim().to_owned(), domain: next()?, server: next()?, sequence: next()? })
    };
    state.split(',').filter_map(entry).collect()
}

impl ChannelState {
    fn from(row: &Answer) -> Self {
        let error = |number, text| (row.number(&[number]).unwrap_or_default(), row.text(&[text]));
        Self {
            name: row.text(&["Connection_name", "Channel_Name"]),
            host: row.text(&["Master_Host", "Source_Host"]),
            port: row.number(&["Master_Port", "Source_Port"]).and_then(|port| port.try_into().ok()).unwrap_or_default(),
            user: row.text(&["Master_User", "Source_User"]),
            source_id: row.number(&["Master_Server_Id", "Source_Server_Id"]).unwrap_or_default(),
            source_uuid: row.text(&["Source_UUID"]),
            received: row.text(&["Retrieved_Gtid_Set"]).replace('\n', ""),
            receives: row.is_on(&["Slave_IO_Running", "Replica_IO_Running"]),
            receiver: row.text(&["Slave_IO_Running", "Replica_IO_Running"]),
            applies: row.is_on(&["Slave_SQL_Running", "Replica_SQL_Running"]),
            receive_error: error("Last_IO_Errno", "Last_IO_Error"),
            apply_error: error("Last_SQL_Errno", "Last_SQL_Error"),
            seconds_behind: row.number(&["Seconds_Behind_Master", "Seconds_Behind_Source"]),
            by_ids: row.is_on(&["Auto_Position"]) || row.text(&["Using_Gtid"]) == "Slave_Pos",
            encrypted: row.is_on(&["Master_SSL_Allowed", "Source_SSL_Allowed"]),
            authority: row.text(&["Master_SSL_CA_File", "Source_SSL_CA_File"]),
            delay: row.number(&["SQL_Delay"]).unwrap_or_default(),
            filter: [row.text(&["Replicate_Rewrite_DB"]), row.text(&["Replicate_Wild_Do_Table"])],
        }
    }

    /// Whether it follows the server at that place.
    pub(super) fn follows(&self, source: &Place) -> bool {
        self.port == source.port && self.host.eq_ignore_ascii_case(&source.host)
    }

    /// On MySQL, the servers whose transactions come by it, as far as that is known.
    pub(super) fn servers(&self) -> Vec<String> {
        servers_of(&self.received, &self.source_uuid)
    }

    /// Which tables it takes in, unless all, as after a restart without its filter; and those of another schema are none of its.
    pub(super) fn writes_elsewhere(&self, schema: &str) -> Option<&str> {
        let tables = self.filter[1].as_str();
        (!tables.is_empty() && tables != all_of(schema)).then_some(tables)
    }

    /// Whether it receives and applies.
    pub(super) const fn runs(&self) -> bool {
        self.receives && self.applies
    }

    /// Neither thread runs, and no error is why.
    pub(super) fn rests(&self) -> bool {
        self.receiver == "No" && !self.applies && self.receive_error.0 == 0 && self.apply_error.0 == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts(server_id: u64, logged_by_server: &str) -> Facts {
        Facts {
            version: (10, 11),
            server_id,
            uuid: String::new(),
            logs: true,
            logs_what_it_follows: true,
            format: "ROW".to_owned(),
            syncs: true,
            strict: true,
            domain: 0,
            read_only: true,
            super_read_only: false,
            logged: String::new(),
            logged_by_server: logged_by_server.to_owned(),
            applied: String::new(),
            channels: Vec::new(),
        }
    }

    #[test]
    fn what_was_written_on_a_copy_is_told_from_what_it_followed() {
        let source = facts(1, "0-1-20,0-2-7");
        assert!(
            facts(2, "0-1-20,0-2-7").written_here(&source).is_empty(),
            "it was the primary once, and all of it is known"
        );
        assert!(facts(2, "0-1-25").written_here(&source).is_empty(), "the source has gone on since it was asked");
        assert_eq!(facts(2, "0-1-20,0-2-21").written_here(&source), ["0-2-21"]);
        assert_eq!(facts(2, "0-1-20,5-2-1").written_here(&source), ["5-2-1"]);
    }
}
