//! Certificates from an authority that speaks ACME (RFC 8555): the first one, and each next one before the last is over.
//!
//! What comes is written to a file, which [`super::front`] follows as it follows those of other people; so do other gateways that are told
//! of it. When what happens is said by [`schedule`], which knows no clock; what is said to the authority by [`order`]; what is kept by
//! [`folder`]. Nothing here ends what is served: whatever fails, the certificate that was stays.

mod folder;
mod http;
mod order;
mod schedule;

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use picup_domain::Clock;
use picup_gateway::{Certificate, Challenges, Tls, TlsProfile};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::Notify;

pub(crate) use folder::Folder;
use http::Http;
use order::{Authority, Issued};
pub(crate) use schedule::Notes;
use schedule::Step;

use crate::config::{AcmeChallenge, TlsConfig};
use crate::secrets;

/// Sleeping longer than this would miss that somebody set the clock.
const LONGEST_SLEEP: Duration = Duration::from_secs(3_600);
/// How often it is looked whether who fetches certificates here is gone.
const LOOK_FOR_LOCK: Duration = Duration::from_secs(60);

/// Fetches certificates.
pub(super) struct Acme {
    authority: Authority,
    ways: Vec<AcmeChallenge>,
    challenges: Challenges,
    clock: Arc<dyn Clock>,
    attempts: Family<Attempt, Counter>,
    renewed: Arc<Notify>,
    lock: Option<File>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Attempt {
    result: &'static str,
}

impl Acme {
    /// As the configuration has it; none where it names no domains. Makes a certificate that is good for nothing but to begin with, where
    /// there is none.
    pub(super) fn open(
        config: &TlsConfig,
        data_dir: &Path,
        challenges: &Challenges,
        clock: Arc<dyn Clock>,
        registry: &mut Registry,
    ) -> anyhow::Result<Option<Self>> {
        let acme = &config.acme;
        if !acme.is_on() {
            return Ok(None);
        }
        let folder = Folder::of(data_dir);
        folder.make()?;
        let lock = folder.try_lock()?;
        let domains = acme.domains();
        if lock.is_some() && folder.begin(&domains)? {
            tracing::warn!(
                "there is no certificate yet: one that no browser trusts is served until {} has given one",
                acme.directory()
            );
        }
        let key = acme.account_key_file.as_deref().map(secrets::acme_binding).transpose();
        let key = key.context("gateway.tls.acme.account_key_file")?;
        let authority = Authority {
            directory: acme.directory().to_owned(),
            domains,
            contact: acme.contact().map(str::to_owned),
            binding: acme.account_key_id.clone().zip(key),
            http: Http::new(acme.directory(), acme.root_file.as_deref())?,
            folder,
        };
        let attempts = Family::default();
        registry.register("acme_attempts", "Attempts to get a certificate, by what came of them", attempts.clone());
        for result in ["issued", "failed"] {
            attempts.get_or_create_owned(&Attempt { result });
        }
        let (ways, challenges) = (config.ways(), challenges.clone());
        Ok(Some(Self { authority, ways, challenges, clock, attempts, renewed: Arc::default(), lock }))
    }

    /// Where the certificate is, and its key.
    pub(super) fn file(&self) -> PathBuf {
        self.authority.folder.certificate_and_key()
    }

    /// Is told when another is there.
    pub(super) fn renewed(&self) -> Arc<Notify> {
        Arc::clone(&self.renewed)
    }

    /// Goes on for ever. While another process does it in the same folder, it waits for the end of that.
    pub(super) async fn run(mut self) {
        let Ok(mut hangup) = signal(SignalKind::hangup()) else { return };
        let _lock = self.lock(&mut hangup).await;
        let mut notes = self.authority.folder.notes();
        loop {
            let now = self.now();
            match notes.next(self.fits(&notes), now) {
                Step::Order => notes = self.order(notes).await,
                Step::Ask => self.ask(&mut notes).await,
                Step::Wait(until) => {
                    let wait = Duration::from_secs(u64::try_from(until.saturating_sub(now)).unwrap_or_default());
                    tokio::select! {
                        () = tokio::time::sleep(wait.min(LONGEST_SLEEP)) => {}
                        _ = hangup.recv() => notes.hasten(self.now()),
                    }
                    continue;
                }
            }
            if let Err(error) = self.authority.folder.write_notes(&notes) {
                tracing::warn!(error = format!("{error:#}"), "what is known of the certificate cannot be written down");
            }
        }
    }

    async fn lock(&mut self, hangup: &mut Signal) -> File {
        let mut told = false;
        loop {
            match self.lock.take().map_or_else(|| self.authority.folder.try_lock(), |lock| Ok(Some(lock))) {
                Ok(Some(lock)) => return lock,
                Ok(None) if told => {}
                Ok(None) => tracing::info!(
                    file = %self.file().display(),
                    "another process fetches certificates here; this one serves what it finds"
                ),
                Err(error) => tracing::warn!(error = format!("{error:#}"), "no certificates can be fetched"),
            }
            told = true;
            tokio::select! {
                () = tokio::time::sleep(LOOK_FOR_LOCK) => {}
                _ = hangup.recv() => {}
            }
        }
    }

    fn now(&self) -> i64 {
        self.clock.now().seconds()
    }

    /// Whether the certificate that is there is one of this authority, for all the names.
    fn fits(&self, notes: &Notes) -> bool {
        let from_there = notes.directory.as_ref().is_none_or(|directory| *directory == self.authority.directory);
        from_there && self.authority.folder.certificate().is_some_and(|found| self.covers(&found))
    }

    fn covers(&self, certificate: &Certificate) -> bool {
        !certificate.is_self_signed && self.authority.domains.iter().all(|domain| certificate.names.contains(domain))
    }

    /// One attempt.
    async fn order(&self, mut notes: Notes) -> Notes {
        let way = notes.way(&self.ways).unwrap_or(AcmeChallenge::TlsAlpn01);
        let before = self.authority.folder.certificate();
        // An authority that knows better what this one replaces is asked again without it.
        let replaces = before.clone().filter(|_| notes.failures == 0 && self.fits(&notes));
        tracing::info!(directory = self.authority.directory, challenge = way.name(), "a certificate is ordered");
        let (authority, challenges) = (self.authority.clone(), self.challenges.clone());
        // By itself, so that nothing that goes wrong there ends what orders the next.
        let ordered = tokio::spawn(async move { authority.order(way, replaces.as_ref(), &challenges).await });
        let ordered = ordered.await.unwrap_or_else(|error| Err(error.into()));
        match ordered.and_then(|issued| self.keep(&issued)) {
            Ok(certificate) => {
                self.attempts.get_or_create_owned(&Attempt { result: "issued" }).inc();
                tracing::info!(until = %moment(certificate.not_after), names = ?certificate.names, "a new certificate is there");
                self.renewed.notify_one();
                Notes::issued(&self.authority.directory, way, &certificate, self.now(), rand::random())
            }
            Err(error) => {
                self.attempts.get_or_create_owned(&Attempt { result: "failed" }).inc();
                let (error, told) = (format!("{error:#}"), self.authority.http.told());
                notes.failed(error.clone(), told, self.now(), rand::random());
                let next = moment(notes.retry_at.unwrap_or_default());
                let stays = before.map_or_else(|| "none".to_owned(), |before| moment(before.not_after));
                tracing::warn!(
                    error,
                    challenge = way.name(),
                    %next,
                    "no certificate came; the one that is there, good until {stays}, stays in use. A SIGHUP tries at once"
                );
                notes
            }
        }
    }

    /// Writes down what came, if it is what was asked for.
    fn keep(&self, Issued { chain, key }: &Issued) -> anyhow::Result<Certificate> {
        let tls = Tls::from_pem(chain.as_bytes(), key.as_bytes(), TlsProfile::default())
            .context("what the authority gave is no certificate that can be served")?;
        let certificate = tls.certificate();
        anyhow::ensure!(self.covers(certificate), "the authority gave one for other names: {:?}", certificate.names);
        self.authority.folder.write_certificate(chain, key)?;
        Ok(certificate.clone())
    }

    /// Asks when to renew.
    async fn ask(&self, notes: &mut Notes) {
        let Some(certificate) = self.authority.folder.certificate() else { return };
        let (authority, asked) = (self.authority.clone(), certificate.clone());
        let told = tokio::spawn(async move { authority.renewal(&asked).await });
        match told.await.unwrap_or_else(|error| Err(error.into())) {
            Ok(Some((told, again))) => {
                let window = told.suggested_window;
                let window = (window.start.unix_timestamp(), window.end.unix_timestamp());
                notes.told(window, again, &certificate, self.now(), rand::random());
            }
            Ok(None) => notes.not_told(&certificate, self.now(), rand::random()),
            Err(error) => {
                tracing::debug!(error = format!("{error:#}"), "the authority did not say when to renew");
                notes.not_told(&certificate, self.now(), rand::random());
            }
        }
    }
}

/// As people read it.
fn moment(seconds: i64) -> String {
    jiff::Timestamp::from_second(seconds).map_or_else(|_| seconds.to_string(), |moment| moment.to_string())
}
