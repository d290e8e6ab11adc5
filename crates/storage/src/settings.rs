//! What a store is told when it opens: plain values, read from the configuration elsewhere.

use std::fmt;
use std::path::PathBuf;

use crate::Profile;

/// How a store is set up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Where the bytes go.
    pub place: Place,
    /// How many file operations may run at once; at least 1. More helps on many disks, never on one.
    pub blocking_threads: usize,
}

/// Where a store keeps its bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// In a folder of its own, made with mode 0700 when missing. Files get mode 0600.
    Files {
        /// The folder. It may be a symbolic link; nothing inside it may.
        folder: PathBuf,
    },
    /// In a bucket of an S3 service.
    S3(Box<Bucket>),
    /// In memory, gone with the last clone of the store; for tests.
    Memory,
}

/// A bucket, and how it is reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bucket {
    /// Its name. PicUp makes no buckets.
    pub name: String,
    /// What every key in it begins with, without slashes at its ends; empty when the whole bucket is PicUp's.
    pub prefix: String,
    /// The service's address, such as `https://ewr1.vultrobjects.com`; `None` for Amazon's own of the region.
    pub endpoint: Option<String>,
    /// The region that requests are signed for.
    pub region: String,
    /// Where in an address the bucket's name stands.
    pub style: Style,
    /// Whose service it is, which tells what can be relied on.
    pub profile: Profile,
    /// Who PicUp is to the service.
    pub credentials: Credentials,
    /// How parts come into it.
    pub parts: PartsBy,
    /// A folder on a disk of this machine for what is on its way to or from the bucket, made with mode 0700 when missing.
    pub spool: PathBuf,
}

/// Where in an address the bucket's name stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// `https://host/bucket/key`.
    Path,
    /// `https://bucket.host/key`.
    VirtualHost,
}

/// How the parts of uploads come into a bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum PartsBy {
    /// Straight from their senders where a probe has shown that nothing else can come of it, else through PicUp.
    #[default]
    Probe,
    /// Straight from their senders, whatever the service makes of the addresses they are given.
    Direct,
    /// Through PicUp, which looks at them first.
    Proxied,
}

/// Who PicUp is to an S3 service.
#[derive(Clone, PartialEq, Eq)]
pub enum Credentials {
    /// An access key.
    Key {
        /// Its id, which is no secret.
        id: String,
        /// The secret.
        secret: String,
    },
    /// The role of the machine it runs on, asked of the machine's own metadata service.
    Machine,
    /// A role that Amazon's STS gives for the token in a file, which is read anew each time: EKS's roles for service accounts.
    WebIdentity {
        /// The file.
        token_file: PathBuf,
        /// The name of the role (`arn:aws:iam::…`).
        role: String,
    },
    /// A role that an agent beside PicUp gives for the token in a file, which is read anew each time: EKS's Pod Identity.
    Container {
        /// Where the agent is asked.
        address: String,
        /// The file.
        token_file: PathBuf,
    },
}

/// Without the secret: settings may be printed.
impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Key { id, .. } => f.debug_struct("Key").field("id", id).finish_non_exhaustive(),
            Self::Machine => f.write_str("Machine"),
            Self::WebIdentity { role, .. } => f.debug_struct("WebIdentity").field("role", role).finish_non_exhaustive(),
            Self::Container { .. } => f.write_str("Container"),
        }
    }
}

impl Settings {
    /// A store in `folder`, otherwise as usual.
    #[must_use]
    pub fn files(folder: impl Into<PathBuf>) -> Self {
        Self { place: Place::Files { folder: folder.into() }, blocking_threads: 8 }
    }

    /// A store in a bucket.
    #[must_use]
    pub fn s3(bucket: Bucket) -> Self {
        Self { place: Place::S3(Box::new(bucket)), blocking_threads: 8 }
    }

    /// A store in memory.
    #[must_use]
    pub const fn memory() -> Self {
        Self { place: Place::Memory, blocking_threads: 8 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_secret_is_never_printed() {
        let credentials = Credentials::Key { id: "AKIA1".to_owned(), secret: "hush".to_owned() };
        let printed = format!("{credentials:?}");
        assert!(printed.contains("AKIA1") && !printed.contains("hush"), "{printed}");
    }
}
