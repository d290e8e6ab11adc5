//! Keeps something that is lent: renewed while that goes, replaced before it ends, and given back when nobody uses it any more.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use crate::follow::Report;
use crate::inner::Inner;
use crate::keep::closed;
use crate::pace::{self, Failing};
use crate::{Error, Leased};

pub(crate) struct LeaseFollower {
    inner: Arc<Inner>,
    path: String,
    current: Leased,
    /// Those before, with their numbers, which may be in use.
    old: Vec<(u64, Leased)>,
    /// When it ends by what is known: the lease, or the token by which it was had.
    ends: Instant,
    /// Whether another has to be had, because this one cannot be renewed.
    replace: bool,
    due: Instant,
    failing: Failing,
    report: Report,
}

impl LeaseFollower {
    pub(crate) fn new(inner: Arc<Inner>, path: String, first: Leased, report: Report) -> Self {
        let (ends, replace) = (first.until, !first.renewable);
        let due = Instant::now() + pace::two_thirds(first.ttl);
        Self { inner, path, current: first, old: Vec::new(), ends, replace, due, failing: Failing::default(), report }
    }

    /// Until nobody wants it any more.
    pub(crate) async fn keep(mut self) {
        let (mut sessions, mut closing) = (self.inner.sessions.subscribe(), self.inner.closing.subscribe());
        self.look_at_login();
        loop {
            tokio::select! {
                // What is lent is given back by whoever closes.
                () = closed(&mut closing) => return,
                held = self.report.held.changed() => {
                    if held.is_err() {
                        return self.give_back_all().await;
                    }
                    self.give_back().await;
                }
                _ = sessions.changed() => self.look_at_login(),
                () = sleep_until(self.due) => self.work().await,
            }
        }
    }

    /// What was lent ends with the token by which it was had: after another login another is needed.
    fn look_at_login(&mut self) {
        let session = self.inner.session();
        if session.number != self.current.login {
            (self.replace, self.due) = (true, Instant::now());
            return;
        }
        self.ends = session.ends.map_or(self.current.until, |ends| ends.min(self.current.until));
        self.report.standing.send_modify(|standing| standing.until = Some(self.ends));
    }

    async fn work(&mut self) {
        let worked = if self.replace { self.replace().await } else { self.renew().await };
        if let Err(error) = worked {
            let left = self.ends.saturating_duration_since(Instant::now());
            self.due = Instant::now() + self.failing.pause(&error, Some(left));
            self.report.ill(error);
        }
    }

    async fn renew(&mut self) -> Result<(), Error> {
        match self.inner.renew_lease(&mut self.current).await {
            Ok(granted) => {
                self.replace = pace::is_capped(granted, self.current.ttl) || !self.current.renewable;
                let pause = if self.replace { Duration::ZERO } else { pace::two_thirds(granted) };
                self.is_well(pause);
                Ok(())
            }
            Err(error) if error.is_final() => {
                (self.replace, self.due) = (true, Instant::now());
                Ok(())
            }
            Err(error) => Err(error),
        }
    }

    async fn replace(&mut self) -> Result<(), Error> {
        let new = self.inner.lend(&self.path).await?;
        self.report.publish(new.data.clone(), None, Some(new.lease_id.clone()));
        let old = std::mem::replace(&mut self.current, new);
        self.old.retain(|(_, leased)| leased.until > Instant::now());
        self.old.push((self.report.number() - 1, old));
        self.replace = !self.current.renewable;
        tracing::info!(secret = self.report.doing, "another was lent to us, since the one before comes to its end");
        self.is_well(pace::two_thirds(self.current.ttl));
        Ok(())
    }

    fn is_well(&mut self, pause: Duration) {
        self.failing.end();
        self.due = Instant::now() + pause;
        self.report.well(Some(self.current.until));
        self.look_at_login();
    }

    /// Gives back those that are not in use any more.
    async fn give_back(&mut self) {
        let held = *self.report.held.borrow_and_update();
        let (free, kept) = std::mem::take(&mut self.old).into_iter().partition(|(number, _)| *number < held);
        self.old = kept;
        self.revoke(free).await;
    }

    async fn give_back_all(mut self) {
        let mut all = std::mem::take(&mut self.old);
        all.push((self.report.number(), self.current.clone()));
        self.revoke(all).await;
    }

    async fn revoke(&self, leases: Vec<(u64, Leased)>) {
        for (_, leased) in leases {
            if leased.until <= Instant::now() {
                continue;
            }
            if let Err(error) = self.inner.revoke_lease(&leased.lease_id).await {
                tracing::warn!(%error, secret = self.report.doing, "what was lent was not taken back; it ends by itself");
            }
        }
    }
}
