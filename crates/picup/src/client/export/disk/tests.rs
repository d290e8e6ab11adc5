//! What stands in a folder, what is put there, and what never is.

use std::fs;

use super::super::photo::Photo;
use super::super::photo::tests::asset;
use super::*;

const CONTENT: &[u8] = b"a photo";

fn photo() -> Photo {
    Photo::new(asset(1, "a.jpg", CONTENT), Vec::new()).unwrap()
}

fn arrived(disk: &Disk, place: &Path) -> Part {
    let (part, mut file) = disk.part(place, "1").unwrap();
    file.write_all(CONTENT).unwrap();
    part
}

#[test]
fn a_file_gets_its_name_whole_and_over_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let (disk, place, photo) = (Disk::open(dir.path(), false, false).unwrap(), Path::new("2024"), photo());
    let put = |changed| disk.put(arrived(&disk, place), place, "a.jpg", &photo.still, changed);
    drop(disk.part(place, "1").unwrap());
    assert_eq!(fs::read_dir(dir.path().join("2024")).unwrap().count(), 0, "what was given up stays");
    assert_eq!(put(false).unwrap(), None);
    let path = dir.path().join("2024/a.jpg");
    assert_eq!(fs::read(&path).unwrap(), CONTENT);

    fs::write(&path, b"edited!").unwrap();
    assert!(put(false).unwrap_err().to_string().contains("has come to stand in its way"));
    assert_eq!(fs::read(&path).unwrap(), b"edited!");
    assert_eq!(put(true).unwrap().as_deref(), Some("a.jpg.changed"));
    fs::write(&path, b"edited.").unwrap();
    assert_eq!(put(true).unwrap().as_deref(), Some("a.jpg.changed (2)"));
    assert_eq!(fs::read(dir.path().join("2024/a.jpg.changed")).unwrap(), b"edited!");
    assert_eq!(fs::read(&path).unwrap(), CONTENT);
}

#[test]
fn what_was_proved_before_is_read_again_only_when_asked_or_when_it_looks_otherwise() {
    let dir = tempfile::tempdir().unwrap();
    let (place, photo) = (Path::new("2024"), photo());
    let disk = Disk::open(dir.path(), false, false).unwrap();
    disk.put(arrived(&disk, place), place, "a.jpg", &photo.still, false).unwrap();
    drop(disk);
    let stand = |verify| {
        let disk = Disk::open(dir.path(), verify, false).unwrap();
        disk.stand(&disk.folder(place, false).unwrap().unwrap(), place, "a.jpg", &photo.still).unwrap()
    };
    assert_eq!(stand(false), Stand::Right { read: false });
    assert_eq!(stand(true), Stand::Right { read: true });
    fs::write(dir.path().join("2024/a.jpg"), CONTENT).unwrap();
    assert_eq!(stand(false), Stand::Right { read: true });
}

#[test]
fn notes_are_written_once_and_never_over_somebody_elses() {
    let dir = tempfile::tempdir().unwrap();
    let (disk, place, photo) = (Disk::open(dir.path(), false, false).unwrap(), Path::new("2024"), photo());
    let notes = photo.notes(None);
    assert!(disk.note(place, "a.jpg", "n", &notes).unwrap());
    assert!(!disk.note(place, "a.jpg", "n", &notes).unwrap(), "the same once more");
    assert!(disk.note(place, "a.jpg", "n", &Sidecar { favourite: false, ..notes.clone() }).unwrap());
    let path = dir.path().join("2024/b.jpg.picup.json");
    fs::write(&path, b"{}").unwrap();
    assert!(disk.note(place, "b.jpg", "n", &notes).is_err());
    assert_eq!(fs::read(&path).unwrap(), b"{}");
    let standing = disk.standing(place).unwrap();
    assert_eq!(standing.noted.len(), 1);
    assert_eq!(standing.names, ["a.jpg.picup.json", "b.jpg.picup.json"]);
}

#[test]
fn what_a_kill_left_is_removed_and_a_dry_run_touches_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let missing = dir.path().join("missing");
    assert!(Disk::open(&missing, false, true).unwrap().standing(Path::new("2024")).unwrap().names.is_empty());
    assert!(!missing.exists());
    let left = dir.path().join("2024/.picup-1.part");
    fs::create_dir(dir.path().join("2024")).unwrap();
    fs::write(&left, b"half").unwrap();
    Disk::open(dir.path(), false, true).unwrap().standing(Path::new("2024")).unwrap();
    assert!(left.exists() && !dir.path().join(STATE).exists());
    Disk::open(dir.path(), false, false).unwrap().standing(Path::new("2024")).unwrap();
    assert!(!left.exists());
}

#[test]
fn the_memory_in_the_folder_leads_nowhere_else() {
    let (dir, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::NamedTempFile::new().unwrap());
    std::os::unix::fs::symlink(elsewhere.path(), dir.path().join(STATE)).unwrap();
    assert!(Disk::open(dir.path(), false, false).is_err());
    assert_eq!(fs::metadata(elsewhere.path()).unwrap().len(), 0);
}
