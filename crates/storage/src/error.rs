//! What can go wrong with a store, told apart as far as a caller acts differently.

use std::io;
use std::path::PathBuf;

use picup_domain::{Invalid, ObjectKey, Sha256, UploadId};

use crate::told::told;

/// Any error, as a sender's stream gives it.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Why a store did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Nothing stands at the key.
    #[error("no object at {0}")]
    NotFound(Box<ObjectKey>),
    /// No such upload is staged: never begun, or aborted, or completed into another key.
    #[error("upload {0} is not staged")]
    UploadNotFound(UploadId),
    /// Something else stands at the key; keys are written once.
    #[error("another object stands at {0}; keys are written once")]
    Exists(Box<ObjectKey>),
    /// Nothing stands under that name in a backup.
    #[error("the backup has no {0}")]
    NotKept(String),
    /// What stands there is not what was stored.
    #[error("{0} is not what was stored")]
    Altered(String),
    /// A place does not give back what was written there a moment ago.
    #[error("{0} does not come back as it was written; see that the disk or the service is well")]
    NotAsWritten(String),
    /// What is sealed cannot be opened.
    #[error("{name} cannot be opened: {why}")]
    NotOpened {
        /// Its name.
        name: String,
        /// Why not.
        why: String,
    },
    /// What was to be copied does not have the size or hash that is recorded. Nothing was stored.
    #[error("the source is not what is recorded of it")]
    SourceDiffers,
    /// The place is another destination's, or another PicUp's.
    #[error("the copies in {0} are another PicUp's, or another destination's")]
    Taken(String),
    /// Nobody may remove anything from this backup.
    #[error("no key that may remove from this backup is set")]
    NoRemover,
    /// The disk, or the quota of the user who runs PicUp, is full.
    #[error("the store is full")]
    Full,
    /// An upload of that id was begun before.
    #[error("upload {0} was begun before")]
    UploadBegun(UploadId),
    /// The upload was begun with another size.
    #[error("upload {upload} was begun with {begun} bytes, not {asked}")]
    UploadDiffers {
        /// Which upload.
        upload: UploadId,
        /// Its size when it began, in bytes.
        begun: u64,
        /// The size given now, in bytes.
        asked: u64,
    },
    /// Parts are missing, so the upload cannot be completed.
    #[error("upload {upload} misses part {first_missing}")]
    UploadIncomplete {
        /// Which upload.
        upload: UploadId,
        /// The lowest number that did not arrive.
        first_missing: u32,
    },
    /// The file has no part of that number.
    #[error("there is no part {number}: the file has parts 1 to {count}")]
    PartUnknown {
        /// The number asked for.
        number: u32,
        /// How many parts there are.
        count: u32,
    },
    /// The part's bytes were fewer or more than its length. Nothing was stored.
    #[error("part {number} has {expected} bytes, {} came", came(*expected, *got))]
    PartLength {
        /// Which part.
        number: u32,
        /// Its length, in bytes.
        expected: u64,
        /// How many bytes came; where there were too many, the number at which reading stopped.
        got: u64,
    },
    /// The part's bytes have another hash than announced. Nothing was stored.
    #[error("part {number} has the SHA-256 {got}, not {expected}")]
    PartHash {
        /// Which part.
        number: u32,
        /// The hash announced.
        expected: Sha256,
        /// The hash of what came.
        got: Sha256,
    },
    /// Other bytes were stored as this part before; a stored part stays as it is.
    #[error("part {number} is stored already, with the SHA-256 {stored}")]
    PartExists {
        /// Which part.
        number: u32,
        /// The hash of the stored bytes.
        stored: Sha256,
    },
    /// The upload breaks a rule of the domain.
    #[error(transparent)]
    Invalid(#[from] Invalid),
    /// The sender broke off. Nothing was stored.
    #[error("the part's sender broke off: {0}")]
    Sender(#[source] BoxError),
    /// The store's folder cannot be used.
    #[error("cannot use the folder {path}: {source}")]
    Folder {
        /// The folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The object store cannot be reached, or does not do what it is asked for.
    #[error("{doing}: {source}")]
    Remote {
        /// What was being done.
        doing: &'static str,
        /// What it said, if anything.
        source: BoxError,
    },
    /// The system refused or failed.
    #[error("{doing}: {source}")]
    Io {
        /// What was being done.
        doing: &'static str,
        /// What the system said.
        source: io::Error,
    },
}

fn came(expected: u64, got: u64) -> String {
    if got > expected { "more".to_owned() } else { got.to_string() }
}

impl Error {
    /// Names what was being done when the system failed; a full disk gets its own kind.
    pub(crate) fn io(doing: &'static str) -> impl Fn(io::Error) -> Self {
        move |source| match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => Self::Full,
            _ => Self::Io { doing, source },
        }
    }

    /// What went wrong between PicUp and an object store. Of what that said only so much is kept as may be told.
    pub(crate) fn remote(doing: &'static str, source: impl Into<BoxError>) -> Self {
        Self::Remote { doing, source: told(&*source.into()).into() }
    }

    pub(crate) fn not_found(key: &ObjectKey) -> Self {
        Self::NotFound(Box::new(key.clone()))
    }

    pub(crate) fn exists(key: &ObjectKey) -> Self {
        Self::Exists(Box::new(key.clone()))
    }

    /// Whether it is about the caller's request or bytes, not about the store's health.
    #[must_use]
    pub const fn is_callers(&self) -> bool {
        !matches!(
            self,
            Self::Full | Self::Folder { .. } | Self::Io { .. } | Self::Remote { .. } | Self::NotAsWritten(_)
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_service_says_is_not_kept_whole() {
        let error = Error::remote("write an object", "https://host/key?X-Amz-Signature=secret <Error>secret</Error>");
        assert!(!format!("{error} {error:?}").contains("secret"), "{error:?}");
        assert!(error.to_string().starts_with("write an object: https://host/key"), "{error}");
    }

    #[test]
    fn a_full_disk_is_told_apart() {
        for kind in [io::ErrorKind::StorageFull, io::ErrorKind::QuotaExceeded, io::ErrorKind::FileTooLarge] {
            assert!(matches!(Error::io("write")(kind.into()), Error::Full), "{kind}");
        }
        let denied = Error::io("write")(io::ErrorKind::PermissionDenied.into());
        assert!(matches!(denied, Error::Io { doing: "write", .. }));
        assert!(!denied.is_callers());
    }
}
