//! The queue of jobs, as those see it who put something in: an INSERT in the transaction that makes the work necessary.

use picup_database::{NewJob, Write};
use picup_domain::{AccountId, AssetId, JobId, Timestamp};
use serde::{Deserialize, Serialize};

use crate::{App, Error};

/// Looks at a new original: see `process`.
pub(crate) const PROCESS: &str = "process";
/// Every kind of job there is.
pub(crate) const KINDS: [&str; 1] = [PROCESS];

/// What a job of the kind [`PROCESS`] works on.
#[derive(Serialize, Deserialize)]
pub(crate) struct ProcessPayload {
    pub(crate) owner: AccountId,
    pub(crate) asset: AssetId,
}

impl ProcessPayload {
    pub(crate) fn read(text: &str) -> Result<Self, Error> {
        serde_json::from_str(text).map_err(|error| Error::Internal(format!("reading a job: {error}")))
    }
}

/// Queues the processing of an asset with the caller's transaction.
pub(crate) async fn enqueue_process(
    write: &mut Write,
    owner: AccountId,
    asset: AssetId,
    now: Timestamp,
) -> Result<(), Error> {
    let payload = serde_json::to_string(&ProcessPayload { owner, asset })
        .map_err(|error| Error::Internal(format!("writing a job: {error}")))?;
    let job = NewJob {
        id: JobId::new(now),
        kind: PROCESS.to_owned(),
        payload,
        dedupe_key: Some(format!("{PROCESS}:{asset}")),
        run_after: now,
        created_at: now,
    };
    write.job_enqueue(&job).await?;
    Ok(())
}

/// Wakes this process's worker after a commit that queued a job.
pub(crate) fn wake(app: &App) {
    app.0.jobs_waiting.notify_one();
}
