//! The line of work that carries a move out: sees that one is wanted, has the store move, the objects brought over, and at the end the
//! configuration rewritten. Killed anywhere, the next one goes on.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use picup_app::App;
use picup_app::moving::{self, Known, Progress};
use picup_domain::Timestamp;
use picup_storage::crash_point;
use tokio_util::sync::CancellationToken;

use super::follow::Follower;
use super::note::{Note, State};
use super::settings;

/// How often it is looked whether a move is wanted.
pub(crate) const LOOK_EVERY: Duration = Duration::from_secs(1);
/// So long after it was asked for, commands that are at work beside PicUp have seen it too.
const NOTICED: Duration = Duration::from_secs(3);
/// How often it is written down how far it is.
const TELL_EVERY: Duration = Duration::from_secs(1);

/// What it works with.
pub(crate) struct Work {
    pub(crate) app: App,
    pub(crate) follower: Follower,
    /// The configuration that is in force.
    pub(crate) file: PathBuf,
}

impl Work {
    /// Carries out what is wanted, until `stop`.
    pub(crate) async fn run(mut self, stop: CancellationToken) {
        let mut told = None;
        while !stop.is_cancelled() {
            let step = tokio::select! {
                () = stop.cancelled() => return,
                step = self.step() => step,
            };
            let trouble = step.err().map(|error| format!("{error:#}"));
            if trouble != told {
                if let Some(trouble) = &trouble {
                    tracing::warn!(trouble, "moving the photos goes on later");
                }
                self.tell_trouble(trouble.clone());
                told = trouble;
            }
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(LOOK_EVERY) => {}
            }
        }
    }

    async fn step(&mut self) -> anyhow::Result<()> {
        let Some(note) = Note::read(self.data_dir())?.filter(Note::is_under_way) else { return Ok(()) };
        if note.state == State::Moving && note.file != self.file {
            anyhow::bail!(
                "it was asked for with the configuration {}, and this PicUp runs with {}; take it back with --cancel, and name that one",
                note.file.display(),
                self.file.display()
            );
        }
        let since = self.app.now().micros().saturating_sub(note.asked_at);
        let left = NOTICED.saturating_sub(Duration::from_micros(since.max(0).unsigned_abs()));
        tokio::time::sleep(left).await;
        if note.state != State::Arrived && self.follower.keep_to(&note).await? && !self.carry(&note).await? {
            return Ok(());
        }
        self.end(note.state).await
    }

    fn data_dir(&self) -> &Path {
        &self.follower.config.data_dir
    }

    /// Brings the objects over; `false` when something else is wanted meanwhile.
    async fn carry(&self, note: &Note) -> anyhow::Result<bool> {
        let back = note.state == State::Back;
        let known = Known { asked_at: Timestamp::from_micros(note.asked_at), back, leave_lost: note.leave_lost };
        let (mut progress, mut told) = (note.progress.clone(), None::<Instant>);
        let carried = moving::carry(&self.app, &known, &mut progress, |progress| {
            if told.is_some_and(|told| told.elapsed() < TELL_EVERY) {
                return true;
            }
            told = Some(Instant::now());
            self.tell(note, progress)
        });
        let carried = carried.await.map_err(|error| anyhow::Error::msg(error.story()));
        self.tell(note, &progress);
        carried
    }

    /// Writes down how far it is; says whether the same is wanted as before.
    fn tell(&self, wanted: &Note, progress: &Progress) -> bool {
        let told = Note::change(self.data_dir(), |note| {
            let Some(note) = note else { return Ok(false) };
            note.progress.clone_from(progress);
            note.trouble = None;
            Ok((note.state, note.leave_lost) == (wanted.state, wanted.leave_lost))
        });
        // Where it cannot be written now, what is wanted is as it was.
        told.unwrap_or(true)
    }

    fn tell_trouble(&self, trouble: Option<String>) {
        let told = Note::change(self.data_dir(), |note| {
            if let Some(note) = note.as_mut().filter(|note| note.is_under_way()) {
                note.trouble = trouble;
            }
            Ok(())
        });
        if let Err(error) = told {
            tracing::debug!(%error, "it cannot be written down why a move does not go on");
        }
    }

    /// All is there: from now on the configuration says so, and the store is that one alone.
    async fn end(&mut self, state: State) -> anyhow::Result<()> {
        let data_dir = self.data_dir();
        let arrived = Note::change(data_dir, |note| {
            let Some(note) = note.as_mut().filter(|note| note.state == state) else { return Ok(None) };
            if note.state == State::Moving {
                crash_point!("move-settings-left");
                settings::rewrite(&note.file, data_dir, &note.to)?;
                crash_point!("move-settings-written");
                note.state = State::Arrived;
            }
            Ok(Some(note.clone()))
        })?;
        let Some(note) = arrived else { return Ok(()) };
        self.follower.end(&note, note.place()).await?;
        Note::change(self.data_dir(), |note| {
            if let Some(note) = note {
                note.state = if note.state == State::Back { State::TakenBack } else { State::Moved };
                (note.ended_at, note.trouble) = (Some(self.app.now().micros()), None);
            }
            Ok(())
        })?;
        tracing::info!(
            place = note.place().place(),
            objects = note.progress.copied,
            "the photos have moved, and all of them are there"
        );
        Ok(())
    }
}
