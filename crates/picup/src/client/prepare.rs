//! Reads one item before it is sent: its notes, and the hashes of its files. Nothing here speaks with the server.

use std::path::Path;
use std::sync::Arc;

use jiff::tz::TimeZone;
use picup_api::wire;
use picup_domain::CaptureTime;

use super::hasher::Hasher;
use super::read::{Measured, ReadError, measure};
use super::source::{Facts, InAlbum, Item, Spot, Taken, read};
use super::state::State;

/// What reading a file gave; nothing when the run had stopped.
pub(super) type Reading = Option<Result<Measured, ReadError>>;

/// An item whose files have been read.
pub(super) struct Prepared {
    /// Its place among all items.
    pub(super) place: usize,
    /// What it is made of.
    pub(super) item: Item,
    /// The photo or video.
    pub(super) main: Reading,
    /// A live photo's film.
    pub(super) moving: Reading,
    /// The albums it goes into.
    pub(super) albums: Vec<InAlbum>,
    /// Whether it lay in the trash of the program it comes from.
    pub(super) trashed: bool,
    /// What could not be read of its notes.
    pub(super) troubles: Vec<String>,
}

impl Prepared {
    /// An item of which nothing has been read, because the run has stopped.
    pub(super) fn left(place: usize, item: Item) -> Self {
        Self { place, item, main: None, moving: None, albums: Vec::new(), trashed: false, troubles: Vec::new() }
    }
}

/// What the server is told of a file beside its bytes.
#[derive(Debug, Clone, Default)]
pub(super) struct Told {
    /// The name it came with, when its notes know another than its file has.
    pub(super) file_name: Option<String>,
    /// When it was taken, as its notes say.
    pub(super) captured_at: Option<String>,
    /// The same, when its owner said so against what the file says.
    pub(super) edited: Option<wire::CapturedEdit>,
    /// Where it was taken, as its notes say.
    pub(super) place: Option<wire::Place>,
    /// Whether its owner marked it.
    pub(super) favourite: bool,
    /// What its owner wrote about it.
    pub(super) description: Option<String>,
    /// The asset that these bytes are the film of.
    pub(super) motion_of: Option<uuid::Uuid>,
}

impl Told {
    fn new(facts: &Facts, zone: Option<&TimeZone>) -> Self {
        let place =
            |spot: Spot| wire::Place { latitude: spot.latitude, longitude: spot.longitude, altitude: spot.altitude };
        Self {
            file_name: facts.file_name.clone(),
            captured_at: facts.taken.and_then(|taken| taken.rfc3339(zone)),
            edited: facts.taken.filter(|_| facts.edited).and_then(edited),
            place: facts.spot.map(place),
            favourite: facts.favourite,
            description: facts.description.clone(),
            motion_of: None,
        }
    }
}

/// A wall time as the API takes its owner's word: to the second. One that it would refuse is told as any other.
fn edited(taken: Taken) -> Option<wire::CapturedEdit> {
    let Taken::Wall(wall, offset) = taken else { return None };
    let local = wall.strftime("%Y-%m-%dT%H:%M:%S").to_string();
    let offset_minutes = offset.and_then(|seconds| i16::try_from(seconds / 60).ok());
    CaptureTime::edited(&local, offset_minutes).ok()?;
    Some(wire::CapturedEdit { local, offset_minutes })
}

/// Reads items.
#[derive(Clone)]
pub(super) struct Preparer {
    /// Reads and hashes.
    pub(super) hasher: Hasher,
    /// What earlier runs have hashed.
    pub(super) state: Option<Arc<State>>,
    /// Where this machine is, when it knows.
    pub(super) zone: Option<TimeZone>,
}

impl Preparer {
    /// Reads an item.
    pub(super) async fn prepare(&self, place: usize, item: Item) -> Prepared {
        let (item, facts, troubles) = self.notes(item).await;
        let mut prepared = Prepared::left(place, item);
        (prepared.albums, prepared.trashed, prepared.troubles) = (facts.albums.clone(), facts.trashed, troubles);
        if facts.trashed {
            return prepared;
        }
        let mut main = self.measure(&prepared.item.main.path).await;
        if let Ok(main) = &mut main {
            main.told = Told::new(&facts, self.zone.as_ref());
        }
        prepared.main = Some(main);
        if let Some(moving) = &prepared.item.moving {
            let mut film = self.measure(&moving.path).await;
            if let Ok(film) = &mut film {
                film.told.file_name.clone_from(&facts.film_name);
            }
            prepared.moving = Some(film);
        }
        prepared
    }

    async fn notes(&self, item: Item) -> (Item, Facts, Vec<String>) {
        if item.notes.is_empty() && item.album.is_none() {
            return (item, Facts::default(), Vec::new());
        }
        let kept = item.clone();
        let read = self.hasher.block(move || {
            let (facts, troubles) = read(&item);
            (item, facts, troubles)
        });
        read.await.unwrap_or_else(|error| (kept, Facts::default(), vec![error.to_string()]))
    }

    async fn measure(&self, path: &Path) -> Result<Measured, ReadError> {
        let Some(state) = self.state.clone() else { return self.hasher.measure(path.to_owned(), None).await };
        let path = path.to_owned();
        let measured = self.hasher.block(move || match Measured::recall(&path, |mark| state.recall(&path, mark)) {
            Some(recalled) => Ok(recalled),
            None => measure(&path, None),
        });
        measured.await?
    }

    /// Remembers a file that the server has.
    pub(super) fn remember(&self, file: &Measured) {
        if let Some(state) = &self.state {
            state.remember(&file.path, file.mark, file.sha256);
        }
    }
}
