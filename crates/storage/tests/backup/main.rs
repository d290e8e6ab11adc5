//! What a backup promises, run over each kind of place; what its keys may do; its folder; and copies made in trouble.

#![allow(clippy::unwrap_used, reason = "a test stops where something it counts on fails")]

mod fixture;
mod folder;
mod rights;
#[path = "../support/mod.rs"]
mod support;
mod trouble;

use std::num::NonZeroU64;
use std::time::Duration;

use bytes::Bytes;
use fixture::*;
use futures_util::{StreamExt, TryStreamExt, stream};
use picup_domain::{DestinationId, Sha256, Timestamp};
use picup_storage::{Backup, BackupName, BackupPlace, Error, Expected, SealIdentity, Stamp, Stored};
use support::*;

/// Goes in two parts …
const LARGE: usize = (8 << 20) + 4_321;
/// … and in three.
const LARGER: usize = (16 << 20) + 4_321;

macro_rules! contract {
    ($($promise:ident)*) => {
        mod memory { $(#[tokio::test] async fn $promise() { super::$promise(super::Copies::memory().await).await; })* }
        mod in_a_folder { $(#[tokio::test] async fn $promise() { super::$promise(super::Copies::folder().await).await; })* }
        mod amazon { $(#[tokio::test] async fn $promise() { super::$promise(super::Copies::amazon().await).await; })* }
        mod by_rights { $(#[tokio::test] async fn $promise() { super::$promise(super::Copies::rights().await).await; })* }
        mod rclone { $(#[tokio::test] async fn $promise() { super::$promise(super::Copies::rclone().await).await; })* }
    };
}

contract! {
    what_is_kept_is_proved_and_opened
    what_stands_there_is_never_replaced
    a_source_that_is_not_what_is_expected_leaves_nothing
    a_changed_byte_is_found
    it_opens_with_either_key_and_no_other
    what_is_kept_is_listed
    what_is_removed_is_gone
    a_place_is_one_destinations
    what_was_not_sealed_to_the_server_cannot_be_taken_over
}

async fn what_is_kept_is_proved_and_opened(it: Copies) {
    for (size, sealed) in
        [(0, false), (0, true), (1, true), (70_000, true), (8 << 20, false), (LARGE, false), (LARGER, true)]
    {
        let (name, content) = (copy_of(&key(), 1, sealed), noise(size as u64, size));
        assert_eq!(it.backup.size(&name).await.unwrap(), None);
        assert!(matches!(it.backup.prove_content(&name, expected(&content)).await, Err(Error::NotKept(_))));
        let stored = keep(&it.backup, &name, &content, false).await.unwrap();
        assert_eq!(it.backup.size(&name).await.unwrap(), Some(stored.bytes));
        let plain = Stored { bytes: size as u64, sha256: Sha256::of(&content) };
        assert_eq!(stored == plain, !sealed, "{size}");
        if let Some(file) = it.file(&name) {
            let on_disk = std::fs::read(file).unwrap();
            assert_eq!((on_disk.len() as u64, Sha256::of(&on_disk)), (stored.bytes, stored.sha256), "{size}");
        }
        it.backup.prove(&name, &stored).await.unwrap();
        assert_eq!(it.backup.prove_content(&name, expected(&content)).await.unwrap(), stored);
        let opened = it.backup.open_content(&name, None).await.unwrap();
        assert!(collect(opened).await == content[..], "{size}");
    }
}

async fn what_stands_there_is_never_replaced(it: Copies) {
    for size in [90_000, LARGE] {
        let (name, first, other) = (copy_of(&key(), 1, true), noise(1, size), noise(2, size));
        let stored = keep(&it.backup, &name, &first, false).await.unwrap();
        // A small thing that is said to be new is not looked for first. What takes several requests is.
        for again in if size == LARGE { &[true, false][..] } else { &[true] } {
            assert!(matches!(keep(&it.backup, &name, &other, *again).await, Err(Error::Altered(_))), "{size} {again}");
            assert_eq!(keep(&it.backup, &name, &first, *again).await.unwrap(), stored, "{size} {again}");
        }
        it.backup.prove(&name, &stored).await.unwrap();
    }
}

async fn a_source_that_is_not_what_is_expected_leaves_nothing(it: Copies) {
    let before = it.on_disk();
    for size in [100_000, LARGE] {
        let content = noise(3, size);
        let longer = Bytes::from([&content[..], b"x"].concat());
        for (what, source) in
            [("shorter", content.slice(1..)), ("longer", longer), ("another", noise(4, size)), ("none", Bytes::new())]
        {
            for sealed in [false, true] {
                let name = copy_of(&key(), 1, sealed);
                let kept =
                    it.backup.keep(&name, async { Ok(body_in_pieces(&source)) }, expected(&content), false).await;
                assert!(matches!(kept, Err(Error::SourceDiffers)), "{what} {size} {sealed}: {kept:?}");
                assert_eq!(it.backup.size(&name).await.unwrap(), None, "{what} {size} {sealed}");
            }
        }
        let name = copy_of(&key(), 1, false);
        let breaks_off = body_in_pieces(&content).take(size / 60_000).chain(stream::once(async { Err(Error::Full) }));
        let kept = it.backup.keep(&name, async { Ok(breaks_off.boxed()) }, expected(&content), false).await;
        assert!(matches!(kept, Err(Error::Full)), "{kept:?}");
        assert!(matches!(
            it.backup.keep(&name, async { Err(Error::Full) }, expected(&content), false).await,
            Err(Error::Full)
        ));
        assert_eq!(it.backup.size(&name).await.unwrap(), None);
    }
    let left = it.on_disk();
    assert!(
        left == before,
        "{:?} are left",
        left.keys().filter(|name| !before.contains_key(*name)).collect::<Vec<_>>()
    );
}

async fn a_changed_byte_is_found(it: Copies) {
    for (size, sealed) in [(90_000, false), (90_000, true), (LARGE, true)] {
        let (name, content) = (copy_of(&key(), 1, sealed), noise(5, size));
        let stored = keep(&it.backup, &name, &content, false).await.unwrap();
        let Some(file) = it.file(&name) else { return };
        let good = std::fs::read(&file).unwrap();
        for at in [0, 60, good.len() / 2, good.len() - 1] {
            let mut bad = good.clone();
            bad[at] ^= 1;
            std::fs::write(&file, bad).unwrap();
            assert!(matches!(it.backup.prove(&name, &stored).await, Err(Error::Altered(_))), "{at}");
            assert!(matches!(it.backup.prove_content(&name, expected(&content)).await, Err(Error::Altered(_))), "{at}");
            assert!(matches!(keep(&it.backup, &name, &content, true).await, Err(Error::Altered(_))), "{at}");
            let opened = async { it.backup.open_content(&name, None).await?.try_collect::<Vec<Bytes>>().await };
            assert!(!sealed || opened.await.is_err(), "{at}");
        }
        std::fs::write(&file, &good[..good.len() - 1]).unwrap();
        let shorter = it.backup.prove(&name, &stored).await;
        std::fs::remove_file(&file).unwrap();
        let missing = it.backup.prove(&name, &stored).await;
        assert!(shorter.is_err() && missing.is_err());
        // Rclone remembers for a second what was there, and breaks off.
        if !matches!(it.place, Place::Rclone(_)) {
            assert!(matches!(shorter, Err(Error::Altered(_))), "{shorter:?}");
            assert!(matches!(missing, Err(Error::NotKept(_))), "{missing:?}");
        }
    }
}

async fn it_opens_with_either_key_and_no_other(it: Copies) {
    let (name, content) = (copy_of(&key(), 1, true), noise(6, 200_000));
    keep(&it.backup, &name, &content, false).await.unwrap();
    if matches!(it.place, Place::Memory) {
        return opens(&it, &it.backup, &name, &content).await;
    }
    opens(&it, &it.opened_with(None, None), &name, &content).await;
    let keyless = it.opened_with(None, None).open_content(&name, None).await.err().unwrap().to_string();
    assert!(keyless.contains(&name.to_string()) && keyless.contains("no key"), "{keyless}");
    let server = it.opened_with(Some(&it.server), None).open_content(&name, None).await.unwrap();
    assert!(collect(server).await == content[..]);
}

async fn opens(it: &Copies, backup: &Backup, name: &BackupName, content: &Bytes) {
    let recovered = backup.open_content(name, Some(&it.recovery)).await.unwrap();
    assert!(collect(recovered).await == content[..]);
    let wrong = backup.open_content(name, Some(&SealIdentity::generate())).await.err().unwrap();
    assert!(matches!(wrong, Error::NotOpened { .. }), "{wrong:?}");
    assert!(wrong.to_string().contains("this key is not one"), "{wrong}");
}

async fn what_is_kept_is_listed(it: Copies) {
    let stamp = Stamp::at(Timestamp::from_micros(1_790_000_000_000_000)).unwrap();
    let catalogue = BackupName::Catalogue(stamp);
    let mut kept = Vec::new();
    for (number, generation) in [(1_u64, 1), (2, 1), (3, 7)] {
        let (name, content) = (copy_of(&key(), generation, true), noise(number, 1_000 * number as usize));
        kept.push((name.to_string(), keep(&it.backup, &name, &content, false).await.unwrap().bytes));
    }
    let stored = keep(&it.backup, &catalogue, &noise(9, 5_000), false).await.unwrap();
    let list = async |folder: &str, after: Option<&str>| {
        let listed = it.backup.list(folder, after).map_ok(|found| (found.name, found.bytes));
        let mut listed: Vec<_> = listed.try_collect().await.unwrap();
        listed.sort();
        listed
    };
    kept.sort();
    assert_eq!(list("media", None).await, kept);
    assert_eq!(list("media", Some(&kept[0].0)).await, kept[1..]);
    assert_eq!(list("catalogue", None).await, [(catalogue.to_string(), stored.bytes)]);
    assert_eq!(list("index", None).await, []);
    let folder = kept[1].0.rsplit_once('/').unwrap().0;
    assert_eq!(list(folder, None).await, kept[1..2]);
}

async fn what_is_removed_is_gone(it: Copies) {
    let before = it.on_disk();
    let (name, beside) = (copy_of(&key(), 1, false), copy_of(&key(), 1, false));
    let stored = keep(&it.backup, &beside, &noise(2, 2_000), false).await.unwrap();
    let with_beside = it.on_disk();
    keep(&it.backup, &name, &noise(1, 2_000), false).await.unwrap();
    for _ in 0..2 {
        it.backup.remove(&name.to_string()).await.unwrap();
        assert_eq!(it.backup.size(&name).await.unwrap(), None);
    }
    it.backup.prove(&beside, &stored).await.unwrap();
    assert_eq!(it.on_disk().keys().collect::<Vec<_>>(), with_beside.keys().collect::<Vec<_>>());
    it.backup.remove(&beside.to_string()).await.unwrap();
    assert_eq!(it.on_disk().keys().collect::<Vec<_>>(), before.keys().collect::<Vec<_>>());
}

/// `Copies` has claimed it.
async fn a_place_is_one_destinations(it: Copies) {
    let before = it.on_disk();
    let another = DestinationId::new(now());
    for new in [true, false] {
        let taken = it.backup.claim(another, new).await.unwrap_err();
        assert!(matches!(&taken, Error::Taken(place) if place == it.backup.place()), "{taken:?}");
    }
    assert!(it.on_disk() == before);
    if let Some(file) = it.file(&copy_of(&key(), 1, false)) {
        let id: DestinationId = mark(&it).parse().unwrap();
        for new in [true, false] {
            it.backup.claim(id, new).await.unwrap();
        }
        assert!(!file.exists() && it.on_disk() == before);
    }
}

/// The first line of the mark on a place's disk.
fn mark(it: &Copies) -> String {
    let on_disk = it.on_disk();
    let (_, text) = on_disk.iter().find(|(name, _)| name.ends_with("picup-backup.txt")).unwrap();
    String::from_utf8(text.clone()).unwrap().lines().next().unwrap().to_owned()
}

/// Else an attempt that was cut off would be taken for a good copy by a server that could never read it.
async fn what_was_not_sealed_to_the_server_cannot_be_taken_over(it: Copies) {
    if matches!(it.place, Place::Memory) {
        return;
    }
    let (name, content) = (copy_of(&key(), 1, true), noise(7, 3_000));
    keep(&it.opened_with(None, Some(&it.recovery)), &name, &content, false).await.unwrap();
    assert!(matches!(keep(&it.backup, &name, &content, true).await, Err(Error::Altered(_))));
}

#[tokio::test]
async fn without_anybody_to_seal_to_nothing_sealed_is_written() {
    let backup = opened(BackupPlace::Memory, None, None, None);
    let name = copy_of(&key(), 1, true);
    keep(&backup, &name, &noise(1, 1_000), false).await.unwrap_err();
    assert_eq!(backup.size(&name).await.unwrap(), None);
    assert!(!backup.has_recovery_key() && backup.server_key().is_none());
}

#[tokio::test]
async fn what_is_not_known_before_is_known_afterwards() {
    let it = Copies::memory().await;
    let (name, content) = (copy_of(&key(), 1, false), noise(1, 9_000));
    let unknown = Expected { bytes: 9_000, sha256: None };
    let stored = it.backup.keep(&name, async { Ok(body_in_pieces(&content)) }, unknown, false).await.unwrap();
    assert_eq!(stored.sha256, Sha256::of(&content));
}

/// Four small copies, written and read back: 4 MB at 1 MB a second, but for what a burst may be ahead.
#[tokio::test(start_paused = true)]
async fn it_keeps_to_its_bandwidth() {
    let backup = opened(BackupPlace::Memory, None, None, NonZeroU64::new(1_000_000));
    let begun = tokio::time::Instant::now();
    let copies = (0..4_u64).map(|seed| {
        let backup = backup.clone();
        async move { keep(&backup, &copy_of(&key(), 1, false), &noise(seed, 500_000), false).await.unwrap() }
    });
    futures_util::future::join_all(copies).await;
    let took = begun.elapsed();
    assert!((Duration::from_millis(3_600)..Duration::from_millis(4_300)).contains(&took), "{took:?}");
}
