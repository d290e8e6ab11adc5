//! Jobs that were given up, begun once more: after somebody has put right what they failed for.

use picup_database::{FailedJob, Write};
use picup_domain::JobId;

use crate::audit::{Actor, note};
use crate::events::{self, Change};
use crate::queue::{Task, wake};
use crate::{App, Error};

/// So many are put back in one transaction.
const AT_ONCE: u32 = 500;

/// What came of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retried {
    /// How many are begun once more.
    pub retried: u64,
    /// How many are given up still; ask again for these.
    pub left: u64,
}

/// Begins jobs once more that were given up: those, or, without a list, the first few hundred of all. One that is not given up
/// (any more) is left alone.
///
/// # Errors
/// When the database cannot write.
pub async fn retry(app: &App, by: Actor, jobs: Option<&[JobId]>) -> Result<Retried, Error> {
    let mut write = app.database().write().await?;
    let wanted = match jobs {
        Some(ids) => named(&mut write, ids).await?,
        None => some(app, &mut write).await?,
    };
    let mut retried = 0;
    for job in &wanted {
        if write.job_revive(job.id, app.now()).await? {
            reopen(app, &mut write, job).await?;
            retried += 1;
        }
    }
    let left = write.job_counts(app.now()).await?.iter().map(|kind| kind.failed).sum();
    write.commit().await?;
    for job in &wanted {
        note(by, "job tried again", &job.id);
    }
    wake(app);
    events::announce(app);
    app.inner.system.forget().await;
    Ok(Retried { retried, left })
}

async fn named(write: &mut Write, ids: &[JobId]) -> Result<Vec<FailedJob>, Error> {
    let mut found = Vec::new();
    for id in ids {
        found.extend(write.job_failed_by_id(*id).await?);
    }
    Ok(found)
}

async fn some(app: &App, write: &mut Write) -> Result<Vec<FailedJob>, Error> {
    let mut found = Vec::new();
    for kind in write.job_counts(app.now()).await? {
        let room = AT_ONCE.saturating_sub(u32::try_from(found.len()).unwrap_or(u32::MAX));
        if kind.failed > 0 && room > 0 {
            found.extend(write.job_list_failed(&kind.kind, room).await?);
        }
    }
    Ok(found)
}

/// What was marked damaged when its job was given up waits again, so that the job finds something to do.
async fn reopen(app: &App, write: &mut Write, job: &FailedJob) -> Result<(), Error> {
    // One that cannot be read is given up again, with the reason.
    let Ok(task) = Task::read(&job.kind, &job.payload) else { return Ok(()) };
    let (owner, asset) = match task {
        Task::Process { owner, asset } if write.asset_reopen(owner, asset).await? => (owner, asset),
        Task::VerifyMotion { owner, asset } if write.motion_reopen(owner, asset).await? => (owner, asset),
        _ => return Ok(()),
    };
    let Some(row) = write.asset_by_id(owner, asset).await? else { return Ok(()) };
    events::append(write, owner, Change::Asset { id: asset, state: row.state, day: row.day }, app.now()).await
}
