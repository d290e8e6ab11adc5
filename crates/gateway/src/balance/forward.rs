//! One request on its way to a process and back.

use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http::header::{
    CONNECTION, CONTENT_TYPE, COOKIE, EXPECT, HOST, PROXY_AUTHENTICATE, PROXY_AUTHORIZATION, TE, TRAILER,
    TRANSFER_ENCODING, UPGRADE,
};
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode, Uri, Version};
use http_body::{Body as _, Frame, SizeHint};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use tokio::time::{Instant, Sleep};
use tokio_util::sync::WaitForCancellationFutureOwned;

use super::choose::{Candidate, choose};
use super::metrics::Outcome;
use super::peer::{Failure, Peer, UnderWay};
use super::{Inner, Peers};
use crate::body::{Body, BoxError, empty};
use crate::problem::Problem;
use crate::request_id::{self, RequestId};

/// Those of one connection alone (RFC 9110 §7.6.1), beside what `Connection` names.
const OF_A_CONNECTION: [HeaderName; 9] = [
    CONNECTION,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
    PROXY_AUTHENTICATE,
    PROXY_AUTHORIZATION,
    TE,
    TRAILER,
    TRANSFER_ENCODING,
    UPGRADE,
];
/// What others write of who asks, and where: this gateway alone says that.
const WHO_ASKS: [HeaderName; 5] = [
    HeaderName::from_static("forwarded"),
    HeaderName::from_static("x-forwarded-for"),
    HeaderName::from_static("x-forwarded-host"),
    HeaderName::from_static("x-forwarded-proto"),
    HeaderName::from_static("x-real-ip"),
];
const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// What the log says of a request that was sent on.
#[derive(Debug, Clone)]
pub(crate) struct Upstreamed {
    /// Where it was answered, or was last to be.
    pub(crate) address: Arc<str>,
    /// How long each attempt before took.
    pub(crate) before: Vec<Duration>,
    /// When it was sent there.
    pub(crate) sent: Instant,
    /// Why there is no answer of theirs.
    pub(crate) error: Option<String>,
}

/// Sends it to one of them, and to one more if that does no harm.
pub(super) async fn forward(balancer: &Inner, request: Request<Body>, client: IpAddr) -> Response<Body> {
    let id = RequestId::of(request.headers());
    let (head, body) = prepared(request, client).into_parts();
    let peers = balancer.peers();
    // Only what changes nothing, and has no body, is sent again after it may have been heard; and only where there is another.
    let again = (peers.all.len() > 1 && is_safe(&head.method) && body.is_end_stream()).then(|| copy(&head));
    let of_the_page = again.as_ref().is_some_and(|head| head.uri.path().starts_with("/assets/"));
    let (mut request, mut before, mut first) = (Request::from_parts(head, body), Vec::new(), None);
    loop {
        let Some(index) = pick(balancer, &peers, client, first) else {
            tracing::error!("there is no process to send requests to; see gateway.balance.upstreams");
            return Problem::NOBODY.response_with_id(&id);
        };
        let (peer, sent) = (&peers.all[index], Instant::now());
        let address = Arc::clone(&peer.address);
        let failure = match peer.send(request, &balancer.settings).await {
            // A file of the page of another build may be there where that build is.
            Ok((response, _)) if response.status() == StatusCode::NOT_FOUND && of_the_page && first.is_none() => {
                Failure::elsewhere()
            }
            Ok((response, under_way)) => {
                let told = Upstreamed { address, before, sent, error: None };
                return answer(response, under_way, balancer, told);
            }
            Err(failure) => failure,
        };
        // One that takes too long is not waited for twice.
        let again = again.as_ref().filter(|_| failure.outcome != Outcome::TimedOut);
        let unsent = failure.unsent.or_else(|| again.map(|head| Request::from_parts(copy(head), empty())));
        match unsent {
            Some(unsent) if first.is_none() && is_another(&peers, index) => request = unsent,
            _ => {
                let problem = match failure.outcome {
                    Outcome::TimedOut => Problem::NO_ANSWER,
                    Outcome::ClientLeft => Problem::NOT_WHOLE,
                    _ => Problem::NOBODY,
                };
                let mut response = problem.response_with_id(&id);
                let error = Some(failure.error);
                response.extensions_mut().insert(Upstreamed { address, before, sent, error });
                return response;
            }
        }
        peer.sent_elsewhere();
        before.push(sent.elapsed());
        first = Some(index);
    }
}

fn is_safe(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS)
}

/// Without extensions, which stay here.
fn copy(head: &Parts) -> Parts {
    let (mut copy, ()) = Request::new(()).into_parts();
    copy.method = head.method.clone();
    copy.uri = head.uri.clone();
    copy.headers = head.headers.clone();
    copy
}

/// One that is ready and was not asked yet; where none is, one that is not: what is known of it may be old.
fn pick(balancer: &Inner, peers: &Peers, client: IpAddr, asked: Option<usize>) -> Option<usize> {
    let turn = balancer.turn();
    let may = |index: usize| Some(index) != asked && !peers.all[index].upstream.drains;
    let of = |may: &dyn Fn(usize) -> bool| {
        let candidate = |index: usize| candidate(&peers.all[index]);
        choose(balancer.settings.policy, peers.all.len(), candidate, may, &peers.turns, turn, client)
    };
    of(&|index| may(index) && peers.all[index].is_ready()).or_else(|| of(&may))
}

fn candidate(peer: &Peer) -> Candidate<'_> {
    Candidate { address: &peer.upstream.address, weight: peer.upstream.weight, active: peer.active() }
}

fn is_another(peers: &Peers, asked: usize) -> bool {
    peers.all.iter().enumerate().any(|(index, peer)| index != asked && !peer.upstream.drains)
}

/// As it is sent on: with who asks, and without what was meant for this connection.
fn prepared(request: Request<Body>, client: IpAddr) -> Request<Body> {
    let (mut head, body) = request.into_parts();
    let authority = head.uri.authority().and_then(|authority| HeaderValue::from_str(authority.as_str()).ok());
    // Most of HTTP/1.1 are a path and no more already.
    if authority.is_some() || head.uri.scheme().is_some() {
        let path = head.uri.path_and_query().map_or("/", |path| path.as_str());
        head.uri = Uri::try_from(path).unwrap_or_default();
    }
    head.version = Version::HTTP_11;
    head.extensions.clear();
    let headers = &mut head.headers;
    strip(headers, |name| *name == EXPECT || WHO_ASKS.contains(name));
    match authority {
        Some(authority) => drop(headers.insert(HOST, authority)),
        // Of HTTP/1.0, which may say none; HTTP/1.1 has to, and says so by an empty one.
        None => drop(headers.entry(HOST).or_insert(HeaderValue::from_static(""))),
    }
    join_cookies(headers);
    if let Ok(client) = HeaderValue::from_str(&client.to_string()) {
        headers.insert(X_FORWARDED_FOR, client);
    }
    Request::from_parts(head, body)
}

/// Takes off what is for one connection alone, and what else is not to go on. Most have nothing of it: each is looked at once.
fn strip(headers: &mut HeaderMap, stays_here: impl Fn(&HeaderName) -> bool) {
    if headers.contains_key(CONNECTION) {
        let lines: Vec<_> = headers.get_all(CONNECTION).iter().cloned().collect();
        let named = lines.iter().filter_map(|line| line.to_str().ok()).flat_map(|line| line.split(','));
        for name in named {
            // What says how long the request is, and for whom, is no header of a connection, whatever somebody writes there.
            if let Ok(name) = HeaderName::try_from(name.trim())
                && !is_of_the_message(&name)
            {
                headers.remove(name);
            }
        }
    }
    let stay: Vec<_> =
        headers.keys().filter(|name| OF_A_CONNECTION.contains(name) || stays_here(name)).cloned().collect();
    for name in stay {
        headers.remove(name);
    }
}

/// HTTP/2 may send cookies in several lines, HTTP/1.1 in one alone (RFC 9113 §8.2.3).
fn join_cookies(headers: &mut HeaderMap) {
    let mut lines = headers.get_all(COOKIE).iter();
    let (Some(first), Some(second)) = (lines.next(), lines.next()) else { return };
    let all = [first, second].into_iter().chain(lines).map(HeaderValue::as_bytes).collect::<Vec<_>>().join(&b"; "[..]);
    if let Ok(joined) = HeaderValue::from_bytes(&all) {
        headers.insert(COOKIE, joined);
    }
}

fn is_of_the_message(name: &HeaderName) -> bool {
    use http::header::{AUTHORIZATION, CONTENT_LENGTH, ORIGIN};
    [HOST, CONTENT_LENGTH, CONTENT_TYPE, AUTHORIZATION, COOKIE, ORIGIN, request_id::HEADER].contains(name)
}

fn answer(response: Response<Incoming>, under_way: UnderWay, balancer: &Inner, told: Upstreamed) -> Response<Body> {
    let (mut head, body) = response.into_parts();
    strip(&mut head.headers, |_| false);
    head.version = Version::HTTP_11;
    head.extensions.insert(told);
    let is_stream =
        head.headers.get(CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(b"text/event-stream"));
    let ends = is_stream.then(|| Box::pin(balancer.ends.clone().cancelled_owned()));
    let patience = balancer.settings.answer_timeout;
    let mut body = Coming { inner: body, under_way: Some(under_way), patience, deadline: None, ends };
    if body.inner.is_end_stream() {
        body.ended();
    }
    Response::from_parts(head, body.boxed_unsync())
}

/// An answer on its way, that gives the connection back at its end.
struct Coming {
    inner: Incoming,
    under_way: Option<UnderWay>,
    patience: Duration,
    /// Set while nothing comes.
    deadline: Option<Pin<Box<Sleep>>>,
    /// Ready when the gateway ends; of streams of events alone.
    ends: Option<Pin<Box<WaitForCancellationFutureOwned>>>,
}

impl Coming {
    fn ended(&mut self) {
        if let Some(mut under_way) = self.under_way.take() {
            under_way.ended();
        }
    }
}

impl http_body::Body for Coming {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let this = &mut *self;
        if this.ends.as_mut().is_some_and(|ends| ends.as_mut().poll(context).is_ready()) {
            return Poll::Ready(None);
        }
        if let Poll::Ready(frame) = Pin::new(&mut this.inner).poll_frame(context) {
            this.deadline = None;
            if frame.is_none() || this.inner.is_end_stream() {
                this.ended();
            }
            return Poll::Ready(frame.map(|frame| frame.map_err(Into::into)));
        }
        let patience = this.patience;
        let deadline = this.deadline.get_or_insert_with(|| Box::pin(tokio::time::sleep(patience)));
        ready!(deadline.as_mut().poll(context));
        Poll::Ready(Some(Err("the process behind the gateway stopped in the middle of its answer".into())))
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
