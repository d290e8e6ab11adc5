//! `picup user usage`: what accounts keep, and whether their books are right.

use std::process::ExitCode;

use anyhow::Context;
use clap::Args;
use picup_app::usage::{self, Figure, Keeps, Repair};
use picup_domain::{ByteSize, Email};
use serde::Serialize;

use super::{Failure, Place, find, output, with_app};

#[derive(Debug, Args)]
pub(in crate::cli) struct UsageArgs {
    /// The account; all of them without it
    #[arg(value_name = "EMAIL", value_parser = Email::new)]
    email: Option<Email>,
    /// Counts everything anew and puts right what is wrong; exit code 1 when something was
    #[arg(long)]
    verify: bool,
    /// One line of JSON instead of a table
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    place: Place,
}

/// What an account keeps, for programs.
#[derive(Serialize)]
struct Shown {
    email: String,
    used_bytes: u64,
    reserved_bytes: u64,
    trash_bytes: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    quota_bytes: Option<u64>,
    /// What was wrong; absent unless asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    repairs: Option<Vec<Repaired>>,
}

/// A figure that was wrong.
#[derive(Serialize)]
struct Repaired {
    figure: String,
    was: u64,
    is: u64,
}

impl From<Repair> for Repaired {
    fn from(repair: Repair) -> Self {
        let figure = match repair.figure {
            Figure::Used => "used_bytes".to_owned(),
            Figure::Reserved => "reserved_bytes".to_owned(),
            Figure::OpenUploads => "open_uploads".to_owned(),
            Figure::Day(day) => format!("day {day}"),
            Figure::Album(album) => format!("album {album}"),
        };
        Self { figure, was: repair.was, is: repair.is }
    }
}

pub(super) fn run(args: &UsageArgs) -> Result<ExitCode, Failure> {
    let config = args.place.load()?;
    let shown = with_app(&config, async |app| {
        let only = match &args.email {
            Some(email) => Some(find(app, email).await?.id),
            None => None,
        };
        let wanted = |keeps: &Keeps| only.is_none_or(|id| keeps.account.id == id);
        let mut repairs = Vec::new();
        if args.verify {
            for keeps in usage::list(app).await.context("cannot read the accounts")?.into_iter().filter(wanted) {
                let id = keeps.account.id;
                repairs.push((id, usage::verify(app, id).await.context("cannot count the account's books")?));
            }
        }
        let all = usage::list(app).await.context("cannot read the accounts")?;
        Ok(all.into_iter().filter(wanted).map(|keeps| show(keeps, args.verify, &mut repairs)).collect::<Vec<_>>())
    })?;
    if args.json {
        output::json(&shown)?;
    } else {
        table(&shown);
    }
    let wrong = shown.iter().flat_map(|account| account.repairs.iter().flatten()).count();
    if wrong > 0 {
        eprintln!("{wrong} figures were wrong and have been put right");
        return Ok(ExitCode::FAILURE);
    }
    Ok(ExitCode::SUCCESS)
}

fn show(keeps: Keeps, verified: bool, repairs: &mut Vec<(picup_domain::AccountId, Vec<Repair>)>) -> Shown {
    let quota = keeps.account.quota;
    let found = repairs.iter().position(|(id, _)| *id == keeps.account.id);
    let found = found.map(|at| repairs.swap_remove(at).1).unwrap_or_default();
    Shown {
        email: keeps.account.email.to_string(),
        used_bytes: quota.used.get(),
        reserved_bytes: quota.reserved.get(),
        trash_bytes: keeps.trash.get(),
        quota_bytes: quota.limit.map(ByteSize::get),
        repairs: verified.then(|| found.into_iter().map(Repaired::from).collect()),
    }
}

fn table(accounts: &[Shown]) {
    let size = |bytes| ByteSize::new(bytes).unwrap_or_default().to_string();
    let width = accounts.iter().map(|account| account.email.chars().count()).max().unwrap_or_default().max(7);
    output::line(&format!(
        "{:width$}  {:>9}  {:>11}  {:>9}  {:>9}",
        "account", "used", "of it trash", "promised", "quota"
    ));
    for account in accounts {
        output::line(&format!(
            "{:width$}  {:>9}  {:>11}  {:>9}  {:>9}",
            account.email,
            size(account.used_bytes),
            size(account.trash_bytes),
            size(account.reserved_bytes),
            account.quota_bytes.map_or_else(|| "none".to_owned(), size)
        ));
        for repair in account.repairs.iter().flatten() {
            output::line(&format!("  {} was {}, is {}", repair.figure, repair.was, repair.is));
        }
        if account.repairs.as_ref().is_some_and(Vec::is_empty) {
            output::line("  everything adds up");
        }
    }
}
