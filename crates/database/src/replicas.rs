//! The replicas of a primary together: which of them answers a read, so that nobody is shown less than they have seen.
//!
//! Every client has a floor: the position of its own last commit, and of what it was told of. A read goes to a replica that is
//! known to have come so far; else one is waited for, a little; else the primary answers.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use picup_domain::AccountId;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::connection::Lent;
use crate::family::Family;
use crate::position::Position;
use crate::primary::Primary;
use crate::replica::{Replica, ReplicaReport};
use crate::seen::Seen;
use crate::{Error, Metrics};

/// More floors than that are made one for all.
const FLOORS: usize = 10_000;

pub(crate) struct Replicas {
    all: Vec<Arc<Replica>>,
    family: Family,
    pub(crate) primary: Arc<Primary>,
    newest: watch::Sender<Position>,
    floors: Mutex<Floors>,
    next: AtomicUsize,
    metrics: Metrics,
    /// Ended with this.
    watchers: Mutex<JoinSet<()>>,
}

/// What is known of clients beyond what they tell themselves.
#[derive(Default)]
struct Floors {
    everyone: Position,
    accounts: HashMap<AccountId, Position>,
    /// Since when something may be committed of which nobody knows where: only the primary is sure to have it.
    blind: Option<Instant>,
}

impl Replicas {
    /// `newest` is how far the primary is: nobody is shown less than that.
    pub(crate) fn new(
        all: Vec<Replica>,
        family: Family,
        primary: Primary,
        newest: Position,
        metrics: Metrics,
    ) -> Arc<Self> {
        Arc::new(Self {
            all: all.into_iter().map(Arc::new).collect(),
            family,
            primary: Arc::new(primary),
            floors: Mutex::new(Floors { everyone: newest.clone(), ..Floors::default() }),
            newest: watch::Sender::new(newest),
            next: AtomicUsize::new(0),
            metrics,
            watchers: Mutex::default(),
        })
    }

    /// Begins to look after the primary and each replica.
    pub(crate) fn start(self: &Arc<Self>) {
        let mut watchers = self.watchers.lock().unwrap_or_else(PoisonError::into_inner);
        let (replicas, primary) = (Arc::downgrade(self), Arc::clone(&self.primary));
        watchers.spawn(primary.watch(self.family, move |newest, at| {
            if let Some(replicas) = replicas.upgrade() {
                replicas.learnt(&newest, at);
            }
        }));
        for replica in &self.all {
            watchers.spawn(Arc::clone(replica).watch(self.newest.subscribe(), Arc::clone(&self.primary)));
        }
    }

    /// A transaction that reads, on a replica which has all that `seen` has; `None` when the primary is to answer.
    pub(crate) async fn begin(&self, seen: &Seen, begin: &'static str) -> Option<Lent> {
        let (own, account) = seen.floor();
        if seen.reads_fresh() {
            return self.primary_answers("it writes", account);
        }
        let Some(floor) = self.floor(own, account) else {
            return self.primary_answers("position unknown", account);
        };
        let (before, after) = self.all.split_at(self.first_choice(account));
        let serving: Vec<_> = after.iter().chain(before).filter(|replica| replica.is_serving()).collect();
        let Some(first) = serving.first() else { return self.primary_answers("no replica serves", account) };
        let ready: Vec<_> = serving.iter().filter(|replica| replica.has(&floor)).collect();
        for replica in ready {
            if let Ok(lent) = replica.begin(begin).await {
                self.metrics.read("replica", "has it");
                if let Some(account) = account.filter(|_| !Arc::ptr_eq(replica, first)) {
                    // Its own, which comes next again, may not have so much.
                    self.raise(&[account], &replica.applied());
                }
                return Some(lent);
            }
        }
        // What the primary itself has not, is of another history than its own: nobody will ever have it.
        let will_come = self.newest.borrow().covers(&floor);
        if will_come
            && !first.has(&floor)
            && first.is_serving()
            && first.wait_for(&floor).await
            && let Ok(lent) = first.begin(begin).await
        {
            self.metrics.read("replica", "waited for");
            return Some(lent);
        }
        self.primary_answers("replicas are behind", account)
    }

    /// A transaction that reads while the primary is away, on the replica that heard of it last.
    pub(crate) async fn begin_with_what_there_is(&self, begin: &'static str) -> Option<Lent> {
        let mut serving: Vec<_> = self.all.iter().filter(|replica| replica.is_serving()).collect();
        serving.sort_by_key(|replica| std::cmp::Reverse(replica.beat_at()));
        for replica in serving {
            if let Ok(lent) = replica.begin(begin).await {
                self.metrics.read("replica", "primary away");
                return Some(lent);
            }
        }
        None
    }

    /// An account's reads go to the same replica as long as that serves, so that none goes back in time.
    fn first_choice(&self, account: Option<AccountId>) -> usize {
        let number = match account {
            Some(account) => {
                account.as_bytes().iter().fold(0_usize, |sum, byte| sum.wrapping_mul(31) + usize::from(*byte))
            }
            None => self.next.fetch_add(1, Ordering::Relaxed),
        };
        number % self.all.len().max(1)
    }

    /// What the account is shown by the primary now, no replica shows less of afterwards.
    fn primary_answers(&self, why: &'static str, account: Option<AccountId>) -> Option<Lent> {
        self.metrics.read("primary", why);
        if let Some(account) = account {
            self.raise(&[account], &self.newest.borrow().clone());
        }
        None
    }

    /// From where on a client may be answered; `None` when nobody knows.
    fn floor(&self, mut floor: Position, account: Option<AccountId>) -> Option<Position> {
        let floors = self.floors();
        if floors.blind.is_some() {
            return None;
        }
        floor.merge(&floors.everyone);
        if let Some(known) = account.and_then(|account| floors.accounts.get(&account)) {
            floor.merge(known);
        }
        Some(floor)
    }

    /// To be held while something is committed.
    pub(crate) fn commits(&self) -> Commit<'_> {
        Commit { replicas: self, is_known: false }
    }

    /// These accounts are about to be told of something that is committed by now.
    pub(crate) async fn tell(&self, lent: &mut Lent, accounts: &[AccountId]) -> Result<(), Error> {
        let newest = position(lent, self.family.newest()).await?;
        self.raise(accounts, &newest);
        self.newest.send_modify(|known| known.merge(&newest));
        self.all.iter().for_each(|replica| replica.expect_more());
        Ok(())
    }

    fn raise(&self, accounts: &[AccountId], position: &Position) {
        let mut floors = self.floors();
        for account in accounts {
            floors.accounts.entry(*account).or_default().merge(position);
        }
        if floors.accounts.len() > FLOORS {
            let all = std::mem::take(&mut floors.accounts);
            all.values().for_each(|position| floors.everyone.merge(position));
        }
    }

    /// The primary has said how far all is that was committed at that moment.
    fn learnt(&self, newest: &Position, at: Instant) {
        self.newest.send_modify(|known| known.merge(newest));
        let mut floors = self.floors();
        if floors.blind.is_some_and(|since| since < at) {
            floors.everyone.merge(newest);
            floors.blind = None;
        }
        // What every replica has needs no floor.
        let everywhere = |position: &Position| self.all.iter().all(|replica| replica.has(position));
        floors.accounts.retain(|_, position| !everywhere(position));
        if everywhere(&floors.everyone) {
            floors.everyone = Position::default();
        }
    }

    fn floors(&self) -> MutexGuard<'_, Floors> {
        self.floors.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn sign_in_as(&self, user: Option<&str>, password: &str) -> Result<(), Error> {
        self.all.iter().try_for_each(|replica| replica.sign_in_as(user, password))
    }

    pub(crate) fn reports(&self) -> Vec<ReplicaReport> {
        self.all.iter().map(|replica| replica.report()).collect()
    }

    pub(crate) async fn close(&self) {
        self.watchers.lock().unwrap_or_else(PoisonError::into_inner).abort_all();
        for replica in &self.all {
            replica.close().await;
        }
    }
}

/// A commit under way. Whoever made it may be gone before it is known where it stands; and unless that is known, nobody can tell
/// which replica has it.
pub(crate) struct Commit<'r> {
    replicas: &'r Replicas,
    is_known: bool,
}

impl Commit<'_> {
    /// It was refused, and nothing has changed.
    pub(crate) fn came_to_nothing(mut self) {
        self.is_known = true;
    }

    /// It was made on `lent`: notes where, for the client who made it and the accounts that are told of it.
    pub(crate) async fn was_made(mut self, lent: &mut Lent, seen: Option<&Seen>, told: &[AccountId]) {
        let Replicas { family, newest, all, .. } = self.replicas;
        match position(lent, family.committed()).await {
            Ok(position) => {
                newest.send_modify(|newest| newest.merge(&position));
                if let Some(seen) = seen {
                    seen.wrote(&position, &newest.borrow());
                    self.replicas.raise(seen.floor().1.as_slice(), &position);
                }
                self.replicas.raise(told, &position);
                all.iter().for_each(|replica| replica.expect_more());
                self.is_known = true;
            }
            Err(error) => tracing::warn!(%error, "a commit's position is not known"),
        }
    }
}

impl Drop for Commit<'_> {
    fn drop(&mut self) {
        if !self.is_known {
            tracing::debug!("the primary answers all reads until it has said how far it is");
            self.replicas.floors().blind = Some(Instant::now());
            self.replicas.primary.look_now();
        }
    }
}

async fn position(lent: &mut Lent, question: &'static str) -> Result<Position, Error> {
    Position::of(&lent.row(question).await?)
}
