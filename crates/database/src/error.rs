//! What can go wrong between PicUp and its database, sorted by what the caller should do about it.

use sqlx::mysql::MySqlDatabaseError;

use crate::dialect::{self, Fault};

/// An error of the database room. A row that is not there is not an error: lookups answer `None`.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A unique value is taken or a row is not in the state the call needs; the word says which (`email`, `part`, …).
    #[error("conflict: {0}")]
    Conflict(&'static str),
    /// No connection or lock came free in time. Worth trying again after a pause.
    #[error("the database is busy; try again in a moment")]
    Busy,
    /// The primary does not answer, so nothing can be written; reads go on from its replicas.
    #[error("the database cannot be written for the moment; what is there can be read")]
    PrimaryAway,
    /// The connection to the server was lost, or none could be made.
    #[error("the database cannot be reached")]
    Lost(#[source] std::io::Error),
    /// A replica was lost amid a read; it is asked no more, so asking again is answered by another.
    #[error("the replica {0} was lost amid a read; ask again")]
    ReplicaLost(String),
    /// The disk under the database is full.
    #[error("the disk that holds the database is full; free some space")]
    Full,
    /// A stored value breaks a rule of the domain.
    #[error("the database holds a {column} that makes no sense: {reason}")]
    Corrupt {
        /// The column it was read from.
        column: &'static str,
        /// Which rule it breaks.
        reason: String,
    },
    /// The file is not a database or is damaged.
    #[error("the database file is damaged or is not a database ({0}); restore it from a backup")]
    Damaged(String),
    /// The database was written by a newer PicUp.
    #[error("the database has schema {found} and this PicUp knows {known} at most; run the newer PicUp")]
    NewerSchema {
        /// The schema in the database.
        found: i64,
        /// The newest schema this program knows.
        known: i64,
    },
    /// The configured place cannot hold a database; the text says why.
    #[error("the database cannot be kept there: {0}")]
    Place(String),
    /// The database was written by an older PicUp, and this work does not bring it up to date.
    #[error(
        "the database has schema {found} and this PicUp works with {known}; start it once, which brings it up to date"
    )]
    OlderSchema {
        /// The schema in the database.
        found: i64,
        /// The schema this program works with.
        known: i64,
    },
    /// There is a database, and nothing of a PicUp's in it.
    #[error("the database holds nothing of a PicUp's")]
    NoLibrary,
    /// What was to be filled holds something already; the text says what.
    #[error("{0}")]
    Occupied(String),
    /// Rows were copied and are not the same.
    #[error("the copy of the table {0} is not what it was copied from")]
    Differs(String),
    /// Rows changed while they were read, though nobody should have been able to change them.
    #[error("the database changed while it was read")]
    Changed,
    /// A copy into the database was begun and is not complete, so that nothing may be done with it yet.
    #[error(
        "the database holds a copy that is not complete; run `picup db copy-to` or `picup db restore`, which began it, again"
    )]
    Unfinished,
    /// Another process copies into the database.
    #[error(
        "another copy into the database is under way; the connection of one that was cut off may stand for ten minutes"
    )]
    Copying,
    /// A file is not a whole backup.
    #[error("{file} is not a whole backup of a PicUp's database: {reason}")]
    NotABackup {
        /// The file.
        file: String,
        /// How one sees.
        reason: String,
    },
    /// Whoever asked for the work wanted it to end; what is done of it stays.
    #[error("interrupted")]
    Interrupted,
    /// Anything else the engine reports.
    #[error("the database reports an error")]
    Engine(#[source] sqlx::Error),
}

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        match error {
            sqlx::Error::Io(error) => Self::Lost(error),
            sqlx::Error::PoolTimedOut => Self::Busy,
            sqlx::Error::Database(reported) => match dialect::fault(reported.as_ref()) {
                Fault::Busy => Self::Busy,
                Fault::Full => Self::Full,
                Fault::Damaged => Self::Damaged(reported.message().to_owned()),
                Fault::Lost => Self::Lost(std::io::Error::other(reported.message().to_owned())),
                Fault::ReadOnly => Self::PrimaryAway,
                Fault::Other => Self::Engine(sqlx::Error::Database(reported)),
            },
            other => Self::Engine(other),
        }
    }
}

impl Error {
    /// The same error, or [`Error::Conflict`] with that word when it says that a unique value is taken.
    pub(crate) fn or_conflict(self, what: &'static str) -> Self {
        if self.is_taken() { Self::Conflict(what) } else { self }
    }

    /// Whether a server does not let the user in, or not to that database, or has none of that name.
    #[must_use]
    pub fn is_no_entry(&self) -> bool {
        let Self::Engine(sqlx::Error::Database(reported)) = self else { return false };
        let number = reported.try_downcast_ref::<MySqlDatabaseError>().map(MySqlDatabaseError::number);
        // Denied for the database; for the user; an unknown database; by the way of signing in.
        matches!(number, Some(1044 | 1045 | 1049 | 1698))
    }

    /// Whether a unique value was taken. The statement that met it did nothing; its transaction goes on.
    pub(crate) fn is_taken(&self) -> bool {
        matches!(self, Self::Engine(sqlx::Error::Database(reported)) if reported.is_unique_violation())
    }
}
