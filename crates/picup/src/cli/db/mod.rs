//! `picup db`: what is done with the database as a whole, by somebody who holds the data directory or administers its servers.

mod backup;
mod copy;
mod offsite;
mod progress;
mod replica;
mod restore;
mod servers;
mod show;

use std::process::ExitCode;
use std::sync::Arc;

use clap::Subcommand;
use picup_database::Error;
use picup_database::copy::TableSum;
use picup_database::transfer::By;
use serde::Serialize;

use super::import::listen_for_the_end;
use super::{Failure, Place, block_on, output, user};
use crate::client::Stop;

#[derive(Debug, Subcommand)]
pub(super) enum DbCommand {
    /// Copies the SQLite library to a MariaDB or MySQL server; goes on where it stopped.
    CopyTo(copy::CopyArgs),
    /// Writes the database as it is now into a file, also while PicUp is running.
    Backup(backup::BackupArgs),
    /// Puts what a backup holds where there is no database yet.
    Restore(restore::RestoreArgs),
    /// Sets up a server that follows the database and answers reads, looks after it and rebuilds it.
    #[command(subcommand)]
    Replica(replica::ReplicaCommand),
    /// Has a server elsewhere follow the databases of several homes, looks after it and rebuilds its copies.
    #[command(subcommand)]
    Offsite(offsite::OffsiteCommand),
}

pub(super) fn run(command: DbCommand) -> Result<ExitCode, Failure> {
    match command {
        DbCommand::CopyTo(args) => copy::run(&args),
        DbCommand::Backup(args) => backup::run(&args),
        DbCommand::Restore(args) => restore::run(&args),
        DbCommand::Replica(command) => return replica::run(&command),
        DbCommand::Offsite(command) => return offsite::run(&command),
    }?;
    Ok(ExitCode::SUCCESS)
}

/// Runs `work` until Ctrl-C, which drops it where it is.
fn until_stopped<T>(work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let stop = Arc::<Stop>::default();
    block_on(async {
        listen_for_the_end(Arc::clone(&stop))?;
        match stop.unless(work).await {
            Some(done) => done,
            None => Err(failure(Error::Interrupted, "stopped".to_owned())),
        }
    })
}

/// A table, for programs.
#[derive(Serialize)]
struct Shown {
    table: String,
    rows: u64,
    sha256: String,
}

fn shown(tables: &[TableSum]) -> Vec<Shown> {
    let show = |sum: &TableSum| Shown { table: sum.table.clone(), rows: sum.rows, sha256: sum.sha256.to_string() };
    tables.iter().map(show).collect()
}

fn rows(tables: &[TableSum]) -> u64 {
    tables.iter().map(|sum| sum.rows).sum()
}

/// `12,345 rows in 14 tables`.
fn size(tables: &[TableSum]) -> String {
    format!("{} rows in {} tables", indicatif::HumanCount(rows(tables)), tables.len())
}

/// How a copy came about, for people and for programs.
const fn how(by: By) -> (&'static str, &'static str) {
    match by {
        By::Copying => ("copied", "copied"),
        By::GoingOn => ("copied, which an earlier run had begun", "resumed"),
        By::Looking => ("found there, from an earlier run", "found"),
    }
}

/// What went wrong in `doing`, and what to do next.
fn failure(error: Error, doing: String) -> Failure {
    let next = match &error {
        Error::Lost(_) => Some(
            "see that the server runs and the address is its; then run it again: a copy to a server goes on where it stopped",
        ),
        error if error.is_no_entry() => {
            Some("see that user and database in the address are there, and that the password file holds that user's")
        }
        Error::Interrupted | Error::Busy | Error::Copying | Error::Changed => {
            Some("run it again; a copy to a server goes on where it stopped")
        }
        Error::Engine(_) => {
            Some("put right what it says, and run it again; a copy to a server goes on where it stopped")
        }
        Error::Differs(_) => {
            Some("run it again; it begins anew. If that happens twice, tell us: nothing is served from it meanwhile")
        }
        Error::Full => Some("make room, and run it again"),
        Error::OlderSchema { .. } => Some("start this PicUp once on the folder, and stop it"),
        Error::NewerSchema { .. } => Some("run the newer PicUp"),
        _ => None,
    };
    let failure = Failure::from(anyhow::Error::new(error).context(doing));
    match next {
        Some(next) => failure.next(next),
        None => failure,
    }
}
