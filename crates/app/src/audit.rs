//! Who did what to whose account: one line of the log with the target `audit` for each, written after the commit it tells of.

use std::fmt;

use picup_domain::AccountId;

/// Who acts on an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Actor {
    /// Somebody signed in: an admin, or the account's own person.
    Account(AccountId),
    /// Somebody at the command line, who holds the data directory.
    Operator,
    /// PicUp itself, when a time is over.
    PicUp,
}

impl Actor {
    /// The account that acts, if one does.
    pub(crate) const fn account(self) -> Option<AccountId> {
        match self {
            Self::Account(id) => Some(id),
            Self::Operator | Self::PicUp => None,
        }
    }
}

impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Account(id) => id.fmt(f),
            Self::Operator => f.write_str("operator"),
            Self::PicUp => f.write_str("picup"),
        }
    }
}

/// Writes that `by` did `what` to `whom`. Never with a token or a password in it.
pub(crate) fn note(by: Actor, what: &str, whom: &impl fmt::Display) {
    tracing::info!(target: "audit", %by, %whom, "{what}");
}
