//! A whole `App` for this room's own tests: a fresh database, a store in memory, a clock that stands until moved.

use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use picup_database::Database;
use picup_delivery::{KeyId, SigningKey};
use picup_domain::{AccountRole, ByteSize, DisplayName, Email, ManualClock, Password, Timestamp};
use picup_media::Media;
use picup_storage::Storage;
use prometheus_client::registry::Registry;
use tempfile::TempDir;

use crate::account::NewAccount;
use crate::{App, GuessLimits, Metrics, Rooms, Secrets, Settings, Visitor};

pub(crate) fn secrets() -> Secrets {
    let key = |name| SigningKey::generate(KeyId::parse(name).unwrap(), &mut rand::rng());
    let access = key("ACCESS");
    Secrets {
        access_public_pem: access.public_key_pem().into(),
        access_key_pem: Arc::new(access.to_pem()),
        server_key: rand::random(),
        media_key: tokio::sync::watch::channel(Arc::new(key("MEDIA"))).1,
        token_secret: None,
    }
}

fn settings(folder: &TempDir) -> Settings {
    Settings {
        public_base: "http://picup.internal".into(),
        link_base: String::new(),
        access_life: Duration::from_secs(300),
        read_grace: Duration::from_secs(3_600),
        session_life: Duration::from_secs(30 * 86_400),
        media_life: Duration::from_secs(3_600),
        media_token: None,
        bind_media: false,
        upload_life: Duration::from_secs(86_400),
        part_life: Duration::from_secs(3_600),
        deletion_grace: Duration::from_secs(7 * 86_400),
        trash_life: Duration::from_secs(30 * 86_400),
        max_upload: ByteSize::new(1 << 40).unwrap(),
        workers: 2,
        roles: &["worker"],
        guesses: GuessLimits { pair: 10, address: 50, account: 100 },
        backup: crate::backup::Settings {
            retention: Duration::from_secs(30 * 86_400),
            scrub_within: Some(Duration::from_secs(30 * 86_400)),
            catalogue_every: Duration::from_secs(3_600),
            drill_every: None,
            spool: folder.path().join("spool"),
            version: "0.0.0",
        },
    }
}

pub(crate) struct TestApp {
    app: App,
    pub(crate) clock: Arc<ManualClock>,
    _folder: TempDir,
}

impl Deref for TestApp {
    type Target = App;

    fn deref(&self) -> &App {
        &self.app
    }
}

impl TestApp {
    pub(crate) async fn new() -> Self {
        Self::with_targets(Vec::new()).await
    }

    /// With destinations of copies.
    pub(crate) async fn with_targets(targets: Vec<crate::backup::Target>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let place = match picup_testkit::engine::fresh_database() {
            Some(url) => picup_database::Settings::mysql(url),
            None => picup_database::Settings::sqlite(folder.path().join("picup.db")),
        };
        let app = Self::built(folder, place, targets).await;
        crate::backup::enlist(&app).await.unwrap();
        app
    }

    /// The same PicUp with other destinations, as a process finds it that begins later.
    pub(crate) async fn again_with(self, targets: Vec<crate::backup::Target>) -> Self {
        let Self { app, clock, _folder: folder } = self;
        let rooms = Rooms {
            database: app.database().clone(),
            database_place: app.inner.database_place.clone(),
            storage: app.storage().clone(),
            targets,
            media: app.inner.media.clone(),
            clock: Arc::clone(&clock) as _,
            removed: tokio::sync::mpsc::unbounded_channel().0,
            delivery: Arc::new(crate::system::Delivery::default),
        };
        let metrics = Metrics::register(&mut Registry::default());
        let app = App::new(rooms, settings(&folder), secrets(), metrics).unwrap();
        crate::backup::enlist(&app).await.unwrap();
        Self { app, clock, _folder: folder }
    }

    /// On a database of the test's own.
    pub(crate) async fn on(folder: TempDir, place: picup_database::Settings) -> Self {
        Self::built(folder, place, Vec::new()).await
    }

    async fn built(folder: TempDir, place: picup_database::Settings, targets: Vec<crate::backup::Target>) -> Self {
        let clock = Arc::new(ManualClock::new(Timestamp::from_micros(1_700_000_000_000_000)));
        let mut registry = Registry::default();
        let database = Database::open(&place, picup_database::Metrics::register(&mut registry)).await.unwrap();
        let storage = picup_storage::Settings { place: picup_storage::Place::Memory, blocking_threads: 4 };
        let storage = Storage::open(storage, picup_storage::Metrics::register(&mut registry)).await.unwrap();
        let media = Media::new(
            picup_media::Settings::new("/nonexistent/picup".into(), 1),
            picup_media::Metrics::register(&mut registry),
        );
        let settings = settings(&folder);
        let database_place = place.place;
        let rooms = Rooms {
            database,
            database_place,
            storage,
            targets,
            media,
            clock: Arc::clone(&clock) as _,
            removed: tokio::sync::mpsc::unbounded_channel().0,
            delivery: Arc::new(crate::system::Delivery::default),
        };
        let app = App::new(rooms, settings, secrets(), Metrics::register(&mut registry)).unwrap();
        Self { app, clock, _folder: folder }
    }

    pub(crate) fn password() -> Password {
        Password::new("correct horse battery").unwrap()
    }

    pub(crate) fn visitor() -> Visitor {
        let user_agent = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0".to_owned();
        Visitor { address: [192, 0, 2, 1].into(), user_agent }
    }

    pub(crate) fn account(email: &str) -> NewAccount {
        NewAccount {
            email: Email::new(email).unwrap(),
            name: DisplayName::new("Ada").unwrap(),
            password: Self::password(),
            role: AccountRole::Admin,
            quota: Some(ByteSize::new(1_000).unwrap()),
        }
    }
}

/// Chance that can be had again: a test that fails shows its seed, and `PICUP_SEED=…` gives the same.
pub(crate) fn seed() -> u64 {
    #[allow(clippy::disallowed_methods, reason = "a person who looks for the same run again says so")]
    let given = std::env::var("PICUP_SEED").ok();
    let seed = given.map_or_else(rand::random, |seed| seed.parse().expect("PICUP_SEED is a number"));
    println!("seed {seed}; the same again: PICUP_SEED={seed}");
    seed
}
