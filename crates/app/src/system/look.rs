//! Looks at everything at once, each room within its time, and keeps what was found for a moment.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use picup_database::{AssetCounts, ReplicaReport, Vitals};
use picup_domain::{AccountId, Email, Timestamp};
use picup_storage::Backup;
use tokio::sync::Mutex;

use super::{Accounts, Delivery, Destination, Failed, Jobs, Media, Queue, Report, Row, Store, Uploads, judge};
use crate::account::Account;
use crate::backup;
use crate::queue::Task;
use crate::{App, Error};

/// How long a report is taken for the present.
pub(super) const REPORT_LIFE: Duration = Duration::from_secs(2);
/// How long it is believed that pictures and videos can be processed: looking starts programs.
const MEDIA_LIFE: Duration = Duration::from_secs(60);
/// How long it is believed that a store that is there can be written, and is private.
const STORE_LIFE: Duration = Duration::from_secs(60);
/// The same when they could not be: somebody may be at it.
const MEDIA_LIFE_BAD: Duration = Duration::from_secs(5);
/// How long a room may take to answer.
const PATIENCE: Duration = Duration::from_secs(5);
/// So many jobs and accounts are named; the rest is counted.
const MOST_NAMED: usize = 50;

/// What the media room found; `None` when it took too long.
type Looked = Option<Vec<picup_media::Check>>;

/// What was found last.
pub(crate) struct Kept {
    started_at: Timestamp,
    /// When this process last took up a job, in microseconds; at first, when it began.
    last_claim: AtomicI64,
    report: Mutex<Option<Report>>,
    media: Mutex<Option<(Timestamp, Looked)>>,
    /// What the store was when everything of it was asked and well.
    store: Mutex<Option<(Timestamp, Vec<picup_storage::Check>)>>,
}

impl Kept {
    pub(crate) fn since(started_at: Timestamp) -> Self {
        let last_claim = AtomicI64::new(started_at.micros());
        Self { started_at, last_claim, report: Mutex::default(), media: Mutex::default(), store: Mutex::default() }
    }

    /// Notes that a job was taken up.
    pub(crate) fn claimed(&self, now: Timestamp) {
        self.last_claim.store(now.micros(), Ordering::Relaxed);
    }

    fn last_claim(&self) -> Timestamp {
        Timestamp::from_micros(self.last_claim.load(Ordering::Relaxed))
    }

    /// Has the next report look again.
    pub(super) async fn forget(&self) {
        *self.report.lock().await = None;
    }
}

/// Looks at everything, or tells what was found a moment ago. Never fails: what does not answer is a row that says so.
pub async fn report(app: &App) -> Report {
    // Held while looking, so that whoever asks meanwhile waits for the same answer.
    let mut kept = app.inner.system.report.lock().await;
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
    let (database, backup, store, media) = tokio::join!(database(app), copies(app), store(app), media_checks(app));
    let Books { vitals, checks, told } = database;
    let told = told.map_err(|error| tracing::warn!(error = error.story(), "the books could not be read")).ok();
    let (assets, damaged) = told.as_ref().map_or((None, Vec::new()), |told| (Some(told.assets), told.damaged.clone()));
    let found = Media { assets, damaged, children: app.inner.media.children(), sandbox: picup_media::SANDBOX };
    let (now, away) = (app.now(), app.database().primary_is_away());
    Report {
        looked_at: now,
        started_at: app.inner.system.started_at,
        engine: app.database().engine(),
        database: Row { advice: judge::database(vitals.as_ref(), &checks, told.is_some(), away), found: vitals },
        replicas: app.database().has_replicas().then(|| replicas(app)),
        stores: vec![store],
        backup,
        media: Row { advice: judge::media(media.as_deref(), &found), found },
        queue: told.as_ref().map(|told| Row {
            advice: judge::queue(&told.queue, app.inner.system.last_claim(), now),
            found: told.queue.clone(),
        }),
        delivery: delivery(app),
        uploads: told.as_ref().map(|told| Row { advice: Vec::new(), found: told.uploads }),
        accounts: told.map(|told| Row { advice: judge::accounts(&told.accounts), found: told.accounts }),
    }
}

fn delivery(app: &App) -> Row<Delivery> {
    let found = (app.inner.delivery)();
    Row { advice: judge::delivery(&found), found }
}

fn replicas(app: &App) -> Row<Vec<ReplicaReport>> {
    let found = app.database().replicas();
    Row { advice: judge::replicas(&found), found }
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
    let mut read = app.database().read_freshest().await?;
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

/// `None`: the database did not answer.
async fn copies(app: &App) -> Option<Row<Vec<Row<Destination>>>> {
    let looks = async { Ok::<_, Error>((backup::report(app).await?, backup::held_orphans(app).await?)) };
    let looked = tokio::time::timeout(PATIENCE, looks).await.ok()?;
    let looked = looked.map_err(|error| tracing::warn!(error = error.story(), "the copies could not be looked at"));
    let (reports, orphans_held) = looked.ok()?;
    let row = |report: backup::DestinationReport| {
        let place = app.target(&report.name).map(backup::Target::backup);
        let found = Destination { report, has_recovery_key: place.is_none_or(Backup::has_recovery_key) };
        Row { advice: judge::destination(&found, app.settings().backup.catalogue_every), found }
    };
    let found: Vec<_> = reports.into_iter().map(row).collect();
    Some(Row { advice: judge::backup(found.len(), orphans_held), found })
}

async fn store(app: &App) -> Row<Store> {
    let storage = app.storage();
    let asked =
        tokio::time::timeout(PATIENCE, async { (store_checks(app).await, storage.space().await.ok().flatten()) });
    let (checks, space) = match asked.await {
        Ok((checks, space)) => (Some(checks), space),
        Err(_) => (None, None),
    };
    let advice = judge::store(checks.as_deref(), space);
    let writable = !advice.iter().any(|advice| judge::STORE_UNWRITABLE.contains(&advice.code));
    Row { advice, found: Store { kind: storage.kind(), writable, space } }
}

/// Everything, or, when that was well within the last minute, what has changed since at a glance.
async fn store_checks(app: &App) -> Vec<picup_storage::Check> {
    let mut kept = app.inner.system.store.lock().await;
    if let Some((_, known)) = kept.as_ref().filter(|(at, _)| is_fresh(app, *at, STORE_LIFE)) {
        let seen = app.storage().check_at_a_glance().await;
        let rest = known.iter().filter(|known| seen.iter().all(|seen| seen.name != known.name)).cloned();
        return seen.iter().cloned().chain(rest).collect();
    }
    let checks = app.storage().check().await;
    let well = checks.iter().all(|check| check.ok);
    *kept = well.then(|| (app.now(), checks.clone()));
    checks
}

/// Whether pictures and videos can be processed, as it was found within the last minute.
async fn media_checks(app: &App) -> Looked {
    let mut kept = app.inner.system.media.lock().await;
    if let Some((at, looked)) = kept.as_ref() {
        let well = looked.as_ref().is_some_and(|checks| checks.iter().all(|check| check.ok));
        if is_fresh(app, *at, if well { MEDIA_LIFE } else { MEDIA_LIFE_BAD }) {
            return looked.clone();
        }
    }
    let looked = tokio::time::timeout(PATIENCE, app.inner.media.check_at_a_glance()).await.ok();
    *kept = Some((app.now(), looked.clone()));
    looked
}
