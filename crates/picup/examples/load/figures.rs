//! What many requests took.

use std::collections::BTreeMap;
use std::time::Duration;

/// What came of requests of one kind.
#[derive(Debug, Default)]
pub(crate) struct Figures {
    took: Vec<Duration>,
    /// By status, or 0 for no answer.
    refused: BTreeMap<u16, u32>,
    /// From the first request's beginning to the last one's end.
    wall: Duration,
}

impl Figures {
    /// Of requests that took so long all together.
    pub(crate) fn within(wall: Duration) -> Self {
        Self { wall, ..Self::default() }
    }

    /// A request that was answered well takes part in the times; others are counted.
    pub(crate) fn note(&mut self, status: u16, took: Duration) {
        if (200..300).contains(&status) {
            self.took.push(took);
        } else {
            *self.refused.entry(status).or_default() += 1;
        }
    }

    pub(crate) fn answered(&self) -> usize {
        self.took.len()
    }

    pub(crate) fn mean(&self) -> f64 {
        let all: Duration = self.took.iter().sum();
        millis(all) / self.took.len().max(1) as f64
    }

    /// The time within which so many of a hundred were answered, in milliseconds: the nearest rank.
    pub(crate) fn percentile(&self, of_a_hundred: usize) -> f64 {
        let mut took = self.took.clone();
        took.sort_unstable();
        let rank = (took.len() * of_a_hundred).div_ceil(100).max(1);
        took.get(rank - 1).copied().map_or(f64::NAN, millis)
    }

    pub(crate) fn per_second(&self) -> f64 {
        self.took.len() as f64 / self.wall.as_secs_f64()
    }

    /// Such as `0`, or `236 (503)`.
    pub(crate) fn errors(&self) -> String {
        let each = |(status, count): (&u16, &u32)| match status {
            0 => format!("{count} (no answer)"),
            status => format!("{count} ({status})"),
        };
        let all: Vec<String> = self.refused.iter().map(each).collect();
        if all.is_empty() { "0".to_owned() } else { all.join(", ") }
    }
}

pub(crate) fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1_000.0
}
