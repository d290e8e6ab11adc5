//! The border between the process that is trusted and the one that decodes. [`parent`] starts children and bounds them,
//! [`worker`] is what a child does, [`frame`] is the language of the answer. The request goes as one command-line
//! argument, the original as standard input.

mod frame;
mod parent;
mod worker;

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

pub use parent::{Children, Error, Media};
pub use worker::child_main;

/// Where children find programs; they get no other environment, so that no secret in ours can leak through a decoder.
pub(crate) const CHILD_PATH: &str = "/usr/local/bin:/usr/bin:/bin";

/// What keeps a child from doing harm, in a word: it is a process of its own without our environment, bounded in memory and
/// time. Nothing bounds yet which files and system calls it reaches.
pub const SANDBOX: &str = "limits";

/// Why an original cannot be shown: the end of a sentence that begins with "the file".
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Broken(pub(crate) String);

/// What a child is asked to do.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Request {
    pub(crate) ffmpeg: PathBuf,
    pub(crate) ffprobe: PathBuf,
    pub(crate) preview_long: u32,
    pub(crate) thumbnail_short: u32,
    pub(crate) limits: Limits,
}

/// What a child may use; it binds itself before it reads the first byte.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Limits {
    pub(crate) max_pixels: u64,
    /// Bytes of address space.
    pub(crate) max_memory: u64,
    /// Seconds of processor time, for the child and for each program it starts.
    pub(crate) cpu_seconds: u64,
}
