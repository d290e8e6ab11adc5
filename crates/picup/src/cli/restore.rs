//! `picup restore`: a whole PicUp from a backup and a key, in an empty place; a part of one; or its photos as plain files.

mod mark;
mod part;
mod plain;

use std::io::IsTerminal;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::Context;
use clap::Args;
use picup_app::restore::part::Part;
use picup_app::restore::{self, Restored, Source};
use picup_database::Database;
use picup_domain::{ByteSize, Clock, Email, SystemClock, Timestamp};
use picup_storage::{Backup, BackupName, SealIdentity, Storage};
use serde::Serialize;

use super::backup::{failure, until_stopped};
use super::service::ServiceArgs;
use super::user::moment;
use super::{Failure, Place, output};
use crate::client::By;
use crate::config::{Config, DestinationConfig};
use crate::secrets;
use mark::{Back, Choice, Mark};

pub(crate) use mark::refuse_unfinished;

#[derive(Debug, Args)]
pub(super) struct RestoreArgs {
    /// The backup: `s3://BUCKET/PREFIX`, a folder, or the name of a destination in the configuration
    #[arg(long, value_name = "PLACE")]
    from: String,
    #[command(flatten)]
    service: ServiceArgs,
    /// The file with an access key that may read the backup
    #[arg(long, value_name = "FILE")]
    access_key_file: Option<PathBuf>,
    /// The file with the recovery key
    #[arg(long, value_name = "FILE")]
    recovery_key: Option<PathBuf>,
    /// As it was at that moment, such as 2026-11-30T12:00:00Z, instead of as late as there is
    #[arg(long, value_name = "TIME")]
    at: Option<jiff::Timestamp>,
    /// Only this account; may be said more than once
    #[arg(long, value_name = "EMAIL", value_parser = Email::new)]
    account: Vec<Email>,
    /// Only what is in the album of this title, of the one account that is named; may be said more than once
    #[arg(long, value_name = "TITLE", requires = "account")]
    album: Vec<String>,
    /// No PicUp: the photos as plain files in this folder, with their names, dates and notes, as `picup export` writes them
    #[arg(long, value_name = "DIR")]
    plain: Option<PathBuf>,
    /// With --plain: a folder for each month, or one for each album [default: date]
    #[arg(long, value_enum, requires = "plain")]
    by: Option<By>,
    /// No progress; the result is one line of JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    place: Place,
}

impl RestoreArgs {
    fn part(&self) -> Result<Part, Failure> {
        if !self.album.is_empty() && self.account.len() != 1 {
            return Err(Failure::usage("--album is of one account").next("name it alone: --account EMAIL"));
        }
        Ok(Part { accounts: self.account.clone(), albums: self.album.clone() })
    }

    /// The catalogue that is asked for.
    async fn catalogue(&self, backup: &Backup) -> Result<BackupName, Failure> {
        let at = self.at.map(|at| Timestamp::from_micros(at.as_microsecond()));
        restore::newest(backup, at).await.map_err(failure)
    }
}

/// The result, for programs.
#[derive(Serialize)]
struct Shown {
    objects: u64,
    bytes: u64,
    present: u64,
    missing: u64,
    lost: u64,
    remade: u64,
    /// RFC 3339: the moment that came back.
    recovery_point: String,
}

pub(super) fn run(args: &RestoreArgs) -> Result<ExitCode, Failure> {
    if let Some(dir) = &args.plain {
        return plain::run(args, dir);
    }
    let (restored, of) = until_stopped(restore(args))?;
    if args.json {
        let Restored { objects, bytes, present, missing, lost, remade, .. } = restored;
        output::json(&Shown { objects, bytes, present, missing, lost, remade, recovery_point: moment(of) })?;
    } else {
        let size = ByteSize::new(restored.bytes).unwrap_or_default();
        output::line(&format!(
            "restored as of {}: {} objects, {size}; {} were there already",
            moment(of),
            restored.objects,
            restored.present
        ));
        if restored.missing > 0 {
            output::line(&format!(
                "{} objects are not in the backup as they were; {} of them are originals, which are lost, and the pictures of {} \
                 photos are made again. Among them:",
                restored.missing, restored.lost, restored.remade
            ));
            restored.named.iter().for_each(|name| output::line(&format!("  {name}")));
        }
        output::line(if args.account.is_empty() {
            "People sign in anew. Start it with `picup serve`, and name the destination in picup.toml to go on copying there."
        } else {
            "It is a part: the copies in that backup are another PicUp's, so give it a destination of its own. Start it with `picup \
             serve`; where nobody in it is an admin, make one first: picup user admin EMAIL on."
        });
    }
    Ok(if restored.lost == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn restore(args: &RestoreArgs) -> Result<(Restored, Timestamp), Failure> {
    let config = args.place.load()?;
    let _lock = crate::roles::lock(&config.data_dir).await?;
    let key = args.recovery_key.as_deref().map(secrets::age_key).transpose()?;
    let backup = opened(args, &config, key.as_ref())?;
    let part = args.part()?;
    let choice = Choice::of(&part);
    let begun = mark::begun(&config.data_dir)?;
    let was_cut_off = begun.is_some();
    let mut mark = match begun.filter(|mark| mark.database.is_some()) {
        Some(mark) if mark.is_of(&args.from, choice.as_ref()) => mark,
        Some(mark) => return Err(mark.refusal()),
        None => {
            // One that was cut off has left no more than a database that was not noted.
            if !was_cut_off && config.database_file().is_some_and(|file| file.exists()) {
                return Err(Failure::from(anyhow::anyhow!("there is a PicUp in {}", config.data_dir.display()))
                    .next("name an empty folder: --data-dir DIR"));
            }
            if choice.is_some() {
                part::require_empty_store(&config).await?;
            }
            let catalogue = args.catalogue(&backup).await?.to_string();
            Mark { from: args.from.clone(), catalogue, part: choice, database: None }
        }
    };
    let back = match mark.database.clone() {
        Some(back) => back,
        None => {
            mark::keep(&config.data_dir, &mark)?;
            let back = match database(&backup, &mark, &part, key.as_ref(), &config).await {
                Ok(back) => back,
                // Nothing is there yet.
                Err(failure) => {
                    mark::remove(&config.data_dir)?;
                    return Err(failure);
                }
            };
            mark.database = Some(back.clone());
            mark::keep(&config.data_dir, &mark)?;
            back
        }
    };
    let restored = objects(args, &config, &backup, key.as_ref(), &back).await?;
    mark::remove(&config.data_dir)?;
    Ok((restored, Timestamp::from_micros(back.made_at)))
}

async fn database(
    backup: &Backup,
    mark: &Mark,
    part: &Part,
    key: Option<&SealIdentity>,
    config: &Config,
) -> Result<Back, Failure> {
    let place = config.database_settings()?.place;
    let catalogue = mark.catalogue.parse().map_err(|_| anyhow::anyhow!("the mark of the restore is damaged"))?;
    // One that was cut off just before it was noted stands there whole.
    if let picup_database::Place::Sqlite(file) = &place
        && file.exists()
    {
        std::fs::remove_file(file).context("removing a database that was not noted")?;
    }
    let manifest = match &mark.part {
        None => restore::database(backup, &catalogue, key, &place, &config.data_dir).await.map_err(unopened)?,
        Some(_) => part::database(backup, &catalogue, key, part, &place, &config.data_dir).await?,
    };
    if let Some(own) = manifest.server_key().map_err(failure)? {
        secrets::load_or_create(&config.data_dir)?;
        secrets::keep_backup_key(&config.data_dir, &own)?;
    }
    if let Some(key) = key {
        secrets::keep_recovery_recipient(&config.data_dir, &key.recipient())?;
    }
    Ok(Back { destination: manifest.destination, sealed: manifest.sealed, made_at: manifest.made_at })
}

/// A catalogue that is damaged is not the only one.
fn unopened(error: picup_app::Error) -> Failure {
    let damaged = matches!(&error, picup_app::Error::Storage(picup_storage::Error::Altered(_)));
    let told = failure(error);
    if damaged { told.next("try an earlier one, by the time before which it was made: --at TIME") } else { told }
}

async fn objects(
    args: &RestoreArgs,
    config: &Config,
    backup: &Backup,
    key: Option<&SealIdentity>,
    back: &Back,
) -> Result<Restored, Failure> {
    let database =
        Database::open(&config.database_settings()?, Default::default()).await.context("opening the database")?;
    let store = Storage::open(config.storage_settings()?, Default::default()).await.context("opening the store")?;
    let looked = async { database.read_fresh().await?.destination_list().await };
    let known = looked.await.context("looking at the destinations of then")?;
    let destination = known.iter().find(|known| known.name == back.destination);
    // The one that came back with the database.
    let server_key = secrets::backup_key(&config.data_dir)?;
    let source = Source { backup, key, server_key: Some(&server_key), destination, sealed: back.sealed };
    let mut watch = Watch::new(args.json);
    let mut restored =
        restore::objects(source, &database, &store, |restored| watch.at(restored)).await.map_err(failure)?;
    if restored.missing > 0 {
        restored.remade = restore::own_up(&database, &store, SystemClock.now()).await.map_err(failure)?;
    }
    restore::give_up_uploads(&database).await.map_err(failure)?;
    database.close().await;
    Ok(restored)
}

fn opened(args: &RestoreArgs, config: &Config, key: Option<&SealIdentity>) -> Result<Backup, Failure> {
    let named = config.backup.all().map_err(anyhow::Error::msg)?.remove(&args.from);
    let mut destination = match named {
        Some(named) => named,
        None => {
            let words = [
                ("provider", &args.service.provider),
                ("endpoint", &args.service.endpoint),
                ("region", &args.service.region),
                ("style", &args.service.style),
            ];
            DestinationConfig::of_words(&args.from, words).map_err(Failure::usage)?
        }
    };
    if let Some(file) = &args.access_key_file {
        (destination.access_key_file, destination.reader_key_file) = (Some(file.clone()), None);
    }
    let settings = config.backup_settings(&destination, key.cloned(), None)?;
    Ok(Backup::open(settings).with_context(|| format!("opening {}", args.from))?)
}

/// Tells now and then how far a restore is.
pub(super) struct Watch {
    silent: bool,
    last: Instant,
}

/// How often a line is printed.
const LINE_EVERY: Duration = Duration::from_secs(5);

impl Watch {
    /// `silent` for programs.
    pub(super) fn new(silent: bool) -> Self {
        Self { silent, last: Instant::now() }
    }

    pub(super) fn at(&mut self, restored: &Restored) {
        let every = if std::io::stderr().is_terminal() { Duration::from_millis(500) } else { LINE_EVERY };
        if !self.silent && self.last.elapsed() >= every {
            self.last = Instant::now();
            let size = ByteSize::new(restored.bytes).unwrap_or_default();
            eprintln!(
                "{} objects back, {size}; {} were there, {} are missing",
                restored.objects, restored.present, restored.missing
            );
        }
    }
}
