//! The line of work that makes copies at one destination: claims what is due, copies many at once, and records what stands there.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use picup_database::{CopyClaim, CopyFailure, CopyMade, CopyState, DestinationState};
use picup_domain::{ByteSize, DestinationId, ObjectKey};
use picup_storage::{Error as Storage, Expected, Stored, crash_point};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::target::Target;
use super::{AGAIN, heal, rest};
use crate::{App, Error};

/// How many copies are made at once; most are small, and wait for the network more than for anything else.
const AT_ONCE: usize = 16;
/// How many are claimed in one transaction.
const CLAIMED: u32 = 256;
/// How many older objects are written down in one transaction, after a destination was added.
const ENROLLED: u32 = 500;
/// A copy is this process's for so long, and longer while it is at work.
const LEASE: Duration = Duration::from_secs(180);
const EXTEND_EVERY: Duration = Duration::from_secs(60);
/// Copies that stand are recorded together: so many, or what there is after so long.
const RECORDED: usize = 256;
const RECORD_EVERY: Duration = Duration::from_millis(500);
const LOOK_EVERY: Duration = Duration::from_secs(2);
/// The longest time between two attempts, and of a rest after a destination was away.
const LONGEST: u64 = 3600;
const LONGEST_REST: u64 = 300;
/// How soon one is tried again of whose object there is nothing to copy.
const SOURCELESS: Duration = Duration::from_secs(3600);

/// Works until it is told to stop.
pub(super) async fn run(app: App, target: Arc<Target>, id: DestinationId, stop: CancellationToken) {
    let mut line = Line::new(app, target, id);
    while !stop.is_cancelled() {
        if let Err(error) = line.step(&stop).await {
            tracing::warn!(destination = line.target.name(), error = error.story(), "copying goes on later");
            rest(&stop, AGAIN).await;
        }
    }
    line.under_way.shutdown().await;
    if let Err(error) = line.record().await {
        tracing::debug!(error = error.story(), "what was copied last is looked at again at the next start");
    }
}

/// What came of one copy, and how long it took.
type Done = (CopyClaim, Result<Stored, Storage>, Duration);

pub(super) struct Line {
    app: App,
    target: Arc<Target>,
    id: DestinationId,
    queued: VecDeque<CopyClaim>,
    under_way: JoinSet<Done>,
    /// What this process holds a lease of.
    held: HashMap<ObjectKey, CopyClaim>,
    extended: Instant,
    made: Vec<CopyMade>,
    recorded: Instant,
    /// Since when there was always something to do, and how many bytes were copied since.
    busy: Option<(Instant, u64)>,
    resting_until: Instant,
    /// How often in a row the destination was away.
    away: u32,
    /// Whether it is certain that the place is the destination's, and was not away since.
    claimed: bool,
}

impl Line {
    pub(super) fn new(app: App, target: Arc<Target>, id: DestinationId) -> Self {
        let now = Instant::now();
        Self {
            app,
            target,
            id,
            queued: VecDeque::new(),
            under_way: JoinSet::new(),
            held: HashMap::new(),
            extended: now,
            made: Vec::new(),
            recorded: now,
            busy: None,
            resting_until: now,
            away: 0,
            claimed: false,
        }
    }

    pub(super) async fn step(&mut self, stop: &CancellationToken) -> Result<(), Error> {
        self.fill().await?;
        if self.under_way.is_empty() {
            self.record().await?;
            self.busy = None;
            let pause = self.resting_until.saturating_duration_since(Instant::now()).max(LOOK_EVERY);
            tokio::select! {
                () = stop.cancelled() => {}
                () = tokio::time::sleep(pause) => {}
                () = self.target.woken() => {}
            }
            return Ok(());
        }
        tokio::select! {
            () = stop.cancelled() => return Ok(()),
            Some(done) = self.under_way.join_next() => match done {
                Ok(done) => self.ended(done).await?,
                Err(error) => return Err(Error::Internal(format!("a copy ended in a panic: {error}"))),
            },
            () = tokio::time::sleep(RECORD_EVERY) => {}
        }
        if self.made.len() >= RECORDED || self.recorded.elapsed() >= RECORD_EVERY {
            self.record().await?;
        }
        self.extend().await
    }

    /// Begins as many as may be under way.
    async fn fill(&mut self) -> Result<(), Error> {
        if self.resting_until > Instant::now() {
            return Ok(());
        }
        if self.queued.is_empty() && self.under_way.len() <= AT_ONCE / 2 {
            self.claim().await?;
        }
        while self.under_way.len() < AT_ONCE
            && let Some(claim) = self.queued.pop_front()
        {
            self.busy.get_or_insert_with(|| (Instant::now(), 0));
            let (app, target) = (self.app.clone(), Arc::clone(&self.target));
            self.under_way.spawn(async move {
                let _at_work = target.at_work();
                let begun = Instant::now();
                let result = copy(&app, &target, &claim).await;
                (claim, result, begun.elapsed())
            });
        }
        Ok(())
    }

    async fn claim(&mut self) -> Result<(), Error> {
        let database = self.app.database();
        let now = self.app.now();
        let found = database.read_fresh().await?.destination_list().await?;
        let Some(found) = found.into_iter().find(|found| found.id == self.id) else { return Ok(()) };
        let due = database.read_fresh().await?.copy_is_due(self.id, now).await?;
        if found.state != DestinationState::Active || (!due && found.enrolled) {
            return Ok(());
        }
        if !self.claimed {
            let counts = database.read_fresh().await?.copy_counts(self.id).await?;
            // What is certainly a place without copies may be made the destination's. Else it has to be the right one.
            let new = found.catalogue_at.is_none()
                && counts.iter().all(|count| count.copies == 0 || count.state == CopyState::Waiting);
            self.target.backup().claim(self.id, new).await?;
            self.claimed = true;
        }
        let mut write = database.write().await?;
        if !due {
            write.copy_enrol(self.id, ENROLLED, now).await?;
        }
        let claims = write.copy_claim(self.id, now, now.plus(LEASE), CLAIMED).await?;
        write.commit().await?;
        crash_point!("backup-claimed");
        self.held.extend(claims.iter().map(|claim| (claim.key.clone(), claim.clone())));
        self.queued.extend(claims);
        Ok(())
    }

    async fn ended(&mut self, (claim, result, took): Done) -> Result<(), Error> {
        self.held.remove(&claim.key);
        let bytes = claim.bytes.get();
        match result {
            Ok(stored) => {
                self.away = 0;
                self.app.inner.metrics.backup.copied(self.target.name(), bytes);
                self.target.took(bytes, took);
                self.busy = self.busy.map(|(since, sum)| (since, sum + bytes));
                let (stored_bytes, stored_sha256) = (ByteSize::new(stored.bytes)?, stored.sha256);
                self.made.push(CopyMade { claim, stored_bytes, stored_sha256 });
                Ok(())
            }
            Err(error) => self.failed(&claim, error).await,
        }
    }

    async fn failed(&mut self, claim: &CopyClaim, error: Storage) -> Result<(), Error> {
        self.app.inner.metrics.backup.copy_failed(self.target.name());
        let away = is_away(&error);
        let how = match error {
            Storage::Altered(_) => CopyFailure::Occupied,
            Storage::SourceDiffers | Storage::NotFound(_) => CopyFailure::Sourceless,
            _ => CopyFailure::Passing,
        };
        let story = Error::from(error).story();
        if away {
            self.claimed = false;
            self.away += 1;
            self.resting_until = Instant::now() + backoff(self.away.div_ceil(AT_ONCE as u32), LONGEST_REST);
        }
        tracing::warn!(destination = self.target.name(), key = %claim.key, attempt = claim.attempt, error = story, "a copy failed");
        let again = match how {
            CopyFailure::Occupied => self.app.now(),
            CopyFailure::Passing => self.app.now().plus(backoff(claim.attempt, LONGEST)),
            CopyFailure::Sourceless => self.app.now().plus(SOURCELESS),
        };
        let mut write = self.app.database().write().await?;
        write.copy_failed(self.id, claim, &story, again, how).await?;
        Ok(write.commit().await?)
    }

    async fn record(&mut self) -> Result<(), Error> {
        self.recorded = Instant::now();
        if self.made.is_empty() {
            return Ok(());
        }
        if let Some((since, bytes)) = self.busy.filter(|(since, bytes)| since.elapsed() >= RECORD_EVERY && *bytes > 0) {
            self.target.moved(bytes, since.elapsed());
            self.busy = Some((Instant::now(), 0));
        }
        let mut write = self.app.database().write().await?;
        write.copy_made(self.id, &self.made, self.app.now()).await?;
        if let Some(pace) = self.target.pace() {
            write.destination_paced(self.id, pace).await?;
        }
        write.commit().await?;
        crash_point!("backup-recorded");
        self.made.clear();
        Ok(())
    }

    async fn extend(&mut self) -> Result<(), Error> {
        if self.extended.elapsed() < EXTEND_EVERY {
            return Ok(());
        }
        self.extended = Instant::now();
        let held: Vec<CopyClaim> = self.held.values().cloned().collect();
        let mut write = self.app.database().write().await?;
        write.copy_extend(self.id, &held, self.app.now().plus(LEASE)).await?;
        Ok(write.commit().await?)
    }
}

/// Makes one copy, from the primary store, or if that has lost the object from another copy, which heals it on the way.
async fn copy(app: &App, target: &Target, claim: &CopyClaim) -> Result<Stored, Storage> {
    let name = target.name_of(&claim.key, claim.generation);
    let expected = Expected { bytes: claim.bytes.get(), sha256: Some(claim.sha256) };
    let from_primary = || app.storage().read_whole(&claim.key);
    match target.backup().keep(&name, from_primary(), expected, claim.attempt > 1).await {
        Err(lost @ (Storage::SourceDiffers | Storage::NotFound(_))) => {
            if heal::primary(app, &claim.key, expected).await {
                target.backup().keep(&name, from_primary(), expected, true).await
            } else {
                Err(lost)
            }
        }
        kept => kept,
    }
}

/// Whether it is the destination, or the machine, that does not work, and the next copy would fail too.
const fn is_away(error: &Storage) -> bool {
    matches!(
        error,
        Storage::Remote { .. } | Storage::Full | Storage::Folder { .. } | Storage::Taken(_) | Storage::Io { .. }
    )
}

/// 2, 4, 8 … seconds, at most `longest`, give or take a quarter so that many do not come back at once.
fn backoff(attempt: u32, longest: u64) -> Duration {
    let whole = Duration::from_secs(2_u64.saturating_pow(attempt.min(16)).min(longest));
    whole.mul_f64(0.75 + rand::random::<f64>() / 2.0)
}
