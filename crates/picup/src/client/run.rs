//! Sends all the files of one import: hashes ahead, keeps a few on their way, sends the same content once, and stops early
//! when going on is pointless or unwanted.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use futures_util::{StreamExt, stream};
use picup_domain::Sha256;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::call::ApiError;
use super::progress::{FileProgress, LINE_EVERY, Progress};
use super::read::{Measured, ReadError};
use super::send::{SendError, Sender, Sent};
use super::tally::Tally;
use super::walk::{Found, Walk};

/// Ends an import early.
#[derive(Debug, Default)]
pub(crate) struct Stop {
    /// No new file is begun, for this reason.
    reason: OnceLock<&'static str>,
    /// Files on their way are dropped too.
    at_once: CancellationToken,
}

impl Stop {
    /// Begins no new file, and drops those on their way.
    pub(crate) fn interrupt(&self) {
        let _ = self.reason.set("the import was interrupted; run it again to send the rest");
        self.at_once.cancel();
    }

    /// Begins no new file; true for the first who says so.
    fn halt(&self, reason: &'static str) -> bool {
        self.reason.set(reason).is_ok()
    }
}

type Shared = Arc<tokio::sync::Mutex<Option<Uuid>>>;

/// One import under way.
pub(super) struct Run {
    sender: Sender,
    stop: Arc<Stop>,
    progress: Arc<Progress>,
    /// The asset each content has become in this run; locked while it is being sent.
    contents: Mutex<HashMap<Sha256, Shared>>,
}

/// How one file ended.
enum End {
    Uploaded(Uuid),
    Duplicate(Uuid),
    Failed(String),
    Left(&'static str),
}

impl Run {
    /// An import that has not begun.
    pub(super) fn new(sender: Sender, stop: Arc<Stop>, progress: Arc<Progress>) -> Self {
        Self { sender, stop, progress, contents: Mutex::default() }
    }

    /// Sends everything that was found, `parallel` files at once; gives what became of it.
    pub(super) async fn send_all(&self, walk: Walk, parallel: usize) -> Tally {
        let mut tally = Tally::new(walk.skipped);
        for (path, reason) in walk.unreadable {
            tally.failed(path, reason);
        }
        let hashed = stream::iter(walk.media.into_iter().enumerate())
            .map(|(place, found)| async move { (place, self.hash(&found).await, found) })
            .buffered(self.sender.hasher.at_once());
        let ends = hashed
            .map(|(place, measured, found)| async move { (place, self.end(measured, found.bytes).await, found) })
            .buffer_unordered(parallel);
        let counting = ends.for_each(|(place, end, found)| {
            match end {
                End::Uploaded(asset) => tally.uploaded(place, asset, found.bytes),
                End::Duplicate(asset) => tally.duplicate(place, asset),
                End::Failed(reason) => tally.failed(found.path, reason),
                End::Left(reason) => tally.left(reason),
            }
            std::future::ready(())
        });
        tokio::select! {
            () = counting => {}
            () = self.report() => {}
        }
        tally
    }

    /// Prints a line now and then, where lines are printed; never ends.
    async fn report(&self) {
        loop {
            tokio::time::sleep(LINE_EVERY).await;
            self.progress.line();
        }
    }

    /// Hashes a file, unless the run has stopped.
    async fn hash(&self, found: &Found) -> Option<Result<Measured, ReadError>> {
        if self.stop.reason.get().is_some() {
            return None;
        }
        tokio::select! {
            biased;
            () = self.stop.at_once.cancelled() => None,
            measured = self.sender.hasher.measure(found.path.clone(), None) => Some(measured),
        }
    }

    async fn end(&self, measured: Option<Result<Measured, ReadError>>, bytes: u64) -> End {
        let progress = FileProgress::new(&self.progress);
        let end = match (self.stop.reason.get(), measured) {
            (Some(reason), _) => End::Left(reason),
            (None, None) => End::Left("the import stopped"),
            (None, Some(Err(error))) => End::Failed(error.to_string()),
            (None, Some(Ok(file))) => tokio::select! {
                biased;
                () = self.stop.at_once.cancelled() => End::Left(self.stop.reason.get().unwrap_or(&"the import stopped")),
                end = self.send_once(&file, &progress) => end,
            },
        };
        if !matches!(end, End::Left(_)) {
            progress.done(bytes);
        }
        end
    }

    /// Sends a file unless the same content has been sent by this run; waits while it is.
    async fn send_once(&self, file: &Measured, progress: &FileProgress) -> End {
        let shared = {
            // A panic while it was held could not have left the map half changed.
            let mut contents = self.contents.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(contents.entry(file.sha256).or_default())
        };
        let mut asset = shared.lock().await;
        if let Some(asset) = *asset {
            return End::Duplicate(asset);
        }
        // Waiting for the same content may have taken a while.
        if let Some(reason) = self.stop.reason.get() {
            return End::Left(reason);
        }
        match self.sender.send(file, progress).await {
            Ok(Sent::Uploaded(id)) => {
                *asset = Some(id);
                End::Uploaded(id)
            }
            Ok(Sent::Duplicate(id)) => {
                *asset = Some(id);
                End::Duplicate(id)
            }
            Err(error) => End::Failed(self.failed(&error)),
        }
    }

    /// The reason in words; stops the run when the next files would fail for the same one.
    fn failed(&self, error: &SendError) -> String {
        if let SendError::Api(api) = error {
            let reason = match api {
                _ if api.kind() == "urn:picup:quota-exceeded" => Some("the account's quota is used up"),
                ApiError::Unreachable(_) => Some("the server cannot be reached"),
                _ if api.status() == 401 => Some("the server has ended the session and refuses a new one"),
                _ => None,
            };
            if let Some(reason) = reason
                && self.stop.halt(reason)
            {
                self.progress.say(&format!("stopping: {reason}; files on their way are finished"));
            }
        }
        error.to_string()
    }
}
