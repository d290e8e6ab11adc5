//! Every statement that sets up replication, in MariaDB's words and in MySQL's, which share hardly any since MySQL 8.4.

use std::fmt;

use super::node::Place;
use super::{Account, Channel};
use crate::replica::Family;

/// Keeps what an administrator says out of the binary log: a second off-site copy would break on the same `CREATE USER`.
pub(super) const KEEP_TO_ITSELF: &str = "SET SESSION sql_log_bin = 0";
/// A commit that waits for a replica goes on without it after that; PicUp's own writers wait four seconds for their turn.
const SEMI_SYNC_PATIENCE: &str = "2000";
/// How many transactions a target applies at once.
const APPLIERS: u32 = 4;

/// A statement, whose password, if it has one, is not shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Sql {
    template: String,
    secret: Option<String>,
}

const SECRET: &str = "{secret}";

impl Sql {
    pub(super) fn plain(text: impl Into<String>) -> Self {
        Self { template: text.into(), secret: None }
    }

    fn with_secret(template: String, secret: &str) -> Self {
        Self { template, secret: Some(secret.to_owned()) }
    }

    /// As the server hears it.
    pub(super) fn text(&self) -> String {
        match &self.secret {
            Some(secret) => self.template.replace(SECRET, &quoted(secret)),
            None => self.template.clone(),
        }
    }
}

impl fmt::Display for Sql {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&if self.secret.is_some() { self.template.replace(SECRET, "'…'") } else { self.template.clone() })
    }
}

/// A text of SQL.
pub(super) fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\\', "\\\\").replace('\'', "''"))
}

/// A name of SQL.
pub(super) fn named(name: &str) -> String {
    format!("`{}`", name.replace('`', "``"))
}

/// All tables of a schema, as filters spell it: there `_` and `%` stand for other letters.
pub(super) fn all_of(schema: &str) -> String {
    format!("{}.%", schema.replace('_', "\\_").replace('%', "\\%"))
}

/// An account with this password, made or changed, that may do just that, with TLS if it comes over a network.
fn account(user: &Account, tls: Option<bool>, rights: &[String]) -> Vec<Sql> {
    let who = format!("{}@{}", quoted(&user.name), quoted(&user.host));
    let tls = tls.map_or("", |tls| if tls { " REQUIRE SSL" } else { " REQUIRE NONE" });
    let make = ["CREATE USER IF NOT EXISTS", "ALTER USER"]
        .map(|verb| Sql::with_secret(format!("{verb} {who} IDENTIFIED BY {SECRET}{tls}"), &user.password));
    let grants = rights.iter().map(|rights| Sql::plain(format!("GRANT {rights} TO {who}")));
    make.into_iter().chain(grants).collect()
}

/// Whom a target follows its source as.
pub(super) fn follower(user: &Account, tls: bool) -> Vec<Sql> {
    account(user, Some(tls), &["REPLICATION SLAVE ON *.*".to_owned()])
}

impl Family {
    /// What PicUp reads a replica as: its own tables, and how replication is going.
    pub(super) fn reader(self, user: &Account, schema: &str) -> Vec<Sql> {
        let monitor = match self {
            Self::MariaDb => "SLAVE MONITOR",
            Self::MySql => "REPLICATION CLIENT",
        };
        account(user, None, &[format!("SELECT ON {}.*", named(schema)), format!("{monitor} ON *.*")])
    }

    /// All channels of a target, and how they are.
    pub(super) const fn channels(self) -> &'static str {
        match self {
            Self::MariaDb => "SHOW ALL SLAVES STATUS",
            Self::MySql => "SHOW REPLICA STATUS",
        }
    }

    /// Forgets the server's own binary log.
    pub(super) const fn forget_log(self) -> &'static str {
        match self {
            Self::MariaDb => "RESET MASTER",
            Self::MySql => "RESET BINARY LOGS AND GTIDS",
        }
    }

    /// Sets one of the server's settings; on MySQL it holds over a restart.
    pub(super) fn set(self, name: &str, value: &str) -> Sql {
        let scope = match self {
            Self::MariaDb => "GLOBAL",
            Self::MySql => "PERSIST",
        };
        Sql::plain(format!("SET {scope} {name} = {value}"))
    }

    /// What a target must be told while all channels stand still, by name and value.
    pub(super) fn target_settings(self) -> [(&'static str, String); 2] {
        match self {
            Self::MariaDb => [("gtid_strict_mode", "ON".to_owned()), ("slave_parallel_threads", APPLIERS.to_string())],
            Self::MySql => {
                [("replica_parallel_workers", APPLIERS.to_string()), ("replica_preserve_commit_order", "ON".to_owned())]
            }
        }
    }

    /// Refuses whoever would write on a target: on MySQL administrators too.
    pub(super) fn refuse_writes(self) -> (&'static str, Sql) {
        match self {
            Self::MariaDb => ("read_only", self.set("read_only", "ON")),
            Self::MySql => ("super_read_only", self.set("super_read_only", "ON")),
        }
    }

    /// Commits on a source wait for a target: the settings by name and value, the one that turns it on last.
    pub(super) fn semi_sync_source(self) -> [(&'static str, &'static str); 3] {
        match self {
            Self::MariaDb => [
                ("rpl_semi_sync_master_wait_point", "AFTER_SYNC"),
                ("rpl_semi_sync_master_timeout", SEMI_SYNC_PATIENCE),
                ("rpl_semi_sync_master_enabled", "ON"),
            ],
            Self::MySql => [
                ("rpl_semi_sync_source_wait_point", "AFTER_SYNC"),
                ("rpl_semi_sync_source_timeout", SEMI_SYNC_PATIENCE),
                ("rpl_semi_sync_source_enabled", "ON"),
            ],
        }
    }

    /// A target says when it has received a commit.
    pub(super) const fn semi_sync_target(self) -> &'static str {
        match self {
            Self::MariaDb => "rpl_semi_sync_slave_enabled",
            Self::MySql => "rpl_semi_sync_replica_enabled",
        }
    }

    /// MySQL has it as a plug-in for each side, by name and file.
    pub(super) const fn semi_sync_plugin(self, source: bool) -> Option<(&'static str, &'static str)> {
        match (self, source) {
            (Self::MariaDb, _) => None,
            (Self::MySql, true) => Some(("rpl_semi_sync_source", "semisync_source.so")),
            (Self::MySql, false) => Some(("rpl_semi_sync_replica", "semisync_replica.so")),
        }
    }
}

/// What is said about one channel.
pub(super) struct Words<'a> {
    pub(super) family: Family,
    pub(super) channel: &'a str,
}

impl Words<'_> {
    fn verb(&self, verb: &str) -> Sql {
        Sql::plain(match self.family {
            Family::MariaDb => format!("{verb} SLAVE {}", quoted(self.channel)),
            Family::MySql => format!("{verb} REPLICA FOR CHANNEL {}", quoted(self.channel)),
        })
    }

    pub(super) fn start(&self) -> Sql {
        self.verb("START")
    }

    pub(super) fn stop(&self) -> Sql {
        self.verb("STOP")
    }

    /// Applies what comes until there and stops. MariaDB wants both threads still for that.
    pub(super) fn start_until(&self, position: &str) -> Sql {
        let position = quoted(position);
        Sql::plain(match self.family {
            Family::MariaDb => format!("START SLAVE {} UNTIL MASTER_GTID_POS = {position}", quoted(self.channel)),
            Family::MySql => {
                let channel = quoted(self.channel);
                format!("START REPLICA UNTIL SQL_AFTER_GTIDS = {position} FOR CHANNEL {channel}")
            }
        })
    }

    /// Forgets what was received and not applied; what is set of the channel stays. MariaDB does so by itself.
    pub(super) fn forget_received(&self) -> Option<Sql> {
        match self.family {
            Family::MariaDb => None,
            Family::MySql => Some(self.verb("RESET")),
        }
    }

    /// Where the source is and as whom it is followed, by global transaction ids.
    pub(super) fn follow(&self, source: &Place, user: &Account, channel: &Channel, tls: bool) -> Sql {
        let mut settings = vec![
            format!("HOST = {}", quoted(&source.host)),
            format!("PORT = {}", source.port),
            format!("USER = {}", quoted(&user.name)),
            format!("PASSWORD = {SECRET}"),
            "CONNECT_RETRY = 10".to_owned(),
            "HEARTBEAT_PERIOD = 5".to_owned(),
            format!("DELAY = {}", channel.delay),
            format!("SSL = {}", i32::from(tls)),
        ];
        if let Some(authority) = &channel.tls_ca {
            settings.push(format!("SSL_CA = {}", quoted(authority)));
            settings.push("SSL_VERIFY_SERVER_CERT = 1".to_owned());
        }
        let (begin, prefix, end) = match self.family {
            Family::MariaDb => {
                settings.push("USE_GTID = slave_pos".to_owned());
                (format!("CHANGE MASTER {} TO ", quoted(self.channel)), "MASTER_", String::new())
            }
            Family::MySql => {
                // It gives up after ten times otherwise.
                settings.push("RETRY_COUNT = 1000000".to_owned());
                settings.push("AUTO_POSITION = 1".to_owned());
                let end = format!(" FOR CHANNEL {}", quoted(self.channel));
                ("CHANGE REPLICATION SOURCE TO ".to_owned(), "SOURCE_", end)
            }
        };
        let settings: Vec<_> = settings.into_iter().map(|setting| format!("{prefix}{setting}")).collect();
        Sql::with_secret(format!("{begin}{}{end}", settings.join(", ")), &user.password)
    }

    /// Takes in PicUp's schema alone, under the name that it has on the target.
    pub(super) fn filter(&self, from: &str, to: &str) -> Vec<Sql> {
        let rewrite = if from == to { String::new() } else { format!("{from}->{to}") };
        let tables = all_of(to);
        match self.family {
            Family::MariaDb => {
                let before = if self.channel.is_empty() { String::new() } else { format!("{}.", named(self.channel)) };
                let set = |name, value: &str| Sql::plain(format!("SET GLOBAL {before}{name} = {}", quoted(value)));
                vec![set("replicate_rewrite_db", &rewrite), set("replicate_wild_do_table", &tables)]
            }
            Family::MySql => {
                let pair = if from == to { String::new() } else { format!("({}, {})", named(from), named(to)) };
                vec![Sql::plain(format!(
                    "CHANGE REPLICATION FILTER REPLICATE_REWRITE_DB = ({pair}), REPLICATE_WILD_DO_TABLE = ({}) \
                     FOR CHANNEL {}",
                    quoted(&tables),
                    quoted(self.channel)
                ))]
            }
        }
    }

    /// The same in the target's configuration file: neither server keeps a filter over a restart by itself.
    pub(super) fn filter_lines(&self, from: &str, to: &str) -> Vec<String> {
        let (before, within) = match self.family {
            _ if self.channel.is_empty() => (String::new(), String::new()),
            Family::MariaDb => (format!("{}.", self.channel), String::new()),
            Family::MySql => (String::new(), format!("{}:", self.channel)),
        };
        let rewrite = (from != to).then(|| format!("{before}replicate-rewrite-db={within}{from}->{to}"));
        let tables = format!("{before}replicate-wild-do-table={within}{}", all_of(to));
        rewrite.into_iter().chain([tables]).collect()
    }

    /// How the status of a channel shows that filter: what is rewritten, and which tables.
    pub(super) fn filter_shown(&self, from: &str, to: &str) -> [String; 2] {
        let rewrite = match self.family {
            _ if from == to => String::new(),
            Family::MariaDb => format!("{from}->{to}"),
            Family::MySql => format!("({from},{to})"),
        };
        [rewrite, all_of(to)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user() -> Account {
        Account { name: "picup_replica_9".to_owned(), host: "%".to_owned(), password: "pass'word\\".to_owned() }
    }

    fn channel() -> Channel {
        Channel {
            name: "ada".to_owned(),
            source: crate::Server { url: String::new(), password: None },
            address: None,
            schema: "home_ada".to_owned(),
            domain: Some(11),
            delay: 60,
            tls_ca: Some("/etc/ca.pem".to_owned()),
            from: "%".to_owned(),
            semi_sync: false,
        }
    }

    fn words(family: Family) -> Words<'static> {
        Words { family, channel: "ada" }
    }

    fn all(sql: &[Sql]) -> Vec<String> {
        sql.iter().map(Sql::text).collect()
    }

    #[test]
    fn passwords_are_said_and_not_shown() {
        let all = follower(&user(), true);
        assert_eq!(
            all[0].text(),
            r"CREATE USER IF NOT EXISTS 'picup_replica_9'@'%' IDENTIFIED BY 'pass''word\\' REQUIRE SSL"
        );
        assert_eq!(all[1].to_string(), "ALTER USER 'picup_replica_9'@'%' IDENTIFIED BY '…' REQUIRE SSL");
        assert_eq!(all[2].text(), "GRANT REPLICATION SLAVE ON *.* TO 'picup_replica_9'@'%'");
        assert!(all.iter().all(|sql| !sql.to_string().contains("pass")), "{all:?}");
    }

    #[test]
    fn each_server_is_spoken_to_in_its_own_words() {
        let place = Place { host: "db".to_owned(), port: 3306, schema: String::new() };
        let follow = |family| words(family).follow(&place, &user(), &channel(), true).to_string();
        assert_eq!(
            follow(Family::MariaDb),
            "CHANGE MASTER 'ada' TO MASTER_HOST = 'db', MASTER_PORT = 3306, MASTER_USER = 'picup_replica_9', MASTER_PASSWORD = '…', \
             MASTER_CONNECT_RETRY = 10, MASTER_HEARTBEAT_PERIOD = 5, MASTER_DELAY = 60, MASTER_SSL = 1, MASTER_SSL_CA = '/etc/ca.pem', \
             MASTER_SSL_VERIFY_SERVER_CERT = 1, MASTER_USE_GTID = slave_pos"
        );
        assert_eq!(
            follow(Family::MySql),
            "CHANGE REPLICATION SOURCE TO SOURCE_HOST = 'db', SOURCE_PORT = 3306, SOURCE_USER = 'picup_replica_9', SOURCE_PASSWORD = '…', \
             SOURCE_CONNECT_RETRY = 10, SOURCE_HEARTBEAT_PERIOD = 5, SOURCE_DELAY = 60, SOURCE_SSL = 1, SOURCE_SSL_CA = '/etc/ca.pem', \
             SOURCE_SSL_VERIFY_SERVER_CERT = 1, SOURCE_RETRY_COUNT = 1000000, SOURCE_AUTO_POSITION = 1 FOR CHANNEL 'ada'"
        );
        let (maria, mysql) = (words(Family::MariaDb), words(Family::MySql));
        assert_eq!(maria.stop().text(), "STOP SLAVE 'ada'");
        assert_eq!(mysql.start().text(), "START REPLICA FOR CHANNEL 'ada'");
        assert_eq!(maria.start_until("1-1-9").text(), "START SLAVE 'ada' UNTIL MASTER_GTID_POS = '1-1-9'");
        assert_eq!(
            mysql.start_until("u:1-9").text(),
            "START REPLICA UNTIL SQL_AFTER_GTIDS = 'u:1-9' FOR CHANNEL 'ada'"
        );
        assert_eq!(
            (maria.forget_received(), mysql.forget_received().unwrap().text().as_str()),
            (None, "RESET REPLICA FOR CHANNEL 'ada'")
        );
    }

    #[test]
    fn a_schema_is_taken_in_alone_and_under_its_own_name() {
        let (maria, mysql) = (words(Family::MariaDb), words(Family::MySql));
        let said = [
            "SET GLOBAL `ada`.replicate_rewrite_db = 'picup->home_ada'",
            r"SET GLOBAL `ada`.replicate_wild_do_table = 'home\\_ada.%'",
        ];
        assert_eq!(all(&maria.filter("picup", "home_ada")), said);
        assert_eq!(
            all(&mysql.filter("picup", "home_ada")),
            [
                r"CHANGE REPLICATION FILTER REPLICATE_REWRITE_DB = ((`picup`, `home_ada`)), REPLICATE_WILD_DO_TABLE = ('home\\_ada.%') FOR CHANNEL 'ada'"
            ]
        );
        let lines = [r"ada.replicate-rewrite-db=picup->home_ada", r"ada.replicate-wild-do-table=home\_ada.%"];
        assert_eq!(maria.filter_lines("picup", "home_ada"), lines);
        let lines = [r"replicate-rewrite-db=ada:picup->home_ada", r"replicate-wild-do-table=ada:home\_ada.%"];
        assert_eq!(mysql.filter_lines("picup", "home_ada"), lines);
        let alone = Words { family: Family::MariaDb, channel: "" };
        assert_eq!(
            all(&alone.filter("picup", "picup")),
            ["SET GLOBAL replicate_rewrite_db = ''", "SET GLOBAL replicate_wild_do_table = 'picup.%'"]
        );
        assert_eq!(alone.filter_lines("picup", "picup"), ["replicate-wild-do-table=picup.%"]);
        let alone = Words { family: Family::MySql, channel: "" };
        assert!(alone.filter("picup", "picup")[0].text().contains("REPLICATE_REWRITE_DB = (), "));
    }
}
