//! What is asked of a move before it begins: that the new place is there, can be written, is closed to strangers, and nobody else's.

use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::Args;
use picup_app::moving;
use picup_domain::{Clock, SystemClock};
use picup_storage::Storage;

use super::{Failure, Place};
use crate::cli::backup::failure;
use crate::cli::service::ServiceArgs;
use crate::config::{Config, Place as Store};
use crate::moving::note::{Note, State};
use crate::moving::settings::{self, Words};

#[derive(Debug, Args)]
pub(in crate::cli) struct MoveArgs {
    /// Where the photos go: `s3://BUCKET`, `s3://BUCKET/PREFIX`, or a folder
    #[arg(long, value_name = "PLACE", required_unless_present = "cancel")]
    to: Option<String>,
    /// Take the move back that goes on: what came to the new place is brought back first
    #[arg(long, conflicts_with = "to")]
    pub(super) cancel: bool,
    #[command(flatten)]
    service: ServiceArgs,
    /// The file with an access key of the service
    #[arg(long, value_name = "FILE")]
    access_key_file: Option<PathBuf>,
    /// End the move also without objects that are in neither place, or cannot be read
    #[arg(long)]
    leave_lost: bool,
    /// No progress; the result is one line of JSON
    #[arg(long)]
    pub(super) json: bool,
    #[command(flatten)]
    pub(super) place: Place,
}

const FORGETTING: &str = "what the last move has left behind is being removed, and that has to end first";

/// Writes down what is wanted.
pub(super) async fn ask(args: &MoveArgs, config: &Config) -> Result<(), Failure> {
    if args.cancel {
        return cancel(config);
    }
    let file = args.place.file(config)?;
    let (_, there) = settings::rewritten(&file, &config.data_dir, &words(args, config)?)
        .map_err(|error| Failure::usage(format!("{error:#}")))?;
    let (from, to) = (Words::of(config), Words::of(&there));
    let known = Note::read(&config.data_dir)?;
    if known.as_ref().is_some_and(|note| note.forgetting) {
        return Err(Failure::from(anyhow::anyhow!(FORGETTING)).next("picup storage forget-old --yes"));
    }
    if let Some(note) = known.filter(Note::is_under_way) {
        return go_on(args, config, &note, &to);
    }
    if from.is_same_place(&to) {
        return Err(Failure::usage(format!("the photos are in {} already", to.place())));
    }
    refuse_overlap(config, &there)?;
    settings::require_writable(&file)?;
    look(config, &there, &to).await?;
    Note::change(&config.data_dir, |note| {
        if note.as_ref().is_some_and(Note::is_under_way) {
            anyhow::bail!("another move has just been asked for");
        }
        if note.as_ref().is_some_and(|note| note.forgetting) {
            anyhow::bail!(FORGETTING);
        }
        let new = Note::new(file, from, to, SystemClock.now());
        *note = Some(Note { leave_lost: args.leave_lost, ..new });
        Ok(())
    })?;
    Ok(())
}

/// A move that goes on already, to the same place.
fn go_on(args: &MoveArgs, config: &Config, note: &Note, to: &Words) -> Result<(), Failure> {
    if note.state == State::Back || !note.to.is_same_place(to) {
        let state = if note.state == State::Back { "taken back" } else { "made" };
        return Err(Failure::from(anyhow::anyhow!("a move to {} is being {state}", note.to.place())).next(
            "wait for its end (`picup storage status` tells), or take it back with `picup storage move --cancel`",
        ));
    }
    Note::change(&config.data_dir, |note| {
        if let Some(note) = note {
            note.leave_lost |= args.leave_lost;
        }
        Ok(())
    })?;
    Ok(())
}

fn cancel(config: &Config) -> Result<(), Failure> {
    let found = Note::change(&config.data_dir, |note| {
        let Some(note) = note else { return Ok(None) };
        if note.state == State::Moving {
            note.state = State::Back;
        }
        Ok(Some(note.state))
    })?;
    match found {
        Some(State::Back) => Ok(()),
        Some(State::Arrived | State::Moved) => {
            Err(Failure::from(anyhow::anyhow!("the move is done, and cannot be taken back"))
                .next("move the photos again, to where they were, with `picup storage move --to`"))
        }
        Some(State::TakenBack | State::Moving) | None => {
            Err(Failure::from(anyhow::anyhow!("no move goes on that could be taken back")))
        }
    }
}

fn words(args: &MoveArgs, config: &Config) -> Result<Words, Failure> {
    let absolute = |path: &Path| std::path::absolute(path).with_context(|| format!("finding {}", path.display()));
    let text = |path: PathBuf| path.display().to_string();
    let to = args.to.clone().unwrap_or_default();
    let url = if to.contains("://") {
        Some(to)
    } else {
        let folder = Path::new(&to);
        if !folder.is_absolute() {
            return Err(Failure::usage(format!(
                "'{to}' is not a whole path; write for example /mnt/photos, or s3://BUCKET"
            )));
        }
        let folder = absolute(folder)?;
        (folder != absolute(&config.objects())?).then(|| text(folder))
    };
    Ok(Words {
        url,
        provider: args.service.provider.clone(),
        endpoint: args.service.endpoint.clone(),
        region: args.service.region.clone(),
        style: args.service.style.clone(),
        access_key_file: args.access_key_file.as_deref().map(absolute).transpose()?.map(text),
    })
}

/// One place must not be a part of the other.
fn refuse_overlap(config: &Config, there: &Config) -> Result<(), Failure> {
    let nested = match (&config.store.url, &there.store.url) {
        (Some(Store::Bucket(one)), Some(Store::Bucket(other))) => {
            config.store.endpoint == there.store.endpoint && one.overlaps(other)
        }
        _ => match (config.store_folder(), there.store_folder()) {
            (Some(one), Some(other)) => one.starts_with(&other) || other.starts_with(&one),
            _ => false,
        },
    };
    if nested {
        Err(Failure::usage("the photos are in a part of it already, or it is a part of where they are"))
    } else {
        Ok(())
    }
}

/// Looks whether the new place is well, and empty of what this PicUp does not know.
async fn look(config: &Config, there: &Config, to: &Words) -> Result<(), Failure> {
    let place = to.place();
    // Where a disk is not mounted, the photos would go onto the one below.
    if let Some(folder) = there.store_folder().filter(|folder| to.url.is_some() && !folder.is_dir()) {
        let shown = folder.display();
        return Err(Failure::usage(format!("there is no folder {shown}"))
            .next("mount its disk, or make it: mkdir -m 700 FOLDER"));
    }
    let store = Storage::open(there.storage_settings()?, Default::default()).await;
    let store = store.with_context(|| format!("opening {place}"))?;
    if let Some(ill) = store.check().await.into_iter().find(|check| !check.ok) {
        return Err(Failure::from(anyhow::anyhow!("{place} is not ready for photos: {}", ill.advice)));
    }
    let app = crate::roles::offline(config).await?;
    if moving::is_here(&app, &store).await.map_err(failure)? {
        return Err(Failure::usage(format!("the photos are in {place} already: it is the same place by another name")));
    }
    match moving::holds_strange(&app, &store).await.map_err(failure)? {
        Some(key) => Err(Failure::from(anyhow::anyhow!("{place} holds what this PicUp does not know, such as {key}"))
            .next("name a place that is empty, such as another prefix")),
        None => Ok(()),
    }
}
