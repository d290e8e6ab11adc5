//! One login that all share, made anew when it has to be, and what was lent by it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::de::DeserializeOwned;
use tokio::sync::watch;
use tokio::time::Instant;

use crate::door::Ask;
use crate::login::log_in;
use crate::session::Session;
use crate::unwrap::Unwrapped;
use crate::wire::{Answer, TokenFacts};
use crate::{Error, KvVersion, Settings, Standing, Values, lease, standing};

/// What is behind a [`crate::Vault`]; the work in the background holds it too.
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

impl Inner {
    /// Logs in for the first time.
    pub(crate) async fn log_in(settings: Settings) -> Result<Self, Error> {
        let unwrapped = Unwrapped::default();
        let session = log_in(&settings, &unwrapped, 1).await?;
        Ok(Self {
            settings,
            standing: watch::Sender::new(Standing::well(session.ends)),
            sessions: watch::Sender::new(Arc::new(session)),
            closing: watch::Sender::new(false),
            unwrapped,
            login: tokio::sync::Mutex::default(),
            before: Mutex::default(),
            lent: Mutex::default(),
            mounts: Mutex::default(),
        })
    }

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

    pub(crate) async fn give_back_leases(&self) -> Result<(), Error> {
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

    pub(crate) async fn give_back_tokens(&self) -> Result<(), Error> {
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

    pub(crate) fn late(&self) -> Error {
        let reason = format!("not all was taken back within {:?}", self.settings.timeouts.close);
        Error::Unreachable { address: self.settings.address.to_string(), reason }
    }
}
