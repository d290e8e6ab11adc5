//! Credentials that change while PicUp runs. New connections sign in with the new ones from then on; those that were made before
//! finish what they are at and are replaced the next time somebody wants them. So no request notices, and the old credentials may
//! be revoked once no connection of theirs is left.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use sqlx::mysql::{MySqlConnectOptions, MySqlConnection};
use sqlx::{AnyPool, ConnectOptions, Connection};

use crate::{Database, Error};

/// Nobody waits longer for a connection.
const LONGEST_SIGN_IN: Duration = Duration::from_secs(5);

/// How a server's user signs in.
#[derive(Clone)]
pub(crate) struct SignIn(Arc<Mutex<MySqlConnectOptions>>);

impl SignIn {
    pub(crate) fn new(options: MySqlConnectOptions) -> Self {
        Self(Arc::new(Mutex::new(options)))
    }

    pub(crate) async fn connect(&self) -> Result<MySqlConnection, sqlx::Error> {
        let options = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        options.connect().await
    }

    pub(crate) fn change(&self, user: Option<&str>, password: &str) {
        let mut options = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let changed = options.clone().password(password);
        *options = match user {
            Some(user) => changed.username(user),
            None => changed,
        };
    }
}

/// When the credentials changed last: connections from before are lent no more.
#[derive(Clone, Default)]
pub(crate) struct Changed(Arc<Mutex<Option<Instant>>>);

impl Changed {
    /// Whether a connection of that age was made before.
    pub(crate) fn is_after(&self, age: Duration) -> bool {
        let changed = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        changed.is_some_and(|changed| changed.elapsed() <= age)
    }

    fn now(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
    }
}

impl Database {
    /// Signs in to the primary and its replicas so from now on, as the same user unless one is named. The credentials are tried at the primary first; nothing changes when
    /// they are refused. On a SQLite file there is nothing to do.
    ///
    /// # Errors
    /// What the primary says to them.
    pub async fn sign_in_as(&self, user: Option<&str>, password: &str) -> Result<(), Error> {
        let inner = &self.inner;
        let Some(sign_in) = &inner.sign_in else { return Ok(()) };
        let tried = SignIn::new(sign_in.0.lock().unwrap_or_else(PoisonError::into_inner).clone());
        tried.change(user, password);
        tried.connect().await?.close().await?;

        sign_in.change(user, password);
        change(&inner.writer, user, password)?;
        change(&inner.readers, user, password)?;
        if let Some(replicas) = &inner.replicas {
            replicas.sign_in_as(user, password)?;
        }
        inner.changed.now();
        // What was signing in just then did so with the old ones, and looks younger than it is.
        let changed = inner.changed.clone();
        tokio::spawn(async move {
            tokio::time::sleep(LONGEST_SIGN_IN).await;
            changed.now();
        });
        Ok(())
    }
}

pub(crate) fn change(pool: &AnyPool, user: Option<&str>, password: &str) -> Result<(), Error> {
    let mut options = (*pool.connect_options()).clone();
    let url = &mut options.database_url;
    let named = user.map_or(Ok(()), |user| url.set_username(user));
    let done = named.and_then(|()| url.set_password(Some(password)));
    done.map_err(|()| Error::Place("a user cannot be named in this address".to_owned()))?;
    pool.set_connect_options(options);
    Ok(())
}
