//! Which films are the moving parts of live photos.
//!
//! Halves have the same name but for its ending, in the same folder: `IMG_1234.HEIC` and `IMG_1234.MOV`. A name alone proves
//! nothing, since cameras number photos and films from the same counter. So:
//! - PicUp's own notes are believed: they name the film, or say that there is none;
//! - where both halves have Apple's content identifier, they belong together when it is the same, and not when it differs;
//! - else (another program has removed one) they do when the film is as short as a live photo's always is.
//!
//! Motion photos of Samsung and Google are one file and stay one.

use std::collections::{HashMap, HashSet};
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use super::{identity, own, read_json};
use crate::client::walk::Found;

/// Apple's films last up to three seconds, and a frame or two.
const LONGEST_SECONDS: f64 = 3.6;
/// Endings of stills, the likelier half first: what an iPhone took comes before the copy that a program made of it.
const STILLS: [&str; 4] = ["heic", "heif", "jpg", "jpeg"];
const FILMS: [&str; 2] = ["mov", "mp4"];

/// One item to be: the file itself, its film, its notes.
pub(super) type Joined = (Found, Option<Found>, Vec<PathBuf>);

/// Joins the halves among the files of one folder, keeping their order. Blocks.
pub(super) fn join(files: Vec<(Vec<PathBuf>, Found)>) -> Vec<Joined> {
    let mut by_stem: HashMap<OsString, (Vec<usize>, Vec<usize>)> = HashMap::new();
    for (number, (notes, found)) in files.iter().enumerate() {
        let ending = ending(&found.path);
        let stem = || found.path.file_stem().unwrap_or_default().to_ascii_lowercase();
        if FILMS.contains(&ending.as_str()) {
            by_stem.entry(stem()).or_default().1.push(number);
        } else if STILLS.contains(&ending.as_str()) || notes.first().is_some_and(|note| own::is_own(note)) {
            by_stem.entry(stem()).or_default().0.push(number);
        }
    }
    let mut film_of: HashMap<usize, usize> = HashMap::new();
    for (mut stills, films) in by_stem.into_values().filter(|(stills, films)| !stills.is_empty() && !films.is_empty()) {
        stills.sort_by_key(|number| STILLS.iter().position(|still| *still == ending(&files[*number].1.path)));
        for film in films {
            let free = stills.iter().filter(|still| !film_of.contains_key(still));
            let judged = free.map(|still| (judge(&files[*still], &files[film].1.path), *still));
            // The first of the surest: `max_by_key` gives the last.
            let best = judged.rev().max_by_key(|(verdict, _)| *verdict);
            if let Some((Verdict::Likely | Verdict::Sure, still)) = best {
                film_of.insert(still, film);
            }
        }
    }
    let taken: HashSet<usize> = film_of.values().copied().collect();
    let mut films: HashMap<usize, Found> = HashMap::new();
    let mut rest = Vec::new();
    for (number, file) in files.into_iter().enumerate() {
        if taken.contains(&number) {
            films.insert(number, file.1);
        } else {
            rest.push((number, file));
        }
    }
    let film = |number: usize, films: &mut HashMap<usize, Found>| films.remove(film_of.get(&number)?);
    rest.into_iter().map(|(number, (notes, found))| (found, film(number, &mut films), notes)).collect()
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Verdict {
    No,
    Likely,
    Sure,
}

fn judge((notes, still): &(Vec<PathBuf>, Found), film: &Path) -> Verdict {
    let notes = notes.first().filter(|note| own::is_own(note));
    if let Some(sidecar) = notes.and_then(|note| own::parse(&read_json(note).ok()?)) {
        let named =
            sidecar.motion.is_some_and(|motion| film.file_name().is_some_and(|name| name == motion.file.as_str()));
        return if named { Verdict::Sure } else { Verdict::No };
    }
    let Some(told) = identity::of_film(film) else { return Verdict::No };
    match (identity::of_still(&still.path), told.identifier) {
        (Some(still), Some(film)) if still == film => Verdict::Sure,
        (Some(_), Some(_)) => Verdict::No,
        _ if told.seconds.is_some_and(|seconds| seconds <= LONGEST_SECONDS) => Verdict::Likely,
        _ => Verdict::No,
    }
}

fn ending(path: &Path) -> String {
    path.extension().map(|ending| ending.to_string_lossy().to_ascii_lowercase()).unwrap_or_default()
}
