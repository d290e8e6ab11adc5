//! The trusted side: starts a child for each original, bounds it in number and time, and kills it with all it started
//! when it overstays. Called by `app`'s jobs. It never looks at more of an original than the magic bytes.

use std::{
    fs::File,
    io,
    os::unix::{fs::FileExt, process::ExitStatusExt},
    path::PathBuf,
    process::{ExitStatus, Stdio},
    sync::Arc,
    time::Instant,
};

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::{
    io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, BufReader},
    process::{Child, Command},
    sync::Semaphore,
};

use super::{
    CHILD_PATH, Limits, Request,
    frame::{self, Answer, FrameError, Known},
};
use crate::{
    facts::Facts,
    metrics::Metrics,
    processed::{Outcome, Processed},
    settings::{CHILD_COMMAND, Settings},
    sniff::{HEAD_BYTES, sniff},
};

/// How much of what a child complains about is passed on to the log.
const COMPLAINT_LIMIT: u64 = 8 << 10;

/// What a child ends with that gave up in good order, as [`std::process::ExitCode::FAILURE`] is on Unix.
const FAILURE: i32 = 1;

/// What kept an original from being processed that may be no fault of its own; trying again later is right.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The child could not be started.
    #[error("cannot start {program} to process a file: {source}")]
    Start {
        /// The program that was to be started.
        program: PathBuf,
        /// Why the system refused.
        source: io::Error,
    },
    /// The original could not be handed over, or the child's end could not be learned.
    #[error("cannot talk to the process that decodes: {0}")]
    Talk(#[from] io::Error),
    /// The child was killed (the system may have been short of memory), gave up over something that is wrong with this
    /// machine, or ended before it said anything of the file.
    #[error("the process that decodes {cause}")]
    Child {
        /// How it ended: the end of a sentence that begins with "the process that decodes".
        cause: String,
    },
    /// The file made its decoder crash twice in a row, or takes too long. A machine that is short of memory or time may do
    /// that to a sound file, so the caller tries again later and after some tries records the reason.
    #[error("the file {reason}")]
    Broken {
        /// Why, for people: the end of a sentence that begins with "the file".
        reason: String,
        /// What to record after some tries: the format, the facts that were found before it broke, and an
        /// [`Outcome::Undecodable`] of that reason.
        known: Box<Processed>,
    },
}

/// Turns originals into facts and renditions. Clones share one bound on how many are processed at once: make one for
/// the whole process.
#[derive(Debug, Clone)]
pub struct Media {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    settings: Settings,
    request: String,
    places: Semaphore,
    metrics: Metrics,
}

/// How many originals are processed at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Children {
    /// Now.
    pub alive: usize,
    /// At most.
    pub limit: usize,
}

impl Children {
    pub(crate) const fn idle(self) -> bool {
        self.alive < self.limit
    }
}

/// How one child ended.
enum End {
    Answered(Outcome),
    /// It ran out of time on the clock or of the processor.
    Late,
    Crashed(String),
}

impl Media {
    /// Starts nothing yet.
    pub fn new(settings: Settings, metrics: Metrics) -> Media {
        let request = Request {
            ffmpeg: settings.ffmpeg.clone(),
            ffprobe: settings.ffprobe.clone(),
            preview_long: settings.preview_long.max(1),
            thumbnail_short: settings.thumbnail_short.max(1),
            limits: Limits {
                max_pixels: settings.max_pixels,
                max_memory: settings.max_memory,
                cpu_seconds: settings.deadline.as_secs().max(1),
            },
        };
        let request = serde_json::json!(request).to_string();
        let places = Semaphore::new(settings.concurrency.max(1));
        Media { inner: Arc::new(Inner { settings, request, places, metrics }) }
    }

    /// How many originals are processed at this moment, each in a child of its own.
    #[must_use]
    pub fn children(&self) -> Children {
        let limit = self.inner.settings.concurrency.max(1);
        Children { alive: limit.saturating_sub(self.inner.places.available_permits()), limit }
    }

    pub(crate) fn settings(&self) -> &Settings {
        &self.inner.settings
    }

    /// Finds out what `original`, a regular file open for reading, is and makes its renditions. Waits for its turn. Its
    /// position is neither used nor changed. Dropping the future kills the child and all it started.
    ///
    /// # Errors
    /// For what is wrong with this machine, and [`Error::Broken`] for what may be. Anything that is surely wrong with the
    /// file is an [`Outcome::Undecodable`].
    pub async fn process(&self, original: File) -> Result<Processed, Error> {
        let inner = &*self.inner;
        let _place = inner.places.acquire().await.map_err(io::Error::other)?;
        let started = Instant::now();
        let mut answer = Answer::default();
        let mut end = inner.attempt(&original, &mut answer).await?;
        if let End::Crashed(cause) = &end {
            tracing::warn!(%cause, "a media child crashed; trying once more");
            answer = Answer::default();
            end = inner.attempt(&original, &mut answer).await?;
        }
        let (reason, label) = match end {
            End::Answered(outcome) => {
                let label = if matches!(outcome, Outcome::Shown { .. }) { "shown" } else { "undecodable" };
                return Ok(inner.processed(&original, answer.known, outcome, label, started)?);
            }
            End::Late => (format!("took longer than {} s to decode", inner.settings.deadline.as_secs_f64()), "late"),
            // Nothing was done to the file yet, so it cannot have been the file.
            End::Crashed(cause) if answer.known.is_none() => return Err(Error::Child { cause }),
            End::Crashed(cause) => {
                tracing::warn!(%cause, "a media child crashed twice over the same file");
                ("made its decoder crash".to_owned(), "crashed")
            }
        };
        let outcome = Outcome::Undecodable { reason: reason.clone() };
        let known = Box::new(inner.processed(&original, answer.known, outcome, label, started)?);
        Err(Error::Broken { reason, known })
    }
}

impl Inner {
    /// Counts a job that told something of the file. A child that ended before it gave any facts still leaves what the
    /// magic bytes say.
    fn processed(
        &self,
        original: &File,
        known: Option<Known>,
        outcome: Outcome,
        label: &'static str,
        started: Instant,
    ) -> io::Result<Processed> {
        let Known { format, facts } = match known {
            Some(known) => known,
            None => Known { format: sniff(&head(original)?), facts: Facts::default() },
        };
        self.metrics.job(format, label, started.elapsed());
        Ok(Processed { format, facts, outcome })
    }

    async fn attempt(&self, original: &File, answer: &mut Answer) -> Result<End, Error> {
        let mut group = self.start(original)?;
        let (Some(stdout), Some(stderr)) = (group.child.stdout.take(), group.child.stderr.take()) else {
            return Err(io::Error::other("the child has no pipes").into());
        };
        // It ends when the last process that holds the pipe is gone, which the group's end sees to.
        tokio::spawn(pass_on(stderr));
        let read = tokio::time::timeout(self.settings.deadline, frame::read(stdout, answer)).await;
        group.kill();
        let status = group.child.wait().await?;
        Ok(match read {
            Err(_) => End::Late,
            Ok(Ok(())) => answer.outcome.take().map_or_else(|| End::Crashed("no outcome".into()), End::Answered),
            Ok(Err(error)) => {
                self.metrics.crash();
                end_of_failure(&error, status)?
            }
        })
    }

    fn start(&self, original: &File) -> Result<Group, Error> {
        let program = &self.settings.program;
        let child = Command::new(program)
            .arg(CHILD_COMMAND)
            .arg(&self.request)
            .env_clear()
            .env("PATH", CHILD_PATH)
            .current_dir("/")
            .stdin(original.try_clone()?)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .spawn()
            .map_err(|source| Error::Start { program: program.clone(), source })?;
        Ok(Group { child })
    }
}

/// What a child's end without an answer means. Only of one that closed its pipe does the status tell why: one that was cut
/// short because of what it answered has been killed by us. A child that has begun to end when it is killed keeps its own
/// status.
fn end_of_failure(error: &FrameError, status: ExitStatus) -> Result<End, Error> {
    let closed = matches!(error, FrameError::Read(_));
    match (status.signal(), status.code()) {
        (Some(signal), _) if signal == Signal::XCPU.as_raw() => Ok(End::Late),
        (Some(signal), _) if closed && signal == Signal::KILL.as_raw() => {
            Err(Error::Child { cause: "was killed; the system may be short of memory".into() })
        }
        (_, Some(FAILURE)) if closed => {
            Err(Error::Child { cause: "gave up; what it complained of is logged at level debug".into() })
        }
        _ => Ok(End::Crashed(format!("broke off: {error}; {status}"))),
    }
}

/// A child and every program it started, which share a process group.
struct Group {
    child: Child,
}

impl Group {
    /// Kills what is left of the group. The child has not been waited for while it has an id, so that the id, and with
    /// it the group's, cannot have passed on to another process.
    fn kill(&self) {
        let leader = self.child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
        if let Some(leader) = leader {
            // All of them being gone already is what is wanted.
            let _ = kill_process_group(leader, Signal::KILL);
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Passes what a child complains about on to the log, line by line, up to a limit; the rest is read and dropped, so that
/// the child never blocks on a full pipe.
async fn pass_on(stderr: impl AsyncRead + Unpin) {
    let mut stderr = BufReader::new(stderr);
    let mut lines = (&mut stderr).take(COMPLAINT_LIMIT);
    let mut line = Vec::new();
    while lines.read_until(b'\n', &mut line).await.is_ok_and(|count| count > 0) {
        tracing::debug!(line = %String::from_utf8_lossy(&line).trim_end(), "media child");
        line.clear();
    }
    let _ = tokio::io::copy(&mut stderr, &mut tokio::io::sink()).await;
}

fn head(original: &File) -> io::Result<Vec<u8>> {
    let mut head = vec![0; HEAD_BYTES];
    let count = original.read_at(&mut head, 0)?;
    head.truncate(count);
    Ok(head)
}
