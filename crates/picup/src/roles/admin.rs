//! The admin listener: metrics and health with details. On loopback unless configured otherwise, since it asks nobody who
//! they are.

use std::sync::Arc;

use anyhow::Context;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get};
use axum::{Json, Router};
use picup_app::{health, jobs};
use prometheus_client::registry::Registry;
use serde_json::json;
use tokio::net::TcpListener;

use super::Sockets;
use super::exposition::encoded;
use super::rooms::Rooms;
use crate::config::Config;

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

/// The listener of the configuration, if there is to be one.
pub(super) async fn open(config: &Config, sockets: &mut Sockets) -> anyhow::Result<Option<TcpListener>> {
    match config.admin_listen.address() {
        Some(address) => sockets.listen(address, "--admin-listen").await.context("the admin listener").map(Some),
        None => Ok(None),
    }
}

/// What it answers for a PicUp with rooms.
pub(super) fn router(admin: Admin) -> Router {
    Router::new().route("/metrics", get(metrics)).route("/live", live()).route("/ready", get(ready)).with_state(admin)
}

/// As long as there is a process, it says so.
pub(super) fn live<S: Clone + Send + Sync + 'static>() -> MethodRouter<S> {
    get(async || Json(json!({"ok": true})))
}

/// Serves until the process ends.
pub(super) async fn serve(listener: TcpListener, router: Router) {
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
