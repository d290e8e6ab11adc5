//! `picup storage`: where the photos are, and their move to another place.

mod ask;
mod forget;
mod show;

use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, Subcommand};
use tokio_util::sync::CancellationToken;

use super::backup::until_stopped;
use super::{Failure, Place, output};
use crate::moving::note::{Note, State};
use show::{Shown, Watch};

/// How often it is looked how far a move is.
const LOOK_EVERY: Duration = Duration::from_millis(500);

#[derive(Debug, Subcommand)]
pub(super) enum StorageCommand {
    /// Moves the photos to a bucket or a folder, also while PicUp runs: nobody has to wait, and it goes on where it stopped.
    Move(ask::MoveArgs),
    /// Tells where the photos are, and how far a move is.
    Status(StatusArgs),
    /// Removes the photos from where they were before the last move, after looking that all are where they are now.
    ForgetOld(forget::ForgetArgs),
}

#[derive(Debug, Args)]
pub(super) struct StatusArgs {
    /// The result as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    place: Place,
}

pub(super) fn run(command: StorageCommand) -> Result<ExitCode, Failure> {
    match command {
        StorageCommand::Move(args) => move_photos(&args),
        StorageCommand::Status(args) => status(&args),
        StorageCommand::ForgetOld(args) => forget::run(&args),
    }
}

fn status(args: &StatusArgs) -> Result<ExitCode, Failure> {
    let config = args.place.load_begun()?;
    let shown = Shown::of(&config, Note::read(&config.data_dir)?);
    if args.json {
        output::json(&shown)?;
    } else {
        output::text_of(&shown.text());
    }
    Ok(ExitCode::SUCCESS)
}

/// Writes down what is wanted, and looks on until it is done. Where no PicUp runs, it is done here.
fn move_photos(args: &ask::MoveArgs) -> Result<ExitCode, Failure> {
    let (config, note) = until_stopped(async {
        let config = args.place.load_begun()?;
        ask::ask(args, &config).await?;
        let stop = CancellationToken::new();
        // Held until the work is over.
        let lock = crate::roles::try_lock(&config.data_dir)?;
        let work = match &lock {
            Some(_) => {
                let mover = crate::roles::mover(&config, args.place.file(&config)?).await?;
                Some(tokio::spawn(mover.run(stop.clone())))
            }
            None => None,
        };
        let mut watch = Watch::new(args.json);
        let note = loop {
            let note = Note::read(&config.data_dir)?.ok_or_else(|| anyhow::anyhow!("the move was forgotten"))?;
            if !note.is_under_way() {
                break note;
            }
            watch.at(&note);
            tokio::time::sleep(LOOK_EVERY).await;
        };
        stop.cancel();
        if let Some(work) = work {
            let _ = work.await;
        }
        Ok((config, note))
    })?;
    let done = if args.cancel { State::TakenBack } else { State::Moved };
    let code = if note.state == done { ExitCode::SUCCESS } else { ExitCode::FAILURE };
    let shown = Shown::of(&config, Some(note));
    if args.json {
        output::json(&shown)?;
    } else {
        output::text_of(&shown.text());
    }
    Ok(code)
}
