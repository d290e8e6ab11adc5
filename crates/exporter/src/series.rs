//! The series of one namespace: what is counted for each set of label values, never more of them than is allowed.
//!
//! A set of values is one string of bytes, each value ended by a byte that no text has. The labels that only the count of responses has
//! stand last, so that what all else is counted by is the beginning of it.

use std::collections::HashMap;

use crate::window::Window;

/// The times that are told of.
pub(crate) const TIMES: usize = 3;

/// What ends each value of a key.
pub(crate) const END: u8 = 0xFF;

/// How many series may be made beyond the limit, for responses whose labels are folded into `other` but for method and status.
const RESERVE: usize = 200;

/// A histogram and a summary of one time.
#[derive(Debug)]
pub(crate) struct Timing {
    pub(crate) sum: f64,
    /// Not cumulative; the last is of what is above all bounds.
    pub(crate) buckets: Box<[u64]>,
    pub(crate) window: Window,
}

impl Timing {
    fn new(bounds: usize) -> Self {
        Self { sum: 0.0, buckets: vec![0; bounds + 1].into_boxed_slice(), window: Window::default() }
    }

    pub(crate) fn observe(&mut self, seconds: f64, bounds: &[f64], turn: u64) {
        self.sum += seconds;
        let bucket = bounds.iter().position(|bound| seconds <= *bound).unwrap_or(bounds.len());
        self.buckets[bucket] += 1;
        self.window.add(seconds, turn);
    }
}

/// What is counted without the labels of the count alone; nothing until it was in a line.
#[derive(Debug, Default)]
pub(crate) struct Observed {
    pub(crate) response_bytes: Option<f64>,
    pub(crate) request_bytes: Option<f64>,
    pub(crate) times: [Option<Box<Timing>>; TIMES],
}

impl Observed {
    /// That time's histogram and summary, made when it first comes.
    pub(crate) fn time(&mut self, which: usize, bounds: usize) -> &mut Timing {
        self.times[which].get_or_insert_with(|| Box::new(Timing::new(bounds)))
    }
}

#[derive(Debug)]
struct Counted {
    count: u64,
    observed: usize,
}

/// All series of a namespace.
#[derive(Debug, Default)]
pub(crate) struct Series {
    limit: usize,
    counted: HashMap<Box<[u8]>, Counted>,
    observed_by: HashMap<Box<[u8]>, usize>,
    observed: Vec<Observed>,
    /// Lines that were folded into `other`.
    pub(crate) folded: u64,
}

/// How a set of values is folded when there are too many.
pub(crate) trait Folds {
    /// The key of `key` with all labels as `other` but for method and status; or for none.
    fn folded(&self, key: &[u8], all: bool) -> (Vec<u8>, usize);
}

impl Series {
    pub(crate) fn new(limit: usize) -> Self {
        Self { limit, ..Self::default() }
    }

    /// Counts a response of those values, and gives what else is to be counted by them. The first `shared` bytes of the key are what
    /// both have in common.
    pub(crate) fn count(&mut self, key: &[u8], shared: usize, folds: &impl Folds) -> &mut Observed {
        // A known one is looked up once; it is what nearly every line is.
        let known = self.counted.get_mut(key).map(|counted| {
            counted.count += 1;
            counted.observed
        });
        let at = match known {
            Some(observed) => observed,
            None if self.counted.len() < self.limit => self.add(key, shared),
            None => self.fold(key, folds),
        };
        &mut self.observed[at]
    }

    fn fold(&mut self, key: &[u8], folds: &impl Folds) -> usize {
        self.folded += 1;
        let (narrow, shared) = folds.folded(key, false);
        if self.counted.contains_key(&*narrow) || self.counted.len() < self.limit + RESERVE {
            return self.add(&narrow, shared);
        }
        let (last, shared) = folds.folded(key, true);
        self.add(&last, shared)
    }

    fn add(&mut self, key: &[u8], shared: usize) -> usize {
        if let Some(counted) = self.counted.get_mut(key) {
            counted.count += 1;
            return counted.observed;
        }
        let next = self.observed.len();
        let observed = *self.observed_by.entry(key[..shared].into()).or_insert(next);
        if observed == next {
            self.observed.push(Observed::default());
        }
        self.counted.insert(key.into(), Counted { count: 1, observed });
        observed
    }

    /// How many sets of values there are.
    pub(crate) fn len(&self) -> usize {
        self.counted.len()
    }

    /// The counts, in the order of their values.
    pub(crate) fn counts(&self) -> Vec<(&[u8], u64)> {
        sorted(self.counted.iter().map(|(key, counted)| (&**key, counted.count)))
    }

    /// All else, in the order of its values.
    pub(crate) fn observed(&self) -> Vec<(&[u8], &Observed)> {
        sorted(self.observed_by.iter().map(|(key, at)| (&**key, &self.observed[*at])))
    }
}

fn sorted<'a, T>(all: impl Iterator<Item = (&'a [u8], T)>) -> Vec<(&'a [u8], T)> {
    let mut all: Vec<_> = all.collect();
    all.sort_unstable_by_key(|(key, _)| *key);
    all
}
