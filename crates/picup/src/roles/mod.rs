//! The wiring: rooms made from the configuration and put together into a running PicUp.
//!
//! State is built here once and passed down; nothing below this knows the configuration or where secrets lie.

mod admin;
mod caches;
pub(crate) mod cdn;
pub(crate) mod edge;
pub(crate) mod edge_keys;
pub(crate) mod exporter;
pub(crate) mod from_backup;
mod front;
mod interface;
mod log;
mod media_keys;
mod origin;
mod password;
mod probing;
mod rooms;
mod upstream;

use std::fs::{File, OpenOptions};
use std::io::{IsTerminal, Write};
use std::net::SocketAddr;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use picup_app::{App, backup, events, health, jobs, setup};
use picup_database::{Claim, Database};
use picup_gateway::{Gateway, Origin, Parts, api_service};
use prometheus_client::registry::Registry;
use rustix::fs::FlockOperation;
use rustix::io::Errno;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::config::Config;
use crate::moving::settings::Words;
use crate::moving::work::Work;
use crate::qr;

use cdn::Cdn;
use front::Front;
pub(crate) use front::Reload;
use media_keys::Rings;
use origin::{StoreOrigin, Straight};
use rooms::Rooms;
pub(crate) use rooms::{NO_PUBLIC_BASE, unopened};

/// Held by whoever works on a data folder alone.
const LOCK: &str = "serve.lock";
/// How long one that was just killed may take to let go of the folder, and how often that is looked at.
const LOCK_PATIENCE: Duration = Duration::from_secs(2);
const LOCK_LOOK: Duration = Duration::from_millis(20);

/// Runs PicUp until SIGTERM or SIGINT, then finishes what is under way.
pub(crate) async fn serve(config: Config, file: PathBuf, reload: Reload) -> anyhow::Result<()> {
    log::start(&config.log);
    // Before anything is opened: a database that another PicUp serves is not to be migrated under its feet.
    let _lock = lock(&config.data_dir).await?;
    crate::cli::restore::refuse_unfinished(&config.data_dir)?;
    let claim = Claim::make(&config.database_settings()?).await.map_err(|error| unopened(&config, error))?;
    let password = config.database.password_file.clone().map(password::Followed::new);
    let mut registry = Registry::default();
    let (rooms, removed) = Rooms::open(&config, &mut registry).await?;
    refuse_gone(&config, &rooms.app).await?;
    let teller = caches::Teller::new(&config, removed, rooms.told.clone())?;
    let stop = stop_on_signal()?;

    let listener = listen(config.listen, "--listen").await?;
    let address = listener.local_addr().context("asking for the address listened on")?;
    let straight = Straight::default();
    let cdn = Cdn::of(&config, Arc::clone(&rooms.clock)).context("the CDN's key")?;
    let origin = StoreOrigin::new(rooms.storage.clone(), straight.clone(), cdn.clone());
    let (media_keys, rings) = media_keys::Followed::new(&config, rooms.media_key.clone())?;
    // Where pages may show photos and videos from beside PicUp itself.
    let shown_from = match &cdn {
        Some(cdn) => Some(cdn.origin().to_owned()),
        None => rooms.storage.bucket_origin().filter(|_| config.reads_elsewhere()),
    };
    let origin = rooms.told.cached(&config.edge, Arc::new(origin), &mut registry)?;
    let front = Front::of(&config.gateway)?;
    let gateway = gateway(&config, &rooms, &front, rings, origin, shown_from.as_deref(), &mut registry)?;
    front::redirect(&config.gateway, &gateway, config.public_base()).await?;
    let admin = match config.admin_listen.address() {
        Some(address) => Some(listen(address, "--admin-listen").await.context("the admin listener")?),
        None => None,
    };
    let tasks = TaskTracker::new();
    let app = rooms.app.clone();
    // The lock and the claim above say that nobody else is at work here.
    match jobs::take_over(&app).await {
        // What can be seen is shown meanwhile; leases lapse and the reaper comes by when there is room.
        Err(picup_app::Error::StoreFull) => {
            tracing::error!("the disk is full: nothing can be written before there is room; what is there can be seen");
        }
        Err(error @ picup_app::Error::StoreAway(_)) => {
            let error = error.story();
            tracing::error!(
                error,
                "the store is away, or refuses: lists are shown, photos and uploads wait until it is back; see: picup doctor"
            );
        }
        taken => taken.context("taking over from the last run")?,
    }
    tasks.spawn(vital("claim", keep(claim, rooms.database.clone(), stop.clone()), stop.clone()));
    tasks.spawn(vital("worker", jobs::run(app.clone(), stop.clone().cancelled_owned()), stop.clone()));
    backup::enlist(&app).await.context("looking at the backup destinations")?;
    let work = Work { app: app.clone(), follower: rooms.follower.clone(), file };
    tasks.spawn(vital("moving", work.run(stop.clone()), stop.clone()));
    tasks.spawn(vital("backup", backup::run(app.clone(), stop.clone()), stop.clone()));
    tasks.spawn(vital("events", events::run(app.clone(), stop.clone().cancelled_owned()), stop.clone()));
    if rooms.storage.parts_origin().is_some() {
        tasks.spawn(probing::parts(rooms.storage.clone(), config.public_base().map(str::to_owned), stop.clone()));
    }
    if config.reads_elsewhere() {
        tokio::spawn(probing::reads(rooms.storage.clone(), straight, cdn));
    }
    tokio::spawn(media_keys.follow());
    tokio::spawn(front.follow(reload));
    let teller = tokio::spawn(teller.run(stop.clone()));
    if let Some(password) = password {
        tokio::spawn(password.follow(rooms.database.clone()));
    }
    if let Some(listener) = admin {
        tracing::info!(address = %listener.local_addr()?, "admin listener: /metrics, /live, /ready");
        // Goes on while the rest drains, so that what happens then can still be seen.
        tokio::spawn(admin::serve(listener, admin::Admin::new(registry, rooms.clone())));
    }
    let plain = config.gateway.tls.certificate_file.is_none().then_some(address);
    greet(&app, plain, config.public_base()).await?;

    let drained = gateway.serve(listener, prepare_to_stop(app, stop)).await;
    tracing::info!(?drained, "no more requests; finishing jobs");
    tasks.close();
    tasks.wait().await;
    if let Ok(teller) = teller.await {
        teller.finish().await;
    }
    rooms.database.close().await;
    tracing::info!("stopped");
    Ok(())
}

/// The use cases without a server, for commands that work on the data directory. A PicUp may be serving it meanwhile.
pub(crate) async fn offline(config: &Config) -> anyhow::Result<App> {
    let (rooms, _) = Rooms::open(config, &mut Registry::default()).await?;
    refuse_gone(config, &rooms.app).await?;
    backup::meet(&rooms.app).await?;
    tokio::spawn(rooms.follower.follow());
    Ok(rooms.app)
}

/// Refuses a store without any of the photos that there are: scrubbing would find them all lost.
async fn refuse_gone(config: &Config, app: &App) -> anyhow::Result<()> {
    if !config.store.accept_empty && picup_app::moving::is_gone(app).await {
        bail!(
            "{} is empty, and the database knows of photos in it; see that its disk is mounted, or that it is the right bucket and \
             prefix. If what was there is lost for good, set store.accept_empty = true, and `picup backup scrub` brings back what \
             has a copy",
            Words::of(config).place()
        );
    }
    Ok(())
}

/// What moves the photos of a data folder that nobody serves; whoever asks holds its lock.
pub(crate) async fn mover(config: &Config, file: PathBuf) -> anyhow::Result<Work> {
    let (rooms, _) = Rooms::open(config, &mut Registry::default()).await?;
    backup::meet(&rooms.app).await?;
    Ok(Work { app: rooms.app, follower: rooms.follower, file })
}

fn gateway(
    config: &Config,
    rooms: &Rooms,
    front: &Front,
    rings: Rings,
    origin: Arc<dyn Origin>,
    shown_from: Option<&str>,
    registry: &mut Registry,
) -> anyhow::Result<Gateway> {
    let clock = Arc::clone(&rooms.clock);
    let router = picup_api::router(rooms.app.clone(), config.limits.request_body);
    let metrics = picup_gateway::Metrics::register(registry);
    rooms.told.by(&metrics);
    Ok(Gateway::new(
        front::settings(&config.gateway, &rooms.app.settings().public_base),
        Parts {
            keyring: rings.keyring,
            tokens: rings.tokens,
            rules: front.rules(),
            account_of: front::account_of(rooms.app.clone()),
            tls: front.tls(),
            api: api_service(router),
            origin,
            static_files: interface::files_beside(&rooms.storage, shown_from)?,
            clock: Arc::new(move || clock.now().since_epoch()),
            request_ids: Arc::new(|| hex::encode(rand::random::<[u8; 12]>())),
            metrics,
            access_log: log::access(&config.log)?,
        },
    ))
}

async fn listen(address: SocketAddr, option: &str) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address).await.with_context(|| {
        format!("listening on {address}; is another program using it? Choose another with {option} ADDR:PORT")
    })
}

/// Two servers on one folder would each believe that uploads are theirs alone, and one that serves what is being moved or restored
/// would lose what it writes. Makes the folder if there is none. The lock goes with the process, however it ends,
/// or a moment later: a child that it was just starting holds it too, until it has become another program.
pub(crate) async fn lock(data_dir: &Path) -> anyhow::Result<File> {
    let deadline = Instant::now() + LOCK_PATIENCE;
    loop {
        match try_lock(data_dir)? {
            Some(file) => return Ok(file),
            None if Instant::now() < deadline => tokio::time::sleep(LOCK_LOOK).await,
            None => {
                bail!("another PicUp is serving {}; stop it first, or use another --data-dir", data_dir.display())
            }
        }
    }
}

/// The same, without waiting; `None` when another PicUp is serving the folder.
pub(crate) fn try_lock(data_dir: &Path) -> anyhow::Result<Option<File>> {
    rooms::make_private(data_dir)?;
    let path = data_dir.join(LOCK);
    let file = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .mode(0o600)
        .open(&path)
        .with_context(|| format!("opening {}", path.display()))?;
    match rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(Some(file)),
        Err(Errno::WOULDBLOCK) => Ok(None),
        Err(error) => Err(error).with_context(|| format!("locking {}", path.display())),
    }
}

fn stop_on_signal() -> anyhow::Result<CancellationToken> {
    let mut terminate = signal(SignalKind::terminate()).context("watching for SIGTERM")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("watching for SIGINT")?;
    let stop = CancellationToken::new();
    let told = stop.clone();
    tokio::spawn(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        tracing::info!("asked to stop; finishing what is under way");
        told.cancel();
    });
    Ok(stop)
}

/// Ends when the database is another PicUp's.
async fn keep(claim: Claim, database: Database, stop: CancellationToken) {
    tokio::select! {
        () = claim.keep(&database) => {}
        () = stop.cancelled() => {}
    }
}

/// A task without which PicUp is not whole: if it ends before its time, by a panic too, PicUp stops, and its supervisor starts
/// it anew.
async fn vital(name: &'static str, task: impl Future<Output = ()> + Send + 'static, stop: CancellationToken) {
    let ended = tokio::spawn(task).await;
    if !stop.is_cancelled() {
        tracing::error!(name, ?ended, "a vital task ended before its time; stopping");
        stop.cancel();
    }
}

/// Completes when it is time to drain, after saying so to balancers and open pages.
async fn prepare_to_stop(app: App, stop: CancellationToken) {
    stop.cancelled().await;
    health::stop(&app);
    events::close(&app);
}

/// Says on standard output where PicUp is and, as long as there is no account, how to make the first.
async fn greet(app: &App, plain: Option<SocketAddr>, public_base: Option<&str>) -> anyhow::Result<()> {
    let mut out = std::io::stdout();
    let message = match setup::new_code(app).await? {
        Some(code) => qr::setup_message(plain, public_base, &code, out.is_terminal()),
        None => qr::address_message(plain, public_base),
    };
    writeln!(out, "{}", message.trim_end()).and_then(|()| out.flush()).context("writing to standard output")
}
