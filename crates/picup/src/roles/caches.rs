//! What keeps media between the store and those who look at them: the cache in this process, and edges that stand alone. They are
//! told what is gone from the store.

use std::collections::BTreeSet;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use anyhow::Context;
use picup_app::system::{self, Delivery};
use picup_domain::ObjectKey;
use picup_gateway::{Cache, CacheSettings, Metrics, Origin};
use prometheus_client::registry::Registry;
use reqwest::Client;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio_util::sync::CancellationToken;

use crate::config::{Config, EdgeConfig};

/// How long an edge may take to answer.
const PATIENCE: Duration = Duration::from_secs(5);
/// How often an edge that did not hear of everything is told again.
const AGAIN: Duration = Duration::from_secs(30);
/// What was removed within this time is told of together.
const GATHERED: Duration = Duration::from_millis(200);

/// What the gateway of this process can tell of media, once there is one. Cheap to clone; clones tell the same.
#[derive(Clone, Default)]
pub(crate) struct Told(Arc<Inner>);

#[derive(Default)]
struct Inner {
    gateway: OnceLock<Metrics>,
    cache: OnceLock<Cache>,
}

impl Told {
    /// The gateway counts here.
    pub(super) fn by(&self, gateway: &Metrics) {
        let _ = self.0.gateway.set(gateway.clone());
    }

    /// Opens the cache of the configuration before `origin`, if there is one.
    pub(super) fn cached(
        &self,
        config: &EdgeConfig,
        origin: Arc<dyn Origin>,
        registry: &mut Registry,
    ) -> anyhow::Result<Arc<dyn Origin>> {
        let Some(folder) = config.cache_dir.clone() else { return Ok(origin) };
        let settings = CacheSettings {
            folder,
            disk_bytes: config.cache_size.get(),
            memory_bytes: config.cache_memory.get(),
            process: rand::random(),
        };
        let cache = open(&settings, origin, registry)?;
        let _ = self.0.cache.set(cache.clone());
        Ok(Arc::new(cache))
    }

    /// For the report on the whole.
    pub(super) fn delivery(&self) -> Delivery {
        let delivered = self.0.gateway.get().map(Metrics::delivered).unwrap_or_default();
        let cache = self.0.cache.get().map(Cache::counts).map(|counts| system::Cache {
            hits: counts.memory + counts.disk + counts.waited,
            misses: counts.fills,
            origin_bytes: counts.origin_bytes,
            held_bytes: counts.disk_bytes,
            unkept: counts.unkept,
            broken: counts.broken,
        });
        Delivery { bytes: delivered.bytes, refused: delivered.refused, cache }
    }
}

/// Opens a cache before `origin`; what an earlier run has left there is taken in meanwhile.
pub(super) fn open(
    settings: &CacheSettings,
    origin: Arc<dyn Origin>,
    registry: &mut Registry,
) -> anyhow::Result<Cache> {
    let making = || format!("making the folder {}", settings.folder.display());
    let cache = Cache::open(settings, origin).with_context(making)?;
    cache.register(registry.sub_registry_with_prefix("picup"));
    let scanned = cache.clone();
    tokio::spawn(async move {
        let found = scanned.scan().await;
        tracing::info!(found, "slices of an earlier run are in the cache");
    });
    Ok(cache)
}

/// Tells every cache what is gone, for as long as anything can go.
pub(super) struct Teller {
    removed: UnboundedReceiver<ObjectKey>,
    told: Told,
    edges: Vec<Edge>,
    http: Client,
}

/// An edge that stands alone.
struct Edge {
    address: String,
    /// It was away when it was to be told: it lets everything go once it is back.
    missed: bool,
}

impl Teller {
    pub(super) fn new(config: &Config, removed: UnboundedReceiver<ObjectKey>, told: Told) -> anyhow::Result<Self> {
        let http = Client::builder().no_proxy().timeout(PATIENCE).build().context("making a client")?;
        let address = |edge: &crate::config::BaseAddress| edge.as_str().to_owned();
        let edges = config.edge.told.iter().map(|edge| Edge { address: address(edge), missed: false });
        Ok(Self { removed, told, edges: edges.collect(), http })
    }

    /// Until `stop`; the rest is for [`Teller::finish`].
    pub(super) async fn run(mut self, stop: CancellationToken) -> Self {
        let mut again = tokio::time::interval(AGAIN);
        again.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = stop.cancelled() => return self,
                _ = again.tick() => self.catch_up().await,
                Some(first) = self.removed.recv() => self.gone(first).await,
            }
        }
    }

    /// Tells what has gone since, when nothing goes any more.
    pub(super) async fn finish(mut self) {
        if let Ok(first) = self.removed.try_recv() {
            self.gone(first).await;
        }
    }

    async fn gone(&mut self, first: ObjectKey) {
        tokio::time::sleep(GATHERED).await;
        let mut keys = BTreeSet::from([first.to_string()]);
        while let Ok(key) = self.removed.try_recv() {
            keys.insert(key.to_string());
        }
        if let Some(cache) = self.told.0.cache.get() {
            let gone = keys.clone();
            cache.purge(move |key| gone.contains(key)).await;
        }
        for edge in self.edges.iter_mut().filter(|edge| !edge.missed) {
            for key in &keys {
                if let Err(error) = purge(&self.http, &edge.address, "key", key).await {
                    tracing::warn!(edge = edge.address, %error, "an edge was not told what is deleted; it will be");
                    edge.missed = true;
                    break;
                }
            }
        }
    }

    async fn catch_up(&mut self) {
        for edge in self.edges.iter_mut().filter(|edge| edge.missed) {
            if purge(&self.http, &edge.address, "prefix", "media/").await.is_ok() {
                tracing::info!(edge = edge.address, "an edge that had not been told of everything has let all go");
                edge.missed = false;
            }
        }
    }
}

async fn purge(http: &Client, edge: &str, which: &str, of: &str) -> reqwest::Result<()> {
    // All that an edge holds is not let go in a moment.
    let patience = if which == "prefix" { PATIENCE * 60 } else { PATIENCE };
    let request = http.post(format!("{edge}/purge?{which}={of}")).timeout(patience);
    request.send().await?.error_for_status().map(drop)
}
