//! Keeps our token fresh: renewed at about two thirds of what it was lent, and followed by another login where it cannot be renewed.

use std::sync::Arc;

use serde::Serialize;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

use crate::door::Ask;
use crate::inner::Inner;
use crate::pace::Failing;
use crate::session::{Session, span};
use crate::{Error, Values, pace, standing};

#[derive(Serialize)]
struct Increment {
    /// Seconds.
    increment: u64,
}

/// Keeps the token of `inner` until nobody wants it any more.
pub(crate) async fn keep(inner: Arc<Inner>) {
    let (mut sessions, mut closing) = (inner.sessions.subscribe(), inner.closing.subscribe());
    let mut failing = Failing::default();
    let mut due = due(&sessions.borrow_and_update().clone());
    loop {
        tokio::select! {
            () = closed(&mut closing) => return,
            _ = sessions.changed() => {
                failing.end();
                due = self::due(&sessions.borrow_and_update().clone());
            }
            () = at(due) => {
                let session = inner.session();
                if let Err(error) = renew(&inner, &session).await {
                    let left = session.ends.map(|ends| ends.saturating_duration_since(Instant::now()));
                    due = Some(Instant::now() + failing.pause(&error, left));
                    standing::ill(&inner.standing, "our token was not renewed", error);
                }
            }
        }
    }
}

/// Waits until all is to end.
pub(crate) async fn closed(closing: &mut watch::Receiver<bool>) {
    // An error is the end too: nobody is left.
    let _ = closing.wait_for(|closing| *closing).await;
}

async fn at(due: Option<Instant>) {
    match due {
        Some(due) => sleep_until(due).await,
        None => std::future::pending().await,
    }
}

fn due(session: &Session) -> Option<Instant> {
    session.granted.map(|granted| Instant::now() + pace::two_thirds(granted))
}

/// Renews the token; logs in anew where that is not possible, or comes to its end.
async fn renew(inner: &Inner, session: &Session) -> Result<(), Error> {
    if !session.renewable || session.is_over() {
        return inner.log_in_after(session).await.map(drop);
    }
    let body = Increment { increment: session.lent.map_or(0, |lent| lent.as_secs()) };
    let ask = Ask::post("renew our token", "auth/token/renew-self").with(&body);
    let asked = Instant::now();
    let answer = match session.ask::<Values>(&ask).await {
        Err(error) if error.is_final() => return inner.log_in_after(session).await.map(drop),
        answer => answer?,
    };
    let auth = answer.logged_in(&ask)?;
    let granted = span(auth.lease_duration);
    inner.renewed(session.renewed(asked, granted, auth.renewable));
    tracing::debug!(seconds = auth.lease_duration, "our token was renewed");
    let capped = granted.zip(session.lent).is_some_and(|(granted, lent)| pace::is_capped(granted, lent));
    if capped { inner.log_in_after(session).await.map(drop) } else { Ok(()) }
}
