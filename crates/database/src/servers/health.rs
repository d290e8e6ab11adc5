//! How old what a copy holds is.

use std::time::Duration;

use picup_domain::Timestamp;

use super::answer::value_of;
use super::facts::{ChannelState, Facts};
use super::node::Node;
use super::scene::Seen;
use super::words::named;
use super::{Channel, Error};
use crate::family::Family;
use crate::position::Position;

#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Times {
    pub(super) lag: Option<Duration>,
    pub(super) recovery_point: Option<Timestamp>,
    /// How far in the future the heartbeat is that therefore is no witness.
    pub(super) ahead: Option<Duration>,
}

/// How far behind a channel is and up to which moment it is sure to have everything. Whoever has all that the source tells of
/// is up to date with it, and the source with whom it follows itself, as far as it says. Otherwise there are two witnesses: what the
/// server says while it is connected, and the last heartbeat that a running PicUp has written on the source.
pub(super) async fn times(
    target: &mut Seen,
    source: Option<&Facts>,
    state: &ChannelState,
    channel: &Channel,
    now: Timestamp,
) -> Times {
    let here = if source.is_some_and(|source| has_all(&target.facts, source)) {
        Some(Duration::ZERO)
    } else {
        state.seconds_behind.filter(|_| state.runs()).map(Duration::from_secs)
    };
    let behind = here.zip(source_behind(source)).map(|(here, source)| here + source);
    let heard = behind.map(|behind| now.minus(behind));
    if heard == Some(now) {
        return Times { lag: behind, recovery_point: heard, ahead: None };
    }
    let asked = format!("SELECT beat_at FROM {}.heartbeat WHERE id = 1", named(&channel.schema));
    // An older PicUp has no such table.
    let beat = target.node.text(&asked).await.ok().and_then(|beat| beat.parse().ok()).filter(|beat| *beat > 0);
    let beat = beat.map(Timestamp::from_micros);
    let ahead = beat.filter(|beat| *beat > now).map(|beat| between(now, beat));
    let recovery_point = heard.max(beat.filter(|beat| *beat <= now));
    let age = recovery_point.map(|point| between(point, now));
    Times { lag: behind.or(age), recovery_point, ahead }
}

fn between(from: Timestamp, to: Timestamp) -> Duration {
    Duration::from_micros(to.micros().saturating_sub(from.micros()).max(0).unsigned_abs())
}

/// Whether a target has applied all that its source has logged. A log that is empty, as when it was reset, tells nothing.
fn has_all(target: &Facts, source: &Facts) -> bool {
    let (here, there) = (Position::parse(&target.applied), Position::parse(&source.logged));
    here.zip(there).is_some_and(|(here, there)| there != Position::default() && here.covers(&there))
}

/// How far a source is behind those it follows itself, which is nothing if it follows nobody; `None` when nobody can tell.
fn source_behind(source: Option<&Facts>) -> Option<Duration> {
    let channels = source.map(|source| source.channels.as_slice()).unwrap_or_default();
    let behind = |channel: &ChannelState| channel.seconds_behind.filter(|_| channel.runs()).map(Duration::from_secs);
    channels.iter().map(behind).try_fold(Duration::ZERO, |most, one| Some(most.max(one?)))
}

/// Whether a source waits for a target at the moment; it does not any more once it has waited in vain.
pub(super) async fn is_semi_sync(source: &mut Node) -> Result<bool, Error> {
    let [waits, targets] = match source.family {
        Family::MariaDb => ["Rpl_semi_sync_master_status", "Rpl_semi_sync_master_clients"],
        Family::MySql => ["Rpl_semi_sync_source_status", "Rpl_semi_sync_source_clients"],
    };
    let rows = source.ask("SHOW GLOBAL STATUS LIKE 'Rpl_semi_sync%'").await?;
    Ok(value_of(&rows, waits) == "ON" && value_of(&rows, targets) != "0")
}
