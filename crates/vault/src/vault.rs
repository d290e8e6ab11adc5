//! The connection to Vault: one login that all share, made anew when it has to be.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::sync::watch;
use tokio::time::{Instant, timeout};

use crate::address::path;
use crate::door::Ask;
use crate::login::log_in;
use crate::session::Session;
use crate::unwrap::Unwrapped;
use crate::wire::{Answer, TokenFacts};
use crate::{
    Error, Follow, Hidden, Kv, KvVersion, Leased, Settings, Standing, Values, Wanted, follow, keep, lease, standing,
};

/// A connection to Vault. Cheap to clone; when the last clone, and the last [`Follow`], is dropped, nothing is renewed any more. Give back
/// what was lent with [`Vault::close`] before.
#[derive(Clone)]
pub struct Vault(Arc<Guard>);

/// Ends the work in the background when nobody is left.
struct Guard(Arc<Inner>);

impl Drop for Guard {
    fn drop(&mut self) {
        self.0.closing.send_replace(true);
    }
}

/// What the work in the background holds too.
pub(crate) struct Inner {
    pub(crate) settings: Settings,
    pub(crate) sessions: watch::Sender<Arc<Session>>,
    pub(crate) standing: watch::Sender<Standing>,
    pub(crate) closing: watch::Sender<bool>,
    unwrapped: Unwrapped,
    /// Held while somebody logs in; the last failure.
    login: tokio::sync::Mutex<Option<(Instant, Error)>>,
    /// Tokens of earlier logins, which may still be good.
    before: Mutex<Vec<Arc<Session>>>,
    lent: Mutex<BTreeMap<String, Instant>>,
    mounts: Mutex<BTreeMap<String, KvVersion>>,
}

impl Vault {
    /// Logs in, and keeps the token fresh from now on.
    ///
    /// # Errors
    /// Why it could not: without Vault nothing begins.
    pub async fn open(settings: Settings) -> Result<Self, Error> {
        settings.check()?;
        let unwrapped = Unwrapped::default();
        let session = log_in(&settings, &unwrapped, 1).await?;
        let inner = Arc::new(Inner {
            settings,
            standing: watch::Sender::new(Standing::well(session.ends)),
            sessions: watch::Sender::new(Arc::new(session)),
            closing: watch::Sender::new(false),
            unwrapped,
            login: tokio::sync::Mutex::default(),
            before: Mutex::default(),
            lent: Mutex::default(),
            mounts: Mutex::default(),
        });
        tokio::spawn(keep::keep(Arc::clone(&inner)));
        Ok(Self(Arc::new(Guard(inner))))
    }

    /// How our token stands.
    #[must_use]
    pub fn standing(&self) -> watch::Receiver<Standing> {
        self.0.0.standing.subscribe()
    }

    /// Reads a secret of a KV engine. Without a version Vault is asked what is mounted there.
    ///
    /// # Errors
    /// Why it was not had.
    pub async fn read_kv(&self, mount: &str, path: &str, version: Option<KvVersion>) -> Result<Kv, Error> {
        self.0.0.read_kv(mount, path, version).await
    }

    /// Has something made for us and lent, such as `database/creds/picup`. Who asks for it renews it, or has it kept fresh by
    /// [`Vault::follow`] instead.
    ///
    /// # Errors
    /// Why it was not had.
    pub async fn read_dynamic(&self, path: &str) -> Result<Leased, Error> {
        self.0.0.lend(path).await
    }

    /// Renews what was lent, for as long as it was first; how long it is good now.
    ///
    /// # Errors
    /// Why it was not renewed.
    pub async fn renew(&self, leased: &mut Leased) -> Result<Duration, Error> {
        self.0.0.renew_lease(leased).await
    }

    /// Gives back what was lent.
    ///
    /// # Errors
    /// Why it was not taken. It ends by itself then.
    pub async fn revoke(&self, leased: &Leased) -> Result<(), Error> {
        self.0.0.revoke_lease(&leased.lease_id).await
    }

    /// Makes a secret id of an AppRole for another machine, which it can have once within `life`: the token to put there. We never see the
    /// secret id itself.
    ///
    /// # Errors
    /// Why it was not made; [`Error::NotWrapped`] when it came in clear, as from a server that does not know the header.
    pub async fn wrapped_secret_id(&self, mount: &str, role: &str, life: Duration) -> Result<Hidden, Error> {
        #[derive(Serialize)]
        struct Nothing {}
        let at = format!("auth/{}/role/{}/secret-id", path(mount)?, path(role)?);
        let ask = Ask::post(format!("make a wrapped secret id at {at}"), &*at).with(&Nothing {}).wrapped(life);
        let (answer, _) = self.0.0.ask::<Values>(&ask).await?;
        let wrapped = answer.wrap_info.filter(|wrapped| answer.data.is_none() && wrapped.creation_path == at);
        wrapped.map(|wrapped| wrapped.token).ok_or_else(|| Error::NotWrapped { whence: "the new secret id".to_owned() })
    }

    /// Reads a secret and keeps it fresh from now on.
    ///
    /// # Errors
    /// Why it was not had: without a first one nothing is followed.
    pub async fn follow(&self, wanted: Wanted) -> Result<Follow, Error> {
        follow::begin(self.clone(), wanted).await
    }

    pub(crate) fn inner(&self) -> &Arc<Inner> {
        &self.0.0
    }

    /// Gives back all that was lent, our tokens last, within [`crate::Timeouts::close`]. Nothing can be asked after it.
    ///
    /// # Errors
    /// The first thing that was not taken. All of it ends by itself.
    pub async fn close(&self) -> Result<(), Error> {
        let inner = &*self.0.0;
        if inner.closing.send_replace(true) {
            return Ok(());
        }
        // Half the time for the leases: with our tokens they end too, where a policy does not let us revoke them.
        let half = inner.settings.timeouts.close / 2;
        let leases = timeout(half, inner.give_back_leases()).await.unwrap_or_else(|_| Err(inner.late()));
        let tokens = timeout(half, inner.give_back_tokens()).await.unwrap_or_else(|_| Err(inner.late()));
        tokens.and(leases)
    }
}

impl fmt::Debug for Vault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let inner = &self.0.0;
        formatter.debug_struct("Vault").field("settings", &inner.settings).field("session", &inner.session()).finish()
    }
}

impl Inner {
    pub(crate) fn session(&self) -> Arc<Session> {
        Arc::clone(&self.sessions.borrow())
    }

    pub(crate) fn lent(&self) -> MutexGuard<'_, BTreeMap<String, Instant>> {
        self.lent.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn mounts(&self) -> MutexGuard<'_, BTreeMap<String, KvVersion>> {
        self.mounts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn before(&self) -> MutexGuard<'_, Vec<Arc<Session>>> {
        self.before.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Asks as whoever we are, after another login if our token has ended; the answer, and the login it is of.
    pub(crate) async fn ask<D: DeserializeOwned>(&self, ask: &Ask) -> Result<(Answer<D>, u64), Error> {
        if *self.closing.borrow() {
            return Err(Error::Closed);
        }
        let mut session = self.session();
        if session.is_over() {
            session = self.log_in_after(&session).await?;
        }
        match session.ask(ask).await {
            Err(refused @ Error::Forbidden { .. }) => {
                // Vault says the same of a token that is none as of a policy that does not allow this.
                if self.is_good(&session).await? {
                    return Err(refused);
                }
                let session = self.log_in_after(&session).await?;
                Ok((session.ask(ask).await?, session.number))
            }
            answered => Ok((answered?, session.number)),
        }
    }

    /// Whether Vault still knows a token.
    async fn is_good(&self, session: &Session) -> Result<bool, Error> {
        match session.ask::<TokenFacts>(&Ask::get("look our token up", "auth/token/lookup-self")).await {
            Ok(_) => Ok(true),
            Err(Error::Forbidden { .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Logs in anew, unless somebody else has since that session; who waited while another failed gets that failure.
    pub(crate) async fn log_in_after(&self, session: &Session) -> Result<Arc<Session>, Error> {
        let began = Instant::now();
        let mut failed = self.login.lock().await;
        let current = self.session();
        if current.number != session.number {
            return Ok(current);
        }
        if let Some((_, error)) = failed.as_ref().filter(|(at, _)| *at >= began) {
            return Err(error.clone());
        }
        if *self.closing.borrow() {
            return Err(Error::Closed);
        }
        let new = log_in(&self.settings, &self.unwrapped, current.number + 1).await;
        let mut new = new.inspect_err(|error| {
            *failed = Some((Instant::now(), error.clone()));
            standing::ill(&self.standing, "we could not log in anew", error.clone());
        })?;
        if new.token == current.token {
            // An agent has renewed it: what was lent by it goes on.
            new.number = current.number;
        } else {
            let mut before = self.before();
            before.retain(|session| !session.is_over());
            before.push(current);
        }
        let new = Arc::new(new);
        standing::well(&self.standing, new.ends);
        self.sessions.send_replace(Arc::clone(&new));
        Ok(new)
    }

    /// The token of a login was renewed; whether that is still ours.
    pub(crate) fn renewed(&self, renewed: Session) {
        standing::well(&self.standing, renewed.ends);
        self.sessions.send_if_modified(|session| {
            let same = session.number == renewed.number;
            if same {
                *session = Arc::new(renewed);
            }
            same
        });
    }

    async fn give_back_leases(&self) -> Result<(), Error> {
        let session = self.session();
        let lent: Vec<_> = std::mem::take(&mut *self.lent()).into_iter().collect();
        let mut first = Ok(());
        for (lease_id, _) in lent.into_iter().filter(|(_, until)| *until > Instant::now()) {
            match session.ask::<Values>(&lease::revocation(&lease_id)).await {
                Ok(_) => {}
                // It ends with our token.
                Err(Error::Forbidden { .. }) if session.ours => {}
                Err(error) => first = first.and(Err(error)),
            }
        }
        first
    }

    async fn give_back_tokens(&self) -> Result<(), Error> {
        // Nobody is amid a login after this.
        let _nobody = self.login.lock().await;
        let before = std::mem::take(&mut *self.before());
        let sessions = before.into_iter().chain([self.session()]);
        let mut first = Ok(());
        for session in sessions.filter(|session| session.ours && !session.is_over()) {
            match session.ask::<Values>(&Ask::post("revoke our token", "auth/token/revoke-self")).await {
                // It is none any more.
                Ok(_) | Err(Error::Forbidden { .. }) => {}
                Err(error) => first = first.and(Err(error)),
            }
        }
        first
    }

    fn late(&self) -> Error {
        let reason = format!("not all was taken back within {:?}", self.settings.timeouts.close);
        Error::Unreachable { address: self.settings.address.to_string(), reason }
    }
}
