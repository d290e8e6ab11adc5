//! Whether the whole is well, for whoever runs this PicUp: one report of rows, and what can be done about jobs that were
//! given up.
//!
//! Each room is asked through the same doors that `picup doctor` uses; [`judge`] says what their answers mean. A row is
//! figures and advice: what a later room adds is a struct of figures, a judge, and a field of [`Report`]. No question grows
//! with the library, and a report is kept for a moment, so that many open pages cost as much as one.

mod judge;
mod retry;
#[cfg(test)]
mod tests;

use std::time::Duration;

use picup_database::{AssetCounts, JobCounts, Vitals};
use picup_domain::{AccountId, AssetId, Email, JobId, Quota, Timestamp};
use picup_media::Children;
use picup_storage::Space;
use tokio::sync::Mutex;

use crate::account::Account;
use crate::queue::Task;
use crate::{App, Error};

pub use judge::{Advice, State};
pub use retry::{Retried, retry};

/// How long a report is taken for the present.
const REPORT_LIFE: Duration = Duration::from_secs(2);
/// How long it is believed that pictures and videos can be processed: looking starts programs.
const MEDIA_LIFE: Duration = Duration::from_secs(60);
/// The same when they could not be: somebody may be at it.
const MEDIA_LIFE_BAD: Duration = Duration::from_secs(5);
/// How long a room may take to answer.
const PATIENCE: Duration = Duration::from_secs(5);
/// So many jobs and accounts are named; the rest is counted.
const MOST_NAMED: usize = 50;

/// What was found of one thing, and what it means.
#[derive(Debug, Clone)]
pub struct Row<T> {
    /// What is to be done; nothing when all is well.
    pub advice: Vec<Advice>,
    /// What was found.
    pub found: T,
}

impl<T> Row<T> {
    /// The worst of what there is to say.
    pub fn state(&self) -> State {
        judge::worst(&self.advice)
    }
}

/// All rows. What the database alone can tell is absent when it does not answer.
#[derive(Debug, Clone)]
pub struct Report {
    /// When it was made.
    pub looked_at: Timestamp,
    /// Since when this process runs.
    pub started_at: Timestamp,
    /// The database's engine.
    pub engine: &'static str,
    /// The database.
    pub database: Row<Option<Vitals>>,
    /// Each store.
    pub stores: Vec<Row<Store>>,
    /// The jobs.
    pub queue: Option<Row<Queue>>,
    /// What makes pictures, and what came of the assets.
    pub media: Row<Media>,
    /// What is coming in.
    pub uploads: Option<Row<Uploads>>,
    /// Who keeps how much.
    pub accounts: Option<Row<Accounts>>,
}

impl Report {
    /// The worst of all rows.
    #[must_use]
    pub fn state(&self) -> State {
        let mut states = vec![self.database.state(), self.media.state()];
        states.extend(self.stores.iter().map(Row::state));
        states.extend(self.queue.as_ref().map(Row::state));
        states.extend(self.uploads.as_ref().map(Row::state));
        states.extend(self.accounts.as_ref().map(Row::state));
        states.into_iter().max().unwrap_or(State::Good)
    }
}

/// A store of objects.
#[derive(Debug, Clone)]
pub struct Store {
    /// In a word.
    pub kind: &'static str,
    /// Whether what is written now will be found there.
    pub writable: bool,
    /// Its room; `None` when it has no measure of it, or does not say.
    pub space: Option<Space>,
}

/// The jobs.
#[derive(Debug, Clone, Default)]
pub struct Queue {
    /// By kind.
    pub kinds: Vec<Jobs>,
    /// Some of those that were given up, the last first of each kind.
    pub failed: Vec<Failed>,
}

/// The jobs of a kind.
#[derive(Debug, Clone)]
pub struct Jobs {
    /// How many.
    pub counts: JobCounts,
    /// Since when the first of them could be run and is not; `None` when none could.
    pub due_since: Option<Timestamp>,
}

/// A job that was given up.
#[derive(Debug, Clone)]
pub struct Failed {
    /// Its id.
    pub id: JobId,
    /// Which work.
    pub kind: String,
    /// How often it was tried.
    pub attempts: u32,
    /// What went wrong the last time.
    pub error: String,
    /// When it was given up.
    pub since: Timestamp,
    /// Whose things it is about.
    pub account: Option<Email>,
    /// The asset it is about.
    pub asset: Option<AssetId>,
}

/// What makes pictures, and what came of the assets.
#[derive(Debug, Clone)]
pub struct Media {
    /// Assets by state; `None` when the database does not say.
    pub assets: Option<AssetCounts>,
    /// Whose assets are damaged, and how many each.
    pub damaged: Vec<(Email, u64)>,
    /// Originals that are processed at this moment, and at most.
    pub children: Children,
    /// What keeps a child from doing harm, in a word.
    pub sandbox: &'static str,
}

/// What is coming in.
#[derive(Debug, Clone, Copy)]
pub struct Uploads {
    /// Uploads that are no assets yet.
    pub open: u64,
    /// What they have been promised, in bytes.
    pub reserved: u64,
}

/// Who keeps how much.
#[derive(Debug, Clone)]
pub struct Accounts {
    /// How many there are.
    pub accounts: u64,
    /// What their originals take, in bytes.
    pub used: u64,
    /// Those that have nearly used up their quota, the fullest first.
    pub near: Vec<(Email, Quota)>,
    /// How many those are, named or not.
    pub near_count: u64,
}

/// What was found last.
pub(crate) struct Kept {
    started_at: Timestamp,
    report: Mutex<Option<Report>>,
    media: Mutex<Option<(Timestamp, Vec<picup_media::Check>)>>,
}

impl Kept {
    pub(crate) fn since(started_at: Timestamp) -> Self {
        Self { started_at, report: Mutex::default(), media: Mutex::default() }
    }

    /// Has the next report look again.
    async fn forget(&self) {
        *self.report.lock().await = None;
    }
}

/// Looks at everything, or tells what was found a moment ago. Never fails: what does not answer is a row that says so.
pub async fn report(app: &App) -> Report {
    // Held while looking, so that whoever asks meanwhile waits for the same answer.
    let mut kept = app.0.system.report.lock().await;
    if let Some(report) = kept.as_ref().filter(|report| is_fresh(app, report.looked_at, REPORT_LIFE)) {
        return report.clone();
    }
    let report = look(app).await;
    *kept = Some(report.clone());
    report
}

/// A clock that was set back makes nothing fresh for long.
fn is_fresh(app: &App, at: Timestamp, life: Duration) -> bool {
    let now = app.now();
    at <= now && now < at.plus(life)
}

async fn look(app: &App) -> Report {
    let (database, store, media) = tokio::join!(database(app), store(app), media_checks(app));
    let Books { vitals, checks, told } = database;
    let told = told.map_err(|error| tracing::warn!(error = error.story(), "the books could not be read")).ok();
    let (assets, damaged) = told.as_ref().map_or((None, Vec::new()), |told| (Some(told.assets), told.damaged.clone()));
    let found = Media { assets, damaged, children: app.0.rooms.media.children(), sandbox: picup_media::SANDBOX };
    let now = app.now();
    Report {
        looked_at: now,
        started_at: app.0.system.started_at,
        engine: app.database().engine(),
        database: Row { advice: judge::database(vitals.as_ref(), &checks, told.is_some()), found: vitals },
        stores: vec![store],
        media: Row { advice: judge::media(&media, &found), found },
        queue: told.as_ref().map(|told| Row { advice: judge::queue(&told.queue, now), found: told.queue.clone() }),
        uploads: told.as_ref().map(|told| Row { advice: Vec::new(), found: told.uploads }),
        accounts: told.map(|told| Row { advice: judge::accounts(&told.accounts), found: told.accounts }),
    }
}

/// What the database says of itself and of everything else.
struct Books {
    vitals: Option<Vitals>,
    checks: Vec<picup_database::Check>,
    told: Result<Told, Error>,
}

struct Told {
    assets: AssetCounts,
    damaged: Vec<(Email, u64)>,
    queue: Queue,
    uploads: Uploads,
    accounts: Accounts,
}

async fn database(app: &App) -> Books {
    let asked = async {
        let vitals = app.database().vitals().await.ok();
        Books { vitals, checks: app.database().check_at_a_glance().await, told: books(app).await }
    };
    tokio::time::timeout(PATIENCE, asked).await.unwrap_or_else(|_| Books {
        vitals: None,
        checks: Vec::new(),
        told: Err(Error::Busy("the database did not answer in time")),
    })
}

async fn books(app: &App) -> Result<Told, Error> {
    let mut read = app.database().read().await?;
    let accounts = read.account_list().await?;
    let email = |id: AccountId| accounts.iter().find(|account| account.id == id).map(|account| account.email.clone());
    let mut queue = Queue::default();
    for counts in read.job_counts(app.now()).await? {
        let due = read.job_next_due(&[counts.kind.as_str()]).await?;
        if counts.failed > 0 {
            for job in read.job_list_failed(&counts.kind, MOST_NAMED as u32).await? {
                let task = Task::read(&job.kind, &job.payload).ok();
                queue.failed.push(Failed {
                    id: job.id,
                    kind: job.kind,
                    attempts: job.attempts,
                    error: job.last_error.unwrap_or_default(),
                    since: job.failed_at,
                    account: task.and_then(|task| email(task.account())),
                    asset: task.and_then(Task::asset),
                });
            }
        }
        queue.kinds.push(Jobs { counts, due_since: due.filter(|due| *due <= app.now()) });
    }
    let mut damaged = Vec::new();
    for (owner, assets) in read.asset_damaged_owners().await? {
        damaged.extend(email(owner).map(|email| (email, assets)));
    }
    Ok(Told {
        assets: read.asset_counts().await?,
        damaged,
        queue,
        uploads: Uploads {
            open: accounts.iter().map(|account| u64::from(account.open_uploads)).sum(),
            reserved: accounts.iter().map(|account| account.quota.reserved.get()).sum(),
        },
        accounts: of_accounts(&accounts),
    })
}

fn of_accounts(accounts: &[Account]) -> Accounts {
    let mut near: Vec<_> = accounts
        .iter()
        .filter(|account| judge::is_near(&account.quota))
        .map(|it| (it.email.clone(), it.quota))
        .collect();
    near.sort_by_key(|(_, quota)| std::cmp::Reverse(judge::fullness(quota)));
    let near_count = near.len() as u64;
    near.truncate(MOST_NAMED);
    let used = accounts.iter().map(|account| account.quota.used.get()).sum();
    Accounts { accounts: accounts.len() as u64, used, near, near_count }
}

async fn store(app: &App) -> Row<Store> {
    let storage = app.storage();
    let asked = tokio::time::timeout(PATIENCE, async { (storage.check().await, storage.space().await.ok().flatten()) });
    let (checks, space) = match asked.await {
        Ok((checks, space)) => (Some(checks), space),
        Err(_) => (None, None),
    };
    let advice = judge::store(checks.as_deref(), space);
    let writable = !advice.iter().any(|advice| judge::STORE_UNWRITABLE.contains(&advice.code));
    Row { advice, found: Store { kind: storage.kind(), writable, space } }
}

/// Whether pictures and videos can be processed, as it was found within the last minute.
async fn media_checks(app: &App) -> Vec<picup_media::Check> {
    let mut kept = app.0.system.media.lock().await;
    if let Some((at, checks)) = kept.as_ref() {
        let life = if checks.iter().all(|check| check.ok) { MEDIA_LIFE } else { MEDIA_LIFE_BAD };
        if is_fresh(app, *at, life) {
            return checks.clone();
        }
    }
    let Ok(checks) = tokio::time::timeout(PATIENCE, app.0.rooms.media.check_at_a_glance()).await else {
        // A machine that is busy says nothing new.
        return kept.as_ref().map(|(_, checks)| checks.clone()).unwrap_or_default();
    };
    *kept = Some((app.now(), checks.clone()));
    checks
}
