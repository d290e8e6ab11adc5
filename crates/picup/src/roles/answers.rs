//! The part of PicUp that answers requests.

use std::io::{IsTerminal, Write};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use picup_app::{App, events, health, setup};
use picup_gateway::{Gateway, Origin, Parts, api_service};
use prometheus_client::registry::Registry;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::cdn::Cdn;
use super::front::{self, Front, Reload};
use super::media_keys::{self, Rings};
use super::origin::{StoreOrigin, Straight};
use super::rooms::Rooms;
use super::{Plays, Sockets, api_times, interface, log, probing};
use crate::config::Config;
use crate::qr;

/// What answers requests.
pub(super) struct Answers {
    gateway: Gateway,
    listener: TcpListener,
    front: Front,
    media_keys: media_keys::Followed,
    straight: Straight,
    cdn: Option<Arc<Cdn>>,
    /// How long it goes on after it was asked to stop.
    notice: Duration,
}

impl Answers {
    pub(super) async fn open(
        config: &Config,
        rooms: &Rooms,
        registry: &mut Registry,
        plays: Plays,
        sockets: &mut Sockets,
    ) -> anyhow::Result<Self> {
        let waits = !plays.alone || sockets.are_kept();
        let notice = if waits { config.gateway.stop_notice } else { Duration::ZERO };
        let listener = sockets.listen(config.listen, "--listen").await?;
        let straight = Straight::default();
        let cdn = Cdn::of(config, Arc::clone(&rooms.clock)).context("the CDN's key")?;
        let origin = StoreOrigin::new(rooms.storage.clone(), straight.clone(), cdn.clone());
        let (media_keys, rings) = media_keys::Followed::new(config, rooms.media_key.clone())?;
        // Where pages may show photos and videos from beside PicUp itself.
        let shown_from = match &cdn {
            Some(cdn) => Some(cdn.origin().to_owned()),
            None => rooms.storage.bucket_origin().filter(|_| config.reads_elsewhere()),
        };
        let origin = rooms.told.cached(&config.edge, Arc::new(origin), registry)?;
        let front = Front::of(config, Arc::clone(&rooms.clock), registry)?;
        let gateway = gateway(config, rooms, &front, rings, origin, shown_from.as_deref(), registry)?;
        front::redirect(&config.gateway, &gateway, config.public_base(), sockets).await?;
        Ok(Self { gateway, listener, front, media_keys, straight, cdn, notice })
    }

    /// Until `stop`, and what is in flight to its end.
    pub(super) async fn serve(
        self,
        config: &Config,
        rooms: &Rooms,
        reload: Reload,
        stop: CancellationToken,
    ) -> anyhow::Result<()> {
        if rooms.storage.parts_origin().is_some() {
            let base = config.public_base().map(str::to_owned);
            tokio::spawn(probing::parts(rooms.storage.clone(), base, stop.clone()));
        }
        if config.reads_elsewhere() {
            tokio::spawn(probing::reads(rooms.storage.clone(), self.straight, self.cdn));
        }
        tokio::spawn(self.media_keys.follow());
        tokio::spawn(self.front.follow(reload));
        let address = self.listener.local_addr().context("asking for the address listened on")?;
        let plain = (!config.gateway.tls.is_on()).then_some(address);
        greet(&rooms.app, plain, config.public_base()).await?;
        let drained = self
            .gateway
            .serve(self.listener, prepare_to_stop(rooms.app.clone(), self.gateway.clone(), stop, self.notice))
            .await;
        tracing::info!(?drained, "no more requests; finishing jobs");
        Ok(())
    }
}

pub(super) fn gateway(
    config: &Config,
    rooms: &Rooms,
    front: &Front,
    rings: Rings,
    origin: Arc<dyn Origin>,
    shown_from: Option<&str>,
    registry: &mut Registry,
) -> anyhow::Result<Gateway> {
    let clock = Arc::clone(&rooms.clock);
    let router = api_times::timed(picup_api::router(rooms.app.clone(), config.limits.request_body), registry);
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
            challenges: front.challenges(),
            api: api_service(router),
            origin: Some(origin),
            static_files: interface::files_beside(&rooms.storage, shown_from)?,
            clock: Arc::new(move || clock.now().since_epoch()),
            request_ids: front::request_ids(),
            metrics,
            access_log: log::access(&config.log)?,
        },
    ))
}

/// Completes when it is time to drain, after saying so to balancers and clients, for so long as they need to hear of it, and to open
/// pages.
async fn prepare_to_stop(app: App, gateway: Gateway, stop: CancellationToken, notice: Duration) {
    stop.cancelled().await;
    health::stop(&app);
    front::leave(&gateway, notice).await;
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
