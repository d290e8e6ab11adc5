//! The worker: claims jobs by lease, runs them, and puts right what nobody finished.
//!
//! A job is an INSERT in the transaction that makes it necessary, so none is lost and none is for nothing. It is claimed in a
//! short transaction, run outside any, and completed in the one that records its result. A worker that dies loses its lease,
//! and another one runs the job again; so every job may be run twice.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use picup_database::{Job, JobLease, Write};
use picup_domain::Timestamp;
use picup_storage::crash_point;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::task::TaskTracker;

use crate::process::Look;
use crate::queue::{KINDS, OTHER_KINDS, Task, wake};
use crate::{App, Error, deletion, events, invitation, motion, process, session, share, trash, upload};

const LEASE: Duration = Duration::from_secs(60);
const EXTEND_EVERY: Duration = Duration::from_secs(20);
/// Files that began to come so long ago are no reason to hold work back.
const LATELY: Duration = Duration::from_secs(1);
const LOOK_EVERY: Duration = Duration::from_secs(2);
const REAP_EVERY: Duration = Duration::from_secs(60);
/// How long jobs under way are waited for when the process stops; after that their leases lapse.
const DRAIN: Duration = Duration::from_secs(10);
/// After so many failures that may be the file's fault a job is kept to be looked at and not tried again.
const MAX_ATTEMPTS: u32 = 8;

/// Takes over from a process that was killed: its jobs are claimed anew at once, and what it left half done is finished or
/// cleared away. Only for the one process that works on its database and store, before it begins; others wait for leases
/// to lapse and for the reaper.
///
/// # Errors
/// When the database or the store cannot do it.
pub async fn take_over(app: &App) -> Result<(), Error> {
    take_over_jobs(app).await?;
    upload::take_over(app).await
}

/// Takes over the jobs of a worker that was killed. Only for the one worker, before it begins; others may serve requests meanwhile.
///
/// # Errors
/// When the database cannot do it.
pub async fn take_over_jobs(app: &App) -> Result<(), Error> {
    let mut write = app.database().write().await?;
    let released = write.job_release(&KINDS, app.now()).await?;
    write.commit().await?;
    if released > 0 {
        tracing::info!(jobs = released, "the last run was cut short; its jobs are taken up again");
    }
    Ok(())
}

/// Runs jobs until `shutdown`, then waits for those under way.
pub async fn run(app: App, shutdown: impl Future<Output = ()>) {
    let places = Places::new(app.settings().workers.max(1));
    let under_way = TaskTracker::new();
    let mut next_reap = app.now();
    tokio::pin!(shutdown);
    loop {
        let claimed = match claim(&app, &places).await {
            Ok(claimed) => claimed,
            Err(error) => {
                tracing::warn!(error = error.story(), "claiming jobs failed; trying again");
                Vec::new()
            }
        };
        let found = !claimed.is_empty();
        for (job, place) in claimed {
            let app = app.clone();
            under_way.spawn(async move {
                run_one(&app, job).await;
                drop(place);
                wake(&app);
            });
        }
        if app.now() >= next_reap {
            next_reap = app.now().plus(REAP_EVERY);
            if let Err(error) = reap(&app).await {
                tracing::warn!(error = error.story(), "reaping failed; trying again later");
            }
        }
        tokio::select! {
            () = &mut shutdown => break,
            () = app.inner.jobs_waiting.notified() => {}
            // With work found and places free there is probably more: look again at once.
            () = tokio::time::sleep(LOOK_EVERY), if !found || places.free.available_permits() == 0 => {}
            () = std::future::ready(()), if found && places.free.available_permits() > 0 => {}
        }
    }
    under_way.close();
    if tokio::time::timeout(DRAIN, under_way.wait()).await.is_err() {
        tracing::warn!(jobs = under_way.len(), "stopping with jobs under way; their leases lapse and they run again");
    }
}

/// Puts right what nobody finished, and forgets what nobody needs.
async fn reap(app: &App) -> Result<(), Error> {
    // None keeps another waiting.
    let rounds = [
        session::prune(app).await,
        invitation::prune(app).await,
        share::prune(app).await,
        upload::reap(app).await,
        trash::expire(app).await,
    ];
    rounds.into_iter().collect()
}

/// How many jobs run at once, and how many of them make pictures.
struct Places {
    workers: usize,
    free: Arc<Semaphore>,
    /// As many, so that whoever has a place finds one here.
    without_picture: Arc<Semaphore>,
}

/// What one job holds while it runs.
struct Place {
    _free: OwnedSemaphorePermit,
    _picture: Option<OwnedSemaphorePermit>,
}

impl Places {
    fn new(workers: usize) -> Self {
        Self { workers, free: Arc::new(Semaphore::new(workers)), without_picture: Arc::new(Semaphore::new(workers)) }
    }

    fn picture_is_made(&self) -> bool {
        self.without_picture.available_permits() < self.workers
    }

    fn of(&self, job: &Job, free: OwnedSemaphorePermit) -> Place {
        let makes_picture = !OTHER_KINDS.contains(&job.kind.as_str());
        let picture = makes_picture.then(|| Arc::clone(&self.without_picture).try_acquire_owned().ok());
        Place { _free: free, _picture: picture.flatten() }
    }
}

async fn claim(app: &App, places: &Places) -> Result<Vec<(Job, Place)>, Error> {
    let mut held = Vec::new();
    while let Ok(place) = Arc::clone(&places.free).try_acquire_owned() {
        held.push(place);
    }
    let mut kinds = &KINDS[..];
    if files_come_in(app) {
        // Whoever waits for files to be sent goes first: one picture at a time is enough to go on with. A long one keeps no
        // other kind of job waiting.
        if places.picture_is_made() {
            kinds = &OTHER_KINDS;
        }
        held.truncate(1);
    }
    if held.is_empty()
        || app.database().read_fresh().await?.job_next_due(kinds).await?.is_none_or(|due| due > app.now())
    {
        return Ok(Vec::new());
    }
    let mut write = app.database().write().await?;
    let limit = u32::try_from(held.len()).unwrap_or(u32::MAX);
    let jobs = write.job_claim(kinds, app.now(), LEASE, limit).await?;
    write.commit().await?;
    if !jobs.is_empty() {
        app.inner.system.claimed(app.now());
        crash_point!("job-claimed");
    }
    let placed = |(job, free)| {
        let place = places.of(&job, free);
        (job, place)
    };
    Ok(jobs.into_iter().zip(held).map(placed).collect())
}

/// Whether files are coming in.
fn files_come_in(app: &App) -> bool {
    let (last, now) = (Timestamp::from_micros(app.inner.last_begun.load(Ordering::Relaxed)), app.now());
    // A clock that was set back would say so for long.
    last <= now && now.minus(LATELY) < last
}

async fn run_one(app: &App, job: Job) {
    let task = match Task::read(&job.kind, &job.payload) {
        Ok(task) => task,
        // Only kinds that are known are claimed, so this is a broken row, and no later try reads it.
        Err(error) => return give_up_unread(app, &job, &error).await,
    };
    let outcome = tokio::select! {
        outcome = work(app, task, &job) => outcome,
        () = keep_lease(app, job.lease) => {
            tracing::warn!(job = %job.lease.job, "a job's lease was lost; another worker has it");
            return;
        }
    };
    match outcome {
        Ok(()) => app.inner.metrics.job(task.kind(), "done"),
        Err(error) => {
            if let Err(again) = put_back(app, &job, task, &error).await {
                tracing::error!(job = %job.lease.job, error = again.story(), "a failed job could not be put back; its lease will lapse");
            }
        }
    }
}

async fn give_up_unread(app: &App, job: &Job, error: &Error) {
    let story = error.story();
    tracing::error!(job = %job.lease.job, error = story, "a job cannot be read and was given up");
    let given_up = async {
        let mut write = app.database().write().await?;
        write.job_give_up(job.lease, &story, app.now()).await?;
        write.commit().await
    };
    if let Err(error) = given_up.await {
        tracing::error!(job = %job.lease.job, %error, "giving it up failed; its lease will lapse");
    }
}

async fn work(app: &App, task: Task, job: &Job) -> Result<(), Error> {
    let lease = job.lease;
    match task {
        Task::Process { owner, asset } => {
            // It never came to an end that could be put back: each time its worker ended, perhaps of the decoder.
            let deadly = lease.attempt > MAX_ATTEMPTS && job.last_error.is_none();
            let look = if deadly { Look::Unseen } else { Look::Decoded };
            process::process(app, owner, asset, look, lease).await
        }
        // However often its worker ended: what was asked to go must go.
        Task::EraseAccount { account } => deletion::erase(app, account, lease).await,
        Task::EmptyTrash { owner, until } => trash::work_empty(app, owner, until, lease).await,
        Task::VerifyMotion { owner, asset } => motion::verify(app, owner, asset, lease).await,
    }
}

/// Extends the lease as long as it is ours; returns when it is lost.
async fn keep_lease(app: &App, lease: JobLease) {
    loop {
        tokio::time::sleep(EXTEND_EVERY).await;
        match extend(app, lease).await {
            Ok(true) => {}
            Ok(false) => return,
            Err(error) => {
                tracing::warn!(job = %lease.job, error = error.story(), "extending a lease failed; trying again");
            }
        }
    }
}

/// Keeps a lease for its full time from now on; `false` when it was lost to another worker.
pub(crate) async fn extend(app: &App, lease: JobLease) -> Result<bool, Error> {
    let mut write = app.database().write().await?;
    let ours = write.job_extend(lease, app.now().plus(LEASE)).await?;
    write.commit().await?;
    Ok(ours)
}

async fn put_back(app: &App, job: &Job, task: Task, error: &Error) -> Result<(), Error> {
    let (now, attempt, story) = (app.now(), job.lease.attempt, error.story());
    let mut write = app.database().write().await?;
    if attempt < MAX_ATTEMPTS || error.is_the_machines() {
        write.job_retry(job.lease, &story, now.plus(backoff(attempt))).await?;
        app.inner.metrics.job(task.kind(), "retried");
        tracing::warn!(job = %job.lease.job, kind = job.kind, attempt, error = story, "a job failed and will be tried again");
        return Ok(write.commit().await?);
    }
    tracing::error!(job = %job.lease.job, kind = job.kind, payload = job.payload, error = story, "a job was given up");
    if write.job_give_up(job.lease, &story, now).await? {
        given_up(app, &mut write, task).await?;
    }
    app.inner.metrics.job(task.kind(), "given_up");
    write.commit().await?;
    events::announce(app);
    Ok(())
}

/// What waits for a job that was given up must not wait for ever.
async fn given_up(app: &App, write: &mut Write, task: Task) -> Result<(), Error> {
    let reason = "it could not be looked at in several attempts; the log has the cause";
    match task {
        Task::Process { owner, asset } => process::mark_damaged(app, write, owner, asset, reason).await,
        // Nobody waits for it: nobody can get in any more. Asked for at once from the command line, it is tried again.
        Task::EraseAccount { .. } => Ok(()),
        // What is left in the trash is seen there, and goes when its time is over.
        Task::EmptyTrash { .. } => Ok(()),
        Task::VerifyMotion { owner, asset } => motion::mark_damaged(app, write, owner, asset).await,
    }
}

/// 2, 4, 8 … seconds, at most 5 minutes, give or take a quarter so that many do not come back at once.
fn backoff(attempt: u32) -> Duration {
    let whole = Duration::from_secs(2_u64.saturating_pow(attempt.min(16)).min(300));
    whole.mul_f64(0.75 + rand::random::<f64>() / 2.0)
}

/// How many jobs wait, run and were given up.
///
/// # Errors
/// When the database cannot answer.
pub async fn counts(app: &App) -> Result<Vec<picup_database::JobCounts>, Error> {
    let counts = app.database().read().await?.job_counts(app.now()).await?;
    app.inner.metrics.queue(&counts);
    Ok(counts)
}

#[cfg(test)]
mod tests {
    use picup_domain::AssetState;

    use super::*;
    use crate::testing::TestApp;
    use crate::upload::tests::{begin, keep, send};
    use crate::{account, asset};

    /// The kinds of what is claimed now, with its places.
    async fn claimed(app: &App, places: &Places) -> (Vec<String>, Vec<Place>) {
        claim(app, places).await.unwrap().into_iter().map(|(job, place)| (job.kind, place)).unzip()
    }

    #[tokio::test]
    async fn while_files_come_in_one_picture_is_made_at_a_time_and_nothing_else_waits() {
        let app = TestApp::new().await;
        let owner = account::create(&app, TestApp::account("ada@example.com")).await.unwrap();
        let mut kept = Vec::new();
        for content in [b"one", b"two", b"six"] {
            kept.push(keep(&app, owner, content).await);
        }
        let places = Places::new(2);
        let (first, picture) = claimed(&app, &places).await;
        assert_eq!(first, ["process"]);
        assert!(claimed(&app, &places).await.0.is_empty(), "one at a time");
        trash::put(&app, owner, &kept[..1]).await.unwrap();
        trash::empty(&app, owner).await.unwrap();
        let (other, emptying) = claimed(&app, &places).await;
        assert_eq!(other, ["empty_trash"]);
        drop(picture);
        let (second, picture) = claimed(&app, &places).await;
        assert_eq!(second, ["process"], "also while something else is done");
        drop((emptying, picture));
        app.clock.advance(LATELY);
        assert_eq!(claimed(&app, &places).await.0, ["process"], "no more files come in");
    }

    #[tokio::test]
    async fn a_clock_that_was_set_back_holds_nothing_back() {
        let app = TestApp::new().await;
        let owner = account::create(&app, TestApp::account("ada@example.com")).await.unwrap();
        begin(&app, owner, b"content").await;
        assert!(files_come_in(&app));
        app.inner.last_begun.store(app.now().plus(Duration::from_secs(3600)).micros(), Ordering::Relaxed);
        assert!(!files_come_in(&app));
    }

    #[tokio::test]
    async fn a_file_that_ended_its_worker_each_time_is_proved_and_kept_unseen() {
        let app = TestApp::new().await;
        let owner = account::create(&app, TestApp::account("ada@example.com")).await.unwrap();
        let begun = begin(&app, owner, b"content").await;
        send(&app, owner, begun.id, b"content").await.unwrap();
        let id = upload::complete(&app, owner, begun.id).await.unwrap();
        let mut job = None;
        for _ in 0..=MAX_ATTEMPTS {
            // As after a death: taken over, and claimed anew.
            let mut write = app.database().write().await.unwrap();
            write.job_release(&KINDS, app.now()).await.unwrap();
            job = write.job_claim(&KINDS, app.now(), LEASE, 1).await.unwrap().pop();
            write.commit().await.unwrap();
        }
        run_one(&app, job.unwrap()).await;
        let kept = asset::fetch(&app, owner, id).await.unwrap();
        assert_eq!(kept.row.state, AssetState::Unviewable, "it is not damaged");
        assert!(kept.details.reason.unwrap().contains("PicUp ended"));
        assert!(counts(&app).await.unwrap().is_empty());
    }
}
