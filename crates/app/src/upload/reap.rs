//! What nobody finished: uploads past their time, and what a crash left half done.

use std::time::Duration;

use picup_database::{ObjectState, UploadState};
use picup_domain::Timestamp;

use crate::{App, Error};

/// How many of a kind one round takes on.
const AT_ONCE: u32 = 100;
/// Left-overs younger than this may belong to somebody at work.
const LEFT_OVER: Duration = Duration::from_secs(60 * 60);

/// Half-written files of the store this old have no writer any more.
const INTERRUPTED: Duration = Duration::from_secs(24 * 60 * 60);

/// One round: gives up uploads past their time, finishes those a crash caught while completing, and clears away bytes that
/// nothing names any more.
pub(crate) async fn reap(app: &App) -> Result<(), Error> {
    let now = app.now();
    expired(app, now).await?;
    orphans(app, now.minus(LEFT_OVER)).await?;
    app.storage().sweep(now.minus(INTERRUPTED)).await?;
    doomed(app, now.minus(LEFT_OVER)).await
}

/// What a killed process left half done, finished or cleared away at once. Only for the one process that works on its
/// database and store: to it everything half done is a left-over.
pub(crate) async fn take_over(app: &App) -> Result<(), Error> {
    let accounts = app.database().read_fresh().await?.account_list().await?;
    for account in accounts {
        let half = app.database().read_fresh().await?.upload_list(account.id, UploadState::Completing, AT_ONCE).await?;
        for row in half {
            let id = row.id;
            if let Err(error) = super::finish(app, row).await {
                tracing::warn!(upload = %id, error = error.story(), "an upload that was being completed could not be; its client may ask again");
            }
        }
    }
    let now = app.now();
    orphans(app, now).await?;
    app.storage().sweep(now).await?;
    doomed(app, now).await
}

async fn expired(app: &App, now: Timestamp) -> Result<(), Error> {
    let expired = app.database().read_fresh().await?.upload_list_expired(now, AT_ONCE).await?;
    for row in expired {
        let id = row.id;
        match row.state {
            UploadState::Open => {
                if super::give_up(app, &row).await? {
                    app.0.metrics.upload("expired");
                    tracing::info!(upload = %id, "an upload ran out of time and was given up");
                }
            }
            UploadState::Completing => {
                super::finish(app, row).await?;
            }
            UploadState::Committed => {
                let mut write = app.database().write().await?;
                write.upload_delete(id, UploadState::Committed).await?;
                write.commit().await?;
            }
        }
    }
    Ok(())
}

/// Staged bytes, begun before a moment, whose upload was never written down, or was forgotten.
async fn orphans(app: &App, before: Timestamp) -> Result<(), Error> {
    for id in app.storage().uploads_staged().await? {
        if id.born_at() < before && app.database().read_fresh().await?.upload_by_address(id).await?.is_none() {
            app.storage().upload_abort(id).await?;
            tracing::info!(upload = %id, "staged bytes of an unknown upload were removed");
        }
    }
    Ok(())
}

/// Objects, made before a moment, whose removal was decided and not finished.
async fn doomed(app: &App, before: Timestamp) -> Result<(), Error> {
    let doomed = app.database().read_fresh().await?.object_list_stale(ObjectState::Deleting, before, AT_ONCE).await?;
    for object in doomed {
        app.storage().delete(&object.key).await?;
        let mut write = app.database().write().await?;
        write.object_delete(&object.key).await?;
        write.commit().await?;
    }
    Ok(())
}
