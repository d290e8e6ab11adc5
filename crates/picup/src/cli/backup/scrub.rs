//! `picup backup scrub` and `picup backup reconcile`.

use std::process::ExitCode;

use picup_app::backup::{Reconciled, Scrubbed, reconcile_everything, scrub_everything};
use serde::Serialize;

use super::{StatusArgs, failure, opened, output, until_stopped};
use crate::cli::Failure;

/// The result, for programs.
#[derive(Serialize)]
struct Shown {
    good: u64,
    healed: u64,
    lost: u64,
    unread: u64,
}

pub(super) fn run(args: &StatusArgs) -> Result<ExitCode, Failure> {
    let found = until_stopped(async {
        let app = opened(&args.place).await?;
        let watch = |place: &str, found: Scrubbed| {
            if !args.json {
                eprintln!("{place}: {} read, {} healed", found.good + found.healed + found.lost, found.healed);
            }
        };
        scrub_everything(&app, watch).await.map_err(failure)
    })?;
    let Scrubbed { good, healed, lost, unread } = found;
    if args.json {
        output::json(&Shown { good, healed, lost, unread })?;
    } else {
        output::line(&format!(
            "{good} are as they were, {healed} are healed or made anew, {lost} are lost, {unread} could not be read"
        ));
        if lost > 0 {
            output::line("What is lost has no good copy anywhere: the log names it, and its owners see it as damaged.");
        }
    }
    Ok(if lost + unread == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// A store that was compared, for programs.
#[derive(Serialize)]
struct Compared {
    store: String,
    known: u64,
    orphans: u64,
    removed: u64,
    missing: u64,
    foreign: u64,
}

pub(super) fn reconcile(args: &StatusArgs) -> Result<ExitCode, Failure> {
    let found = until_stopped(async {
        let app = opened(&args.place).await?;
        Ok(reconcile_everything(&app).await)
    })?;
    let whole = found.iter().all(|(_, found)| found.is_ok());
    let end = if whole { ExitCode::SUCCESS } else { ExitCode::FAILURE };
    let mut compared = Vec::new();
    for (store, found) in found {
        match found {
            Ok(found) => compared.push((store, found)),
            Err(error) => eprintln!("{store} could not be compared: {}", error.story()),
        }
    }
    if args.json {
        let shown = compared.into_iter().map(|(store, Reconciled { known, orphans, removed, missing, foreign })| {
            Compared { store, known, orphans, removed, missing, foreign }
        });
        output::json(&serde_json::json!({ "stores": shown.collect::<Vec<_>>() }))?;
        return Ok(end);
    }
    for (store, found) in compared {
        output::line(&format!(
            "{store}: {} stand where they should, {} are missing and made anew, {} have no row (new), {} of those from before are \
             removed, {} are not PicUp's",
            found.known, found.missing, found.orphans, found.removed, found.foreign
        ));
    }
    Ok(end)
}
