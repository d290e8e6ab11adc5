//! Copies of objects at destinations: written down in the transaction that makes an object count, claimed by lease as jobs are, and
//! counted in the transactions that change them. A copy outlives its object until the retention is over.

mod life;
mod list;
mod look;
mod queue;

use picup_domain::{ByteSize, DestinationId, ObjectKey, ObjectRole, Sha256, Timestamp};

use crate::statement::{Row, Statement};
use crate::{Error, Write};

/// How a copy stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CopyState {
    /// It is to be made.
    Waiting,
    /// It is to be made, and failed the last time.
    Failing,
    /// It stands there, proved.
    Kept,
    /// Its object is not what it should be, in any store: there is nothing to copy before it is healed.
    Sourceless,
    /// Its object is gone; it is removed when the retention is over.
    Doomed,
}

impl CopyState {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Waiting, Self::Failing, Self::Kept, Self::Sourceless, Self::Doomed];

    /// The word stored.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Failing => "failing",
            Self::Kept => "kept",
            Self::Sourceless => "sourceless",
            Self::Doomed => "doomed",
        }
    }

    fn parse(word: &str) -> Result<Self, String> {
        Self::ALL.into_iter().find(|state| state.as_str() == word).ok_or_else(|| format!("unknown state {word}"))
    }
}

/// A copy that is to be made, leased to whoever makes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CopyClaim {
    /// The object.
    pub key: ObjectKey,
    /// Its size.
    pub bytes: ByteSize,
    /// Its hash.
    pub sha256: Sha256,
    /// Which copy of it, from 1.
    pub generation: u32,
    /// How often this copy of it was begun, this time included; with its number also the lease's token.
    pub attempt: u32,
}

/// A copy as it stands at a destination.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptCopy {
    /// The object.
    pub key: ObjectKey,
    /// Which copy of it, from 1.
    pub generation: u32,
    /// The object's size.
    pub bytes: ByteSize,
    /// How many bytes are stored, encrypted if they are.
    pub stored_bytes: ByteSize,
    /// Their hash.
    pub stored_sha256: Sha256,
    /// When it was last proved.
    pub proved_at: Timestamp,
}

/// A copy in any state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedCopy {
    /// The object.
    pub key: ObjectKey,
    /// Which copy of it, from 1.
    pub generation: u32,
    /// How it stands.
    pub state: CopyState,
    /// The object's size.
    pub bytes: ByteSize,
    /// Waiting and failing: when it is due. Kept: when it was last proved. Doomed: since when.
    pub state_at: Timestamp,
}

/// A copy whose object is gone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DoomedCopy {
    /// The object that was.
    pub key: ObjectKey,
    /// Which copy of it, from 1. It may never have come to stand there.
    pub generation: u32,
    /// The object's size.
    pub bytes: ByteSize,
}

/// A copy that was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CopyMade {
    /// The claim.
    pub claim: CopyClaim,
    /// How many bytes are stored.
    pub stored_bytes: ByteSize,
    /// Their hash.
    pub stored_sha256: Sha256,
}

/// Why a copy failed, as far as the next attempt differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CopyFailure {
    /// Something was away, or went wrong on the way.
    Passing,
    /// Something else stands under its name, which is never overwritten.
    Occupied,
    /// The object is not what it should be, in any store.
    Sourceless,
}

/// How many copies are in a state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CopyCount {
    /// The state.
    pub state: CopyState,
    /// How many.
    pub copies: u64,
    /// How many bytes their objects have.
    pub bytes: u64,
}

/// A copy that failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FailingCopy {
    /// The object.
    pub key: ObjectKey,
    /// How often it was begun.
    pub attempts: u32,
    /// Why it failed the last time.
    pub error: String,
    /// When it is tried again.
    pub next: Timestamp,
}

/// In which order copies are made: originals before what can be made of them again, and what never failed first.
const DUE: [(i64, CopyState); 6] = [
    (0, CopyState::Waiting),
    (0, CopyState::Failing),
    (1, CopyState::Waiting),
    (1, CopyState::Failing),
    (0, CopyState::Sourceless),
    (1, CopyState::Sourceless),
];

fn key(row: &Row) -> Result<ObjectKey, Error> {
    row.word("object_key", |text| text.parse::<ObjectKey>())
}

const fn turn(role: ObjectRole) -> i64 {
    match role {
        ObjectRole::Original | ObjectRole::Motion => 0,
        ObjectRole::Thumbnail | ObjectRole::Preview => 1,
    }
}

impl Write {
    /// Keeps the count: `by` is 1 for more, -1 for fewer.
    async fn copy_counted(
        &mut self,
        destination: DestinationId,
        state: CopyState,
        copies: u64,
        bytes: u64,
        by: i64,
    ) -> Result<(), Error> {
        if copies == 0 {
            return Ok(());
        }
        let signed = |count: u64| i64::try_from(count).unwrap_or(i64::MAX).saturating_mul(by);
        let sql = "UPDATE copy_counts SET copies = copies + ?, bytes = bytes + ? WHERE destination = ? AND state = ?";
        let statement = Statement::new("copy_counted", sql).int(signed(copies)).int(signed(bytes));
        self.run(statement.id(&destination).text(state.as_str())).await?;
        Ok(())
    }

    async fn copy_moved(
        &mut self,
        destination: DestinationId,
        from: CopyState,
        to: CopyState,
        bytes: ByteSize,
    ) -> Result<(), Error> {
        if from == to {
            return Ok(());
        }
        self.copy_counted(destination, from, 1, bytes.get(), -1).await?;
        self.copy_counted(destination, to, 1, bytes.get(), 1).await
    }
}
