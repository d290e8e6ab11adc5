//! When to try again, and how long to wait before.
//!
//! Networks drop connections and servers restart; both pass. So what may pass is tried again, each time after a longer
//! pause with chance in it (many clients must not come back at the same instant), and a pause that the server asks for is
//! kept. Never for ever: after the last attempt the caller gets the failure.

use std::time::Duration;

/// How patient a caller is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Policy {
    /// How often a request is sent at most.
    pub(super) attempts: u32,
    /// The pause after the first failure; it doubles with each one more.
    pub(super) first: Duration,
    /// The longest pause of our own choice.
    pub(super) longest: Duration,
    /// The longest pause that a server may ask for; beyond it the request fails.
    pub(super) patience: Duration,
}

impl Policy {
    /// About a minute in all: long enough for a server to restart.
    pub(super) const USUAL: Self = Self {
        attempts: 8,
        first: Duration::from_millis(500),
        longest: Duration::from_secs(15),
        patience: Duration::from_secs(300),
    };

    /// The pause after `failed` failed attempts (from 1), or `None` when it is time to give up. `told` is what the server
    /// asked for (`Retry-After`), `luck` any number from 0 to 1.
    pub(super) fn pause(&self, failed: u32, told: Option<Duration>, luck: f64) -> Option<Duration> {
        if failed >= self.attempts {
            return None;
        }
        let doubled = 1u32.checked_shl(failed.saturating_sub(1)).unwrap_or(u32::MAX);
        let full = self.first.saturating_mul(doubled).min(self.longest);
        let own = full.mul_f64(0.5 + luck.clamp(0.0, 1.0) / 2.0);
        match told {
            Some(told) if told > self.patience => None,
            Some(told) => Some(own.max(told)),
            None => Some(own),
        }
    }
}

/// Whether a request with this answer may do better the next time.
pub(super) fn may_pass(status: u16) -> bool {
    matches!(status, 408 | 425 | 429 | 500 | 502 | 503 | 504)
}

/// What `Retry-After` asks for, when it is written in seconds (RFC 9110 section 10.2.3; its other form, a date, would need
/// the server's clock and ours to agree).
pub(super) fn told_to_wait(header: Option<&str>) -> Option<Duration> {
    header?.trim().parse().ok().map(Duration::from_secs)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn pauses_double_up_to_the_longest_and_end() {
        let policy = Policy::USUAL;
        let pauses: Vec<_> = (1..=8).map(|failed| policy.pause(failed, None, 1.0)).collect();
        let seconds = |seconds| Some(Duration::from_secs_f64(seconds));
        let expected =
            [seconds(0.5), seconds(1.0), seconds(2.0), seconds(4.0), seconds(8.0), seconds(15.0), seconds(15.0), None];
        assert_eq!(pauses, expected);
        assert_eq!(policy.pause(1, None, 0.0), seconds(0.25));
    }

    #[test]
    fn the_server_may_ask_for_more_but_not_for_ever() {
        let policy = Policy::USUAL;
        assert_eq!(policy.pause(1, told_to_wait(Some("30")), 0.5), Some(Duration::from_secs(30)));
        assert_eq!(policy.pause(1, told_to_wait(Some("86400")), 0.5), None);
        assert!(policy.pause(1, told_to_wait(Some("0")), 0.5).unwrap() >= Duration::from_millis(250));
        assert_eq!(told_to_wait(Some("Wed, 21 Oct 2026 07:28:00 GMT")), None);
        assert_eq!(told_to_wait(None), None);
    }

    #[test]
    fn mistakes_of_ours_do_not_pass() {
        assert!([408, 429, 500, 502, 503, 504].into_iter().all(may_pass));
        assert!(![400, 401, 403, 404, 409, 413, 422, 501, 507].into_iter().any(may_pass));
    }

    proptest! {
        #[test]
        fn pauses_stay_within_their_bounds(failed: u32, luck: f64, told in proptest::option::of(0u64..1000)) {
            let told = told.map(Duration::from_secs);
            if let Some(pause) = Policy::USUAL.pause(failed, told, if luck.is_nan() { 0.0 } else { luck }) {
                prop_assert!(pause <= Policy::USUAL.patience);
                prop_assert!(pause >= Policy::USUAL.first / 2);
            }
        }
    }
}
