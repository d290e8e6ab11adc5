//! How old what a copy holds is.

use std::time::Duration;

use picup_domain::Timestamp;

use super::answer::value_of;
use super::facts::{ChannelState, Facts};
use super::node::Node;
use super::scene::Seen;
use super::words::named;
use super::{Channel, Error};
use crate::position::Position;
use crate::replica::Family;

#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Times {
    pub(super) lag: Option<Duration>,
    pub(super) recovery_point: Option<Timestamp>,
}

/// How far behind a channel is and up to which moment it is sure to have everything. Whoever has all that the source tells of
/// is up to date. Otherwise there are two witnesses: what the server says while it is connected, and the last heartbeat that a
/// running PicUp has written on the source.
pub(super) async fn times(
    target: &mut Seen,
    source: Option<&Facts>,
    state: &ChannelState,
    channel: &Channel,
    now: Timestamp,
) -> Times {
    let parse = |text: &str| Position::parse(text).unwrap_or_default();
    if source.is_some_and(|source| parse(&target.facts.applied).covers(&parse(&source.logged))) {
        return Times { lag: Some(Duration::ZERO), recovery_point: Some(now) };
    }
    let running = state.receives && state.applies;
    let behind = state.seconds_behind.filter(|_| running).map(Duration::from_secs);
    let heard = behind.map(|behind| now.minus(behind));
    let asked = format!("SELECT beat_at FROM {}.heartbeat WHERE id = 1", named(&channel.schema));
    // An older PicUp has no such table.
    let beat = target.node.text(&asked).await.ok().and_then(|beat| beat.parse().ok()).filter(|beat| *beat > 0);
    let beat = beat.map(Timestamp::from_micros);
    let recovery_point = heard.max(beat);
    let age = recovery_point
        .map(|point| Duration::from_micros(now.micros().saturating_sub(point.micros()).max(0).unsigned_abs()));
    Times { lag: behind.or(age), recovery_point }
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
