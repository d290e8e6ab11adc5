//! The few places where engines differ, together: words of the schema, how a transaction begins, connection settings,
//! upserts, and what error codes mean. Everything outside this file is written once for all engines.

use std::borrow::Cow;

use sqlx::error::DatabaseError;
use sqlx::mysql::MySqlDatabaseError;

/// The SQL an engine speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dialect {
    /// SQLite, in the process.
    Sqlite,
    /// MySQL or MariaDB, with InnoDB tables.
    MySql,
}

/// What an engine's error code asks of the caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    Busy,
    Full,
    Damaged,
    /// The connection has ended.
    Lost,
    /// Nothing may be written there.
    ReadOnly,
    Other,
}

impl Dialect {
    /// A migration in this engine's words. An index belongs to its table on some engines, to the schema on SQLite; an index
    /// of some rows alone is had on SQLite, and is one of all rows elsewhere.
    pub(crate) fn schema(self, sql: &str) -> String {
        match self {
            Self::Sqlite => sql
                .replace(" {table}", "")
                .replace(" {on assets}", "")
                .replace("{but ready}", "WHERE state <> 'ready'")
                .replace("{only damaged motion}", "WHERE motion_state = 'damaged'"),
            Self::MySql => sql
                .replace("{table}", "ENGINE = InnoDB ROW_FORMAT = DYNAMIC CHARACTER SET utf8mb4 COLLATE utf8mb4_bin")
                .replace("{on assets}", "ON assets")
                .replace("{but ready}", "")
                .replace("{only damaged motion}", ""),
        }
    }

    /// Begins a transaction that will write. On SQLite the lock is taken now: a transaction that reads first and takes
    /// it later can be refused half-way, without any waiting, when another process wrote in between.
    pub(crate) const fn begin_write(self) -> &'static str {
        match self {
            Self::Sqlite => "BEGIN IMMEDIATE",
            Self::MySql => "START TRANSACTION",
        }
    }

    /// What one who writes waits for before anything else, where the transaction's beginning does not: on every engine one
    /// transaction writes at a time, and what it reads is what the one before it has left. The row is that from which every
    /// event's number is drawn, which most of them would wait for in any case.
    pub(crate) const fn take_turn(self) -> Option<&'static str> {
        match self {
            Self::Sqlite => None,
            Self::MySql => Some("SELECT last FROM sequences WHERE name = 'events' FOR UPDATE"),
        }
    }

    /// Whether a transaction holds changes of the schema, too.
    pub(crate) const fn migrates_at_once(self) -> bool {
        matches!(self, Self::Sqlite)
    }

    /// Begins a transaction that sees one moment of the database.
    pub(crate) const fn begin_read(self) -> &'static str {
        match self {
            Self::Sqlite => "BEGIN DEFERRED",
            Self::MySql => "START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY",
        }
    }

    /// Whether a text holds a pattern of `LIKE`, in which `!` escapes; whether letters are large or small does not matter. SQLite
    /// sees to that itself, as far as it knows letters; the columns of MySQL's tables tell all apart.
    pub(crate) fn contains(self, text: &str) -> String {
        match self {
            Self::Sqlite => format!("{text} LIKE ? ESCAPE '!'"),
            Self::MySql => format!("LOWER({text}) LIKE LOWER(?) ESCAPE '!'"),
        }
    }

    /// What it calls itself.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Sqlite => "sqlite",
            Self::MySql => "mysql",
        }
    }

    /// How many bytes the database takes, without reading it.
    pub(crate) const fn size(self) -> &'static str {
        match self {
            Self::Sqlite => "SELECT page_count * page_size AS bytes FROM pragma_page_count(), pragma_page_size()",
            Self::MySql => {
                "SELECT CAST(COALESCE(SUM(data_length + index_length), 0) AS SIGNED) AS bytes \
                 FROM information_schema.tables WHERE table_schema = DATABASE()"
            }
        }
    }

    /// What every writing connection is told first. `synchronous = FULL` makes an acknowledged commit survive a power cut;
    /// the caches are kept small because one process serves a family in tens of megabytes.
    pub(crate) const fn prepare_writer(self) -> &'static str {
        match self {
            Self::Sqlite => {
                "PRAGMA busy_timeout = 4000; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; \
                 PRAGMA temp_store = MEMORY; PRAGMA mmap_size = 0; PRAGMA cache_size = -2000; \
                 PRAGMA journal_size_limit = 67108864; PRAGMA trusted_schema = OFF"
            }
            Self::MySql => {
                "SET SESSION innodb_lock_wait_timeout = 4, sql_mode = CONCAT(@@sql_mode, ',STRICT_ALL_TABLES')"
            }
        }
    }

    /// What every reading connection is told first; from then on the engine itself refuses to write over it.
    pub(crate) const fn prepare_reader(self) -> &'static str {
        match self {
            Self::Sqlite => {
                "PRAGMA busy_timeout = 800; PRAGMA temp_store = MEMORY; PRAGMA mmap_size = 0; \
                 PRAGMA cache_size = -1000; PRAGMA trusted_schema = OFF; PRAGMA query_only = ON"
            }
            Self::MySql => "SET SESSION TRANSACTION READ ONLY",
        }
    }

    /// A statement in this engine's words. `{by NAME}` after a table names the index that it is read by: a server's planner goes
    /// by estimates, and may think that sorting what a smaller index has is less work.
    pub(crate) fn statement(self, sql: Cow<'static, str>) -> Cow<'static, str> {
        let hinted = sql.split_once("{by ").and_then(|(before, rest)| Some((before, rest.split_once('}')?)));
        match (hinted, self) {
            (None, _) => sql,
            (Some((before, (_, after))), Self::Sqlite) => format!("{before}{after}").into(),
            (Some((before, (index, after))), Self::MySql) => format!("{before} FORCE INDEX ({index}){after}").into(),
        }
    }

    /// After the name of a table that is read in the order of its primary key, a page at a time: MySQL's planner may think that
    /// sorting what another index has is less work.
    pub(crate) const fn in_key_order(self) -> &'static str {
        match self {
            Self::Sqlite => "",
            Self::MySql => " FORCE INDEX (PRIMARY)",
        }
    }

    /// Takes all rows out of a table to which no row refers any more; on a server at once, however many they are, and a table
    /// that others could refer to needs to be told so.
    pub(crate) fn empty(self, table: &str) -> String {
        match self {
            Self::Sqlite => format!("DELETE FROM {table}"),
            Self::MySql => format!("SET foreign_key_checks = 0; TRUNCATE TABLE {table}; SET foreign_key_checks = 1"),
        }
    }

    /// The engine that a connection leads to.
    pub(crate) fn of(connection: &sqlx::AnyConnection) -> Self {
        match connection.backend_name() {
            "SQLite" => Self::Sqlite,
            _ => Self::MySql,
        }
    }

    /// Before a statement: how it would be carried out.
    #[cfg(test)]
    pub(crate) const fn explain(self) -> &'static str {
        match self {
            Self::Sqlite => "EXPLAIN QUERY PLAN",
            Self::MySql => "EXPLAIN FORMAT=TRADITIONAL",
        }
    }

    /// One step of a plan, as a line: SQLite's own words, or MySQL's columns `type table key Extra`.
    #[cfg(test)]
    pub(crate) fn plan(self, row: &crate::statement::Row) -> Result<String, crate::Error> {
        let column = |name| Ok::<_, crate::Error>(row.maybe_text(name)?.unwrap_or_else(|| "-".to_owned()));
        match self {
            Self::Sqlite => row.text("detail"),
            // It calls what only adds rows a reading of all.
            Self::MySql if column("select_type")? == "INSERT" => Ok("adds".to_owned()),
            Self::MySql => {
                Ok(format!("{} {} {} {}", column("type")?, column("table")?, column("key")?, column("Extra")?))
            }
        }
    }

    /// Adds to a day's count or begins it: owner, day, how many, how many again.
    pub(crate) const fn timeline_day_add(self) -> &'static str {
        match self {
            Self::Sqlite => {
                "INSERT INTO timeline_days (owner, local_day, assets) VALUES (?, ?, ?) \
                 ON CONFLICT (owner, local_day) DO UPDATE SET assets = assets + ?"
            }
            Self::MySql => {
                "INSERT INTO timeline_days (owner, local_day, assets) VALUES (?, ?, ?) \
                 ON DUPLICATE KEY UPDATE assets = assets + ?"
            }
        }
    }
}

/// What an error code means. SQLite's extended codes carry the primary one in their low byte (sqlite.org/rescode.html).
pub(crate) fn fault(error: &dyn DatabaseError) -> Fault {
    if let Some(error) = error.try_downcast_ref::<MySqlDatabaseError>() {
        return mysql_fault(error.number());
    }
    let code = error.code().and_then(|code| code.parse::<i32>().ok()).unwrap_or(0);
    match code & 0xff {
        5 | 6 => Fault::Busy,
        13 => Fault::Full,
        11 | 26 => Fault::Damaged,
        _ => Fault::Other,
    }
}

/// MariaDB's numbers below 1900 are MySQL's (mariadb.com/kb/en/mariadb-error-code-reference).
const fn mysql_fault(number: u16) -> Fault {
    match number {
        // Too many connections; waited too long for a lock; two waited for each other.
        1040 | 1203 | 1205 | 1213 => Fault::Busy,
        // No room on the disk; a table is full; the disk is full.
        1021 | 1114 | 3675 => Fault::Full,
        // Crashed tables and unreadable pages.
        1034 | 1194 | 1195 | 1712 => Fault::Damaged,
        // Shutting down; killed by an administrator (MariaDB, MySQL); idle for too long.
        1053 | 1927 | 3169 | 4031 => Fault::Lost,
        // An option forbids it, which is read_only; the same, in InnoDB's words.
        1290 | 1836 => Fault::ReadOnly,
        _ => Fault::Other,
    }
}

/// Whether a change of the schema failed because it is there already: a table, a column, a key, a row; or is gone already.
pub(crate) fn is_done_already(error: &dyn DatabaseError) -> bool {
    let number = error.try_downcast_ref::<MySqlDatabaseError>().map(MySqlDatabaseError::number);
    matches!(number, Some(1050 | 1060 | 1061 | 1062 | 1091))
}
