//! Phase: log and count. One line and one observation for each request, when its last byte has been
//! handed over, or when the client is gone.
//!
//! Never logged: queries, cookies, `Authorization`, bodies. A path is cut at 256 bytes.

mod line;

use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_LENGTH, REFERER, USER_AGENT};
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, Version};
use http_body::{Body as _, Frame, SizeHint};
use picup_delivery::Denied;
use tokio::time::Instant;

use crate::activity::Activity;
use crate::balance::Upstreamed;
use crate::body::{Body, BoxError};
use crate::class::Class;
use crate::metrics::{Metrics, method_label};
use crate::request_id::RequestId;
use crate::route::{Route, RouteLabel, RouteTemplate};
use crate::series::{Ended, Labels, OTHER};

pub use line::{AccessFormat, AccessLog};
use line::{Entry, SentOn};

/// Bytes of what a client sent that are kept of each text.
const MAX_TEXT: usize = 256;
/// In the place of a status when the client left before there was one, as nginx has it.
const CLIENT_GONE: u16 = 499;

/// Where it is said what came of requests.
pub(crate) struct Observers {
    pub(crate) metrics: Metrics,
    pub(crate) log: AccessLog,
    /// The time since 1970, UTC.
    pub(crate) clock: Arc<dyn Fn() -> Duration + Send + Sync>,
}

/// What is known of one request so far. Dropping it writes the line, whichever way the request ended.
pub(crate) struct Record {
    observers: Arc<Observers>,
    activity: Activity,
    started: Instant,
    id: RequestId,
    client: IpAddr,
    method: &'static str,
    protocol: &'static str,
    path: String,
    came: Option<Came>,
    route: Option<Route>,
    template: Option<RouteTemplate>,
    status: Option<StatusCode>,
    denied: Option<Denied>,
    error: Option<String>,
    upstreamed: Option<Upstreamed>,
    expected: Option<u64>,
    first_byte: Option<Duration>,
    received: Option<Arc<AtomicU64>>,
    sent: u64,
    /// Whether the client has to take something before more is asked of the answer.
    offered: bool,
}

/// What only some logs have, as it came.
struct Came {
    referrer: Option<HeaderValue>,
    user_agent: Option<HeaderValue>,
}

impl Came {
    fn of(headers: &HeaderMap) -> Self {
        Self { referrer: headers.get(REFERER).cloned(), user_agent: headers.get(USER_AGENT).cloned() }
    }
}

/// The path of an address: what follows it may carry a right.
fn path_of(address: &[u8]) -> &[u8] {
    address.split(|byte| matches!(byte, b'?' | b'#')).next().unwrap_or_default()
}

fn cut(text: &str) -> &str {
    &text[..text.floor_char_boundary(MAX_TEXT)]
}

impl Record {
    pub(crate) fn begin<B>(
        request: &Request<B>,
        id: RequestId,
        client: IpAddr,
        observers: Arc<Observers>,
        activity: Activity,
    ) -> Self {
        observers.metrics.begun();
        let started = Instant::now();
        activity.begin(started);
        let path = request.uri().path();
        let came = observers.log.tells_whence().then(|| Came::of(request.headers()));
        Self {
            observers,
            activity,
            started,
            id,
            client,
            method: method_label(request.method()),
            protocol: protocol(request.version()),
            path: cut(path).to_owned(),
            came,
            route: None,
            template: None,
            status: None,
            denied: None,
            error: None,
            upstreamed: None,
            expected: None,
            first_byte: None,
            received: None,
            sent: 0,
            offered: false,
        }
    }

    pub(crate) fn routed(&mut self, route: Route) {
        self.route = Some(route);
    }

    /// Where the bytes of the request's body are to be counted.
    pub(crate) fn receives(&mut self) -> Arc<AtomicU64> {
        Arc::clone(self.received.get_or_insert_default())
    }

    pub(crate) fn denied(&mut self, reason: Denied) {
        self.observers.metrics.refused(reason);
        self.denied = Some(reason);
    }

    pub(crate) fn not_admitted(&self, class: Class) {
        self.observers.metrics.not_admitted(class);
    }

    pub(crate) fn limited(&self, class: Class) {
        self.observers.metrics.limited(class);
    }

    pub(crate) fn failed(&mut self, error: &dyn std::error::Error) {
        let mut text = error.to_string();
        let mut source = error.source();
        while let Some(cause) = source {
            let cause_text = cause.to_string();
            // Many libraries repeat their cause in their own text.
            if !text.contains(&cause_text) {
                text = format!("{text}: {cause_text}");
            }
            source = cause.source();
        }
        self.error = Some(text);
    }

    /// Takes the id that an answer from another process carries.
    pub(crate) fn answered_as(&mut self, response: &Response<Body>) -> RequestId {
        let theirs = RequestId::of(response.headers());
        if !theirs.as_str().is_empty() {
            self.id = theirs;
        }
        self.id.clone()
    }

    /// Follows the body of the answer to its end.
    pub(crate) fn follow(mut self, method: &Method, mut response: Response<Body>) -> Response<Logged> {
        self.first_byte = Some(self.started.elapsed());
        self.upstreamed = response.extensions_mut().remove();
        self.template = response.extensions_mut().remove();
        if let Some(error) = self.upstreamed.as_mut().and_then(|upstreamed| upstreamed.error.take()) {
            self.error = Some(error);
        }
        self.status = Some(response.status());
        let bodiless = method == Method::HEAD || response.body().is_end_stream();
        let announced = response.headers().get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
        self.expected = if bodiless { Some(0) } else { announced.or(response.body().size_hint().exact()) };
        self.offers(!bodiless);
        response.map(|inner| Logged { inner, record: self })
    }

    fn offers(&mut self, offered: bool) {
        self.activity.moved(self.offered, offered);
        self.offered = offered;
    }
}

impl Drop for Record {
    fn drop(&mut self) {
        let now = Instant::now();
        let duration = now - self.started;
        let status = self.status.map_or(CLIENT_GONE, |status| status.as_u16());
        let route = self.route.map_or("refused", Route::label);
        let label = match self.template.take() {
            Some(template) if self.route == Some(Route::Api) => RouteLabel::Template(template),
            _ => RouteLabel::Class(route),
        };
        let ended = Ended {
            id: self.id.as_str(),
            duration,
            first_byte: self.first_byte,
            received: self.received.as_ref().map(|bytes| bytes.load(Ordering::Relaxed)),
            sent: self.sent,
        };
        let labels = Labels { method: self.method, route: label, status, protocol: self.protocol };
        self.observers.metrics.ended(labels, ended);
        self.activity.end(now, self.offered);
        if !AccessLog::is_wanted() {
            return;
        }
        let came = self.came.as_ref();
        let referrer = came.and_then(|came| came.referrer.as_ref());
        let referrer = referrer.map(|value| String::from_utf8_lossy(path_of(value.as_bytes())));
        let user_agent = came.and_then(|came| came.user_agent.as_ref());
        let user_agent = user_agent.map(|value| String::from_utf8_lossy(value.as_bytes()));
        self.observers.log.write(&Entry {
            now: (self.observers.clock)(),
            request_id: self.id.as_str(),
            client: self.client,
            method: self.method,
            route,
            path: &self.path,
            protocol: self.protocol,
            status,
            bytes: self.sent,
            complete: self.expected == Some(self.sent),
            duration,
            denied: self.denied.map(Denied::label),
            error: self.error.as_deref(),
            upstream: self.upstreamed.as_ref().map(|sent| SentOn {
                to: &sent.address,
                before: &sent.before,
                last: now - sent.sent,
            }),
            referrer: referrer.as_deref().map(cut),
            user_agent: user_agent.as_deref().map(cut),
        });
    }
}

fn protocol(version: Version) -> &'static str {
    match version {
        Version::HTTP_10 => "1.0",
        Version::HTTP_11 => "1.1",
        Version::HTTP_2 => "2",
        _ => OTHER,
    }
}

/// The body of an answer, counted as it is handed over.
pub(crate) struct Logged {
    inner: Body,
    record: Record,
}

impl http_body::Body for Logged {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let polled = Pin::new(&mut self.inner).poll_frame(context);
        self.record.offers(matches!(polled, Poll::Ready(Some(_))));
        match &polled {
            Poll::Ready(Some(Ok(frame))) => {
                self.record.sent += frame.data_ref().map_or(0, |data| data.len() as u64);
            }
            Poll::Ready(Some(Err(error))) => self.record.failed(&**error),
            Poll::Ready(None) if self.record.expected.is_none() => self.record.expected = Some(self.record.sent),
            _ => {}
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
