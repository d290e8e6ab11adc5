//! What the answers of the rooms mean: a state and, where something is to be done, advice. Pure, so that every case is tested
//! without having to happen.

mod backup;

use std::time::Duration;

use picup_database::{ReplicaReport, Vitals};
use picup_domain::{Quota, Timestamp};
use picup_storage::Space;

use super::{Accounts, Delivery, Media, Queue};

pub(super) use backup::{backup, destination};

/// From so many percent of its quota on, an account is told of.
const NEAR_PERCENT: u128 = 90;
/// A worker claims what is due every other second: work that waits so long while none is done is stuck.
const STUCK_AFTER: Duration = Duration::from_secs(120);

/// Advice after which nothing that is written is safe in the store.
pub(super) const STORE_UNWRITABLE: [&str; 4] = ["storage-there", "storage-writable", "storage-silent", "storage-full"];

/// How something is. Later is worse.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum State {
    /// Nothing is to be done.
    #[default]
    Good,
    /// It works, and somebody should look at it.
    Attention,
    /// Something does not work now.
    Bad,
}

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Advice {
    /// What is the matter, in a word that stays the same from release to release.
    pub code: &'static str,
    /// How bad it is.
    pub state: State,
    /// The same for people, in English.
    pub detail: String,
}

fn advice(code: &'static str, state: State, detail: impl Into<String>) -> Advice {
    Advice { code, state, detail: detail.into() }
}

pub(super) fn worst(advice: &[Advice]) -> State {
    advice.iter().map(|advice| advice.state).max().unwrap_or_default()
}

/// What is refused is no trouble, it is what refusing is for.
pub(super) fn delivery(found: &Delivery) -> Vec<Advice> {
    let Some(cache) = &found.cache else { return Vec::new() };
    let mut told = Vec::new();
    if cache.unkept > 0 {
        let detail = format!(
            "slices that the cache's disk did not take since PicUp was started, and that were given without being kept: {}; see that \
             edge.cache_dir has room for edge.cache_size",
            cache.unkept
        );
        told.push(advice("cache-unkept", State::Attention, detail));
    }
    if cache.broken > 0 {
        let detail = format!(
            "slices in the cache that were not as they were written since PicUp was started, and were fetched anew: {}; the disk of \
             edge.cache_dir may be failing",
            cache.broken
        );
        told.push(advice("cache-broken", State::Attention, detail));
    }
    told
}

/// `away`: there are replicas, and the primary that they follow does not answer.
pub(super) fn database(
    vitals: Option<&Vitals>,
    checks: &[picup_database::Check],
    told: bool,
    away: bool,
) -> Vec<Advice> {
    if away {
        let detail = "the primary does not answer: people can look at what is there, and change nothing; bring it back, or promote \
                      a replica (docs/operations/replicas.md)";
        return vec![advice("primary-away", State::Bad, detail)];
    }
    if vitals.is_none() {
        let failed = checks.iter().find(|check| !check.ok).map_or("it did not answer in time", |check| &check.advice);
        let detail = format!("the database does not answer: {failed}; see the log, and run: picup doctor");
        return vec![advice("database-answers", State::Bad, detail)];
    }
    let mut found: Vec<Advice> = checks
        .iter()
        .filter(|check| !check.ok)
        .map(|check| match check.name {
            "database schema" => advice("database-schema", State::Bad, &*check.advice),
            "database journal" => advice("database-journal", State::Bad, &*check.advice),
            _ => advice("database-answers", State::Bad, &*check.advice),
        })
        .collect();
    if !told && found.is_empty() {
        let detail = "the database answers, but could not count; see the log, and run: picup doctor";
        found.push(advice("database-counts", State::Bad, detail));
    }
    found
}

pub(super) fn replicas(found: &[ReplicaReport]) -> Vec<Advice> {
    let out = found.iter().filter(|replica| !replica.serving).map(|replica| {
        let trouble = replica.trouble.as_deref().unwrap_or("it is looked at");
        let detail = format!("{}: {trouble}; see: picup db replica status --config FILE", replica.name);
        advice("replica-out", State::Attention, detail)
    });
    out.collect()
}

/// `None`: the store did not answer in time.
pub(super) fn store(checks: Option<&[picup_storage::Check]>, space: Option<Space>) -> Vec<Advice> {
    let Some(checks) = checks else {
        let detail = "the store did not answer in time: look at its disk, or at the network it is reached by";
        return vec![advice("storage-silent", State::Bad, detail)];
    };
    let full = space.is_some_and(|space| space.free <= space.kept);
    let judged = |check: &picup_storage::Check| match check.name {
        "storage-there" | "storage-writable" => advice(check.name, State::Bad, &*check.advice),
        "storage-space" if full => advice("storage-full", State::Bad, &*check.advice),
        name => advice(name, State::Attention, &*check.advice),
    };
    checks.iter().filter(|check| !check.ok).map(judged).collect()
}

/// `None`: looking took too long.
pub(super) fn media(checks: Option<&[picup_media::Check]>, found: &Media) -> Vec<Advice> {
    let judged = |check: &picup_media::Check| match check.name {
        "ffmpeg" | "ffprobe" => advice(check.name, State::Attention, &*check.advice),
        _ => advice("media-child", State::Bad, &*check.advice),
    };
    let mut all: Vec<Advice> = checks.unwrap_or_default().iter().filter(|check| !check.ok).map(judged).collect();
    if checks.is_none() {
        let detail = "trying ffmpeg and a decoder took too long: this machine may have too much to do";
        all.push(advice("media-silent", State::Attention, detail));
    }
    let assets = found.assets.unwrap_or_default();
    if assets.damaged > 0 {
        let detail = format!(
            "{} originals are not what was sent, or could not be looked at: their owners should upload them again; \
             the log has each",
            assets.damaged
        );
        all.push(advice("assets-damaged", State::Attention, detail));
    }
    if assets.damaged_motions > 0 {
        let detail = format!("the films of {} live photos are not what was sent", assets.damaged_motions);
        all.push(advice("motions-damaged", State::Attention, detail));
    }
    all
}

/// A long queue is no fault, and between two jobs none runs: it is stuck when none has been taken up for a while either.
pub(super) fn queue(queue: &Queue, last_claim: Timestamp, now: Timestamp) -> Vec<Advice> {
    let mut all = Vec::new();
    let failed: u64 = queue.kinds.iter().map(|kind| kind.counts.failed).sum();
    if failed > 0 {
        let detail = format!("{failed} jobs were given up: see why, put it right, and try them again");
        all.push(advice("jobs-given-up", State::Attention, detail));
    }
    let running: u64 = queue.kinds.iter().map(|kind| kind.counts.leased).sum();
    let due = queue.kinds.iter().filter_map(|kind| kind.due_since).min();
    if running == 0 && due.is_some_and(|due| due.max(last_claim).plus(STUCK_AFTER) < now) {
        let detail = "jobs wait, and none is worked on: see the log, and restart PicUp";
        all.push(advice("jobs-stuck", State::Bad, detail));
    }
    all
}

pub(super) fn accounts(found: &Accounts) -> Vec<Advice> {
    if found.near_count == 0 {
        return Vec::new();
    }
    let full = found.near.iter().any(|(_, quota)| quota.remaining() == Some(0));
    let detail =
        format!("{} accounts have nearly used up their quota, or all of it: give more, or tell them", found.near_count);
    vec![advice(if full { "quota-full" } else { "quota-near" }, State::Attention, detail)]
}

/// What is used and promised, in parts per million of the quota; nothing fits into a quota of nothing.
pub(super) fn fullness(quota: &Quota) -> u128 {
    let held = u128::from(quota.used.get()) + u128::from(quota.reserved.get());
    let Some(limit) = quota.limit else { return 0 };
    (held * 1_000_000).checked_div(u128::from(limit.get())).unwrap_or(1_000_000)
}

pub(super) fn is_near(quota: &Quota) -> bool {
    fullness(quota) >= NEAR_PERCENT * 10_000
}

#[cfg(test)]
mod tests {
    use picup_domain::ByteSize;

    use super::*;

    fn failed(name: &'static str) -> picup_storage::Check {
        picup_storage::Check { name, ok: false, advice: "do something".to_owned() }
    }

    fn codes(advice: &[Advice]) -> Vec<(&'static str, State)> {
        advice.iter().map(|advice| (advice.code, advice.state)).collect()
    }

    #[test]
    fn a_store_that_fills_up_deserves_attention_before_it_is_full() {
        let checks = [failed("storage-space")];
        let space = |free| Some(Space { free, total: 1_000, kept: 31 });
        assert_eq!(codes(&store(Some(&checks), space(32))), [("storage-space", State::Attention)]);
        assert_eq!(codes(&store(Some(&checks), space(31))), [("storage-full", State::Bad)]);
        let well = picup_storage::Check { ok: true, ..failed("storage-space") };
        assert!(store(Some(&[well]), space(500)).is_empty());
    }

    #[test]
    fn a_store_that_is_gone_or_silent_is_bad_and_an_open_one_is_not() {
        let bad = |name| codes(&store(Some(&[failed(name)]), None));
        assert_eq!(bad("storage-there"), [("storage-there", State::Bad)]);
        assert_eq!(bad("storage-writable"), [("storage-writable", State::Bad)]);
        assert_eq!(bad("storage-private"), [("storage-private", State::Attention)]);
        assert_eq!(codes(&store(None, None)), [("storage-silent", State::Bad)]);
    }

    #[test]
    fn nothing_fits_into_a_quota_of_nothing_and_everything_without_one() {
        let size = |bytes| ByteSize::new(bytes).unwrap();
        let quota = |limit: Option<u64>, used| Quota { limit: limit.map(size), used: size(used), reserved: size(0) };
        assert!(is_near(&quota(Some(0), 0)) && is_near(&quota(Some(10), 9)) && is_near(&quota(Some(10), 100)));
        assert!(!is_near(&quota(Some(10), 8)) && !is_near(&quota(None, u64::MAX >> 1)));
        assert!(is_near(&quota(Some(u64::MAX >> 1), u64::MAX >> 1)));
    }

    #[test]
    fn a_database_that_answers_and_cannot_count_is_not_well() {
        let vitals = Vitals { engine: "sqlite", answered_in: Duration::ZERO, schema: 1, bytes: 1 };
        assert!(database(Some(&vitals), &[], true, false).is_empty());
        assert_eq!(codes(&database(Some(&vitals), &[], false, false)), [("database-counts", State::Bad)]);
        assert_eq!(codes(&database(None, &[], false, false)), [("database-answers", State::Bad)]);
    }
}
