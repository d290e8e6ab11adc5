//! Guessing is limited: wrong passwords, set-up codes and links, for each account and each address they come from.
//!
//! Every use case that compares a secret from outside runs it through [`guess`]. An attempt first takes from three budgets and
//! gets back what it took when it was no wrong guess, so that people who know their passwords never meet a limit. The
//! strictest budget is for one account from one address; a looser one for one address, whatever account it tries; the
//! loosest for one account from everywhere, which an attacker with many addresses could use up to lock its owner out:
//! therefore an address from which somebody has signed in to the account stays outside of it.
//!
//! The limiters of the `governor` crate neither give back nor bound the number of their keys; what is left of them is the few
//! lines of [`Attempts::take`]. Kept in memory, for a restart to forget: a password hash takes long enough that nothing is won by that.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use picup_domain::{AccountId, Email, Sha256, ShareLinkId, Timestamp};

use crate::{App, Error};

/// In which time a budget that was used up is whole again.
const WINDOW: Duration = Duration::from_secs(15 * 60);

/// How many entries are kept, each less than 100 bytes: a flood from a million addresses makes no more.
const MOST: usize = 100_000;

/// For how long an address from which somebody signed in is known.
const KNOWN_FOR: Duration = Duration::from_secs(30 * 86_400);

/// How many wrong guesses are allowed at once; as many come back in a quarter of an hour, one after another. At least 1 each.
#[derive(Debug, Clone, Copy)]
pub struct GuessLimits {
    /// For one account from one address.
    pub pair: u32,
    /// From one address (IPv4), or one network (IPv6, /64).
    pub address: u32,
    /// For one account from everywhere, but for the addresses that are known to be its people's.
    pub account: u32,
}

/// An address as far as one household or attacker has it: of IPv6 everybody has a whole /64.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Network(IpAddr);

impl Network {
    fn of(address: IpAddr) -> Self {
        Self(match address.to_canonical() {
            IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX))),
            v4 @ IpAddr::V4(_) => v4,
        })
    }
}

/// What a budget is for. An account is named by the hash of its e-mail address, whether or not there is one: of bounded size,
/// and telling nobody which exist.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Budget {
    Pair(Sha256, Network),
    Address(Network),
    /// As [`Budget::Address`], of links: who tries old ones does not keep their household from signing in.
    Links(Network),
    Account(Sha256),
}

/// What is guessed at.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Secret<'a> {
    /// An account's password; without its address, what is no account's.
    Password(Option<&'a Email>),
    /// A link's token, or the password of the share link that was found by it.
    Link(Option<ShareLinkId>),
    /// Which addresses have an account, guessed at by that account.
    People(AccountId),
}

impl Secret<'_> {
    /// The budget of the address, whoever it tries.
    fn of_address(&self, from: Network) -> Option<Budget> {
        match self {
            Self::Password(_) => Some(Budget::Address(from)),
            Self::Link(_) => Some(Budget::Links(from)),
            Self::People(_) => None,
        }
    }

    /// Whose secret it is.
    fn whose(&self) -> Option<Sha256> {
        match self {
            Self::Password(email) => email.map(|email| Sha256::of(email.as_str().as_bytes())),
            Self::Link(id) => id.map(|id| Sha256::of(id.as_bytes())),
            Self::People(account) => Some(Sha256::of(account.as_bytes())),
        }
    }
}

/// Moments by key, of bounded number: who would forget first anyway goes first.
struct Table<K>(HashMap<K, Timestamp>);

impl<K: Eq + Hash> Table<K> {
    fn insert(&mut self, key: K, until: Timestamp, now: Timestamp) {
        if self.0.len() >= MOST && !self.0.contains_key(&key) {
            self.0.retain(|_, until| *until > now);
            if self.0.len() >= MOST {
                self.forget_half();
            }
        }
        self.0.insert(key, until);
    }

    fn forget_half(&mut self) {
        let mut ends: Vec<_> = self.0.values().copied().collect();
        let (_, median, _) = ends.select_nth_unstable(MOST / 2);
        let median = *median;
        self.0.retain(|_, until| *until > median);
    }
}

/// What was guessed of late.
pub(crate) struct Attempts {
    limits: GuessLimits,
    state: Mutex<State>,
}

struct State {
    /// When each budget is whole again: the generic cell rate algorithm's one number.
    whole_at: Table<Budget>,
    /// Until when an address is known to be that of an account's people.
    known: Table<(Sha256, Network)>,
}

impl Attempts {
    pub(crate) fn new(limits: GuessLimits) -> Self {
        let state = State { whole_at: Table(HashMap::new()), known: Table(HashMap::new()) };
        Self { limits, state: Mutex::new(state) }
    }

    /// Takes one guess from each budget, or from none and tells when to try again.
    fn take(
        &self,
        address: Option<Budget>,
        who: Option<Sha256>,
        from: Network,
        now: Timestamp,
    ) -> Result<Vec<Budget>, Duration> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let mut budgets: Vec<Budget> = address.into_iter().collect();
        if let Some(who) = who {
            budgets.push(Budget::Pair(who, from));
            if state.known.0.get(&(who, from)).is_none_or(|until| *until <= now) {
                budgets.push(Budget::Account(who));
            }
        }
        let mut after = Vec::with_capacity(budgets.len());
        for budget in &budgets {
            let whole_at = state.whole_at.0.get(budget).map_or(now, |at| (*at).max(now));
            let next = whole_at.plus(self.price(budget));
            let latest = now.plus(WINDOW);
            if next > latest {
                return Err(Duration::from_micros((next.micros() - latest.micros()).unsigned_abs()));
            }
            after.push(next);
        }
        for (budget, next) in budgets.iter().zip(after) {
            state.whole_at.insert(*budget, next, now);
        }
        Ok(budgets)
    }

    /// Gives back what [`Attempts::take`] took: it was no wrong guess.
    fn give_back(&self, budgets: &[Budget]) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        for budget in budgets {
            let price = self.price(budget);
            if let Some(whole_at) = state.whole_at.0.get_mut(budget) {
                *whole_at = whole_at.minus(price);
            }
        }
    }

    fn know(&self, who: Sha256, from: Network, now: Timestamp) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.known.insert((who, from), now.plus(KNOWN_FOR), now);
    }

    /// How much later a budget is whole again for one guess.
    fn price(&self, budget: &Budget) -> Duration {
        let allowed = match budget {
            Budget::Pair(..) => self.limits.pair,
            Budget::Address(_) | Budget::Links(_) => self.limits.address,
            Budget::Account(_) => self.limits.account,
        };
        WINDOW / allowed.max(1)
    }
}

/// Runs an attempt to prove something by a secret, if the caller has not guessed wrong too often.
///
/// # Errors
/// [`Error::TooManyGuesses`], and those of the attempt.
pub(crate) async fn guess<T>(
    app: &App,
    secret: Secret<'_>,
    from: IpAddr,
    attempt: impl Future<Output = Result<T, Error>>,
) -> Result<T, Error> {
    let attempts = &app.inner.attempts;
    let (who, from) = (secret.whose(), Network::of(from));
    let budgets = attempts.take(secret.of_address(from), who, from, app.now()).map_err(|wait| {
        app.inner.metrics.guess("limited");
        Error::TooManyGuesses { wait }
    })?;
    // A caller who hangs up meanwhile has spent its guess.
    let result = attempt.await;
    match &result {
        Err(
            Error::WrongCredentials
            | Error::WrongSetupCode
            | Error::LinkOver
            | Error::WrongLinkPassword
            | Error::NoSuchPerson,
        ) => app.inner.metrics.guess("wrong"),
        Ok(_) => {
            attempts.give_back(&budgets);
            if let Some(who) = who {
                attempts.know(who, from, app.now());
            }
            app.inner.metrics.guess("right");
        }
        Err(_) => attempts.give_back(&budgets),
    }
    result
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    const NOW: Timestamp = Timestamp::from_micros(1_700_000_000_000_000);

    fn attempts() -> Attempts {
        Attempts::new(GuessLimits { pair: 3, address: 6, account: 9 })
    }

    impl Attempts {
        fn sign_in(&self, who: Option<Sha256>, from: Network, now: Timestamp) -> Result<Vec<Budget>, Duration> {
            self.take(Some(Budget::Address(from)), who, from, now)
        }
    }

    fn v4(number: u32) -> Network {
        Network::of(IpAddr::V4(Ipv4Addr::from_bits(number)))
    }

    fn account(name: &str) -> Option<Sha256> {
        Some(Sha256::of(name.as_bytes()))
    }

    #[test]
    fn an_address_has_few_guesses_at_an_account_and_gets_them_back_one_by_one() {
        let attempts = attempts();
        for _ in 0..3 {
            attempts.sign_in(account("ada"), v4(1), NOW).unwrap();
        }
        let wait = attempts.sign_in(account("ada"), v4(1), NOW).unwrap_err();
        assert_eq!(wait, WINDOW / 3);
        attempts.sign_in(account("ada"), v4(1), NOW.plus(wait)).unwrap();
        assert!(attempts.sign_in(account("ada"), v4(1), NOW.plus(wait)).is_err());
        // Nobody else is bothered.
        attempts.sign_in(account("ada"), v4(2), NOW).unwrap();
        attempts.sign_in(account("bob"), v4(1), NOW).unwrap();
    }

    #[test]
    fn one_address_does_not_try_account_after_account() {
        let attempts = attempts();
        let tried = (0..100).filter(|n| attempts.sign_in(account(&n.to_string()), v4(1), NOW).is_ok()).count();
        assert_eq!(tried, 6);
        assert!(attempts.sign_in(None, v4(1), NOW).is_err());
    }

    #[test]
    fn who_tries_links_can_still_sign_in() {
        let attempts = attempts();
        let links =
            |number| attempts.take(Some(Budget::Links(v4(1))), None, v4(1), NOW.plus(Duration::from_micros(number)));
        assert_eq!((0..100).filter(|number| links(*number).is_ok()).count(), 6);
        assert!(attempts.sign_in(account("ada"), v4(1), NOW).is_ok());
    }

    #[test]
    fn many_addresses_do_not_lock_a_person_out_where_it_signed_in_before() {
        let attempts = attempts();
        attempts.know(account("ada").unwrap(), v4(0), NOW);
        let tried = (1..100).filter(|n| attempts.sign_in(account("ada"), v4(*n), NOW).is_ok()).count();
        assert_eq!(tried, 9);
        attempts.sign_in(account("ada"), v4(0), NOW).unwrap();
        assert!(attempts.sign_in(account("ada"), v4(0), NOW.plus(KNOWN_FOR)).is_ok());
    }

    #[test]
    fn who_knows_the_password_meets_no_limit() {
        let attempts = attempts();
        for _ in 0..1000 {
            let budgets = attempts.sign_in(account("ada"), v4(1), NOW).unwrap();
            attempts.give_back(&budgets);
        }
    }

    #[test]
    fn a_million_addresses_take_bounded_memory_and_the_guilty_are_remembered() {
        let attempts = attempts();
        for _ in 0..3 {
            attempts.sign_in(account("ada"), v4(0), NOW).unwrap();
        }
        for number in 1..1_000_000 {
            let _ = attempts.sign_in(None, v4(number), NOW);
        }
        let state = attempts.state.lock().unwrap();
        assert!(state.whole_at.0.len() <= MOST);
        drop(state);
        assert!(attempts.sign_in(account("ada"), v4(0), NOW).is_err());
    }

    #[test]
    fn of_ipv6_a_household_is_one_network() {
        let network = |text: &str| Network::of(text.parse().unwrap());
        assert_eq!(network("2001:db8::1"), network("2001:db8::ffff:0:0:1"));
        assert_ne!(network("2001:db8::1"), network("2001:db8:0:1::1"));
        assert_eq!(network("::ffff:192.0.2.1"), network("192.0.2.1"));
        assert_ne!(network("192.0.2.1"), network("192.0.2.2"));
    }
}
