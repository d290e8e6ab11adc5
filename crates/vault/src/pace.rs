//! When something is done again. Every span is stretched by chance, so that a crowd that began together does not come together.

use std::time::Duration;

use tokio::time::Instant;

use crate::Error;

/// The longest pause between two attempts.
const LONGEST: Duration = Duration::from_secs(30);
/// Who answers at Vault's address cannot keep us waiting for longer.
const MOST_WANTED: Duration = Duration::from_secs(60);
/// The shortest pause of all.
const SHORTEST: Duration = Duration::from_millis(50);

/// About two thirds of what was lent: late enough to be rare, early enough to try again several times before it ends.
pub(crate) fn two_thirds(ttl: Duration) -> Duration {
    ttl.mul_f64(rand::random_range(0.60..0.70)).max(SHORTEST)
}

/// About as long as that.
pub(crate) fn about(span: Duration) -> Duration {
    span.mul_f64(rand::random_range(0.9..1.1)).max(SHORTEST)
}

/// How long to wait after a failure, when it has failed for so long already: from a fifth of a second, half as long again each time, to half a
/// minute, and never more than a quarter of what is `left` until it would be too late.
pub(crate) fn again(failing: Duration, left: Option<Duration>) -> Duration {
    let grown = (failing / 2).clamp(Duration::from_millis(200), LONGEST);
    let pause = grown.mul_f64(rand::random_range(0.5..1.0));
    let bound = left.filter(|left| !left.is_zero()).map_or(LONGEST, |left| left / 4);
    pause.min(bound).max(SHORTEST)
}

/// Since when something fails, and so how long to wait.
#[derive(Default)]
pub(crate) struct Failing(Option<Instant>);

impl Failing {
    /// It has failed: how long to wait. As long as Vault wants to be left alone too, within bounds.
    pub(crate) fn pause(&mut self, error: &Error, left: Option<Duration>) -> Duration {
        let wanted = match error {
            Error::TooMany { after: Some(after) } => (*after).min(MOST_WANTED),
            _ => Duration::ZERO,
        };
        let since = *self.0.get_or_insert_with(Instant::now);
        again(since.elapsed(), left).max(wanted)
    }

    /// It has not.
    pub(crate) fn end(&mut self) {
        self.0 = None;
    }
}

/// Whether less was granted than was asked for, by more than rounding: what it is lent at most comes to an end.
pub(crate) fn is_capped(granted: Duration, asked: Duration) -> bool {
    granted * 4 < asked * 3
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn renewals_are_scattered_about_two_thirds() {
        let ttl = Duration::from_secs(3600);
        let times: Vec<_> = (0..200).map(|_| two_thirds(ttl)).collect();
        assert!(times.iter().all(|time| (2160..2520).contains(&time.as_secs())));
        assert!(times.iter().max().unwrap().abs_diff(*times.iter().min().unwrap()) > Duration::from_secs(200));
    }

    #[test]
    fn pauses_grow_to_a_bound_and_leave_time_before_the_end() {
        let (seconds, hour) = (Duration::from_secs, Duration::from_secs(3600));
        assert!(again(Duration::ZERO, None) <= Duration::from_millis(200));
        assert!((5..=10).contains(&again(seconds(20), None).as_secs()));
        assert!((15..=30).contains(&again(hour, None).as_secs()));
        assert!(again(hour, Some(seconds(4))) <= seconds(1));
        assert!(again(hour, Some(Duration::ZERO)) >= seconds(15));
        assert!(again(hour, Some(Duration::from_millis(1))) >= SHORTEST);
    }

    #[tokio::test(start_paused = true)]
    async fn a_failure_that_lasts_is_looked_at_less_often_until_it_ends() {
        let mut failing = Failing::default();
        let first = failing.pause(&Error::Sealed, None);
        tokio::time::advance(Duration::from_secs(60)).await;
        let later = failing.pause(&Error::Sealed, None);
        failing.end();
        assert!(first <= Duration::from_millis(200) && later >= Duration::from_secs(15));
        assert!(failing.pause(&Error::Sealed, None) <= Duration::from_millis(200));
    }

    #[tokio::test(start_paused = true)]
    async fn vault_is_left_alone_as_long_as_it_wants_within_bounds() {
        let pause = |seconds| {
            let wants = Error::TooMany { after: Some(Duration::from_secs(seconds)) };
            Failing::default().pause(&wants, None)
        };
        assert_eq!(pause(7), Duration::from_secs(7));
        assert_eq!(pause(86_400), MOST_WANTED);
    }

    #[test]
    fn the_end_is_seen_and_rounding_is_not_taken_for_it() {
        let seconds = Duration::from_secs;
        assert!(is_capped(seconds(1), seconds(2)));
        assert!(is_capped(seconds(600), seconds(3600)));
        assert!(!is_capped(seconds(3599), seconds(3600)));
        assert!(!is_capped(seconds(1), seconds(1)));
    }
}
