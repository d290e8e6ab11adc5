//! `picup import`: sends a folder of photos and videos to a PicUp, from this machine or across the network. The way back,
//! `picup export`, is [`mod@export`].
//!
//! It speaks the same HTTP API as the browser and can do nothing that the API does not allow. Files are hashed ahead on a
//! few threads while others are on their way; what the account has already is not sent; nothing in the folder is changed.
//! Called by [`crate::cli`].

mod album;
mod api;
mod call;
mod dry;
mod export;
mod hasher;
mod moment;
mod network;
mod prepare;
mod progress;
mod read;
mod retry;
mod run;
mod send;
mod small;
mod source;
mod state;
mod stop;
mod tally;
#[cfg(test)]
mod tests;
mod verify;
mod walk;

use std::path::PathBuf;
use std::sync::Arc;

use jiff::tz::TimeZone;
use picup_api::wire;
use picup_domain::AlbumTitle;
use tokio::sync::Semaphore;

pub(crate) use api::Credentials;
pub(crate) use export::{By, Export, ExportError, export, folder_names};
pub(crate) use stop::Stop;
pub(crate) use tally::Counts;

use crate::config::BaseAddress;
use api::Api;
use call::ApiError;
use hasher::Hasher;
use prepare::Preparer;
use progress::Progress;
use retry::Policy;
use run::Run;
use send::Sender;
use state::State;
use tally::Tally;
use walk::Walk;

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
    /// Whether nothing is sent, and only said what would be.
    pub(crate) dry_run: bool,
    /// Where it is kept what has been hashed: a file, or the folder for a file of each import.
    pub(crate) state: Option<StatePlace>,
    /// Whether to wait until the server has proved all that was sent.
    pub(crate) wait: bool,
    /// Files, and parts of files, on their way at once.
    pub(crate) parallel: usize,
    /// Whether programs read the output: no progress is shown.
    pub(crate) json: bool,
    /// Whether standard error is a terminal.
    pub(crate) terminal: bool,
}

/// Where the state of an import is kept.
#[derive(Debug, Clone)]
pub(crate) enum StatePlace {
    /// In this file.
    File(PathBuf),
    /// In a file of its own in this folder.
    Folder(PathBuf),
}

/// What came of it.
pub(crate) struct Report {
    /// The numbers.
    pub(crate) counts: Counts,
    /// One line for each failure.
    pub(crate) failures: Vec<String>,
    /// The summary for people.
    pub(crate) summary: String,
    /// Whether the source may be deleted, for people.
    pub(crate) verdict: String,
    /// The same, for programs.
    pub(crate) may_delete_source: bool,
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
    /// The server knows no such API key, or it has ended.
    #[error("the server does not accept this API key")]
    Key,
    /// The server could not be reached, or did not answer as it should.
    #[error("cannot sign in to {0}: {1}")]
    SignIn(String, String),
    /// The server lets nobody in now, and says why.
    #[error("{0} lets nobody in now: {1}")]
    NotNow(String, String),
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
    let hasher = Hasher::new(std::thread::available_parallelism().map_or(2, |count| count.get().min(4)));
    if import.dry_run {
        let walk = walk(&import, &hasher).await?;
        let preparer = Preparer { state: state(&import), hasher, zone: None };
        return Ok(dry::run(walk, preparer, import.album.as_ref()).await);
    }
    let api = sign_in(&import.server, &import.credentials, policy).await?;
    let walk = walk(&import, &hasher).await?;
    let bytes = walk.files().map(|found| found.bytes).sum();
    let progress = Arc::new(Progress::new(walk.files().count() as u64, bytes, import.json, import.terminal));
    let zone = TimeZone::try_system().ok();
    let preparer = Preparer { state: state(&import), hasher: hasher.clone(), zone: zone.clone() };
    let slots = Arc::new(Semaphore::new(import.parallel.max(1)));
    let sender = Sender { api: Arc::clone(&api), hasher, slots, zone };
    let run = Run::new(sender, preparer, Arc::clone(&stop), Arc::clone(&progress));
    let tally = run.send_all(walk, import.parallel.max(1)).await;
    progress.finish();

    let mut failures = tally.failures();
    let failed_files = failures.len();
    if let Some(title) = &import.album {
        failures.extend(fill(&api, title.as_str(), &tally.assets()).await);
    }
    for (title, assets) in tally.albums() {
        failures.extend(fill(&api, title, &assets).await);
    }
    let mut unproved = failures[failed_files..].to_vec();
    if tally.counts().failed == 0 {
        let proof = proved(&api, &tally, import.wait, &progress);
        unproved.extend(stop.unless(proof).await.unwrap_or_else(|| vec!["stopped before all was verified".to_owned()]));
    }
    api.sign_out().await;
    Ok(Report {
        counts: tally.counts(),
        complete: failures.is_empty(),
        failures,
        summary: tally.summary(),
        verdict: tally.verdict(&unproved),
        may_delete_source: tally.may_delete(&unproved),
    })
}

async fn sign_in(server: &BaseAddress, credentials: &Credentials, policy: Policy) -> Result<Arc<Api>, ImportError> {
    if let Some(warning) = reqwest::Url::parse(server.as_str()).ok().as_ref().and_then(network::clear_text_warning) {
        eprintln!("warning: {warning}");
    }
    let failed = |error: ApiError| match (error.status(), credentials) {
        (401, Credentials::Password { .. }) => ImportError::Credentials,
        (401, Credentials::Key(_)) => ImportError::Key,
        (429 | 503 | 507, _) => ImportError::NotNow(server.as_str().to_owned(), error.to_string()),
        _ => ImportError::SignIn(server.as_str().to_owned(), error.to_string()),
    };
    let api = Api::sign_in(server, credentials.clone(), policy).await.map_err(failed)?;
    if matches!(credentials, Credentials::Key(_)) {
        // A key is not asked for before its first use: find out now whether it is one.
        api.get::<wire::Account>("/api/account").await.map_err(failed)?;
    }
    Ok(api)
}

async fn walk(import: &Import, hasher: &Hasher) -> Result<Walk, ImportError> {
    let walk = hasher.walk(import.dir.clone()).await;
    walk.map_err(|error| ImportError::Folder(import.dir.clone(), error.to_string()))
}

/// The state of earlier runs. Without one everything is hashed, so that it cannot be opened is only worth a warning.
fn state(import: &Import) -> Option<Arc<State>> {
    let path = match import.state.as_ref()? {
        StatePlace::File(path) => path.clone(),
        StatePlace::Folder(folder) => {
            let whose = match &import.credentials {
                Credentials::Password { email, .. } => email,
                Credentials::Key(key) => key,
            };
            let dir = std::fs::canonicalize(&import.dir).unwrap_or_else(|_| import.dir.clone());
            folder.join(state::file_name(import.server.as_str(), whose, &dir))
        }
    };
    match State::open(&path, &import.dir) {
        Ok(state) => Some(Arc::new(state)),
        Err(error) => {
            eprintln!("warning: {}: {error}; another run will hash everything again", path.display());
            None
        }
    }
}

/// Waits for the server's proof; gives what it lacks.
async fn proved(api: &Api, tally: &Tally, wait: bool, progress: &Progress) -> Vec<String> {
    let assets = tally.to_prove();
    match assets.len() {
        0 => Vec::new(),
        _ if wait => verify::wait(api, assets, progress).await,
        count => vec![format!("{count} were sent just now and were not waited for (--no-wait); run it again to know")],
    }
}

/// Fills the album; gives what went wrong.
async fn fill(api: &Api, title: &str, assets: &[uuid::Uuid]) -> Option<String> {
    if assets.is_empty() {
        return None;
    }
    let title = match AlbumTitle::new(title) {
        Ok(title) => title,
        Err(error) => return Some(format!("failed: album '{}': {error}", call::plain(title))),
    };
    let again = "import the same folder again to fill it; nothing is sent twice";
    match album::add(api, &title, assets).await {
        Ok(0) => None,
        Ok(unknown) => Some(format!("failed: album '{}': {unknown} photos have gone meanwhile", title.as_str())),
        Err(error @ ApiError::Unreachable(_)) => Some(format!("failed: album '{}': {error}; {again}", title.as_str())),
        Err(error) => Some(format!("failed: album '{}': {error}", title.as_str())),
    }
}
