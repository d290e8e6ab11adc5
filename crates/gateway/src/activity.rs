//! What goes on on one connection, and the two waits that end a quiet one. The log says when a request begins and ends,
//! `accept` waits; nothing here touches the connection itself.

use std::time::Duration;

use tokio::sync::watch;
use tokio::time::timeout;

/// What one connection is doing, so that a quiet one can be closed.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Activity {
    begun: u64,
    ended: u64,
}

impl Activity {
    pub(crate) fn begin(&mut self) {
        self.begun += 1;
    }

    pub(crate) fn end(&mut self) {
        self.ended += 1;
    }
}

/// Ready when the first request has not begun in time: covers what no later time-out does, a client that connects and is
/// silent before even the protocol is known.
pub(crate) async fn first_request(mut seen: watch::Receiver<Activity>, patience: Duration) {
    let begun = timeout(patience, seen.wait_for(|activity| activity.begun > 0)).await.is_ok();
    if begun {
        std::future::pending::<()>().await;
    }
}

/// Ready when, after a first request, none has been in flight for `patience`.
pub(crate) async fn idle(mut seen: watch::Receiver<Activity>, patience: Duration) {
    let mut begun = 0;
    loop {
        let Ok(activity) = seen.wait_for(|now| now.begun > begun && now.begun == now.ended).await.map(|now| *now)
        else {
            return;
        };
        begun = activity.begun;
        if timeout(patience, seen.wait_for(|now| now.begun > begun)).await.is_err() {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_silent_client_is_not_waited_for() {
        let (activity, seen) = watch::channel(Activity::default());
        let second = Duration::from_secs(1);
        first_request(seen.clone(), second).await;
        activity.send_modify(Activity::begin);
        assert!(timeout(10 * second, first_request(seen, second)).await.is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn only_quiet_counts_as_idle() {
        let (activity, seen) = watch::channel(Activity::default());
        let second = Duration::from_secs(1);
        let mut idle = pin!(idle(seen, 2 * second));
        assert!(timeout(10 * second, &mut idle).await.is_err(), "nothing yet: that is the other clock's business");
        activity.send_modify(Activity::begin);
        assert!(timeout(10 * second, &mut idle).await.is_err(), "a request in flight");
        activity.send_modify(Activity::end);
        assert!(timeout(second, &mut idle).await.is_err(), "not quiet for long enough");
        activity.send_modify(|now| {
            now.begin();
            now.end();
        });
        assert!(timeout(second, &mut idle).await.is_err(), "a request in between, however short, starts it anew");
        assert!(timeout(2 * second, &mut idle).await.is_ok());
    }
}
