//! The connection to Vault, as those see it who use it.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use tokio::sync::watch;
use tokio::time::timeout;

use crate::address::path;
use crate::door::Ask;
use crate::inner::Inner;
use crate::{Error, Follow, Hidden, Kv, KvVersion, Leased, Settings, Standing, Values, Wanted, follow, keep};

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

impl Vault {
    /// Logs in, and keeps the token fresh from now on.
    ///
    /// # Errors
    /// Why it could not: without Vault nothing begins.
    pub async fn open(settings: Settings) -> Result<Self, Error> {
        settings.check()?;
        let inner = Arc::new(Inner::log_in(settings).await?);
        tokio::spawn(keep::keep(Arc::clone(&inner)));
        Ok(Self(Arc::new(Guard(inner))))
    }

    /// How our token stands.
    #[must_use]
    pub fn standing(&self) -> watch::Receiver<Standing> {
        self.inner().standing.subscribe()
    }

    /// Reads a secret of a KV engine. Without a version Vault is asked what is mounted there.
    ///
    /// # Errors
    /// Why it was not had.
    pub async fn read_kv(&self, mount: &str, path: &str, version: Option<KvVersion>) -> Result<Kv, Error> {
        self.inner().read_kv(mount, path, version).await
    }

    /// Has something made for us and lent, such as `database/creds/picup`. Who asks for it renews it, or has it kept fresh by
    /// [`Vault::follow`] instead.
    ///
    /// # Errors
    /// Why it was not had.
    pub async fn read_dynamic(&self, path: &str) -> Result<Leased, Error> {
        self.inner().lend(path).await
    }

    /// Renews what was lent, for as long as it was first; how long it is good now.
    ///
    /// # Errors
    /// Why it was not renewed.
    pub async fn renew(&self, leased: &mut Leased) -> Result<Duration, Error> {
        self.inner().renew_lease(leased).await
    }

    /// Gives back what was lent.
    ///
    /// # Errors
    /// Why it was not taken. It ends by itself then.
    pub async fn revoke(&self, leased: &Leased) -> Result<(), Error> {
        self.inner().revoke_lease(&leased.lease_id).await
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
        let (answer, _) = self.inner().ask::<Values>(&ask).await?;
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
        let inner = self.inner();
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
        let inner = self.inner();
        formatter.debug_struct("Vault").field("settings", &inner.settings).field("session", &inner.session()).finish()
    }
}
