//! Which file of which photo gets which name in which folder.
//!
//! Names are the same in every run: a photo whose notes stand in the folder keeps the name it has there, and others get
//! theirs in the order of their capture times, with a number where the name is taken, by a photo of ours or by a file that
//! is none of ours. Blocks: it looks into the folder.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::super::source::own;
use super::By;
use super::disk::{Disk, Stand, Standing};
use super::folder::Folder;
use super::names;
use super::photo::Photo;

/// The folder of what is in no album.
const NO_ALBUM: &str = "No album";
/// So many photos of one name in one folder.
const MOST_NUMBERS: usize = 1_000_000;

/// One photo in one folder.
#[derive(Debug)]
pub(super) struct Task {
    /// The photo.
    pub(super) photo: Arc<Photo>,
    /// The folder, below that of the export.
    pub(super) place: PathBuf,
    /// The name of its file there.
    pub(super) name: String,
    /// The name of its film there.
    pub(super) film: Option<String>,
    /// Whether notes of ours say that these names are its own: what stands there is ours, changed or not.
    pub(super) noted: bool,
}

/// All of an export.
#[derive(Debug, Default)]
pub(super) struct Plan {
    /// What is to be done.
    pub(super) tasks: Vec<Task>,
    /// Folders that cannot be used, with the number of files for them and the reason.
    pub(super) failed: Vec<(PathBuf, u64, String)>,
}

/// Sorts photos into folders. `only` are the titles of the albums that are asked for, when not all are.
pub(super) fn places(
    photos: Vec<Photo>,
    by: By,
    only: &HashSet<String>,
    albums: &[String],
) -> BTreeMap<PathBuf, Vec<Arc<Photo>>> {
    let mut places: BTreeMap<PathBuf, Vec<Arc<Photo>>> = BTreeMap::new();
    // Albums whose titles make the same name share a folder, called as the first of them.
    let mut folders: HashMap<String, String> = HashMap::new();
    for title in albums.iter().map(String::as_str).chain([NO_ALBUM]) {
        let name = names::safe(title);
        folders.entry(names::key(&name)).or_insert(name);
    }
    let folder = |title: &str| {
        let name = names::safe(title);
        PathBuf::from(folders.get(&names::key(&name)).cloned().unwrap_or(name))
    };
    for photo in photos {
        let photo = Arc::new(photo);
        let mut wanted: Vec<PathBuf> = match by {
            By::Date => vec![photo.month()],
            By::Album => {
                let titles = photo.albums.iter().map(|album| &album.title);
                titles.filter(|title| only.is_empty() || only.contains(*title)).map(|title| folder(title)).collect()
            }
        };
        if wanted.is_empty() {
            wanted.push(folder(NO_ALBUM));
        }
        wanted.sort_unstable();
        wanted.dedup();
        for place in wanted {
            places.entry(place).or_default().push(Arc::clone(&photo));
        }
    }
    places
}

/// Gives every photo its names.
pub(super) fn plan(disk: &Disk, places: BTreeMap<PathBuf, Vec<Arc<Photo>>>) -> Plan {
    let mut plan = Plan::default();
    for (place, mut photos) in places {
        photos.sort_by_key(|photo| (photo.wall, photo.id));
        match of_place(disk, &place, &photos) {
            Ok(tasks) => plan.tasks.extend(tasks),
            Err(error) => {
                let files = photos.iter().map(|photo| 1 + u64::from(photo.film.is_some())).sum();
                plan.failed.push((place, files, error.to_string()));
            }
        }
    }
    plan
}

fn of_place(disk: &Disk, place: &Path, photos: &[Arc<Photo>]) -> io::Result<Vec<Task>> {
    let folder = disk.folder(place, false)?;
    let mut room = Room { disk, place, folder, standing: HashMap::new(), taken: HashSet::new() };
    let Standing { names, noted } = disk.standing(place)?;
    room.standing = names.into_iter().map(|name| (names::key(&name), name)).collect();
    let mut kept: HashMap<usize, Task> = HashMap::new();
    let mut by_hash: HashMap<String, Vec<usize>> = HashMap::new();
    for (at, photo) in photos.iter().enumerate() {
        by_hash.entry(photo.still.sha256.to_string()).or_default().push(at);
    }
    for (name, notes) in noted {
        let same = by_hash.get(&notes.sha256).map(Vec::as_slice).unwrap_or_default();
        let Some(at) = same.iter().copied().find(|at| !kept.contains_key(at)) else { continue };
        let film = photos[at].film.as_ref().map(|film| names::film(&name, &film.file_name));
        let same_film = notes.motion.map(|motion| motion.file) == film;
        if room.keep(&name, film.as_deref(), same_film, &photos[at])? {
            let photo = Arc::clone(&photos[at]);
            kept.insert(at, Task { photo, place: place.to_owned(), name, film, noted: true });
        }
    }
    let mut tasks = Vec::with_capacity(photos.len());
    for (at, photo) in photos.iter().enumerate() {
        match kept.remove(&at) {
            Some(task) => tasks.push(task),
            None => tasks.push(room.name(photo)?),
        }
    }
    Ok(tasks)
}

/// The names of one folder.
struct Room<'a> {
    disk: &'a Disk,
    place: &'a Path,
    folder: Option<Folder>,
    /// What stands there, by key.
    standing: HashMap<String, String>,
    /// What has been given away, by key.
    taken: HashSet<String>,
}

impl Room<'_> {
    /// Keeps the names that notes of ours give a photo, when that can be.
    fn keep(&mut self, name: &str, film: Option<&str>, same_film: bool, photo: &Photo) -> io::Result<bool> {
        if !self.is_file(name)? || [Some(name), film].into_iter().flatten().any(|name| self.is_taken(name)) {
            return Ok(false);
        }
        if let (Some(film), Some(content)) = (film, &photo.film)
            && !(if same_film { self.is_file(film)? } else { self.suits(film, content)? })
        {
            return Ok(false);
        }
        self.take(name, film);
        Ok(true)
    }

    /// Finds names for a photo that has none here.
    fn name(&mut self, photo: &Arc<Photo>) -> io::Result<Task> {
        let wanted = names::safe(&photo.still.file_name);
        for number in 1..MOST_NUMBERS {
            let name = names::numbered(&wanted, number);
            let film = photo.film.as_ref().map(|film| names::film(&name, &film.file_name));
            let notes = names::key(&format!("{name}{}", own::ENDING));
            if self.standing.contains_key(&notes) || self.is_taken(&name) || !self.suits(&name, &photo.still)? {
                continue;
            }
            if let (Some(film), Some(content)) = (&film, &photo.film)
                && (self.is_taken(film) || !self.suits(film, content)?)
            {
                continue;
            }
            self.take(&name, film.as_deref());
            return Ok(Task { photo: Arc::clone(photo), place: self.place.to_owned(), name, film, noted: false });
        }
        Err(io::Error::other("too many files of one name"))
    }

    fn is_taken(&self, name: &str) -> bool {
        self.taken.contains(&names::key(name))
    }

    fn take(&mut self, name: &str, film: Option<&str>) {
        self.taken.insert(names::key(name));
        self.taken.insert(names::key(&format!("{name}{}", own::ENDING)));
        self.taken.extend(film.map(names::key));
    }

    /// Whether under a name nothing stands, or a file.
    fn is_file(&self, name: &str) -> io::Result<bool> {
        let (Some(folder), Some(_)) = (&self.folder, self.standing.get(&names::key(name))) else { return Ok(true) };
        Ok(!matches!(folder.look(name)?, super::folder::Stands::Other))
    }

    /// Whether a name is free, or has that content already.
    fn suits(&self, name: &str, content: &super::photo::Content) -> io::Result<bool> {
        match (&self.folder, self.standing.get(&names::key(name))) {
            (Some(folder), Some(standing)) => {
                Ok(standing == name
                    && matches!(self.disk.stand(folder, self.place, name, content)?, Stand::Right { .. }))
            }
            _ => Ok(true),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::super::photo::tests::asset;
    use super::*;

    fn photo(number: u128, name: &str, content: &[u8]) -> Photo {
        Photo::new(asset(number, name, content), Vec::new()).unwrap()
    }

    fn named(dir: &Path, photos: Vec<Photo>) -> Vec<(u128, String)> {
        let disk = Disk::open(dir, false, false).unwrap();
        let plan = plan(&disk, places(photos, By::Date, &HashSet::new(), &[]));
        assert!(plan.failed.is_empty(), "{:?}", plan.failed);
        plan.tasks.iter().map(|task| (task.photo.id.as_u128(), task.name.clone())).collect()
    }

    fn pairs(expected: &[(u128, &str)]) -> Vec<(u128, String)> {
        expected.iter().map(|(number, name)| (*number, (*name).to_owned())).collect()
    }

    #[test]
    fn names_are_numbered_in_order_and_foreign_files_keep_theirs() {
        let dir = tempfile::tempdir().unwrap();
        let month = dir.path().join("2024/2024-05");
        fs::create_dir_all(&month).unwrap();
        let photos = || vec![photo(2, "A.JPG", b"two"), photo(1, "a.jpg", b"one"), photo(3, "b.jpg", b"three")];
        assert_eq!(named(dir.path(), photos()), pairs(&[(1, "a.jpg"), (2, "A (2).JPG"), (3, "b.jpg")]));

        fs::write(month.join("a.jpg"), b"foreign").unwrap();
        symlink("/etc/passwd", month.join("b.jpg")).unwrap();
        assert_eq!(named(dir.path(), photos()), pairs(&[(1, "a (2).jpg"), (2, "A (3).JPG"), (3, "b (2).jpg")]));

        // One that stands there whole without its notes, as a kill leaves it, is taken for what it is.
        fs::write(month.join("A (2).JPG"), b"two").unwrap();
        assert_eq!(named(dir.path(), photos())[..2], pairs(&[(1, "a (3).jpg"), (2, "A (2).JPG")]));
    }

    #[test]
    fn what_has_notes_keeps_its_name_whoever_comes_before() {
        let dir = tempfile::tempdir().unwrap();
        let month = dir.path().join("2024/2024-05");
        fs::create_dir_all(&month).unwrap();
        let old = photo(5, "a.jpg", b"old");
        fs::write(month.join("a.jpg.picup.json"), serde_json::to_vec(&old.notes(None)).unwrap()).unwrap();
        let names = named(dir.path(), vec![photo(1, "a.jpg", b"new"), old]);
        assert_eq!(names, pairs(&[(1, "a (2).jpg"), (5, "a.jpg")]));
    }

    #[test]
    fn a_link_is_no_folder() {
        let dir = tempfile::tempdir().unwrap();
        let elsewhere = tempfile::tempdir().unwrap();
        symlink(elsewhere.path(), dir.path().join("2024")).unwrap();
        let disk = Disk::open(dir.path(), false, false).unwrap();
        let plan = plan(&disk, places(vec![photo(1, "a.jpg", b"x")], By::Date, &HashSet::new(), &[]));
        assert!(plan.tasks.is_empty());
        assert!(plan.failed[0].2.contains("links are not followed"), "{:?}", plan.failed);
        assert_eq!(fs::read_dir(elsewhere.path()).unwrap().count(), 0);
    }

    #[test]
    fn a_second_export_into_the_folder_is_refused_meanwhile() {
        let dir = tempfile::tempdir().unwrap();
        let held = Disk::open(dir.path(), false, false).unwrap();
        assert!(Disk::open(dir.path(), false, false).is_err());
        drop(held);
        assert!(Disk::open(dir.path(), false, false).is_ok());
    }
}
