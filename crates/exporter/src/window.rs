//! Quantiles of the last ten minutes in little memory: how often each time came, exact below 64 ms, within 1.6 % of it above.
//!
//! Five slots of two minutes; the eldest is used anew, so that a quantile is of the last eight to ten minutes, as with the libraries that
//! prometheus-nginxlog-exporter is made with. A slot has room for the times between its shortest and its longest, 896 of them at most.

use std::time::Duration;

/// The quantiles that are told.
pub(crate) const QUANTILES: [f64; 3] = [0.5, 0.9, 0.99];

const SLOTS: usize = 5;
const SLOT_S: u64 = 120;

/// What happened in one of the two minutes.
#[derive(Debug, Default)]
struct Slot {
    turn: u64,
    lowest: usize,
    counts: Vec<u32>,
}

/// How long requests took, of late.
#[derive(Debug, Default)]
pub(crate) struct Window([Slot; SLOTS]);

/// Which two minutes a moment is in, counted from 1.
pub(crate) fn turn(since_start: Duration) -> u64 {
    since_start.as_secs() / SLOT_S + 1
}

impl Window {
    /// Counts a time of so many seconds.
    pub(crate) fn add(&mut self, seconds: f64, turn: u64) {
        let slot = &mut self.0[usize::try_from(turn % SLOTS as u64).unwrap_or(0)];
        if slot.turn != turn {
            *slot = Slot { turn, ..Slot::default() };
        }
        let bucket = bucket(seconds);
        if slot.counts.is_empty() {
            slot.lowest = bucket;
        } else if bucket < slot.lowest {
            // No more than is needed: a bound on memory is worth more than a few moves.
            slot.counts.reserve_exact(slot.lowest - bucket);
            slot.counts.splice(0..0, std::iter::repeat_n(0, slot.lowest - bucket));
            slot.lowest = bucket;
        }
        let at = bucket - slot.lowest;
        if at >= slot.counts.len() {
            slot.counts.reserve_exact(at + 1 - slot.counts.len());
            slot.counts.resize(at + 1, 0);
        }
        slot.counts[at] = slot.counts[at].saturating_add(1);
    }

    /// The [`QUANTILES`], in seconds; not a number when nothing has happened.
    pub(crate) fn quantiles(&self, turn: u64) -> [f64; 3] {
        let slots = || self.0.iter().filter(|slot| slot.turn > 0 && turn < slot.turn + SLOTS as u64);
        let total: u64 = slots().flat_map(|slot| &slot.counts).map(|count| u64::from(*count)).sum();
        let mut found = [f64::NAN; 3];
        if total == 0 {
            return found;
        }
        let lowest = slots().map(|slot| slot.lowest).min().unwrap_or(0);
        let end = slots().map(|slot| slot.lowest + slot.counts.len()).max().unwrap_or(0);
        let (mut seen, mut next) = (0_u64, 0);
        for bucket in lowest..end {
            seen += slots()
                .filter_map(|slot| slot.counts.get(bucket.checked_sub(slot.lowest)?))
                .map(|count| u64::from(*count))
                .sum::<u64>();
            #[expect(clippy::cast_precision_loss, reason = "a count that large is not reached in ten minutes")]
            while next < QUANTILES.len() && seen as f64 >= QUANTILES[next] * total as f64 {
                found[next] = seconds(bucket);
                next += 1;
            }
        }
        found
    }
}

/// Milliseconds one by one below 64, and 32 steps for each doubling above.
fn bucket(seconds: f64) -> usize {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is between the two")]
    let ms = (seconds * 1000.0).round().clamp(0.0, f64::from(u32::MAX)) as u32;
    if ms < 64 {
        return ms as usize;
    }
    let doubling = ms.ilog2();
    (64 + (doubling - 6) * 32 + ((ms >> (doubling - 5)) & 31)) as usize
}

/// The middle of a bucket.
fn seconds(bucket: usize) -> f64 {
    let bucket = u32::try_from(bucket).unwrap_or(u32::MAX);
    if bucket < 64 {
        return f64::from(bucket) / 1000.0;
    }
    let (doubling, step) = ((bucket - 64) / 32 + 6, (bucket - 64) % 32);
    let width = f64::from(1_u32 << (doubling - 5));
    let begin = f64::from(32 + step) * width;
    (begin + (width - 1.0) / 2.0) / 1000.0
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn short_times_are_exact_and_old_ones_forgotten() {
        let mut window = Window::default();
        assert!(window.quantiles(1).iter().all(|it| it.is_nan()));
        for ms in 1..=50 {
            window.add(f64::from(ms) / 1000.0, 1);
        }
        assert_eq!(window.quantiles(1), [0.025, 0.045, 0.05]);
        window.add(0.0, 4);
        assert_eq!(window.quantiles(5), [0.025, 0.045, 0.05]);
        assert_eq!(window.quantiles(6), [0.0; 3]);
        assert!(window.quantiles(9).iter().all(|it| it.is_nan()));
        assert_eq!((turn(Duration::ZERO), turn(Duration::from_secs(120))), (1, 2));
    }

    #[test]
    fn no_time_is_too_long() {
        let mut window = Window::default();
        window.add(1e300, 1);
        window.add(0.0, 1);
        assert_eq!((window.0[1].counts.len(), window.0[1].counts.capacity()), (896, 896));
        assert!((window.quantiles(1)[2] / 4_294_967.0 - 1.0).abs() < 0.016);
    }

    proptest! {
        #[test]
        fn quantiles_are_within_their_error(times in prop::collection::vec((0_u32..5_000_000, 1_u64..5), 1..200)) {
            let mut window = Window::default();
            for (ms, turn) in &times {
                window.add(f64::from(*ms) / 1000.0, *turn);
            }
            let mut sorted: Vec<_> = times.iter().map(|(ms, _)| f64::from(*ms) / 1000.0).collect();
            sorted.sort_by(f64::total_cmp);
            for (quantile, found) in QUANTILES.into_iter().zip(window.quantiles(5)) {
                let rank = (quantile * sorted.len() as f64).ceil() as usize;
                let exact = sorted[rank - 1];
                prop_assert!((found - exact).abs() <= exact * 0.016 + 1e-9, "{quantile}: {found} for {exact}");
            }
        }
    }
}
