//! `picup db backup`.

use std::path::PathBuf;

use clap::Args;
use picup_database::Error;
use picup_database::transfer::{About, backup};
use picup_domain::{ByteSize, Clock, SystemClock};
use serde::Serialize;

use super::progress::Shown as Shows;
use super::{Failure, Place, Shown, failure, output, rows, shown, size, until_stopped};

#[derive(Debug, Args)]
pub(in crate::cli) struct BackupArgs {
    /// The file to write; nothing may stand there yet
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
struct Written {
    file: PathBuf,
    bytes: u64,
    rows: u64,
    tables: Vec<Shown>,
}

pub(super) fn run(args: &BackupArgs) -> Result<(), Failure> {
    let config = args.place.load_begun()?;
    let place = config.database_settings()?.place;
    let about = About { made_at: SystemClock.now(), version: env!("CARGO_PKG_VERSION").to_owned() };
    let done = until_stopped(async {
        let mut shows = Shows::new(args.json);
        let done = backup(&place, &args.file, &about, &mut |stage, progress| shows.at(stage, progress)).await;
        done.map_err(|error| refused(error, args))
    })?;
    if args.json {
        let (rows, tables) = (rows(&done.tables), shown(&done.tables));
        return Ok(output::json(&Written { file: args.file.clone(), bytes: done.bytes, rows, tables })?);
    }
    let bytes = ByteSize::new(done.bytes).unwrap_or_default();
    output::line(&format!(
        "backed up: {}, in {} of {bytes}; all of it read back, and the same",
        size(&done.tables),
        args.file.display()
    ));
    output::line(&match &config.store.url {
        None => {
            "The photos are not in it: copy the folder objects/ now, after it, and keep secrets/ and picup.toml too."
                .to_owned()
        }
        Some(crate::config::Place::Folder(folder)) => {
            let folder = folder.display();
            format!(
                "The photos are not in it: copy the folder {folder} now, after it, and keep secrets/ and picup.toml too."
            )
        }
        Some(crate::config::Place::Bucket(url)) => {
            format!("The photos are not in it: they are in {url}. Keep secrets/, picup.toml and the bucket's key too.")
        }
    });
    Ok(())
}

fn refused(error: Error, args: &BackupArgs) -> Failure {
    let next = match &error {
        Error::Occupied(_) => Some("name another file, or move that one away"),
        Error::Place(_) => Some("name a file in a folder that is there and that you may write to"),
        Error::Interrupted => Some("run it again"),
        _ => None,
    };
    let failure = failure(error, format!("backing up to {}", args.file.display()));
    match next {
        Some(next) => failure.next(next),
        None => failure,
    }
}
