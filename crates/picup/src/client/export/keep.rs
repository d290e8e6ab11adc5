//! Brings one photo into its folder: its file, its film, its notes, each whole or not at all.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use super::super::call::ApiError;
use super::super::hasher::Hasher;
use super::super::progress::{FileProgress, Progress};
use super::super::stop::Stop;
use super::disk::{Disk, Stand};
use super::fetch::{FetchError, Fetcher};
use super::part::set_time;
use super::photo::{Content, Photo};
use super::plan::Task;
use super::tally::End;

/// One export under way.
pub(super) struct Keeper {
    /// The folder.
    pub(super) disk: Arc<Disk>,
    /// The server.
    pub(super) fetcher: Fetcher,
    /// Does what blocks.
    pub(super) hasher: Hasher,
    /// Ends it early.
    pub(super) stop: Arc<Stop>,
    /// Shows how far it has come.
    pub(super) progress: Arc<Progress>,
    /// Whether it is only said what would be done.
    pub(super) dry: bool,
}

/// Which of a photo's files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Half {
    Still,
    Film,
}

/// One file that is to stand in the folder.
struct File<'a> {
    half: Half,
    content: &'a Content,
    name: &'a str,
}

impl Keeper {
    /// Does a task; gives how each of its files ended.
    pub(super) async fn keep(&self, task: &Task) -> Vec<(PathBuf, End)> {
        let mut files = vec![File { half: Half::Still, content: &task.photo.still, name: &task.name }];
        if let (Some(content), Some(name)) = (&task.photo.film, &task.film) {
            files.push(File { half: Half::Film, content, name });
        }
        let mut ends = Vec::with_capacity(2);
        for file in files {
            let progress = FileProgress::new(&self.progress);
            let end = match self.stop.reason() {
                Some(reason) => End::Left(reason),
                None => tokio::select! {
                    biased;
                    () = self.stop.interrupted() => End::Left(self.stop.reason().unwrap_or("it stopped")),
                    end = self.one(task, &file, &progress) => end.unwrap_or_else(End::Failed),
                },
            };
            if !matches!(end, End::Left(_)) {
                progress.done(file.content.bytes);
            }
            ends.push((task.place.join(file.name), end));
        }
        // Notes beside nothing would tell of nothing.
        let stands = |(_, end): &(PathBuf, End)| matches!(end, End::Written(_) | End::Kept { .. });
        if stands(&ends[0]) {
            match (self.notes(task, ends.get(1).is_some_and(stands)).await, &mut ends[0].1) {
                (Ok(written), End::Kept { noted, .. }) => *noted = written,
                (Ok(_), _) => {}
                (Err(error), end) => *end = End::Failed(self.failed(&FetchError::Write(error))),
            }
        }
        ends
    }

    async fn one(&self, task: &Task, file: &File<'_>, progress: &FileProgress) -> Result<End, String> {
        let content = file.content;
        if content.damaged {
            return Err("what the server has is damaged".to_owned());
        }
        let stand = self.stand(task, file).await.map_err(|error| error.to_string())?;
        match stand {
            Stand::Right { read } => return Ok(End::Kept { noted: false, read }),
            Stand::Other => return Err("something that is no readable file stands there".to_owned()),
            Stand::Changed if !task.noted => {
                return Err("another file has come to stand there; run it again".to_owned());
            }
            Stand::Missing | Stand::Changed if self.dry => return Ok(End::Written(content.bytes)),
            Stand::Missing | Stand::Changed => {}
        }
        let aside = self.write(task, file, stand, progress).await.map_err(|error| self.failed(&error))?;
        if let Some(aside) = aside {
            let (path, aside) = (task.place.join(file.name), task.place.join(aside));
            let text = format!(
                "warning: {} had changed and is written anew; what it was is {}",
                path.display(),
                aside.display()
            );
            self.progress.say(&super::super::call::plain(&text));
        }
        Ok(End::Written(content.bytes))
    }

    async fn stand(&self, task: &Task, file: &File<'_>) -> io::Result<Stand> {
        let (disk, place, name) = (Arc::clone(&self.disk), task.place.clone(), file.name.to_owned());
        let content = file.content.clone();
        self.hasher
            .block(move || match disk.folder(&place, false)? {
                Some(folder) => disk.stand(&folder, &place, &name, &content),
                None => Ok(Stand::Missing),
            })
            .await?
    }

    /// Fetches a file and gives it its place; gives the name of what was set aside.
    async fn write(
        &self,
        task: &Task,
        file: &File<'_>,
        stand: Stand,
        progress: &FileProgress,
    ) -> Result<Option<String>, FetchError> {
        let (disk, place) = (Arc::clone(&self.disk), task.place.clone());
        let what = what(&task.photo, file.half);
        let (part, open) = self.hasher.block(move || disk.part(&place, &what)).await??;
        let mut open = tokio::fs::File::from_std(open);
        self.fetcher.fetch(file.content, &mut open, progress).await?;
        let open = open.into_std().await;
        let (disk, place, name) = (Arc::clone(&self.disk), task.place.clone(), file.name.to_owned());
        let (content, taken, changed) = (file.content.clone(), task.photo.taken, stand == Stand::Changed);
        let put = self.hasher.block(move || {
            set_time(&open, taken);
            open.sync_all()?;
            disk.put(part, &place, &name, &content, changed)
        });
        Ok(put.await??)
    }

    /// Writes the notes; says whether they are others than before. Then the time it was taken may be another one, too.
    async fn notes(&self, task: &Task, film_stands: bool) -> io::Result<bool> {
        let (disk, place, name) = (Arc::clone(&self.disk), task.place.clone(), task.name.clone());
        let (photo, notes) = (Arc::clone(&task.photo), task.photo.notes(task.film.as_deref()));
        let film = task.film.clone().filter(|_| film_stands);
        let dry = self.dry;
        let written = self.hasher.block(move || {
            let written = disk.note(&place, &name, &format!("{}-notes", photo.id.simple()), &notes)?;
            if !dry {
                if written {
                    disk.touch(&place, &name, photo.taken, &photo.still)?;
                    if let (Some(film), Some(content)) = (&film, &photo.film) {
                        disk.touch(&place, film, photo.taken, content)?;
                    }
                }
                disk.sync(&place)?;
            }
            Ok(written)
        });
        written.await?
    }

    /// The reason in words; stops the run when the next files would fail for the same one.
    fn failed(&self, error: &FetchError) -> String {
        let reason = match error {
            FetchError::Write(error) => match error.kind() {
                io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                    Some("there is no room left in the folder")
                }
                io::ErrorKind::ReadOnlyFilesystem => Some("the folder cannot be written to"),
                _ => None,
            },
            FetchError::Api(ApiError::Unreachable(_)) => Some("the server cannot be reached"),
            FetchError::Api(error) if error.status() == 401 => Some("the server has ended the session"),
            FetchError::Api(_) | FetchError::Wrong => None,
        };
        if let Some(reason) = reason
            && self.stop.halt(reason)
        {
            self.progress.say(&format!("stopping: {reason}"));
        }
        error.to_string()
    }
}

/// What tells the temporary file of one half from all others.
fn what(photo: &Photo, half: Half) -> String {
    let id = photo.id.simple();
    match half {
        Half::Still => id.to_string(),
        Half::Film => format!("{id}-film"),
    }
}
