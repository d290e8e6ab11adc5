//! What `picup doctor` asks of the database.

use sqlx::Row;

use crate::{Database, Error, migrations};

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
    /// Looks at the database: that it answers, its schema, its journal, and its integrity. The last reads the whole file.
    pub async fn check(&self) -> Vec<Check> {
        let mut checks = self.check_at_a_glance().await;
        checks.push(report("database integrity", self.is_sound().await));
        checks
    }

    /// As [`Database::check`], without what reads the whole file.
    pub async fn check_at_a_glance(&self) -> Vec<Check> {
        vec![
            report("database answers", self.answers().await),
            report("database schema", self.schema_is_current().await),
            report("database journal", self.journal_is_wal().await),
        ]
    }

    async fn answers(&self) -> Result<Result<String, String>, Error> {
        self.ask("SELECT 'yes'").await.map(Ok)
    }

    async fn schema_is_current(&self) -> Result<Result<String, String>, Error> {
        let mut connection = self.inner.readers.acquire().await?;
        let found = migrations::version(&mut connection).await?;
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

    async fn is_sound(&self) -> Result<Result<String, String>, Error> {
        let found = self.ask("PRAGMA quick_check(1)").await?;
        Ok(if found == "ok" { Ok("sound".to_owned()) } else { Err(format!("damaged, restore a backup: {found}")) })
    }

    async fn ask(&self, question: &'static str) -> Result<String, Error> {
        let mut connection = self.inner.readers.acquire().await?;
        let row = sqlx::query(question).fetch_one(&mut *connection).await?;
        Ok(row.try_get(0)?)
    }
}

fn report(name: &'static str, found: Result<Result<String, String>, Error>) -> Check {
    match found {
        Ok(Ok(well)) => Check { name, ok: true, advice: well },
        Ok(Err(advice)) => Check { name, ok: false, advice },
        Err(error) => Check { name, ok: false, advice: error.to_string() },
    }
}
