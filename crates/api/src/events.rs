//! Server-sent events: hints to open pages that something changed.

use std::convert::Infallible;
use std::time::Duration;

use axum::response::Sse;
use axum::response::sse::{Event, KeepAlive};
use futures_util::Stream;
use picup_app::events;
use picup_app::events::{Heard, Listener};
use tokio::time::Instant;

use crate::extract::{Allowed, ForClient, Read};
use crate::problem::ApiError;
use crate::views;
use crate::wire::Problem;

/// The caller's changes as they happen: `change` events with a `Change` each, and `reset` after a gap. The stream ends with
/// the access token: renew the session, then connect again.
#[utoipa::path(get, path = "/api/events", operation_id = "events",
    responses((status = 200, content_type = "text/event-stream", description = "Events named change and reset"),
        (status = 401, body = Problem), (status = 503, body = Problem, description = "Too many pages are open")))]
pub(crate) async fn stream(
    ForClient(app): ForClient,
    caller: Allowed<Read>,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, ApiError> {
    let listener = events::listen(&app, caller.account)?;
    let end = Instant::now() + events::remaining(&app, caller.until);
    Ok(Sse::new(told(listener, end)).keep_alive(KeepAlive::new().interval(Duration::from_secs(15))))
}

fn told(listener: Listener, end: Instant) -> impl Stream<Item = Result<Event, Infallible>> {
    // What happened before the page listened it has to fetch itself: the first word is always `reset`.
    let first = futures_util::stream::once(async { Ok(reset()) });
    let rest = futures_util::stream::unfold(listener, move |mut listener| async move {
        let heard = tokio::time::timeout_at(end, listener.next()).await.ok()??;
        let event = match heard {
            Heard::Change(change) => {
                Event::default().event("change").json_data(views::change(change)).unwrap_or_else(|_| reset())
            }
            Heard::Missed => reset(),
        };
        Some((Ok(event), listener))
    });
    futures_util::StreamExt::chain(first, rest)
}

fn reset() -> Event {
    Event::default().event("reset").data("")
}
