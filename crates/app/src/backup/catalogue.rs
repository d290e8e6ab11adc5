//! The catalogue: the database as it was at a moment and what else a restore needs, written down at every destination and always
//! encrypted. With the newest of them, the copies beside it and the recovery key, a whole PicUp can be made again.
//!
//! Inside the encryption it is compressed (zstd): four bytes that tell the length of a manifest in JSON, the manifest, and the SQLite
//! file that `picup db backup` would write.

use std::fs::File;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt, stream};
use picup_database::transfer::{self, About};
use picup_domain::{DestinationId, Sha256, Timestamp};
use picup_storage::{Backup, BackupName, ByteStream, Error as Storage, Expected, SealIdentity, Stamp, crash_point};
use serde::{Deserialize, Serialize};
use sha2::Digest;
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

use super::target::Target;
use super::{AGAIN, rest};
use crate::{App, Error};

/// The form described above.
const FORMAT: u32 = 1;
/// A manifest is far shorter.
const LONGEST_MANIFEST: u32 = 1 << 20;
const LOOK_EVERY: Duration = Duration::from_secs(30);
const CHUNK: usize = 1 << 20;
/// zstd's level: most of the gain, at the speed of a disk.
const LEVEL: i32 = 3;

/// What a restore needs beside the database.
#[derive(Clone, Serialize, Deserialize)]
pub struct Manifest {
    /// The form of the catalogue.
    pub format: u32,
    /// Which PicUp wrote it.
    pub picup: String,
    /// When the database was as it stands there, in microseconds.
    pub made_at: i64,
    /// The destination it was written to, by its name in the configuration.
    pub destination: String,
    /// Whether the copies beside it are encrypted.
    pub sealed: bool,
    /// The server's own key, which opens copies as the recovery key does, and those too that are older than that.
    server_key: Option<String>,
}

impl Manifest {
    /// The server's own key of then.
    ///
    /// # Errors
    /// When it is none.
    pub fn server_key(&self) -> Result<Option<SealIdentity>, Error> {
        Ok(self.server_key.as_deref().map(str::parse).transpose()?)
    }
}

/// A catalogue that stands at a destination.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// Its name there.
    pub name: BackupName,
    /// Its size there, in bytes.
    pub bytes: u64,
}

/// Works until it is told to stop: a catalogue whenever one is due and something has changed.
pub(super) async fn run(app: App, target: Arc<Target>, id: DestinationId, stop: CancellationToken) {
    let mut seen = None;
    while rest(&stop, LOOK_EVERY).await {
        let written = tokio::select! {
            () = stop.cancelled() => return,
            written = when_due(&app, &target, id, &mut seen) => written,
        };
        if let Err(error) = written {
            tracing::warn!(destination = target.name(), error = error.story(), "the catalogue is written later");
            rest(&stop, AGAIN).await;
        }
    }
}

/// What has changed since a catalogue, as far as it is worth another.
type Seen = (i64, u64);

async fn when_due(app: &App, target: &Target, id: DestinationId, seen: &mut Option<Seen>) -> Result<(), Error> {
    let every = app.settings().backup.catalogue_every;
    let found = app.database().read_fresh().await?.destination_list().await?;
    let last = found.into_iter().find(|found| found.id == id).and_then(|found| found.catalogue_at);
    if !target.backup().has_recovery_key() || last.is_some_and(|last| last.plus(every) > app.now()) {
        return Ok(());
    }
    let mut read = app.database().read_fresh().await?;
    let kept = read.copy_counts(id).await?.iter().map(|count| count.copies).sum();
    let now = Some((read.event_latest().await?, kept));
    drop(read);
    // Accounts and settings change without a trace there: once a day it is written in any case.
    let stale = last.is_none_or(|last| last.plus(every.max(Duration::from_secs(86_400))) <= app.now());
    if *seen != now || stale {
        write(app, target, id).await?;
        *seen = now;
    }
    Ok(())
}

/// Writes the catalogue at a destination now.
///
/// # Errors
/// [`Error::NotFound`] for an unknown name; [`Error::Backup`] without a recovery key.
pub async fn now(app: &App, name: &str) -> Result<Written, Error> {
    let found = app.inner.targets.enlisted().find(|(target, _)| target.name() == name);
    let (target, id) = found.ok_or(Error::NotFound("destination"))?;
    write(app, target, id).await
}

async fn write(app: &App, target: &Target, id: DestinationId) -> Result<Written, Error> {
    if !target.backup().has_recovery_key() {
        let to_do = "make one with: picup backup recovery-key";
        return Err(Error::Backup(format!("there is no recovery key, so nobody could open a catalogue; {to_do}")));
    }
    target.backup().claim(id, false).await?;
    let spool = &app.settings().backup.spool;
    std::fs::create_dir_all(spool).map_err(|error| spoiled("make a folder for the catalogue", &error))?;
    let folder = tempfile::Builder::new().prefix("catalogue-").tempdir_in(spool);
    let folder = folder.map_err(|error| spoiled("make a folder for the catalogue", &error))?;
    let made_at = app.now();
    let snapshot = folder.path().join("picup.db");
    let about = About { made_at, version: app.settings().backup.version.to_owned() };
    let place = &app.inner.database_place;
    transfer::backup(place, &snapshot, &about, &mut |_, _| std::ops::ControlFlow::Continue(())).await?;
    let manifest = Manifest {
        format: FORMAT,
        picup: about.version,
        made_at: made_at.micros(),
        destination: target.name().to_owned(),
        sealed: target.backup().seals_media(),
        server_key: target.backup().server_key().map(SealIdentity::reveal),
    };
    let (packed, expected) = pack(&folder, snapshot, manifest).await?;
    let name = BackupName::Catalogue(Stamp::at(made_at)?);
    let source = async { Ok(file_stream(packed)) };
    let stored = target.backup().keep(&name, source, expected, false).await?;
    crash_point!("catalogue-written");
    let mut write = app.database().write().await?;
    write.destination_catalogued(id, made_at).await?;
    write.commit().await?;
    if target.backup().can_remove() {
        thin(app, target.backup()).await?;
    }
    Ok(Written { name, bytes: stored.bytes })
}

/// Removes catalogues that are older than the retention, and of those older than a day all but the last of each day.
async fn thin(app: &App, backup: &Backup) -> Result<(), Error> {
    let mut stamps = stamps(backup).await?;
    stamps.sort_unstable_by(|one, other| other.cmp(one));
    let old = Stamp::at(app.now().minus(app.settings().backup.retention))?;
    let recent = Stamp::at(app.now().minus(Duration::from_secs(86_400)))?;
    let mut day = String::new();
    for stamp in stamps.into_iter().skip(1) {
        let of = stamp.as_str().split('T').next().unwrap_or_default().to_owned();
        let again = std::mem::replace(&mut day, of.clone()) == of;
        if stamp < old || (stamp < recent && again) {
            backup.remove(&BackupName::Catalogue(stamp).to_string()).await?;
        }
    }
    Ok(())
}

async fn stamps(backup: &Backup) -> Result<Vec<Stamp>, Error> {
    let mut stamps = Vec::new();
    let mut listed = backup.list("catalogue", None);
    while let Some(found) = listed.try_next().await? {
        if let Ok(BackupName::Catalogue(stamp)) = found.name.parse() {
            stamps.push(stamp);
        }
    }
    Ok(stamps)
}

fn spoiled(doing: &str, error: &std::io::Error) -> Error {
    Error::Backup(format!("{doing}: {error}"))
}

/// Puts manifest and database into one compressed file.
#[allow(clippy::disallowed_methods, reason = "seldom, and as long as a disk takes for the database")]
async fn pack(folder: &TempDir, snapshot: PathBuf, manifest: Manifest) -> Result<(File, Expected), Error> {
    let path = folder.path().join("catalogue");
    let packing = tokio::task::spawn_blocking(move || {
        let json = serde_json::to_vec(&manifest).map_err(std::io::Error::other)?;
        let file = File::options().read(true).write(true).create_new(true).open(path)?;
        let mut packed = zstd::stream::write::Encoder::new(Hashing::new(file), LEVEL)?;
        packed.write_all(&u32::try_from(json.len()).map_err(std::io::Error::other)?.to_be_bytes())?;
        packed.write_all(&json)?;
        std::io::copy(&mut File::open(snapshot)?, &mut packed)?;
        packed.finish()?.done()
    });
    let packed = packing.await.map_err(|error| Error::Internal(error.to_string()))?;
    packed.map_err(|error| spoiled("pack the catalogue", &error))
}

/// A file that is hashed as it is written.
struct Hashing {
    file: File,
    hasher: sha2::Sha256,
    bytes: u64,
}

impl Hashing {
    fn new(file: File) -> Self {
        Self { file, hasher: sha2::Sha256::new(), bytes: 0 }
    }

    fn done(self) -> std::io::Result<(File, Expected)> {
        let Self { mut file, hasher, bytes } = self;
        std::io::Seek::rewind(&mut file)?;
        Ok((file, Expected { bytes, sha256: Some(Sha256::from_hasher(hasher)) }))
    }
}

impl Write for Hashing {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let written = self.file.write(bytes)?;
        self.hasher.update(&bytes[..written]);
        self.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.file.flush()
    }
}

/// A file as a stream.
#[allow(clippy::disallowed_methods, reason = "seldom, a chunk at a time")]
fn file_stream(file: File) -> ByteStream {
    let chunks = stream::try_unfold(file, |mut file| async move {
        let read = tokio::task::spawn_blocking(move || {
            let mut chunk = vec![0; CHUNK];
            let count = file.read(&mut chunk)?;
            chunk.truncate(count);
            Ok::<_, std::io::Error>((count > 0).then_some((Bytes::from(chunk), file)))
        });
        let failed = |source| Storage::Io { doing: "read the catalogue", source };
        read.await.map_err(|error| failed(std::io::Error::other(error)))?.map_err(failed)
    });
    chunks.boxed()
}

/// The newest catalogue of a backup, at a moment or before it; `None` when there is none.
///
/// # Errors
/// When the backup cannot be listed.
pub(crate) async fn newest(backup: &Backup, at: Option<Timestamp>) -> Result<Option<BackupName>, Error> {
    let latest = at.map(Stamp::at).transpose()?;
    let stamps = stamps(backup).await?.into_iter();
    let newest = stamps.filter(|stamp| latest.as_ref().is_none_or(|latest| stamp <= latest)).max();
    Ok(newest.map(BackupName::Catalogue))
}

/// Opens a catalogue: the database comes to stand at `to`, where nothing may be.
///
/// # Errors
/// [`Error::Storage`] when it cannot be opened with the key; [`Error::Backup`] when it is not of a form this PicUp knows.
pub(crate) async fn open(
    backup: &Backup,
    name: &BackupName,
    key: Option<&SealIdentity>,
    to: &Path,
) -> Result<Manifest, Error> {
    let mut content = backup.open_content(name, key).await?;
    let file = File::options().write(true).create_new(true).open(to);
    let file = file.map_err(|error| spoiled("write down the database", &error))?;
    let mut unpacker = zstd::stream::write::Decoder::new(Unpacked::new(file))
        .map_err(|error| spoiled("open the catalogue", &error))?;
    while let Some(chunk) = content.try_next().await? {
        unpacker.write_all(&chunk).map_err(|error| spoiled("open the catalogue", &error))?;
    }
    unpacker.flush().map_err(|error| spoiled("open the catalogue", &error))?;
    unpacker.into_inner().manifest()
}

/// Manifest and database, as they come.
struct Unpacked {
    file: File,
    head: Vec<u8>,
    manifest: Option<Manifest>,
}

impl Unpacked {
    const fn new(file: File) -> Self {
        Self { file, head: Vec::new(), manifest: None }
    }

    fn manifest(self) -> Result<Manifest, Error> {
        self.manifest.ok_or_else(|| Error::Backup("the catalogue ends before it begins".to_owned()))
    }
}

impl Write for Unpacked {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        if self.manifest.is_some() {
            return self.file.write(bytes);
        }
        self.head.extend_from_slice(bytes);
        let Some((length, rest)) = self.head.split_first_chunk::<4>() else { return Ok(bytes.len()) };
        let length = u32::from_be_bytes(*length);
        if length > LONGEST_MANIFEST {
            return Err(std::io::Error::other("this is no catalogue of PicUp's"));
        }
        if let Some((json, rest)) = rest.split_at_checked(length as usize) {
            let manifest: Manifest = serde_json::from_slice(json).map_err(std::io::Error::other)?;
            if manifest.format > FORMAT {
                return Err(std::io::Error::other("it was written by a newer PicUp; use that one"));
            }
            self.file.write_all(rest)?;
            self.manifest = Some(manifest);
            self.head = Vec::new();
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.file.flush()
    }
}
