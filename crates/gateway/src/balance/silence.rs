//! How long nothing has come of a request: neither a piece of its body was taken, nor an answer began.

use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::Request;
use http_body::{Body as _, Frame, SizeHint};
use http_body_util::BodyExt as _;
use tokio::time::{Instant, sleep_until};

use crate::body::{Body, BoxError};

/// When something was last heard.
#[derive(Clone)]
pub(super) struct Heard(Arc<Mutex<Instant>>);

impl Heard {
    /// Ready when nothing was heard for so long.
    pub(super) async fn silent_for(&self, patience: Duration) {
        loop {
            let late = *self.at() + patience;
            if late <= Instant::now() {
                return;
            }
            sleep_until(late).await;
        }
    }

    fn at(&self) -> MutexGuard<'_, Instant> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The request, and what tells when a piece of it was last taken.
pub(super) fn request_watched(request: Request<Body>) -> (Request<Body>, Heard) {
    let heard = Heard(Arc::new(Mutex::new(Instant::now())));
    if request.body().is_end_stream() {
        return (request, heard);
    }
    let of = heard.clone();
    (request.map(|inner| Watched { inner, heard: of }.boxed_unsync()), heard)
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
