//! `picup db restore`.

use std::path::PathBuf;

use clap::Args;
use picup_database::transfer::restore;
use picup_database::{Error, Place as Where};
use serde::Serialize;

use super::progress::Shown as Shows;
use super::{Failure, Place, Shown, failure, how, output, rows, shown, size, until_stopped, user};

#[derive(Debug, Args)]
pub(in crate::cli) struct RestoreArgs {
    /// What `picup db backup` has written
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// No progress; the result is one line of JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    place: Place,
}

/// The result, for programs.
#[derive(Serialize)]
struct Done {
    how: &'static str,
    /// RFC 3339.
    made_at: String,
    /// Of the PicUp that made the backup.
    version: String,
    rows: u64,
    tables: Vec<Shown>,
}

pub(super) fn run(args: &RestoreArgs) -> Result<(), Failure> {
    let config = args.place.load()?;
    if !args.file.exists() {
        let failure = Failure::usage(format!("there is no file {}", args.file.display()));
        return Err(failure.next("name one that `picup db backup` has written"));
    }
    let place = config.database_settings()?.place;
    let done = until_stopped(async {
        let _lock = crate::roles::lock(&config.data_dir).await?;
        let mut shows = Shows::new(args.json);
        let mut watch = |stage, progress: picup_database::copy::Progress<'_>| shows.at(stage, progress);
        let done = restore(&args.file, &place, &config.data_dir, &mut watch).await;
        done.map_err(|error| refused(error, args, &place))
    })?;
    let (said, how) = how(done.by);
    let made_at = user::moment(done.about.made_at);
    if args.json {
        let (rows, tables) = (rows(&done.tables), shown(&done.tables));
        return Ok(output::json(&Done { how, made_at, version: done.about.version, rows, tables })?);
    }
    output::line(&format!("{said}: {}, as they were at {made_at}; all of it read, and the same", size(&done.tables)));
    output::line(&match &config.store.url {
        None => {
            "The photos are not in it: put the folder objects/ of then, or of later, beside it before you start PicUp."
                .to_owned()
        }
        Some(url) => {
            format!("The photos are not in it: {url} must hold those of then, or of later, before you start PicUp.")
        }
    });
    Ok(())
}

fn refused(error: Error, args: &RestoreArgs, place: &Where) -> Failure {
    let next = match (&error, place) {
        (Error::Occupied(_), Where::Sqlite(_)) => Some(
            "move it away, with what has its name and -wal or -shm behind it, or name another folder: --data-dir DIR",
        ),
        (Error::Occupied(_), Where::MySql(_)) => Some(
            "name an empty database in picup.toml. On the server, DROP DATABASE and CREATE DATABASE empty this one, \
             with all that is in it",
        ),
        (Error::NotABackup { .. }, _) => Some("name another backup; nothing was changed"),
        (Error::Place(_), _) => Some("name a file that is there and that you may read"),
        _ => None,
    };
    let failure = failure(error, format!("restoring {}", args.file.display()));
    match next {
        Some(next) => failure.next(next),
        None => failure,
    }
}
