//! Why a use case did not do what was asked. The API turns each into one problem+json, the command line into one line.

use std::time::Duration;

use picup_domain::{AlbumRole, Invalid, Scope, Scopes};

/// The refusals and failures of this room.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A value breaks a rule of the domain.
    #[error(transparent)]
    Invalid(#[from] Invalid),
    /// The e-mail address or the password is wrong; never told which.
    #[error("the e-mail address or the password is wrong")]
    WrongCredentials,
    /// Too many wrong guesses at a secret.
    #[error("too many wrong attempts; try again in {}", minutes(*wait))]
    TooManyGuesses {
        /// When the next one is allowed.
        wait: Duration,
    },
    /// No valid session: sign in, or renew.
    #[error("sign in first, or renew the session")]
    NotSignedIn,
    /// The API key is good, but was not made for this.
    #[error("this API key was not made for this: it needs the scope {}", choices(*.0))]
    ScopeNeeded(Scopes),
    /// Only a person may do this, signed in.
    #[error("API keys may not do this: sign in with the e-mail address and the password")]
    SessionNeeded,
    /// The set-up code is not the one that was printed last.
    #[error("this set-up link is not valid; use the newest one that `picup serve` printed")]
    WrongSetupCode,
    /// The first account exists.
    #[error("this PicUp is already set up; sign in")]
    AlreadySetUp,
    /// Only an admin may do this.
    #[error("only an admin of this PicUp may do this")]
    NotAdmin,
    /// A link that was used, withdrawn, is over, or never was; never told which.
    #[error("this link was used already, or is no longer valid; open it again, or ask for a new one")]
    LinkOver,
    /// A share link's token is right, but it asks for a password, too.
    #[error("this link needs the password that its sender has told you")]
    LinkPasswordNeeded,
    /// A share link's password is wrong.
    #[error("this is not the link's password")]
    WrongLinkPassword,
    /// No account has the address that an album was to be shared with.
    #[error("nobody on this PicUp has this e-mail address; an admin can invite them")]
    NoSuchPerson,
    /// The album is shared with the caller, but not for this.
    #[error("this album is shared with you, but not for this: it takes its {}", .0.as_str())]
    AlbumRoleNeeded(AlbumRole),
    /// Another account has this address.
    #[error("an account with this e-mail address exists")]
    EmailTaken,
    /// There is no such thing, or it is not yours.
    #[error("there is no such {0}")]
    NotFound(&'static str),
    /// The account has no room for this file.
    #[error("{wanted} bytes do not fit: {remaining} bytes of the quota are left")]
    QuotaExceeded {
        /// The size that was asked for, in bytes.
        wanted: u64,
        /// What is left, in bytes.
        remaining: u64,
    },
    /// The part's address has ended, or was altered.
    #[error("this address is not valid, or no longer; ask for a new one")]
    PartAddress,
    /// The bytes that came are not the ones that were announced.
    #[error("part {number} was refused: {reason}")]
    PartRefused {
        /// Which part.
        number: u32,
        /// What is wrong with it.
        reason: String,
    },
    /// The upload cannot be completed yet.
    #[error("parts have not arrived: {}", list(.0))]
    PartsMissing(Vec<u32>),
    /// The upload is past the step that was asked for.
    #[error("{0}")]
    Conflict(&'static str),
    /// Too much of this at once; try again shortly.
    #[error("{0}")]
    Busy(&'static str),
    /// The primary database is away, and nothing can be written.
    #[error("nothing can be changed for the moment, only looked at; try again in a minute")]
    ReadOnly,
    /// The database is away.
    #[error("the database cannot be reached for the moment; try again in a minute")]
    DatabaseAway(#[source] picup_database::Error),
    /// The service that keeps the store is away, or does not do what it is asked.
    #[error("the store cannot be reached for the moment; try again in a minute")]
    StoreAway(#[source] picup_storage::Error),
    /// The disk, of the store or of the database, has no room.
    #[error("the store is full; free some space on the server's disk")]
    StoreFull,
    /// The database failed.
    #[error("the database failed")]
    Database(#[source] picup_database::Error),
    /// The store failed.
    #[error("the store failed")]
    Storage(#[source] picup_storage::Error),
    /// The media child failed in a way that another try may mend.
    #[error("making pictures failed")]
    Media(#[from] picup_media::Error),
    /// A backup is not as it has to be; the text says what to do.
    #[error("{0}")]
    Backup(String),
    /// A key or token could not be made: broken configuration.
    #[error("{0}")]
    Internal(String),
}

impl Error {
    /// Whether the machine is to blame (a full disk, a database that fails): what was asked may work once it is well again.
    #[must_use]
    pub const fn is_the_machines(&self) -> bool {
        match self {
            Self::Busy(_)
            | Self::ReadOnly
            | Self::DatabaseAway(_)
            | Self::StoreAway(_)
            | Self::StoreFull
            | Self::Database(_)
            | Self::Storage(_) => true,
            Self::Media(error) => !matches!(error, picup_media::Error::Broken { .. }),
            _ => false,
        }
    }

    /// The whole story for the log: this error and every cause below it.
    #[must_use]
    pub fn story(&self) -> String {
        let mut text = self.to_string();
        let mut source = std::error::Error::source(self);
        while let Some(cause) = source {
            let cause_text = cause.to_string();
            // Many libraries repeat their cause in their own text.
            if !text.contains(&cause_text) {
                text.push_str(": ");
                text.push_str(&cause_text);
            }
            source = cause.source();
        }
        text
    }
}

impl From<picup_database::Error> for Error {
    fn from(error: picup_database::Error) -> Self {
        match error {
            picup_database::Error::Busy => Self::Busy("the database is busy; try again in a moment"),
            picup_database::Error::Full => Self::StoreFull,
            picup_database::Error::PrimaryAway => Self::ReadOnly,
            lost @ (picup_database::Error::Lost(_) | picup_database::Error::ReplicaLost(_)) => Self::DatabaseAway(lost),
            other => Self::Database(other),
        }
    }
}

impl From<picup_storage::Error> for Error {
    fn from(error: picup_storage::Error) -> Self {
        match error {
            picup_storage::Error::Full => Self::StoreFull,
            away @ picup_storage::Error::Remote { .. } => Self::StoreAway(away),
            kept @ (picup_storage::Error::Taken(_) | picup_storage::Error::NotOpened { .. }) => {
                Self::Backup(kept.to_string())
            }
            other => Self::Storage(other),
        }
    }
}

/// A time to wait, as people say it.
fn minutes(wait: Duration) -> String {
    match wait.as_secs() {
        0..60 => "a minute".to_owned(),
        seconds => format!("{} minutes", seconds.div_ceil(60)),
    }
}

/// The scopes of which one is enough.
fn choices(scopes: Scopes) -> String {
    scopes.iter().map(Scope::as_str).collect::<Vec<_>>().join(" or ")
}

/// The first few numbers, so that a message about ten thousand parts stays readable.
fn list(numbers: &[u32]) -> String {
    let shown: Vec<String> = numbers.iter().take(10).map(u32::to_string).collect();
    let more = numbers.len().saturating_sub(shown.len());
    if more == 0 { shown.join(", ") } else { format!("{} and {more} more", shown.join(", ")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_store_that_is_away_is_no_fault_of_who_asks_and_its_cause_is_for_the_log() {
        let remote = picup_storage::Error::Remote { doing: "write an object", source: "no route".into() };
        let error = Error::from(remote);
        assert!(matches!(error, Error::StoreAway(_)) && error.is_the_machines(), "{error:?}");
        assert!(!error.to_string().contains("no route"), "{error}");
        assert!(error.story().ends_with(": write an object: no route"), "{}", error.story());
    }
}
