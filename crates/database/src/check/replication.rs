//! What `picup doctor` asks of a primary and of the replicas in the settings: no PicUp need run.

use std::time::Duration;

use sqlx::mysql::{MySqlConnectOptions, MySqlConnection};
use sqlx::{ConnectOptions, Connection, Row};

use super::{Check, report};
use crate::engine;
use crate::family::Family;
use crate::position::Position;
use crate::replica::{Following, following};
use crate::{Database, Error, Replication, Server};

/// A server that has not answered by then does not.
const PATIENCE: Duration = Duration::from_secs(5);

impl Database {
    /// Looks whether the primary can be followed, and at each of its replicas.
    pub async fn check_replication(&self, replication: &Replication) -> Vec<Check> {
        let family = in_time(async { engine::family_of_primary(&mut *self.inner.readers.acquire().await?).await });
        let family = match family.await {
            Ok(family) => family,
            Err(Error::Place(lacking)) => return vec![report("database primary", Ok(Err(lacking)))],
            Err(error) => return vec![report("database primary", Err(error))],
        };
        let mut checks = vec![report("database primary", Ok(Ok("it can be followed".to_owned())))];
        for replica in &replication.replicas {
            let said = |error| match error {
                Error::Engine(said) => said.to_string(),
                error => error.to_string(),
            };
            let found = in_time(state_of(replica, family, replication)).await.unwrap_or_else(|error| Err(said(error)));
            let named = |found: String| format!("{}: {found}", engine::name(replica));
            checks.push(report("database replica", Ok(found.map(named).map_err(named))));
        }
        checks
    }
}

async fn in_time<T>(work: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
    let late = |_| Error::Lost(std::io::Error::from(std::io::ErrorKind::TimedOut));
    tokio::time::timeout(PATIENCE, work).await.map_err(late)?
}

/// How a replica is; or why it will not be asked.
async fn state_of(server: &Server, family: Family, replication: &Replication) -> Result<Result<String, String>, Error> {
    let options: MySqlConnectOptions = server.url.parse()?;
    let options = server.password.iter().fold(options, |options, password| options.password(password));
    let mut connection = options.connect().await?;
    let state = look(&mut connection, family, replication.max_lag).await;
    connection.close().await?;
    state
}

async fn look(
    connection: &mut MySqlConnection,
    family: Family,
    most: Duration,
) -> Result<Result<String, String>, Error> {
    let version: String = sqlx::raw_sql("SELECT VERSION()").fetch_one(&mut *connection).await?.try_get(0)?;
    if Family::of(&version) != family {
        return Ok(Err(format!("it is {version}, and the primary is of another family")));
    }
    let applied: String = sqlx::raw_sql(family.applied()).fetch_one(&mut *connection).await?.try_get(0)?;
    if Position::parse(&applied).is_none() {
        return Ok(Err(format!("its position makes no sense: {applied}")));
    }
    let beat = sqlx::raw_sql("SELECT beat_at FROM heartbeat WHERE id = 1").fetch_one(&mut *connection).await;
    if let Err(error) = beat {
        return Ok(Err(format!("the user cannot read PicUp's tables there: {error}")));
    }
    Ok(match following(connection, family, most).await? {
        Following::Nobody => Err("it follows nobody".to_owned()),
        Following::Well => Ok("it follows, and can be read".to_owned()),
        Following::Badly(trouble) => Err(format!("{trouble}; see: picup db replica status --config FILE")),
        Following::Unseen => Ok("it can be read; the user may not see how it follows".to_owned()),
    })
}
