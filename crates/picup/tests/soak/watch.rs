//! What a process takes, window by window, and whether that is flat.

use std::fmt;
use std::time::Duration;

/// Descriptors that it may have more at the end than at the beginning: connections to the database, which are opened when needed.
pub(crate) const FILES: usize = 24;
/// Threads that work on files may come and go; there are never more than so many in all.
const THREADS: usize = 160;
/// What a run of seconds may take beyond what it began with: buffers and caches are filling.
const FIRST_BYTES: u64 = 192 << 20;
/// By how much the line through the memory may rise after the warm-up, in all.
const GROWTH: f64 = 12.0 * 1024.0 * 1024.0;

/// What the system says of a process.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Seen {
    /// Bytes of memory that are resident.
    pub(crate) resident: u64,
    /// Open descriptors.
    pub(crate) files: usize,
    pub(crate) threads: usize,
}

impl Seen {
    pub(crate) fn of(pid: i32) -> Self {
        let of = |what: &str| std::fs::read_dir(format!("/proc/{pid}/{what}")).unwrap().count();
        let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
        let kib = status.lines().find_map(|line| line.strip_prefix("VmRSS:")?.trim().strip_suffix(" kB")).unwrap();
        Self { resident: kib.trim().parse::<u64>().unwrap() << 10, files: of("fd"), threads: of("task") }
    }
}

/// A stretch of the run.
pub(crate) struct Window {
    pub(crate) at: Duration,
    pub(crate) seen: Seen,
    /// How long each answer took that came in it, in ascending order.
    pub(crate) times: Vec<Duration>,
}

impl Window {
    pub(crate) const HEAD: &str = "  second  resident MiB  files  threads  answers  p50 ms  p99 ms";

    fn within(&self, share: f64) -> f64 {
        let at = (self.times.len() as f64 * share) as usize;
        self.times.get(at.min(self.times.len().saturating_sub(1))).map_or(0.0, |time| time.as_secs_f64() * 1e3)
    }
}

impl fmt::Display for Window {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Seen { resident, files, threads } = self.seen;
        let (second, mib) = (self.at.as_secs(), resident as f64 / f64::from(1 << 20));
        let (count, half, most) = (self.times.len(), self.within(0.5), self.within(0.99));
        write!(formatter, "{second:>8}  {mib:>12.1}  {files:>5}  {threads:>7}  {count:>7}  {half:>6.1}  {most:>6.1}")
    }
}

/// All of them, in order.
#[derive(Default)]
pub(crate) struct Windows(pub(crate) Vec<Window>);

impl Windows {
    /// The last two of three parts: what comes before is warming up.
    fn parts(&self) -> (&[Window], &[Window]) {
        let third = self.0.len() / 3;
        (&self.0[third..2 * third], &self.0[2 * third..])
    }

    /// What was not flat. The lines of memory and of latency say something in minutes, not in seconds.
    pub(crate) fn problems(&self, before: &Seen, long: bool) -> Vec<String> {
        let mut problems = Vec::new();
        let most = |of: fn(&Window) -> u64| self.0.iter().map(of).max().unwrap_or_default();
        let (resident, threads) = (most(|window| window.seen.resident), most(|window| window.seen.threads as u64));
        if resident > before.resident + FIRST_BYTES {
            problems.push(format!("it took {} MiB", resident >> 20));
        }
        if threads > THREADS as u64 {
            problems.push(format!("it had {threads} threads"));
        }
        if !long {
            return problems;
        }
        let growth = self.growth();
        if growth > GROWTH {
            problems.push(format!("memory rose by {:.1} MiB after the warm-up", growth / f64::from(1 << 20)));
        }
        let (middle, end) = self.parts();
        let files = |part: &[Window]| median(part.iter().map(|window| window.seen.files as f64));
        if files(end) > files(middle) + FILES as f64 {
            problems.push(format!("descriptors rose from {} to {}", files(middle), files(end)));
        }
        for (name, share, slack) in [("p50", 0.5, 1.0), ("p99", 0.99, 10.0)] {
            let of = |part: &[Window]| median(part.iter().map(|window| window.within(share)));
            if of(end) > 1.5 * of(middle) + slack {
                problems.push(format!("{name} rose from {:.1} ms to {:.1} ms", of(middle), of(end)));
            }
        }
        problems
    }

    /// By how many bytes the line through the resident memory rises (least squares) from the end of the warm-up to the end.
    fn growth(&self) -> f64 {
        let points: Vec<_> = self.0[self.0.len() / 3..]
            .iter()
            .map(|window| (window.at.as_secs_f64(), window.seen.resident as f64))
            .collect();
        let count = points.len().max(1) as f64;
        let mean = |of: fn(&(f64, f64)) -> f64| points.iter().map(of).sum::<f64>() / count;
        let (middle, level) = (mean(|point| point.0), mean(|point| point.1));
        let across: f64 = points.iter().map(|(at, bytes)| (at - middle) * (bytes - level)).sum();
        let along: f64 = points.iter().map(|(at, _)| (at - middle).powi(2)).sum();
        let span = points.last().zip(points.first()).map_or(0.0, |(last, first)| last.0 - first.0);
        if along > 0.0 { across / along * span } else { 0.0 }
    }

    /// One line of figures.
    pub(crate) fn summary(&self, before: &Seen, after: &Seen, answered: usize) -> String {
        let (middle, end) = self.parts();
        let of = |part: &[Window], share| median(part.iter().map(|window| window.within(share)));
        format!(
            "{answered} answers to who behaved; resident {} MiB before and {} after, a line rising by {:.1} MiB after the warm-up; \
             descriptors {} and {}; threads {} and {}; p50 {:.1} and {:.1} ms, p99 {:.1} and {:.1} ms (middle and last third)",
            before.resident >> 20,
            after.resident >> 20,
            self.growth() / f64::from(1 << 20),
            before.files,
            after.files,
            before.threads,
            after.threads,
            of(middle, 0.5),
            of(end, 0.5),
            of(middle, 0.99),
            of(end, 0.99),
        )
    }
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<_> = values.collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}
