//! What is made in a file on this machine before it goes to a destination: the catalogue and the index.

use std::fs::File;
use std::io::{Read, Write};

use bytes::Bytes;
use futures_util::{StreamExt, stream};
use picup_domain::Sha256;
use picup_storage::{ByteStream, Error as Storage, Expected};
use sha2::Digest;

const CHUNK: usize = 1 << 20;

/// A file that is hashed as it is written.
pub(super) struct Hashing {
    file: File,
    hasher: sha2::Sha256,
    bytes: u64,
}

impl Hashing {
    pub(super) fn new(file: File) -> Self {
        Self { file, hasher: sha2::Sha256::new(), bytes: 0 }
    }

    pub(super) fn done(self) -> std::io::Result<(File, Expected)> {
        let Self { mut file, hasher, bytes } = self;
        std::io::Seek::rewind(&mut file)?;
        Ok((file, Expected { bytes, sha256: Some(Sha256::from_hasher(hasher)) }))
    }
}

impl Write for Hashing {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let written = self.file.write(bytes)?;
        self.hasher.update(&bytes[..written]);
        self.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.file.flush()
    }
}

/// A file as a stream.
#[allow(clippy::disallowed_methods, reason = "seldom, a chunk at a time")]
pub(super) fn file_stream(file: File) -> ByteStream {
    let chunks = stream::try_unfold(file, |mut file| async move {
        let read = tokio::task::spawn_blocking(move || {
            let mut chunk = vec![0; CHUNK];
            let count = file.read(&mut chunk)?;
            chunk.truncate(count);
            Ok::<_, std::io::Error>((count > 0).then_some((Bytes::from(chunk), file)))
        });
        let failed = |source| Storage::Io { doing: "read what is to be written down", source };
        read.await.map_err(|error| failed(std::io::Error::other(error)))?.map_err(failed)
    });
    chunks.boxed()
}
