//! Phase: TLS. What comes of a connection before its first request: a handshake, an authority's look at a challenge, a client that speaks
//! without TLS and is told so, or nothing.

use std::io;
use std::time::Duration;

use rustls::ProtocolVersion;
use rustls::server::Acceptor;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};
use tokio_rustls::LazyConfigAcceptor;
use tokio_rustls::server::TlsStream;

use crate::challenge::Challenges;
use crate::metrics::Metrics;
use crate::tls::Tls;

/// What a client is told that speaks HTTP to a port that speaks HTTPS.
const TOLD: &[u8] =
    b"HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\nContent-Length: 60\r\nConnection: close\r\n\r\n\
                      This port speaks HTTPS: write https:// before the address.\r\n";
/// Bytes of such a client that are read, and thrown away, so that it gets to read its answer.
const HEARD: u64 = 64 * 1024;

/// How a connection begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Begins {
    /// With what may be TLS.
    Tls,
    /// With a letter, as every method of HTTP does and no record of TLS.
    Http,
}

/// Waits for the first byte, and leaves it there.
pub(crate) async fn begins(stream: &TcpStream) -> io::Result<Begins> {
    let mut first = [0];
    stream.peek(&mut first).await?;
    Ok(if first[0].is_ascii_alphabetic() { Begins::Http } else { Begins::Tls })
}

/// Tells a client that this is the wrong port for it.
pub(crate) async fn tell(stream: impl AsyncRead + AsyncWrite + Unpin) -> io::Result<()> {
    let (read, mut write) = tokio::io::split(stream);
    write.write_all(TOLD).await?;
    write.shutdown().await?;
    // A connection that is closed over what was not read is reset, and its answer is lost.
    tokio::io::copy(&mut read.take(HEARD), &mut tokio::io::sink()).await?;
    Ok(())
}

/// What comes of a handshake.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Outcome {
    Done,
    Failed,
    TimedOut,
    PlainHttp,
    Challenge,
}

impl Outcome {
    /// Of one that came to nothing.
    pub(crate) fn of(error: &io::Error) -> Self {
        if error.kind() == io::ErrorKind::TimedOut { Self::TimedOut } else { Self::Failed }
    }

    /// Its label in the metrics.
    pub(crate) const fn label(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Failed => "failed",
            Self::TimedOut => "timed_out",
            Self::PlainHttp => "plain_http",
            Self::Challenge => "challenge",
        }
    }
}

/// Shakes hands, within `patience`. None when nothing comes of it that requests could come by; how it went is counted.
pub(crate) async fn shake<S: AsyncRead + AsyncWrite + Unpin>(
    tls: &Tls,
    challenges: &Challenges,
    metrics: &Metrics,
    stream: S,
    patience: Duration,
) -> io::Result<Option<TlsStream<S>>> {
    let begun = Instant::now();
    let shaken = timeout(patience, accept(tls, challenges, stream)).await;
    let shaken = shaken.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()));
    let (outcome, version) = match &shaken {
        Ok(Accepted::Client(stream)) => (Outcome::Done, stream.get_ref().1.protocol_version()),
        Ok(Accepted::Authority) => (Outcome::Challenge, None),
        Err(error) => (Outcome::of(error), None),
    };
    metrics.handshake(outcome, protocol(version));
    match shaken? {
        Accepted::Client(stream) => {
            metrics.shaken(begun.elapsed());
            Ok(Some(*stream))
        }
        Accepted::Authority => Ok(None),
    }
}

/// The value of the label `protocol`.
fn protocol(version: Option<ProtocolVersion>) -> &'static str {
    match version {
        Some(ProtocolVersion::TLSv1_3) => "TLSv1.3",
        Some(ProtocolVersion::TLSv1_2) => "TLSv1.2",
        _ => "none",
    }
}

enum Accepted<S> {
    Client(Box<TlsStream<S>>),
    Authority,
}

async fn accept<S: AsyncRead + AsyncWrite + Unpin>(
    tls: &Tls,
    challenges: &Challenges,
    stream: S,
) -> io::Result<Accepted<S>> {
    let start = LazyConfigAcceptor::new(Acceptor::default(), stream).await?;
    let hello = start.client_hello();
    let shown = hello.alpn().and_then(|offered| challenges.shown(offered, hello.server_name()));
    match shown {
        Some(shown) => {
            // It has seen what it wants to see.
            start.into_stream(shown.config()).await?.shutdown().await?;
            Ok(Accepted::Authority)
        }
        None => Ok(Accepted::Client(Box::new(start.into_stream(tls.config()).await?))),
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::duplex;

    use super::*;

    #[tokio::test]
    async fn who_speaks_without_tls_is_told_so_and_gets_to_read_it() {
        let (mut client, server) = duplex(1 << 20);
        client.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
        client.shutdown().await.unwrap();
        tell(server).await.unwrap();
        let mut told = String::new();
        client.read_to_string(&mut told).await.unwrap();
        let (head, body) = told.split_once("\r\n\r\n").unwrap();
        assert!(
            head.starts_with("HTTP/1.1 400 ") && head.contains(&format!("Content-Length: {}", body.len())),
            "{told}"
        );
    }
}
