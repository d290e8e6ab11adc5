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
use super::small::groups;
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
/// A file's place in the whole, what reading it gave (nothing when the run had stopped), and the file.
type Hashed = (usize, Option<Result<Measured, ReadError>>, Found);

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

    /// Sends everything that was found, `parallel` files or groups of small ones at once; gives what became of it.
    pub(super) async fn send_all(&self, walk: Walk, parallel: usize) -> Tally {
        let mut tally = Tally::new(walk.skipped);
        for (path, reason) in walk.unreadable {
            tally.failed(path, reason);
        }
        let hashed = stream::iter(groups(walk.media))
            .map(|group| stream::iter(group).then(|item| self.hash(item)).collect::<Vec<Hashed>>())
            .buffered(self.sender.hasher.at_once());
        let ends = hashed.map(|group| self.end_all(group)).buffer_unordered(parallel).flat_map(stream::iter);
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
    async fn hash(&self, (place, found): (usize, Found)) -> Hashed {
        if self.stop.reason.get().is_some() {
            return (place, None, found);
        }
        let measured = tokio::select! {
            biased;
            () = self.stop.at_once.cancelled() => None,
            measured = self.sender.hasher.measure(found.path.clone(), None) => Some(measured),
        };
        (place, measured, found)
    }

    /// Sends a group: together what can go together, the rest one by one.
    async fn end_all(&self, group: Vec<Hashed>) -> Vec<(usize, End, Found)> {
        let mut together = HashMap::new();
        if group.len() > 1 && self.stop.reason.get().is_none() {
            tokio::select! {
                biased;
                () = self.stop.at_once.cancelled() => {}
                sent = self.send_together(&group) => together = sent,
            }
        }
        let mut ends = Vec::with_capacity(group.len());
        for (place, measured, found) in group {
            let end = match together.remove(&place) {
                Some(end) => end,
                None => self.end(measured, found.bytes).await,
            };
            ends.push((place, end, found));
        }
        ends
    }

    /// Sends those of a group that nobody has sent or is sending; gives how those ended that ended well, by place.
    async fn send_together(&self, group: &[Hashed]) -> HashMap<usize, End> {
        let mut held = Vec::new();
        for (place, measured, found) in group {
            if let Some(Ok(file)) = measured
                && let Ok(content) = self.content(file).try_lock_owned()
                && content.is_none()
            {
                held.push((*place, file, found.bytes, FileProgress::new(&self.progress), content));
            }
        }
        let files: Vec<(&Measured, FileProgress)> =
            held.iter().map(|(_, file, _, progress, _)| (*file, progress.clone())).collect();
        let sent = self.sender.send_small(&files).await;
        let mut ends = HashMap::new();
        for ((place, _, bytes, progress, mut content), sent) in held.into_iter().zip(sent) {
            let Some(sent) = sent else { continue };
            let (Sent::Uploaded(asset) | Sent::Duplicate(asset)) = sent;
            *content = Some(asset);
            progress.done(bytes);
            let end = if matches!(sent, Sent::Uploaded(_)) { End::Uploaded(asset) } else { End::Duplicate(asset) };
            ends.insert(place, end);
        }
        ends
    }

    /// What a content has become in this run.
    fn content(&self, file: &Measured) -> Shared {
        // A panic while it was held could not have left the map half changed.
        let mut contents = self.contents.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(contents.entry(file.sha256).or_default())
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
        let shared = self.content(file);
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
