//! When a certificate is ordered, and when the authority is asked when that should be: pure, so that years pass in its tests. Moments are
//! seconds since 1970, UTC; `luck` is from 0 to 1, so that not all who had the same idea have it at once.

use std::time::Duration;

use picup_gateway::Certificate;
use serde::{Deserialize, Serialize};

use crate::config::AcmeChallenge;

const MINUTE: i64 = 60;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;
/// After a first failure; each further one takes three times as long. Authorities let a name fail some five times an hour.
const FIRST_RETRY: i64 = MINUTE;
const LAST_RETRY: i64 = 6 * HOUR;
/// How soon after it came a certificate is renewed because the authority wishes that: one that always wishes it is not followed for ever.
const SOONEST: i64 = 6 * HOUR;
/// How long an authority is asked nothing after it could not be asked when to renew.
const ASK_AGAIN: i64 = 6 * HOUR;

/// What is known between attempts: `DATA/acme/state.json`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Notes {
    /// Which directory the certificate came from.
    pub(crate) directory: Option<String>,
    /// The way by which the authority saw that the names are ours.
    pub(crate) challenge: Option<AcmeChallenge>,
    /// When it came; nothing where that plays no part.
    pub(crate) issued_at: Option<i64>,
    /// When it is to be renewed.
    pub(crate) renew_at: Option<i64>,
    /// Between which moments the authority wishes that.
    pub(crate) window: Option<(i64, i64)>,
    /// When it is asked again.
    pub(crate) ask_at: Option<i64>,
    /// Attempts that failed since the last that did not.
    pub(crate) failures: u32,
    /// Why the last one failed.
    pub(crate) error: Option<String>,
    /// Before when there is no other.
    pub(crate) retry_at: Option<i64>,
}

/// What is to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// Order a certificate.
    Order,
    /// Ask when to renew.
    Ask,
    /// Nothing before then.
    Wait(i64),
}

impl Notes {
    /// After a certificate came.
    pub(super) fn issued(
        directory: &str,
        challenge: AcmeChallenge,
        certificate: &Certificate,
        now: i64,
        luck: f64,
    ) -> Self {
        Self {
            directory: Some(directory.to_owned()),
            challenge: Some(challenge),
            issued_at: Some(now),
            renew_at: Some(by_life(certificate, luck)),
            ask_at: Some(now),
            ..Self::default()
        }
    }

    /// After an attempt failed; `told` is how long the authority wants no other.
    pub(super) fn failed(&mut self, error: String, told: Option<Duration>, now: i64, luck: f64) {
        let told = told.map_or(0, |told| i64::try_from(told.as_secs()).unwrap_or(DAY).min(DAY));
        let wait = FIRST_RETRY.saturating_mul(3_i64.saturating_pow(self.failures)).min(LAST_RETRY);
        self.failures = self.failures.saturating_add(1);
        self.error = Some(error);
        self.retry_at = Some(now + (wait + part(wait, 0.25 * luck)).max(told));
    }

    /// After the authority said between which moments it wishes this certificate to be renewed, and when it is to be asked again.
    pub(super) fn told(&mut self, window: (i64, i64), again: Duration, certificate: &Certificate, now: i64, luck: f64) {
        let again = i64::try_from(again.as_secs()).unwrap_or(DAY).clamp(MINUTE, DAY);
        self.ask_at = Some(now.saturating_add(again));
        if self.window != Some(window) {
            let (start, end) = window;
            let chosen = start.saturating_add(part(end.saturating_sub(start).max(0), luck));
            // Whatever it wishes, a tenth of its life is left for what may go wrong.
            let last = certificate.not_after.saturating_sub(part(life(certificate), 0.1));
            let soonest = self.issued_at.map_or(i64::MIN, |at| at + SOONEST.min(life(certificate) / 3));
            (self.window, self.renew_at) = (Some(window), Some(chosen.max(soonest).min(last)));
        }
    }

    /// After it could not say that.
    pub(super) fn not_told(&mut self, certificate: &Certificate, now: i64, luck: f64) {
        self.ask_at = Some(now + ASK_AGAIN);
        self.renew_at.get_or_insert_with(|| by_life(certificate, luck));
    }

    /// Somebody wants it at once, or at least what the authority wishes.
    pub(super) fn hasten(&mut self, now: i64) {
        if self.failures > 0 {
            self.retry_at = None;
        } else {
            (self.issued_at, self.window, self.ask_at) = (None, None, Some(now));
        }
    }

    /// What is to be done; `fits` says whether the certificate that is there is what is wanted, but for its age.
    pub(super) fn next(&self, fits: bool, now: i64) -> Step {
        let ask_at = fits.then_some(self.ask_at.unwrap_or(now));
        // Before it is known when to renew, that is asked.
        let wanted_at = if fits { self.renew_at.unwrap_or(i64::MAX) } else { i64::MIN };
        let order_at = wanted_at.max(self.retry_at.unwrap_or(i64::MIN));
        if order_at <= now {
            Step::Order
        } else if ask_at.is_some_and(|ask_at| ask_at <= now) {
            Step::Ask
        } else {
            Step::Wait(order_at.min(ask_at.unwrap_or(i64::MAX)))
        }
    }

    /// The way that is tried now: that of the last time first, and after each failure the next.
    pub(super) fn way(&self, ways: &[AcmeChallenge]) -> Option<AcmeChallenge> {
        let first = ways.iter().position(|way| Some(*way) == self.challenge).unwrap_or(0);
        let turn = first.saturating_add(usize::try_from(self.failures).unwrap_or(usize::MAX));
        ways.get(turn.checked_rem(ways.len())?).copied()
    }
}

/// At two thirds of its life, or up to a twentieth of it sooner.
fn by_life(certificate: &Certificate, luck: f64) -> i64 {
    let life = life(certificate);
    certificate.not_before.saturating_add(part(life, 2.0 / 3.0)).saturating_sub(part(life, luck / 20.0))
}

fn life(certificate: &Certificate) -> i64 {
    certificate.not_after.saturating_sub(certificate.not_before).max(0)
}

#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    reason = "seconds of some years, and `as` saturates"
)]
fn part(whole: i64, part: f64) -> i64 {
    (whole as f64 * part) as i64
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NOW: i64 = 1_800_000_000;
    const HTTP: AcmeChallenge = AcmeChallenge::Http01;
    const ALPN: AcmeChallenge = AcmeChallenge::TlsAlpn01;

    fn certificate(days: i64) -> Certificate {
        Certificate {
            names: vec!["photos.example".to_owned()],
            not_before: NOW,
            not_after: NOW.saturating_add(days.saturating_mul(DAY)),
            is_self_signed: false,
            der: vec![].into(),
        }
    }

    fn issued(days: i64, luck: f64) -> Notes {
        Notes::issued("https://ca.example/dir", HTTP, &certificate(days), NOW, luck)
    }

    #[test]
    fn a_first_certificate_is_ordered_at_once() {
        assert_eq!(Notes::default().next(false, NOW), Step::Order);
        assert_eq!(issued(90, 0.0).next(false, NOW), Step::Order, "one for other names, too");
    }

    #[test]
    fn without_word_from_the_authority_it_is_renewed_at_two_thirds_of_its_life() {
        let mut notes = issued(90, 0.0);
        assert_eq!(notes.next(true, NOW), Step::Ask);
        notes.not_told(&certificate(90), NOW, 0.5);
        assert_eq!(notes.next(true, NOW + 1), Step::Wait(NOW + 6 * HOUR));
        assert_eq!(notes.next(true, NOW + 60 * DAY - 1), Step::Ask);
        assert_eq!(notes.next(true, NOW + 60 * DAY), Step::Order);
        assert_eq!(issued(90, 1.0).renew_at, Some(NOW + 60 * DAY - 90 * DAY / 20));
        assert_eq!(issued(6, 0.0).renew_at, Some(NOW + 4 * DAY), "short lives, too");
    }

    #[test]
    fn a_certificate_whose_notes_are_lost_is_not_ordered_again() {
        let mut notes = Notes::default();
        assert_eq!(notes.next(true, NOW), Step::Ask);
        notes.not_told(&certificate(90), NOW, 0.0);
        assert_eq!(notes.next(true, NOW), Step::Wait(NOW + 6 * HOUR));
        assert_eq!(notes.renew_at, Some(NOW + 60 * DAY));
    }

    #[test]
    fn the_authoritys_window_counts_and_a_moment_in_it_is_chosen_once() {
        let (mut notes, window) = (issued(90, 0.0), (NOW + 50 * DAY, NOW + 52 * DAY));
        notes.told(window, Duration::from_secs(7_200), &certificate(90), NOW, 0.5);
        assert_eq!(notes.renew_at, Some(NOW + 51 * DAY));
        assert_eq!(notes.next(true, NOW), Step::Wait(NOW + 2 * HOUR));
        notes.told(window, Duration::from_secs(7_200), &certificate(90), NOW + 2 * HOUR, 0.9);
        assert_eq!(notes.renew_at, Some(NOW + 51 * DAY));
        // It wants it now: something went wrong there.
        notes.told((NOW - DAY, NOW), Duration::from_secs(7_200), &certificate(90), NOW + DAY, 0.9);
        assert_eq!(notes.next(true, NOW + DAY), Step::Order);
        // It wants it when it is too late.
        notes.told((NOW + 99 * DAY, NOW + 100 * DAY), Duration::ZERO, &certificate(90), NOW, 0.0);
        assert_eq!(notes.renew_at, Some(NOW + 81 * DAY));
        assert_eq!(notes.ask_at, Some(NOW + MINUTE), "it is not asked all the time, whatever it says");
        notes.told((0, 0), Duration::MAX, &certificate(90), NOW, 0.0);
        assert_eq!(notes.ask_at, Some(NOW + DAY));
    }

    #[test]
    fn an_authority_that_always_wishes_it_now_is_not_followed_for_ever() {
        let (mut notes, past) = (issued(90, 0.0), (NOW - DAY, NOW - HOUR));
        notes.told(past, Duration::from_secs(7_200), &certificate(90), NOW, 0.5);
        assert_eq!(notes.renew_at, Some(NOW + 6 * HOUR));
        let mut short = Notes::issued("d", HTTP, &certificate(0), NOW, 0.0);
        short.told(past, Duration::from_secs(7_200), &certificate(0), NOW, 0.5);
        assert_eq!(short.renew_at, Some(NOW), "one without a life is over");
        notes.hasten(NOW + 60);
        notes.told(past, Duration::from_secs(7_200), &certificate(90), NOW + 60, 0.5);
        assert_eq!(notes.next(true, NOW + 60), Step::Order, "unless a person wants it");
    }

    #[test]
    fn after_failures_the_pauses_grow_and_the_ways_take_turns() {
        let mut notes = Notes::default();
        let mut pauses = Vec::new();
        for expected in [HTTP, ALPN, HTTP, ALPN, HTTP, ALPN, HTTP, ALPN] {
            assert_eq!(notes.way(&[HTTP, ALPN]), Some(expected));
            notes.failed("refused".to_owned(), None, NOW, 0.0);
            let Step::Wait(until) = notes.next(false, NOW) else { panic!("{notes:?}") };
            assert_eq!(notes.next(false, until), Step::Order);
            pauses.push((until - NOW) / MINUTE);
        }
        assert_eq!(pauses, [1, 3, 9, 27, 81, 243, 360, 360]);
        notes.failed("refused".to_owned(), None, NOW, 1.0);
        assert_eq!(notes.retry_at, Some(NOW + 450 * MINUTE));
        notes.failures = 0;
        notes.failed("slow down".to_owned(), Some(Duration::from_secs(7_200)), NOW, 0.0);
        assert_eq!(notes.retry_at, Some(NOW + 2 * HOUR), "the authority knows better");
        notes.failed("slow down".to_owned(), Some(Duration::MAX), NOW, 0.0);
        assert_eq!(notes.retry_at, Some(NOW + DAY), "but not for ever");
        notes.hasten(NOW);
        assert_eq!(notes.next(false, NOW), Step::Order, "and a person knows best");
    }

    #[test]
    fn a_renewal_that_fails_leaves_what_is_known_and_begins_with_the_way_that_went_well() {
        let mut notes = Notes::issued("d", ALPN, &certificate(90), NOW, 0.0);
        assert_eq!(notes.way(&[HTTP, ALPN]), Some(ALPN));
        let late = NOW + 60 * DAY;
        notes.not_told(&certificate(90), late, 0.0);
        notes.failed("down".to_owned(), None, late, 0.0);
        assert_eq!(notes.next(true, late), Step::Wait(late + MINUTE));
        assert_eq!(notes.way(&[HTTP, ALPN]), Some(HTTP));
        assert_eq!(notes.way(&[]), None);
        assert_eq!(notes.way(&[HTTP]), Some(HTTP));
    }

    proptest! {
        #[test]
        fn whatever_an_authority_says_nothing_overflows(
            start: i64, end: i64, seconds: u64, days: i64, failures: u32, luck in 0.0..=1.0,
        ) {
            let mut notes = issued(days, luck);
            notes.failures = failures;
            notes.told((start, end), Duration::from_secs(seconds), &certificate(days), NOW, luck);
            notes.failed(String::new(), Some(Duration::from_secs(seconds)), NOW, luck);
            prop_assert!(notes.retry_at.is_some_and(|at| (NOW + MINUTE..=NOW + DAY).contains(&at)));
            let _ = (notes.next(true, NOW), notes.next(false, NOW), notes.way(&[HTTP, ALPN]));
        }
    }
}
