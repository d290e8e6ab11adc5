//! What goes on on one connection, and the three waits that end a quiet one, or one whose client takes no answers. The log says when a
//! request begins and ends, and whether an answer waits for its client; `accept` waits; nothing here touches the connection itself. No
//! wait is woken by a request: each looks when its time is over.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, sleep, sleep_until};

/// How often it is looked whether a first request has begun, in the moment when the gateway stops.
const LOOK_EVERY: Duration = Duration::from_millis(5);

/// What one connection is doing, so that a quiet one can be closed. Clones are one.
#[derive(Debug, Clone, Default)]
pub(crate) struct Activity(Arc<Mutex<Seen>>);

#[derive(Debug, Default)]
struct Seen {
    /// Requests in flight.
    now: usize,
    /// When the last one ended, or the first one began.
    last: Option<Instant>,
    /// Answers of which the client has to take something before more is asked of them.
    offered: usize,
    /// Grows whenever anything happens.
    moves: u64,
}

impl Activity {
    pub(crate) fn begin(&self, at: Instant) {
        let mut seen = self.seen();
        seen.now += 1;
        seen.moves += 1;
        seen.last.get_or_insert(at);
    }

    /// One ended; `offered` as it was said last.
    pub(crate) fn end(&self, at: Instant, offered: bool) {
        let mut seen = self.seen();
        seen.now -= 1;
        seen.offered -= usize::from(offered);
        seen.moves += 1;
        seen.last = Some(at);
    }

    /// An answer was asked for more, or began: whether it waits for its client `now`, and whether it did `before`.
    pub(crate) fn moved(&self, before: bool, now: bool) {
        let mut seen = self.seen();
        seen.moves += 1;
        seen.offered = seen.offered + usize::from(now) - usize::from(before);
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Ready when the first request has not begun in time: covers what no later time-out does, a client that connects and is
/// silent before even the protocol is known.
pub(crate) async fn first_request(activity: &Activity, patience: Duration) {
    sleep(patience).await;
    let begun = activity.seen().last.is_some();
    if begun {
        std::future::pending::<()>().await;
    }
}

/// Ready as soon as a first request has begun, or after `patience`.
pub(crate) async fn begun(activity: &Activity, patience: Duration) {
    let late = Instant::now() + patience;
    while activity.seen().last.is_none() && Instant::now() < late {
        sleep(LOOK_EVERY).await;
    }
}

/// Ready when, after a first request, none has been in flight for `patience`.
pub(crate) async fn idle(activity: &Activity, patience: Duration) {
    loop {
        // Whatever goes on now, this is not before its end.
        let quiet = match *activity.seen() {
            Seen { now: 0, last: Some(last), .. } => last + patience,
            _ => Instant::now() + patience,
        };
        if quiet <= Instant::now() {
            return;
        }
        sleep_until(quiet).await;
    }
}

/// Ready when all requests in flight have an answer that the client takes nothing of, for `patience` and up to twice that. Over HTTP/2
/// a client may open no window: then nothing is written that could stall.
pub(crate) async fn stuck(activity: &Activity, patience: Duration) {
    let mut before = None;
    loop {
        let moves = {
            let seen = activity.seen();
            (seen.offered > 0 && seen.offered == seen.now).then_some(seen.moves)
        };
        if moves.is_some() && moves == before {
            return;
        }
        before = moves;
        sleep(patience).await;
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;

    use tokio::time::timeout;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_silent_client_is_not_waited_for() {
        let activity = Activity::default();
        let second = Duration::from_secs(1);
        first_request(&activity, second).await;
        activity.begin(Instant::now());
        assert!(timeout(10 * second, first_request(&activity, second)).await.is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_has_just_connected_is_heard() {
        let (activity, second) = (Activity::default(), Duration::from_secs(1));
        let started = Instant::now();
        begun(&activity, second).await;
        assert!(started.elapsed() >= second);
        let begins = async {
            sleep(second / 2).await;
            activity.begin(Instant::now());
        };
        let started = Instant::now();
        tokio::join!(begins, begun(&activity, second));
        assert!(started.elapsed() < second);
    }

    #[tokio::test(start_paused = true)]
    async fn only_quiet_counts_as_idle() {
        let activity = Activity::default();
        let second = Duration::from_secs(1);
        let mut idle = pin!(idle(&activity, 2 * second));
        assert!(timeout(10 * second, &mut idle).await.is_err(), "nothing yet: that is the other clock's business");
        activity.begin(Instant::now());
        assert!(timeout(10 * second, &mut idle).await.is_err(), "a request in flight");
        activity.end(Instant::now(), false);
        assert!(timeout(second, &mut idle).await.is_err(), "not quiet for long enough");
        activity.begin(Instant::now());
        activity.end(Instant::now(), false);
        assert!(timeout(second, &mut idle).await.is_err(), "a request in between, however short, starts it anew");
        assert!(timeout(2 * second, &mut idle).await.is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_takes_nothing_is_given_up_and_not_one_that_is_slow() {
        let (activity, second) = (Activity::default(), Duration::from_secs(1));
        let mut stuck = pin!(stuck(&activity, 10 * second));
        activity.begin(Instant::now());
        assert!(timeout(100 * second, &mut stuck).await.is_err(), "who answers takes long");
        activity.moved(false, true);
        for _ in 0..10 {
            assert!(timeout(9 * second, &mut stuck).await.is_err());
            activity.moved(true, true);
        }
        activity.begin(Instant::now());
        assert!(timeout(100 * second, &mut stuck).await.is_err(), "another one has no answer yet");
        activity.moved(false, true);
        assert!(timeout(21 * second, &mut stuck).await.is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn the_time_of_quiet_begins_with_the_end_of_the_last_request() {
        let activity = Activity::default();
        let second = Duration::from_secs(1);
        activity.begin(Instant::now());
        let ends = async {
            sleep(3 * second).await;
            activity.end(Instant::now(), false);
        };
        let begun = Instant::now();
        tokio::join!(ends, idle(&activity, 2 * second));
        assert_eq!(begun.elapsed(), 5 * second);
    }
}
