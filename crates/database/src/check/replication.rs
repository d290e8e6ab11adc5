//! What `picup doctor` asks of a primary and of the replicas in the settings, each by a connection of its own: no PicUp need run.

use std::time::Duration;

use sqlx::mysql::{MySqlConnectOptions, MySqlConnection};
use sqlx::{AnyConnection, ConnectOptions, Connection, Row};

use super::{Check, report};
use crate::engine::{self, server_options};
use crate::family::Family;
use crate::position::Position;
use crate::replica::{is_forbidden, trouble_of};
use crate::{Database, Error, Place, Replication, Server, Settings};

/// A server that has not answered by then does not.
const PATIENCE: Duration = Duration::from_secs(5);

impl Database {
    /// Looks at the primary of `settings` and at each of its replicas; nothing where there are none.
    pub async fn check_replication(settings: &Settings) -> Vec<Check> {
        let (Place::MySql(primary), Some(replication)) = (&settings.place, &settings.replication) else {
            return Vec::new();
        };
        let family = match in_time(family_of(primary)).await {
            Ok(Ok(family)) => family,
            Ok(Err(lacking)) => return vec![report("database primary", Ok(Err(lacking)))],
            Err(error) => return vec![report("database primary", Err(error))],
        };
        let mut checks = vec![report("database primary", Ok(Ok("it can be followed".to_owned())))];
        for replica in &replication.replicas {
            let found = in_time(state_of(replica, family, replication)).await;
            let named = |found: String| format!("{}: {found}", engine::name(replica));
            checks.push(match found {
                Ok(found) => report("database replica", Ok(found.map(named).map_err(named))),
                Err(Error::Engine(said)) => report("database replica", Ok(Err(named(said.to_string())))),
                Err(error) => report("database replica", Ok(Err(named(error.to_string())))),
            });
        }
        checks
    }
}

async fn in_time<T>(work: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
    let late = |_| Error::Lost(std::io::Error::from(std::io::ErrorKind::TimedOut));
    tokio::time::timeout(PATIENCE, work).await.map_err(late)?
}

/// Whose words the primary speaks; or why nobody can follow it.
async fn family_of(primary: &Server) -> Result<Result<Family, String>, Error> {
    let mut connection = AnyConnection::connect_with(&server_options(primary)?).await?;
    let family = engine::family_of_primary(&mut connection).await;
    connection.close().await?;
    match family {
        Ok(family) => Ok(Ok(family)),
        Err(Error::Place(lacking)) => Ok(Err(lacking)),
        Err(error) => Err(error),
    }
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
    match sqlx::raw_sql(family.status()).fetch_all(connection).await {
        Ok(channels) if channels.is_empty() => Ok(Err("it follows nobody".to_owned())),
        Ok(channels) => match channels.iter().find_map(|channel| trouble_of(channel, most)) {
            Some(trouble) => Ok(Err(format!("{trouble}; see: picup db replica status --config FILE"))),
            None => Ok(Ok("it follows, and can be read".to_owned())),
        },
        Err(sqlx::Error::Database(refused)) if is_forbidden(refused.as_ref()) => {
            Ok(Ok("it can be read; the user may not see how it follows".to_owned()))
        }
        Err(error) => Err(error.into()),
    }
}
