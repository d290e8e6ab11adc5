//! What requests took the client, for a Prometheus that scrapes the server too: both are seen side by side.

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::Context;
use axum::Router;
use axum::http::header::CONTENT_TYPE;
use axum::routing::get;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};
use tokio::net::TcpListener;

/// The buckets of the server's own times, and two below them.
const BUCKETS: [f64; 16] =
    [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0];

pub(crate) fn histogram() -> Histogram {
    Histogram::new(BUCKETS)
}

/// Answers at `address` as long as this program runs.
pub(crate) async fn expose(address: SocketAddr, took: Histogram) -> anyhow::Result<()> {
    let mut registry = Registry::default();
    let help = "Time from before a request is sent until its answer was read";
    registry.register_with_unit("client_request_duration", help, Unit::Seconds, took);
    let registry = Arc::new(registry);
    let metrics = get(async move || {
        let mut text = String::new();
        let encoded = encode(&mut text, &registry).map_err(|error| error.to_string());
        encoded.map(|()| ([(CONTENT_TYPE, "application/openmetrics-text; version=1.0.0; charset=utf-8")], text))
    });
    let listener = TcpListener::bind(address).await.with_context(|| format!("listening on {address}"))?;
    tokio::spawn(async move { axum::serve(listener, Router::new().route("/metrics", metrics)).await });
    Ok(())
}
