//! Runs of zeros take no room: where a file is nothing but zeros, its place on disk stays a hole.
//!
//! The place of a part is made one hole before anything is written there, so that a zero may be left out whatever an earlier
//! attempt at the part had written. Where the file system cannot make holes, every byte is written. A hole reads back as the
//! zeros it stands for; nothing else in PicUp knows of it.

use std::fs::File;
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt};

use picup_domain::Part;
use rustix::fs::FallocateFlags;
use rustix::io::Errno;

/// What file systems leave out at the least.
const BLOCK: usize = 4096;
static ZEROS: [u8; BLOCK] = [0; BLOCK];

/// What stands where a part is about to be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Region {
    /// Nothing: it reads as zeros.
    Hole,
    /// Anything.
    AsItIs,
}

impl Region {
    /// Makes the part's place a hole, if this file system can.
    pub(super) fn cleared(file: &File, part: &Part) -> io::Result<Self> {
        if part.bytes == 0 {
            return Ok(Self::AsItIs);
        }
        // Nothing was ever written to it: it is one hole already.
        if file.metadata()?.blocks() == 0 {
            return Ok(Self::Hole);
        }
        let punch = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
        match rustix::fs::fallocate(file, punch, part.offset, part.bytes) {
            Ok(()) => Ok(Self::Hole),
            Err(Errno::OPNOTSUPP | Errno::NOSYS) => Ok(Self::AsItIs),
            Err(error) => Err(error.into()),
        }
    }

    /// Writes `bytes` at `at`, in a hole only what is not zeros anyway.
    pub(super) fn write(self, file: &File, bytes: &[u8], at: u64) -> io::Result<()> {
        if self == Self::AsItIs {
            return file.write_all_at(bytes, at);
        }
        let (mut from, mut end) = (0, 0);
        while end < bytes.len() {
            // Blocks as the disk has them, not as the network cut them.
            let into_block = ((at + end as u64) % BLOCK as u64) as usize;
            let next = bytes.len().min(end + BLOCK - into_block);
            if bytes[end..next] == ZEROS[..next - end] {
                file.write_all_at(&bytes[from..end], at + from as u64)?;
                from = next;
            }
            end = next;
        }
        file.write_all_at(&bytes[from..], at + from as u64)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;
    use std::os::unix::fs::MetadataExt;

    use proptest::prelude::*;

    use super::*;

    /// Bytes with runs of zeros of any length between them.
    fn content(length: usize) -> impl Strategy<Value = Vec<u8>> {
        let run = (any::<bool>(), 1..3 * BLOCK, 1..=u8::MAX);
        proptest::collection::vec(run, 1..40).prop_map(move |runs| {
            let mut bytes = Vec::with_capacity(length);
            for (zero, count, byte) in runs.iter().cycle() {
                bytes.extend(std::iter::repeat_n(if *zero { 0 } else { *byte }, *count));
                if bytes.len() >= length {
                    break;
                }
            }
            bytes.truncate(length);
            bytes
        })
    }

    fn attempt(file: &File, part: &Part, bytes: &[u8], pieces: &[usize]) {
        let region = Region::cleared(file, part).unwrap();
        let mut at = 0;
        for piece in pieces.iter().cycle() {
            let end = bytes.len().min(at + piece);
            region.write(file, &bytes[at..end], part.offset + at as u64).unwrap();
            at = end;
            if at == bytes.len() {
                break;
            }
        }
    }

    proptest! {
        /// Whatever an attempt before left there, of any length, the last one's bytes stand, and the neighbours' as well.
        #[test]
        fn what_was_written_last_is_what_is_read(
            first in content(70_000), second in content(70_000), cut in 0usize..=70_000,
            pieces in proptest::collection::vec(1usize..20_000, 1..6), offset in 0u64..10_000,
        ) {
            let mut file = tempfile::tempfile().unwrap();
            let part = Part { number: 1, offset, bytes: 70_000 };
            file.write_all_at(&vec![7; offset as usize + 71_000], 0).unwrap();
            attempt(&file, &part, &first[..cut], &pieces);
            attempt(&file, &part, &second, &pieces);
            let mut read = Vec::new();
            file.read_to_end(&mut read).unwrap();
            let (before, rest) = read.split_at(offset as usize);
            prop_assert!(before.iter().chain(&rest[70_000..]).all(|byte| *byte == 7));
            prop_assert!(rest[..70_000] == second[..]);
        }
    }

    #[test]
    fn where_nothing_can_be_punched_everything_is_written() {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all_at(&[7; 10_000], 0).unwrap();
        Region::AsItIs.write(&file, &[0; 10_000], 0).unwrap();
        let mut read = Vec::new();
        file.read_to_end(&mut read).unwrap();
        assert!(read == [0; 10_000]);
    }

    #[test]
    fn zeros_take_no_room() {
        let file = tempfile::tempfile().unwrap();
        let part = Part { number: 1, offset: 0, bytes: 16 << 20 };
        file.set_len(part.bytes).unwrap();
        let mut bytes = vec![0; 16 << 20];
        bytes[5 << 20] = 1;
        // What an attempt that failed took goes as well.
        attempt(&file, &part, &vec![1; 16 << 20], &[60_000]);
        attempt(&file, &part, &bytes, &[60_000]);
        file.sync_all().unwrap();
        if Region::cleared(&tempfile::tempfile().unwrap(), &part).unwrap() == Region::Hole {
            let taken = file.metadata().unwrap().blocks() * 512;
            assert!((1..200_000).contains(&taken), "{taken}");
        }
    }
}
