//! One slice of a medium as a file: a header, then blocks that each have a checksum.
//!
//! ```text
//! "PUC1" | length of the head: u32 | head (key, type, size of the medium, index, checksums) | CRC-32 of the head | blocks
//! ```
//! Nothing in a file is believed before it was held against its checksum: the disk of a cache may be the worst in the house, and a
//! process may be killed, or the power cut, while it writes.

use std::io::{Error, ErrorKind};
use std::os::unix::fs::FileExt as _;

use bytes::{BufMut as _, Bytes, BytesMut};

/// Bytes in a slice; the last one of a medium is shorter.
pub(super) const SLICE: u64 = 1 << 20;
/// Bytes in a block, the unit that is read, held in memory and given to clients; the last one of a slice is shorter.
pub(super) const BLOCK: u64 = 64 << 10;
const MAGIC: &[u8; 4] = b"PUC1";
/// A key, a type and sixteen checksums have far less.
const MOST_HEAD: u32 = 8 << 10;

/// What a medium is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Medium {
    pub(super) key: String,
    pub(super) size: u64,
    pub(super) content_type: String,
}

impl Medium {
    /// Bytes in that slice of it.
    pub(super) fn slice_bytes(&self, index: u32) -> u64 {
        self.size.saturating_sub(u64::from(index) * SLICE).min(SLICE)
    }

    /// How many slices it has.
    pub(super) fn slices(&self) -> u32 {
        u32::try_from(self.size.div_ceil(SLICE)).unwrap_or(u32::MAX)
    }
}

/// What a file says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) medium: Medium,
    pub(super) index: u32,
    checksums: Vec<u32>,
    /// Where the blocks begin in the file.
    begins: u64,
}

impl Head {
    /// Bytes in that block; 0 beyond the last.
    fn block_bytes(&self, block: u32) -> u64 {
        self.medium.slice_bytes(self.index).saturating_sub(u64::from(block) * BLOCK).min(BLOCK)
    }

    /// Reads the head of a file.
    ///
    /// # Errors
    /// When the file is none of ours, or not as it was written.
    pub(super) fn read(file: &std::fs::File) -> std::io::Result<Self> {
        let mut begin = [0; 8];
        file.read_exact_at(&mut begin, 0)?;
        let (magic, length) = begin.split_at(4);
        let length = u32::from_le_bytes(length.try_into().map_err(Error::other)?);
        if magic != MAGIC || length > MOST_HEAD {
            return Err(broken("it does not begin as a slice"));
        }
        let mut rest = vec![0; length as usize + 4];
        file.read_exact_at(&mut rest, 8)?;
        let (head, sum) = rest.split_at(length as usize);
        if crc32fast::hash(head).to_le_bytes() != sum {
            return Err(broken("its head is not as it was written"));
        }
        let head =
            parse(head, 8 + rest.len() as u64).ok_or_else(|| broken("its head says nothing that makes sense"))?;
        if file.metadata()?.len() == head.begins + head.medium.slice_bytes(head.index) {
            Ok(head)
        } else {
            Err(broken("it is not as long as it says"))
        }
    }

    /// Where a block lies in the file, and how long it is.
    pub(super) fn place(&self, block: u32) -> (u64, usize) {
        let bytes = usize::try_from(self.block_bytes(block)).unwrap_or_default();
        (self.begins + u64::from(block) * BLOCK, bytes)
    }

    /// Whether `bytes` are those of the block.
    pub(super) fn proves(&self, block: u32, bytes: &[u8]) -> bool {
        self.checksums.get(block as usize) == Some(&crc32fast::hash(bytes))
            && bytes.len() as u64 == self.block_bytes(block)
    }
}

fn broken(why: &'static str) -> Error {
    Error::new(ErrorKind::InvalidData, why)
}

fn parse(mut head: &[u8], begins: u64) -> Option<Head> {
    fn take<'h>(head: &mut &'h [u8], bytes: usize) -> Option<&'h [u8]> {
        let (taken, rest) = head.split_at_checked(bytes)?;
        *head = rest;
        Some(taken)
    }
    let u32_of = |head: &mut &[u8]| Some(u32::from_le_bytes(take(head, 4)?.try_into().ok()?));
    let text = |head: &mut &[u8]| {
        let length = u32_of(head)?;
        Some(std::str::from_utf8(take(head, length as usize)?).ok()?.to_owned())
    };
    let (key, content_type) = (text(&mut head)?, text(&mut head)?);
    let size = u64::from_le_bytes(take(&mut head, 8)?.try_into().ok()?);
    let index = u32_of(&mut head)?;
    let checksums: Option<Vec<_>> = head.chunks(4).map(|sum| Some(u32::from_le_bytes(sum.try_into().ok()?))).collect();
    let (medium, checksums) = (Medium { key, size, content_type }, checksums?);
    let blocks = medium.slice_bytes(index).div_ceil(BLOCK);
    (blocks > 0 && checksums.len() as u64 == blocks).then_some(Head { medium, index, checksums, begins })
}

/// The head of a slice of these blocks, as it stands in a file.
pub(super) fn head_of(medium: &Medium, index: u32, blocks: &[Bytes]) -> Bytes {
    let mut head = BytesMut::with_capacity(256);
    for text in [&medium.key, &medium.content_type] {
        head.put_u32_le(u32::try_from(text.len()).unwrap_or(u32::MAX));
        head.put_slice(text.as_bytes());
    }
    head.put_u64_le(medium.size);
    head.put_u32_le(index);
    for block in blocks {
        head.put_u32_le(crc32fast::hash(block));
    }
    let mut whole = BytesMut::with_capacity(head.len() + 12);
    whole.put_slice(MAGIC);
    whole.put_u32_le(u32::try_from(head.len()).unwrap_or(u32::MAX));
    whole.put_slice(&head);
    whole.put_u32_le(crc32fast::hash(&head));
    whole.freeze()
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;
    use proptest::prelude::*;

    fn written(medium: &Medium, index: u32, content: &[u8]) -> (std::fs::File, Vec<Bytes>) {
        let blocks: Vec<_> = content.chunks(BLOCK as usize).map(Bytes::copy_from_slice).collect();
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(&head_of(medium, index, &blocks)).unwrap();
        blocks.iter().for_each(|block| file.write_all(block).unwrap());
        (file, blocks)
    }

    fn medium(size: u64) -> Medium {
        Medium { key: "media/a/b/view/1.webp".to_owned(), size, content_type: "image/webp".to_owned() }
    }

    #[test]
    fn a_slice_comes_back_block_by_block() {
        let medium = medium(SLICE + 3 * BLOCK + 5);
        let content: Vec<u8> = (0..3 * BLOCK + 5).map(|at| (at % 251) as u8).collect();
        let (file, blocks) = written(&medium, 1, &content);
        let head = Head::read(&file).unwrap();
        assert_eq!((&head.medium, head.index, medium.slices()), (&medium, 1, 2));
        for (number, block) in (0_u32..).zip(&blocks) {
            let (at, length) = head.place(number);
            let mut bytes = vec![0; length];
            file.read_exact_at(&mut bytes, at).unwrap();
            assert!(head.proves(number, &bytes) && bytes == block[..]);
            bytes[0] ^= 1;
            assert!(!head.proves(number, &bytes));
        }
        assert_eq!(head.place(4).1, 0);
    }

    proptest! {
        #[test]
        fn no_altered_byte_of_a_head_is_believed(at: prop::sample::Index, flip in 1_u8..=255) {
            let medium = medium(100);
            let (file, _) = written(&medium, 0, &[7; 100]);
            let begins = usize::try_from(Head::read(&file).unwrap().begins).unwrap();
            let at = at.index(begins) as u64;
            let mut byte = [0];
            file.read_exact_at(&mut byte, at).unwrap();
            file.write_all_at(&[byte[0] ^ flip], at).unwrap();
            prop_assert!(Head::read(&file).is_err());
        }

        #[test]
        fn a_file_of_any_length_is_refused_unless_whole(length in 0_u64..400) {
            let (file, _) = written(&medium(100), 0, &[7; 100]);
            let whole = file.metadata().unwrap().len();
            prop_assume!(length != whole);
            file.set_len(length).unwrap();
            prop_assert!(Head::read(&file).is_err());
        }

        #[test]
        fn arbitrary_heads_never_panic(bytes: Vec<u8>) {
            let _ = parse(&bytes, 0);
        }
    }
}
