//! `picup import`: sends a folder of photos and videos to a PicUp, from this machine or across the network.
//!
//! It speaks the same HTTP API as the browser and can do nothing that the API does not allow. Files are hashed ahead on a
//! few threads while others are on their way; what the account has already is not sent; nothing on disk is ever changed.
//! Called by [`crate::cli`].

mod album;
mod api;
mod call;
mod moment;
mod network;
mod progress;
mod read;
mod retry;
mod run;
mod send;
mod small;
mod tally;
#[cfg(test)]
mod tests;
mod walk;

use std::path::PathBuf;
use std::sync::Arc;

use jiff::tz::TimeZone;
use picup_domain::AlbumTitle;
use tokio::sync::Semaphore;

pub(crate) use api::Credentials;
pub(crate) use run::Stop;
pub(crate) use tally::Counts;

use crate::config::BaseAddress;
use api::Api;
use call::ApiError;
use progress::Progress;
use read::Hasher;
use retry::Policy;
use run::Run;
use send::Sender;

/// What to import, and where to.
pub(crate) struct Import {
    /// The folder, or a single file.
    pub(crate) dir: PathBuf,
    /// The PicUp.
    pub(crate) server: BaseAddress,
    /// Whose library.
    pub(crate) credentials: Credentials,
    /// The album that all of it goes into.
    pub(crate) album: Option<AlbumTitle>,
    /// Files, and parts of files, on their way at once.
    pub(crate) parallel: usize,
    /// Whether programs read the output: no progress is shown.
    pub(crate) json: bool,
    /// Whether standard error is a terminal.
    pub(crate) terminal: bool,
}

/// What came of it.
pub(crate) struct Report {
    /// The numbers.
    pub(crate) counts: Counts,
    /// One line for each failure.
    pub(crate) failures: Vec<String>,
    /// The summary for people.
    pub(crate) summary: String,
    /// Whether all that was asked for was done.
    pub(crate) complete: bool,
}

/// Why an import could not begin.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ImportError {
    /// There is nothing at that path.
    #[error("{path}: {reason}", path = .0.display(), reason = .1)]
    Folder(PathBuf, String),
    /// The address or password is wrong.
    #[error("the e-mail address or the password is wrong")]
    Credentials,
    /// The server could not be reached, or did not answer as it should.
    #[error("cannot sign in to {0}: {1}")]
    SignIn(String, String),
}

/// Imports. `stop` ends it early: what is done by then stays, and is reported.
///
/// # Errors
/// When nothing could be begun; once files are being sent, each one's failure is in the report.
pub(crate) async fn import(import: Import, stop: Arc<Stop>) -> Result<Report, ImportError> {
    import_with(import, stop, Policy::USUAL).await
}

async fn import_with(import: Import, stop: Arc<Stop>, policy: Policy) -> Result<Report, ImportError> {
    if let Err(error) = std::fs::metadata(&import.dir) {
        return Err(ImportError::Folder(import.dir, error.to_string()));
    }
    if let Some(warning) =
        reqwest::Url::parse(import.server.as_str()).ok().as_ref().and_then(network::clear_text_warning)
    {
        eprintln!("warning: {warning}");
    }
    let api = Api::sign_in(&import.server, import.credentials.clone(), policy).await.map_err(|error| {
        if error.status() == 401 {
            ImportError::Credentials
        } else {
            ImportError::SignIn(import.server.as_str().to_owned(), error.to_string())
        }
    })?;
    let hasher = Hasher::new(std::thread::available_parallelism().map_or(2, |count| count.get().min(4)));
    let walk = hasher
        .walk(import.dir.clone())
        .await
        .map_err(|error| ImportError::Folder(import.dir.clone(), error.to_string()))?;
    let bytes = walk.media.iter().map(|found| found.bytes).sum();
    let progress = Arc::new(Progress::new(walk.media.len() as u64, bytes, import.json, import.terminal));
    let sender = Sender {
        api: Arc::clone(&api),
        hasher,
        slots: Arc::new(Semaphore::new(import.parallel.max(1))),
        zone: TimeZone::try_system().ok(),
    };
    let run = Run::new(sender, stop, Arc::clone(&progress));
    let tally = run.send_all(walk, import.parallel.max(1)).await;
    progress.finish();

    let mut failures = tally.failures();
    let mut complete = tally.counts().failed == 0;
    if let Some(title) = &import.album {
        let problem = fill(&api, title, &tally.assets()).await;
        complete &= problem.is_none();
        failures.extend(problem);
    }
    api.sign_out().await;
    Ok(Report { counts: tally.counts(), failures, summary: tally.summary(), complete })
}

/// Fills the album; gives what went wrong.
async fn fill(api: &Api, title: &AlbumTitle, assets: &[uuid::Uuid]) -> Option<String> {
    if assets.is_empty() {
        return None;
    }
    let again = "import the same folder again to fill it; nothing is sent twice";
    match album::add(api, title, assets).await {
        Ok(0) => None,
        Ok(unknown) => Some(format!("failed: album '{}': {unknown} photos have gone meanwhile", title.as_str())),
        Err(error @ ApiError::Unreachable(_)) => Some(format!("failed: album '{}': {error}; {again}", title.as_str())),
        Err(error) => Some(format!("failed: album '{}': {error}", title.as_str())),
    }
}
