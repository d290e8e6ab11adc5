//! What the rooms are told at their start, taken from the settings: the one place that knows where things stand in the data
//! directory.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use picup_database::{Replication, Server};
use picup_delivery::TokenSecret;
use picup_domain::SystemClock;
use picup_storage::{BackupPlace, BackupSettings, Bucket, Credentials, Seal, SealIdentity, SealRecipient};

use super::backup::{ByteSizeText, Place};
use super::reads::ReadsBy;
use super::store::{BucketUrl, StoreConfig};
use super::{Config, DatabaseUrl, DestinationConfig, pod};
use crate::secrets;

/// How long a read waits for a replica that has not yet got what its client has seen: less than a person notices.
const REPLICA_WAIT: Duration = Duration::from_millis(50);

impl Config {
    /// The SQLite file; `None` when the database is a server's.
    pub(crate) fn database_file(&self) -> Option<PathBuf> {
        self.database.url.is_none().then(|| self.sqlite_file())
    }

    fn sqlite_file(&self) -> PathBuf {
        self.data_dir.join("picup.db")
    }

    /// The folder of the file store; `None` when the store is a bucket.
    pub(crate) fn store_folder(&self) -> Option<PathBuf> {
        match &self.store.url {
            None => Some(self.objects()),
            Some(Place::Folder(folder)) => Some(folder.clone()),
            Some(Place::Bucket(_)) => None,
        }
    }

    /// The folder that photos are in when nothing else is said.
    pub(crate) fn objects(&self) -> PathBuf {
        self.data_dir.join("objects")
    }

    /// For the database.
    ///
    /// # Errors
    /// When the file with its password cannot be read, or can be read by others.
    pub(crate) fn database_settings(&self) -> anyhow::Result<picup_database::Settings> {
        let password = self.database.password_file.as_deref().map(secrets::password).transpose()?;
        let server = |url: &DatabaseUrl| Server { url: url.as_str().to_owned(), password: password.clone() };
        let place = match &self.database.url {
            Some(url) => picup_database::Place::MySql(server(url)),
            None => picup_database::Place::Sqlite(self.sqlite_file()),
        };
        let replication = (!self.database.replicas.is_empty()).then(|| Replication {
            replicas: self.database.replicas.iter().map(server).collect(),
            max_lag: self.database.max_lag,
            wait: REPLICA_WAIT,
            clock: Arc::new(SystemClock),
        });
        let connection_life = self.database.max_lifetime;
        Ok(picup_database::Settings { place, readers: self.database.readers, replication, connection_life })
    }

    /// The secrets that tokens are signed with; the first signs.
    ///
    /// # Errors
    /// When a file cannot be read, can be read by others, or holds something else.
    pub(crate) fn token_secrets(&self) -> anyhow::Result<Vec<TokenSecret>> {
        let files = self.delivery.token_secrets.iter();
        files.map(|secret| secrets::token_secret(&secret.file, secret.id.clone())).collect()
    }

    /// For the store.
    ///
    /// # Errors
    /// When the file with its access key cannot be read, or can be read by others; when the environment says half of who this is.
    pub(crate) fn storage_settings(&self) -> anyhow::Result<picup_storage::Settings> {
        match &self.store.url {
            None => Ok(picup_storage::Settings::files(self.objects())),
            Some(Place::Folder(folder)) => Ok(picup_storage::Settings::files(folder)),
            Some(Place::Bucket(url)) => Ok(picup_storage::Settings::s3(self.bucket(&self.store, url)?)),
        }
    }

    fn bucket(&self, store: &StoreConfig, url: &BucketUrl) -> anyhow::Result<Bucket> {
        Ok(Bucket {
            name: url.bucket().to_owned(),
            prefix: url.prefix().to_owned(),
            endpoint: store.endpoint.as_ref().map(|endpoint| endpoint.as_str().to_owned()),
            region: store.region().to_owned(),
            style: store.style(),
            profile: store.profile(),
            parts: store.parts.unwrap_or_default(),
            credentials: match &store.access_key_file {
                Some(file) => key(file)?,
                None => pod::role()?,
            },
            spool: self.spool(),
        })
    }

    /// The folder for what is on its way.
    pub(crate) fn spool(&self) -> PathBuf {
        self.data_dir.join("spool")
    }

    /// For one destination.
    ///
    /// # Errors
    /// When a file with a key cannot be read, or can be read by others.
    pub(crate) fn backup_settings(
        &self,
        destination: &DestinationConfig,
        server: Option<SealIdentity>,
        recovery: Option<SealRecipient>,
    ) -> anyhow::Result<BackupSettings> {
        let place = match &destination.url {
            Place::Folder(folder) => BackupPlace::Files(folder.clone()),
            Place::Bucket(url) => BackupPlace::S3 {
                bucket: Box::new(self.bucket(&destination.as_store(url), url)?),
                reader: destination.reader_key_file.as_deref().map(key).transpose()?,
                remover: destination.remover_key_file.as_deref().map(key).transpose()?,
            },
        };
        let seal = Seal { media: destination.encrypts(), server, recovery };
        Ok(BackupSettings { place, seal, bytes_per_second: destination.bandwidth.map(ByteSizeText::get) })
    }

    /// How copies are kept.
    pub(crate) fn keep_settings(&self) -> picup_app::backup::Settings {
        let days = self.backup.scrub_days;
        picup_app::backup::Settings {
            retention: self.backup.retention,
            scrub_within: (days > 0).then(|| Duration::from_secs(u64::from(days) * 86_400)),
            catalogue_every: self.backup.catalogue_every,
            drill_every: self.backup.drill_every,
            spool: self.spool(),
            version: env!("CARGO_PKG_VERSION"),
        }
    }

    /// Whether those who look at photos and videos are to be sent to the bucket, or to a CDN before it.
    pub(crate) fn reads_elsewhere(&self) -> bool {
        matches!(self.store.reads, Some(ReadsBy::Redirect | ReadsBy::Cdn))
    }

    /// For the media room.
    ///
    /// # Errors
    /// When the system does not say where this program's own file is.
    pub(crate) fn media_settings(&self) -> std::io::Result<picup_media::Settings> {
        let usual = picup_media::Settings::new(std::env::current_exe()?, self.concurrency());
        Ok(picup_media::Settings {
            ffmpeg: self.media.ffmpeg.clone(),
            ffprobe: self.media.ffprobe.clone(),
            deadline: Duration::from_secs(self.media.deadline_seconds),
            max_pixels: u64::from(self.media.max_megapixels) * 1_000_000,
            preview_long: self.media.preview_px,
            thumbnail_short: self.media.thumbnail_px,
            ..usual
        })
    }

    /// How often a secret may be guessed wrong.
    pub(crate) fn guess_limits(&self) -> picup_app::GuessLimits {
        picup_app::GuessLimits {
            pair: self.limits.sign_in_tries,
            address: self.limits.sign_in_tries_address,
            account: self.limits.sign_in_tries_account,
        }
    }

    /// How many originals are worked on at once, at least 1.
    pub(crate) fn concurrency(&self) -> usize {
        match self.worker.concurrency {
            0 => std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
            chosen => chosen,
        }
    }
}

fn key(file: &Path) -> anyhow::Result<Credentials> {
    let secrets::AccessKey { id, secret } = secrets::access_key(file)?;
    Ok(Credentials::Key { id, secret })
}
