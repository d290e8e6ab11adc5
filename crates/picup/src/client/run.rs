//! Sends all the files of one import: hashes ahead, keeps a few on their way, sends the same content once, and stops early
//! when going on is pointless or unwanted.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, Once, PoisonError};

use futures_util::{StreamExt, stream};
use picup_domain::Sha256;
use uuid::Uuid;

use super::call::{ApiError, plain};
use super::prepare::{Prepared, Preparer, Reading, Told};
use super::progress::{FileProgress, LINE_EVERY, Progress};
use super::read::Measured;
use super::send::{SendError, Sender, Sent};
use super::small::groups;
use super::source::{InAlbum, Item};
use super::stop::Stop;
use super::tally::Tally;
use super::walk::{Found, Skip, Walk};

type Shared = Arc<tokio::sync::Mutex<Option<Uuid>>>;
/// A content, and the asset whose film it is when it is one.
type Content = (Sha256, Option<Uuid>);

/// One import under way.
pub(super) struct Run {
    sender: Sender,
    preparer: Preparer,
    stop: Arc<Stop>,
    progress: Arc<Progress>,
    /// The asset each content has become in this run; locked while it is being sent.
    contents: Mutex<HashMap<Content, Shared>>,
    /// Whether it was said that the server takes no live photos.
    films_apart: Once,
    /// Files that an earlier run has sent, and that the server did not have any more.
    again: AtomicU64,
}

/// How one file ended.
enum End {
    Uploaded(Uuid),
    Duplicate(Uuid),
    Skipped(Skip),
    Failed(String),
    Left(&'static str),
}

/// How an item ended: its photo or video, and its film.
struct Ended {
    place: usize,
    albums: Vec<InAlbum>,
    ends: Vec<(Found, End)>,
}

impl Run {
    /// An import that has not begun.
    pub(super) fn new(sender: Sender, preparer: Preparer, stop: Arc<Stop>, progress: Arc<Progress>) -> Self {
        Self {
            sender,
            preparer,
            stop,
            progress,
            contents: Mutex::default(),
            films_apart: Once::new(),
            again: AtomicU64::new(0),
        }
    }

    /// Sends everything that was found, `parallel` files or groups of small ones at once; gives what became of it.
    pub(super) async fn send_all(&self, walk: Walk, parallel: usize) -> Tally {
        let mut tally = Tally::new(walk.skipped, walk.media_skipped);
        for (path, reason) in walk.unreadable {
            tally.failed(path, reason);
        }
        let prepared = stream::iter(groups(walk.items))
            .map(|group| stream::iter(group).then(|(place, item)| self.prepare(place, item)).collect::<Vec<Prepared>>())
            .buffered(self.sender.hasher.at_once());
        let ends = prepared.map(|group| self.end_all(group)).buffer_unordered(parallel).flat_map(stream::iter);
        let counting = ends.for_each(|ended| {
            count(&mut tally, ended);
            std::future::ready(())
        });
        tokio::select! {
            () = counting => {}
            () = self.report() => {}
        }
        tally.sent_again(self.again.load(Ordering::Relaxed));
        tally
    }

    /// Prints a line now and then, where lines are printed; never ends.
    async fn report(&self) {
        loop {
            tokio::time::sleep(LINE_EVERY).await;
            self.progress.line();
        }
    }

    /// Reads an item, unless the run has stopped.
    async fn prepare(&self, place: usize, item: Item) -> Prepared {
        if self.stop.reason().is_some() {
            return Prepared::left(place, item);
        }
        let kept = item.clone();
        let prepared = tokio::select! {
            biased;
            () = self.stop.interrupted() => Prepared::left(place, kept),
            prepared = self.preparer.prepare(place, item) => prepared,
        };
        for trouble in &prepared.troubles {
            self.progress.say(&plain(&format!("warning: {trouble}; its photo is sent without these notes")));
        }
        prepared
    }

    /// Sends a group: together what can go together, the rest one by one.
    async fn end_all(&self, group: Vec<Prepared>) -> Vec<Ended> {
        let mut together = HashMap::new();
        if group.len() > 1 && self.stop.reason().is_none() {
            tokio::select! {
                biased;
                () = self.stop.interrupted() => {}
                sent = self.send_together(&group) => together = sent,
            }
        }
        let mut ended = Vec::with_capacity(group.len());
        for prepared in group {
            let end = together.remove(&prepared.place);
            ended.push(self.end_item(prepared, end).await);
        }
        ended
    }

    /// Sends those of a group that nobody has sent or is sending; gives how those ended that ended well, by place.
    async fn send_together(&self, group: &[Prepared]) -> HashMap<usize, End> {
        let mut held = Vec::new();
        for prepared in group {
            if let Some(Ok(file)) = &prepared.main
                && let Ok(content) = self.content(file).try_lock_owned()
                && content.is_none()
            {
                let progress = FileProgress::new(&self.progress);
                held.push((prepared.place, file, prepared.item.main.bytes, progress, content));
            }
        }
        let files: Vec<(&Measured, FileProgress)> =
            held.iter().map(|(_, file, _, progress, _)| (*file, progress.clone())).collect();
        let sent = self.sender.send_small(&files).await;
        let mut ends = HashMap::new();
        for ((place, file, bytes, progress, mut content), sent) in held.into_iter().zip(sent) {
            let Some(sent) = sent else { continue };
            let (Sent::Uploaded(asset) | Sent::Duplicate(asset)) = sent;
            *content = Some(asset);
            self.preparer.remember(file);
            progress.done(bytes);
            let end = if matches!(sent, Sent::Uploaded(_)) { End::Uploaded(asset) } else { End::Duplicate(asset) };
            ends.insert(place, end);
        }
        ends
    }

    /// Sends what is left of an item: its photo or video unless that has ended, then its film.
    async fn end_item(&self, prepared: Prepared, ended: Option<End>) -> Ended {
        let Prepared { place, item, main, moving, albums, trashed, .. } = prepared;
        let mut ends = Vec::with_capacity(2);
        let end = match ended {
            _ if trashed => self.skip(&item.main),
            Some(end) => end,
            None => self.end(main, item.main.bytes).await,
        };
        if let Some(film) = item.moving {
            let moving = match &end {
                End::Skipped(_) => self.skip(&film),
                End::Uploaded(asset) | End::Duplicate(asset) => self.end_film(moving, *asset, film.bytes).await,
                End::Left(reason) => End::Left(reason),
                End::Failed(_) => End::Failed("the photo that it belongs to was not sent".to_owned()),
            };
            ends.push((film, moving));
        }
        ends.insert(0, (item.main, end));
        Ended { place, albums, ends }
    }

    fn skip(&self, found: &Found) -> End {
        FileProgress::new(&self.progress).done(found.bytes);
        End::Skipped(Skip::Trashed)
    }

    /// Sends a film as the moving part of `asset`; as a video of its own where the server takes none.
    async fn end_film(&self, mut moving: Reading, asset: Uuid, bytes: u64) -> End {
        if let Some(Ok(film)) = &mut moving {
            film.told.motion_of = Some(asset);
        }
        self.end(moving, bytes).await
    }

    /// What a content has become in this run.
    fn content(&self, file: &Measured) -> Shared {
        // A panic while it was held could not have left the map half changed.
        let mut contents = self.contents.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(contents.entry((file.sha256, file.told.motion_of)).or_default())
    }

    async fn end(&self, measured: Reading, bytes: u64) -> End {
        let progress = FileProgress::new(&self.progress);
        let end = match (self.stop.reason(), measured) {
            (Some(reason), _) => End::Left(reason),
            (None, None) => End::Left("the import stopped"),
            (None, Some(Err(error))) => End::Failed(error.to_string()),
            (None, Some(Ok(file))) => tokio::select! {
                biased;
                () = self.stop.interrupted() => End::Left(self.stop.reason().unwrap_or("the import stopped")),
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
        if let Some(reason) = self.stop.reason() {
            return End::Left(reason);
        }
        match self.send(file, progress).await {
            Ok(sent) => {
                let (Sent::Uploaded(id) | Sent::Duplicate(id)) = sent;
                *asset = Some(id);
                self.preparer.remember(file);
                if matches!(sent, Sent::Uploaded(_)) && !file.hashed {
                    self.again.fetch_add(1, Ordering::Relaxed);
                }
                if matches!(sent, Sent::Uploaded(_)) { End::Uploaded(id) } else { End::Duplicate(id) }
            }
            Err(error) => End::Failed(self.failed(&error)),
        }
    }

    async fn send(&self, file: &Measured, progress: &FileProgress) -> Result<Sent, SendError> {
        match self.sender.send(file, progress).await {
            Err(SendError::Api(error))
                if file.told.motion_of.is_some() && matches!(error.status(), 400 | 409 | 422) =>
            {
                self.films_apart.call_once(|| {
                    self.progress.say(&format!("warning: films are kept as videos of their own ({error})"));
                });
                let mut alone = file.clone();
                alone.told = Told { file_name: alone.told.file_name.take(), ..Told::default() };
                self.sender.send(&alone, progress).await
            }
            sent => sent,
        }
    }

    /// The reason in words; stops the run when the next files would fail for the same one.
    fn failed(&self, error: &SendError) -> String {
        if let SendError::Api(api) = error {
            let reason = match api {
                _ if api.kind() == "urn:picup:quota-exceeded" => {
                    Some("the account's quota is used up; whoever administers this PicUp can raise it")
                }
                ApiError::Unreachable(_) => Some("the server cannot be reached; run it again, and it goes on"),
                _ if api.status() == 403 => Some("the server does not let this account or key send files"),
                _ if api.status() == 507 => Some("the disk of the server is full"),
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

fn count(tally: &mut Tally, ended: Ended) {
    let mut main = None;
    for (found, end) in ended.ends {
        match end {
            End::Uploaded(asset) => {
                tally.uploaded(ended.place, asset, found.bytes);
                // A film makes its photo, which may have been there, one to wait for.
                tally.unproved(*main.get_or_insert(asset));
                tally.unproved(asset);
            }
            End::Duplicate(asset) => {
                tally.duplicate(ended.place, asset);
                main.get_or_insert(asset);
            }
            End::Skipped(skip) => tally.skipped(found.path, skip),
            End::Failed(reason) => tally.failed(found.path, reason),
            End::Left(reason) => tally.left(reason),
        }
    }
    if let Some(asset) = main {
        tally.item(ended.place, asset, ended.albums);
    }
}
