//! When something is done again. Every span is stretched by chance, so that a crowd that began together does not come together.

use std::time::Duration;

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

/// How long to wait after so many failures in a row, of which this is the last: from a fifth of a second, doubling, to half a minute, and
/// never more than a quarter of what is `left` until it would be too late.
pub(crate) fn again(failures: u32, left: Option<Duration>) -> Duration {
    let doubled = Duration::from_millis(200).saturating_mul(1_u32 << failures.saturating_sub(1).min(10)).min(LONGEST);
    let pause = doubled.mul_f64(rand::random_range(0.5..1.0));
    let bound = left.filter(|left| !left.is_zero()).map_or(LONGEST, |left| left / 4);
    pause.min(bound).max(SHORTEST)
}

/// The same, and as long as Vault wants to be left alone, within bounds.
pub(crate) fn after(error: &Error, failures: u32, left: Option<Duration>) -> Duration {
    let wanted = match error {
        Error::TooMany { after: Some(after) } => (*after).min(MOST_WANTED),
        _ => Duration::ZERO,
    };
    again(failures, left).max(wanted)
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
        assert!(again(1, None) <= Duration::from_millis(200));
        assert!((15..=30).contains(&again(40, None).as_secs()));
        assert!(again(40, Some(Duration::from_secs(4))) <= Duration::from_secs(1));
        assert!(again(40, Some(Duration::ZERO)) >= Duration::from_secs(15));
        assert!(again(1, Some(Duration::from_millis(1))) >= SHORTEST);
    }

    #[test]
    fn vault_is_left_alone_as_long_as_it_wants_within_bounds() {
        let wants = |seconds| Error::TooMany { after: Some(Duration::from_secs(seconds)) };
        assert_eq!(after(&wants(7), 1, None), Duration::from_secs(7));
        assert_eq!(after(&wants(86_400), 1, None), MOST_WANTED);
        assert!(after(&Error::Sealed, 1, None) <= Duration::from_millis(200));
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
