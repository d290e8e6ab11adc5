//! Phase: from a listener to requests. HTTP/1.1 and HTTP/2 on one port, over TLS where there is a certificate, a bounded number of
//! connections, none of which may stay open for nothing, and an end that lets downloads finish.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tokio_rustls::server::TlsStream;
use tokio_util::sync::CancellationToken;

use crate::activity::{Activity, begun, first_request, idle, stuck};
use crate::connections::Connections;
use crate::gateway::Inner;
use crate::handshake::{self, Begins, Outcome};
use crate::proxied;
use crate::settings::Settings;
use crate::stall::Stalling;
use crate::tls::Tls;

/// Streams one HTTP/2 connection may have open at once.
const MAX_STREAMS: u32 = 128;
/// How long to wait before accepting again when the system has no more sockets to give.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// How long, at the end of serving, a new connection may take to send its first request.
const FIRST_ASKED: Duration = Duration::from_millis(500);

/// How serving ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Drained {
    /// Connections that were still busy at the deadline, and cut.
    pub cut: usize,
}

/// Serves until `shutdown` is ready and everything in flight has ended or the drain time is over.
pub(crate) async fn serve(gateway: Arc<Inner>, listener: TcpListener, shutdown: impl Future<Output = ()>) -> Drained {
    let slots = Arc::new(Semaphore::new(gateway.settings.max_connections));
    let stop = CancellationToken::new();
    let (mut connections, counts) = (JoinSet::new(), Connections::default());
    let mut shutdown = pin!(shutdown);
    loop {
        tokio::select! {
            () = &mut shutdown => break,
            (stream, peer, slot) = next(&listener, &slots) => {
                connections.spawn(connection(gateway.clone(), stream, peer, slot, counts.clone(), stop.clone()));
            }
            Some(_) = connections.join_next() => {}
        }
    }
    drop(listener);
    stop.cancel();
    let all_ended = async { while connections.join_next().await.is_some() {} };
    let _ = timeout(gateway.settings.drain_timeout, all_ended).await;
    let cut = connections.len();
    connections.shutdown().await;
    Drained { cut }
}

/// The next connection, once there is a place for it.
async fn next(listener: &TcpListener, slots: &Arc<Semaphore>) -> (TcpStream, SocketAddr, OwnedSemaphorePermit) {
    let slot = slots.clone().acquire_owned().await.expect("the semaphore is never closed");
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => return (stream, peer, slot),
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

/// One connection to its end, from whoever may have one.
async fn connection(
    gateway: Arc<Inner>,
    mut stream: TcpStream,
    mut peer: SocketAddr,
    _slot: OwnedSemaphorePermit,
    connections: Connections,
    stop: CancellationToken,
) {
    let _connected = gateway.observers.metrics.connected();
    let settings = &gateway.settings;
    let turned_away = |reason| gateway.observers.metrics.turned_away(reason);
    if settings.proxy_protocol {
        if !settings.proxies.has(peer.ip()) {
            turned_away("not_trusted");
            return tracing::debug!(%peer, "no trusted proxy: its word for who connects is not taken");
        }
        match in_time(settings.header_timeout, proxied::client(&mut stream)).await {
            Ok(told) => peer = told.unwrap_or(peer),
            Err(error) => {
                turned_away("not_told");
                return tracing::debug!(%error, %peer, "a proxy did not say who connects");
            }
        }
    }
    // A proxy connects for many, and counts by itself.
    let counted = !settings.proxies.has(peer.ip());
    let open = counted.then(|| connections.open(peer.ip(), settings.max_connections_per_address));
    if let Some(None) = open {
        turned_away("too_many");
        return tracing::debug!(%peer, "it has too many connections open");
    }
    if let Err(error) = stream.set_nodelay(true) {
        return tracing::debug!(%error, %peer, "the connection is gone already");
    }
    match gateway.tls() {
        None => requests(&gateway, Stalling::new(stream, settings.write_timeout), peer, stop).await,
        Some(tls) => match over_tls(&gateway, &tls, stream).await {
            Ok(Some(stream)) => requests(&gateway, stream, peer, stop).await,
            Ok(None) => {}
            Err(error) => tracing::debug!(%error, %peer, "no TLS came about"),
        },
    }
}

/// The handshake. None when there is nothing to follow: whoever came wanted no more, or does not speak TLS and was told so.
async fn over_tls(gateway: &Inner, tls: &Tls, stream: TcpStream) -> io::Result<Option<TlsStream<Stalling<TcpStream>>>> {
    let (settings, metrics) = (&gateway.settings, &gateway.observers.metrics);
    let begins = in_time(settings.header_timeout, handshake::begins(&stream)).await;
    let stream = Stalling::new(stream, settings.write_timeout);
    match begins {
        Ok(Begins::Tls) => handshake::shake(tls, &gateway.challenges, metrics, stream, settings.header_timeout).await,
        Ok(Begins::Http) => {
            metrics.handshake(Outcome::PlainHttp, "none");
            in_time(settings.header_timeout, handshake::tell(stream)).await.map(|()| None)
        }
        Err(error) => {
            metrics.handshake(Outcome::of(&error), "none");
            Err(error)
        }
    }
}

async fn in_time<T>(patience: Duration, work: impl Future<Output = io::Result<T>>) -> io::Result<T> {
    timeout(patience, work).await.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
}

/// The requests of a connection.
async fn requests(
    gateway: &Arc<Inner>,
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    peer: SocketAddr,
    stop: CancellationToken,
) {
    let settings = &gateway.settings;
    let activity = Activity::default();
    let service = service_fn(|request| {
        let (gateway, activity) = (gateway.clone(), activity.clone());
        async move { Ok::<_, Infallible>(gateway.answer(request, peer, activity).await) }
    });
    let builder = builder(settings);
    let mut connection = pin!(builder.serve_connection(TokioIo::new(stream), service));
    tokio::select! {
        biased;
        result = connection.as_mut() => return ended(result, peer),
        () = first_request(&activity, settings.header_timeout) => return,
        () = stuck(&activity, settings.write_timeout) => return tracing::debug!(%peer, "the client takes no answer"),
        () = idle(&activity, settings.idle_timeout) => {}
        () = stop.cancelled() => {}
    }
    // Whoever has just connected is about to ask; a connection that was not asked anything yet would be cut.
    tokio::select! {
        result = connection.as_mut() => return ended(result, peer),
        () = begun(&activity, FIRST_ASKED) => {}
    }
    connection.as_mut().graceful_shutdown();
    tokio::select! {
        result = connection => ended(result, peer),
        () = first_request(&activity, settings.header_timeout) => {}
    }
}

fn ended(result: Result<(), Box<dyn std::error::Error + Send + Sync>>, peer: SocketAddr) {
    if let Err(error) = result {
        tracing::debug!(%error, %peer, "a connection ended badly");
    }
}

fn builder(settings: &Settings) -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(settings.header_timeout)
        .max_buf_size(settings.max_header_bytes.max(8192));
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(MAX_STREAMS)
        .max_header_list_size(u32::try_from(settings.max_header_bytes).unwrap_or(u32::MAX))
        .keep_alive_interval(settings.header_timeout)
        .keep_alive_timeout(settings.header_timeout);
    builder
}
