//! Every statement that sets up replication, in MariaDB's words and in MySQL's, which share hardly any since MySQL 8.4.

use std::fmt;

use super::Account;
use crate::family::Family;

/// Keeps what an administrator says out of the binary log: a second off-site copy would break on the same `CREATE USER`.
pub(super) const KEEP_TO_ITSELF: &str = "SET SESSION sql_log_bin = 0";
/// A commit that waits for a replica goes on without it after that; PicUp's own writers wait four seconds for their turn.
const SEMI_SYNC_PATIENCE: &str = "2000";
/// How many transactions a target applies at once.
const APPLIERS: u32 = 4;

/// So many letters of a password, one behind the other, are no accident.
const TELLING: usize = 4;

/// A statement, whose password, if it has one, is not shown. It stands where it belongs, whatever else is in the statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Sql {
    text: String,
    /// The password, and what stands behind it.
    secret: Option<(String, String)>,
}

impl Sql {
    pub(super) fn plain(text: impl Into<String>) -> Self {
        Self { text: text.into(), secret: None }
    }

    pub(super) fn with_secret(before: impl Into<String>, secret: &str, behind: impl Into<String>) -> Self {
        Self { text: before.into(), secret: Some((secret.to_owned(), behind.into())) }
    }

    /// As the server hears it.
    pub(super) fn text(&self) -> String {
        match &self.secret {
            Some((secret, behind)) => format!("{}{}{behind}", self.text, quoted(secret)),
            None => self.text.clone(),
        }
    }

    /// Whether some of its password stands in what a server says of it: as it is or as it was quoted, and perhaps cut.
    pub(super) fn is_told_by(&self, said: &str) -> bool {
        let Some((secret, _)) = &self.secret else { return false };
        [secret.clone(), quoted(secret)].iter().any(|secret| {
            let letters: Vec<char> = secret.chars().collect();
            let mut parts = letters.windows(TELLING.min(letters.len()).max(1));
            parts.any(|part| said.contains(&part.iter().collect::<String>()))
        })
    }
}

impl fmt::Display for Sql {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)?;
        self.secret.as_ref().map_or(Ok(()), |(_, behind)| write!(f, "'…'{behind}"))
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
        .map(|verb| Sql::with_secret(format!("{verb} {who} IDENTIFIED BY "), &user.password, tls));
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_are_said_and_not_shown() {
        let user =
            Account { name: "picup_replica_9".to_owned(), host: "%".to_owned(), password: "pass'word\\".to_owned() };
        let all = follower(&user, true);
        assert_eq!(
            all[0].text(),
            r"CREATE USER IF NOT EXISTS 'picup_replica_9'@'%' IDENTIFIED BY 'pass''word\\' REQUIRE SSL"
        );
        assert_eq!(all[1].to_string(), "ALTER USER 'picup_replica_9'@'%' IDENTIFIED BY '…' REQUIRE SSL");
        assert_eq!(all[2].text(), "GRANT REPLICATION SLAVE ON *.* TO 'picup_replica_9'@'%'");
        assert!(all.iter().all(|sql| !sql.to_string().contains("pass")), "{all:?}");
    }

    #[test]
    fn no_name_is_taken_for_the_passwords_place() {
        let user = Account { name: "{secret}".to_owned(), host: "h".to_owned(), password: "{secret}".to_owned() };
        let all = follower(&user, true);
        let who = "CREATE USER IF NOT EXISTS '{secret}'@'h'";
        assert_eq!(all[0].text(), format!("{who} IDENTIFIED BY '{{secret}}' REQUIRE SSL"));
        assert_eq!(all[0].to_string(), format!("{who} IDENTIFIED BY '…' REQUIRE SSL"));
    }

    #[test]
    fn what_a_server_says_may_hold_some_of_a_password() {
        let sql = Sql::with_secret("ALTER USER a IDENTIFIED BY ", "Secr3t'Picup", "");
        for said in ["near 'Secr3t'Picup'", "String 'Secr3t'", "near 'Secr'"] {
            assert!(sql.is_told_by(said), "{said}");
        }
        assert!(!sql.is_told_by("Access denied; you need the CREATE USER privilege"));
        assert!(!Sql::plain("Secr3t").is_told_by("Secr3t"));
        assert!(Sql::with_secret("", "ab", "").is_told_by("near 'ab'"));
    }
}
