//! Secrets that are kept fresh in the background, and how whoever uses one says what is still in use.

use std::sync::Arc;

use tokio::sync::watch;
use tokio::time::Instant;

use crate::follow_kv::KvFollower;
use crate::follow_lease::LeaseFollower;
use crate::{Error, KvVersion, Standing, Values, Vault, standing};

/// What is to be kept fresh.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wanted {
    /// A secret of a KV engine, looked at again every [`crate::Settings::look_again`].
    Kv {
        /// Where the engine is.
        mount: String,
        /// Where the secret is in it.
        path: String,
        /// Which kind it is; without it Vault is asked.
        version: Option<KvVersion>,
    },
    /// Something that is made for us and lent, such as `database/creds/picup`.
    Dynamic {
        /// Where it is made.
        path: String,
    },
}

/// A secret as it was at one time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Secret {
    /// Its values.
    pub data: Values,
    /// Counts from 1, one more with each that is different.
    pub number: u64,
    /// Which version it is, where Vault keeps versions.
    pub version: Option<u64>,
    /// The name of the lease, where it is lent.
    pub lease_id: Option<String>,
}

/// A secret that is kept fresh. Dropping it ends that, and gives back what was lent.
#[derive(Debug)]
pub struct Follow {
    secret: watch::Receiver<Arc<Secret>>,
    standing: watch::Receiver<Standing>,
    /// The oldest that is still in use.
    held: watch::Sender<u64>,
    doing: String,
    _vault: Vault,
}

/// Where the work in the background tells what there is.
pub(crate) struct Report {
    pub(crate) secret: watch::Sender<Arc<Secret>>,
    pub(crate) standing: watch::Sender<Standing>,
    pub(crate) held: watch::Receiver<u64>,
    pub(crate) doing: String,
}

impl Follow {
    /// The secret as it is, and as it will be.
    #[must_use]
    pub fn secret(&self) -> watch::Receiver<Arc<Secret>> {
        self.secret.clone()
    }

    /// The secret as it is, also while Vault is away.
    ///
    /// # Errors
    /// [`Error::Ended`] when what was lent has ended, and there is nothing new.
    pub fn current(&self) -> Result<Arc<Secret>, Error> {
        let standing = self.standing.borrow();
        if standing.has_ended() {
            let reason = standing.last_error.as_ref().map_or_else(|| "it is being asked".to_owned(), Error::to_string);
            return Err(Error::Ended { doing: self.doing.clone(), reason });
        }
        drop(standing);
        Ok(Arc::clone(&self.secret.borrow()))
    }

    /// How it stands.
    #[must_use]
    pub fn standing(&self) -> watch::Receiver<Standing> {
        self.standing.clone()
    }

    /// Says that nothing older than this one is in use any more. What was lent before it is given back now, and never sooner, so that
    /// nothing fails that was begun with it.
    pub fn holds(&self, secret: &Secret) {
        self.held.send_if_modified(|held| {
            let newer = secret.number > *held;
            *held = (*held).max(secret.number);
            newer
        });
    }
}

impl Report {
    /// Something else holds from now on.
    pub(crate) fn publish(&self, data: Values, version: Option<u64>, lease_id: Option<String>) {
        self.secret.send_modify(|secret| {
            let number = secret.number + 1;
            *secret = Arc::new(Secret { data, number, version, lease_id });
        });
    }

    pub(crate) fn number(&self) -> u64 {
        self.secret.borrow().number
    }

    pub(crate) fn well(&self, until: Option<Instant>) {
        standing::well(&self.standing, until);
    }

    pub(crate) fn ill(&self, error: Error) {
        standing::ill(&self.standing, &self.doing, error);
    }
}

/// Reads a secret for the first time, and begins to keep it fresh.
pub(crate) async fn begin(vault: Vault, wanted: Wanted) -> Result<Follow, Error> {
    let inner = Arc::clone(vault.inner());
    match wanted {
        Wanted::Kv { mount, path, version } => {
            let first = inner.read_kv(&mount, &path, version).await?;
            let doing = format!("{mount}/{path}");
            let secret = Secret { data: first.data, number: 1, version: first.version, lease_id: None };
            let (follow, report) = pair(vault, doing, secret, None);
            tokio::spawn(KvFollower { inner, mount, path, version, report }.keep());
            Ok(follow)
        }
        Wanted::Dynamic { path } => {
            let first = inner.lend(&path).await?;
            let lease_id = Some(first.lease_id.clone());
            let secret = Secret { data: first.data.clone(), number: 1, version: None, lease_id };
            let (follow, report) = pair(vault, path.clone(), secret, Some(first.until));
            tokio::spawn(LeaseFollower::new(inner, path, first, report).keep());
            Ok(follow)
        }
    }
}

fn pair(vault: Vault, doing: String, secret: Secret, until: Option<Instant>) -> (Follow, Report) {
    let (held, holds) = watch::channel(1);
    let (told, secret) = watch::channel(Arc::new(secret));
    let (stands, standing) = watch::channel(Standing::well(until));
    let report = Report { secret: told, standing: stands, held: holds, doing: doing.clone() };
    (Follow { secret, standing, held, doing, _vault: vault }, report)
}
