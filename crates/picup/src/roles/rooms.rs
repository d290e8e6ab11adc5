//! The rooms below, opened in order: folder, secrets, database, store, media, and the use cases over them.

use std::os::unix::fs::DirBuilderExt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use picup_app::App;
use picup_app::backup::Target;
use picup_database::Database;
use picup_delivery::SigningKey;
use picup_domain::{Clock, ObjectKey, SystemClock};
use picup_media::Media;
use picup_storage::{Backup, Storage};
use prometheus_client::registry::Registry;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::sync::watch;

use super::Plays;
use super::caches::Told;
use crate::config::{Config, Right};
use crate::moving::follow::Follower;
use crate::secrets;

/// Sign-out takes effect within this time; the page renews well before.
const ACCESS_LIFE: Duration = Duration::from_secs(5 * 60);
const UPLOAD_LIFE: Duration = Duration::from_secs(24 * 60 * 60);
const PART_LIFE: Duration = Duration::from_secs(60 * 60);
/// What signed policies name when no `public_base` is configured. Never looked up: signer and verifier agree on it, and that
/// is all, so PicUp works under whatever address it is reached at.
pub(crate) const NO_PUBLIC_BASE: &str = "http://picup.internal";

/// Opened rooms. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Rooms {
    pub(crate) app: App,
    pub(crate) database: Database,
    pub(crate) storage: Storage,
    pub(crate) follower: Follower,
    pub(crate) clock: Arc<dyn Clock>,
    /// Whoever follows the key's file says here what it is now.
    pub(crate) media_key: watch::Sender<Arc<SigningKey>>,
    /// Tells what goes out.
    pub(crate) told: Told,
}

/// That the database cannot be opened, with the settings that may be why.
pub(crate) fn unopened(config: &Config, error: picup_database::Error) -> anyhow::Error {
    let Some(url) = &config.database.url else {
        return anyhow::Error::new(error).context(format!("opening the database in {}", config.data_dir.display()));
    };
    let advice = if matches!(error, picup_database::Error::Lost(_)) {
        "; see that the server runs, and that database.url is its address".to_owned()
    } else if error.is_no_entry() {
        let password = config.database.password_file.as_deref().map_or_else(
            || "that a user without a password may sign in: there is no database.password_file".to_owned(),
            |file| format!("that the user's password is in {}", file.display()),
        );
        format!("; see that user and database in database.url are there, and {password}")
    } else {
        String::new()
    };
    anyhow::Error::new(error).context(format!("opening the database {}{advice}", url.as_str()))
}

impl Rooms {
    /// With what hears of every object that is removed.
    pub(crate) async fn open(
        config: &Config,
        plays: Plays,
        registry: &mut Registry,
    ) -> anyhow::Result<(Self, UnboundedReceiver<ObjectKey>)> {
        make_private(&config.data_dir)?;
        let registry = registry.sub_registry_with_prefix("picup");
        let mut secrets = secrets::load_or_create(&config.data_dir)?;
        let media_key = watch::Sender::new(Arc::clone(&secrets.media_key.borrow()));
        secrets.media_key = media_key.subscribe();
        secrets.token_secret = config.token_secrets()?.into_iter().next();
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);

        let database = Database::open(&config.database_settings()?, picup_database::Metrics::register(registry))
            .await
            .map_err(|error| unopened(config, error))?;
        let storage = Storage::open(config.storage_settings()?, picup_storage::Metrics::register(registry))
            .await
            .context("opening the store")?;
        let mut follower = Follower::new(config.clone(), storage.clone());
        follower.look().await?;
        let media = Media::new(
            config.media_settings().context("finding PicUp's own program")?,
            picup_media::Metrics::register(registry),
        );

        let settings = picup_app::Settings {
            public_base: config.public_base().unwrap_or(NO_PUBLIC_BASE).to_owned(),
            link_base: config.public_base().unwrap_or_default().to_owned(),
            access_life: ACCESS_LIFE,
            read_grace: config.session.read_grace,
            session_life: config.session.refresh_life,
            media_life: config.session.media_life,
            media_token: (config.delivery.right == Right::Token).then(|| config.delivery.token_audience.clone()),
            bind_media: config.session.media_bind_address,
            upload_life: UPLOAD_LIFE,
            part_life: PART_LIFE,
            deletion_grace: config.accounts.deletion_grace,
            trash_life: Duration::from_secs(u64::from(config.trash.days) * 86_400),
            max_upload: config.limits.upload,
            workers: config.concurrency(),
            roles: plays.names(),
            guesses: config.guess_limits(),
            backup: config.keep_settings(),
        };
        let (told, (removes, removed)) = (Told::default(), unbounded_channel());
        let tells = told.clone();
        let rooms = picup_app::Rooms {
            database: database.clone(),
            database_place: config.database_settings()?.place,
            storage: storage.clone(),
            targets: targets(config)?,
            media,
            clock: Arc::clone(&clock),
            removed: removes,
            delivery: Arc::new(move || tells.delivery()),
        };
        let app = App::new(rooms, settings, secrets, picup_app::Metrics::register(registry))?;
        Ok((Self { app, database, storage, follower, clock, media_key, told }, removed))
    }
}

/// The destinations of copies. What they need of secrets is made only where there are any.
fn targets(config: &Config) -> anyhow::Result<Vec<Target>> {
    let all = config.backup.all().map_err(anyhow::Error::msg)?;
    let mut targets = Vec::with_capacity(all.len());
    for (name, destination) in all {
        let server = secrets::backup_key(&config.data_dir)?;
        let recovery = secrets::recovery_recipient(&config.data_dir)?;
        let settings = config.backup_settings(&destination, Some(server), recovery)?;
        let backup = Backup::open(settings).with_context(|| format!("opening the backup destination {name}"))?;
        targets.push(Target::new(name, backup));
    }
    Ok(targets)
}

/// Makes the data directory, readable by its owner alone, if there is none.
pub(super) fn make_private(data_dir: &Path) -> anyhow::Result<()> {
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(data_dir)
        .with_context(|| format!("making the data directory {}", data_dir.display()))
}
