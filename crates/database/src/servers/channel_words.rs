//! What is said about one channel of a target, in MariaDB's words and in MySQL's.

use super::node::Place;
use super::words::{Sql, all_of, named, quoted};
use super::{Account, Channel};
use crate::family::Family;

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

    /// Forgets the channel, with all that is set of it.
    pub(super) fn forget(&self) -> Sql {
        Sql::plain(match self.family {
            Family::MariaDb => format!("RESET SLAVE {} ALL", quoted(self.channel)),
            Family::MySql => format!("RESET REPLICA ALL FOR CHANNEL {}", quoted(self.channel)),
        })
    }

    /// Where the source is and as whom it is followed, by global transaction ids.
    pub(super) fn follow(&self, source: &Place, user: &Account, channel: &Channel, tls: bool) -> Sql {
        let (begin, prefix, end) = match self.family {
            Family::MariaDb => (format!("CHANGE MASTER {} TO ", quoted(self.channel)), "MASTER_", String::new()),
            Family::MySql => {
                let end = format!(" FOR CHANNEL {}", quoted(self.channel));
                ("CHANGE REPLICATION SOURCE TO ".to_owned(), "SOURCE_", end)
            }
        };
        let who = [
            format!("HOST = {}", quoted(&source.host)),
            format!("PORT = {}", source.port),
            format!("USER = {}", quoted(&user.name)),
        ];
        let mut how = vec![
            "CONNECT_RETRY = 10".to_owned(),
            "HEARTBEAT_PERIOD = 5".to_owned(),
            format!("DELAY = {}", channel.delay),
            format!("SSL = {}", i32::from(tls)),
            // What is not said here stays as it was.
            format!("SSL_CA = {}", quoted(channel.tls_ca.as_deref().unwrap_or_default())),
            format!("SSL_VERIFY_SERVER_CERT = {}", i32::from(channel.tls_ca.is_some())),
        ];
        how.extend(match self.family {
            Family::MariaDb => vec!["USE_GTID = slave_pos".to_owned()],
            // It gives up after ten times otherwise.
            Family::MySql => vec!["RETRY_COUNT = 1000000".to_owned(), "AUTO_POSITION = 1".to_owned()],
        });
        let who: String = who.iter().map(|setting| format!("{prefix}{setting}, ")).collect();
        let how: String = how.iter().map(|setting| format!(", {prefix}{setting}")).collect();
        Sql::with_secret(format!("{begin}{who}{prefix}PASSWORD = "), &user.password, format!("{how}{end}"))
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
