//! How long nothing has come of a request: neither a piece of its body was taken, nor an answer began.

use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::Request;
use http_body::{Body as _, Frame, SizeHint};
use http_body_util::BodyExt as _;
use tokio::time::{Instant, sleep, sleep_until};

use crate::body::{Body, BoxError};

/// When something was last heard.
#[derive(Clone)]
pub(super) struct Heard(Arc<Mutex<Instant>>);

/// Ready when nothing was heard for so long; of a request that has no body, from now on.
pub(super) async fn silent_for(heard: Option<&Heard>, patience: Duration) {
    let Some(heard) = heard else { return sleep(patience).await };
    loop {
        let late = *heard.at() + patience;
        if late <= Instant::now() {
            return;
        }
        sleep_until(late).await;
    }
}

impl Heard {
    fn at(&self) -> MutexGuard<'_, Instant> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The request, and what tells when a piece of its body was last taken, if it has one.
pub(super) fn request_watched(request: Request<Body>) -> (Request<Body>, Option<Heard>) {
    if request.body().is_end_stream() {
        return (request, None);
    }
    let heard = Heard(Arc::new(Mutex::new(Instant::now())));
    let of = heard.clone();
    (request.map(|inner| Watched { inner, heard: of }.boxed_unsync()), Some(heard))
}

struct Watched {
    inner: Body,
    heard: Heard,
}

impl http_body::Body for Watched {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let polled = Pin::new(&mut self.inner).poll_frame(context);
        if polled.is_ready() {
            *self.heard.at() = Instant::now();
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
