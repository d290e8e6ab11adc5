//! Finds what is to be imported in a folder, and says of everything else why it is not.
//!
//! What a file is, is judged here by its name alone: the server looks at the bytes. Links are not followed (they could lead
//! in circles, or out of the folder), and the order is that of the names, so that two runs over the same folder do the same.
//! What belongs together is then found by [`super::source`].

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use walkdir::{DirEntry, WalkDir};

use super::source::{Item, items, own};

/// Names of photos and videos, in lower case.
const MEDIA: [&str; 62] = [
    "jpg", "jpeg", "jpe", "jfif", "png", "apng", "gif", "webp", "heic", "heif", "hif", "avif", "jxl", "bmp", "tif",
    "tiff", "jp2", "j2k", "psd", "mpo", "jps", "insp", "dng", "cr2", "cr3", "crw", "nef", "nrw", "arw", "srf", "sr2",
    "raf", "rw2", "raw", "orf", "pef", "x3f", "srw", "3fr", "fff", "iiq", "erf", "mrw", "gpr", "kdc", "dcr", "mp4",
    "mov", "qt", "m4v", "webm", "mkv", "avi", "3gp", "3g2", "mpg", "mpeg", "wmv", "flv", "ogv", "insv", "lrv",
];
/// Camcorder streams, which share their ending with nothing else worth importing.
const STREAMS: [&str; 2] = ["mts", "m2ts"];
/// What other programs put beside photos.
const SIDECARS: [&str; 9] = ["json", "xmp", "aae", "thm", "xml", "txt", "csv", "html", "ini"];
/// Those of them that may tell something; read by [`super::source`].
const NOTES: [&str; 2] = ["json", "xmp"];
/// Folders and files that systems make for themselves.
pub(super) const SYSTEM: [&str; 7] =
    ["@eadir", "$recycle.bin", "system volume information", "#recycle", "lost+found", "thumbs.db", "desktop.ini"];

/// A file to import.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Found {
    /// Where it is.
    pub(super) path: PathBuf,
    /// Its size when it was found.
    pub(super) bytes: u64,
}

/// Why a file is left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Skip {
    /// Its name, or that of a folder it is in, begins with a dot.
    Hidden,
    /// A system keeps it for itself.
    System,
    /// It only points elsewhere.
    Link,
    /// A pipe, a socket or a device.
    Special,
    /// Other programs' notes about a photo.
    Sidecar,
    /// Its name is not that of a photo or video.
    NotMedia,
    /// It has no bytes.
    Empty,
    /// The program it comes from had it in its trash.
    Trashed,
}

impl fmt::Display for Skip {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Hidden => "hidden",
            Self::System => "kept by a system for itself",
            Self::Link => "symbolic links (not followed)",
            Self::Special => "not regular files",
            Self::Sidecar => "sidecar files (.json, .xmp and the like)",
            Self::NotMedia => "not photos or videos by their names",
            Self::Empty => "empty",
            Self::Trashed => "in the trash of the program they come from",
        })
    }
}

/// All that was seen.
#[derive(Debug, Default)]
pub(super) struct Walk {
    /// What is to be imported, in the order of names.
    pub(super) items: Vec<Item>,
    /// How many were left out, by reason.
    pub(super) skipped: BTreeMap<Skip, u64>,
    /// Those left out that have the name of a photo or video, and nobody else's reason to be there.
    pub(super) media_skipped: Vec<PathBuf>,
    /// What could not be looked at, with the reason.
    pub(super) unreadable: Vec<(PathBuf, String)>,
}

/// Files on the way to becoming items.
#[derive(Default)]
struct Files {
    media: Vec<Found>,
    notes: Vec<PathBuf>,
}

impl Walk {
    /// The files to import: one for each item, and one more for each film of a live photo.
    pub(super) fn files(&self) -> impl Iterator<Item = &Found> {
        self.items.iter().flat_map(|item| std::iter::once(&item.main).chain(&item.moving))
    }
}

/// Looks through `root`, a folder or a single file. Blocks.
pub(super) fn walk(root: &Path) -> Walk {
    let mut walk = Walk::default();
    let mut files = Files::default();
    for entry in WalkDir::new(root).follow_links(false).sort_by_file_name() {
        match entry {
            Ok(entry) if entry.file_type().is_dir() => {}
            Ok(entry) => sort_in(&mut walk, &mut files, root, &entry),
            Err(error) => {
                let path = error.path().unwrap_or(root).to_owned();
                let reason = error.io_error().map_or_else(|| error.to_string(), ToString::to_string);
                walk.unreadable.push((path, reason));
            }
        }
    }
    walk.items = items(files.media, files.notes);
    // Archives of one Takeout were brought together.
    walk.items.sort_by(|one, other| one.main.path.cmp(&other.main.path));
    walk
}

fn sort_in(walk: &mut Walk, files: &mut Files, root: &Path, entry: &DirEntry) {
    let inside = entry.path().strip_prefix(root).unwrap_or(entry.path());
    // What PicUp has exported with notes was an asset, whatever it is called.
    let exported = |skip: &Skip| {
        matches!(skip, Skip::NotMedia | Skip::Sidecar)
            && own::beside(entry.path()).is_file()
            && !own::is_own(entry.path())
    };
    if let Some(skip) = by_name(inside, entry).filter(|skip| !exported(skip)) {
        *walk.skipped.entry(skip).or_default() += 1;
        if matches!(skip, Skip::Hidden | Skip::Link) && is_media(&ending(entry.path())) {
            walk.media_skipped.push(entry.path().to_owned());
        }
        if skip == Skip::Sidecar && NOTES.contains(&ending(entry.path()).as_str()) {
            files.notes.push(entry.path().to_owned());
        }
        return;
    }
    match entry.metadata() {
        Ok(metadata) if metadata.len() == 0 => {
            *walk.skipped.entry(Skip::Empty).or_default() += 1;
            walk.media_skipped.push(entry.path().to_owned());
        }
        Ok(metadata) => files.media.push(Found { path: entry.path().to_owned(), bytes: metadata.len() }),
        Err(error) => {
            let reason = error.io_error().map_or_else(|| error.to_string(), ToString::to_string);
            walk.unreadable.push((entry.path().to_owned(), reason));
        }
    }
}

fn by_name(inside: &Path, entry: &DirEntry) -> Option<Skip> {
    let names = || inside.components().map(|part| part.as_os_str().to_string_lossy().to_lowercase());
    if names().any(|name| SYSTEM.contains(&name.as_str())) {
        return Some(Skip::System);
    }
    if names().any(|name| name.starts_with('.')) {
        return Some(Skip::Hidden);
    }
    if entry.path_is_symlink() {
        return Some(Skip::Link);
    }
    if !entry.file_type().is_file() {
        return Some(Skip::Special);
    }
    let ending = ending(entry.path());
    let ending = ending.as_str();
    if is_media(ending) {
        None
    } else if SIDECARS.contains(&ending) {
        Some(Skip::Sidecar)
    } else {
        Some(Skip::NotMedia)
    }
}

fn is_media(ending: &str) -> bool {
    MEDIA.contains(&ending) || STREAMS.contains(&ending)
}

fn ending(path: &Path) -> String {
    path.extension().map(|ending| ending.to_string_lossy().to_lowercase()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;

    fn put(root: &Path, name: &str, bytes: &[u8]) {
        let path = root.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }

    #[test]
    fn media_is_found_in_order_and_the_rest_has_its_reason() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path();
        for name in ["b/2.JPG", "b/1.heic", "a.mp4", "c.MTS", "z.Mov"] {
            put(root, name, b"x");
        }
        put(root, "empty.jpg", b"");
        put(root, ".hidden.jpg", b"x");
        put(root, ".cache/deep/1.jpg", b"x");
        put(root, "@eaDir/1.jpg", b"x");
        put(root, "Thumbs.db", b"x");
        put(root, "b/2.JPG.json", b"x");
        put(root, "b/2.xmp", b"x");
        put(root, "notes.pdf", b"x");
        put(root, "no_ending", b"x");
        symlink(root.join("a.mp4"), root.join("link.mp4")).unwrap();
        symlink(root, root.join("circle")).unwrap();

        let walk = walk(root);
        let names: Vec<_> =
            walk.files().map(|found| found.path.strip_prefix(root).unwrap().to_str().unwrap()).collect();
        assert_eq!(names, ["a.mp4", "b/1.heic", "b/2.JPG", "c.MTS", "z.Mov"]);
        let expected = [
            (Skip::Hidden, 2),
            (Skip::System, 2),
            (Skip::Link, 2),
            (Skip::Sidecar, 2),
            (Skip::NotMedia, 2),
            (Skip::Empty, 1),
        ];
        assert_eq!(walk.skipped, BTreeMap::from(expected));
        assert!(walk.unreadable.is_empty());
    }

    #[test]
    fn the_folder_itself_may_be_hidden_and_a_single_file_will_do() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().join(".private");
        put(&root, "1.jpg", b"x");
        assert_eq!(walk(&root).items.len(), 1);
        assert_eq!(walk(&root.join("1.jpg")).items.len(), 1);
    }

    #[test]
    fn what_picup_has_exported_comes_back_whatever_it_is_called() {
        let dir = tempfile::tempdir().unwrap();
        for name in ["notes.pdf", "notes.pdf.picup.json", "a.txt", "a.txt.picup.json", "other.pdf"] {
            put(dir.path(), name, b"x");
        }
        let names: Vec<_> = walk(dir.path()).items.into_iter().map(|item| item.main.path).collect();
        assert_eq!(names, ["a.txt", "notes.pdf"].map(|name| dir.path().join(name)));
    }

    #[test]
    fn what_is_not_there_is_said() {
        let walk = walk(Path::new("/nonexistent/folder"));
        assert_eq!(walk.unreadable.len(), 1);
        assert!(walk.items.is_empty() && walk.skipped.is_empty());
    }

    #[test]
    fn pipes_are_not_opened() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("pipe.jpg");
        let _listener = std::os::unix::net::UnixListener::bind(&path).unwrap();
        assert_eq!(walk(dir.path()).skipped, BTreeMap::from([(Skip::Special, 1)]));
    }
}
