//! Folders as other programs leave them, and the items they become.

use std::fs;
use std::path::Path;

use serde_json::json;

use super::*;
use crate::client::walk::walk;
use identity::tests::{a_film, a_still};

fn put(root: &Path, name: &str, bytes: impl AsRef<[u8]>) {
    let path = root.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, bytes).unwrap();
}

fn google(seconds: u64) -> String {
    json!({"title": "x", "photoTakenTime": {"timestamp": seconds.to_string()}}).to_string()
}

/// Each item as `name[+film][@album][ time]`.
fn told(root: &Path) -> Vec<String> {
    let name = |found: &Found| found.path.strip_prefix(root).unwrap().to_string_lossy().into_owned();
    let line = |item: &Item| {
        let (facts, troubles) = read(item);
        assert_eq!(troubles, Vec::<String>::new());
        let film = item.moving.as_ref().map(|film| format!("+{}", film.path.file_name().unwrap().to_string_lossy()));
        let album = facts.albums.first().map(|album| format!("@{}", album.title));
        let time = facts.taken.and_then(|taken| taken.rfc3339(None)).map(|time| format!(" {time}"));
        format!(
            "{}{}{}{}",
            name(&item.main),
            film.unwrap_or_default(),
            album.unwrap_or_default(),
            time.unwrap_or_default()
        )
    };
    walk(root).items.iter().map(line).collect()
}

#[test]
fn a_takeout_in_two_archives_and_two_languages() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path();
    put(root, "a/Takeout/Google Fotos/Fotos von 2024/IMG_1.jpg", "one");
    put(root, "b/Takeout/Google Fotos/Fotos von 2024/IMG_1.jpg.supplemental-metadata.json", google(1));
    put(root, "a/Takeout/Google Fotos/Fotos von 2024/IMG_1-bearbeitet.jpg", "one, edited");
    put(
        root,
        "a/Takeout/Google Fotos/Fotos von 2024/metadata.json",
        json!({"title": "Fotos von 2024", "date": {}}).to_string(),
    );
    put(root, "b/Takeout/Google Fotos/Lissabon/IMG_1.jpg", "one");
    put(
        root,
        "a/Takeout/Google Fotos/Lissabon/Metadaten.json",
        json!({"title": "Lissabon!", "access": "protected"}).to_string(),
    );
    put(root, "b/Takeout/Google Fotos/Lissabon/IMG_1.jpg.json", google(2));
    let expected = [
        "a/Takeout/Google Fotos/Fotos von 2024/IMG_1-bearbeitet.jpg 1970-01-01T00:00:01Z",
        "a/Takeout/Google Fotos/Fotos von 2024/IMG_1.jpg 1970-01-01T00:00:01Z",
        "b/Takeout/Google Fotos/Lissabon/IMG_1.jpg@Lissabon! 1970-01-01T00:00:02Z",
    ];
    assert_eq!(told(root), expected);
}

#[test]
fn halves_of_live_photos_are_told_by_their_identifiers() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path();
    // The same identifier.
    put(root, "1.JPG", a_still(Some("A")));
    put(root, "1.mov", a_film(Some("A"), 3));
    // Different ones.
    put(root, "2.jpg", a_still(Some("A")));
    put(root, "2.MOV", a_film(Some("B"), 3));
    // None in one, and short; none in either, and long.
    put(root, "3.jpg", a_still(None));
    put(root, "3.MP4", a_film(Some("C"), 2));
    put(root, "4.jpg", a_still(None));
    put(root, "4.mp4", a_film(None, 20));
    // Two stills: the one that has the film's identifier.
    put(root, "5.heic", b"not read");
    put(root, "5.jpg", a_still(Some("D")));
    put(root, "5.mov", a_film(Some("D"), 3));
    // Neither a film nor in the same folder.
    put(root, "6.jpg", a_still(None));
    put(root, "6.mov", "no film");
    put(root, "other/6.mov", a_film(None, 1));
    let expected = [
        "1.JPG+1.mov",
        "2.MOV",
        "2.jpg",
        "3.jpg+3.MP4",
        "4.jpg",
        "4.mp4",
        "5.heic",
        "5.jpg+5.mov",
        "6.jpg",
        "6.mov",
        "other/6.mov",
    ];
    assert_eq!(told(root), expected);
}

#[test]
fn sidecars_of_every_kind_and_the_most_trusted_first() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path();
    let xmp =
        |date: &str| format!(r#"<x xmlns:xmp="http://ns.adobe.com/xap/1.0/" xmp:CreateDate="{date}" xmp:Rating="5"/>"#);
    put(root, "1.jpg", "x");
    put(root, "1.jpg.xmp", xmp("2001-01-01"));
    put(root, "2.jpg", "x");
    put(root, "2.XMP", xmp("2002-01-01"));
    put(root, "3.jpg", "x");
    put(root, "3.jpg.xmp", xmp("2003-01-01"));
    put(root, "3.jpg.json", google(3));
    put(root, "4.jpg", "x");
    put(root, "4.jpg.json", r#"{"another": "program's"}"#);
    let expected = ["1.jpg 2001-01-01T00:00:00Z", "2.jpg 2002-01-01T00:00:00Z", "3.jpg 1970-01-01T00:00:03Z", "4.jpg"];
    assert_eq!(told(root), expected);
    let third = &walk(root).items[2];
    assert!(read(third).0.favourite, "what one does not know the other tells");
}

#[test]
fn broken_notes_are_told_and_cost_nothing_else() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path();
    put(root, "1.jpg", "x");
    put(root, "1.jpg.json", "{");
    put(root, "2.jpg", "x");
    put(root, "2.jpg.xmp", vec![0xff; 10]);
    put(root, "3.jpg", "x");
    put(root, "3.jpg.json", vec![b' '; 2 << 20]);
    let items = walk(root).items;
    assert_eq!(items.len(), 3);
    for (item, reason) in items.iter().zip(["not JSON", "UTF-8", "too long"]) {
        let (facts, troubles) = read(item);
        assert_eq!(facts, Facts::default());
        assert!(troubles[0].contains(reason), "{troubles:?}");
    }
}

#[test]
fn an_exported_live_photo_comes_back_whole_whatever_its_film() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path();
    let sidecar = json!({
        "picup_sidecar": 1, "file_name": "1.jpg", "sha256": "", "captured": {"local": "2024-05-31T18:04:05", "source": "exif"},
        "albums": [{"title": "Lisbon", "position": 1}], "motion": {"file": "1.mov", "file_name": "1.MOV", "sha256": ""}
    });
    put(root, "1.jpg", a_still(None));
    put(root, "1.jpg.picup.json", sidecar.to_string());
    put(root, "1.mov", a_film(None, 60));
    assert_eq!(told(root), ["1.jpg+1.mov@Lisbon 2024-05-31T18:04:05Z"]);
}

#[test]
fn what_picup_says_of_a_film_is_believed_against_all_appearance() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path();
    let notes = |motion: Option<&str>| {
        let motion = motion.map(|file| json!({"file": file, "file_name": file, "sha256": ""}));
        let captured = json!({"local": "2024-05-31T18:04:05", "source": "exif"});
        json!({"picup_sidecar": 1, "file_name": "x", "sha256": "", "captured": captured, "motion": motion}).to_string()
    };
    // A short film with the name of a photo that is none of its: without the notes they would be joined.
    put(root, "1.jpg", a_still(None));
    put(root, "1.jpg.picup.json", notes(None));
    put(root, "1.mov", a_film(None, 2));
    // A still that is not called as stills are.
    put(root, "2.dng", "x");
    put(root, "2.dng.picup.json", notes(Some("2.mov")));
    put(root, "2.mov", a_film(None, 60));
    let told = told(root);
    assert_eq!(told.len(), 3, "{told:?}");
    assert!(told[0].starts_with("1.jpg ") || told[0].starts_with("1.jpg@"), "{told:?}");
    assert!(told[2].starts_with("2.dng+2.mov"), "{told:?}");
}
