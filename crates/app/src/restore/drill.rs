//! The rehearsal of a restore: everything comes back into an empty place, every hash is compared, and what was found is kept.

use std::path::Path;
use std::time::Instant;

use futures_util::{StreamExt, stream};
use picup_database::{CopyState, Database, Destination, Drill, Object, ObjectState, Place};
use picup_domain::{ByteSize, Timestamp};
use picup_storage::{SealIdentity, Settings, Storage};

use super::{PAGE, Restored, Source};
use crate::backup::Target;
use crate::{App, Error};

/// How many objects are read back at once.
const AT_ONCE: usize = 4;

/// What a rehearsal has shown.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rehearsed {
    /// What came back.
    pub restored: Restored,
    /// Objects that came back and have, read again, the hash that this PicUp has recorded of them.
    pub same: u64,
    /// Objects that came back and are something else.
    pub different: u64,
    /// Objects of this PicUp that are newer than the catalogue: what would be lost.
    pub newer: u64,
    /// Their bytes.
    pub newer_bytes: u64,
    /// The moment that came back.
    pub of: Option<Timestamp>,
    /// How long it took to bring everything back, in seconds.
    pub seconds: u64,
}

impl Rehearsed {
    /// Whether everything came back as it was, and anything did, where there is anything.
    #[must_use]
    pub const fn is_good(&self) -> bool {
        self.restored.missing == 0 && self.different == 0 && (self.same > 0 || self.newer == 0)
    }
}

/// Rehearses a restore from a destination into `folder`, which must be empty and is left with what came back. With a key it
/// proves that key; without, it uses the server's own.
///
/// # Errors
/// [`Error::NotFound`] for an unknown destination; when anything does not answer. That, too, is noted as a rehearsal that failed.
pub async fn rehearse(
    app: &App,
    name: &str,
    key: Option<&SealIdentity>,
    folder: &Path,
    watch: impl FnMut(&Restored),
) -> Result<Rehearsed, Error> {
    let all = app.database().read_fresh().await?.destination_list().await?;
    let found = all.into_iter().find(|found| found.name == name).ok_or(Error::NotFound("destination"))?;
    let target = app.target(name).ok_or(Error::NotFound("destination"))?;
    let at = app.now();
    let begun = Instant::now();
    let outcome = run(app, target, &found, key, folder, watch).await;
    let drill = match &outcome {
        Ok(good) => Drill { at, ok: good.is_good(), seconds: good.seconds, of: good.of, note: told(good) },
        Err(error) => Drill { at, ok: false, seconds: begun.elapsed().as_secs(), of: None, note: error.story() },
    };
    note(app, &found, &drill).await?;
    outcome
}

async fn note(app: &App, destination: &Destination, drill: &Drill) -> Result<(), Error> {
    let mut write = app.database().write().await?;
    write.destination_drilled(destination.id, drill).await?;
    Ok(write.commit().await?)
}

fn told(found: &Rehearsed) -> String {
    let Rehearsed { restored, same, different, newer, .. } = found;
    if found.is_good() {
        format!("{same} objects came back as they were; {newer} are newer than the catalogue")
    } else {
        format!("{} objects are missing there and {different} are not what they were", restored.missing)
    }
}

async fn run(
    app: &App,
    target: &Target,
    destination: &Destination,
    key: Option<&SealIdentity>,
    folder: &Path,
    watch: impl FnMut(&Restored),
) -> Result<Rehearsed, Error> {
    let begun = Instant::now();
    let backup = target.backup();
    let catalogue = super::newest(backup, None).await?;
    let place = Place::Sqlite(folder.join("picup.db"));
    let manifest = super::database(backup, &catalogue, key, &place, folder).await?;
    let database =
        Database::open(&picup_database::Settings::sqlite(folder.join("picup.db")), Default::default()).await?;
    let store = Storage::open(Settings::files(folder.join("objects")), picup_storage::Metrics::default()).await?;
    require_room(app, destination, &store, folder).await?;
    let known = database.read_fresh().await?.destination_list().await?;
    let destination = known.iter().find(|known| known.name == manifest.destination);
    let server_key = manifest.server_key()?;
    let source = Source { backup, key, server_key: server_key.as_ref(), destination, sealed: manifest.sealed };
    let restored = super::objects(source, &database, &store, watch).await?;
    let of = Timestamp::from_micros(manifest.made_at);
    let seconds = begun.elapsed().as_secs().max(1);
    let mut found = Rehearsed { restored, of: Some(of), seconds, ..Rehearsed::default() };
    compare(app, &database, &store, &mut found).await?;
    database.close().await;
    Ok(found)
}

/// A disk that a rehearsal has filled could take no photo meanwhile.
async fn require_room(app: &App, destination: &Destination, store: &Storage, folder: &Path) -> Result<(), Error> {
    let counts = app.database().read_fresh().await?.copy_counts(destination.id).await?;
    let kept = counts.iter().find(|count| count.state == CopyState::Kept).map_or(0, |count| count.bytes);
    let Some(space) = store.space().await? else { return Ok(()) };
    let free = space.free.saturating_sub(space.kept);
    if free >= kept {
        return Ok(());
    }
    let [free, kept] = [free, kept].map(|bytes| ByteSize::new(bytes).unwrap_or_default());
    let folder = folder.display();
    Err(Error::Backup(format!(
        "it takes {kept}, and there is room for {free} in {folder}; rehearse with: picup backup drill --into DIR"
    )))
}

/// Reads everything that came back once more, and compares it with what this PicUp, not the one that came back, has recorded.
async fn compare(app: &App, there: &Database, store: &Storage, found: &mut Rehearsed) -> Result<(), Error> {
    let mut after = String::new();
    loop {
        let page = app.database().read_fresh().await?.object_page(&after, PAGE).await?;
        let Some(last) = page.last() else { return Ok(()) };
        after = last.key.to_string();
        let counted = page.into_iter().filter(|object| object.state == ObjectState::Committed);
        let work = stream::iter(counted).map(|object| async move {
            let known = there.read_fresh().await?.object_by_key(&object.key).await?;
            if known.is_none_or(|known| known.state != ObjectState::Committed) {
                return Ok((object, Compared::Newer));
            }
            Ok::<_, Error>(match store.hash(&object.key).await {
                Ok(hashes) if Some(hashes.sha256) == object.sha256 => (object, Compared::Same),
                // Told as missing already.
                Err(picup_storage::Error::NotFound(_)) => (object, Compared::Missing),
                Ok(_) | Err(_) => (object, Compared::Different),
            })
        });
        let compared: Vec<Result<(Object, Compared), Error>> = work.buffer_unordered(AT_ONCE).collect().await;
        for one in compared {
            let (object, compared) = one?;
            match compared {
                Compared::Same => found.same += 1,
                Compared::Different => found.different += 1,
                Compared::Missing => {}
                Compared::Newer => {
                    found.newer += 1;
                    found.newer_bytes += object.bytes.get();
                }
            }
        }
    }
}

enum Compared {
    Same,
    Different,
    Missing,
    Newer,
}
