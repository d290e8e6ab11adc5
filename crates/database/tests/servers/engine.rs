//! What a test of several servers has to say in each family's words.

use picup_testkit::DatabaseServer;
pub(crate) use picup_testkit::engine::is_mysql;

/// Starts one with a number of its own, lines of a configuration file, and on MariaDB a domain for what is written on it.
pub(crate) fn start(number: u32, domain: u32, lines: &[String]) -> DatabaseServer {
    let domain = (!is_mysql()).then(|| format!("--gtid-domain-id={domain}"));
    let lines = lines.iter().map(|line| format!("--{line}"));
    let options: Vec<_> = ["--sync-binlog=1".to_owned()].into_iter().chain(domain).chain(lines).collect();
    DatabaseServer::start_numbered(number, &options.iter().map(String::as_str).collect::<Vec<_>>()).unwrap()
}

/// What a server that follows another is called in its statements.
pub(crate) fn replica() -> &'static str {
    if is_mysql() { "REPLICA" } else { "SLAVE" }
}

/// Begins a server's log anew.
pub(crate) fn forget_log() -> &'static str {
    if is_mysql() { "RESET BINARY LOGS AND GTIDS" } else { "RESET MASTER" }
}

/// Whether its log holds what was written on the server itself.
pub(crate) fn has_writes_of_its_own(server: &DatabaseServer) -> bool {
    let asked = if is_mysql() {
        "SELECT INSTR(@@global.gtid_executed, @@server_uuid) > 0"
    } else {
        "SELECT INSTR(@@gtid_binlog_state, CONCAT('-', @@server_id, '-')) > 0"
    };
    server.say(asked).unwrap() == "1"
}

/// How many transactions were written on a server.
pub(crate) fn written(on: &DatabaseServer) -> u64 {
    let all = if is_mysql() { "SELECT @@global.gtid_executed" } else { "SELECT @@gtid_binlog_pos" };
    last(&on.say(all).unwrap(), on)
}

/// How many of the transactions that were written on `source` another one has applied.
pub(crate) fn applied(by: &DatabaseServer, source: &DatabaseServer) -> u64 {
    let all = if is_mysql() { "SELECT @@global.gtid_executed" } else { "SELECT @@gtid_slave_pos" };
    last(&by.say(all).unwrap(), source)
}

/// It has received more of a channel than it has applied.
pub(crate) fn holds_back(by: &DatabaseServer, name: &str, source: &DatabaseServer) -> bool {
    let status = if is_mysql() {
        format!("SHOW REPLICA STATUS FOR CHANNEL '{name}'")
    } else {
        format!("SHOW SLAVE '{name}' STATUS")
    };
    let status = by.say(&status).unwrap();
    let received = status.split('\t').map(|column| last(column, source)).max();
    let written = written(source);
    received == Some(written) && applied(by, source) < written
}

/// The number of the last transaction in a position that carries the source's domain, or its name.
fn last(position: &str, source: &DatabaseServer) -> u64 {
    let asked = if is_mysql() { "SELECT CONCAT(@@server_uuid, ':')" } else { "SELECT CONCAT(@@gtid_domain_id, '-')" };
    let whose = source.say(asked).unwrap();
    let position = position.replace("\\n", "");
    let of_it = position.split(',').find(|item| item.starts_with(&whose));
    of_it.and_then(|item| item.rsplit(['-', ':']).next()).map_or(0, |last| last.parse().unwrap_or(0))
}
