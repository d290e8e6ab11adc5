//! `picup backup`: how the copies at other places stand, and what is done about them by hand.

mod drill;
mod key;
mod scrub;
mod show;
mod work;

use std::process::ExitCode;
use std::sync::Arc;

use clap::{Args, Subcommand};
use picup_app::{App, Error};

use super::import::listen_for_the_end;
use super::{Failure, Place, block_on, output};
use crate::client::Stop;

#[derive(Debug, Subcommand)]
pub(super) enum BackupCommand {
    /// Tells how the copies stand: what waits, what is kept, when it was last read, and how long a restore would take.
    Status(StatusArgs),
    /// Copies what waits, now, until nothing does; also while no PicUp is running.
    Run(StatusArgs),
    /// Reads everything again, now, in the store and at the destinations, and heals what is not as it was.
    Scrub(StatusArgs),
    /// Compares the stores with the database, both ways: what has no row goes after the retention, copies that are missing are made anew.
    Reconcile(StatusArgs),
    /// Rehearses a restore: brings everything back into an empty folder and compares it.
    Drill(drill::DrillArgs),
    /// Writes the catalogue at a destination, now.
    Catalogue(NamedArgs),
    /// Lets copies to a destination wait.
    Pause(NamedArgs),
    /// Has copies to a destination go on.
    Resume(NamedArgs),
    /// Lets copies of what was deleted go, and what has no row, however much it is; `status` tells when that is held.
    ConfirmRemovals(ConfirmArgs),
    /// Makes the recovery key, which opens the backup without this machine, and shows it once.
    RecoveryKey(key::KeyArgs),
}

#[derive(Debug, Args)]
pub(super) struct StatusArgs {
    /// The result as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    place: Place,
}

#[derive(Debug, Args)]
pub(super) struct NamedArgs {
    /// The destination, by its name in the configuration
    #[arg(value_name = "NAME")]
    name: String,
    #[command(flatten)]
    place: Place,
}

#[derive(Debug, Args)]
pub(super) struct ConfirmArgs {
    /// The destination, by its name in the configuration, or `primary` for the store itself
    #[arg(value_name = "NAME")]
    name: String,
    #[command(flatten)]
    place: Place,
}

pub(super) fn run(command: BackupCommand) -> Result<ExitCode, Failure> {
    match command {
        BackupCommand::Status(args) => show::run(&args),
        BackupCommand::Run(args) => work::run(&args),
        BackupCommand::Scrub(args) => scrub::run(&args),
        BackupCommand::Reconcile(args) => scrub::reconcile(&args),
        BackupCommand::Drill(args) => drill::run(&args),
        BackupCommand::Catalogue(args) => catalogue(&args),
        BackupCommand::Pause(args) => pause(&args, true),
        BackupCommand::Resume(args) => pause(&args, false),
        BackupCommand::ConfirmRemovals(args) => confirm(&args),
        BackupCommand::RecoveryKey(args) => key::run(&args),
    }
}

/// The PicUp in that place, which may be running, and which must have destinations.
async fn opened(place: &Place) -> Result<App, Failure> {
    let config = place.load_begun()?;
    if config.backup.destinations.is_empty() {
        return Err(Failure::usage("the configuration names no destination for copies")
            .next("add a section [backup.destinations.NAME] to picup.toml; `picup config template` shows one"));
    }
    Ok(crate::roles::offline(&config).await?)
}

/// Runs `work` until Ctrl-C, which drops it where it is: all of it can be run again.
pub(super) fn until_stopped<T>(work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let stop = Arc::<Stop>::default();
    block_on(async {
        listen_for_the_end(Arc::clone(&stop))?;
        match stop.unless(work).await {
            Some(done) => done,
            None => Err(Failure::from(anyhow::anyhow!("stopped")).next("run it again; it goes on where it stopped")),
        }
    })
}

pub(super) fn failure(error: Error) -> Failure {
    let next = match &error {
        Error::NotFound("destination") => {
            Some("`picup backup status` lists the destinations; a new one is known once PicUp was started with it")
        }
        Error::StoreAway(_) | Error::DatabaseAway(_) => Some("see that it can be reached, and run it again"),
        Error::Backup(told) if told.contains("cannot be opened") => {
            Some("name the file with the recovery key that it was sealed to: --recovery-key FILE")
        }
        _ => None,
    };
    let failure = Failure::from(anyhow::Error::msg(error.story()));
    match next {
        Some(next) => failure.next(next),
        None => failure,
    }
}

fn catalogue(args: &NamedArgs) -> Result<ExitCode, Failure> {
    let written = until_stopped(async {
        let app = opened(&args.place).await?;
        picup_app::backup::catalogue_now(&app, &args.name).await.map_err(failure)
    })?;
    let size = picup_domain::ByteSize::new(written.bytes).unwrap_or_default();
    output::line(&format!("written and read back: {}, {size}", written.name));
    Ok(ExitCode::SUCCESS)
}

fn pause(args: &NamedArgs, paused: bool) -> Result<ExitCode, Failure> {
    let changed = block_on(async {
        let app = opened(&args.place).await?;
        picup_app::backup::pause(&app, &args.name, paused).await.map_err(failure)
    })?;
    output::line(&match (paused, changed) {
        (true, true) => format!("{} is paused: new photos wait to be copied there", args.name),
        (true, false) => format!("{} is paused already", args.name),
        (false, true) => format!("{} goes on", args.name),
        (false, false) => format!("{} is not paused", args.name),
    });
    Ok(ExitCode::SUCCESS)
}

fn confirm(args: &ConfirmArgs) -> Result<ExitCode, Failure> {
    block_on(async {
        // Of the store itself there is something to confirm without any destination.
        let app = crate::roles::offline(&args.place.load_begun()?).await?;
        picup_app::backup::confirm_removals(&app, &args.name).await.map_err(failure)
    })?;
    output::line(&format!(
        "what was deleted up to now, and what no row speaks of, goes from {} when the retention is over",
        args.name
    ));
    Ok(ExitCode::SUCCESS)
}
