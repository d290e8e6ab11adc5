//! What is made for us and lent: accounts of databases, keys of clouds. Each has a lease that is renewed, and revoked at the end.

use std::time::Duration;

use serde::Serialize;
use tokio::time::Instant;

use crate::address::path;
use crate::door::Ask;
use crate::inner::Inner;
use crate::{Error, Values};

/// Something that was lent.
#[derive(Debug, Clone)]
pub struct Leased {
    /// Its values: `username`, `password` and the like.
    pub data: Values,
    /// The name of the lease.
    pub lease_id: String,
    /// For how long it was lent.
    pub ttl: Duration,
    /// Whether it can be renewed.
    pub renewable: bool,
    /// When the lease ends. With the token by which it was had, it ends sooner.
    pub until: Instant,
    /// The login by which it was had.
    pub(crate) login: u64,
}

#[derive(Serialize)]
struct Renewal<'a> {
    lease_id: &'a str,
    /// Seconds.
    increment: u64,
}

#[derive(Serialize)]
struct Revocation<'a> {
    lease_id: &'a str,
    /// Answered only when it was done.
    sync: bool,
}

impl Inner {
    /// Has something made and lent.
    pub(crate) async fn lend(&self, at: &str) -> Result<Leased, Error> {
        let at = path(at)?;
        let asked = Instant::now();
        let ask = Ask::get(format!("lend us {at}"), at);
        let (answer, login) = self.ask::<Values>(&ask).await?;
        let nonsense = |problem: &str| Error::Answer { doing: ask.doing.clone(), problem: problem.to_owned() };
        if answer.lease_id.is_empty() || answer.lease_duration == 0 {
            return Err(nonsense("it has no lease: nothing is lent at this path"));
        }
        let ttl = Duration::from_secs(answer.lease_duration);
        let data = answer.data.ok_or_else(|| nonsense("there is nothing in it"))?;
        let (lease_id, renewable, until) = (answer.lease_id, answer.renewable, asked + ttl);
        self.remember(&lease_id, until);
        Ok(Leased { data, lease_id, ttl, renewable, until, login })
    }

    /// Renews a lease for as long as it was first lent; how long it is lent now, which may be less.
    pub(crate) async fn renew_lease(&self, leased: &mut Leased) -> Result<Duration, Error> {
        let asked = Instant::now();
        let body = Renewal { lease_id: &leased.lease_id, increment: leased.ttl.as_secs() };
        let ask = Ask::post("renew a lease", "sys/leases/renew").with(&body);
        let (answer, _) = self.ask::<Values>(&ask).await?;
        let granted = Duration::from_secs(answer.lease_duration);
        leased.renewable = answer.renewable;
        leased.until = asked + granted;
        self.remember(&leased.lease_id, leased.until);
        Ok(granted)
    }

    /// Gives something back.
    pub(crate) async fn revoke_lease(&self, lease_id: &str) -> Result<(), Error> {
        self.ask::<Values>(&revocation(lease_id)).await?;
        self.lent().remove(lease_id);
        Ok(())
    }

    /// Remembers what is to be given back at the end, and forgets what has ended.
    fn remember(&self, lease_id: &str, until: Instant) {
        let mut lent = self.lent();
        lent.retain(|_, until| *until > Instant::now());
        lent.insert(lease_id.to_owned(), until);
    }
}

pub(crate) fn revocation(lease_id: &str) -> Ask {
    let body = Revocation { lease_id, sync: true };
    Ask::post("revoke a lease (update on sys/leases/revoke)", "sys/leases/revoke").with(&body)
}
