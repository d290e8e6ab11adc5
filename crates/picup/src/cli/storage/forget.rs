//! `picup storage forget-old`: clears the place that the last move has left behind.

use std::process::ExitCode;

use anyhow::{Context, bail};
use clap::Args;
use futures_util::{StreamExt, TryStreamExt};
use picup_app::moving;
use picup_domain::{Clock, SystemClock};
use picup_storage::Storage;

use super::{Failure, Place, output};
use crate::cli::backup::{failure, until_stopped};
use crate::config::Config;
use crate::moving::note::Note;
use crate::moving::settings::{self, Words};

/// How many are removed at once.
const AT_ONCE: usize = 16;

#[derive(Debug, Args)]
pub(in crate::cli) struct ForgetArgs {
    /// Yes: remove them
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    place: Place,
}

pub(super) fn run(args: &ForgetArgs) -> Result<ExitCode, Failure> {
    let (place, removed) = until_stopped(async {
        let config = args.place.load_begun()?;
        let note = Note::read(&config.data_dir)?;
        let left = note.as_ref().and_then(Note::left).cloned();
        let Some(left) = left.filter(|_| note.is_some_and(|note| note.forgotten_at.is_none())) else {
            return Err(Failure::usage("no move has left anything behind that could be removed"));
        };
        let store = opened(&config, &args.place, &left).await?;
        require_all(&config, &store).await?;
        if !args.yes {
            return Err(Failure::usage(format!("all photos are in {}", Words::of(&config).place()))
                .next(format!("say --yes, and what is in {} is removed for ever", left.place())));
        }
        let asked_at = Note::change(&config.data_dir, |note| begin(note.as_mut(), &left))?;
        let removed = clear(&store).await?;
        Note::change(&config.data_dir, |note| {
            if let Some(note) = note.as_mut().filter(|note| note.asked_at == asked_at) {
                (note.forgetting, note.forgotten_at) = (false, Some(SystemClock.now().micros()));
            }
            Ok(())
        })?;
        Ok((left.place(), removed))
    })?;
    output::line(&format!("removed {removed} objects from {place}"));
    Ok(ExitCode::SUCCESS)
}

/// From now on nothing moves to the place that was left, until this is done. Tells which move left it.
fn begin(note: Option<&mut Note>, left: &Words) -> anyhow::Result<i64> {
    let Some(note) = note.filter(|note| note.left() == Some(left)) else {
        bail!("another move has just been asked for")
    };
    note.forgetting = true;
    Ok(note.asked_at)
}

/// The place that was left. One that is in use again, by the store or a destination of copies, is refused.
async fn opened(config: &Config, place: &Place, left: &Words) -> Result<Storage, Failure> {
    if left.is_same_place(&Words::of(config)) {
        return Err(Failure::usage(format!("the photos are in {}", left.place())));
    }
    let (_, there) = settings::rewritten(&place.file(config)?, &config.data_dir, left)?;
    let store = Storage::open(there.storage_settings()?, Default::default()).await;
    Ok(store.with_context(|| format!("opening {}", left.place()))?)
}

/// Nothing is removed before it is certain that all is where it should be, and that this is not there.
async fn require_all(config: &Config, left: &Storage) -> Result<(), Failure> {
    let app = crate::roles::offline(config).await?;
    if moving::is_here(&app, left).await.map_err(failure)? {
        return Err(Failure::usage("the photos are there: it is the same place by another name"));
    }
    let missing = moving::missing(&app).await.map_err(failure)?;
    match missing.first() {
        None => Ok(()),
        Some(first) => Err(Failure::from(anyhow::anyhow!(
            "{} objects, or more, are not in {} as they should be, such as {first}; nothing was removed",
            missing.len(),
            Words::of(config).place()
        ))
        .next("see `picup backup scrub`, or delete those photos")),
    }
}

async fn clear(store: &Storage) -> anyhow::Result<u64> {
    for id in store.uploads_staged().await? {
        store.upload_abort(id).await?;
    }
    let removals = store.list().map(|listed| async { store.delete(&listed?.0).await });
    removals
        .buffer_unordered(AT_ONCE)
        .try_fold(0, |count, ()| std::future::ready(Ok(count + 1)))
        .await
        .context("removing objects")
}
