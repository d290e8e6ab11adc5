//! Where bytes stand: one [`Storage`] over files, a bucket or memory, used by `app` for every object and upload.
//!
//! The rules of this room: an object is written once and never changed; it exists whole or not at all, also after a power
//! cut; and no path is ever built from outside text, only from an [`ObjectKey`] or an [`UploadId`]. This room knows nothing
//! of accounts, quota or rights, and never decides what may be read.
//!
//! An upload is staged in parts and becomes an object in one step. The interface is the one S3's multipart uploads allow:
//! parts come in any order and in parallel, each bound to its length and SHA-256; the store, not the database, is the truth
//! of which parts arrived ([`Storage::upload_parts`]); completing never replaces anything.
//! A stream of unknown length is staged the same way ([`Storage::receive_begin`]) and completed by the same step.
//!
//! One process writes uploads to a folder: two attempts at one part are kept apart in that process only. A bucket takes each part whole,
//! from however many.
//!
//! [`ObjectKey`]: picup_domain::ObjectKey
//! [`UploadId`]: picup_domain::UploadId

#![forbid(unsafe_code)]

mod backup;
mod blocking;
mod check;
mod crash;
mod doors;
mod error;
mod exchange;
mod files;
mod hash;
mod listing;
mod locks;
mod memory;
mod metrics;
mod objects;
mod opened;
mod parts;
mod profile;
mod put_back;
mod reads;
mod receive;
mod s3;
mod settings;
mod site;
mod told;
mod uploads;

use std::sync::{Arc, RwLock};

pub use backup::{
    Abilities, Backup, BackupName, BackupPlace, BackupSettings, Expected, Listing, Seal, SealIdentity, SealRecipient,
    Stamp, Stored,
};
pub use check::{Check, Space};
#[cfg(feature = "crash-points")]
pub use crash::crash_point_reached;
pub use error::{BoxError, Error};
pub use exchange::Sides;
pub use hash::Hashes;
pub use metrics::Metrics;
pub use opened::{ByteStream, Opened};
pub use parts::WhyProxied;
pub use profile::Profile;
pub use reads::CdnSign;
pub use receive::{Received, Receiving};
pub use s3::{PartAddress, ReadAs};
pub use settings::{Bucket, Credentials, PartsBy, Place, Settings, Style};
pub use uploads::{PartStored, Upload};

use exchange::Current;
use site::Site;

/// A store of objects and of the uploads that become objects. Cheap to clone; all clones are the same store, also when it is
/// exchanged for another one while it is in use ([`Storage::begin_move`]).
#[derive(Clone, Debug)]
pub struct Storage(Arc<RwLock<Current>>);

impl Storage {
    /// Opens the store, making its folders when they are missing.
    ///
    /// # Errors
    /// [`Error::Folder`] when the folder cannot be made or opened. A bucket is not looked at yet.
    pub async fn open(settings: Settings, metrics: Metrics) -> Result<Self, Error> {
        Ok(Self::of(Arc::new(Site::open(settings, metrics, true).await?)))
    }
}
