//! Restore: a whole PicUp from one destination and a key, on an empty machine; and its rehearsal.
//!
//! The newest catalogue gives the database, the database says which objects there were, and each comes back under its key with
//! the hash that is recorded of it, or is told to be missing. Everything that was brought back already is left alone, so it can be
//! cut off at any point and run again.

pub mod drill;
mod own_up;
pub mod part;
pub mod plain;

use std::path::Path;

use futures_util::{StreamExt, TryStreamExt, stream};
use picup_database::{Database, Destination, Object, ObjectState, Place, transfer};
use picup_domain::{ObjectKey, ObjectRole, Timestamp};
use picup_storage::{
    Backup, BackupName, ByteStream, Error as Storage, Expected, SealIdentity, Storage as Store, crash_point,
};

use crate::Error;
use crate::backup::{Manifest, catalogue};

pub use own_up::{give_up_uploads, own_up};

/// How many objects are brought back at once.
const AT_ONCE: usize = 8;
/// How many are looked up in one go.
const PAGE: u32 = 500;
/// How many of those that are missing are named.
const NAMED: usize = 20;

/// Where things come back from.
#[derive(Debug, Clone, Copy)]
pub struct Source<'s> {
    /// The destination, whose reader may read it.
    pub backup: &'s Backup,
    /// What opens it; without one, the server's own key.
    pub key: Option<&'s SealIdentity>,
    /// What opens copies that are older than that key: the server's own of then, as the catalogue tells it.
    pub server_key: Option<&'s SealIdentity>,
    /// The destination as the database that came back knows it.
    pub destination: Option<&'s Destination>,
    /// Whether the copies are encrypted.
    pub sealed: bool,
}

/// How far a restore is, or what came of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Restored {
    /// Objects brought back, with the hash that was recorded.
    pub objects: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Objects that stood there already.
    pub present: u64,
    /// Objects that the backup does not have, or not as they were.
    pub missing: u64,
    /// Originals and films among the missing.
    pub lost: u64,
    /// Some of the missing, by name.
    pub named: Vec<String>,
    /// Photos whose pictures are missing and are made again.
    pub remade: u64,
}

/// The catalogue that a restore starts from.
///
/// # Errors
/// [`Error::Backup`] when there is none.
pub async fn newest(backup: &Backup, at: Option<Timestamp>) -> Result<BackupName, Error> {
    catalogue::newest(backup, at).await?.ok_or_else(|| {
        let what = if at.is_some() { "no catalogue of that moment or before it" } else { "no catalogue" };
        Error::Backup(format!("there is {what} in {}; is it the right place, and prefix?", backup.place()))
    })
}

/// Brings the database back into an empty place. `folder` takes what is needed on the way.
///
/// # Errors
/// When the catalogue cannot be opened with the key, or there is a database.
pub async fn database(
    backup: &Backup,
    name: &BackupName,
    key: Option<&SealIdentity>,
    place: &Place,
    folder: &Path,
) -> Result<Manifest, Error> {
    remove_left_overs(folder, "restore-");
    let spooled = tempfile::Builder::new().prefix("restore-").tempdir_in(folder);
    let spooled = spooled.map_err(|error| Error::Backup(format!("make a folder in {}: {error}", folder.display())))?;
    let file = spooled.path().join("catalogue.db");
    let manifest = catalogue::open(backup, name, key, &file).await?;
    transfer::restore(&file, place, folder, &mut |_, _| std::ops::ControlFlow::Continue(())).await?;
    crash_point!("restore-database");
    Ok(manifest)
}

/// Removes what killed runs have left in a folder, with the database in it as it was.
pub(crate) fn remove_left_overs(folder: &Path, prefix: &str) {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    for entry in entries.filter(|entry| entry.file_name().to_string_lossy().starts_with(prefix)) {
        if entry.path().is_dir()
            && let Err(error) = std::fs::remove_dir_all(entry.path())
        {
            tracing::warn!(path = %entry.path().display(), %error, "what a killed run left cannot be removed");
        }
    }
}

/// Brings back every object that the database counts and the store does not have.
///
/// # Errors
/// When the database, the store or the backup does not answer. What the backup does not have is told in the result.
pub async fn objects(
    source: Source<'_>,
    database: &Database,
    store: &Store,
    mut watch: impl FnMut(&Restored),
) -> Result<Restored, Error> {
    let mut restored = Restored::default();
    let mut after = String::new();
    loop {
        let page = database.read_fresh().await?.object_page(&after, PAGE).await?;
        let Some(last) = page.last() else { return Ok(restored) };
        after = last.key.to_string();
        let counted: Vec<Object> = page.into_iter().filter(|object| object.state == ObjectState::Committed).collect();
        let generations = generations(source, database, &counted).await?;
        let work = stream::iter(counted).map(|object| {
            let generation = generations.get(&object.key).copied().unwrap_or(1);
            async move { Ok::<_, Error>((bring_back(source, store, &object, generation).await?, object)) }
        });
        let mut work = work.buffer_unordered(AT_ONCE);
        while let Some((found, object)) = work.try_next().await? {
            restored.count(found, &object);
            watch(&restored);
        }
        crash_point!("restore-page");
    }
}

/// Brings one object back, if the database counts it. `false` when it does not, or the backup does not have it as it was.
///
/// # Errors
/// When the database, the store or the backup does not answer.
pub async fn object(source: Source<'_>, database: &Database, store: &Store, key: &ObjectKey) -> Result<bool, Error> {
    let found = database.read_fresh().await?.object_by_key(key).await?;
    let Some(object) = found.filter(|object| object.state == ObjectState::Committed) else { return Ok(false) };
    let generations = generations(source, database, std::slice::from_ref(&object)).await?;
    let generation = generations.get(key).copied().unwrap_or(1);
    Ok(bring_back(source, store, &object, generation).await? != Found::Missing)
}

async fn generations(
    source: Source<'_>,
    database: &Database,
    objects: &[Object],
) -> Result<std::collections::HashMap<ObjectKey, u32>, Error> {
    let Some(destination) = source.destination else { return Ok(Default::default()) };
    let keys: Vec<ObjectKey> = objects.iter().map(|object| object.key.clone()).collect();
    Ok(database.read_fresh().await?.copy_known(destination.id, &keys).await?)
}

/// What came of one object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Found {
    Present,
    BroughtBack,
    Missing,
}

impl Restored {
    fn count(&mut self, found: Found, object: &Object) {
        match found {
            Found::Present => self.present += 1,
            Found::BroughtBack => {
                self.objects += 1;
                self.bytes += object.bytes.get();
            }
            Found::Missing => {
                self.missing += 1;
                self.lost += u64::from(matches!(object.key.role(), ObjectRole::Original | ObjectRole::Motion));
                if self.named.len() < NAMED {
                    self.named.push(object.key.to_string());
                }
            }
        }
    }
}

async fn bring_back(source: Source<'_>, store: &Store, object: &Object, generation: u32) -> Result<Found, Error> {
    match store.open_object(&object.key).await {
        Ok(there) if there.bytes() == object.bytes.get() => return Ok(Found::Present),
        Ok(_) | Err(Storage::NotFound(_)) => {}
        Err(error) => return Err(error.into()),
    }
    let expected = Expected { bytes: object.bytes.get(), sha256: object.sha256 };
    let mut tried = vec![generation];
    loop {
        let Some(&generation) = tried.last() else { return Ok(Found::Missing) };
        let name = BackupName::Object { key: object.key.clone(), generation, sealed: source.sealed };
        let put = async {
            let content = opened(source, &name).await?;
            store.put_back(&object.key, content, expected, true).await
        };
        match put.await {
            Ok(()) => return Ok(Found::BroughtBack),
            // It may have been made anew under another name since, or before. The key is good: it has opened the catalogue.
            Err(Storage::NotKept(_) | Storage::Altered(_) | Storage::SourceDiffers | Storage::NotOpened { .. }) => {}
            Err(error) => return Err(error.into()),
        }
        match another(source, &object.key, &tried).await? {
            Some(next) => tried.push(next),
            None => return Ok(Found::Missing),
        }
    }
}

/// What a copy holds.
async fn opened(source: Source<'_>, name: &BackupName) -> Result<ByteStream, Storage> {
    match source.backup.open_content(name, source.key).await {
        Err(Storage::NotOpened { .. }) if source.server_key.is_some() => {
            source.backup.open_content(name, source.server_key).await
        }
        opened => opened,
    }
}

/// A generation of an object that stands there and was not tried, the newest first.
async fn another(source: Source<'_>, key: &ObjectKey, tried: &[u32]) -> Result<Option<u32>, Error> {
    let text = key.to_string();
    let folder = text.rsplit_once('/').map_or("media", |(folder, _)| folder);
    let mut listed = source.backup.list(folder, None);
    let mut found = None;
    while let Some(listing) = listed.try_next().await? {
        if let Ok(BackupName::Object { key: other, generation, sealed }) = listing.name.parse()
            && other == *key
            && sealed == source.sealed
            && !tried.contains(&generation)
        {
            found = found.max(Some(generation));
        }
    }
    Ok(found)
}
