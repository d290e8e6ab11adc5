//! What a backup is told when it opens: plain values, read from the configuration elsewhere.

use std::num::NonZeroU64;
use std::path::PathBuf;

use super::seal::{SealIdentity, SealRecipient};
use crate::settings::{Bucket, Credentials};

/// How a backup is set up.
#[derive(Debug, Clone)]
pub struct BackupSettings {
    /// Where it is.
    pub place: BackupPlace,
    /// What is encrypted, and to whom.
    pub seal: Seal,
    /// The most that goes there and comes back, in bytes a second.
    pub bytes_per_second: Option<NonZeroU64>,
}

/// Where a backup is.
#[derive(Debug, Clone)]
pub enum BackupPlace {
    /// In a folder, of another disk.
    Files(PathBuf),
    /// In a bucket of an S3 service.
    S3 {
        /// The bucket; its credentials are the writer's.
        bucket: Box<Bucket>,
        /// Who reads back, proves and restores; `None`: the writer.
        reader: Option<Credentials>,
        /// Who removes what is over; `None`: nobody.
        remover: Option<Credentials>,
    },
    /// In memory, gone with the last clone; for tests.
    Memory,
}

/// What is encrypted, and to whom.
#[derive(Debug, Clone, Default)]
pub struct Seal {
    /// Whether copies of objects are, and the index. The catalogue always is.
    pub media: bool,
    /// The server's own key, which opens it too.
    pub server: Option<SealIdentity>,
    /// The recovery key's public half.
    pub recovery: Option<SealRecipient>,
}

impl Seal {
    /// To whom things are sealed.
    pub(super) fn recipients(&self) -> Vec<SealRecipient> {
        self.server.iter().map(SealIdentity::recipient).chain(self.recovery.clone()).collect()
    }
}
