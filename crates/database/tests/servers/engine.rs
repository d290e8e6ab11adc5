//! A server of whichever family, so that a test of several of them runs on each.

use picup_testkit::MariaDb;

pub(crate) trait Engine: Sized + Send + Sync {
    /// Starts one with a number of its own, and a domain for what is written on it where there are such.
    fn start(number: u32, domain: u32, lines: &[String]) -> Self;
    fn say(&self, sql: &str) -> String;
    fn url(&self, database: &str) -> String;
    fn kill(&mut self);
    fn start_again(&mut self);
    /// How many of the transactions that were written on `source` this one has applied.
    fn applied(&self, source: &Self) -> u64;
    /// How many transactions were written on it.
    fn applied_here(&self) -> u64;
    /// What it received of a channel and what it applied are not the same: something waits.
    fn holds_back(&self, channel: &str, source: &Self) -> bool;
}

/// Lines of a configuration file, on a command line.
fn options(lines: &[String]) -> Vec<String> {
    lines.iter().map(|line| format!("--{line}")).collect()
}

impl Engine for MariaDb {
    fn start(number: u32, domain: u32, lines: &[String]) -> Self {
        let domain = format!("--gtid-domain-id={domain}");
        let options = options(lines);
        let all: Vec<_> = ["--sync-binlog=1", &domain].into_iter().chain(options.iter().map(String::as_str)).collect();
        Self::start_numbered(number, &all).unwrap()
    }

    fn say(&self, sql: &str) -> String {
        Self::say(self, sql).unwrap()
    }

    fn url(&self, database: &str) -> String {
        Self::url(self, database)
    }

    fn kill(&mut self) {
        Self::kill(self).unwrap();
    }

    fn start_again(&mut self) {
        Self::start_again(self).unwrap();
    }

    fn applied(&self, source: &Self) -> u64 {
        sequence(&Self::say(self, "SELECT @@gtid_slave_pos").unwrap(), source)
    }

    fn applied_here(&self) -> u64 {
        sequence(&Self::say(self, "SELECT @@gtid_binlog_pos").unwrap(), self)
    }

    fn holds_back(&self, channel: &str, source: &Self) -> bool {
        let status = Self::say(self, &format!("SHOW SLAVE '{channel}' STATUS")).unwrap();
        let written = source.applied_here();
        let received = status.split('\t').map(|column| sequence(column, source)).max();
        received == Some(written) && self.applied(source) < written
    }
}

/// Where a position stands in the source's domain.
fn sequence(position: &str, source: &MariaDb) -> u64 {
    let domain = MariaDb::say(source, "SELECT @@gtid_domain_id").unwrap();
    let of_it = position.split(',').find(|item| item.starts_with(&format!("{domain}-")));
    of_it.and_then(|item| item.rsplit_once('-')).map_or(0, |(_, sequence)| sequence.parse().unwrap())
}
