//! What a store is told when it opens: plain values, read from the configuration elsewhere.

use std::path::PathBuf;

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
    /// In memory, gone with the last clone of the store; for tests.
    Memory,
}

impl Settings {
    /// A store in `folder`, otherwise as usual.
    #[must_use]
    pub fn files(folder: impl Into<PathBuf>) -> Self {
        Self { place: Place::Files { folder: folder.into() }, blocking_threads: 8 }
    }

    /// A store in memory.
    #[must_use]
    pub const fn memory() -> Self {
        Self { place: Place::Memory, blocking_threads: 8 }
    }
}
