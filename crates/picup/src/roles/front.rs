//! What stands before all else: from where requests may come, how often, over which certificate. It is followed in its files while PicUp
//! serves: what changes there holds some seconds later, or at once after a SIGHUP, and no connection ends.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use http::HeaderMap;
use picup_app::{Access, App, session};
use picup_delivery::Zeroizing;
use picup_domain::{Clock, Timestamp};
use picup_gateway::{AccountOf, Balancer, Challenges, Gateway, Rules, Settings, Tls, TlsProfile};
use prometheus_client::registry::Registry;
use quick_cache::sync::Cache;
use sha2::{Digest as _, Sha256};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

use super::Sockets;
use super::acme::Acme;
use crate::config::{Config, GatewayConfig};
use crate::secrets;

const LOOK_EVERY: Duration = Duration::from_secs(3);
/// Access tokens that are remembered, good and bad: some 100 bytes each, and each is asked with for minutes.
const TOKENS: usize = 10_000;

/// Reads the configuration again, as the command line has it.
pub(crate) type Reload = Box<dyn Fn() -> anyhow::Result<Config> + Send>;

/// What the gateway goes by.
pub(super) struct Front {
    rules: watch::Sender<Arc<Rules>>,
    certificate: Option<Certificate>,
    balancer: Option<Balancer>,
    challenges: Challenges,
    acme: Option<Acme>,
    clock: Arc<dyn Clock>,
}

/// A certificate and its key.
type Content = (Vec<u8>, Zeroizing<String>);

/// The files of a certificate, and what was in them.
struct Certificate {
    files: CertificateFiles,
    content: Content,
    serves: watch::Sender<Tls>,
}

#[derive(Clone)]
struct CertificateFiles {
    certificate: PathBuf,
    key: PathBuf,
    profile: TlsProfile,
}

impl CertificateFiles {
    fn read(&self) -> anyhow::Result<Content> {
        let certificate = std::fs::read(&self.certificate)
            .with_context(|| format!("gateway.tls.certificate_file: reading {}", self.certificate.display()))?;
        Ok((certificate, secrets::tls_key(&self.key).context("gateway.tls.key_file")?))
    }

    fn tls(&self, (certificate, key): &Content) -> anyhow::Result<Tls> {
        Tls::from_pem(certificate, key.as_bytes(), self.profile)
            .with_context(|| format!("serving {} with {}", self.certificate.display(), self.key.display()))
    }
}

impl Front {
    /// As the configuration has it.
    pub(super) fn of(config: &Config, clock: Arc<dyn Clock>, registry: &mut Registry) -> anyhow::Result<Self> {
        let (tls, challenges) = (&config.gateway.tls, Challenges::default());
        let acme = Acme::open(tls, &config.data_dir, &challenges, Arc::clone(&clock), registry)?;
        let files = match &acme {
            Some(acme) => Some((acme.file(), acme.file())),
            None => tls.certificate_file.clone().zip(tls.key_file.clone()),
        };
        let certificate = files.map(|(certificate, key)| {
            let files = CertificateFiles { certificate, key, profile: tls.profile };
            let content = files.read()?;
            let serves = watch::Sender::new(files.tls(&content)?);
            anyhow::Ok(Certificate { files, content, serves })
        });
        let (rules, certificate) = (watch::Sender::new(Arc::new(config.gateway.rules())), certificate.transpose()?);
        Ok(Self { rules, certificate, balancer: None, challenges, acme, clock })
    }

    /// Without any rule, and without TLS.
    pub(super) fn open(clock: Arc<dyn Clock>) -> Self {
        Self {
            rules: watch::Sender::default(),
            certificate: None,
            balancer: None,
            challenges: Challenges::default(),
            acme: None,
            clock,
        }
    }

    /// Before several processes, which are followed in the configuration too.
    pub(super) fn before(self, balancer: Balancer) -> Self {
        Self { balancer: Some(balancer), ..self }
    }

    pub(super) fn rules(&self) -> watch::Receiver<Arc<Rules>> {
        self.rules.subscribe()
    }

    pub(super) fn tls(&self) -> Option<watch::Receiver<Tls>> {
        self.certificate.as_ref().map(|certificate| certificate.serves.subscribe())
    }

    pub(super) fn challenges(&self) -> Challenges {
        self.challenges.clone()
    }

    /// Looks for ever, and fetches certificates where that is wanted.
    pub(super) async fn follow(mut self, reload: Reload) {
        let Ok(mut hangup) = signal(SignalKind::hangup()) else { return };
        let (mut of_rules, mut of_certificate) = (Told::default(), Told::default());
        let renewed = self.acme.as_ref().map(Acme::renewed).unwrap_or_default();
        if let Some(acme) = self.acme.take() {
            tokio::spawn(acme.run());
        }
        let mut is_over = false;
        // A file that is just being written may be read half: what was found once counts when it is found again.
        let mut found = None;
        loop {
            let at_once = tokio::select! {
                () = tokio::time::sleep(LOOK_EVERY) => false,
                () = renewed.notified() => false,
                _ = hangup.recv() => true,
            };
            let read = reload().map(|config| (config.gateway.rules(), config.gateway.balance.upstreams()));
            let counts = read.as_ref().ok().is_some_and(|read| at_once || found.as_ref() == Some(read));
            of_rules.tell(
                "networks, limits and upstreams cannot be read; those that were stay in use",
                read.as_ref().err(),
            );
            found = read.ok();
            if counts && let Some((rules, upstreams)) = &found {
                self.take(rules);
                if let Some(balancer) = self.balancer.as_ref().filter(|_| !upstreams.is_empty()) {
                    balancer.set(upstreams);
                }
            }
            let certificate = self.certificate.as_mut().map_or(Ok(()), Certificate::look);
            of_certificate
                .tell("the certificate cannot be read; the one that was stays in use", certificate.as_ref().err());
            let is_now = self.certificate.as_ref().is_some_and(|certificate| certificate.is_over(self.clock.now()));
            if is_now && !is_over {
                tracing::error!("the certificate is over, and is served all the same: browsers warn of it");
            }
            is_over = is_now;
        }
    }

    fn take(&self, rules: &Rules) {
        let changed = self.rules.send_if_modified(|known| {
            let changed = **known != *rules;
            if changed {
                *known = Arc::new(rules.clone());
            }
            changed
        });
        if changed {
            tracing::info!("networks or limits have changed");
        }
    }
}

impl Certificate {
    fn is_over(&self, now: Timestamp) -> bool {
        self.serves.borrow().certificate().not_after < now.seconds()
    }

    fn look(&mut self) -> anyhow::Result<()> {
        let content = self.files.read()?;
        if content != self.content {
            // One file after the other is written: the two may not fit for a moment.
            self.serves.send_replace(self.files.tls(&content)?);
            self.content = content;
            tracing::info!(file = %self.files.certificate.display(), "the new certificate is in use");
        }
        Ok(())
    }
}

/// What was wrong when it was last looked at, which is told once.
#[derive(Default)]
struct Told(Option<String>);

impl Told {
    fn tell(&mut self, what: &str, error: Option<&anyhow::Error>) {
        let error = error.map(|error| format!("{error:#}"));
        if let Some(error) = &error
            && self.0.as_ref() != Some(error)
        {
            tracing::warn!(error, "{what}");
        }
        self.0 = error;
    }
}

/// What a person may decide about the gateway, for pages at that address.
pub(super) fn settings(config: &GatewayConfig, public_base: &str) -> Settings {
    Settings {
        proxies: config.proxies(),
        proxy_protocol: config.proxy_protocol,
        hsts: config.tls.hsts,
        max_connections_per_address: config.connections_per_address,
        ..Settings::new(public_base)
    }
}

/// Sends people who come without TLS to the public address, where the configuration says at which address they come.
pub(super) async fn redirect(
    config: &GatewayConfig,
    gateway: &Gateway,
    public_base: Option<&str>,
    sockets: &mut Sockets,
) -> anyhow::Result<()> {
    if let (Some(address), Some(base)) = (config.tls.redirect_listen.address(), public_base) {
        let listener =
            sockets.listen(address, "gateway.tls.redirect_listen").await.context("the listener without TLS")?;
        tracing::info!(address = %listener.local_addr()?, "people who come without TLS are sent to {base}");
        let redirecting = gateway.redirecting(base);
        tokio::spawn(async move { redirecting.serve(listener, std::future::pending()).await });
    }
    Ok(())
}

/// Tells clients for so long that the gateway is about to end.
pub(super) async fn leave(gateway: &Gateway, notice: Duration) {
    gateway.leave();
    tokio::time::sleep(notice).await;
}

/// Makes the ids of requests.
pub(super) fn request_ids() -> Arc<dyn Fn() -> String + Send + Sync> {
    Arc::new(|| {
        let mut id = [0; 24];
        hex::encode_to_slice(rand::random::<[u8; 12]>(), &mut id).expect("two digits for each byte");
        String::from_utf8(id.to_vec()).expect("digits")
    })
}

/// Finds the account of an access token. Its signature is checked once, and no database is asked: an API key, which one would have to be
/// asked for, says nothing here.
pub(super) fn account_of(app: App) -> AccountOf {
    let clock = app.clone();
    account_by(move |token| session::authenticate(&app, token).ok(), move || clock.now())
}

/// The same, by whatever checks a token.
pub(super) fn account_by(
    check: impl Fn(&str) -> Option<Access> + Send + Sync + 'static,
    now: impl Fn() -> Timestamp + Send + Sync + 'static,
) -> AccountOf {
    let known = Cache::<[u8; 32], Option<(u128, Timestamp)>>::new(TOKENS);
    Arc::new(move |headers: &HeaderMap| {
        let token = picup_api::access_token(headers)?;
        let name: [u8; 32] = Sha256::digest(token).into();
        let found = known.get(&name).unwrap_or_else(|| {
            let found = check(token).map(|access| (u128::from_be_bytes(*access.account.as_bytes()), access.expires_at));
            known.insert(name, found);
            found
        });
        found.filter(|(_, ends)| *ends > now()).map(|(account, _)| account)
    })
}
