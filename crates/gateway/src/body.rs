//! The bodies that pass through: one boxed type in and out, and what watches them on the way.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use futures_util::Stream;
use http_body::{Frame, SizeHint};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Empty, Full};
use tokio::time::{Instant, Sleep};

/// Any error, as bodies carry them.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// A body of a request or a response, whatever it is made of.
pub type Body = UnsyncBoxBody<Bytes, BoxError>;

/// Bytes in order. Chunks of 64 KiB to 1 MiB keep the cost per byte low.
pub type ByteStream = Pin<Box<dyn Stream<Item = Result<Bytes, BoxError>> + Send>>;

/// What a client must send of a request's body in the time it is given, unless the body ends.
const LEAST: usize = 4096;

pub(crate) fn empty() -> Body {
    Empty::new().map_err(|never| match never {}).boxed_unsync()
}

pub(crate) fn full(bytes: Bytes) -> Body {
    Full::new(bytes).map_err(|never| match never {}).boxed_unsync()
}

/// A stream that must give exactly `left` bytes more. A short one fails, so that the client sees a broken download and
/// not a whole one, and a long one cannot spill into the next response.
pub(crate) struct Exact {
    stream: ByteStream,
    left: u64,
}

impl Exact {
    pub(crate) fn new(stream: ByteStream, length: u64) -> Self {
        Self { stream, left: length }
    }
}

impl http_body::Body for Exact {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        loop {
            if self.left == 0 {
                return Poll::Ready(None);
            }
            return Poll::Ready(Some(match ready!(self.stream.as_mut().poll_next(context)) {
                Some(Ok(chunk)) if chunk.is_empty() => continue,
                Some(Ok(chunk)) => match self.left.checked_sub(chunk.len() as u64) {
                    Some(left) => {
                        self.left = left;
                        Ok(Frame::data(chunk))
                    }
                    None => Err("the origin gave more bytes than it announced".into()),
                },
                Some(Err(error)) => Err(error),
                None => Err(format!("the origin ended {} bytes early", self.left).into()),
            }));
        }
    }

    fn is_end_stream(&self) -> bool {
        self.left == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}

/// A request's body that fails when the client sends too little: a stalled upload, or one that drips, must not hold its
/// place for ever. Every [`LEAST`] bytes get the same time. It runs only while someone waits for bytes, so a busy reader
/// costs the client nothing.
pub(crate) struct Patient<B> {
    inner: B,
    patience: Duration,
    /// What is left of the time for the bytes that are due, but for the wait under way.
    left: Duration,
    came: usize,
    deadline: Pin<Box<Sleep>>,
    waiting: bool,
    counted: Option<Arc<AtomicU64>>,
}

impl<B> Patient<B> {
    pub(crate) fn new(inner: B, patience: Duration) -> Self {
        let deadline = Box::pin(tokio::time::sleep(patience));
        Self { inner, patience, left: patience, came: 0, deadline, waiting: false, counted: None }
    }

    /// Adds what comes to a count.
    pub(crate) fn counted(mut self, count: Option<Arc<AtomicU64>>) -> Self {
        self.counted = count;
        self
    }

    fn received(&mut self, bytes: usize) {
        if self.waiting {
            self.waiting = false;
            self.left = self.deadline.deadline().saturating_duration_since(Instant::now());
        }
        if let Some(count) = &self.counted {
            count.fetch_add(bytes as u64, Ordering::Relaxed);
        }
        self.came += bytes;
        if self.came >= LEAST {
            self.came = 0;
            self.left = self.patience;
        }
    }
}

impl<B> http_body::Body for Patient<B>
where
    B: http_body::Body<Data = Bytes> + Unpin,
    B::Error: Into<BoxError>,
{
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let this = &mut *self;
        if let Poll::Ready(frame) = Pin::new(&mut this.inner).poll_frame(context) {
            let data = frame.as_ref().and_then(|frame| frame.as_ref().ok()?.data_ref());
            this.received(data.map_or(0, Bytes::len));
            return Poll::Ready(frame.map(|frame| frame.map_err(Into::into)));
        }
        if !this.waiting {
            this.waiting = true;
            this.deadline.as_mut().reset(Instant::now() + this.left);
        }
        ready!(this.deadline.as_mut().poll(context));
        Poll::Ready(Some(Err("the client stopped sending the body, or sends too little".into())))
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stream(chunks: &'static [&'static [u8]]) -> ByteStream {
        Box::pin(futures_util::stream::iter(chunks.iter().map(|chunk| Ok(Bytes::from_static(chunk)))))
    }

    #[tokio::test]
    async fn a_stream_of_the_wrong_length_fails() {
        let collect =
            async |chunks, length| Exact::new(stream(chunks), length).collect().await.map(|all| all.to_bytes());
        assert_eq!(collect(&[b"ab", b"", b"c"], 3).await.unwrap(), "abc");
        assert_eq!(collect(&[], 0).await.unwrap(), "");
        assert!(collect(&[b"ab"], 3).await.is_err());
        assert!(collect(&[b"ab", b"cd"], 3).await.is_err());
    }

    /// How many chunks of that many bytes arrive, one every so many seconds, before a body with ten seconds of patience fails.
    async fn arriving(bytes: usize, every: u64) -> usize {
        let chunks = futures_util::stream::unfold((), move |()| async move {
            tokio::time::sleep(Duration::from_secs(every)).await;
            Some((Ok::<_, BoxError>(Frame::data(vec![0; bytes].into())), ()))
        });
        let mut body = Patient::new(http_body_util::StreamBody::new(Box::pin(chunks)), Duration::from_secs(10));
        for arrived in 0..100 {
            if body.frame().await.unwrap().is_err() {
                return arrived;
            }
        }
        100
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_fails_that_stalls_or_drips_and_not_one_that_is_slow() {
        assert_eq!(arriving(LEAST, 9).await, 100);
        assert_eq!(arriving(LEAST / 2, 4).await, 100);
        assert_eq!(arriving(LEAST, 11).await, 0);
        assert_eq!(arriving(1, 9).await, 1);
        assert_eq!(arriving(LEAST / 4, 3).await, 3);
    }

    #[tokio::test(start_paused = true)]
    async fn a_busy_reader_costs_the_client_nothing() {
        let chunks =
            futures_util::stream::iter((0..5).map(|_| Ok::<_, BoxError>(Frame::data(Bytes::from_static(b"x")))));
        let mut body = Patient::new(http_body_util::StreamBody::new(chunks), Duration::from_secs(10));
        for _ in 0..5 {
            tokio::time::sleep(Duration::from_secs(9)).await;
            assert!(body.frame().await.unwrap().is_ok());
        }
        assert!(body.frame().await.is_none());
    }
}
