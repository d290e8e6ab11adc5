//! The gateway alone: certificates, rules and limits, the log, and several processes behind it that answer. No database and no store.

use std::sync::Arc;

use anyhow::Context;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use http::HeaderMap;
use picup_app::AccessCheck;
use picup_domain::{Clock, SystemClock};
use picup_gateway::{AccountOf, Balancer, Gateway, Parts};
use prometheus_client::registry::Registry;
use serde_json::json;
use tokio::sync::watch;

use super::exposition::encoded;
use super::front::{self, Front, Reload};
use super::{NO_PUBLIC_BASE, Sockets, admin, interface, log, stop_on_signal};
use crate::config::{Config, GatewayConfig};

/// Serves until SIGTERM or SIGINT, and then what is under way.
pub(crate) async fn serve(config: &Config, reload: Reload, mut sockets: Sockets) -> anyhow::Result<()> {
    log::start(&config.log);
    let mut registry = Registry::default();
    let balance = &config.gateway.balance;
    let balancer = Balancer::new(balance.settings(), registry.sub_registry_with_prefix("picup"));
    balancer.set(&balance.upstreams());
    let stop = stop_on_signal()?;
    let listener = sockets.listen(config.listen, "--listen").await?;
    let address = listener.local_addr().context("asking for the address listened on")?;
    let front = Front::of(config, Arc::new(SystemClock), &mut registry)?.before(balancer.clone());
    let public_base = config.public_base().unwrap_or(NO_PUBLIC_BASE);
    let gateway = Gateway::new(
        front::settings(&config.gateway, public_base),
        Parts {
            // Whoever answers for media looks at their signatures.
            keyring: watch::channel(picup_delivery::Keyring::default()).1,
            tokens: watch::channel(picup_delivery::TokenRing::default()).1,
            rules: front.rules(),
            account_of: account_of(&config.gateway)?,
            tls: front.tls(),
            challenges: front.challenges(),
            api: balancer.service(),
            origin: None,
            static_files: interface::files()?,
            clock: Arc::new(|| SystemClock.now().since_epoch()),
            request_ids: front::request_ids(),
            metrics: picup_gateway::Metrics::register(&mut registry),
            access_log: log::access(&config.log)?,
        },
    );
    if let Some(listener) = admin::open(config, &mut sockets).await? {
        tracing::info!(address = %listener.local_addr()?, "admin listener: /metrics, /live, /ready");
        let router = Router::new()
            .route("/metrics", get(metrics))
            .route("/live", admin::live())
            .route("/ready", get(ready))
            .with_state(Arc::new(Admin { registry, balancer: balancer.clone() }));
        tokio::spawn(admin::serve(listener, router));
    }
    let checks = balancer.clone();
    tokio::spawn(async move { checks.check().await });
    tokio::spawn(front.follow(reload));
    front::redirect(&config.gateway, &gateway, config.public_base(), &mut sockets).await?;
    sockets.tell_unused();
    let scheme = if config.gateway.tls.is_on() { "https" } else { "http" };
    println!("PicUp's gateway answers at {scheme}://{address}/");
    let (leaves, notice) = (gateway.clone(), config.gateway.stop_notice);
    let stopped = async move {
        stop.cancelled().await;
        balancer.leave();
        front::leave(&leaves, notice).await;
        balancer.end_streams();
    };
    let drained = gateway.serve(listener, stopped).await;
    tracing::info!(?drained, "stopped");
    Ok(())
}

struct Admin {
    registry: Registry,
    balancer: Balancer,
}

async fn metrics(State(admin): State<Arc<Admin>>, headers: HeaderMap) -> Response {
    encoded(&admin.registry, &headers)
}

/// How each process behind it is.
async fn ready(State(admin): State<Arc<Admin>>) -> Response {
    let states = admin.balancer.states();
    let ok = admin.balancer.is_ready();
    let upstreams: Vec<_> = states
        .into_iter()
        .map(|state| {
            json!({"address": state.address, "ready": state.ready, "drains": state.drains, "active": state.active})
        })
        .collect();
    let status = if ok { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(json!({"ok": ok, "upstreams": upstreams}))).into_response()
}

/// By the public key of access tokens, where the configuration names it.
fn account_of(config: &GatewayConfig) -> anyhow::Result<AccountOf> {
    let Some(file) = &config.balance.account_key_file else { return Ok(Arc::new(|_: &HeaderMap| None)) };
    let reading = || format!("gateway.balance.account_key_file: reading {}", file.display());
    let pem = std::fs::read_to_string(file).with_context(reading)?;
    let check = AccessCheck::new(&pem).with_context(reading)?;
    Ok(front::account_by(move |token| check.access(token, SystemClock.now()), || SystemClock.now()))
}
