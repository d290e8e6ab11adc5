//! Another store, in a folder or a bucket elsewhere, that holds copies: of objects, of the database as it was, and an index.
//!
//! What is written there is never overwritten, and whoever writes it can do nothing else: reading back, proving and restoring go by
//! a key of their own, and removing by a third. A copy counts once its stored bytes were read back and had the hash that was
//! written, or the service has proved as much itself. This room knows names, bytes and hashes; what has to be kept, and for how long,
//! is `app`'s to say.

mod check;
mod claim;
mod folder;
mod name;
mod pace;
mod place;
mod read;
mod seal;
mod settings;
#[cfg(test)]
mod tests;
mod write;

use std::sync::{Arc, OnceLock};

use object_store::ObjectStore;
use object_store::path::Path;
use picup_domain::DestinationId;
use tokio::sync::Semaphore;

use crate::Error;
use pace::Pace;

pub use check::Abilities;
pub use name::{BackupName, Stamp};
pub use read::Listing;
pub use seal::{SealIdentity, SealRecipient};
pub use settings::{BackupPlace, BackupSettings, Seal};
pub use write::{Expected, Stored};

/// A backup. Cheap to clone; all clones are the same.
#[derive(Debug, Clone)]
pub struct Backup(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    /// May add, and nothing else where the service can see to that.
    writer: Arc<dyn ObjectStore>,
    reader: Arc<dyn ObjectStore>,
    /// `None`: nothing is ever removed.
    remover: Option<Arc<dyn ObjectStore>>,
    place: place::Place,
    /// Whose it is, once it was claimed.
    owner: OnceLock<DestinationId>,
    seal: Seal,
    pace: Pace,
    /// MiB of what is on its way that may be in memory.
    memory: Arc<Semaphore>,
}

/// How much of all copies on their way is in memory at once, in MiB.
const IN_MEMORY: usize = 30;

impl Backup {
    /// Opens it. The place is not looked at yet.
    ///
    /// # Errors
    /// [`Error::Remote`] when the settings cannot be used.
    pub fn open(settings: BackupSettings) -> Result<Self, Error> {
        let place::Opened { writer, reader, remover, place } = place::open(settings.place)?;
        Ok(Self(Arc::new(Inner {
            writer,
            reader,
            remover,
            place,
            owner: OnceLock::new(),
            seal: settings.seal,
            pace: Pace::new(settings.bytes_per_second),
            memory: Arc::new(Semaphore::new(IN_MEMORY)),
        })))
    }

    /// Whether copies of objects are encrypted.
    #[must_use]
    pub fn seals_media(&self) -> bool {
        self.0.seal.media
    }

    /// Whether there is a recovery key beside the server's own, without which nothing is sealed: what only this server could
    /// open would be lost with it.
    #[must_use]
    pub fn has_recovery_key(&self) -> bool {
        self.0.seal.recovery.is_some()
    }

    /// The server's own key, if there is one.
    #[must_use]
    pub fn server_key(&self) -> Option<&SealIdentity> {
        self.0.seal.server.as_ref()
    }

    /// Whether anything can be removed there.
    #[must_use]
    pub fn can_remove(&self) -> bool {
        self.0.remover.is_some()
    }

    /// Where it is, as people are told: a folder, or `s3://bucket/prefix`.
    #[must_use]
    pub fn place(&self) -> &str {
        &self.0.place.told
    }

    fn at(&self, name: &BackupName) -> Path {
        self.0.place.path(&name.to_string())
    }
}

/// A failure that keeps a full disk apart from others.
fn failed(doing: &'static str, error: object_store::Error) -> Error {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(&error);
    while let Some(at) = cause {
        if let Some(io) = at.downcast_ref::<std::io::Error>()
            && matches!(Error::io(doing)(io.kind().into()), Error::Full)
        {
            return Error::Full;
        }
        cause = at.source();
    }
    Error::remote(doing, error)
}
