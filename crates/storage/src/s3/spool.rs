//! Bytes on their way to the bucket wait here, in a file without a name: a sender that is slow holds a disk, not memory, and
//! what turns out to be wrong was never sent on.

use std::fs::File;
use std::io::Write;
use std::os::unix::fs::FileExt;

use bytes::Bytes;
use object_store::PutPayload;
use picup_domain::Sha256;
use sha2::Digest;

use crate::{Error, PartStored};

/// How much is read back at a time.
const CHUNK: usize = 1 << 20;

/// Bytes as far as they have come.
#[derive(Debug)]
pub(crate) struct Spool {
    file: File,
    bytes: u64,
    hasher: sha2::Sha256,
}

/// Bytes that have come whole.
#[derive(Debug)]
pub(crate) struct Spooled {
    /// How many.
    pub(super) bytes: u64,
    /// Their hash.
    pub(super) sha256: Sha256,
    content: Content,
}

#[derive(Debug)]
enum Content {
    File(File),
    Memory(Vec<Bytes>),
}

impl Spool {
    pub(super) fn new(file: File) -> Self {
        Self { file, bytes: 0, hasher: sha2::Sha256::new() }
    }

    pub(super) const fn bytes(&self) -> u64 {
        self.bytes
    }

    pub(crate) fn write(&mut self, batch: &[Bytes]) -> Result<(), Error> {
        for bytes in batch {
            self.hasher.update(bytes);
            self.file.write_all(bytes).map_err(Error::io("write to the spool"))?;
            self.bytes += bytes.len() as u64;
        }
        Ok(())
    }

    pub(crate) fn end(self) -> Spooled {
        let sha256 = Sha256::from_hasher(self.hasher);
        Spooled { bytes: self.bytes, sha256, content: Content::File(self.file) }
    }
}

impl Spooled {
    /// What came at once, and is small.
    pub(crate) fn at_once(batch: Vec<Bytes>) -> Self {
        let mut hasher = sha2::Sha256::new();
        batch.iter().for_each(|bytes| hasher.update(bytes));
        let bytes = batch.iter().map(|bytes| bytes.len() as u64).sum();
        Self { bytes, sha256: Sha256::from_hasher(hasher), content: Content::Memory(batch) }
    }

    /// The part, if it is the one that was announced.
    pub(crate) fn require(&self, number: u32, expected: Sha256) -> Result<PartStored, Error> {
        let (bytes, got) = (self.bytes, self.sha256);
        if got == expected {
            Ok(PartStored { number, bytes, sha256: got })
        } else {
            Err(Error::PartHash { number, expected, got })
        }
    }

    /// The bytes, to be sent. Blocks.
    pub(super) fn into_payload(self) -> Result<PutPayload, Error> {
        let file = match self.content {
            Content::Memory(batch) => return Ok(batch.into_iter().collect()),
            Content::File(file) => file,
        };
        let mut chunks = Vec::new();
        let mut at = 0;
        while at < self.bytes {
            let length = usize::try_from(self.bytes - at).map_or(CHUNK, |left| left.min(CHUNK));
            let mut chunk = vec![0; length];
            file.read_exact_at(&mut chunk, at).map_err(Error::io("read from the spool"))?;
            at += length as u64;
            chunks.push(Bytes::from(chunk));
        }
        Ok(chunks.into_iter().collect())
    }
}
