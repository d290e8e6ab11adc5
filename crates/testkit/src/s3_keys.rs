//! The keys of a test's S3 server, and its one bucket.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::path::Path;

use crate::Error;

/// What the bucket of every server is called.
pub(crate) const BUCKET: &str = "picup";

/// What a client signs with.
#[derive(Debug, Clone)]
pub(crate) struct Keys {
    pub(crate) access: String,
    pub(crate) secret: String,
}

impl Keys {
    /// New ones, of the form that Garage wants.
    pub(crate) fn of_garage() -> Self {
        Self {
            access: format!("GK{:016x}{:08x}", word(), word() >> 32),
            secret: format!("{:016x}{:016x}{:016x}{:016x}", word(), word(), word(), word()),
        }
    }

    /// New ones, of the lengths that AWS gives out.
    pub(crate) fn random() -> Self {
        Self {
            access: format!("PICU{:016X}", word()),
            secret: format!("{:016x}{:016x}{:08x}", word(), word(), word() >> 32),
        }
    }
}

fn word() -> u64 {
    RandomState::new().build_hasher().finish()
}

/// Makes the bucket in a server's folder, unless it is there.
pub(crate) fn make_bucket(folder: &Path) -> Result<(), Error> {
    std::fs::create_dir_all(folder.join(BUCKET)).map_err(Error::io("make a bucket"))
}
