//! `picup restore --plain`: the photos of a backup as plain files. A PicUp of the catalogue stands in a hidden folder while it is read by
//! what `picup export` is made of, so that names, folders and notes are the same; nothing of it stays.

use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context;
use picup_app::restore::plain::{Reader, readers};
use picup_app::restore::{self, part::Part};
use picup_domain::Timestamp;
use serde::Serialize;

use super::{Failure, RestoreArgs, failure, moment, opened, output};
use crate::cli::import::listen_for_the_end;
use crate::cli::{block_on, export as exporting};
use crate::client::{By, Credentials, Export, Stop, export, folder_names};
use crate::roles::from_backup::{Copies, FromBackup, Scratch};
use crate::secrets;

/// Where the catalogue's database lies meanwhile. Hidden, so that an import leaves it out.
const SCRATCH: &str = ".picup-restore";
/// How many files are fetched at once.
const AT_ONCE: usize = 6;

/// What came of it; a line of JSON for programs.
#[derive(Default, Serialize)]
struct Written {
    accounts: u64,
    found: u64,
    written: u64,
    unchanged: u64,
    failed: u64,
    bytes: u64,
    /// RFC 3339: the moment that came back.
    recovery_point: String,
}

pub(super) fn run(args: &RestoreArgs, dir: &Path) -> Result<ExitCode, Failure> {
    let part = args.part()?;
    let stop = Arc::<Stop>::default();
    let written = block_on(async {
        listen_for_the_end(Arc::clone(&stop))?;
        std::fs::create_dir_all(dir).with_context(|| format!("making {}", dir.display()))?;
        let scratch = Scratch::make(dir.join(SCRATCH))?;
        let stopped = || Failure::from(anyhow::anyhow!("stopped")).next("run it again; it goes on where it stopped");
        let back = stop.unless(bring_back(args, &scratch)).await.ok_or_else(stopped)??;
        let Back { library, copies, made_at } = back;
        let written = write(args, dir, &part, &library, copies, &stop).await;
        library.database().close().await;
        Ok(Written { recovery_point: moment(made_at), ..written? })
    })?;
    if args.json {
        output::json(&written)?;
    } else {
        let Written { found, failed, recovery_point, .. } = &written;
        output::line(&format!("as of {recovery_point}: {} of {found} files stand there", found - failed));
    }
    Ok(if written.failed == 0 && stop.reason().is_none() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

struct Back {
    library: FromBackup,
    copies: Copies,
    made_at: Timestamp,
}

async fn bring_back(args: &RestoreArgs, scratch: &Scratch) -> Result<Back, Failure> {
    let config = args.place.load()?;
    let key = args.recovery_key.as_deref().map(secrets::age_key).transpose()?;
    let backup = opened(args, &config, key.as_ref())?;
    let catalogue = args.catalogue(&backup).await?;
    let place = scratch.database();
    let manifest = restore::database(&backup, &catalogue, key.as_ref(), &place, scratch.path()).await;
    let manifest = manifest.map_err(failure)?;
    let library = FromBackup::open(scratch).await?;
    let looked = async { library.database().read_fresh().await?.destination_list().await };
    let known = looked.await.context("looking at the destinations of then")?;
    let destination = known.into_iter().find(|known| known.name == manifest.destination);
    let server_key = manifest.server_key().map_err(failure)?;
    let copies = Copies { backup, key, server_key, destination, sealed: manifest.sealed };
    Ok(Back { library, copies, made_at: Timestamp::from_micros(manifest.made_at) })
}

async fn write(
    args: &RestoreArgs,
    dir: &Path,
    part: &Part,
    library: &FromBackup,
    copies: Copies,
    stop: &Arc<Stop>,
) -> Result<Written, Failure> {
    let readers = readers(library.app()).await.map_err(failure)?;
    if let Some(unknown) = part.accounts.iter().find(|email| !readers.iter().any(|reader| reader.email == **email)) {
        return Err(Failure::from(anyhow::anyhow!("there is no account {unknown} in the backup as of then"))
            .next("write its address as it was, or name an earlier or later moment: --at TIME"));
    }
    // Where several people's photos are, each has a folder, also when one is asked for alone: they never mix.
    let names = folder_names(readers.iter().map(|reader| reader.email.as_str()));
    let place = |name: &String| if readers.len() > 1 { dir.join(name) } else { dir.to_owned() };
    let chosen = readers.iter().zip(&names);
    let chosen = chosen.filter(|(reader, _)| part.accounts.is_empty() || part.accounts.contains(&reader.email));
    let (address, _serving) = library.serve(copies).await?;
    let server = format!("http://{address}");
    let mut written = Written::default();
    for (reader, name) in chosen {
        if stop.reason().is_some() {
            break;
        }
        one(args, place(name), reader, &server, stop, &mut written).await?;
    }
    Ok(written)
}

/// Writes the photos of one account.
async fn one(
    args: &RestoreArgs,
    dir: PathBuf,
    reader: &Reader,
    server: &str,
    stop: &Arc<Stop>,
    written: &mut Written,
) -> Result<(), Failure> {
    let wish = Export {
        dir,
        server: server.parse().map_err(anyhow::Error::msg)?,
        credentials: Credentials::Key(reader.key.clone()),
        by: args.by.unwrap_or(By::Date),
        albums: args.album.iter().cloned().collect(),
        verify: false,
        dry_run: false,
        parallel: AT_ONCE,
        json: args.json,
        terminal: std::io::stderr().is_terminal(),
    };
    let report = export(wish, Arc::clone(stop)).await.map_err(exporting::failure)?;
    report.failures.iter().for_each(|failure| eprintln!("{}: {failure}", reader.email));
    if !args.json {
        eprint!("{}: {}", reader.email, report.summary);
    }
    let counts = report.counts;
    written.accounts += 1;
    written.found += counts.found;
    written.written += counts.written;
    written.unchanged += counts.unchanged;
    written.failed += counts.failed;
    written.bytes += counts.bytes;
    Ok(())
}
