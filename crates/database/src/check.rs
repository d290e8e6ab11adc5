//! What `picup doctor` asks of the database.

mod replication;

use sqlx::Row as _;

use crate::connection::{Lent, To};
use crate::dialect::Dialect;
use crate::statement::Row;
use crate::{Database, Error, migrations};

/// What every PicUp does to its tables, each in a way that does nothing.
const CHANGES: [(&str, &str); 3] = [
    ("INSERT", "INSERT INTO heartbeat (id, beat_at) SELECT id, beat_at FROM heartbeat WHERE id < 0"),
    ("UPDATE", "UPDATE heartbeat SET beat_at = 0 WHERE id < 0"),
    ("DELETE", "DELETE FROM heartbeat WHERE id < 0"),
];

/// One thing looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// What was looked at.
    pub name: &'static str,
    /// Whether it is as it should be.
    pub ok: bool,
    /// What to do about it; when it is well, what was found.
    pub advice: String,
}

impl Database {
    /// Looks at the database: that it answers, its schema, that commits last, what the user may do there, and its integrity. The
    /// last reads all of it.
    pub async fn check(&self) -> Vec<Check> {
        let mut checks = self.check_at_a_glance().await;
        let has_tables = checks.iter().any(|check| check.name == "database schema" && check.ok);
        if has_tables && self.inner.dialect == Dialect::MySql {
            checks.push(report("database rights", self.may_write().await));
        }
        checks.push(report("database integrity", self.is_sound().await));
        checks
    }

    /// As [`Database::check`], without what reads all of it.
    pub async fn check_at_a_glance(&self) -> Vec<Check> {
        vec![
            report("database answers", self.answers().await),
            report("database schema", self.schema_is_current().await),
            match self.inner.dialect {
                Dialect::Sqlite => report("database journal", self.journal_is_wal().await),
                Dialect::MySql => report("database durability", self.commits_last().await),
            },
        ]
    }

    async fn answers(&self) -> Result<Result<String, String>, Error> {
        self.ask("SELECT 'yes'").await.map(Ok)
    }

    async fn schema_is_current(&self) -> Result<Result<String, String>, Error> {
        let found = self.reader().await?.schema().await?;
        let known = migrations::LATEST;
        Ok(match found {
            _ if found == known => Ok(format!("schema {found}")),
            _ if found < known => Err(format!("schema {found}, and this PicUp needs {known}: restart it to migrate")),
            _ => Err(format!("schema {found}, and this PicUp knows {known} at most: run the newer PicUp")),
        })
    }

    async fn journal_is_wal(&self) -> Result<Result<String, String>, Error> {
        let mode = self.ask("PRAGMA journal_mode").await?;
        Ok(if mode == "wal" {
            Ok("write-ahead log".to_owned())
        } else {
            Err(format!("the journal mode is {mode}: another program changed it; restart PicUp to set it back"))
        })
    }

    /// What a server may be told to be quicker, at the price of the last second's commits when its power fails.
    async fn commits_last(&self) -> Result<Result<String, String>, Error> {
        let settings = "SELECT CONCAT(@@innodb_flush_log_at_trx_commit, ' ', IF(@@log_bin, 1, 0), ' ', @@sync_binlog)";
        let found = self.ask(settings).await?;
        let said: Vec<&str> = found.split(' ').collect();
        Ok(match said.as_slice() {
            ["1", "0", _] | ["1", "1", "1"] => Ok("a commit survives a power cut".to_owned()),
            ["1", ..] => {
                Err("sync_binlog is not 1: a power cut could lose commits of the binary log; set it to 1".to_owned())
            }
            _ => Err("innodb_flush_log_at_trx_commit is not 1: a power cut could lose commits; set it to 1".to_owned()),
        })
    }

    /// Asks the server by changes that change nothing.
    async fn may_write(&self) -> Result<Result<String, String>, Error> {
        let mut connection = Lent::from(&self.inner.writer, To::All).await?;
        for (right, change) in CHANGES {
            match connection.say(change).await {
                Ok(()) => {}
                Err(Error::Engine(refused)) => {
                    let advice = format!("the user may not {right} there ({refused}): see docs/operations/database.md");
                    return Ok(Err(advice));
                }
                Err(error) => return Err(error),
            }
        }
        Ok(Ok("the user may read and write".to_owned()))
    }

    async fn is_sound(&self) -> Result<Result<String, String>, Error> {
        let found = match self.inner.dialect {
            Dialect::Sqlite => self.ask("PRAGMA quick_check(1)").await?,
            Dialect::MySql => self.check_tables().await?,
        };
        Ok(match found.as_str() {
            "ok" => Ok("sound".to_owned()),
            found => Err(format!("damaged, restore a backup: {found}")),
        })
    }

    /// `ok`, or what is wrong with the first table with which something is.
    async fn check_tables(&self) -> Result<String, Error> {
        let mut connection = self.reader().await?;
        let tables = "SELECT table_name AS name FROM information_schema.tables WHERE table_schema = DATABASE()";
        for table in connection.ask(tables).await? {
            let check = format!("CHECK TABLE {} QUICK", Row(table).text("name")?);
            for said in connection.ask(check).await? {
                let said = Row(said);
                if said.text("Msg_type")? != "note" && said.text("Msg_text")? != "OK" {
                    return Ok(format!("{}: {}", said.text("Table")?, said.text("Msg_text")?));
                }
            }
        }
        Ok("ok".to_owned())
    }

    async fn ask(&self, question: &'static str) -> Result<String, Error> {
        Ok(self.reader().await?.row(question).await?.try_get(0)?)
    }
}

fn report(name: &'static str, found: Result<Result<String, String>, Error>) -> Check {
    match found {
        Ok(Ok(well)) => Check { name, ok: true, advice: well },
        Ok(Err(advice)) => Check { name, ok: false, advice },
        Err(error) => Check { name, ok: false, advice: error.to_string() },
    }
}
