//! The line of work that makes copies at one destination: claims what is due, copies many at once, and records what stands there.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use picup_database::{CopyClaim, CopyFailure, CopyMade, Destination, DestinationState};
use picup_domain::{ByteSize, DestinationId};
use picup_storage::{Error as Storage, Stored, crash_point};
use tokio::task::{self, JoinSet};
use tokio_util::sync::CancellationToken;

use super::attempt::{backoff, copy, is_away};
use super::target::Target;
use super::{AGAIN, rest};
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
/// After so many attempts that is believed.
const SOURCELESS_AFTER: u32 = 3;

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
pub(super) type Done = (CopyClaim, Result<Stored, Storage>, Duration);

pub(super) struct Line {
    app: App,
    target: Arc<Target>,
    id: DestinationId,
    queued: VecDeque<CopyClaim>,
    pub(super) under_way: JoinSet<Done>,
    /// What is under way.
    pub(super) held: HashMap<task::Id, CopyClaim>,
    extended: Instant,
    /// When it was last looked whether the destination is paused.
    looked: Instant,
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
            looked: now,
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
            Some(done) = self.under_way.join_next_with_id() => match done {
                Ok((task, done)) => {
                    self.held.remove(&task);
                    self.ended(done).await?;
                }
                // Its lease runs out, and then it is tried again.
                Err(error) => {
                    self.held.remove(&error.id());
                    return Err(Error::Internal(format!("a copy ended in a panic: {error}")));
                }
            },
            () = tokio::time::sleep(RECORD_EVERY) => {}
        }
        if self.made.len() >= RECORDED || self.recorded.elapsed() >= RECORD_EVERY {
            self.record().await?;
        }
        self.extend().await?;
        if self.looked.elapsed() >= LOOK_EVERY {
            self.look().await?;
        }
        Ok(())
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
            let held = claim.clone();
            let task = self.under_way.spawn(async move {
                let _at_work = target.at_work();
                let begun = Instant::now();
                let result = copy(&app, &target, &claim).await;
                (claim, result, begun.elapsed())
            });
            self.held.insert(task.id(), held);
        }
        Ok(())
    }

    async fn claim(&mut self) -> Result<(), Error> {
        let database = self.app.database();
        let now = self.app.now();
        let Some(found) = self.destination().await? else { return Ok(()) };
        let due = database.read_fresh().await?.copy_is_due(self.id, now).await?;
        if found.state != DestinationState::Active || (!due && found.enrolled) {
            return Ok(());
        }
        if !self.claimed {
            // Before a place has got its mark nothing was ever put there. Afterwards it has to be the right one.
            self.target.backup().claim(self.id, !found.claimed).await?;
            self.claimed = true;
        }
        let mut write = database.write().await?;
        if !found.claimed {
            write.destination_claimed(self.id, now).await?;
        }
        if !due {
            write.copy_enrol(self.id, ENROLLED, now).await?;
        }
        let claims = write.copy_claim(self.id, now, now.plus(LEASE), CLAIMED).await?;
        write.commit().await?;
        crash_point!("backup-claimed");
        self.queued.extend(claims);
        Ok(())
    }

    async fn destination(&self) -> Result<Option<Destination>, Error> {
        let found = self.app.database().read_fresh().await?.destination_list().await?;
        Ok(found.into_iter().find(|found| found.id == self.id))
    }

    /// Gives back what has not begun, when the destination is paused.
    pub(super) async fn look(&mut self) -> Result<(), Error> {
        self.looked = Instant::now();
        if self.queued.is_empty()
            || self.destination().await?.is_some_and(|found| found.state == DestinationState::Active)
        {
            return Ok(());
        }
        let mut write = self.app.database().write().await?;
        write.copy_extend(self.id, self.queued.make_contiguous(), self.app.now()).await?;
        write.commit().await?;
        self.queued.clear();
        Ok(())
    }

    pub(super) async fn ended(&mut self, (claim, result, took): Done) -> Result<(), Error> {
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
            // What was read may have been broken on the way, until it has come out so again and again.
            Storage::SourceDiffers | Storage::NotFound(_) if claim.attempt >= SOURCELESS_AFTER => {
                CopyFailure::Sourceless
            }
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
        let held: Vec<CopyClaim> = self.held.values().chain(&self.queued).cloned().collect();
        let mut write = self.app.database().write().await?;
        write.copy_extend(self.id, &held, self.app.now().plus(LEASE)).await?;
        Ok(write.commit().await?)
    }
}
