//! `picup backup drill`.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use clap::Args;
use picup_app::restore::drill::{Rehearsed, rehearse};
use picup_domain::ByteSize;
use serde::Serialize;

use super::show::span;
use super::{Place, failure, opened, output, until_stopped};
use crate::cli::Failure;
use crate::cli::restore::Watch;
use crate::cli::user::moment;
use crate::secrets;

#[derive(Debug, Args)]
pub(in crate::cli) struct DrillArgs {
    /// The destination, by its name in the configuration
    #[arg(value_name = "NAME")]
    name: String,
    /// The file with the recovery key, to prove that it opens everything; without it, the server's own key is used
    #[arg(long, value_name = "FILE")]
    recovery_key: Option<PathBuf>,
    /// An empty folder to bring everything back into, with room for all of it [default: one in the data folder]
    #[arg(long, value_name = "DIR")]
    into: Option<PathBuf>,
    /// Leave what came back where it is
    #[arg(long)]
    keep: bool,
    /// No progress; the result is one line of JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    place: Place,
}

/// The result, for programs.
#[derive(Serialize)]
struct Shown {
    ok: bool,
    objects: u64,
    bytes: u64,
    same: u64,
    different: u64,
    missing: u64,
    newer: u64,
    newer_bytes: u64,
    recovery_seconds: u64,
    /// RFC 3339: the moment that came back.
    recovery_point: Option<String>,
}

pub(super) fn run(args: &DrillArgs) -> Result<ExitCode, Failure> {
    let found = until_stopped(async {
        let config = args.place.load()?;
        let app = opened(&args.place).await?;
        let key = args.recovery_key.as_deref().map(secrets::age_key).transpose()?;
        let into = args.into.clone().unwrap_or_else(|| config.data_dir.join("drill"));
        if args.into.is_none() && into.exists() {
            std::fs::remove_dir_all(&into)
                .with_context(|| format!("removing what a killed run left in {}", into.display()))?;
        }
        empty(&into)?;
        let mut watch = Watch::new(args.json);
        let found = rehearse(&app, &args.name, key.as_ref(), &into, |restored| watch.at(restored)).await;
        if !args.keep {
            std::fs::remove_dir_all(&into).with_context(|| format!("removing {}", into.display()))?;
        }
        found.map_err(failure)
    })?;
    if args.json {
        output::json(&shown(&found))?;
    } else {
        output::text_of(&text(&found));
    }
    Ok(if found.is_good() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Makes the folder, or sees that it is empty.
fn empty(into: &Path) -> Result<(), Failure> {
    std::fs::create_dir_all(into).with_context(|| format!("making {}", into.display()))?;
    let mut found = std::fs::read_dir(into).with_context(|| format!("looking into {}", into.display()))?;
    if found.next().is_some() {
        return Err(Failure::usage(format!("{} is not empty", into.display())).next("name an empty folder: --into DIR"));
    }
    Ok(())
}

fn shown(found: &Rehearsed) -> Shown {
    Shown {
        ok: found.is_good(),
        objects: found.restored.objects,
        bytes: found.restored.bytes,
        same: found.same,
        different: found.different,
        missing: found.restored.missing,
        newer: found.newer,
        newer_bytes: found.newer_bytes,
        recovery_seconds: found.seconds,
        recovery_point: found.of.map(moment),
    }
}

fn text(found: &Rehearsed) -> String {
    let size = |bytes| ByteSize::new(bytes).unwrap_or_default();
    let of = found.of.map_or_else(|| "an unknown moment".to_owned(), moment);
    let mut text = format!(
        "{} objects, {}, came back in {}, as they were at {of}\n{} of them are what this PicUp has, {} are not\n",
        found.restored.objects,
        size(found.restored.bytes),
        span(found.seconds),
        found.same,
        found.different
    );
    if found.newer > 0 {
        text += &format!(
            "{} objects, {}, are newer than the catalogue and would be lost\n",
            found.newer,
            size(found.newer_bytes)
        );
    }
    if found.restored.missing > 0 {
        text += &format!("{} are missing in the backup, among them:\n", found.restored.missing);
        found.restored.named.iter().for_each(|name| text += &format!("  {name}\n"));
    }
    text + if found.is_good() { "The drill went well.\n" } else { "The drill FAILED: scrub, and look at the log.\n" }
}
