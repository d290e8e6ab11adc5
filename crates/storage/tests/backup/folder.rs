//! A backup in a folder, whose disk may not be mounted, and which is called whatever people call folders.

use std::path::Path;

use futures_util::TryStreamExt;
use picup_domain::DestinationId;
use picup_storage::{Backup, BackupPlace, Error, SealIdentity, Stored};

use crate::fixture::*;
use crate::support::*;

fn backup_in(folder: &Path) -> Backup {
    let key = SealIdentity::generate();
    opened(BackupPlace::Files(folder.to_owned()), Some(&key), Some(&key), None)
}

/// Nothing is done in a folder whose disk is not there, and nothing is said to be missing in it.
async fn is_away(backup: &Backup, folder: &Path, id: DestinationId, known: (&picup_storage::BackupName, &Stored)) {
    let there = || folder.exists().then(|| std::fs::read_dir(folder).unwrap().count());
    let before = there();
    let (name, stored) = known;
    let away = |error: Error| assert!(matches!(&error, Error::Folder { path, .. } if path == folder), "{error:?}");
    away(backup.claim(id, false).await.unwrap_err());
    away(keep(backup, &copy_of(&key(), 1, false), &noise(1, 100), false).await.unwrap_err());
    away(keep(backup, &copy_of(&key(), 1, false), &noise(1, 9 << 20), true).await.unwrap_err());
    away(backup.size(name).await.unwrap_err());
    away(backup.prove(name, stored).await.unwrap_err());
    away(backup.open_content(name, None).await.err().unwrap());
    away(backup.remove(&name.to_string()).await.unwrap_err());
    away(backup.list("media", None).try_collect::<Vec<_>>().await.unwrap_err());
    away(backup.abilities().await.unwrap_err());
    assert_eq!(there(), before, "something was written");
}

#[tokio::test]
async fn a_disk_that_is_not_mounted_is_left_alone() {
    let place = tempfile::tempdir().unwrap();
    let (folder, away) = (place.path().join("disk"), place.path().join("away"));
    let (backup, id) = (backup_in(&folder), DestinationId::new(now()));
    assert!(matches!(backup.claim(id, true).await, Err(Error::Folder { .. })), "it must be there to begin with");
    assert!(!folder.exists());
    std::fs::create_dir(&folder).unwrap();
    backup.claim(id, true).await.unwrap();
    let (name, content) = (copy_of(&key(), 1, false), noise(2, 5_000));
    let stored = keep(&backup, &name, &content, false).await.unwrap();

    std::fs::rename(&folder, &away).unwrap();
    is_away(&backup, &folder, id, (&name, &stored)).await;
    // The place where it is mounted, empty.
    std::fs::create_dir(&folder).unwrap();
    is_away(&backup, &folder, id, (&name, &stored)).await;
    std::fs::remove_dir(&folder).unwrap();
    std::fs::rename(&away, &folder).unwrap();
    backup.claim(id, false).await.unwrap();
    backup.prove(&name, &stored).await.unwrap();
    backup.remove(&name.to_string()).await.unwrap();
}

#[tokio::test]
async fn a_folder_may_have_any_name() {
    let place = tempfile::tempdir().unwrap();
    for name in ["Meine Bücher", "50 % [off] #1 ~a", "a?b*c", "{x}|\"y\"", "写真"] {
        let folder = place.path().join(name);
        std::fs::create_dir(&folder).unwrap();
        let backup = backup_in(&folder);
        backup.claim(DestinationId::new(now()), true).await.unwrap();
        let (copy, content) = (copy_of(&key(), 1, false), noise(3, 5_000));
        let stored = keep(&backup, &copy, &content, false).await.unwrap();
        assert_eq!(std::fs::read(folder.join(copy.to_string())).unwrap(), content, "{name}");
        backup.prove(&copy, &stored).await.unwrap();
        let listed: Vec<_> = backup.list("media", None).try_collect().await.unwrap();
        assert_eq!(listed[0].name, copy.to_string(), "{name}");
        assert_eq!(listed.len(), 1);
        backup.remove(&copy.to_string()).await.unwrap();
        assert_eq!(std::fs::read_dir(place.path()).unwrap().count(), 1, "{name}: another folder was made");
        std::fs::remove_dir_all(&folder).unwrap();
    }
}

/// What a process that was killed left half written is no copy, and in nobody's way.
#[tokio::test]
async fn what_a_killed_process_left_half_written_is_in_nobodys_way() {
    let it = Copies::folder().await;
    let (name, content) = (copy_of(&key(), 1, false), noise(4, 9 << 20));
    let file = it.file(&name).unwrap();
    std::fs::create_dir_all(file.parent().unwrap()).unwrap();
    std::fs::write(format!("{}#1", file.display()), "half").unwrap();
    assert_eq!(it.backup.size(&name).await.unwrap(), None);
    assert_eq!(it.backup.list("media", None).try_collect::<Vec<_>>().await.unwrap(), []);
    let stored = keep(&it.backup, &name, &content, true).await.unwrap();
    it.backup.prove(&name, &stored).await.unwrap();
}

#[tokio::test]
async fn what_is_no_plain_file_is_no_copy_and_no_link_is_followed() {
    let (place, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (folder, outside) = (place.path(), elsewhere.path().join("outside"));
    std::fs::write(&outside, b"not ours").unwrap();
    let backup = backup_in(folder);
    backup.claim(DestinationId::new(now()), true).await.unwrap();
    let (names, content) = ([1, 2, 3, 4].map(|generation| copy_of(&key(), generation, false)), noise(2, 5_000));
    let mut stored = Vec::new();
    for name in &names {
        stored.push(keep(&backup, name, &content, false).await.unwrap());
    }
    let file = |at: usize| folder.join(names[at].to_string());
    (0..3).for_each(|at| std::fs::remove_file(file(at)).unwrap());
    std::os::unix::fs::symlink(&outside, file(0)).unwrap();
    std::fs::create_dir(file(1)).unwrap();
    let made = std::process::Command::new("mkfifo").arg(file(2)).status().unwrap();
    assert!(made.success());
    std::os::unix::fs::symlink(".", folder.join("media/itself")).unwrap();
    std::os::unix::fs::symlink(elsewhere.path(), folder.join("media/elsewhere")).unwrap();
    for (name, stored) in names.iter().zip(&stored).take(3) {
        assert!(matches!(backup.prove(name, stored).await, Err(Error::Altered(_))), "{name}");
        assert!(matches!(backup.remove(&name.to_string()).await, Err(Error::Altered(_))), "{name}");
    }
    assert!(matches!(backup.remove("media/elsewhere/outside").await, Err(Error::Altered(_))) && outside.exists());
    let listed: Vec<_> = backup.list("media", None).try_collect().await.unwrap();
    assert_eq!(listed.iter().map(|found| found.name.as_str()).collect::<Vec<_>>(), [names[3].to_string()]);
    assert!(backup.list("media", Some(&names[3].to_string())).try_collect::<Vec<_>>().await.unwrap().is_empty());
    backup.prove(&names[3], &stored[3]).await.unwrap();
}

/// Two disks that are mounted in turns at one place, each with a mark of its own.
#[tokio::test]
async fn a_disk_of_another_destination_is_refused_at_the_next_step() {
    let place = tempfile::tempdir().unwrap();
    let (folder, away) = (place.path().join("disk"), place.path().join("away"));
    std::fs::create_dir(&folder).unwrap();
    backup_in(&folder).claim(DestinationId::new(now()), true).await.unwrap();
    let name = copy_of(&key(), 1, false);
    keep(&backup_in(&folder), &name, &noise(1, 100), false).await.unwrap();
    std::fs::rename(&folder, &away).unwrap();
    std::fs::create_dir(&folder).unwrap();
    let backup = backup_in(&folder);
    backup.claim(DestinationId::new(now()), true).await.unwrap();
    let content = noise(2, 100);
    let stored = keep(&backup, &name, &content, false).await.unwrap();
    let other = copy_of(&key(), 1, false);
    let only_here = keep(&backup, &other, &content, false).await.unwrap();

    std::fs::rename(&folder, place.path().join("own")).unwrap();
    std::fs::rename(&away, &folder).unwrap();
    let refused = |error: Error| assert!(matches!(error, Error::Taken(_)), "{error:?}");
    refused(backup.prove(&name, &stored).await.unwrap_err());
    refused(backup.prove_content(&name, expected(&content)).await.unwrap_err());
    refused(backup.prove(&other, &only_here).await.unwrap_err());
    refused(backup.size(&other).await.unwrap_err());
    refused(backup.remove(&name.to_string()).await.unwrap_err());
    refused(backup.list("media", None).try_collect::<Vec<_>>().await.unwrap_err());
    refused(keep(&backup, &copy_of(&key(), 1, false), &content, false).await.unwrap_err());
    assert_eq!(std::fs::read(folder.join(name.to_string())).unwrap(), noise(1, 100));
}

/// What a killed run left: gone once nobody has written to it for an hour; what is being written, and what is no copy's, stays.
#[tokio::test]
async fn what_was_left_half_written_goes() {
    let place = tempfile::tempdir().unwrap();
    let backup = backup_in(place.path());
    backup.claim(DestinationId::new(now()), true).await.unwrap();
    let folder = place.path().join("media/a/b/file");
    std::fs::create_dir_all(&folder).unwrap();
    let long_ago = std::time::UNIX_EPOCH + std::time::Duration::from_secs(1_000_000_000);
    for (name, old) in
        [("original.1.jpg", true), ("original.1.jpg#1", true), ("original.1.jpg#27", false), ("a#b", true)]
    {
        let file = std::fs::File::create(folder.join(name)).unwrap();
        if old {
            file.set_modified(long_ago).unwrap();
        }
    }
    assert_eq!(backup.sweep_half_written().await.unwrap(), 1);
    assert!(!folder.join("original.1.jpg#1").exists());
    assert!(["original.1.jpg", "original.1.jpg#27", "a#b"].iter().all(|name| folder.join(name).exists()));
}
