//! The queue of jobs, as those see it who put something in: an INSERT in the transaction that makes the work necessary.

use picup_database::{NewJob, Write};
use picup_domain::{AccountId, AssetId, JobId, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::{App, Error};

/// The work of a job. Its name is the job's kind, its fields are the job's payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(crate) enum Task {
    /// Proves a new original and makes its renditions: see `process`.
    Process { owner: AccountId, asset: AssetId },
    /// Erases an account whose grace is over: see `deletion`.
    EraseAccount { account: AccountId },
    /// Deletes what was in a trash at a moment: see `trash`.
    EmptyTrash { owner: AccountId, until: Timestamp },
    /// Proves the moving part of a live photo: see `motion`.
    VerifyMotion { owner: AccountId, asset: AssetId },
}

/// Every kind of job there is.
pub(crate) const KINDS: [&str; 4] = ["process", "erase_account", "empty_trash", "verify_motion"];
/// All but the one that makes pictures.
pub(crate) const OTHER_KINDS: [&str; 3] = ["erase_account", "empty_trash", "verify_motion"];

impl Task {
    pub(crate) const fn kind(self) -> &'static str {
        match self {
            Self::Process { .. } => "process",
            Self::EraseAccount { .. } => "erase_account",
            Self::EmptyTrash { .. } => "empty_trash",
            Self::VerifyMotion { .. } => "verify_motion",
        }
    }

    /// At most one job with this key waits at a time.
    pub(crate) fn dedupe_key(self) -> String {
        match self {
            Self::Process { asset, .. } | Self::VerifyMotion { asset, .. } => format!("{}:{asset}", self.kind()),
            Self::EraseAccount { account } => format!("{}:{account}", self.kind()),
            // Asked for again later, it is to take more with it.
            Self::EmptyTrash { owner, until } => format!("{}:{owner}:{}", self.kind(), until.micros()),
        }
    }

    /// Whose things it is about.
    pub(crate) const fn account(self) -> AccountId {
        match self {
            Self::Process { owner, .. } | Self::EmptyTrash { owner, .. } | Self::VerifyMotion { owner, .. } => owner,
            Self::EraseAccount { account } => account,
        }
    }

    /// The asset it is about.
    pub(crate) const fn asset(self) -> Option<AssetId> {
        match self {
            Self::Process { asset, .. } | Self::VerifyMotion { asset, .. } => Some(asset),
            Self::EraseAccount { .. } | Self::EmptyTrash { .. } => None,
        }
    }

    /// The task of a stored job.
    pub(crate) fn read(kind: &str, payload: &str) -> Result<Self, Error> {
        let broken = |error| Error::Internal(format!("reading a job of the kind {kind}: {error}"));
        let mut fields: Map<String, Value> = serde_json::from_str(payload).map_err(broken)?;
        fields.insert("kind".to_owned(), kind.into());
        serde_json::from_value(fields.into()).map_err(broken)
    }

    /// Its fields as they are stored.
    fn payload(self) -> Result<String, Error> {
        let mut fields =
            serde_json::to_value(self).map_err(|error| Error::Internal(format!("writing a job: {error}")))?;
        if let Some(fields) = fields.as_object_mut() {
            fields.remove("kind");
        }
        Ok(fields.to_string())
    }
}

/// Queues a task with the caller's transaction, to wait until `run_after`; one that waits already is not queued twice.
pub(crate) async fn enqueue_for(
    write: &mut Write,
    task: Task,
    now: Timestamp,
    run_after: Timestamp,
) -> Result<(), Error> {
    write.job_enqueue(&job(task, now, run_after)?).await?;
    Ok(())
}

/// Queues tasks about things that are new in the caller's transaction, so that none can wait already.
pub(crate) async fn enqueue_new(write: &mut Write, tasks: &[Task], now: Timestamp) -> Result<(), Error> {
    let jobs: Vec<NewJob> = tasks.iter().map(|task| job(*task, now, now)).collect::<Result<_, _>>()?;
    Ok(write.job_enqueue_all(&jobs).await?)
}

fn job(task: Task, now: Timestamp, run_after: Timestamp) -> Result<NewJob, Error> {
    Ok(NewJob {
        id: JobId::new(now),
        kind: task.kind().to_owned(),
        payload: task.payload()?,
        dedupe_key: Some(task.dedupe_key()),
        run_after,
        created_at: now,
    })
}

/// Wakes this process's worker after a commit that queued a job, and those who copy, since it may have made an object count.
pub(crate) fn wake(app: &App) {
    app.inner.targets.wake();
    app.inner.jobs_waiting.notify_one();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_stored_reads_back_and_every_kind_is_known() {
        let now = Timestamp::from_micros(1);
        let (owner, asset) = (AccountId::new(now), AssetId::new(now));
        let tasks = [
            Task::Process { owner, asset },
            Task::EraseAccount { account: owner },
            Task::EmptyTrash { owner, until: now },
            Task::VerifyMotion { owner, asset },
        ];
        assert_eq!(tasks.map(Task::kind), KINDS);
        assert_eq!(KINDS[1..], OTHER_KINDS);
        for task in tasks {
            assert_eq!(Task::read(task.kind(), &task.payload().unwrap()).unwrap(), task);
        }
        let stored = format!(r#"{{"owner":"{owner}","asset":"{asset}"}}"#);
        assert_eq!(Task::read("process", &stored).unwrap(), Task::Process { owner, asset });
        for (kind, payload) in [("process", "{}"), ("process", ""), ("process", "[]"), ("unheard", &stored)] {
            assert!(Task::read(kind, payload).is_err(), "{kind} {payload}");
        }
    }
}
