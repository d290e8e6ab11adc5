//! Reads files: once to know their hashes, once more as the bodies of their parts.
//!
//! A file may change between the two, or while either runs. So what it looked like is remembered, and a part is bound to
//! its hash: what arrives is what was hashed, or the file fails with that reason. Memory stays bounded: files are read in
//! small pieces, and only a few at once.

use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use picup_domain::{ByteSize, Part, PartPlan, Sha256};
use sha2::Digest;
use tokio::io::{AsyncReadExt, AsyncSeekExt};
use tokio_util::io::ReaderStream;

use super::prepare::Told;
use super::source::open;
use super::state::Mark;

const PIECE: usize = 128 * 1024;

/// Why a file could not be read as one.
#[derive(Debug, thiserror::Error)]
pub(super) enum ReadError {
    /// The system said no.
    #[error("cannot be read: {0}")]
    Io(#[from] io::Error),
    /// Its size or content moved under the reader.
    #[error("it changed while it was being read; import it again when nothing writes to it")]
    Changed,
    /// It cannot be cut into parts.
    #[error("{0}")]
    TooLarge(#[from] picup_domain::Invalid),
}

/// What a file looked like; another look tells whether it is still the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Look {
    device: u64,
    inode: u64,
    bytes: u64,
    modified: (i64, i64),
}

impl Look {
    fn of(metadata: &std::fs::Metadata) -> Self {
        Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            bytes: metadata.len(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
        }
    }
}

/// What a file looks like now.
pub(super) fn mark(metadata: &std::fs::Metadata) -> Mark {
    Mark {
        bytes: metadata.len(),
        modified: (metadata.mtime(), metadata.mtime_nsec()),
        changed: (metadata.ctime(), metadata.ctime_nsec()),
        inode: metadata.ino(),
    }
}

/// A file whose content is known.
#[derive(Debug, Clone)]
pub(super) struct Measured {
    /// Where it is.
    pub(super) path: PathBuf,
    /// Its size.
    pub(super) bytes: u64,
    /// When it was last changed: seconds since 1970 and nanoseconds.
    pub(super) modified: (i64, i64),
    /// The hash of all of it.
    pub(super) sha256: Sha256,
    /// The size of every part but the last.
    pub(super) part_size: u64,
    /// The hash of each part.
    pub(super) parts: Vec<Sha256>,
    /// What the server is told beside the bytes.
    pub(super) told: Told,
    /// Whether it was read now; else its hash is that of an earlier run, and its parts are not known.
    pub(super) hashed: bool,
    /// What it looked like, for another run to know it again.
    pub(super) mark: Mark,
    look: Look,
}

impl Measured {
    /// A file that an earlier run has hashed, when `known` still knows it by what it looks like. Blocks.
    pub(super) fn recall(path: &Path, known: impl FnOnce(Mark) -> Option<Sha256>) -> Option<Self> {
        let metadata = std::fs::symlink_metadata(path).ok().filter(std::fs::Metadata::is_file)?;
        let (look, mark) = (Look::of(&metadata), mark(&metadata));
        let sha256 = known(mark)?;
        Some(Self {
            path: path.to_owned(),
            bytes: look.bytes,
            modified: look.modified,
            sha256,
            part_size: look.bytes.max(1),
            parts: Vec::new(),
            told: Told::default(),
            hashed: false,
            mark,
            look,
        })
    }

    /// The part with that number, counted from 1.
    pub(super) fn part(&self, number: u32) -> Option<(Part, Sha256)> {
        let index = usize::try_from(number.checked_sub(1)?).ok()?;
        let sha256 = *self.parts.get(index)?;
        let offset = u64::from(number - 1) * self.part_size;
        Some((Part { number, offset, bytes: (self.bytes - offset).min(self.part_size) }, sha256))
    }

    /// Fails when the file no longer looks as it did when it was hashed.
    pub(super) async fn unchanged(&self) -> Result<(), ReadError> {
        let metadata = tokio::fs::metadata(&self.path).await?;
        if Look::of(&metadata) == self.look { Ok(()) } else { Err(ReadError::Changed) }
    }

    /// The bytes of one part, a piece at a time; `count` hears of every piece.
    pub(super) async fn body(
        &self,
        part: Part,
        count: impl Fn(u64) + Send + 'static,
    ) -> Result<impl Stream<Item = io::Result<Bytes>> + Send + 'static, ReadError> {
        let mut file = tokio::fs::File::open(&self.path).await?;
        file.seek(io::SeekFrom::Start(part.offset)).await?;
        let pieces = ReaderStream::with_capacity(file.take(part.bytes), PIECE);
        Ok(pieces.inspect(move |piece| {
            if let Ok(piece) = piece {
                count(piece.len() as u64);
            }
        }))
    }
}

/// Reads a file and hashes all of it and each of its parts in one pass. Blocks.
///
/// `part_size` overrides the size of the parts, for a server that cuts otherwise than [`PartPlan`] does.
pub(super) fn measure(path: &Path, part_size: Option<u64>) -> Result<Measured, ReadError> {
    let mut file = open(path)?;
    let metadata = file.metadata()?;
    let (look, mark) = (Look::of(&metadata), mark(&metadata));
    let part_size = match part_size {
        Some(part_size) => part_size.max(1),
        None => PartPlan::new(ByteSize::new(look.bytes)?)?.part_size(),
    };
    let single = look.bytes <= part_size;
    let mut whole = sha2::Sha256::new();
    let mut parts = Vec::new();
    let mut total = 0;
    let mut piece = vec![0; PIECE];
    while total < look.bytes {
        let mut part = sha2::Sha256::new();
        let mut left = part_size.min(look.bytes - total);
        while left > 0 {
            let wanted = usize::try_from(left).map_or(PIECE, |left| left.min(PIECE));
            let count = file.read(&mut piece[..wanted])?;
            if count == 0 {
                return Err(ReadError::Changed);
            }
            whole.update(&piece[..count]);
            if !single {
                part.update(&piece[..count]);
            }
            left -= count as u64;
            total += count as u64;
        }
        parts.push(part);
    }
    if file.read(&mut piece[..1])? != 0 || Look::of(&file.metadata()?) != look {
        return Err(ReadError::Changed);
    }
    let sha256 = Sha256::from_hasher(whole);
    let parts = if single { vec![sha256] } else { parts.into_iter().map(Sha256::from_hasher).collect() };
    Ok(Measured {
        path: path.to_owned(),
        bytes: total,
        modified: look.modified,
        sha256,
        part_size,
        parts,
        told: Told::default(),
        hashed: true,
        mark,
        look,
    })
}

#[cfg(test)]
mod tests {
    use std::fs;

    use proptest::prelude::*;

    use super::*;
    use crate::client::hasher::Hasher;

    fn file(bytes: &[u8]) -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), bytes).unwrap();
        file
    }

    #[test]
    fn a_photo_is_one_part_with_the_hash_of_the_whole() {
        let file = file(b"a photo");
        let measured = measure(file.path(), None).unwrap();
        assert_eq!(measured.sha256, Sha256::of(b"a photo"));
        assert_eq!(measured.parts, [measured.sha256]);
        assert_eq!(measured.part(1).unwrap().0, Part { number: 1, offset: 0, bytes: 7 });
        assert!(measured.part(0).is_none() && measured.part(2).is_none());
    }

    #[test]
    fn a_large_file_has_the_parts_of_the_plan() {
        let bytes: Vec<u8> = (0..20_000_000u32).map(|n| (n % 251) as u8).collect();
        let file = file(&bytes);
        let measured = measure(file.path(), None).unwrap();
        let plan = PartPlan::new(ByteSize::new(bytes.len() as u64).unwrap()).unwrap();
        let parts: Vec<_> = plan.parts().collect();
        assert_eq!(parts.len(), 2);
        for part in parts {
            let (mine, sha256) = measured.part(part.number).unwrap();
            assert_eq!(mine, part);
            let range = usize::try_from(part.offset).unwrap()..usize::try_from(part.offset + part.bytes).unwrap();
            assert_eq!(sha256, Sha256::of(&bytes[range]));
        }
    }

    #[tokio::test]
    async fn bodies_are_the_parts_and_a_change_is_seen() {
        let file = file(b"0123456789");
        let measured = Hasher::new(2).measure(file.path().to_owned(), Some(4)).await.unwrap();
        let mut all = Vec::new();
        for number in 1..=3 {
            let (part, sha256) = measured.part(number).unwrap();
            let pieces: Vec<_> = measured.body(part, |_| ()).await.unwrap().collect().await;
            let bytes: Vec<u8> = pieces.into_iter().flat_map(|piece| piece.unwrap().to_vec()).collect();
            assert_eq!(Sha256::of(&bytes), sha256);
            all.extend(bytes);
        }
        assert_eq!(all, b"0123456789");
        measured.unchanged().await.unwrap();
        fs::write(file.path(), b"01234567890").unwrap();
        assert!(matches!(measured.unchanged().await, Err(ReadError::Changed)));
    }

    #[test]
    fn a_file_that_cannot_be_opened_says_why() {
        let error = measure(Path::new("/nonexistent/1.jpg"), None).unwrap_err();
        assert!(error.to_string().starts_with("cannot be read: "), "{error}");
    }

    proptest! {
        #[test]
        fn any_part_size_tiles_the_file(bytes in proptest::collection::vec(any::<u8>(), 1..400), part_size in 1u64..100) {
            let file = file(&bytes);
            let measured = measure(file.path(), Some(part_size)).unwrap();
            prop_assert_eq!(measured.sha256, Sha256::of(&bytes));
            let hashes: Vec<_> = bytes.chunks(usize::try_from(part_size).unwrap()).map(Sha256::of).collect();
            prop_assert_eq!(&measured.parts, &hashes);
        }
    }
}
