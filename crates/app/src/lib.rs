//! What PicUp does: each use case reads top to bottom like the story it tells, across the rooms below.
//!
//! The API's handlers, the worker's jobs and the command line all call the same functions here, so a rule holds whoever
//! asks. One file a noun, mirrored in `database` below and `api` above. Remote I/O never happens inside a database
//! transaction: bytes are made durable first, then one short transaction makes them count.

#![forbid(unsafe_code)]

pub mod account;
pub mod admin;
pub mod album;
pub mod album_member;
pub mod api_key;
pub mod asset;
mod attempts;
mod audit;
#[cfg(test)]
mod away_tests;
pub mod backup;
mod cursor;
pub mod deletion;
pub mod edit;
mod error;
pub mod events;
pub mod favourite;
pub mod health;
pub mod immich;
pub mod invitation;
pub mod jobs;
mod media_right;
mod metrics;
#[cfg(test)]
mod model_tests;
mod motion;
pub mod moving;
mod password;
mod process;
mod queue;
mod read_back;
mod refresh_token;
pub mod restore;
pub mod search;
mod secrets;
mod seen;
pub mod session;
pub mod setup;
pub mod share;
pub mod system;
#[cfg(test)]
mod testing;
pub mod timeline;
mod token;
pub mod trash;
pub mod upload;
pub mod usage;
mod visitor;

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64};
use std::time::Duration;

use picup_database::Database;
use picup_delivery::Audience;
use picup_domain::{ByteSize, Clock, ObjectKey, Timestamp};
use picup_media::Media;
use picup_storage::Storage;
use tokio::sync::{Notify, mpsc};

pub use attempts::GuessLimits;
pub use error::Error;
pub use metrics::Metrics;
pub use picup_database::Seen;
pub use secrets::Secrets;
pub use token::{Access, AccessCheck};
pub use visitor::Visitor;

/// Plain values that shape the use cases.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The address people and tools reach this PicUp at, without a trailing slash; what signed policies name.
    pub public_base: String,
    /// What links for people begin with: the configured address, or nothing when there is none and they begin with `/`.
    pub link_base: String,
    /// How long an access token holds. Sign-out takes effect within this time.
    pub access_life: Duration,
    /// How long after its end an access token still holds for what only looks, while the primary database is away and nobody can
    /// renew a session.
    pub read_grace: Duration,
    /// How long a session lives without being used.
    pub session_life: Duration,
    /// How long the cookies that open media hold; renewing the session renews them.
    pub media_life: Duration,
    /// Whom the token is for that opens media in the place of CloudFront's cookies; `None` for the cookies.
    pub media_token: Option<Audience>,
    /// Whether what opens media is good for the address alone that it was given to.
    pub bind_media: bool,
    /// How long an upload may take from its first word to its last.
    pub upload_life: Duration,
    /// How long the address of a part holds.
    pub part_life: Duration,
    /// How long the end of an account can be taken back.
    pub deletion_grace: Duration,
    /// How long an asset stays in the trash.
    pub trash_life: Duration,
    /// The largest file that may be uploaded.
    pub max_upload: ByteSize,
    /// How many jobs run at once.
    pub workers: usize,
    /// What this process does, in words: `gateway`, `api`, `worker`.
    pub roles: &'static [&'static str],
    /// How often somebody may guess a password wrong.
    pub guesses: GuessLimits,
    /// How copies are kept.
    pub backup: backup::Settings,
}

/// The rooms below, put together.
pub struct Rooms {
    /// The database.
    pub database: Database,
    /// Where the database is, to be written down as a whole.
    pub database_place: picup_database::Place,
    /// The primary store.
    pub storage: Storage,
    /// The destinations that copies go to.
    pub targets: Vec<backup::Target>,
    /// The media room.
    pub media: Media,
    /// Where "now" comes from.
    pub clock: Arc<dyn Clock>,
    /// Hears of every object that is gone from the primary store, so that no cache goes on giving it.
    pub removed: mpsc::UnboundedSender<ObjectKey>,
    /// What the gateway of this process tells of media.
    pub delivery: Arc<dyn Fn() -> system::Delivery + Send + Sync>,
}

/// The use cases' common ground. Cheap to clone.
#[derive(Clone)]
pub struct App {
    inner: Arc<Inner>,
    /// The whole room's, or as one client may have it.
    database: Database,
    /// From where the client asks for whom this is.
    client: Option<IpAddr>,
}

struct Inner {
    database_place: picup_database::Place,
    storage: Storage,
    removed: mpsc::UnboundedSender<ObjectKey>,
    delivery: Arc<dyn Fn() -> system::Delivery + Send + Sync>,
    targets: backup::Targets,
    media: Media,
    clock: Arc<dyn Clock>,
    settings: Settings,
    secrets: Secrets,
    access_tokens: token::AccessTokens,
    passwords: password::Passwords,
    attempts: attempts::Attempts,
    share_tokens: token::ShareTokens,
    window: picup_delivery::WindowSigner,
    events: events::Hub,
    begun: upload::Begun,
    /// When the last upload began, in microseconds: how the worker knows that files are coming in.
    last_begun: AtomicI64,
    /// Rung after a commit that may have left a job, so that the worker need not wait for its next look.
    jobs_waiting: Notify,
    metrics: Metrics,
    system: system::Kept,
    stopping: AtomicBool,
}

impl App {
    /// Puts the rooms together.
    ///
    /// # Errors
    /// When a key in `secrets` is not usable.
    pub fn new(rooms: Rooms, settings: Settings, secrets: Secrets, metrics: Metrics) -> Result<Self, Error> {
        let Rooms { database, database_place, storage, targets, media, clock, removed, delivery } = rooms;
        let inner = Arc::new(Inner {
            access_tokens: token::AccessTokens::new(&secrets)?,
            passwords: password::Passwords::new()?,
            attempts: attempts::Attempts::new(settings.guesses),
            share_tokens: token::ShareTokens::new(&secrets)?,
            window: picup_delivery::WindowSigner::new(),
            events: events::Hub::new(),
            begun: upload::Begun::default(),
            system: system::Kept::since(clock.now()),
            last_begun: AtomicI64::new(i64::MIN),
            jobs_waiting: Notify::new(),
            database_place,
            storage,
            removed,
            delivery,
            targets: backup::Targets::new(targets),
            media,
            clock,
            settings,
            secrets,
            metrics,
            stopping: AtomicBool::new(false),
        });
        Ok(Self { inner, database, client: None })
    }

    /// The plain values this was made with.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.inner.settings
    }

    /// The present moment by the clock this was made with.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.inner.clock.now()
    }

    fn database(&self) -> &Database {
        &self.database
    }

    fn storage(&self) -> &Storage {
        &self.inner.storage
    }

    /// Removes an object from the primary store, and says so to whoever keeps it in a cache.
    async fn remove_object(&self, key: &ObjectKey) -> Result<(), picup_storage::Error> {
        self.storage().delete(key).await?;
        // Where nothing is cached, nobody listens.
        let _ = self.inner.removed.send(key.clone());
        Ok(())
    }

    fn target(&self, name: &str) -> Option<&backup::Target> {
        self.inner.targets.named(name)
    }
}
