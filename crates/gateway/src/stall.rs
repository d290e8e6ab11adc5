//! A connection that fails when its client stops reading: what is written then fills the system's buffers, and without this
//! would wait there for as long as the client likes, holding a place that others need. Put around a socket by `accept`.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep};

/// A stream whose writes fail when none of them gets anywhere for a while. Reads are not watched.
pub(crate) struct Stalling<S> {
    inner: S,
    patience: Duration,
    deadline: Pin<Box<Sleep>>,
    waiting: bool,
}

impl<S> Stalling<S> {
    pub(crate) fn new(inner: S, patience: Duration) -> Self {
        Self { inner, patience, deadline: Box::pin(sleep(patience)), waiting: false }
    }

    /// Hands on what a write came to; one that has to wait gets until the deadline, which the first to wait sets.
    fn watch<T>(&mut self, context: &mut Context<'_>, written: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.waiting = false;
            return written;
        }
        if !self.waiting {
            self.waiting = true;
            self.deadline.as_mut().reset(Instant::now() + self.patience);
        }
        let late = || Err(io::Error::new(io::ErrorKind::TimedOut, "the client stopped reading"));
        self.deadline.as_mut().poll(context).map(|()| late())
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Stalling<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_read(context, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Stalling<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.inner).poll_write(context, bytes);
        self.watch(context, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.inner).poll_write_vectored(context, slices);
        self.watch(context, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    // A socket's flush and shutdown never wait for the client.
    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, duplex};
    use tokio::time::timeout;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[tokio::test(start_paused = true)]
    async fn a_client_that_stops_reading_is_given_up() {
        let (mut client, server) = duplex(4);
        let mut server = Stalling::new(server, 10 * SECOND);
        server.write_all(b"1234").await.unwrap();
        let begun = Instant::now();
        assert_eq!(server.write_all(b"5").await.unwrap_err().kind(), io::ErrorKind::TimedOut);
        assert_eq!(begun.elapsed(), 10 * SECOND);
        client.read_exact(&mut [0; 4]).await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_client_is_not_and_pauses_between_writes_do_not_count() {
        let (mut client, server) = duplex(1);
        let mut server = Stalling::new(server, 10 * SECOND);
        let reads = tokio::spawn(async move {
            for _ in 0..6 {
                sleep(9 * SECOND).await;
                client.read_u8().await.unwrap();
            }
            client
        });
        server.write_all(b"12345").await.unwrap();
        sleep(60 * SECOND).await;
        server.write_all(b"6").await.unwrap();
        let mut client = reads.await.unwrap();
        client.write_u8(7).await.unwrap();
        assert_eq!(timeout(SECOND, server.read_u8()).await.unwrap().unwrap(), 7);
    }
}
