//! `picup export`.

use std::collections::HashSet;
use std::io::IsTerminal;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use clap::Args;

use super::import::{self, SignInArgs, listen_for_the_end};
use super::{Failure, block_on, output};
use crate::client::{By, Export, ExportError, Stop, export};

#[derive(Debug, Args)]
pub(super) struct ExportArgs {
    /// The folder to write to; made when it is missing
    #[arg(value_name = "DIR")]
    dir: PathBuf,
    #[command(flatten)]
    sign_in: SignInArgs,
    /// A folder for each month, or one for each album
    #[arg(long, value_enum, default_value_t = By::Date)]
    by: By,
    /// Only what is in the album of this title; may be said more than once
    #[arg(long, value_name = "TITLE")]
    album: Vec<String>,
    /// Read what is there already, also where it looks unchanged, and write anew what is damaged
    #[arg(long)]
    verify: bool,
    /// Say what would be written, and write nothing
    #[arg(long)]
    dry_run: bool,
    /// How many files are fetched at once, 1 to 16
    #[arg(long, value_name = "N", default_value_t = 6, value_parser = clap::value_parser!(u8).range(1..=16))]
    parallel: u8,
    /// No progress; the last line is the result as JSON, as always
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: ExportArgs) -> Result<ExitCode, Failure> {
    let wish = Export {
        credentials: args.sign_in.credentials(false)?,
        server: args.sign_in.server,
        dir: args.dir,
        by: args.by,
        albums: args.album.into_iter().collect::<HashSet<_>>(),
        verify: args.verify,
        dry_run: args.dry_run,
        parallel: usize::from(args.parallel),
        json: args.json,
        terminal: std::io::stderr().is_terminal(),
    };
    let stop = Arc::<Stop>::default();
    let report = block_on(async {
        listen_for_the_end(Arc::clone(&stop))?;
        export(wish, stop).await.map_err(failure)
    })?;
    for failure in &report.failures {
        eprintln!("{failure}");
    }
    eprint!("{}", report.summary);
    for path in &report.to_write {
        output::line(&path.to_string_lossy());
    }
    output::json(&report.counts)?;
    Ok(if report.counts.failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

pub(super) fn failure(error: ExportError) -> Failure {
    match error {
        ExportError::SignIn(error) => import::failure(error),
        ExportError::Folder(..) => Failure::from(anyhow::Error::new(error)).next("name a folder that you may write to"),
        ExportError::Busy(_) => Failure::from(anyhow::Error::new(error)).next("wait until that one has ended"),
        ExportError::Scope => {
            Failure::from(anyhow::Error::new(error)).next("make a key with the scope `read`, or sign in with --email")
        }
        ExportError::Album(_) => Failure::usage(error.to_string()).next("write its title as the page shows it"),
        ExportError::Server(_) => {
            Failure::from(anyhow::Error::new(error)).next("run it again; it goes on where it stopped")
        }
    }
}
