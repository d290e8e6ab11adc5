//! The plain values this room is given. Read by [`crate::Media`]; the child gets those it needs with its request.

use std::{path::PathBuf, time::Duration};

/// The first argument [`Settings::program`] is started with; the program must then do nothing but call
/// [`crate::child_main`] with the second.
pub const CHILD_COMMAND: &str = "media-child";

/// How originals are processed.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The program to start as a child, as an absolute path: PicUp's own binary.
    pub program: PathBuf,
    /// ffmpeg: an absolute path, or a name that is found in `/usr/local/bin`, `/usr/bin` or `/bin`.
    pub ffmpeg: PathBuf,
    /// ffprobe, as [`Settings::ffmpeg`].
    pub ffprobe: PathBuf,
    /// How many originals are processed at once, at least 1. One per core keeps every core busy.
    pub concurrency: usize,
    /// How long one original may take on the wall clock before its child is killed.
    pub deadline: Duration,
    /// The most pixels a picture may announce and still be decoded.
    pub max_pixels: u64,
    /// The most memory, in bytes of address space, that the child and each ffmpeg it starts may have.
    pub max_memory: u64,
    /// Long side of previews and posters in pixels; smaller originals keep their size.
    pub preview_long: u32,
    /// Short side of thumbnails in pixels; smaller originals keep their size.
    pub thumbnail_short: u32,
}

impl Settings {
    /// The defaults, with `program` as the child and one job for each of `cores`.
    pub fn new(program: PathBuf, cores: usize) -> Settings {
        Settings {
            program,
            ffmpeg: "ffmpeg".into(),
            ffprobe: "ffprobe".into(),
            concurrency: cores.max(1),
            deadline: Duration::from_secs(60),
            max_pixels: 256_000_000,
            max_memory: 2 << 30,
            preview_long: 2048,
            thumbnail_short: 250,
        }
    }
}
