//! The few places where engines differ, together: words of the schema, how a transaction begins, connection settings,
//! upserts, and what error codes mean. Everything outside this file is written once for all engines.

use sqlx::error::DatabaseError;

/// The SQL an engine speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dialect {
    /// SQLite, in the process.
    Sqlite,
}

/// What an engine's error code asks of the caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    Busy,
    Full,
    Damaged,
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
        }
    }

    /// Begins a transaction that will write. On SQLite the lock is taken now: a transaction that reads first and takes
    /// it later can be refused half-way, without any waiting, when another process wrote in between.
    pub(crate) const fn begin_write(self) -> &'static str {
        match self {
            Self::Sqlite => "BEGIN IMMEDIATE",
        }
    }

    /// Begins a transaction that sees one moment of the database.
    pub(crate) const fn begin_read(self) -> &'static str {
        match self {
            Self::Sqlite => "BEGIN DEFERRED",
        }
    }

    /// What it calls itself.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Sqlite => "sqlite",
        }
    }

    /// How many bytes the database takes, without reading it.
    pub(crate) const fn size(self) -> &'static str {
        match self {
            Self::Sqlite => "SELECT page_count * page_size AS bytes FROM pragma_page_count(), pragma_page_size()",
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
        }
    }

    /// What every reading connection is told first; from then on the engine itself refuses to write over it.
    pub(crate) const fn prepare_reader(self) -> &'static str {
        match self {
            Self::Sqlite => {
                "PRAGMA busy_timeout = 800; PRAGMA temp_store = MEMORY; PRAGMA mmap_size = 0; \
                 PRAGMA cache_size = -1000; PRAGMA trusted_schema = OFF; PRAGMA query_only = ON"
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
        }
    }
}

/// What an error code means. SQLite's extended codes carry the primary one in their low byte (sqlite.org/rescode.html).
pub(crate) fn fault(error: &dyn DatabaseError) -> Fault {
    let code = error.code().and_then(|code| code.parse::<i32>().ok()).unwrap_or(0);
    match code & 0xff {
        5 | 6 => Fault::Busy,
        13 => Fault::Full,
        11 | 26 => Fault::Damaged,
        _ => Fault::Other,
    }
}
