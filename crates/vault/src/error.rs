//! What can go wrong between us and Vault, in words that say what to do. Nothing secret is in them.

use std::path::PathBuf;
use std::time::Duration;

/// Why something was not had from Vault.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// What was set makes no sense.
    #[error("the settings for Vault: {0}")]
    Settings(String),
    /// A file of our identity cannot be used.
    #[error("{}: {problem}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// What is the matter with it, and what to do.
        problem: String,
    },
    /// Nobody answers, or not in time.
    #[error(
        "Vault does not answer at {address}: {reason}; see whether it runs there and whether anything stands between"
    )]
    Unreachable {
        /// Where.
        address: String,
        /// What the network says.
        reason: String,
    },
    /// Somebody answers who cannot show that it is Vault.
    #[error(
        "who answers at {address} cannot show that it is Vault ({reason}); the CA file must hold the authority of its certificate, \
         and the certificate must be for that name"
    )]
    Untrusted {
        /// Where.
        address: String,
        /// What is wrong with the certificate.
        reason: String,
    },
    /// It runs and gives nothing out.
    #[error("Vault is sealed: it runs, and gives nothing out until somebody unseals it (`vault operator unseal`)")]
    Sealed,
    /// Another node is the one to ask.
    #[error(
        "this node of Vault is a standby that answers nothing itself (status {status}); set the address of the active node, or of the cluster"
    )]
    Standby {
        /// What it answered.
        status: u16,
    },
    /// A quota of Vault's.
    #[error("Vault says that it is asked too often (a rate limit quota); it is asked again later")]
    TooMany {
        /// How long it wants to be left alone, when it says so.
        after: Option<Duration>,
    },
    /// Our token is good, and may not do this.
    #[error("Vault does not let us {doing}{said}; a policy of our role has to allow it")]
    Forbidden {
        /// What was to be done.
        doing: String,
        /// What it says itself.
        said: Said,
    },
    /// It does not take our word for who we are, or what we asked makes no sense to it.
    #[error("Vault refuses to {doing} (status {status}){said}")]
    Refused {
        /// What was to be done.
        doing: String,
        /// What it answered.
        status: u16,
        /// What it says itself.
        said: Said,
    },
    /// There is nothing there.
    #[error(
        "Vault has nothing where we {doing}{said}; see whether the mount and the path are right, and whether it was deleted"
    )]
    Missing {
        /// What was to be done.
        doing: String,
        /// What it says itself.
        said: Said,
    },
    /// Something is wrong with Vault itself.
    #[error("Vault failed to {doing} (status {status}){said}; its own log says more")]
    Server {
        /// What was to be done.
        doing: String,
        /// What it answered.
        status: u16,
        /// What it says itself.
        said: Said,
    },
    /// The answer makes no sense.
    #[error(
        "what was answered when we asked Vault to {doing} makes no sense: {problem}; is it Vault that is at this address?"
    )]
    Answer {
        /// What was to be done.
        doing: String,
        /// What is the matter with it.
        problem: String,
    },
    /// **An alarm.** A token that gives out its secret once has given it out, and not to us.
    #[error(
        "ALARM: the wrapped secret id in {} was unwrapped already, and not by us, or has run out. Unless it is older than its life, \
         somebody else holds our secret id: destroy it in Vault (by its accessor, from the audit log), find out who was first, and only \
         then put a new one there",
        path.display()
    )]
    AlreadyUnwrapped {
        /// Where the token lies.
        path: PathBuf,
    },
    /// A token that gives out its secret once was used, and nobody knows whether it did.
    #[error(
        "Vault was asked to unwrap the secret id in {} and did not answer ({reason}); the token may be used up and is not tried again: \
         put a new one there",
        path.display()
    )]
    UnwrapUnanswered {
        /// Where the token lies.
        path: PathBuf,
        /// What the network says.
        reason: String,
    },
    /// **An alarm.** A token gives out something else than it should.
    #[error("ALARM: the token in {} was made at {found:?} and not at {expected:?}: somebody has put another in its place, or it is for another role", path.display())]
    WrongWrapping {
        /// Where the token lies.
        path: PathBuf,
        /// Where it was made.
        found: String,
        /// Where it should have been.
        expected: String,
    },
    /// A secret came in clear where it had to be wrapped.
    #[error(
        "{whence} is in clear and had to be wrapped; it counts as known to others: destroy it, and have it wrapped (`-wrap-ttl`)"
    )]
    NotWrapped {
        /// Where it came from.
        whence: String,
    },
    /// What was lent has ended, and Vault has given nothing new.
    #[error("what Vault had lent for {doing} has ended, and it gives nothing new: {reason}")]
    Ended {
        /// What it was.
        doing: String,
        /// Why there is nothing new.
        reason: String,
    },
    /// All was given back.
    #[error("the connection to Vault was closed")]
    Closed,
}

impl Error {
    /// Whether somebody may be at work who should not be.
    #[must_use]
    pub const fn is_alarm(&self) -> bool {
        matches!(self, Self::AlreadyUnwrapped { .. } | Self::WrongWrapping { .. })
    }

    /// Whether Vault says that something is not lent any more, or cannot be renewed, rather than that it is away.
    pub(crate) fn is_final(&self) -> bool {
        match self {
            Self::Forbidden { .. } | Self::Refused { .. } | Self::Missing { .. } => true,
            // That the longest time is over is a failure of its own, to Vault.
            Self::Server { said, .. } => said.contains("past the max TTL"),
            _ => false,
        }
    }
}

/// What Vault says of its refusal, without anything that it was sent in confidence; empty when it says nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Said(String);

impl Said {
    /// So many characters of what it says are kept.
    const MOST: usize = 300;

    /// Takes the words of an answer, on one line, without any of `secrets`.
    pub(crate) fn new<'a>(words: &[String], secrets: impl IntoIterator<Item = &'a str>) -> Self {
        let mut text = words.join("; ");
        for secret in secrets {
            // Shorter ones would be found in words that are none.
            if secret.len() >= 4 {
                text = text.replace(secret, "(hidden)");
            }
        }
        let words = text.split(|letter: char| letter.is_whitespace() || letter.is_control());
        let line = words.filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ");
        Self(line.chars().take(Self::MOST).collect())
    }

    /// Whether that stands in it.
    #[must_use]
    pub fn contains(&self, words: &str) -> bool {
        self.0.contains(words)
    }
}

impl std::fmt::Display for Said {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.0.is_empty() { Ok(()) } else { write!(formatter, ", saying \"{}\"", self.0) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_vault_says_is_one_short_line_without_what_it_was_sent() {
        let words = ["1 error occurred:\n\t* no role for hvs.tulip\u{7}".to_owned(), "x".repeat(400)];
        let said = Said::new(&words, ["hvs.tulip", "no"]);
        let shown = said.to_string();
        assert!(shown.starts_with(", saying \"1 error occurred: * no role for (hidden) ; xxx"), "{shown}");
        assert!(shown.len() < 330, "{shown}");
        assert_eq!(Said::new(&[], []).to_string(), "");
    }

    #[test]
    fn alarms_are_told_apart() {
        assert!(Error::AlreadyUnwrapped { path: "/run/picup/wrapped".into() }.is_alarm());
        assert!(!Error::Sealed.is_alarm());
    }

    #[test]
    fn the_end_of_the_longest_time_is_final_and_a_failure_of_vaults_is_not() {
        let server = |words: &str| {
            let said = Said::new(&[words.to_owned()], []);
            Error::Server { doing: "renew our token".to_owned(), status: 500, said }
        };
        assert!(server("1 error occurred: * past the max TTL, cannot renew").is_final());
        assert!(!server("context deadline exceeded").is_final());
    }
}
