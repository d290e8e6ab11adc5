//! One connection to one server, as its administrator.

use std::net::IpAddr;
use std::time::Duration;

use sqlx::mysql::{MySqlConnectOptions, MySqlConnection, MySqlDatabaseError, MySqlSslMode};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, Executor};

use super::Error;
use super::answer::Answer;
use super::words::Sql;
use crate::Server;
use crate::family::Family;

/// A server that does not let one in by then is away.
const PATIENCE: Duration = Duration::from_secs(10);

pub(super) struct Node {
    /// What it is called in sentences: `the primary (db1:3306)`.
    pub(super) name: String,
    pub(super) connection: MySqlConnection,
    pub(super) family: Family,
    pub(super) place: Place,
    /// Whether this connection is encrypted.
    pub(super) encrypted: bool,
    /// Whether it is checked to be the server of that name.
    pub(super) checked: bool,
    options: MySqlConnectOptions,
}

/// Where a server is, and which of its databases is meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) schema: String,
}

impl Place {
    /// There may be a password in an address, so that it is not said again.
    pub(super) fn of(role: &str, server: &Server) -> Result<Self, Error> {
        let wrong = |_| Error::Senseless(format!("the address of {role} is no server's; write mysql://USER@HOST:PORT"));
        let url = sqlx_url(&server.url).map_err(wrong)?;
        Ok(Self {
            host: url.get_host().to_owned(),
            port: url.get_port(),
            schema: url.get_database().unwrap_or_default().to_owned(),
        })
    }

    /// `HOST:PORT`, or `[HOST]:PORT`, as an address is written.
    pub(super) fn parse(text: &str) -> Result<Self, Error> {
        // Whoever writes a whole URL here may have written a password before the host, or behind it.
        let shown = text.rsplit('@').next().and_then(|text| text.split('?').next()).unwrap_or_default();
        let wrong = || Error::Senseless(format!("'{shown}' is no address; write HOST:PORT"));
        let (host, port) = text.rsplit_once(':').ok_or_else(wrong)?;
        let port = port.parse().map_err(|_| wrong())?;
        let host = host.trim_start_matches('[').trim_end_matches(']');
        if host.is_empty() { Err(wrong()) } else { Ok(Self { host: host.to_owned(), port, schema: String::new() }) }
    }

    /// Whether what is said to it stays on this machine.
    pub(super) fn is_loopback(&self) -> bool {
        let address = self.host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
        self.host == "localhost" || address.is_ok_and(|address| address.is_loopback())
    }
}

fn sqlx_url(url: &str) -> Result<MySqlConnectOptions, sqlx::Error> {
    url.parse()
}

impl Node {
    /// Connects, and asks which family it is of.
    pub(super) async fn open(role: &str, server: &Server) -> Result<Self, Error> {
        let place = Place::of(role, server)?;
        let name = format!("{role} ({}:{})", place.host, place.port);
        let away = |source| Error::Away { server: name.clone(), source };
        let mut options = sqlx_url(&server.url).map_err(away)?;
        if let Some(password) = &server.password {
            options = options.password(password);
        }
        // What is asked is never prepared, and a server's schema need not be there yet.
        let options = options.disable_statement_logging();
        let (connection, version, encrypted) = connect(&options, &name).await?;
        let checked = matches!(options.get_ssl_mode(), MySqlSslMode::VerifyIdentity);
        Ok(Self { family: Family::of(&version), name, connection, place, encrypted, checked, options })
    }

    /// A second connection to the same server.
    pub(super) async fn again(&self) -> Result<Self, Error> {
        let (connection, version, encrypted) = connect(&self.options, &self.name).await?;
        let (name, place) = (self.name.clone(), self.place.clone());
        let (options, checked) = (self.options.clone(), self.checked);
        Ok(Self { family: Family::of(&version), name, connection, place, encrypted, checked, options })
    }

    pub(super) async fn say(&mut self, sql: &Sql) -> Result<(), Error> {
        let said = self.connection.execute(sqlx::raw_sql(AssertSqlSafe(sql.text()))).await;
        said.map(drop).map_err(|source| {
            let told = source.to_string();
            let number = source.as_database_error().and_then(|said| said.try_downcast_ref::<MySqlDatabaseError>());
            let number = number.map(MySqlDatabaseError::number).unwrap_or_default();
            match self.refused(sql.to_string(), source) {
                Error::Refused { server, statement, .. } if sql.is_told_by(&told) => {
                    let said =
                        format!("error {number}; its words are left out, because some of the password is in them");
                    Error::Refused { server, statement, source: said.into() }
                }
                error => error,
            }
        })
    }

    pub(super) async fn ask(&mut self, sql: &str) -> Result<Vec<Answer>, Error> {
        let rows = sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).fetch_all(&mut self.connection).await;
        let rows = rows.map_err(|source| self.refused(sql.to_owned(), source))?;
        Ok(rows.into_iter().map(Answer).collect())
    }

    /// The first column of the first row; empty when there is none.
    pub(super) async fn text(&mut self, sql: &str) -> Result<String, Error> {
        Ok(self.ask(sql).await?.first().map(|row| row.at(0)).unwrap_or_default())
    }

    pub(super) fn refused(&self, statement: String, source: sqlx::Error) -> Error {
        match source {
            source @ sqlx::Error::Database(_) => {
                Error::Refused { server: self.name.clone(), statement, source: source.into() }
            }
            source => Error::Away { server: self.name.clone(), source },
        }
    }
}

async fn connect(options: &MySqlConnectOptions, name: &str) -> Result<(MySqlConnection, String, bool), Error> {
    let connect = async {
        let mut connection = options.connect().await?;
        connection.ping().await?;
        let version = first(&mut connection, "SELECT VERSION()", 0).await?;
        let cipher = first(&mut connection, "SHOW SESSION STATUS LIKE 'Ssl_cipher'", 1).await?;
        Ok((connection, version, !cipher.is_empty()))
    };
    let late = || sqlx::Error::Io(std::io::Error::from(std::io::ErrorKind::TimedOut));
    let connected = tokio::time::timeout(PATIENCE, connect).await.map_err(|_| late());
    connected.and_then(|connected| connected).map_err(|source| Error::Away { server: name.to_owned(), source })
}

async fn first(connection: &mut MySqlConnection, sql: &'static str, column: usize) -> Result<String, sqlx::Error> {
    Ok(Answer(sqlx::raw_sql(sql).fetch_one(connection).await?).at(column))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_and_loopback_is_known() {
        let of = |url: &str| Place::of("the primary", &Server { url: url.to_owned(), password: None });
        let place = of("mysql://root@[::1]:3307/picup").unwrap();
        let told = of("mysql://root:Secr3t@db:no/picup").unwrap_err().to_string();
        assert!(told.contains("the address of the primary") && !told.contains("Secr3t"), "{told}");
        assert_eq!((place.port, place.schema.as_str(), place.is_loopback()), (3307, "picup", true));
        for (text, loopback) in
            [("127.0.0.1:1", true), ("localhost:1", true), ("[::1]:1", true), ("db.example.org:1", false)]
        {
            assert_eq!(Place::parse(text).unwrap().is_loopback(), loopback, "{text}");
        }
        for text in ["host", ":3306", "host:", "host:99999", "mysql://root:Secr3t@host/picup?password=Secr3t"] {
            let told = Place::parse(text).unwrap_err().to_string();
            assert!(told.contains("HOST:PORT") && !told.contains("Secr3t"), "{told}");
        }
    }
}
