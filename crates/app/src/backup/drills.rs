//! Rehearsals that nobody has to ask for: a restore from each destination in its turn, by the server's own key. What comes of one is kept
//! as that of `picup backup drill`.

use std::time::Duration;

use picup_database::{CopyState, Destination};
use picup_domain::Timestamp;
use tokio_util::sync::CancellationToken;

use super::{AGAIN, catalogue, rest};
use crate::restore::drill::rehearse;
use crate::{App, Error};

/// What the folders of rehearsals are called.
pub(super) const PREFIX: &str = "drill-";
const LOOK_EVERY: Duration = Duration::from_secs(30);
/// One that failed is tried again on the next day, however seldom they are.
const AFTER_FAILURE: Duration = Duration::from_secs(86_400);

/// Works until it is told to stop.
pub(super) async fn run(app: App, stop: CancellationToken) {
    let Some(every) = app.settings().backup.drill_every else { return };
    while rest(&stop, LOOK_EVERY).await {
        tokio::select! {
            () = stop.cancelled() => return,
            result = round(&app, every) => if let Err(error) = result {
                tracing::warn!(error = error.story(), "a restore is rehearsed later");
                rest(&stop, AGAIN).await;
            }
        }
    }
}

/// Rehearses a restore from the destination whose turn it is, if it is one's. Gives its name.
pub(super) async fn round(app: &App, every: Duration) -> Result<Option<String>, Error> {
    let Some(name) = due(app, every).await? else { return Ok(None) };
    let spool = &app.settings().backup.spool;
    let made = std::fs::create_dir_all(spool).and_then(|()| tempfile::Builder::new().prefix(PREFIX).tempdir_in(spool));
    let folder = made.map_err(|error| catalogue::spoiled("make a folder for a rehearsal", &error))?;
    match rehearse(app, &name, None, folder.path(), |_| {}).await {
        Ok(found) if found.is_good() => tracing::info!(destination = name, "a restore was rehearsed and went well"),
        Ok(found) => {
            let (missing, different) = (found.restored.missing, found.different);
            tracing::error!(destination = name, missing, different, "a rehearsal of a restore failed");
        }
        Err(error) => tracing::error!(destination = name, error = error.story(), "a rehearsal of a restore failed"),
    }
    Ok(Some(name))
}

/// The destination that was rehearsed longest ago of those that are due. While copies wait, one would find them missing.
async fn due(app: &App, every: Duration) -> Result<Option<String>, Error> {
    let (now, mut read) = (app.now(), app.database().read_fresh().await?);
    let all = read.destination_list().await?;
    let mut first: Option<Destination> = None;
    for (_, id) in app.inner.targets.enlisted() {
        let Some(found) = all.iter().find(|found| found.id == id && is_due(found, every, now)) else { continue };
        let waits = |state| matches!(state, CopyState::Waiting | CopyState::Failing);
        let waiting = read.copy_counts(id).await?.iter().any(|count| waits(count.state) && count.copies > 0);
        if !waiting && first.as_ref().is_none_or(|first| began(found) < began(first)) {
            first = Some(found.clone());
        }
    }
    Ok(first.map(|first| first.name))
}

fn began(destination: &Destination) -> Option<Timestamp> {
    destination.drill.as_ref().map(|drill| drill.at)
}

fn is_due(destination: &Destination, every: Duration, now: Timestamp) -> bool {
    let again = match &destination.drill {
        None => true,
        Some(drill) => drill.at.plus(if drill.ok { every } else { every.min(AFTER_FAILURE) }) <= now,
    };
    again && destination.enrolled && destination.catalogue_at.is_some()
}
