//! Jobs: work that must happen after a commit, queued in that commit's own transaction. A worker claims by lease in a short
//! transaction, works outside any, and completes; when it dies, the lease lapses and another claims. A job may therefore run
//! twice, and must be written so that this does no harm.

use std::time::Duration;

use picup_domain::{JobId, Timestamp};

use crate::statement::{Row, Statement, runs};
use crate::{Error, Read, Write};

/// A job to be queued.
#[derive(Debug, Clone)]
pub struct NewJob {
    /// Its id.
    pub id: JobId,
    /// Which work; at most 64 characters.
    pub kind: String,
    /// What to work on, in the worker's own form.
    pub payload: String,
    /// At most one job with a key waits at a time; at most 190 characters.
    pub dedupe_key: Option<String>,
    /// Not to be claimed earlier.
    pub run_after: Timestamp,
    /// Now.
    pub created_at: Timestamp,
}

/// The right to finish a job: which, and in which attempt. Once another worker has claimed it, the attempt is another and
/// this right is void.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct JobLease {
    /// The job.
    pub job: JobId,
    /// The attempt, from 1.
    pub attempt: u32,
}

/// A claimed job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Job {
    /// The right to finish it; its `attempt` says how often it was begun, this time included.
    pub lease: JobLease,
    /// Which work.
    pub kind: String,
    /// What to work on.
    pub payload: String,
    /// What went wrong the last time, if anything.
    pub last_error: Option<String>,
    /// When it was queued.
    pub created_at: Timestamp,
    /// Until when it is this worker's.
    pub leased_until: Timestamp,
}

/// How many jobs of a kind there are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobCounts {
    /// Which work.
    pub kind: String,
    /// Waiting, or leased by a worker that is gone.
    pub pending: u64,
    /// Being worked on.
    pub leased: u64,
    /// Given up.
    pub failed: u64,
}

/// A job that was given up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FailedJob {
    /// Its id.
    pub id: JobId,
    /// Which work.
    pub kind: String,
    /// What to work on.
    pub payload: String,
    /// How often it was begun.
    pub attempts: u32,
    /// What went wrong the last time.
    pub last_error: Option<String>,
    /// When it was given up.
    pub failed_at: Timestamp,
}

fn failed_job(row: &Row) -> Result<FailedJob, Error> {
    Ok(FailedJob {
        id: row.id("id")?,
        kind: row.text("kind")?,
        payload: row.text("payload")?,
        attempts: row.int("attempts")?,
        last_error: row.maybe_text("last_error")?,
        failed_at: row.time("failed_at")?,
    })
}

fn job(row: &Row, leased_until: Timestamp) -> Result<Job, Error> {
    Ok(Job {
        lease: JobLease { job: row.id("id")?, attempt: row.int("attempts")? },
        kind: row.text("kind")?,
        payload: row.text("payload")?,
        last_error: row.maybe_text("last_error")?,
        created_at: row.time("created_at")?,
        leased_until,
    })
}

impl Read {
    /// How many jobs there are, by kind.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn job_counts(&mut self, now: Timestamp) -> Result<Vec<JobCounts>, Error> {
        let sql = "SELECT kind, COUNT(*) AS jobs, COUNT(failed_at) AS failed, \
                   COUNT(CASE WHEN failed_at IS NULL AND leased_until > ? THEN 1 END) AS leased \
                   FROM jobs GROUP BY kind ORDER BY kind";
        let rows = self.all(Statement::new("job_counts", sql).time(now)).await?;
        let counts = rows.iter().map(|row| {
            let (jobs, leased, failed): (u64, u64, u64) = (row.int("jobs")?, row.int("leased")?, row.int("failed")?);
            Ok(JobCounts { kind: row.text("kind")?, pending: jobs.saturating_sub(leased + failed), leased, failed })
        });
        counts.collect()
    }

    /// When the next job of those kinds may be claimed, which may be in the past; `None` when there is none. For a leased
    /// job that is when its lease lapses.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn job_next_due(&mut self, kinds: &[&str]) -> Result<Option<Timestamp>, Error> {
        let sql = "SELECT run_after FROM jobs WHERE kind = ? AND failed_at IS NULL ORDER BY run_after LIMIT 1";
        let mut next = None;
        for kind in kinds {
            if let Some(row) = self.one(Statement::new("job_next_due", sql).text(kind)).await? {
                let due = row.time("run_after")?;
                next = Some(next.map_or(due, |next: Timestamp| next.min(due)));
            }
        }
        Ok(next)
    }

    /// At most `limit` jobs of a kind that were given up, the last first.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn job_list_failed(&mut self, kind: &str, limit: u32) -> Result<Vec<FailedJob>, Error> {
        let sql = "SELECT id, kind, payload, attempts, last_error, failed_at FROM jobs \
                   WHERE kind = ? AND failed_at IS NOT NULL ORDER BY failed_at DESC LIMIT ?";
        let rows = self.all(Statement::new("job_list_failed", sql).text(kind).int(limit)).await?;
        rows.iter().map(failed_job).collect()
    }

    /// A job, if it was given up.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn job_failed_by_id(&mut self, id: JobId) -> Result<Option<FailedJob>, Error> {
        let sql = "SELECT id, kind, payload, attempts, last_error, failed_at FROM jobs \
                   WHERE id = ? AND failed_at IS NOT NULL";
        let row = self.one(Statement::new("job_failed_by_id", sql).id(&id)).await?;
        row.as_ref().map(failed_job).transpose()
    }
}

impl Write {
    /// Queues a job with this transaction: it exists when the transaction commits, and never otherwise. `false` when one
    /// with the same key waits already; one that is being worked on does not count, since it may have read the world
    /// before this change.
    ///
    /// # Errors
    /// [`Error::Conflict`] `job` when the id exists.
    pub async fn job_enqueue(&mut self, new: &NewJob) -> Result<bool, Error> {
        let sql = "INSERT INTO jobs (id, kind, payload, dedupe_key, run_after, attempts, created_at) \
                   VALUES (?, ?, ?, ?, ?, 0, ?)";
        let statement = Statement::new("job_enqueue", sql)
            .id(&new.id)
            .text(&new.kind)
            .text(&new.payload)
            .maybe_text(new.dedupe_key.as_deref())
            .time(new.run_after)
            .time(new.created_at);
        match (self.run(statement).await, &new.dedupe_key) {
            (Ok(_), _) => Ok(true),
            (Err(error), Some(key)) if error.is_taken() => {
                let sql = "SELECT id FROM jobs WHERE dedupe_key = ?";
                let waiting = self.one(Statement::new("job_waiting", sql).text(key)).await?;
                if waiting.is_some() { Ok(false) } else { Err(Error::Conflict("job")) }
            }
            (Err(error), _) => Err(error.or_conflict("job")),
        }
    }

    /// Queues jobs whose keys nobody has used before, all or none of them.
    ///
    /// # Errors
    /// [`Error::Conflict`] `job` when an id exists, or a job with one of the keys waits.
    pub async fn job_enqueue_all(&mut self, all: &[NewJob]) -> Result<(), Error> {
        let insert = "INSERT INTO jobs (id, kind, payload, dedupe_key, run_after, attempts, created_at)";
        for run in runs(all) {
            let statement = Statement::rows("job_enqueue_all", insert, "(?, ?, ?, ?, ?, 0, ?)", run.len());
            let statement = run.iter().fold(statement, |statement, new| {
                statement
                    .id(&new.id)
                    .text(&new.kind)
                    .text(&new.payload)
                    .maybe_text(new.dedupe_key.as_deref())
                    .time(new.run_after)
                    .time(new.created_at)
            });
            self.run(statement).await.map_err(|error| error.or_conflict("job"))?;
        }
        Ok(())
    }

    /// Leases at most `limit` due jobs of those kinds for that long, the longest due first. Commit before working on them.
    ///
    /// # Errors
    /// When the database cannot write.
    pub async fn job_claim(
        &mut self,
        kinds: &[&str],
        now: Timestamp,
        lease: Duration,
        limit: u32,
    ) -> Result<Vec<Job>, Error> {
        let sql = "SELECT id, run_after FROM jobs WHERE kind = ? AND failed_at IS NULL AND run_after <= ? \
                   ORDER BY run_after, id LIMIT ?";
        let mut due: Vec<(Timestamp, JobId)> = Vec::new();
        // Kind by kind, so that each look-up is a walk along the index however long another kind's queue is.
        for kind in kinds {
            for row in self.all(Statement::new("job_due", sql).text(kind).time(now).int(limit)).await? {
                due.push((row.time("run_after")?, row.id("id")?));
            }
        }
        due.sort_unstable();
        due.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
        let until = now.plus(lease);
        let mut claimed = Vec::with_capacity(due.len());
        for (_, id) in due {
            if let Some(job) = self.job_lease(id, now, until).await? {
                claimed.push(job);
            }
        }
        Ok(claimed)
    }

    /// Leases one job if nobody was faster.
    async fn job_lease(&mut self, id: JobId, now: Timestamp, until: Timestamp) -> Result<Option<Job>, Error> {
        let sql = "UPDATE jobs SET attempts = attempts + 1, run_after = ?, leased_until = ?, dedupe_key = NULL \
                   WHERE id = ? AND failed_at IS NULL AND run_after <= ?";
        let lease = Statement::new("job_lease", sql).time(until).time(until).id(&id).time(now);
        if !self.changed(lease).await? {
            return Ok(None);
        }
        let sql = "SELECT id, kind, payload, attempts, last_error, created_at FROM jobs WHERE id = ?";
        let row = self.row(Statement::new("job_leased", sql).id(&id)).await?;
        job(&row, until).map(Some)
    }

    /// Keeps a lease until a later moment. `false` when it was lost to another worker: stop working on it.
    ///
    /// # Errors
    /// When the database cannot write.
    pub async fn job_extend(&mut self, lease: JobLease, until: Timestamp) -> Result<bool, Error> {
        let sql = "UPDATE jobs SET run_after = ?, leased_until = ? \
                   WHERE id = ? AND attempts = ? AND leased_until IS NOT NULL";
        let statement = Statement::new("job_extend", sql).time(until).time(until);
        self.changed(statement.id(&lease.job).int(lease.attempt)).await
    }

    /// Removes a job that is done, in the transaction that records its result. `false` when the lease was lost: another
    /// worker has it, so drop the transaction.
    ///
    /// # Errors
    /// When the database cannot write.
    pub async fn job_complete(&mut self, lease: JobLease) -> Result<bool, Error> {
        let sql = "DELETE FROM jobs WHERE id = ? AND attempts = ? AND leased_until IS NOT NULL";
        self.changed(Statement::new("job_complete", sql).id(&lease.job).int(lease.attempt)).await
    }

    /// Puts a job back after a failure, to be claimed from `run_after` on. `false` when the lease was lost.
    ///
    /// # Errors
    /// When the database cannot write.
    pub async fn job_retry(&mut self, lease: JobLease, error: &str, run_after: Timestamp) -> Result<bool, Error> {
        let sql = "UPDATE jobs SET leased_until = NULL, last_error = ?, run_after = ? \
                   WHERE id = ? AND attempts = ? AND leased_until IS NOT NULL";
        let statement = Statement::new("job_retry", sql).text(error).time(run_after);
        self.changed(statement.id(&lease.job).int(lease.attempt)).await
    }

    /// Takes every lease on jobs of those kinds back, to be claimed from `now` on, and tells how many. For a worker that
    /// knows that all others are gone, and with them the work they were at; each job keeps the attempt it cost.
    ///
    /// # Errors
    /// When the database cannot write.
    pub async fn job_release(&mut self, kinds: &[&str], now: Timestamp) -> Result<u64, Error> {
        let sql = "UPDATE jobs SET leased_until = NULL, run_after = ? \
                   WHERE kind = ? AND failed_at IS NULL AND leased_until IS NOT NULL";
        let mut released = 0;
        for kind in kinds {
            released += self.run(Statement::new("job_release", sql).time(now).text(kind)).await?;
        }
        Ok(released)
    }

    /// Queues a job again that was given up. Its attempts stay what they are, since they are its lease's token: so it is begun
    /// once more, and given up again if that fails. `false` when it is not given up, or is gone.
    ///
    /// # Errors
    /// When the database cannot write.
    pub async fn job_revive(&mut self, id: JobId, now: Timestamp) -> Result<bool, Error> {
        let sql = "UPDATE jobs SET failed_at = NULL, run_after = ? WHERE id = ? AND failed_at IS NOT NULL";
        self.changed(Statement::new("job_revive", sql).time(now).id(&id)).await
    }

    /// Forgets the job that waits with this key, if one does; one that is being worked on goes on.
    ///
    /// # Errors
    /// When the database cannot write.
    pub async fn job_forget(&mut self, dedupe_key: &str) -> Result<bool, Error> {
        let sql = "DELETE FROM jobs WHERE dedupe_key = ?";
        self.changed(Statement::new("job_forget", sql).text(dedupe_key)).await
    }

    /// Gives a job up after a failure; it is kept to be looked at. `false` when the lease was lost.
    ///
    /// # Errors
    /// When the database cannot write.
    pub async fn job_give_up(&mut self, lease: JobLease, error: &str, now: Timestamp) -> Result<bool, Error> {
        let sql = "UPDATE jobs SET leased_until = NULL, last_error = ?, failed_at = ? \
                   WHERE id = ? AND attempts = ? AND leased_until IS NOT NULL";
        let statement = Statement::new("job_give_up", sql).text(error).time(now);
        self.changed(statement.id(&lease.job).int(lease.attempt)).await
    }
}
