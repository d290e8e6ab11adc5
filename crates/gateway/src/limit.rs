//! Phase: how often. Each client address, and each account, may ask for a class of requests at a rate, and for so many at once.
//!
//! A bucket is one moment, up to which what was let through has used the rate up (GCRA): a request is let through while that is not
//! further ahead than the burst. `governor` has the same arithmetic; its keyed limiters keep every key until told to look them all
//! through, and a million addresses are no trouble here: the buckets that were asked for least go.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use http::{HeaderName, HeaderValue, Response, header};
use picup_delivery::AddressRange;
use quick_cache::sync::Cache;
use tokio::time::Instant;

use crate::allow::within;
use crate::body::Body;
use crate::class::Class;
use crate::problem::Problem;

/// Buckets that are kept: each less than 200 bytes.
const BUCKETS: usize = 100_000;

const POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
const LIMIT: HeaderName = HeaderName::from_static("ratelimit");

/// A rate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Limit {
    /// Requests in [`Limit::per`], one after another. At least 1.
    pub requests: u32,
    /// The time in which so many are let through.
    pub per: Duration,
    /// So many are let through at once. At least 1.
    pub burst: u32,
    /// Requests of a burst wait until the rate has room for them.
    pub delay: bool,
}

/// What one class is limited to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ClassLimits {
    /// Each address: of IPv6 each /64.
    pub address: Option<Limit>,
    /// Each account, from wherever its people ask.
    pub account: Option<Limit>,
}

/// All limits.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Limits {
    /// By class; one that is not here has none.
    pub classes: BTreeMap<Class, ClassLimits>,
    /// Who asks from here has none.
    pub exempt: Vec<AddressRange>,
}

/// Who an account is: its number, from a token whose signature was checked.
pub type Account = u128;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Who {
    /// Of IPv6 everybody has a whole /64.
    Address(AddressRange),
    Account(Account),
}

/// What is known of who asked how often.
pub(crate) struct Buckets {
    /// Of a limit that has changed, each begins anew: what one used up under another rate says nothing about this one.
    used_until: Cache<(Class, Who, Limit), Arc<AtomicU64>>,
    /// When time began here.
    began: Instant,
}

impl Default for Buckets {
    fn default() -> Self {
        Self { used_until: Cache::new(BUCKETS), began: Instant::now() }
    }
}

/// Too many.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TooMany {
    class: Class,
    limit: Limit,
    /// Until one more is let through.
    wait: Duration,
}

impl Buckets {
    /// Takes a request from the buckets of who asks. How long it has to wait, where the limit says that it does.
    ///
    /// The account is asked for only where it counts, and what an address is refused costs its account nothing.
    pub(crate) fn take(
        &self,
        limits: &Limits,
        class: Class,
        client: IpAddr,
        account: impl FnOnce() -> Option<Account>,
    ) -> Result<Duration, TooMany> {
        let Some(of) = limits.classes.get(&class) else { return Ok(Duration::ZERO) };
        if within(&limits.exempt, client) {
            return Ok(Duration::ZERO);
        }
        let refused = |limit| move |wait| TooMany { class, limit, wait };
        let mut wait = Duration::ZERO;
        if let Some(limit) = of.address {
            wait = self.count(class, Who::Address(AddressRange::of(client)), limit).map_err(refused(limit))?;
        }
        if let Some(limit) = of.account
            && let Some(account) = account()
        {
            wait = wait.max(self.count(class, Who::Account(account), limit).map_err(refused(limit))?);
        }
        Ok(wait)
    }

    /// How long the request waits; or else how long until the next is let through.
    fn count(&self, class: Class, who: Who, limit: Limit) -> Result<Duration, Duration> {
        let nanos = |time: Duration| u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        let interval = (nanos(limit.per) / u64::from(limit.requests.max(1))).max(1);
        let ahead = interval.saturating_mul(u64::from(limit.burst.max(1)) - 1);
        let now = nanos(self.began.elapsed());
        let made = self
            .used_until
            .get_or_insert_with(&(class, who, limit), || Ok::<_, std::convert::Infallible>(Arc::default()));
        let used_until = made.unwrap_or_else(|never| match never {});
        let taken = used_until.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |until| {
            let begins = until.max(now);
            (begins - now <= ahead).then(|| begins.saturating_add(interval))
        });
        match taken {
            Ok(before) if limit.delay => Ok(Duration::from_nanos(before.saturating_sub(now))),
            Ok(_) => Ok(Duration::ZERO),
            Err(until) => Err(Duration::from_nanos(until.saturating_sub(now).saturating_sub(ahead))),
        }
    }
}

impl TooMany {
    /// What the client is told: what it may do, and when to come back.
    pub(crate) fn response(&self) -> Response<Body> {
        let seconds = self.wait.as_millis().div_ceil(1_000).max(1);
        let (name, Limit { burst, .. }) = (self.class.name(), self.limit);
        // As the IETF's draft has it: a quota, and the seconds in which it is whole again.
        let window = self.limit.per.mul_f64(f64::from(burst) / f64::from(self.limit.requests.max(1)));
        let window = window.as_millis().div_ceil(1_000).max(1);
        let mut response = Problem::TOO_MANY.response();
        let headers = response.headers_mut();
        headers.insert(header::RETRY_AFTER, value(&seconds.to_string()));
        headers.insert(POLICY, value(&format!("\"{name}\";q={burst};w={window}")));
        headers.insert(LIMIT, value(&format!("\"{name}\";r=0;t={seconds}")));
        response
    }
}

fn value(text: &str) -> HeaderValue {
    HeaderValue::from_str(text).expect("words and digits")
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn limits(address: Option<Limit>, account: Option<Limit>) -> Limits {
        let classes = [(Class::Api, ClassLimits { address, account })].into();
        Limits { classes, exempt: vec!["192.0.2.0/24".parse().unwrap()] }
    }

    fn limit(requests: u32, burst: u32, delay: bool) -> Limit {
        Limit { requests, per: SECOND, burst, delay }
    }

    fn take(buckets: &Buckets, limits: &Limits, client: &str) -> Result<Duration, TooMany> {
        buckets.take(limits, Class::Api, client.parse().unwrap(), || None)
    }

    #[tokio::test(start_paused = true)]
    async fn ten_at_once_with_a_burst_of_five() {
        for delay in [false, true] {
            let (buckets, limits) = (Buckets::default(), limits(Some(limit(2, 5, delay)), None));
            let answers: Vec<_> = (0..10).map(|_| take(&buckets, &limits, "198.51.100.1")).collect();
            let waits: Vec<_> = answers.iter().map_while(|answer| answer.ok()).collect();
            let spaced = (0..5).map(|number| if delay { SECOND / 2 * number } else { Duration::ZERO });
            assert_eq!(waits, spaced.collect::<Vec<_>>());
            assert!(answers[5..].iter().all(|answer| answer.is_err_and(|refused| refused.wait == SECOND / 2)));
            assert!(take(&buckets, &limits, "198.51.100.2").is_ok(), "another address");
            // One comes back every half second, and no more than the burst however long it was quiet.
            tokio::time::advance(SECOND / 2).await;
            assert!(
                take(&buckets, &limits, "198.51.100.1").is_ok() && take(&buckets, &limits, "198.51.100.1").is_err()
            );
            tokio::time::advance(100 * SECOND).await;
            assert_eq!((0..10).filter(|_| take(&buckets, &limits, "198.51.100.1").is_ok()).count(), 5);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_limit_that_is_loosened_holds_at_once() {
        let buckets = Buckets::default();
        let slow = limits(Some(Limit { per: 3_600 * SECOND, ..limit(1, 1, false) }), None);
        assert!(take(&buckets, &slow, "198.51.100.1").is_ok() && take(&buckets, &slow, "198.51.100.1").is_err());
        assert!(take(&buckets, &limits(Some(limit(1, 1, false)), None), "198.51.100.1").is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn a_network_of_ipv6_is_one_client_and_exempt_ones_have_no_limit() {
        let (buckets, limits) = (Buckets::default(), limits(Some(limit(1, 1, false)), None));
        assert!(take(&buckets, &limits, "2001:db8:1:2::1").is_ok());
        assert!(take(&buckets, &limits, "2001:db8:1:2:ffff::9").is_err());
        assert!(take(&buckets, &limits, "2001:db8:1:3::1").is_ok());
        assert!(take(&buckets, &limits, "198.51.100.1").is_ok());
        assert!(take(&buckets, &limits, "::ffff:198.51.100.1").is_err());
        assert!((0..100).all(|_| take(&buckets, &limits, "192.0.2.7").is_ok()));
        let other = buckets.take(&limits, Class::Media, "198.51.100.1".parse().unwrap(), || None);
        assert_eq!(other, Ok(Duration::ZERO), "a class without a limit");
    }

    #[tokio::test(start_paused = true)]
    async fn an_account_has_one_limit_wherever_it_asks_from() {
        let (buckets, limits) = (Buckets::default(), limits(Some(limit(1, 2, false)), Some(limit(1, 3, false))));
        let take = |client: &str, account| buckets.take(&limits, Class::Api, client.parse().unwrap(), || account);
        let passed =
            ["198.51.100.1", "198.51.100.2", "198.51.100.3", "198.51.100.4"].map(|at| take(at, Some(7)).is_ok());
        assert_eq!(passed, [true, true, true, false]);
        assert!(take("198.51.100.1", Some(8)).is_ok(), "another account at the same address");
        assert!(take("198.51.100.1", Some(9)).is_err(), "and the address has its own limit");
        assert!(take("198.51.100.5", None).is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn a_million_addresses_are_no_trouble() {
        let (buckets, limits) = (Buckets::default(), limits(Some(limit(1, 1, false)), None));
        for address in 0..1_000_000_u32 {
            let client = IpAddr::from(std::net::Ipv4Addr::from_bits(0x0b00_0000 + address));
            assert!(buckets.take(&limits, Class::Api, client, || None).is_ok());
        }
        assert!(buckets.used_until.len() <= BUCKETS, "{}", buckets.used_until.len());
    }

    #[test]
    fn who_is_refused_is_told_when_to_come_back() {
        let refused = TooMany { class: Class::SignIn, limit: limit(2, 10, false), wait: Duration::from_millis(1_200) };
        let response = refused.response();
        assert_eq!(response.status(), 429);
        let header = |name: &str| response.headers()[name].to_str().unwrap().to_owned();
        assert_eq!(header("retry-after"), "2");
        assert_eq!(header("ratelimit-policy"), "\"sign_in\";q=10;w=5");
        assert_eq!(header("ratelimit"), "\"sign_in\";r=0;t=2");
    }
}
