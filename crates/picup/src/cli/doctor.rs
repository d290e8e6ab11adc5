//! `picup doctor`.

use std::process::ExitCode;

use clap::Args;
use picup_domain::{Clock, SystemClock};

use super::{Failure, Place, block_on, output};
use crate::doctor;

#[derive(Debug, Args)]
pub(super) struct DoctorArgs {
    /// One line of JSON instead of a table
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    place: Place,
}

pub(super) fn run(args: DoctorArgs) -> Result<ExitCode, Failure> {
    let config = args.place.load()?;
    let diagnosis = block_on(async { Ok(doctor::examine(&config, SystemClock.now()).await) })?;
    if args.json {
        output::json(&diagnosis)?;
    } else {
        output::text_of(&diagnosis.table());
    }
    Ok(if diagnosis.healthy { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
