//! What Prometheus asks: `/metrics`, and whether it is well: `/live` and `/ready`.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::get;
use tokio::net::TcpListener;

use crate::encode::CONTENT_TYPE;
use crate::exporter::Exporter;

/// Answers on `listener` until it is dropped: the metrics at `metrics_path`, and 503 at `/ready` while most lines of a namespace do not
/// fit its format.
///
/// # Errors
/// When connections can no longer be taken.
pub async fn serve(listener: TcpListener, exporter: Arc<Exporter>, metrics_path: &str) -> std::io::Result<()> {
    let mut router = Router::new().route(metrics_path, get(metrics));
    for (path, handler) in [("/live", get(async || "ok\n")), ("/ready", get(ready))] {
        if path != metrics_path {
            router = router.route(path, handler);
        }
    }
    axum::serve(listener, router.with_state(exporter)).await
}

async fn metrics(State(exporter): State<Arc<Exporter>>) -> impl IntoResponse {
    ([(header::CONTENT_TYPE, CONTENT_TYPE)], exporter.metrics())
}

async fn ready(State(exporter): State<Arc<Exporter>>) -> impl IntoResponse {
    let misfits = exporter.misfits();
    if misfits.is_empty() {
        return (StatusCode::OK, "ok\n".to_owned());
    }
    let text = format!("most of the last lines do not fit the format of: {}\n", misfits.join(", "));
    (StatusCode::SERVICE_UNAVAILABLE, text)
}
