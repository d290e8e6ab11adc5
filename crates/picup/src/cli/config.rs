//! `picup config template` and `picup config check`.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Subcommand;

use super::{Failure, output};
use crate::config::{Config, Flags, load};

#[derive(Debug, Subcommand)]
pub(super) enum ConfigCommand {
    /// Prints a configuration file with every setting, its default and what it means.
    Template,
    /// Says every mistake in a configuration file; exit code 0 when there is none, 2 when there are some.
    Check {
        /// The configuration file
        #[arg(long, value_name = "FILE")]
        config: Option<PathBuf>,
    },
}

pub(super) fn run(command: ConfigCommand) -> Result<ExitCode, Failure> {
    match command {
        ConfigCommand::Template => output::text_of(&Config::template()),
        ConfigCommand::Check { config } => {
            load(config.as_deref(), Flags::default())?;
            match config {
                Some(file) => output::line(&format!("{}: no mistakes", file.display())),
                None => output::line("no file named: PicUp runs with its defaults (name one with --config FILE)"),
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}
