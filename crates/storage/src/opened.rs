//! An object opened for reading, and its bytes as a stream of large chunks.

use std::fs::File;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::stream::{self, BoxStream, StreamExt};
use picup_domain::ObjectKey;

use crate::blocking::Blocking;
use crate::s3::S3;
use crate::{Error, Metrics};

/// How much is read at a time: few hops to the disk's thread for a video, little memory for a slow reader.
const CHUNK: u64 = 256 << 10;

/// The bytes of an object as they are read; holds one chunk at a time.
pub type ByteStream = BoxStream<'static, Result<Bytes, Error>>;

/// An object open for reading.
#[derive(Debug, Clone)]
pub struct Opened {
    content: Content,
    bytes: u64,
    metrics: Metrics,
}

#[derive(Debug, Clone)]
enum Content {
    Memory(Bytes),
    File(Arc<File>, Blocking),
    S3(Arc<S3>, ObjectKey, u64),
}

impl Opened {
    pub(crate) fn memory(bytes: Bytes, metrics: Metrics) -> Self {
        Self { bytes: bytes.len() as u64, content: Content::Memory(bytes), metrics }
    }

    pub(crate) fn file(file: File, blocking: Blocking, metrics: Metrics) -> Result<Self, Error> {
        let bytes = file.metadata().map_err(Error::io("look at an object"))?.len();
        Ok(Self { content: Content::File(Arc::new(file), blocking), bytes, metrics })
    }

    pub(crate) async fn s3(s3: Arc<S3>, key: ObjectKey, metrics: Metrics) -> Result<Self, Error> {
        let bytes = s3.size_to_read(&key).await?;
        Ok(Self { content: Content::S3(s3, key, bytes), bytes, metrics })
    }

    /// The object's size, in bytes.
    #[must_use]
    pub const fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Streams a range: as much of it as there is, so nothing for an empty range or one past the end.
    #[must_use]
    pub fn read(&self, range: Range<u64>) -> ByteStream {
        let end = range.end.min(self.bytes);
        let metrics = self.metrics.clone();
        let content = self.content.clone();
        let chunks = stream::try_unfold(range.start.min(end), move |at| {
            let content = content.clone();
            async move {
                let next = at.saturating_add(content.chunk_bytes()).min(end);
                if at == next { Ok(None) } else { Ok(Some((content.chunk(at, next).await?, next))) }
            }
        });
        chunks
            .inspect(move |chunk| {
                if let Ok(bytes) = chunk {
                    metrics.read(bytes.len() as u64);
                }
            })
            .boxed()
    }
}

impl Content {
    const fn chunk_bytes(&self) -> u64 {
        match self {
            Self::S3(..) => crate::s3::CHUNK,
            Self::Memory(_) | Self::File(..) => CHUNK,
        }
    }

    async fn chunk(self, from: u64, to: u64) -> Result<Bytes, Error> {
        let index = |at: u64| usize::try_from(at).expect("an object in memory and a chunk fit the address space");
        match self {
            Self::Memory(bytes) => Ok(bytes.slice(index(from)..index(to))),
            Self::S3(s3, key, bytes) => s3.chunk(&key, bytes, from..to).await,
            Self::File(file, blocking) => {
                let read = move || {
                    let mut chunk = vec![0; index(to - from)];
                    file.read_exact_at(&mut chunk, from).map_err(Error::io("read an object"))?;
                    Ok(chunk.into())
                };
                blocking.run(read).await
            }
        }
    }
}
