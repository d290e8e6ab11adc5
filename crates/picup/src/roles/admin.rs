//! The admin listener: metrics and health with details. On loopback unless configured otherwise, since it asks nobody who
//! they are.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use picup_app::{health, jobs};
use prometheus_client::registry::Registry;
use serde_json::json;
use tokio::net::TcpListener;

use super::exposition::encoded;
use super::rooms::Rooms;

/// What the admin listener can tell.
#[derive(Clone)]
pub(crate) struct Admin(Arc<Inner>);

struct Inner {
    registry: Registry,
    rooms: Rooms,
}

impl Admin {
    pub(crate) fn new(registry: Registry, rooms: Rooms) -> Self {
        Self(Arc::new(Inner { registry, rooms }))
    }
}

/// Serves until the process ends.
pub(crate) async fn serve(listener: TcpListener, admin: Admin) {
    let router = Router::new()
        .route("/metrics", get(metrics))
        .route("/live", get(async || Json(json!({"ok": true}))))
        .route("/ready", get(ready))
        .with_state(admin);
    if let Err(error) = axum::serve(listener, router).await {
        tracing::error!(%error, "the admin listener failed");
    }
}

async fn metrics(State(admin): State<Admin>, headers: HeaderMap) -> Response {
    // All keep a gauge of what they are asked.
    let _ = picup_app::backup::report(&admin.0.rooms.app).await;
    let _ = admin.0.rooms.storage.space().await;
    let _ = jobs::counts(&admin.0.rooms.app).await;
    encoded(&admin.0.registry, &headers)
}

async fn ready(State(admin): State<Admin>) -> Response {
    let rooms = &admin.0.rooms;
    let ok = health::ready(&rooms.app).await;
    let waiting = jobs::counts(&rooms.app).await.map(|counts| {
        let kinds = counts.into_iter();
        kinds.map(|kind| json!({"kind": kind.kind, "pending": kind.pending, "running": kind.leased, "failed": kind.failed}))
            .collect::<Vec<_>>()
    });
    let space = rooms.storage.space().await.ok().flatten();
    let body = json!({
        "ok": ok,
        "jobs": waiting.ok(),
        "store": space.map(|space| json!({"free_bytes": space.free, "total_bytes": space.total})),
    });
    let status = if ok { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(body)).into_response()
}
