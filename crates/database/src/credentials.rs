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

/// How a server's user signs in, and how often that has changed.
#[derive(Clone)]
pub(crate) struct SignIn(Arc<Mutex<(MySqlConnectOptions, u64)>>);

impl SignIn {
    pub(crate) fn new(options: MySqlConnectOptions) -> Self {
        Self(Arc::new(Mutex::new((options, 0))))
    }

    fn now(&self) -> (MySqlConnectOptions, u64) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn change(&self, user: Option<&str>, password: &str) {
        let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        held.0 = with(held.0.clone(), user, password);
        held.1 += 1;
    }
}

fn with(options: MySqlConnectOptions, user: Option<&str>, password: &str) -> MySqlConnectOptions {
    let options = options.password(password);
    match user {
        Some(user) => options.username(user),
        None => options,
    }
}

/// The connection of somebody who asks a server regularly: made when it is needed, and anew when the credentials have changed.
pub(crate) struct Kept {
    sign_in: SignIn,
    connection: Option<(MySqlConnection, u64)>,
}

impl Kept {
    pub(crate) fn new(sign_in: SignIn) -> Self {
        Self { sign_in, connection: None }
    }

    pub(crate) async fn connection(&mut self) -> Result<&mut MySqlConnection, sqlx::Error> {
        let (options, changes) = self.sign_in.now();
        let kept = self.connection.take().filter(|(_, then)| *then == changes);
        let kept = match kept {
            Some(kept) => kept,
            None => (options.connect().await?, changes),
        };
        Ok(&mut self.connection.insert(kept).0)
    }

    /// It has failed.
    pub(crate) fn let_go(&mut self) {
        self.connection = None;
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
    /// Signs in to the primary and its replicas so from now on, as the same user unless one is named. The credentials are tried
    /// at the primary first; nothing changes when they are refused. On a SQLite file there is nothing to do.
    ///
    /// # Errors
    /// What the primary says to them.
    pub async fn sign_in_as(&self, user: Option<&str>, password: &str) -> Result<(), Error> {
        let inner = &self.inner;
        let Some(sign_in) = &inner.sign_in else { return Ok(()) };
        let tried = with(sign_in.now().0, user, password);
        let tried = tokio::time::timeout(LONGEST_SIGN_IN, async { tried.connect().await?.close().await });
        tried.await.map_err(|_| Error::Busy)??;

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
