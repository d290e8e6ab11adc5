//! `picup restore`: a whole PicUp from a backup and a key, in an empty place.

use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::Context;
use clap::Args;
use picup_app::restore::{self, Restored, Source};
use picup_database::Database;
use picup_domain::{ByteSize, Clock, SystemClock, Timestamp};
use picup_storage::{Backup, SealIdentity, Storage};
use serde::{Deserialize, Serialize};

use super::backup::{failure, until_stopped};
use super::user::moment;
use super::{Failure, Place, output};
use crate::config::{Config, DestinationConfig};
use crate::secrets;

/// Stands in the data folder while a restore is not finished: nothing may be served from it.
pub(crate) const MARK: &str = "restore.json";

#[derive(Debug, Args)]
pub(super) struct RestoreArgs {
    /// The backup: `s3://BUCKET/PREFIX`, a folder, or the name of a destination in the configuration
    #[arg(long, value_name = "PLACE")]
    from: String,
    /// The address of the S3 service; without it, Amazon's
    #[arg(long, value_name = "URL")]
    endpoint: Option<String>,
    /// Whose service it is, as `provider` in the configuration
    #[arg(long, value_name = "NAME")]
    provider: Option<String>,
    /// The region of the bucket
    #[arg(long, value_name = "NAME")]
    region: Option<String>,
    /// `path` or `virtual-host`
    #[arg(long, value_name = "STYLE")]
    style: Option<String>,
    /// The file with an access key that may read the backup
    #[arg(long, value_name = "FILE")]
    access_key_file: Option<PathBuf>,
    /// The file with the recovery key
    #[arg(long, value_name = "FILE")]
    recovery_key: Option<PathBuf>,
    /// As it was at that moment, such as 2026-11-30T12:00:00Z, instead of as late as there is
    #[arg(long, value_name = "TIME")]
    at: Option<jiff::Timestamp>,
    /// No progress; the result is one line of JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    place: Place,
}

/// What is known of a restore that was begun.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Mark {
    from: String,
    catalogue: String,
    /// Once the database is back: the destination, whether copies are encrypted, and the moment that came back.
    database: Option<Back>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Back {
    destination: String,
    sealed: bool,
    made_at: i64,
}

/// The result, for programs.
#[derive(Serialize)]
struct Shown {
    objects: u64,
    bytes: u64,
    present: u64,
    missing: u64,
    remade: u64,
    /// RFC 3339: the moment that came back.
    recovery_point: String,
}

pub(super) fn run(args: &RestoreArgs) -> Result<ExitCode, Failure> {
    let (restored, of) = until_stopped(restore(args))?;
    if args.json {
        let Restored { objects, bytes, present, missing, remade, .. } = restored;
        output::json(&Shown { objects, bytes, present, missing, remade, recovery_point: moment(of) })?;
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
                "{} objects are not in the backup as they were; {} of them are pictures that are made again. Among them:",
                restored.missing, restored.remade
            ));
            restored.named.iter().for_each(|name| output::line(&format!("  {name}")));
        }
        output::line(
            "People sign in anew. Start it with `picup serve`, and name the destination in picup.toml to go on copying there.",
        );
    }
    Ok(if restored.missing == restored.remade { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn restore(args: &RestoreArgs) -> Result<(Restored, Timestamp), Failure> {
    let config = args.place.load()?;
    let _lock = crate::roles::lock(&config.data_dir).await?;
    let key = args.recovery_key.as_deref().map(secrets::age_key).transpose()?;
    let backup = opened(args, &config, key.as_ref())?;
    let place = config.database_settings()?.place;
    // Of one that could not open its catalogue nothing is there.
    let begun = begun(&config.data_dir)?.filter(|mark| mark.from == args.from || mark.database.is_some());
    let mut mark = match begun {
        Some(mark) if mark.from == args.from => mark,
        Some(mark) => {
            return Err(Failure::from(anyhow::anyhow!("a restore from {} was begun here", mark.from))
                .next("finish that one, or name an empty --data-dir"));
        }
        None => {
            if config.database_file().is_some_and(|file| file.exists()) {
                return Err(Failure::from(anyhow::anyhow!("there is a PicUp in {}", config.data_dir.display()))
                    .next("name an empty folder: --data-dir DIR"));
            }
            let at = args.at.map(|at| Timestamp::from_micros(at.as_microsecond()));
            let catalogue = restore::newest(&backup, at).await.map_err(failure)?;
            Mark { from: args.from.clone(), catalogue: catalogue.to_string(), database: None }
        }
    };
    let back = match mark.database.clone() {
        Some(back) => back,
        None => {
            keep_mark(&config.data_dir, &mark)?;
            let back = database(&backup, &mark, key.as_ref(), &place, &config).await?;
            mark.database = Some(back.clone());
            keep_mark(&config.data_dir, &mark)?;
            back
        }
    };
    let restored = objects(args, &config, &backup, key.as_ref(), &back).await?;
    std::fs::remove_file(config.data_dir.join(MARK)).context("removing the mark of the restore")?;
    Ok((restored, Timestamp::from_micros(back.made_at)))
}

async fn database(
    backup: &Backup,
    mark: &Mark,
    key: Option<&SealIdentity>,
    place: &picup_database::Place,
    config: &Config,
) -> Result<Back, Failure> {
    let catalogue = mark.catalogue.parse().map_err(|_| anyhow::anyhow!("the mark of the restore is damaged"))?;
    // One that was cut off just before it was noted stands there whole.
    if let picup_database::Place::Sqlite(file) = place
        && file.exists()
    {
        std::fs::remove_file(file).context("removing a database that was not noted")?;
    }
    let manifest = restore::database(backup, &catalogue, key, place, &config.data_dir).await.map_err(failure)?;
    if let Some(own) = manifest.server_key().map_err(failure)? {
        secrets::load_or_create(&config.data_dir)?;
        secrets::keep_backup_key(&config.data_dir, &own)?;
    }
    if let Some(key) = key {
        secrets::keep_recovery_recipient(&config.data_dir, &key.recipient())?;
    }
    Ok(Back { destination: manifest.destination, sealed: manifest.sealed, made_at: manifest.made_at })
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
                ("provider", &args.provider),
                ("endpoint", &args.endpoint),
                ("region", &args.region),
                ("style", &args.style),
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

fn begun(data_dir: &Path) -> Result<Option<Mark>, Failure> {
    let path = data_dir.join(MARK);
    match std::fs::read(&path) {
        Ok(text) => Ok(Some(serde_json::from_slice(&text).with_context(|| format!("reading {}", path.display()))?)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(anyhow::Error::new(error).context(format!("reading {}", path.display())).into()),
    }
}

fn keep_mark(data_dir: &Path, mark: &Mark) -> Result<(), Failure> {
    let path = data_dir.join(MARK);
    let whole = path.with_extension("part");
    let text = serde_json::to_vec(mark).context("writing the mark of the restore")?;
    std::fs::write(&whole, text)
        .and_then(|()| std::fs::rename(&whole, &path))
        .with_context(|| format!("writing {}", path.display()))?;
    Ok(())
}

/// Refuses a data folder in which a restore is not finished.
pub(crate) fn refuse_unfinished(data_dir: &Path) -> anyhow::Result<()> {
    if data_dir.join(MARK).exists() {
        anyhow::bail!(
            "a restore into {} is not finished; run `picup restore` again, with what you gave it before",
            data_dir.display()
        );
    }
    Ok(())
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
