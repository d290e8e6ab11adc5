//! Phase: from a listener to requests. HTTP/1.1 and HTTP/2 (by prior knowledge) on one port, a bounded number of
//! connections, none of which may stay open for nothing, and an end that lets downloads finish.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use crate::gateway::Inner;
use crate::settings::Settings;

/// Streams one HTTP/2 connection may have open at once.
const MAX_STREAMS: u32 = 128;
/// How long to wait before accepting again when the system has no more sockets to give.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// How serving ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Drained {
    /// Connections that were still busy at the deadline, and cut.
    pub cut: usize,
}

/// What one connection is doing, so that a quiet one can be closed.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Activity {
    begun: u64,
    ended: u64,
}

impl Activity {
    pub(crate) fn begin(&mut self) {
        self.begun += 1;
    }

    pub(crate) fn end(&mut self) {
        self.ended += 1;
    }
}

/// Serves until `shutdown` is ready and everything in flight has ended or the drain time is over.
pub(crate) async fn serve(gateway: Arc<Inner>, listener: TcpListener, shutdown: impl Future<Output = ()>) -> Drained {
    let slots = Arc::new(Semaphore::new(gateway.settings.max_connections));
    let stop = CancellationToken::new();
    let mut connections = JoinSet::new();
    let mut shutdown = pin!(shutdown);
    loop {
        tokio::select! {
            () = &mut shutdown => break,
            (stream, peer, slot) = next(&listener, &slots) => {
                connections.spawn(connection(gateway.clone(), stream, peer, slot, stop.clone()));
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

async fn connection(
    gateway: Arc<Inner>,
    stream: TcpStream,
    peer: SocketAddr,
    _slot: OwnedSemaphorePermit,
    stop: CancellationToken,
) {
    let _connected = gateway.metrics.connected();
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, %peer, "the connection is gone already");
        return;
    }
    let settings = &gateway.settings;
    let (activity, seen) = watch::channel(Activity::default());
    let service = service_fn(|request| {
        let (gateway, activity) = (gateway.clone(), activity.clone());
        async move { Ok::<_, Infallible>(gateway.answer(request, peer, activity).await) }
    });
    let builder = builder(settings);
    let mut connection = pin!(builder.serve_connection(TokioIo::new(stream), service));
    tokio::select! {
        result = connection.as_mut() => return ended(result, peer),
        () = first_request(seen.clone(), settings.header_timeout) => return,
        () = idle(seen.clone(), settings.idle_timeout) => {}
        () = stop.cancelled() => {}
    }
    connection.as_mut().graceful_shutdown();
    tokio::select! {
        result = connection => ended(result, peer),
        () = first_request(seen, settings.header_timeout) => {}
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

/// Ready when the first request has not begun in time: covers what no later time-out does, a client that connects and is
/// silent before even the protocol is known.
async fn first_request(mut seen: watch::Receiver<Activity>, patience: Duration) {
    let begun = timeout(patience, seen.wait_for(|activity| activity.begun > 0)).await.is_ok();
    if begun {
        std::future::pending::<()>().await;
    }
}

/// Ready when, after a first request, none has been in flight for `patience`.
async fn idle(mut seen: watch::Receiver<Activity>, patience: Duration) {
    let mut begun = 0;
    loop {
        let Ok(activity) = seen.wait_for(|now| now.begun > begun && now.begun == now.ended).await.map(|now| *now)
        else {
            return;
        };
        begun = activity.begun;
        if timeout(patience, seen.wait_for(|now| now.begun > begun)).await.is_err() {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_silent_client_is_not_waited_for() {
        let (activity, seen) = watch::channel(Activity::default());
        let second = Duration::from_secs(1);
        first_request(seen.clone(), second).await;
        activity.send_modify(Activity::begin);
        assert!(timeout(10 * second, first_request(seen, second)).await.is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn only_quiet_counts_as_idle() {
        let (activity, seen) = watch::channel(Activity::default());
        let second = Duration::from_secs(1);
        let mut idle = pin!(idle(seen, 2 * second));
        assert!(timeout(10 * second, &mut idle).await.is_err(), "nothing yet: that is the other clock's business");
        activity.send_modify(Activity::begin);
        assert!(timeout(10 * second, &mut idle).await.is_err(), "a request in flight");
        activity.send_modify(Activity::end);
        assert!(timeout(second, &mut idle).await.is_err(), "not quiet for long enough");
        activity.send_modify(|now| {
            now.begin();
            now.end();
        });
        assert!(timeout(second, &mut idle).await.is_err(), "a request in between, however short, starts it anew");
        assert!(timeout(2 * second, &mut idle).await.is_ok());
    }
}
