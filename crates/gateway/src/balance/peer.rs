//! One process that requests are sent to: its connections, and what is known of it.

use std::io;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http::{Request, Response, StatusCode};
use hyper::body::Incoming;
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};

use super::metrics::{Outcome, PeerMetrics};
use super::silence::{request_watched, silent_for};
use super::{BalanceSettings, Upstream, UpstreamState};
use crate::body::Body;

/// Connections that wait for a next request.
const MAX_IDLE: usize = 64;
/// How long one waits; PicUp itself closes what is quiet for 15 seconds.
const MAX_AGE: Duration = Duration::from_secs(10);
/// So many requests in a row that came to nothing say that it is not well, until it is asked.
const FAILURES: u32 = 3;

pub(super) struct Peer {
    pub(super) upstream: Upstream,
    /// The same address as `upstream` has, for the log.
    pub(super) address: Arc<str>,
    known: Arc<Known>,
}

/// What stays when its weight is changed.
struct Known {
    metrics: Arc<PeerMetrics>,
    idle: Mutex<Vec<(SendRequest<Body>, Instant)>>,
    active: AtomicUsize,
    ready: AtomicBool,
    failures: AtomicU32,
    /// Looks in a row that came to nothing.
    missed: AtomicU32,
}

/// Why a request came to nothing.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) outcome: Outcome,
    pub(super) error: String,
    /// The request, if nothing of it was sent.
    pub(super) unsent: Option<Request<Body>>,
}

/// A place among the requests that one has, and the connection that comes back when its answer has ended.
pub(super) struct UnderWay {
    known: Arc<Known>,
    connection: Option<SendRequest<Body>>,
    sent: Instant,
}

impl Peer {
    /// It counts as ready until something says otherwise.
    pub(super) fn new(upstream: Upstream, metrics: Arc<PeerMetrics>) -> Self {
        metrics.ready.set(1);
        let known = Known {
            metrics,
            idle: Mutex::default(),
            active: AtomicUsize::new(0),
            ready: AtomicBool::new(true),
            failures: AtomicU32::new(0),
            missed: AtomicU32::new(0),
        };
        Self { address: upstream.address.as_str().into(), upstream, known: Arc::new(known) }
    }

    /// The same one, with another share, or draining.
    pub(super) fn changed(&self, upstream: Upstream) -> Self {
        Self { address: Arc::clone(&self.address), upstream, known: Arc::clone(&self.known) }
    }

    pub(super) fn is_ready(&self) -> bool {
        self.known.ready.load(Ordering::Relaxed)
    }

    pub(super) fn active(&self) -> usize {
        self.known.active.load(Ordering::Relaxed)
    }

    pub(super) fn state(&self) -> UpstreamState {
        UpstreamState {
            address: self.upstream.address.clone(),
            ready: self.is_ready(),
            drains: self.upstream.drains,
            active: self.active(),
        }
    }

    /// It says that it is ready, or that it is not.
    pub(super) fn said(&self, ready: bool) {
        self.known.missed.store(0, Ordering::Relaxed);
        self.known.failures.store(0, Ordering::Relaxed);
        self.turn(ready, "it says so");
    }

    /// It said nothing when it was asked. Once may be chance.
    pub(super) fn said_nothing(&self, error: &str) {
        if self.known.missed.fetch_add(1, Ordering::Relaxed) > 0 {
            self.turn(false, error);
        }
    }

    fn turn(&self, ready: bool, why: &str) {
        let address = &self.upstream.address;
        if self.known.ready.swap(ready, Ordering::Relaxed) == ready {
            return;
        }
        self.known.metrics.ready.set(i64::from(ready));
        if ready {
            tracing::info!(upstream = address, "it is ready, and is sent requests");
        } else {
            self.known.idle().clear();
            tracing::warn!(upstream = address, why, "it is not ready, and is sent no requests");
        }
    }

    /// A request that came to nothing here is sent to another one.
    pub(super) fn sent_elsewhere(&self) {
        self.known.metrics.sent_elsewhere();
    }

    /// Sends a request, and gives the head of its answer.
    pub(super) async fn send(
        &self,
        request: Request<Body>,
        settings: &BalanceSettings,
    ) -> Result<(Response<Incoming>, UnderWay), Failure> {
        let mut under_way = UnderWay::begin(&self.known);
        let sent = self.attempt(request, &mut under_way, settings).await;
        match &sent {
            Ok(_) => {
                self.known.failures.store(0, Ordering::Relaxed);
                self.known.metrics.answered(under_way.sent.elapsed());
            }
            Err(failure) => {
                self.known.metrics.came(failure.outcome);
                if failure.outcome != Outcome::ClientLeft
                    && self.known.failures.fetch_add(1, Ordering::Relaxed) + 1 >= FAILURES
                {
                    self.turn(false, &failure.error);
                }
            }
        }
        sent.map(|response| (response, under_way))
    }

    async fn attempt(
        &self,
        mut request: Request<Body>,
        under_way: &mut UnderWay,
        settings: &BalanceSettings,
    ) -> Result<Response<Incoming>, Failure> {
        loop {
            let (mut connection, kept) = match self.known.kept() {
                Some(connection) => (connection, true),
                None => match self.connect(settings.connect_timeout).await {
                    Ok(connection) => (connection, false),
                    Err(error) => return Err(Failure::not_connected(&error, request)),
                },
            };
            let (watched, heard) = request_watched(request);
            let answer = tokio::select! {
                answer = connection.try_send_request(watched) => Ok(answer),
                () = silent_for(heard.as_ref(), settings.answer_timeout) => Err(()),
            };
            match answer {
                Ok(Ok(response)) if response.status() == StatusCode::SWITCHING_PROTOCOLS => {
                    return Err(Failure::switched());
                }
                Ok(Ok(response)) => {
                    under_way.connection = Some(connection);
                    return Ok(response);
                }
                Ok(Err(mut failed)) => match failed.take_message() {
                    // It had closed the connection, just before this.
                    Some(unsent) if kept => request = unsent,
                    unsent => {
                        let error = failed.into_error();
                        return Err(if error.is_user() { Failure::client() } else { Failure::broken(&error, unsent) });
                    }
                },
                Err(()) => return Err(Failure::timed_out(settings.answer_timeout)),
            }
        }
    }

    async fn connect(&self, patience: Duration) -> io::Result<SendRequest<Body>> {
        let began = Instant::now();
        let connect = async {
            let stream = TcpStream::connect(&self.upstream.address).await?;
            stream.set_nodelay(true)?;
            http1::handshake(TokioIo::new(stream)).await.map_err(io::Error::other)
        };
        let (sender, connection) = timeout(patience, connect).await.unwrap_or(Err(io::ErrorKind::TimedOut.into()))?;
        let address = self.upstream.address.clone();
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, upstream = address, "a connection ended badly");
            }
        });
        self.known.metrics.connected(began.elapsed());
        Ok(sender)
    }
}

impl Known {
    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<(SendRequest<Body>, Instant)>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A connection that waits for a next request: the one that was used last, so that those nobody needs grow old. One that is old is
    /// let go: the other side may be about to close it. The first in line is the oldest.
    fn kept(&self) -> Option<SendRequest<Body>> {
        let mut idle = self.idle();
        if idle.first()?.1.elapsed() >= MAX_AGE {
            idle.retain(|(connection, since)| !connection.is_closed() && since.elapsed() < MAX_AGE);
        }
        // One that was closed is never ready.
        let ready = idle.iter().rposition(|(connection, _)| connection.is_ready())?;
        Some(idle.remove(ready).0)
    }
}

impl Failure {
    fn not_connected(error: &io::Error, unsent: Request<Body>) -> Self {
        Self { outcome: Outcome::NotConnected, error: format!("connecting: {error}"), unsent: Some(unsent) }
    }

    fn broken(error: &hyper::Error, unsent: Option<Request<Body>>) -> Self {
        Self { outcome: Outcome::Broken, error: error.to_string(), unsent }
    }

    /// It has not what was asked for, and another may.
    pub(super) fn elsewhere() -> Self {
        Self { outcome: Outcome::Answered, error: "it is not there".to_owned(), unsent: None }
    }

    /// Whoever asked hung up, or stalled, in the middle of what it sent.
    fn client() -> Self {
        Self { outcome: Outcome::ClientLeft, error: "the request's body did not come whole".to_owned(), unsent: None }
    }

    /// What follows is in a protocol that nobody asked for: nothing of it is passed on.
    fn switched() -> Self {
        Self { outcome: Outcome::Broken, error: "it switched protocols unasked".to_owned(), unsent: None }
    }

    fn timed_out(after: Duration) -> Self {
        Self { outcome: Outcome::TimedOut, error: format!("nothing in {} s", after.as_secs()), unsent: None }
    }
}

impl UnderWay {
    fn begin(known: &Arc<Known>) -> Self {
        known.active.fetch_add(1, Ordering::Relaxed);
        known.metrics.active.inc();
        Self { known: Arc::clone(known), connection: None, sent: Instant::now() }
    }

    /// The answer has come whole: the connection may be used again.
    pub(super) fn ended(&mut self) {
        let Some(connection) = self.connection.take() else { return };
        self.known.metrics.ended(self.sent.elapsed());
        let mut idle = self.known.idle();
        if idle.len() >= MAX_IDLE {
            idle.retain(|(connection, _)| !connection.is_closed());
        }
        if idle.len() < MAX_IDLE && !connection.is_closed() {
            idle.push((connection, Instant::now()));
        }
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.known.active.fetch_sub(1, Ordering::Relaxed);
        self.known.metrics.active.dec();
    }
}
