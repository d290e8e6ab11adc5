//! The wiring: rooms made from the configuration and put together into a running PicUp.
//!
//! State is built here once and passed down; nothing below this knows the configuration or where secrets lie.

pub(crate) mod acme;
mod admin;
mod answers;
mod api_times;
pub(crate) mod balance;
mod caches;
pub(crate) mod cdn;
pub(crate) mod edge;
pub(crate) mod edge_keys;
pub(crate) mod exporter;
mod exposition;
pub(crate) mod from_backup;
mod front;
mod interface;
mod locks;
mod log;
mod media_keys;
mod origin;
mod password;
mod probing;
mod rooms;
mod sockets;
mod upstream;

use std::path::PathBuf;

use anyhow::{Context, bail};
use picup_app::{App, backup, events, health, jobs};
use picup_database::{Alone, Claim, Database, Part};
use prometheus_client::registry::Registry;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::config::Config;
use crate::moving::settings::Words;
use crate::moving::work::Work;

use answers::Answers;
pub(crate) use front::Reload;
use locks::locks;
pub(crate) use locks::{lock, try_lock};
use rooms::Rooms;
pub(crate) use rooms::{NO_PUBLIC_BASE, unopened};
pub(crate) use sockets::Sockets;

/// Which parts of PicUp this process plays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Plays {
    /// It answers requests.
    pub(crate) requests: bool,
    /// It works in the background.
    pub(crate) work: bool,
    /// Nobody plays any part beside it.
    pub(crate) alone: bool,
}

impl Plays {
    /// One process does it all.
    pub(crate) const ALL: Self = Self { requests: true, work: true, alone: true };

    /// What nobody else does beside this process. Where photos are in a folder, that is answering too: who writes which part of an
    /// upload there is settled within a process.
    fn claims(self, config: &Config) -> Part {
        if self.alone {
            return Part::All;
        }
        let requests = (self.requests && !config.store_is_shared()).then_some(Alone::Requests);
        Part::Some(requests.into_iter().chain(self.work.then_some(Alone::Work)).collect())
    }

    /// As people read of them.
    fn names(self) -> &'static [&'static str] {
        match self {
            Self { alone: true, .. } => &["gateway", "api", "worker"],
            Self { requests: true, work: true, .. } => &["api", "worker"],
            Self { requests: true, .. } => &["api"],
            Self { .. } => &["worker"],
        }
    }
}

/// Runs PicUp until SIGTERM or SIGINT, then finishes what is under way.
pub(crate) async fn serve(
    config: Config,
    file: PathBuf,
    reload: Reload,
    plays: Plays,
    mut sockets: Sockets,
) -> anyhow::Result<()> {
    log::start(&config.log);
    if !plays.alone && config.edge.cache_dir.is_some() {
        bail!(
            "edge.cache_dir is of a PicUp that plays all roles: what others delete is not told here; put an edge before the bucket"
        );
    }
    // Before anything is opened: a database that another PicUp serves is not to be migrated under its feet.
    let part = plays.claims(&config);
    let _locks = locks(&config.data_dir, &part).await?;
    crate::cli::restore::refuse_unfinished(&config.data_dir)?;
    let claim = Claim::make(&config.database_settings()?, &part).await;
    let claim = claim.map_err(|error| unopened(&config, error))?;
    let password = config.database.password_file.clone().map(password::Followed::new);
    let mut registry = Registry::default();
    let (rooms, removed) = Rooms::open(&config, plays, &mut registry).await?;
    refuse_gone(&config, &rooms.app).await?;
    let teller = caches::Teller::new(&config, removed, rooms.told.clone())?;
    let stop = stop_on_signal()?;
    let answers = if plays.requests {
        Some(Answers::open(&config, &rooms, &mut registry, plays, &mut sockets).await?)
    } else {
        None
    };
    let admin = admin::open(&config, &mut sockets).await?;
    sockets.tell_unused();
    let tasks = TaskTracker::new();
    let app = rooms.app.clone();
    take_over(&app, plays).await?;
    tasks.spawn(vital("claim", keep(claim, rooms.database.clone(), stop.clone()), stop.clone()));
    tasks.spawn(vital("events", events::run(app.clone(), stop.clone().cancelled_owned()), stop.clone()));
    backup::enlist(&app).await.context("looking at the backup destinations")?;
    if plays.work {
        work(&tasks, &rooms, file, &stop);
    } else {
        tokio::spawn(rooms.follower.clone().follow());
    }
    let teller = tokio::spawn(teller.run(stop.clone()));
    if let Some(password) = password {
        tokio::spawn(password.follow(rooms.database.clone()));
    }
    if let Some(listener) = admin {
        tracing::info!(address = %listener.local_addr()?, "admin listener: /metrics, /live, /ready");
        // Goes on while the rest drains, so that what happens then can still be seen.
        tokio::spawn(admin::serve(listener, admin::router(admin::Admin::new(registry, rooms.clone()))));
    }
    match answers {
        Some(answers) => answers.serve(&config, &rooms, reload, stop).await?,
        None => {
            stop.cancelled().await;
            health::stop(&app);
        }
    }
    tasks.close();
    tasks.wait().await;
    if let Ok(teller) = teller.await {
        teller.finish().await;
    }
    rooms.database.close().await;
    tracing::info!("stopped");
    Ok(())
}

/// Takes over what a killed run left, as far as nobody else can be at it: the locks and the claim say so.
async fn take_over(app: &App, plays: Plays) -> anyhow::Result<()> {
    let taken = match plays {
        Plays { alone: true, .. } => jobs::take_over(app).await,
        Plays { work: true, .. } => jobs::take_over_jobs(app).await,
        Plays { .. } => Ok(()),
    };
    match taken {
        // What can be seen is shown meanwhile; leases lapse and the reaper comes by when there is room.
        Err(picup_app::Error::StoreFull) => {
            tracing::error!("the disk is full: nothing can be written before there is room; what is there can be seen");
            Ok(())
        }
        Err(error @ picup_app::Error::StoreAway(_)) => {
            let error = error.story();
            tracing::error!(
                error,
                "the store is away, or refuses: lists are shown, photos and uploads wait until it is back; see: picup doctor"
            );
            Ok(())
        }
        taken => taken.context("taking over from the last run"),
    }
}

/// What is done in the background.
fn work(tasks: &TaskTracker, rooms: &Rooms, file: PathBuf, stop: &CancellationToken) {
    let app = &rooms.app;
    tasks.spawn(vital("worker", jobs::run(app.clone(), stop.clone().cancelled_owned()), stop.clone()));
    let moving = Work { app: app.clone(), follower: rooms.follower.clone(), file };
    tasks.spawn(vital("moving", moving.run(stop.clone()), stop.clone()));
    tasks.spawn(vital("backup", backup::run(app.clone(), stop.clone()), stop.clone()));
}

/// The use cases without a server, for commands that work on the data directory. A PicUp may be serving it meanwhile.
pub(crate) async fn offline(config: &Config) -> anyhow::Result<App> {
    let (rooms, _) = Rooms::open(config, Plays::ALL, &mut Registry::default()).await?;
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
    let (rooms, _) = Rooms::open(config, Plays::ALL, &mut Registry::default()).await?;
    backup::meet(&rooms.app).await?;
    Ok(Work { app: rooms.app, follower: rooms.follower, file })
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
