//! Makes items of what the walk has found: one for each asset to be, with its moving part and the notes that tell of it.
//!
//! Where photos come from is recognised by what lies beside them, not asked: a Google Takeout's JSON files, XMP sidecars of
//! Immich and others, PicUp's own notes. Notes are read when their photo's turn comes, so that a large folder takes no memory.

mod facts;
mod google;
mod google_names;
mod identity;
pub(super) mod own;
mod pair;
mod xmp;

use std::collections::HashMap;
use std::ffi::OsString;
use std::fs::{File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::fs::OFlags;
use serde_json::Value;

pub(super) use facts::{Facts, InAlbum, Spot, Taken};
use google::Google;
use google_names::Names;

use super::walk::Found;

#[cfg(test)]
pub(super) use identity::tests as samples;

/// No notes about one photo are longer; what is longer is something else.
const MOST_NOTES: u64 = 1 << 20;
/// So many files that belong to no photo are looked at in one folder, in search of the album's title.
const MOST_ALBUM_FILES: usize = 8;
/// What a Takeout calls its own folder, in every language.
const TAKEOUT: &str = "takeout";

/// One asset to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Item {
    /// The photo or video.
    pub(super) main: Found,
    /// A live photo's film.
    pub(super) moving: Option<Found>,
    /// Files that tell of it, the most trusted first.
    pub(super) notes: Vec<PathBuf>,
    /// The album whose folder it is in.
    pub(super) album: Option<Arc<str>>,
}

/// Everything that lies in one folder, or in the folders of that name in several archives of one Takeout.
#[derive(Debug, Default)]
struct Group {
    media: Vec<Found>,
    notes: Vec<PathBuf>,
}

/// Makes the items of media and notes; both come and go in the order of their names. Blocks: it looks into some files.
pub(super) fn items(media: Vec<Found>, notes: Vec<PathBuf>) -> Vec<Item> {
    let mut groups: HashMap<PathBuf, Group> = HashMap::new();
    let mut order = Vec::new();
    for found in media {
        let folder = logical(&found.path);
        let group = groups.entry(folder.clone()).or_insert_with(|| {
            order.push(folder);
            Group::default()
        });
        group.media.push(found);
    }
    for note in notes {
        // Notes in a folder without photos tell of nothing.
        if let Some(group) = groups.get_mut(&logical(&note)) {
            group.notes.push(note);
        }
    }
    order.into_iter().filter_map(|folder| groups.remove(&folder)).flat_map(of_group).collect()
}

/// The folder as the archive that it was in called it: archives of one Takeout, unpacked side by side, have the same folders.
fn logical(path: &Path) -> PathBuf {
    let folder = path.parent().unwrap_or(Path::new(""));
    let parts: Vec<_> = folder.components().collect();
    match parts.iter().rposition(|part| part.as_os_str().eq_ignore_ascii_case(TAKEOUT)) {
        Some(at) => Path::new("\0takeout").join(parts[at + 1..].iter().collect::<PathBuf>()),
        None => folder.to_owned(),
    }
}

fn of_group(group: Group) -> Vec<Item> {
    let mut names = Names::default();
    let mut beside: HashMap<OsString, usize> = HashMap::new();
    for (number, note) in group.notes.iter().enumerate() {
        let Some(name) = note.file_name() else { continue };
        beside.insert(name.to_ascii_lowercase(), number);
        let text = name.to_string_lossy();
        if !text.to_lowercase().ends_with(own::ENDING) {
            names.add(&text, number);
        }
    }
    let mut used = vec![false; group.notes.len()];
    let mut notes_of = |found: &Found| {
        let name = found.path.file_name().unwrap_or_default();
        let with = |ending: &str| {
            let mut whole = name.to_owned();
            whole.push(ending);
            beside.get(&whole.to_ascii_lowercase()).copied()
        };
        let mut stem = found.path.file_stem().unwrap_or_default().to_owned();
        stem.push(".xmp");
        let xmp = with(".xmp").or_else(|| beside.get(&stem.to_ascii_lowercase()).copied());
        let all = [with(own::ENDING), names.of(&name.to_string_lossy()), xmp];
        let all = all.into_iter().flatten().inspect(|number| used[*number] = true);
        all.map(|number| group.notes[number].clone()).collect::<Vec<_>>()
    };
    let noted: Vec<_> = group.media.into_iter().map(|found| (notes_of(&found), found)).collect();
    let album = album(group.notes.iter().zip(used).filter(|(_, used)| !used).map(|(note, _)| note.as_path()));
    pair::join(noted)
        .into_iter()
        .map(|(main, moving, notes)| Item { main, moving, notes, album: album.clone() })
        .collect()
}

/// The album of a folder, when one of these files names it.
fn album<'a>(files: impl Iterator<Item = &'a Path>) -> Option<Arc<str>> {
    let json = files.filter(|file| is_json(file)).take(MOST_ALBUM_FILES);
    json.filter_map(|file| match google::parse(&read_json(file).ok()?)? {
        Google::Album(title) if !google::is_year(&title) => Some(title.into()),
        _ => None,
    })
    .next()
}

/// Reads what the notes of an item tell; gives also what could not be read. Blocks.
pub(super) fn read(item: &Item) -> (Facts, Vec<String>) {
    let mut facts = Facts::default();
    let mut troubles = Vec::new();
    for note in &item.notes {
        match read_note(note) {
            Ok(more) => facts = facts.or(more),
            Err(reason) => troubles.push(format!("{}: {reason}", note.display())),
        }
    }
    if let Some(album) = &item.album {
        facts.add_album(InAlbum { title: album.to_string(), position: None });
    }
    (facts, troubles)
}

fn read_note(path: &Path) -> Result<Facts, String> {
    if !is_json(path) {
        let text = String::from_utf8(bounded(path)?).map_err(|_| "it is not in UTF-8".to_owned())?;
        return xmp::parse(text.trim_start_matches('\u{FEFF}')).ok_or_else(|| "it is not XMP".to_owned());
    }
    let json = read_json(path)?;
    if let Some(sidecar) = own::parse(&json) {
        return Ok(sidecar.facts());
    }
    match google::parse(&json) {
        Some(Google::Photo(facts)) => Ok(facts),
        // Another program's JSON is none of our business.
        Some(Google::Album(_)) | None => Ok(Facts::default()),
    }
}

fn is_json(path: &Path) -> bool {
    path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("json"))
}

fn read_json(path: &Path) -> Result<Value, String> {
    serde_json::from_slice(&bounded(path)?).map_err(|error| format!("it is not JSON: {error}"))
}

fn bounded(path: &Path) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    let file = open(path).map_err(|error| format!("cannot be read: {error}"))?;
    file.take(MOST_NOTES + 1).read_to_end(&mut bytes).map_err(|error| format!("cannot be read: {error}"))?;
    if bytes.len() as u64 > MOST_NOTES { Err("it is too long for notes".to_owned()) } else { Ok(bytes) }
}

/// Opens what was a file when the folder was walked; something else in its place by now (a pipe, say) is refused and not
/// waited for.
pub(super) fn open(path: &Path) -> io::Result<File> {
    let file = OpenOptions::new().read(true).custom_flags(OFlags::NONBLOCK.bits().cast_signed()).open(path)?;
    if file.metadata()?.is_file() { Ok(file) } else { Err(io::Error::other("it is not a file any more")) }
}

#[cfg(test)]
mod tests;
