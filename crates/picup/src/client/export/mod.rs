//! `picup export`: photos come out as easily as they went in, into plain folders, with notes beside each that
//! `picup import` reads back ([`super::source::own`]).
//!
//! The server is asked what there is ([`gather`]), every file gets its folder and name ([`plan`]), and what does not stand
//! there yet is fetched, proved and put in its place ([`keep`]). Nothing is removed, and nothing that is not ours is
//! replaced. Run again, it goes on where it stopped. Called by [`crate::cli`].

mod disk;
mod fetch;
mod folder;
mod gather;
mod keep;
mod names;
mod part;
mod photo;
mod plan;
mod tally;

use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::Arc;

use futures_util::{StreamExt, stream};

pub(crate) use names::folder_names;
pub(crate) use tally::Exported;

use super::api::{Api, Credentials};
use super::hasher::Hasher;
use super::progress::{LINE_EVERY, Progress};
use super::retry::Policy;
use super::stop::Stop;
use super::{ImportError, sign_in};
use crate::config::BaseAddress;
use disk::{Disk, DiskError};
use fetch::Fetcher;
use gather::{Library, gather};
use keep::Keeper;
use plan::{Plan, Task};
use tally::{End, Tally};

/// What to export, and where to.
pub(crate) struct Export {
    /// The folder, made when it is missing.
    pub(crate) dir: PathBuf,
    /// The PicUp.
    pub(crate) server: BaseAddress,
    /// Whose library.
    pub(crate) credentials: Credentials,
    /// The folders in it.
    pub(crate) by: By,
    /// The titles of the albums that are asked for; none for all there is.
    pub(crate) albums: HashSet<String>,
    /// Whether files that look unchanged are read all the same.
    pub(crate) verify: bool,
    /// Whether nothing is written, and only said what would be.
    pub(crate) dry_run: bool,
    /// Files on their way at once.
    pub(crate) parallel: usize,
    /// Whether programs read the output: no progress is shown.
    pub(crate) json: bool,
    /// Whether standard error is a terminal.
    pub(crate) terminal: bool,
}

/// What the folders are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum By {
    /// One for each month.
    Date,
    /// One for each album.
    Album,
}

/// What came of it.
pub(crate) struct Report {
    /// The numbers.
    pub(crate) counts: Exported,
    /// One line for each failure.
    pub(crate) failures: Vec<String>,
    /// The summary for people.
    pub(crate) summary: String,
    /// What a dry run would write.
    pub(crate) to_write: Vec<PathBuf>,
}

/// Why an export could not begin.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ExportError {
    /// It could not sign in.
    #[error(transparent)]
    SignIn(#[from] ImportError),
    /// The API key may not read.
    #[error("this API key may not read the library")]
    Scope,
    /// There is no album of that title.
    #[error("there is no album '{0}'")]
    Album(String),
    /// The server did not tell what there is.
    #[error("{0}")]
    Server(String),
    /// The folder cannot be used.
    #[error("{path}: {reason}", path = .0.display(), reason = .1)]
    Folder(PathBuf, String),
    /// Another export is at work there.
    #[error("{path}: another export is writing to this folder", path = .0.display())]
    Busy(PathBuf),
}

/// Exports. `stop` ends it early: what is done by then stays, and is reported.
///
/// # Errors
/// When nothing could be begun; once files are being written, each one's failure is in the report.
pub(crate) async fn export(export: Export, stop: Arc<Stop>) -> Result<Report, ExportError> {
    let api = sign_in(&export.server, &export.credentials, Policy::USUAL).await?;
    let report = work(&export, &api, stop).await;
    api.sign_out().await;
    report
}

async fn work(export: &Export, api: &Arc<Api>, stop: Arc<Stop>) -> Result<Report, ExportError> {
    let gathered = stop.unless(gather(api, &export.albums)).await;
    let Library { photos, albums, failed } = gathered.unwrap_or_else(|| Ok(Library::default()))?;
    if let Some(reason) = stop.reason() {
        return Err(ExportError::Server(reason.to_owned()));
    }
    let hasher = Hasher::new(std::thread::available_parallelism().map_or(2, |count| count.get().min(4)));
    let (disk, plan) = looked(export, &hasher, photos, albums).await?;
    let contents = || plan.tasks.iter().flat_map(|task| [Some(&task.photo.still), task.photo.film.as_ref()]).flatten();
    let bytes = contents().map(|content| content.bytes).sum();
    let progress = Progress::new(contents().count() as u64, bytes, export.json, export.terminal);
    let keeper = Keeper {
        disk,
        fetcher: Fetcher::new(Arc::clone(api)),
        hasher,
        stop,
        progress: Arc::new(progress),
        dry: export.dry_run,
    };
    let mut tally = Tally::default();
    failed.iter().for_each(|reason| tally.asset_failed(reason));
    for (place, count, reason) in plan.failed {
        tally.folder_failed(place, count, &reason);
    }
    let to_write = keep_all(&keeper, &plan.tasks, export.parallel, &mut tally).await;
    keeper.progress.finish();
    Ok(Report {
        counts: tally.counts(),
        failures: tally.failures(),
        summary: tally.summary(export.dry_run),
        to_write: if export.dry_run { to_write } else { Vec::new() },
    })
}

/// Looks into the folder, and gives every file its name there.
async fn looked(
    export: &Export,
    hasher: &Hasher,
    photos: Vec<photo::Photo>,
    albums: Vec<String>,
) -> Result<(Arc<Disk>, Plan), ExportError> {
    let (dir, verify, dry) = (export.dir.clone(), export.verify, export.dry_run);
    let (by, only) = (export.by, export.albums.clone());
    let looking = hasher.block(move || {
        let disk = Disk::open(&dir, verify, dry)?;
        let plan = plan::plan(&disk, plan::places(photos, by, &only, &albums));
        Ok::<_, DiskError>((Arc::new(disk), plan))
    });
    let failed = |reason: String| ExportError::Folder(export.dir.clone(), reason);
    looking.await.map_err(|error| failed(error.to_string()))?.map_err(|error| match error {
        DiskError::Busy => ExportError::Busy(export.dir.clone()),
        error => failed(error.to_string()),
    })
}

/// Does all tasks, some at once; gives the paths that were written, in order.
async fn keep_all(keeper: &Keeper, tasks: &[Task], parallel: usize, tally: &mut Tally) -> Vec<PathBuf> {
    let mut written = Vec::new();
    let kept = stream::iter(tasks).map(|task| keeper.keep(task)).buffer_unordered(parallel.max(1));
    let counting = kept.for_each(|ends| {
        for (path, end) in ends {
            if keeper.dry && matches!(end, End::Written(_) | End::Kept { noted: true, .. }) {
                written.push(path.clone());
            }
            tally.ended(&path, end);
        }
        std::future::ready(())
    });
    let report = async {
        loop {
            tokio::time::sleep(LINE_EVERY).await;
            keeper.progress.line();
        }
    };
    tokio::select! {
        () = counting => {}
        () = report => {}
    }
    written.sort_unstable();
    written
}
