//! The command line: what may be said, and which part of PicUp each command calls.
//!
//! A command reads its arguments, calls one function of the rest, and tells what came of it. Exit codes: 0 it is done,
//! 1 it failed, 2 the command line or the configuration has a mistake. Results go to standard output, everything else to
//! standard error.

mod backup;
mod config;
mod cost;
mod db;
mod doctor;
mod export;
mod failure;
mod import;
mod media_key;
mod media_token;
mod nginx_exporter;
mod output;
mod password;
pub(crate) mod restore;
mod serve;
mod service;
mod sign;
mod storage;
mod user;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use clap::{Args, Parser, Subcommand};

pub(crate) use failure::Failure;

use crate::config::{Config, Flags, Mistakes};

/// A private photo and video cloud for people who run their own infrastructure.
#[derive(Debug, Parser)]
#[command(name = "picup", version, disable_help_subcommand = true, after_help = EXAMPLES)]
struct CommandLine {
    #[command(subcommand)]
    command: Command,
}

const EXAMPLES: &str = "Examples:
  picup serve --data-dir ~/picup --listen 0.0.0.0:8080
  picup import ~/Pictures --server http://127.0.0.1:8080 --email ada@example.org
  picup export ~/Backup --server http://127.0.0.1:8080 --email ada@example.org
  picup doctor --data-dir ~/picup";

#[derive(Debug, Subcommand)]
enum Command {
    /// Runs PicUp: the web page, the API and the work in the background.
    Serve(serve::ServeArgs),
    /// Sends a folder of photos and videos to a PicUp; what is there already is not sent again.
    Import(import::ImportArgs),
    /// Writes photos and videos into plain folders, with notes that `import` reads back; goes on where it stopped.
    Export(export::ExportArgs),
    /// Makes, lists, changes and removes accounts, also while PicUp is running.
    #[command(subcommand)]
    User(user::UserCommand),
    /// Moves, backs up, restores and replicates the database.
    #[command(subcommand)]
    Db(db::DbCommand),
    /// Looks after the copies at other places.
    #[command(subcommand)]
    Backup(backup::BackupCommand),
    /// Moves the photos to another store while PicUp runs, and tells where they are.
    #[command(subcommand)]
    Storage(storage::StorageCommand),
    /// Brings a PicUp back from a backup, on an empty machine, or its photos as plain files; goes on where it stopped.
    Restore(restore::RestoreArgs),
    /// Prints or checks the configuration.
    #[command(subcommand)]
    Config(config::ConfigCommand),
    /// Tells which keys open media, and has another one sign.
    #[command(subcommand)]
    MediaKey(media_key::MediaKeyCommand),
    /// Signs an address, so that whoever has it may fetch it for a while.
    Sign(sign::SignArgs),
    /// Compares what a library costs with each provider of storage, and what it costs to get it back.
    Cost(cost::CostArgs),
    /// Prometheus' metrics of nginx's log, for those who keep nginx.
    NginxExporter(nginx_exporter::ExporterArgs),
    /// Looks whether everything PicUp needs is there and well.
    Doctor(doctor::DoctorArgs),
    /// Looks at one picture, for `serve`, with no rights; of no use to people. `main` answers it before this is read.
    #[command(hide = true)]
    MediaChild,
    /// Prints the version.
    Version,
}

/// Where PicUp keeps its data, and the file with its settings: the same for all commands that work on the data itself.
#[derive(Debug, Clone, Args)]
struct Place {
    /// The folder with the database, the keys and the photos [default: data]
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// The configuration file; `picup config template` prints one
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

impl Place {
    /// The settings, with this place's data directory.
    fn load(&self) -> Result<Config, Failure> {
        self.load_with(Flags::default())
    }

    /// The configuration that these settings are from, or would be from.
    fn file(&self, config: &Config) -> Result<PathBuf, Failure> {
        Ok(crate::moving::file_of(self.config.as_deref(), config)?)
    }

    /// The settings of a place where a PicUp has begun.
    fn load_begun(&self) -> Result<Config, Failure> {
        let config = self.load()?;
        require_begun(&config)?;
        Ok(config)
    }

    fn load_with(&self, flags: Flags) -> Result<Config, Failure> {
        Ok(self.read_with(flags)?)
    }

    fn read_with(&self, flags: Flags) -> Result<Config, Mistakes> {
        crate::config::load(self.config.as_deref(), Flags { data_dir: self.data_dir.clone(), ..flags })
    }
}

/// Refuses a place where no PicUp has begun: its keys are there with the first start, whichever database there is.
fn require_begun(config: &Config) -> Result<(), Failure> {
    let begun = config.database_file().unwrap_or_else(|| crate::secrets::folder(&config.data_dir));
    if begun.exists() { Ok(()) } else { Err(no_picup(config)) }
}

fn no_picup(config: &Config) -> Failure {
    let place = config.data_dir.display();
    Failure::usage(format!("there is no PicUp in {place}")).next("name its folder: --data-dir DIR")
}

/// Reads the command line and does what it says.
pub(crate) fn main() -> ExitCode {
    let command = CommandLine::parse().command;
    match run(command) {
        Ok(code) => code,
        Err(failure) => {
            eprint!("{failure}");
            failure.code()
        }
    }
}

fn run(command: Command) -> Result<ExitCode, Failure> {
    match command {
        Command::Serve(args) => serve::run(args),
        Command::Import(args) => import::run(args),
        Command::Export(args) => export::run(args),
        Command::User(command) => user::run(command),
        Command::Db(command) => db::run(command),
        Command::Backup(command) => backup::run(command),
        Command::Storage(command) => storage::run(command),
        Command::Restore(args) => restore::run(&args),
        Command::Config(command) => config::run(command),
        Command::MediaKey(command) => media_key::run(command),
        Command::Sign(args) => sign::run(&args),
        Command::Cost(args) => cost::run(&args),
        Command::NginxExporter(args) => nginx_exporter::run(args),
        Command::Doctor(args) => doctor::run(args),
        Command::MediaChild => Err(Failure::usage("media-child is started by `picup serve` alone")),
        Command::Version => {
            output::line(&format!("picup {}", env!("CARGO_PKG_VERSION")));
            Ok(ExitCode::SUCCESS)
        }
    }
}

/// Runs `work` to its end, on as many threads as there are processors.
fn block_on<T>(work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("cannot start the threads that PicUp runs on")?;
    runtime.block_on(work)
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        CommandLine::command().debug_assert();
    }

    #[test]
    fn the_contracts_are_understood() {
        for line in [
            "picup serve --data-dir D --listen 127.0.0.1:0 --config F --roles api,worker,gateway",
            "picup serve",
            "picup user create a@b --password-file F --admin --quota 10GB --data-dir D",
            "picup import D --server http://h --email a@b --password-file F --album A --json",
            "picup import D --server http://h --api-key-file F --dry-run --state S --no-wait",
            "picup export D --server http://h --email a@b --password-file F --by album --album A --album B --json",
            "picup export D --server http://h --api-key-file F --by date --verify --dry-run --parallel 8",
            "picup doctor --data-dir D --json",
            "picup db copy-to mysql://picup@db.example.org:3306/picup --password-file F --data-dir D --json",
            "picup db backup F --data-dir D --json",
            "picup db restore F --data-dir D --json",
            "picup config check --config F",
            "picup config template",
            "picup user list --data-dir D --json",
            "picup user invite --data-dir D --json",
            "picup user invite a@b --quota 10GB --admin --days 30",
            "picup user password a@b --password-file F",
            "picup user quota a@b 10GB",
            "picup user quota a@b none",
            "picup user disable a@b",
            "picup user enable a@b",
            "picup user admin a@b off",
            "picup user delete a@b --now --yes",
            "picup user keep a@b",
            "picup user usage --data-dir D --json",
            "picup user usage a@b --verify",
            "picup db replica plan --config F --json",
            "picup db replica apply --config F",
            "picup db replica status --config F --json",
            "picup db replica verify --config F --wait 60 --json",
            "picup db replica rebuild --config F --discard-writes",
            "picup db offsite plan --config F",
            "picup db offsite apply ada --config F",
            "picup db offsite status --config F --prometheus",
            "picup db offsite verify --config F",
            "picup db offsite rebuild ada --config F",
            "picup backup status --data-dir D --json",
            "picup backup run --data-dir D --json",
            "picup backup scrub --data-dir D --json",
            "picup backup reconcile --data-dir D --json",
            "picup backup drill offsite --recovery-key F --into D --keep --json",
            "picup backup catalogue offsite",
            "picup backup pause offsite",
            "picup backup resume offsite",
            "picup backup confirm-removals offsite",
            "picup backup recovery-key --data-dir D --replace",
            "picup storage move --to s3://b/p --endpoint https://h --provider vultr --region r --style path --access-key-file F",
            "picup storage move --to /mnt/photos --leave-lost --data-dir D --json",
            "picup storage move --cancel --data-dir D",
            "picup storage status --data-dir D --json",
            "picup storage forget-old --yes --data-dir D",
            "picup restore --from s3://b/p --endpoint https://h --access-key-file F --recovery-key F --data-dir D --json",
            "picup restore --from /mnt/disk --recovery-key F --at 2026-11-30T12:00:00Z --data-dir D",
            "picup restore --from /mnt/disk --recovery-key F --account a@b --account b@c --data-dir D",
            "picup restore --from offsite --account a@b --album A --album B --data-dir D",
            "picup restore --from /mnt/disk --recovery-key F --plain D --account a@b --album A --by album --json",
            "picup cost --stored 1TB --egress 200GB",
            "picup cost --stored 1TB --egress 0 --objects 300000 --prices F --json",
            "picup nginx-exporter --format F --file P --listen 127.0.0.1:0 --namespace nginx",
            "picup nginx-exporter --parser json A B --max-series 10 --from-start",
            "picup nginx-exporter --config F --listen 127.0.0.1:0",
            "picup nginx-exporter --config F --check",
            "picup nginx-exporter A --once",
            "picup version",
        ] {
            CommandLine::try_parse_from(line.split(' ')).unwrap_or_else(|error| panic!("{line}: {error}"));
        }
    }

    #[test]
    fn mistakes_are_refused_as_usage() {
        for line in [
            "picup",
            "picup serve --listen nowhere",
            "picup import D --server h --email a@b",
            "picup import D --server http://h",
            "picup import D --server http://h --email a@b --api-key-file F",
            "picup import D --server http://h --email a@b --parallel 0",
            "picup export D --server http://h",
            "picup export D --server http://h --email a@b --by year",
            "picup cost --stored 1TB",
            "picup cost --stored 0 --egress 200GB",
            "picup cost --stored 1TB --egress -5GB",
            "picup cost --stored 1XB --egress 200GB",
            "picup cost --stored 2000PB --egress 200GB",
            "picup cost --stored 1TB --egress 200GB --objects 0",
            "picup db",
            "picup db copy-to",
            "picup db backup --data-dir D",
            "picup backup drill",
            "picup backup recovery-key --recipient nobody",
            "picup storage",
            "picup storage move --data-dir D",
            "picup storage move --to /mnt/photos --cancel",
            "picup restore --data-dir D",
            "picup restore --from /mnt --at yesterday",
            "picup restore --from /mnt --album A",
            "picup restore --from /mnt --by album",
            "picup user create nobody --password-file F",
            "picup user create a@b --quota lots",
            "picup user invite a@b --days 0",
            "picup user invite a@b --days 31",
            "picup user quota a@b",
            "picup user quota a@b lots",
            "picup user admin a@b maybe",
            "picup db replica apply",
            "picup db offsite rebuild --config F",
            "picup db offsite status --config F --json --prometheus",
        ] {
            let error = CommandLine::try_parse_from(line.split(' ')).unwrap_err();
            assert_eq!(error.exit_code(), 2, "{line}");
        }
    }
}
