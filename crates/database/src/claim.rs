//! One PicUp serves from a database at a time: a second one would take up what the first is at. A SQLite file lies in the folder
//! that its PicUp has locked; a server's database is claimed by a lock of the server's own, which ends with its connection.

use std::time::Duration;

use sqlx::any::AnyConnectOptions;
use sqlx::{AnyConnection, Connection, Row};
use tokio::task::AbortHandle;

use crate::engine::server_options;
use crate::{Database, Error, Place, Settings};

/// Waits a moment for one that was just killed. Hashed, because MySQL takes names of locks up to 64 letters, and so long may be
/// the database's own.
const CLAIM: &str = "SELECT GET_LOCK(SHA2(CONCAT(DATABASE(), '.picup.serve'), 224), 5) AS held";
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// A database that this process alone serves from, as long as this lives.
#[derive(Debug)]
pub struct Claim {
    held: Option<AnyConnection>,
    keeper: Option<AbortHandle>,
}

impl Claim {
    /// Claims a database for this process, before it is opened: what another one serves from is not to be migrated meanwhile.
    ///
    /// # Errors
    /// [`Error::Place`] when another process has claimed it, else as [`Database::open`].
    pub async fn make(settings: &Settings) -> Result<Self, Error> {
        sqlx::any::install_default_drivers();
        let Place::MySql(server) = &settings.place else { return Ok(Self { held: None, keeper: None }) };
        let held = claimed(&server_options(server)?).await?.ok_or_else(|| {
            let advice =
                "another PicUp is serving from this database; stop it first, or give each a database of its own";
            Error::Place(advice.to_owned())
        })?;
        Ok(Self { held: Some(held), keeper: None })
    }

    /// Keeps the claim from now on, also when the server was away and has forgotten it.
    pub fn keep(&mut self, database: &Database) {
        let Some(held) = self.held.take() else { return };
        let pool = database.inner.writer.clone();
        let keeper = tokio::spawn(async move { keep(held, || pool.connect_options()).await });
        self.keeper = Some(keeper.abort_handle());
    }
}

/// A connection that holds the claim; `None` when another has it.
async fn claimed(options: &AnyConnectOptions) -> Result<Option<AnyConnection>, Error> {
    let mut connection = AnyConnection::connect_with(options).await?;
    let held: Option<i64> = sqlx::query(CLAIM).fetch_one(&mut connection).await?.try_get("held")?;
    Ok((held == Some(1)).then_some(connection))
}

/// A server that was away has forgotten the claim: it is made again as soon as the server is back.
async fn keep(held: AnyConnection, options: impl Fn() -> std::sync::Arc<AnyConnectOptions>) {
    let mut held = Some(held);
    loop {
        tokio::time::sleep(LOOK_EVERY).await;
        let stands = match &mut held {
            Some(connection) => matches!(tokio::time::timeout(LOOK_EVERY, connection.ping()).await, Ok(Ok(()))),
            None => false,
        };
        if stands {
            continue;
        }
        held = match claimed(&options()).await {
            Ok(Some(connection)) => Some(connection),
            Ok(None) => {
                tracing::error!("another PicUp serves from this database, too: stop one of them");
                None
            }
            Err(error) => {
                tracing::debug!(%error, "the database cannot be claimed again yet");
                None
            }
        };
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        if let Some(keeper) = &self.keeper {
            keeper.abort();
        }
    }
}
