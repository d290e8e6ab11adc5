//! The rooms below, opened in order: folder, secrets, database, store, media, and the use cases over them.

use std::os::unix::fs::DirBuilderExt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use picup_app::App;
use picup_database::Database;
use picup_delivery::SigningKey;
use picup_domain::{Clock, SystemClock};
use picup_media::Media;
use picup_storage::Storage;
use prometheus_client::registry::Registry;

use crate::config::{Config, MediaConfig};
use crate::secrets;

/// Sign-out takes effect within this time; the page renews well before.
const ACCESS_LIFE: Duration = Duration::from_secs(5 * 60);
const UPLOAD_LIFE: Duration = Duration::from_secs(24 * 60 * 60);
const PART_LIFE: Duration = Duration::from_secs(60 * 60);
/// What signed policies name when no `public_base` is configured. Never looked up: signer and verifier agree on it, and that
/// is all, so PicUp works under whatever address it is reached at.
const NO_PUBLIC_BASE: &str = "http://picup.internal";

/// Opened rooms. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Rooms {
    pub(crate) app: App,
    pub(crate) database: Database,
    pub(crate) storage: Storage,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) media_key: Arc<SigningKey>,
}

impl Rooms {
    pub(crate) async fn open(config: &Config, registry: &mut Registry) -> anyhow::Result<Self> {
        make_private(&config.data_dir)?;
        let secrets = secrets::load_or_create(&config.data_dir)?;
        let media_key = Arc::clone(&secrets.media_key);
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);

        let settings = database_settings(config);
        let database = Database::open(&settings, picup_database::Metrics::register(registry))
            .await
            .with_context(|| format!("opening the database in {}", config.data_dir.display()))?;
        let storage = Storage::open(storage_settings(config), picup_storage::Metrics::register(registry))
            .await
            .context("opening the store")?;
        let media = Media::new(media_settings(config)?, picup_media::Metrics::register(registry));

        let settings = picup_app::Settings {
            public_base: config.public_base().unwrap_or(NO_PUBLIC_BASE).to_owned(),
            access_life: ACCESS_LIFE,
            session_life: config.session.refresh_life,
            media_life: config.session.media_life,
            upload_life: UPLOAD_LIFE,
            part_life: PART_LIFE,
            max_upload: config.limits.upload,
            workers: concurrency(config),
        };
        let rooms = picup_app::Rooms {
            database: database.clone(),
            storage: storage.clone(),
            media,
            clock: Arc::clone(&clock),
        };
        let app = App::new(rooms, settings, secrets, picup_app::Metrics::register(registry))?;
        Ok(Self { app, database, storage, clock, media_key })
    }
}

pub(crate) fn database_settings(config: &Config) -> picup_database::Settings {
    picup_database::Settings {
        readers: config.database.readers,
        ..picup_database::Settings::sqlite(config.data_dir.join("picup.db"))
    }
}

pub(crate) fn storage_settings(config: &Config) -> picup_storage::Settings {
    picup_storage::Settings::files(config.data_dir.join("objects"))
}

pub(crate) fn media_settings(config: &Config) -> anyhow::Result<picup_media::Settings> {
    let MediaConfig { thumbnail_px, preview_px, max_megapixels, deadline_seconds, ffmpeg, ffprobe } = &config.media;
    let program = std::env::current_exe().context("finding PicUp's own program")?;
    Ok(picup_media::Settings {
        ffmpeg: ffmpeg.clone(),
        ffprobe: ffprobe.clone(),
        deadline: Duration::from_secs(*deadline_seconds),
        max_pixels: u64::from(*max_megapixels) * 1_000_000,
        preview_long: *preview_px,
        thumbnail_short: *thumbnail_px,
        ..picup_media::Settings::new(program, concurrency(config))
    })
}

fn concurrency(config: &Config) -> usize {
    match config.worker.concurrency {
        0 => std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
        chosen => chosen,
    }
}

/// Makes the data directory, readable by its owner alone, if there is none.
fn make_private(data_dir: &Path) -> anyhow::Result<()> {
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(data_dir)
        .with_context(|| format!("making the data directory {}", data_dir.display()))
}
