//! One open file, and how far it was read.

use std::fs::{File, Metadata};
use std::io;
use std::os::unix::fs::{FileExt as _, MetadataExt as _};
use std::path::PathBuf;
use std::time::Duration;

use memchr::{memchr, memrchr};

use super::Read;
use crate::tally::LONGEST_LINE;

/// How much is read at once.
pub(super) const BUFFER: usize = 256 * 1024;

/// How many bytes before the place that was reached are compared at each look: others stand there when the file was emptied and has
/// grown beyond it since.
const COMPARED: usize = 64;

/// A file that is followed. What it has of a line without an end is read again at the next look.
#[derive(Debug)]
pub(super) struct Followed {
    pub(super) id: (u64, u64),
    pub(super) path: PathBuf,
    /// Whether one of the names that are followed is its own.
    pub(super) has_name: bool,
    pub(super) grown_at: Duration,
    file: File,
    offset: u64,
    /// The last bytes before `offset`.
    before: Vec<u8>,
    /// In the middle of a line that is too long.
    skipping: bool,
}

impl Followed {
    pub(super) fn new(file: File, metadata: &Metadata, path: PathBuf, now: Duration) -> Self {
        let id = (metadata.dev(), metadata.ino());
        Self { id, path, has_name: true, grown_at: now, file, offset: 0, before: Vec::new(), skipping: false }
    }

    /// Goes to the beginning of the line that is being written.
    pub(super) fn skip_to_end(&mut self, metadata: &Metadata, buffer: &mut [u8]) -> io::Result<()> {
        let from = metadata.len().saturating_sub(LONGEST_LINE as u64);
        let read = fill(&self.file, &mut buffer[..LONGEST_LINE], from)?;
        let known = &buffer[..read];
        let end = memrchr(b'\n', known).map_or(0, |at| at + 1);
        self.offset = from + end as u64;
        self.before = known[end.saturating_sub(COMPARED)..end].to_vec();
        // Without a line's end in so many bytes, the line is too long: what is left of it is no line.
        self.skipping = end == 0 && from > 0;
        Ok(())
    }

    /// Whether no folder has it any more.
    pub(super) fn is_removed(&self) -> bool {
        self.file.metadata().map_or(true, |metadata| metadata.nlink() == 0)
    }

    /// Reads all whole lines that are there.
    pub(super) fn read(&mut self, buffer: &mut [u8], now: Duration, to: &mut dyn FnMut(Read<'_>)) {
        loop {
            let compared = self.before.len();
            let read = match fill(&self.file, buffer, self.offset - compared as u64) {
                Ok(read) => read,
                Err(error) => {
                    tracing::warn!(%error, file = %self.path.display(), "a log cannot be read; trying again");
                    return;
                }
            };
            if read < compared || buffer[..compared] != *self.before {
                tracing::info!(file = %self.path.display(), "a log was emptied; reading it from its beginning");
                (self.offset, self.skipping) = (0, false);
                self.before.clear();
                continue;
            }
            let new = &buffer[compared..read];
            let taken = match memrchr(b'\n', new) {
                Some(at) => {
                    self.lines(&new[..=at], to);
                    at + 1
                }
                None if new.len() > LONGEST_LINE => {
                    if !std::mem::replace(&mut self.skipping, true) {
                        to(Read::Overlong);
                    }
                    new.len()
                }
                None => return,
            };
            self.grown_at = now;
            self.offset += taken as u64;
            let end = compared + taken;
            self.before.clear();
            self.before.extend_from_slice(&buffer[end.saturating_sub(COMPARED)..end]);
            if read < buffer.len() {
                return;
            }
        }
    }

    fn lines(&mut self, lines: &[u8], to: &mut dyn FnMut(Read<'_>)) {
        let begin = if std::mem::take(&mut self.skipping) { memchr(b'\n', lines).map_or(0, |at| at + 1) } else { 0 };
        if begin < lines.len() {
            to(Read::Lines(&lines[begin..]));
        }
    }

    /// Takes what is left, though no line's end follows.
    pub(super) fn finish(&mut self, buffer: &mut [u8], to: &mut dyn FnMut(Read<'_>)) {
        let left = fill(&self.file, &mut buffer[..LONGEST_LINE], self.offset).unwrap_or(0);
        if left > 0 && !self.skipping {
            to(Read::Lines(&buffer[..left]));
        }
        self.offset += left as u64;
        self.before.clear();
    }
}

/// Fills the buffer from that place on, as far as the file goes.
fn fill(file: &File, buffer: &mut [u8], from: u64) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match file.read_at(&mut buffer[filled..], from + filled as u64) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}
