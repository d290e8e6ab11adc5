//! The edge alone: keys to check with, a cache and an origin. No database, and nothing that signs unless it is told secrets of tokens.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context, bail};
use axum::extract::{Query, State};
use axum::http::header::ORIGIN;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use picup_domain::{Clock, SystemClock};
use picup_gateway::{Cache, CacheSettings, EdgeSecrets, Gateway, Origin, Parts, api_service};
use picup_storage::Storage;
use prometheus_client::registry::Registry;
use serde::Deserialize;
use serde_json::json;
use tokio::sync::watch;

use super::edge_keys::EdgeKeys;
use super::exposition::encoded;
use super::front::{self, Front, Reload};
use super::origin::{StoreOrigin, Straight};
use super::upstream::Upstream;
use super::{Sockets, admin, caches, log, stop_on_signal};
use crate::config::Config;
use crate::secrets;

/// Where media come from.
#[derive(Debug, Clone)]
pub(crate) enum From {
    /// The store of the configuration.
    Store,
    /// A folder of a PicUp's objects.
    Folder(PathBuf),
    /// Whatever answers there.
    Http(String),
}

/// What an edge is told.
pub(crate) struct Edge {
    pub(crate) origin: From,
    pub(crate) keys: EdgeKeys,
    pub(crate) public_base: String,
    pub(crate) cache: CacheSettings,
    /// Where pages are from that show what is here.
    pub(crate) app_origin: Option<String>,
    /// The secret that the edge at the origin is shown.
    pub(crate) origin_secret: Option<PathBuf>,
    /// The secrets of edges that get everything here.
    pub(crate) edges_secret: Option<PathBuf>,
}

/// Serves until SIGTERM or SIGINT, and then what is under way.
pub(crate) async fn serve(config: &Config, edge: Edge, reload: Reload, mut sockets: Sockets) -> anyhow::Result<()> {
    log::start(&config.log);
    let mut registry = Registry::default();
    let secret = edge.origin_secret.as_deref().map(secrets::edge_secrets).transpose()?;
    let secret = secret.and_then(|secrets| secrets.into_iter().next());
    let origin = origin(config, &edge.origin, secret, registry.sub_registry_with_prefix("picup")).await?;
    let edges = edge.edges_secret.as_deref().map(secrets::edge_secrets).transpose()?.unwrap_or_default();
    let cache = caches::open(&edge.cache, origin, &mut registry)?;
    let (keyring, tokens) = edge.keys.read()?;
    let (keyring, tokens) = (watch::Sender::new(keyring), watch::Sender::new(tokens));
    let stop = stop_on_signal()?;
    let listener = sockets.listen(config.listen, "--listen").await?;
    let address = listener.local_addr().context("asking for the address listened on")?;
    let front = Front::of(config, Arc::new(SystemClock), &mut registry)?;
    let public_base = edge.public_base;
    let gateway = Gateway::new(
        picup_gateway::Settings {
            app_origin: edge.app_origin,
            edges: EdgeSecrets::new(edges.iter().map(String::as_str)),
            ..front::settings(&config.gateway, &public_base)
        },
        Parts {
            keyring: keyring.subscribe(),
            tokens: tokens.subscribe(),
            rules: front.rules(),
            // An edge knows of no accounts.
            account_of: Arc::new(|_| None),
            tls: front.tls(),
            challenges: front.challenges(),
            api: api_service(health()),
            origin: Some(Arc::new(cache.clone())),
            static_files: [].into_iter().collect(),
            clock: Arc::new(|| SystemClock.now().since_epoch()),
            request_ids: front::request_ids(),
            metrics: picup_gateway::Metrics::register(&mut registry),
            access_log: log::access(&config.log)?,
        },
    );
    if let Some(listener) = admin::open(config, &mut sockets).await? {
        tracing::info!(address = %listener.local_addr()?, "admin listener: /metrics, /live, /ready, /purge");
        let asked = Router::new().route("/metrics", get(metrics)).route("/purge", post(purge));
        let router = health().merge(asked.with_state(Arc::new(Admin { registry, cache })));
        tokio::spawn(admin::serve(listener, router));
    }
    tokio::spawn(edge.keys.follow(keyring, tokens));
    tokio::spawn(front.follow(reload));
    front::redirect(&config.gateway, &gateway, Some(&public_base), &mut sockets).await?;
    sockets.tell_unused();
    let scheme = if config.gateway.tls.is_on() { "https" } else { "http" };
    println!("PicUp's edge answers at {scheme}://{address}/media/…");
    let (leaves, notice) = (gateway.clone(), config.gateway.stop_notice);
    let stopped = async move {
        stop.cancelled().await;
        front::leave(&leaves, notice).await;
    };
    let drained = gateway.serve(listener, stopped).await;
    tracing::info!(?drained, "stopped");
    Ok(())
}

async fn origin(
    config: &Config,
    from: &From,
    secret: Option<String>,
    registry: &mut Registry,
) -> anyhow::Result<Arc<dyn Origin>> {
    let settings = match from {
        From::Http(base) => return Ok(Arc::new(Upstream::new(base, secret.as_deref())?)),
        _ if secret.is_some() => bail!("--origin-secret is for an origin that is another edge: http(s)://HOST"),
        From::Store => config.storage_settings()?,
        From::Folder(folder) if folder.is_dir() => picup_storage::Settings::files(folder),
        From::Folder(folder) => bail!("{} is no folder", folder.display()),
    };
    let storage =
        Storage::open(settings, picup_storage::Metrics::register(registry)).await.context("opening the store")?;
    Ok(Arc::new(StoreOrigin::new(storage, Straight::default(), None)))
}

/// What stands in for the API.
fn health() -> Router {
    Router::new().route("/live", admin::live()).route("/ready", admin::live())
}

struct Admin {
    registry: Registry,
    cache: Cache,
}

async fn metrics(State(admin): State<Arc<Admin>>, headers: HeaderMap) -> Response {
    encoded(&admin.registry, &headers)
}

/// One medium by its key, or all whose keys begin so.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct What {
    key: Option<String>,
    prefix: Option<String>,
}

async fn purge(State(admin): State<Arc<Admin>>, headers: HeaderMap, Query(what): Query<What>) -> Response {
    // A page that somebody has open on this machine is no operator.
    if headers.contains_key(ORIGIN) {
        return (StatusCode::FORBIDDEN, "not for pages\n").into_response();
    }
    let purged = match (what.key, what.prefix) {
        (Some(key), None) => admin.cache.purge(move |known| known == key.trim_start_matches('/')).await,
        (None, Some(prefix)) => admin.cache.purge(move |known| known.starts_with(prefix.trim_start_matches('/'))).await,
        _ => {
            let told = "say what to let go: ?key=media/… for one medium, or ?prefix=media/… for all that begin so\n";
            return (StatusCode::BAD_REQUEST, told).into_response();
        }
    };
    Json(json!({ "purged": purged })).into_response()
}
