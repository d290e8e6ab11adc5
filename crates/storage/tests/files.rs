//! What only a store in a folder promises: modes, links, and every state that a crash can leave.

#![allow(clippy::unwrap_used, reason = "a test stops where something it counts on fails")]

mod support;

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::PathBuf;

use bytes::Bytes;
use futures_util::{StreamExt, stream};
use picup_domain::{ByteSize, ObjectKey, ObjectRole, Sha256, Timestamp, UploadId};
use picup_storage::{Error, Settings, Upload};
use support::*;

fn root(it: &Fixture) -> PathBuf {
    let Under::Files(folder) = &it.place else { panic!("a store in files") };
    folder.path().join("store")
}

/// Everything below a folder with its metadata, links not followed.
fn walk(folder: PathBuf) -> Vec<(PathBuf, fs::Metadata)> {
    let mut found = vec![(folder.clone(), fs::symlink_metadata(&folder).unwrap())];
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let metadata = fs::symlink_metadata(&path).unwrap();
        if metadata.is_dir() { found.extend(walk(path)) } else { found.push((path, metadata)) }
    }
    found
}

async fn uploaded(it: &Fixture, file: &Bytes) -> (ObjectKey, Upload) {
    let key = key();
    let upload = begin(&it.storage, &key, file.len()).await;
    send_all(it, &upload, file).await;
    (key, upload)
}

async fn send_all(it: &Fixture, upload: &Upload, file: &Bytes) {
    for number in 1..=file.len().div_ceil(PART) as u32 {
        send(&it.storage, upload, file, number).await;
    }
}

/// Files of one part and of two.
fn small_and_large() -> [Bytes; 2] {
    [noise(1, 1000), noise(2, PART + 1000)]
}

/// Where the bytes of an upload are that has arrived.
fn staged(it: &Fixture, upload: &Upload) -> PathBuf {
    let ending = if upload.bytes() <= PART as u64 { ".whole" } else { "" };
    root(it).join("staging").join(format!("{}{ending}", upload.id()))
}

#[tokio::test]
async fn an_upload_that_was_cut_short_in_its_making_is_made_anew() {
    for file in small_and_large() {
        let it = Fixture::files().await;
        let upload = begin(&it.storage, &key(), file.len()).await;
        let one = root(&it).join("staging").join(format!("{}.one", upload.id()));
        let made = if one.exists() { one } else { staged(&it, &upload) };
        fs::File::options().write(true).open(made).unwrap().set_len(0).unwrap();
        let part = file.slice(..file.len().min(PART));
        let early = it.storage.part_write(&upload, 1, Sha256::of(&part), body(&part)).await;
        assert!(matches!(early, Err(Error::UploadNotFound(_))), "{early:?}");
        let size = ByteSize::new(file.len() as u64).unwrap();
        it.storage.upload_begin(upload.id(), upload.key(), size).await.unwrap();
        send_all(&it, &upload, &file).await;
        it.storage.upload_complete(&upload).await.unwrap();
        assert!(it.content(upload.key()).await == file);
    }
}

#[tokio::test]
async fn a_part_whose_file_was_lost_and_made_anew_on_its_way_has_not_arrived() {
    let it = Fixture::files().await;
    let file = noise(1, 2 << 20);
    let upload = begin(&it.storage, &key(), file.len()).await;
    let one = root(&it).join("staging").join(format!("{}.one", upload.id()));
    let (first, rest) = (file.slice(..1 << 20), file.slice(1 << 20..));
    let (storage, again) = (it.storage.clone(), upload.clone());
    let lost = async move {
        fs::remove_file(one).unwrap();
        let size = ByteSize::new(again.bytes()).unwrap();
        storage.upload_begin(again.id(), again.key(), size).await.unwrap();
        Ok::<_, std::io::Error>(rest)
    };
    let body = stream::iter([Ok(first)]).chain(stream::once(lost));
    let sent = it.storage.part_write(&upload, 1, Sha256::of(&file), body).await;
    assert!(matches!(sent, Err(Error::UploadNotFound(_))), "{sent:?}");
    send_all(&it, &upload, &file).await;
    it.storage.upload_complete(&upload).await.unwrap();
    assert!(it.content(upload.key()).await == file);
}

#[tokio::test]
async fn nobody_else_may_read() {
    let it = Fixture::files().await;
    it.storage.put(&key(), noise(1, 10)).await.unwrap();
    let (_, upload) = uploaded(&it, &noise(2, 10)).await;
    it.storage.upload_complete(&upload).await.unwrap();
    uploaded(&it, &noise(3, 10)).await;
    begin(&it.storage, &key(), 10).await;
    begin(&it.storage, &key(), PART + 1).await;
    let found = walk(root(&it));
    assert_eq!(found.iter().filter(|(_, metadata)| metadata.is_file()).count(), 6);
    for (path, metadata) in found {
        let wanted = if metadata.is_dir() { 0o700 } else { 0o600 };
        assert_eq!(metadata.mode() & 0o7777, wanted, "{}", path.display());
    }
}

#[tokio::test]
async fn the_layout_is_the_key() {
    let it = Fixture::files().await;
    let (key, upload) = uploaded(&it, &noise(1, 10)).await;
    it.storage.upload_complete(&upload).await.unwrap();
    assert_eq!(fs::read(root(&it).join(key.to_string())).unwrap(), noise(1, 10));
    it.storage.delete(&key).await.unwrap();
    let left: Vec<_> = walk(root(&it)).into_iter().map(|(path, _)| path).collect();
    assert_eq!(left.len(), 3, "the store, media and staging: {left:?}");
}

#[tokio::test]
async fn links_lead_nowhere() {
    let it = Fixture::files().await;
    let outside = tempfile::tempdir().unwrap();
    fs::write(outside.path().join("secret"), b"secret").unwrap();

    // A link in the place of an owner's folder, of an object, and of an upload's bytes.
    let by_folder = key();
    symlink(outside.path(), root(&it).join("media").join(by_folder.owner().to_string())).unwrap();
    assert!(it.storage.put(&by_folder, noise(1, 10)).await.is_err());
    assert!(it.storage.open_object(&by_folder).await.is_err());

    let by_file = key();
    let path = root(&it).join(by_file.to_string());
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    symlink(outside.path().join("secret"), &path).unwrap();
    assert!(it.storage.open_object(&by_file).await.is_err());
    assert!(it.storage.open_file(&by_file).await.is_err());
    assert!(it.storage.put(&by_file, Bytes::from_static(b"secret")).await.is_err());

    let (_, upload) = uploaded(&it, &noise(1, 6)).await;
    fs::remove_file(staged(&it, &upload)).unwrap();
    for ending in [".one", ".whole"] {
        let path = staged(&it, &upload).with_extension(&ending[1..]);
        symlink(outside.path().join("secret"), &path).unwrap();
        let other = noise(2, 6);
        assert!(it.storage.part_write(&upload, 1, Sha256::of(&other), body(&other)).await.is_err());
        assert!(it.storage.upload_complete(&upload).await.is_err());
        fs::remove_file(&path).unwrap();
    }
    let (_, large) = uploaded(&it, &noise(3, PART + 6)).await;
    fs::remove_file(staged(&it, &large)).unwrap();
    symlink(outside.path().join("secret"), staged(&it, &large)).unwrap();
    let other = noise(4, 6);
    assert!(it.storage.part_write(&large, 2, Sha256::of(&other), body(&other)).await.is_err());
    assert!(it.storage.upload_complete(&large).await.is_err());
    it.storage.upload_abort(large.id()).await.unwrap();

    it.storage.delete(&by_file).await.unwrap();
    it.storage.upload_abort(upload.id()).await.unwrap();
    assert_eq!(fs::read(outside.path().join("secret")).unwrap(), b"secret");
    assert_eq!(fs::read_dir(outside.path()).unwrap().count(), 1);
}

#[tokio::test]
async fn only_plain_files_are_objects() {
    let it = Fixture::files().await;
    let (pipe, folder) = (key(), key());
    let path = root(&it).join(pipe.to_string());
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    rustix::fs::mknodat(rustix::fs::CWD, &path, rustix::fs::FileType::Fifo, rustix::fs::Mode::RUSR, 0).unwrap();
    fs::create_dir_all(root(&it).join(folder.to_string())).unwrap();
    for key in [pipe, folder] {
        assert!(it.storage.open_object(&key).await.is_err(), "and it does not wait for the pipe's writer");
        assert!(it.storage.hash(&key).await.is_err());
    }
}

#[tokio::test]
async fn a_crash_between_link_and_unlink_is_healed() {
    for file in small_and_large() {
        let it = Fixture::files().await;
        let (key, upload) = uploaded(&it, &file).await;
        let object = root(&it).join(key.to_string());
        fs::create_dir_all(object.parent().unwrap()).unwrap();
        fs::hard_link(staged(&it, &upload), &object).unwrap();
        let it = it.restarted().await;
        it.storage.upload_complete(&upload).await.unwrap();
        assert!(it.content(&key).await == file);
        assert_eq!(fs::read_dir(root(&it).join("staging")).unwrap().count(), 0);
    }
}

#[tokio::test]
async fn a_crash_after_the_move_is_healed() {
    for file in small_and_large() {
        let it = Fixture::files().await;
        let (key, upload) = uploaded(&it, &file).await;
        let object = root(&it).join(key.to_string());
        fs::create_dir_all(object.parent().unwrap()).unwrap();
        fs::rename(staged(&it, &upload), &object).unwrap();
        let it = it.restarted().await;
        it.storage.upload_complete(&upload).await.unwrap();
        assert!(it.content(&key).await == file);
        assert_eq!(fs::read_dir(root(&it).join("staging")).unwrap().count(), 0);
    }
}

#[tokio::test]
async fn half_of_a_staged_upload_counts_as_none() {
    for gone in ["", ".parts"] {
        let it = Fixture::files().await;
        let [_, file] = small_and_large();
        let (key, upload) = uploaded(&it, &file).await;
        fs::remove_file(root(&it).join("staging").join(format!("{}{gone}", upload.id()))).unwrap();
        let it = it.restarted().await;
        assert_eq!(it.storage.uploads_staged().await.unwrap(), [upload.id()], "the reaper still sees it");
        lost_and_sent_again(&it, &key, &upload, &file).await;
    }
}

#[tokio::test]
async fn a_staged_file_that_is_gone_is_sent_again() {
    let it = Fixture::files().await;
    let [file, _] = small_and_large();
    let (key, upload) = uploaded(&it, &file).await;
    fs::remove_file(staged(&it, &upload)).unwrap();
    lost_and_sent_again(&it, &key, &upload, &file).await;
}

async fn lost_and_sent_again(it: &Fixture, key: &ObjectKey, upload: &Upload, file: &Bytes) {
    assert!(matches!(it.storage.upload_parts(upload).await, Err(Error::UploadNotFound(_))));
    assert_eq!(it.storage.uploads_whole(std::slice::from_ref(upload)).await.unwrap(), [false]);
    assert!(matches!(it.storage.upload_complete(upload).await, Err(Error::UploadNotFound(_))));
    let size = ByteSize::new(file.len() as u64).unwrap();
    let again = it.storage.upload_begin(upload.id(), key, size).await.unwrap();
    assert_eq!(it.storage.upload_parts(&again).await.unwrap(), [], "no part is believed that may be gone");
    send_all(it, &again, file).await;
    it.storage.upload_complete(&again).await.unwrap();
    assert!(it.content(key).await == *file);
}

#[tokio::test]
async fn what_interrupted_writers_left_is_swept_when_old() {
    let it = Fixture::files().await;
    let (_, upload) = uploaded(&it, &noise(1, 10)).await;
    let litter = root(&it).join("staging/put.1.0");
    fs::write(&litter, b"half").unwrap();
    fs::File::options()
        .write(true)
        .open(&litter)
        .unwrap()
        .set_modified(std::time::UNIX_EPOCH + std::time::Duration::from_secs(1000))
        .unwrap();
    let at = |seconds: i64| Timestamp::from_micros(seconds * 1_000_000);
    assert_eq!(it.storage.sweep(at(1000)).await.unwrap(), 0);
    assert_eq!(it.storage.sweep(at(1001)).await.unwrap(), 1);
    assert_eq!(it.storage.sweep(at(i64::from(u32::MAX))).await.unwrap(), 0);
    assert_eq!(it.storage.uploads_staged().await.unwrap(), [upload.id()]);
}

#[tokio::test]
async fn more_than_there_is_room_for_is_refused_at_once() {
    let it = Fixture::files().await;
    let space = it.storage.space().await.unwrap().unwrap();
    assert!(0 < space.free && space.free <= space.total);
    let most = ByteSize::new(600 << 30).unwrap();
    if most.get() > space.free {
        let error = it.storage.upload_begin(UploadId::new(now()), &key(), most).await.unwrap_err();
        assert!(matches!(error, Error::Full));
        assert_eq!(it.storage.uploads_staged().await.unwrap(), []);
    }
}

#[tokio::test]
async fn doctor_is_told_what_to_change() {
    let it = Fixture::files().await;
    let checks = it.storage.check().await;
    let names: Vec<_> = checks.iter().map(|check| check.name).collect();
    assert_eq!(names, ["storage-there", "storage-writable", "storage-private", "storage-space"]);
    assert!(checks[..3].iter().all(|check| check.ok), "{checks:?}");

    fs::set_permissions(root(&it), fs::Permissions::from_mode(0o755)).unwrap();
    let checks = it.storage.check().await;
    assert!(!checks[2].ok && checks[2].advice.contains("chmod 0700"), "{checks:?}");

    // Moved away: what is written goes with it, and nobody finds it where it should be.
    let away = root(&it).with_extension("away");
    fs::rename(root(&it), &away).unwrap();
    let checks = it.storage.check().await;
    assert!(!checks[0].ok && checks[1].ok && checks[0].advice.contains("put it back"), "{checks:?}");
    fs::create_dir(root(&it)).unwrap();
    assert!(!it.storage.check().await[0].ok, "another folder of that name");
    fs::remove_dir(root(&it)).unwrap();
    fs::rename(&away, root(&it)).unwrap();
    assert!(it.storage.check().await[0].ok);
    fs::rename(root(&it).join("media"), root(&it).join("elsewhere")).unwrap();
    assert!(!it.storage.check().await[0].ok);

    fs::remove_dir_all(root(&it)).unwrap();
    let checks = it.storage.check().await;
    assert!(!checks[0].ok && !checks[1].ok && checks[1].advice.contains("cannot write"), "{checks:?}");
}

#[tokio::test]
async fn a_folder_that_cannot_be_made_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, b"").unwrap();
    let error =
        picup_storage::Storage::open(Settings::files(&file), picup_storage::Metrics::default()).await.unwrap_err();
    assert!(matches!(&error, Error::Folder { path, .. } if *path == file), "{error}");
    assert!(error.to_string().contains("file"));
}

/// Proves something only where the tests do not run as root, who may read every folder.
#[tokio::test]
async fn a_folder_above_that_may_only_be_entered_is_enough() {
    let above = tempfile::tempdir().unwrap();
    fs::set_permissions(above.path(), fs::Permissions::from_mode(0o311)).unwrap();
    let settings = Settings::files(above.path().join("store"));
    let storage = picup_storage::Storage::open(settings, picup_storage::Metrics::default()).await.unwrap();
    storage.put(&key(), noise(1, 10)).await.unwrap();
    fs::set_permissions(above.path(), fs::Permissions::from_mode(0o700)).unwrap();
}

#[tokio::test]
async fn versions_stand_beside_each_other() {
    let it = Fixture::files().await;
    let original = key();
    let version = |n| ObjectKey::new(original.owner(), original.asset(), ObjectRole::Preview, n, "webp");
    it.storage.put(&version(1), noise(1, 10)).await.unwrap();
    it.storage.put(&version(2), noise(2, 10)).await.unwrap();
    it.storage.delete(&version(1)).await.unwrap();
    assert_eq!(it.content(&version(2)).await, noise(2, 10));
}

/// Files of one asset come while others of it go, and its folders with them: the film of a photo that is deleted, say, while a
/// worker stores its pictures.
#[test]
fn folders_that_come_and_go_keep_nobody_waiting_for_ever() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let came_to_an_end = runtime.block_on(async {
        let it = Fixture::files().await;
        let (owner, asset) = (key().owner(), key().asset());
        let roles = [ObjectRole::Original, ObjectRole::Motion, ObjectRole::Thumbnail, ObjectRole::Preview];
        let at_work = roles.map(|role| {
            let storage = it.storage.clone();
            tokio::spawn(async move {
                let key = ObjectKey::new(owner, asset, role, 1, "jpg");
                for _ in 0..500 {
                    // One whose folder kept disappearing is told so.
                    let _ = storage.put(&key, noise(1, 10)).await;
                    storage.delete(&key).await.unwrap();
                }
            })
        });
        let all = futures_util::future::join_all(at_work);
        tokio::time::timeout(std::time::Duration::from_secs(300), all).await.is_ok()
    });
    // Waits for nobody: threads that wait for each other would keep the test from failing.
    runtime.shutdown_background();
    assert!(came_to_an_end, "they wait for each other");
}
