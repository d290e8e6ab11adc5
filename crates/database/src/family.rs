//! The two ways to spell replication, MariaDB's and MySQL's: what a primary and its replicas are asked.

use std::time::Duration;

use sqlx::{AnyConnection, Row};

use crate::Error;
use crate::position::Position;

/// Whose words a server speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Family {
    MariaDb,
    MySql,
}

impl Family {
    /// By what a server says of its version.
    pub(crate) fn of(version: &str) -> Self {
        if version.contains("MariaDB") { Self::MariaDb } else { Self::MySql }
    }

    /// What a primary is to have besides a binary log, and has not.
    pub(crate) async fn lacking(self, primary: &mut AnyConnection) -> Result<Option<&'static str>, Error> {
        if self == Self::MariaDb {
            return Ok(None);
        }
        let row = sqlx::query("SELECT @@global.gtid_mode AS mode").fetch_one(primary).await?;
        let mode: String = row.try_get("mode")?;
        Ok((mode != "ON").then_some("it numbers no transactions (gtid_mode = ON, enforce_gtid_consistency = ON)"))
    }

    /// Asks a replica how far it has come.
    pub(crate) const fn applied(self) -> &'static str {
        match self {
            Self::MariaDb => "SELECT @@global.gtid_slave_pos",
            Self::MySql => "SELECT @@global.gtid_executed",
        }
    }

    /// Asks the primary, on the connection that has just committed, for a position that holds the commit.
    pub(crate) const fn committed(self) -> &'static str {
        match self {
            Self::MariaDb => "SELECT @@last_gtid AS position",
            Self::MySql => "SELECT @@global.gtid_executed AS position",
        }
    }

    /// Asks the primary how far everything is that is committed by now.
    pub(crate) const fn newest(self) -> &'static str {
        match self {
            // Not gtid_current_pos: what it follows itself and does not hand on, nobody gets from it.
            Self::MariaDb => "SELECT @@global.gtid_binlog_pos AS position",
            Self::MySql => "SELECT @@global.gtid_executed AS position",
        }
    }

    /// Waits on a replica for a position, which is written without anything that a text in SQL could end by. Answers 0 when it
    /// has come.
    pub(crate) fn wait(self, position: &Position, bound: Duration) -> String {
        let function = match self {
            Self::MariaDb => "MASTER_GTID_WAIT",
            Self::MySql => "WAIT_FOR_EXECUTED_GTID_SET",
        };
        format!("SELECT CAST({function}('{position}', {}) AS SIGNED) AS waited", bound.as_secs_f64())
    }

    /// Asks a replica for the state of its channels.
    pub(crate) const fn status(self) -> &'static str {
        match self {
            Self::MariaDb => "SHOW ALL SLAVES STATUS",
            Self::MySql => "SHOW REPLICA STATUS",
        }
    }
}
