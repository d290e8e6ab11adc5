//! One slice on its way from the origin, for all who wait for it: each gets its blocks as they come.

use std::sync::{Arc, Mutex, PoisonError};

use bytes::{Bytes, BytesMut};
use futures_util::StreamExt as _;
use tokio::sync::watch;

use super::slice::BLOCK;
use crate::body::{BoxError, ByteStream};

/// How far a fill has come.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Progress {
    /// So many blocks are there.
    Coming(usize),
    /// All are there; `kept`: in the cache too, so that nobody has to hold on to this.
    Whole { kept: bool },
    /// The origin failed.
    Failed(Arc<str>),
}

/// The slice. Whoever begins it hands it to a task of its own, which no client that leaves can end.
pub(super) struct Fill {
    blocks: Mutex<Vec<Bytes>>,
    progress: watch::Sender<Progress>,
}

impl Fill {
    pub(super) fn new() -> Self {
        Self { blocks: Mutex::default(), progress: watch::Sender::new(Progress::Coming(0)) }
    }

    /// Takes the slice from the origin: exactly so many bytes.
    pub(super) async fn take(&self, mut stream: ByteStream, bytes: u64) -> Result<(), BoxError> {
        let (mut left, mut block) = (bytes, BytesMut::new());
        while let Some(chunk) = stream.next().await {
            let mut chunk = chunk?;
            left = left.checked_sub(chunk.len() as u64).ok_or("the origin gave more bytes than it announced")?;
            while !chunk.is_empty() {
                if block.capacity() == 0 {
                    block.reserve(usize::try_from(BLOCK.min(left + chunk.len() as u64)).unwrap_or_default());
                }
                let room = usize::try_from(BLOCK).unwrap_or_default() - block.len();
                block.extend_from_slice(&chunk.split_to(chunk.len().min(room)));
                if block.len() as u64 == BLOCK {
                    self.push(std::mem::take(&mut block).freeze());
                }
            }
        }
        if left > 0 {
            return Err(format!("the origin ended {left} bytes early").into());
        }
        if !block.is_empty() {
            self.push(block.freeze());
        }
        Ok(())
    }

    fn push(&self, block: Bytes) {
        let mut blocks = self.blocks.lock().unwrap_or_else(PoisonError::into_inner);
        blocks.push(block);
        self.progress.send_replace(Progress::Coming(blocks.len()));
    }

    /// All blocks, once they are there.
    pub(super) fn blocks(&self) -> Vec<Bytes> {
        self.blocks.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn whole(&self, kept: bool) {
        self.progress.send_replace(Progress::Whole { kept });
    }

    /// Nothing more comes; whoever waits is told. After it has ended this changes nothing.
    pub(super) fn failed(&self, why: &str) {
        self.progress.send_if_modified(|progress| match progress {
            Progress::Coming(_) => {
                *progress = Progress::Failed(why.into());
                true
            }
            _ => false,
        });
    }

    /// Whether what it brought is to be had elsewhere too.
    pub(super) fn is_kept(&self) -> bool {
        *self.progress.borrow() == Progress::Whole { kept: true }
    }

    /// A block, as soon as it is there.
    pub(super) async fn block(&self, number: u32) -> Result<Bytes, BoxError> {
        let mut progress = self.progress.subscribe();
        loop {
            let now = progress.borrow_and_update().clone();
            let there = self.blocks.lock().unwrap_or_else(PoisonError::into_inner).get(number as usize).cloned();
            match (there, now) {
                (Some(block), _) => return Ok(block),
                (None, Progress::Failed(why)) => return Err(why.to_string().into()),
                (None, Progress::Whole { .. }) => return Err("the slice has no such block".into()),
                (None, Progress::Coming(_)) => progress.changed().await?,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::stream;

    use super::*;

    fn stream_of(chunks: Vec<Result<Bytes, BoxError>>) -> ByteStream {
        Box::pin(stream::iter(chunks))
    }

    #[tokio::test]
    async fn blocks_are_cut_whatever_the_chunks() {
        let content: Vec<u8> = (0..3 * BLOCK + 7).map(|at| (at % 251) as u8).collect();
        for size in [1_000, BLOCK as usize, BLOCK as usize + 1, content.len()] {
            let fill = Fill::new();
            let chunks = content.chunks(size).map(|chunk| Ok(Bytes::copy_from_slice(chunk))).collect();
            fill.take(stream_of(chunks), content.len() as u64).await.unwrap();
            let blocks = fill.blocks();
            assert_eq!(blocks.iter().map(Bytes::len).collect::<Vec<_>>(), [65_536, 65_536, 65_536, 7], "{size}");
            assert_eq!(blocks.concat(), content);
            assert_eq!(fill.block(3).await.unwrap().len(), 7);
            fill.whole(true);
            assert!(fill.block(4).await.is_err() && fill.is_kept());
        }
    }

    #[tokio::test]
    async fn too_few_too_many_and_a_failure_are_told_to_all_who_wait() {
        for (chunks, bytes) in [
            (vec![Ok(Bytes::from_static(b"abc"))], 4),
            (vec![Ok(Bytes::from_static(b"abc"))], 2),
            (vec![Ok(Bytes::from_static(b"ab")), Err("gone".into())], 4),
        ] {
            let fill = Arc::new(Fill::new());
            let waits = tokio::spawn({
                let fill = Arc::clone(&fill);
                async move { fill.block(0).await.map_err(|error| error.to_string()) }
            });
            let error = fill.take(stream_of(chunks), bytes).await.unwrap_err();
            fill.failed(&error.to_string());
            assert_eq!(waits.await.unwrap(), Err(error.to_string()));
        }
    }
}
