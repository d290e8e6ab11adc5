//! What every store promises, run over each of them.

#![allow(clippy::unwrap_used, reason = "a test stops where something it counts on fails")]

mod support;

use std::cell::Cell;
use std::convert::Infallible;
use std::io::Read;
use std::pin::pin;

use bytes::Bytes;
use futures_util::stream::{self, StreamExt, TryStreamExt};
use futures_util::{future, poll};
use picup_domain::{AccountId, AssetId, ByteSize, ObjectKey, ObjectRole, Sha1, Sha256, UploadId};
use picup_storage::{Error, Hashes, PartStored, Received, Receiving, Upload};
use support::*;
use tokio::sync::mpsc;

macro_rules! contract {
    ($($promise:ident)*) => {
        mod files { $(#[tokio::test] async fn $promise() { super::$promise(super::Fixture::files().await).await; })* }
        mod moving { $(#[tokio::test] async fn $promise() { super::$promise(super::Fixture::moving().await).await; })* }
        mod s3s { $(#[tokio::test] async fn $promise() { super::$promise(super::Fixture::s3s().await).await; })* }
        mod rclone { $(#[tokio::test] async fn $promise() { super::$promise(super::Fixture::rclone().await).await; })* }
        mod garage {
            $(
                #[tokio::test]
                #[ignore = "Garage is built for minutes: scripts/test-more garage"]
                async fn $promise() { super::$promise(super::Fixture::garage().await).await; }
            )*
        }
        mod memory { $(#[tokio::test] async fn $promise() { super::$promise(super::Fixture::memory().await).await; })* }
    };
}

contract! {
    what_is_put_is_read
    an_object_is_never_replaced
    of_racing_writers_one_wins
    ranges_give_as_much_as_there_is
    an_object_opens_as_a_file
    deleting_is_idempotent_and_leaves_readers_alone
    the_whole_object_is_hashed
    parts_come_in_any_order_and_in_parallel
    an_empty_file_is_one_empty_part
    a_bad_part_is_as_if_never_sent
    a_part_too_long_is_refused_before_its_end
    a_stored_part_stays_as_it_is
    there_are_no_other_parts_than_planned
    attempts_at_one_part_take_turns
    a_small_attempt_that_stalls_keeps_no_other_waiting
    beginning_again_while_the_part_arrives_stages_it_once
    an_attempt_that_goes_away_harms_nobody
    beginning_again_changes_nothing
    an_incomplete_upload_does_not_complete
    many_complete_as_one_by_one
    what_was_completed_is_not_begun_again
    completing_again_is_fine
    racing_completions_all_succeed
    completing_replaces_nothing
    an_aborted_upload_leaves_nothing
    aborting_under_a_writer_leaves_nothing
    an_upload_survives_restarts
    impossible_sizes_are_refused
    a_stream_becomes_an_object
    a_stream_is_nothing_until_it_has_ended
    a_stream_takes_no_parts
    an_aborted_stream_leaves_nothing
    a_received_stream_survives_restarts
    completing_a_stream_replaces_nothing
}

async fn what_is_put_is_read(it: Fixture) {
    for size in [0, 1, 1000, 256 << 10, (256 << 10) + 1, 1 << 20] {
        let (key, bytes) = (key(), noise(size as u64, size));
        assert!(matches!(it.storage.open_object(&key).await, Err(Error::NotFound(_))));
        it.storage.put(&key, bytes.clone()).await.unwrap();
        assert_eq!(it.storage.open_object(&key).await.unwrap().bytes(), size as u64);
        assert_eq!(it.content(&key).await, bytes);
    }
}

async fn an_object_is_never_replaced(it: Fixture) {
    let (key, first) = (key(), noise(1, 600_000));
    it.storage.put(&key, first.clone()).await.unwrap();
    it.storage.put(&key, first.clone()).await.unwrap();
    for other in [noise(2, 600_000), first.slice(1..), Bytes::new()] {
        assert!(matches!(it.storage.put(&key, other).await, Err(Error::Exists(k)) if *k == key));
    }
    assert_eq!(it.content(&key).await, first);
}

async fn of_racing_writers_one_wins(it: Fixture) {
    let key = key();
    let puts = (0..16).map(|seed| it.storage.put(&key, noise(seed, 10_000)));
    let results = future::join_all(puts).await;
    let winners: Vec<u64> = (0..).zip(&results).filter(|(_, result)| result.is_ok()).map(|(seed, _)| seed).collect();
    assert_eq!(winners.len(), 1);
    assert!(results.iter().all(|result| matches!(result, Ok(()) | Err(Error::Exists(_)))));
    assert_eq!(it.content(&key).await, noise(winners[0], 10_000));
}

async fn ranges_give_as_much_as_there_is(it: Fixture) {
    let (key, bytes) = (key(), noise(3, 700_000));
    it.storage.put(&key, bytes.clone()).await.unwrap();
    let opened = it.storage.open_object(&key).await.unwrap();
    let edges = [0, 1, 262_143, 262_144, 262_145, 524_288, 699_999, 700_000, 700_001, u64::MAX];
    for start in edges {
        for end in edges {
            let chunks: Vec<Bytes> = opened.read(start..end).try_collect().await.unwrap();
            assert!(chunks.iter().all(|chunk| !chunk.is_empty() && chunk.len() <= 1 << 20));
            let last = end.min(700_000) as usize;
            let wanted = bytes.get(start as usize..last).unwrap_or_default();
            assert!(chunks.concat() == wanted, "{start}..{end}");
        }
    }
}

async fn an_object_opens_as_a_file(it: Fixture) {
    let (key, bytes) = (key(), noise(4, 300_000));
    assert!(matches!(it.storage.open_file(&key).await, Err(Error::NotFound(_))));
    it.storage.put(&key, bytes.clone()).await.unwrap();
    for _ in 0..2 {
        let mut read = Vec::new();
        it.storage.open_file(&key).await.unwrap().read_to_end(&mut read).unwrap();
        assert_eq!(read, bytes);
    }
}

async fn deleting_is_idempotent_and_leaves_readers_alone(it: Fixture) {
    let (key, bytes) = (key(), noise(5, 700_000));
    it.storage.delete(&key).await.unwrap();
    it.storage.put(&key, bytes.clone()).await.unwrap();
    let mut reading = it.storage.read(&key, 0..u64::MAX).await.unwrap();
    let mut read = reading.next().await.unwrap().unwrap().to_vec();
    it.storage.delete(&key).await.unwrap();
    it.storage.delete(&key).await.unwrap();
    assert!(matches!(it.storage.open_object(&key).await, Err(Error::NotFound(_))));
    read.extend(collect(reading).await);
    assert_eq!(read, bytes);
}

/// Not of rclone's server, which may remove a folder that has become empty while another object is being written into it.
mod beside_a_deletion {
    #[tokio::test]
    async fn files() {
        super::writing_beside_a_deletion_works(super::Fixture::files().await).await;
    }

    #[tokio::test]
    async fn s3s() {
        super::writing_beside_a_deletion_works(super::Fixture::s3s().await).await;
    }

    #[tokio::test]
    async fn memory() {
        super::writing_beside_a_deletion_works(super::Fixture::memory().await).await;
    }
}

async fn writing_beside_a_deletion_works(it: Fixture) {
    let (owner, asset) = (AccountId::new(now()), AssetId::new(now()));
    let key = |role, version| ObjectKey::new(owner, asset, role, version, "webp");
    for round in 1..=it.rounds(40) as u32 {
        let (old, new) = (key(ObjectRole::Thumbnail, round), key(ObjectRole::Preview, round));
        it.storage.put(&old, noise(1, 100)).await.unwrap();
        let (deleted, put) = future::join(it.storage.delete(&old), it.storage.put(&new, noise(2, 100))).await;
        deleted.unwrap();
        put.unwrap();
        assert_eq!(it.content(&new).await, noise(2, 100));
        it.storage.delete(&new).await.unwrap();
    }
}

async fn the_whole_object_is_hashed(it: Fixture) {
    assert!(matches!(it.storage.hash(&key()).await, Err(Error::NotFound(_))));
    let sizes = [0, 1, (1 << 20) - 1, 1 << 20, 16 << 20, (33 << 20) + 1];
    let mut wanted = Vec::new();
    for size in sizes {
        let (key, bytes) = (key(), noise(size as u64, size));
        it.storage.put(&key, bytes.clone()).await.unwrap();
        wanted.push((key, Hashes { bytes: size as u64, sha256: Sha256::of(&bytes), sha1: Sha1::of(&bytes) }));
    }
    // All at once, more than may run together.
    let hashes = future::join_all(wanted.iter().map(|(key, _)| it.storage.hash(key))).await;
    for (hash, (_, wanted)) in hashes.into_iter().zip(&wanted) {
        assert_eq!(hash.unwrap(), *wanted);
    }
}

async fn parts_come_in_any_order_and_in_parallel(it: Fixture) {
    let (key, file) = (key(), noise(6, 2 * PART + 1234));
    let upload = begin(&it.storage, &key, file.len()).await;
    assert_eq!(it.storage.upload_parts(&upload).await.unwrap(), []);
    future::join_all([3, 1, 2].map(|number| send(&it.storage, &upload, &file, number))).await;
    let arrived = it.storage.upload_parts(&upload).await.unwrap();
    let stored = |number| {
        let bytes = part(&file, number);
        PartStored { number, bytes: bytes.len() as u64, sha256: Sha256::of(&bytes) }
    };
    assert_eq!(arrived, [1, 2, 3].map(stored));
    assert!(
        matches!(it.storage.open_object(&key).await, Err(Error::NotFound(_))),
        "nothing is shown before it is complete"
    );
    it.storage.upload_complete(&upload).await.unwrap();
    assert!(it.content(&key).await == file);
    assert_eq!(it.storage.uploads_staged().await.unwrap(), []);
}

async fn an_empty_file_is_one_empty_part(it: Fixture) {
    let key = key();
    let upload = begin(&it.storage, &key, 0).await;
    assert!(matches!(it.storage.upload_complete(&upload).await, Err(Error::UploadIncomplete { first_missing: 1, .. })));
    send(&it.storage, &upload, &Bytes::new(), 1).await;
    it.storage.upload_complete(&upload).await.unwrap();
    assert_eq!(it.storage.open_object(&key).await.unwrap().bytes(), 0);
    assert_eq!(it.content(&key).await, b"");
}

async fn a_bad_part_is_as_if_never_sent(it: Fixture) {
    let (key, file) = (key(), noise(7, 2_000_000));
    let upload = begin(&it.storage, &key, file.len()).await;
    let hash = Sha256::of(&file);
    let mut changed = file.to_vec();
    changed[1_500_000] ^= 1;
    let changed = Bytes::from(changed);
    let write = |bytes: &Bytes| it.storage.part_write(&upload, 1, hash, body(bytes));

    let error = write(&changed).await.unwrap_err();
    assert!(
        matches!(error, Error::PartHash { number: 1, expected, got } if expected == hash && got == Sha256::of(&changed))
    );
    let error = write(&file.slice(1..)).await.unwrap_err();
    assert!(matches!(error, Error::PartLength { number: 1, expected: 2_000_000, got: 1_999_999 }));
    let error = write(&Bytes::new()).await.unwrap_err();
    assert!(matches!(error, Error::PartLength { number: 1, expected: 2_000_000, got: 0 }));
    let broken = body(&file).map(|bytes| bytes.map_err(std::io::Error::other)).take(20);
    let broken = broken.chain(stream::iter([Err(std::io::ErrorKind::ConnectionReset.into())]));
    let error = it.storage.part_write(&upload, 1, hash, broken).await.unwrap_err();
    assert!(matches!(error, Error::Sender(cause) if cause.to_string().contains("reset")));

    assert_eq!(it.storage.upload_parts(&upload).await.unwrap(), []);
    assert!(it.storage.upload_complete(&upload).await.is_err());
    write(&file).await.unwrap();
    it.storage.upload_complete(&upload).await.unwrap();
    assert!(it.content(&key).await == file);
}

async fn a_part_too_long_is_refused_before_its_end(it: Fixture) {
    let (key, file) = (key(), noise(8, 100_000));
    let upload = begin(&it.storage, &key, file.len()).await;
    let endless = stream::repeat_with(|| Ok::<_, Infallible>(noise(8, 64 << 10)));
    let error = it.storage.part_write(&upload, 1, Sha256::of(&file), endless).await.unwrap_err();
    assert!(matches!(error, Error::PartLength { number: 1, expected: 100_000, got } if got > 100_000));
    assert!(error.to_string().contains("more came"), "{error}");
    assert_eq!(it.storage.upload_parts(&upload).await.unwrap(), []);
}

async fn a_stored_part_stays_as_it_is(it: Fixture) {
    let (key, file, other) = (key(), noise(9, 1_000_000), noise(10, 1_000_000));
    let upload = begin(&it.storage, &key, file.len()).await;
    send(&it.storage, &upload, &file, 1).await;
    send(&it.storage, &upload, &file, 1).await;
    let error = it.storage.part_write(&upload, 1, Sha256::of(&other), body(&other)).await.unwrap_err();
    assert!(matches!(error, Error::PartExists { number: 1, stored } if stored == Sha256::of(&file)));
    let error = it.storage.part_write(&upload, 1, Sha256::of(&file), body(&other)).await.unwrap_err();
    assert!(matches!(error, Error::PartHash { number: 1, .. }));
    let error = it.storage.part_write(&upload, 1, Sha256::of(&file), body(&other.slice(1..))).await.unwrap_err();
    assert!(matches!(error, Error::PartLength { number: 1, .. }));
    it.storage.upload_complete(&upload).await.unwrap();
    assert!(it.content(&key).await == file);
}

async fn there_are_no_other_parts_than_planned(it: Fixture) {
    let upload = begin(&it.storage, &key(), PART + 1).await;
    for number in [0, 3, u32::MAX] {
        let error = it.storage.part_write(&upload, number, Sha256::of(b""), body(&Bytes::new())).await.unwrap_err();
        assert!(matches!(error, Error::PartUnknown { number: n, count: 2 } if n == number));
    }
}

/// A body that comes when the test sends it, and tells when it is asked for.
fn body_by_hand() -> (mpsc::UnboundedSender<Bytes>, impl stream::Stream<Item = Result<Bytes, Infallible>> + Send) {
    let (send, receive) = mpsc::unbounded_channel();
    (send, stream::unfold(receive, |mut receive| async { Some((Ok(receive.recv().await?), receive)) }))
}

async fn attempts_at_one_part_take_turns(it: Fixture) {
    let (key, file) = (key(), noise(11, 1_000_000));
    let upload = begin(&it.storage, &key, file.len()).await;
    let hash = Sha256::of(&file);
    let (sender, first_body) = body_by_hand();
    let (began, mut first_began) = mpsc::unbounded_channel();
    let mut first = pin!(it.storage.part_write(
        &upload,
        1,
        hash,
        first_body.inspect(move |_| {
            let _ = began.send(());
        })
    ));
    sender.send(file.slice(..600_000)).unwrap();
    tokio::select! {
        _ = &mut first => panic!("it cannot end before its body"),
        _ = first_began.recv() => {}
    }
    let (asked, mut second_asked) = mpsc::unbounded_channel();
    let second_body = body(&file).inspect(move |_| {
        let _ = asked.send(());
    });
    let mut second = pin!(it.storage.part_write(&upload, 1, hash, second_body));
    for _ in 0..50 {
        assert!(poll!(&mut second).is_pending());
        tokio::task::yield_now().await;
    }
    assert!(second_asked.try_recv().is_err(), "the second waits for the first");
    sender.send(file.slice(600_000..)).unwrap();
    drop(sender);
    first.await.unwrap();
    second.await.unwrap();
    it.storage.upload_complete(&upload).await.unwrap();
    assert!(it.content(&key).await == file);
}

async fn a_small_attempt_that_stalls_keeps_no_other_waiting(it: Fixture) {
    let (key, file) = (key(), noise(72, 5_000));
    let upload = begin(&it.storage, &key, file.len()).await;
    let (sender, stalled) = body_by_hand();
    sender.send(file.slice(..100)).unwrap();
    let mut first = pin!(it.storage.part_write(&upload, 1, Sha256::of(&file), stalled));
    assert!(poll!(&mut first).is_pending());
    send(&it.storage, &upload, &file, 1).await;
    sender.send(file.slice(100..)).unwrap();
    drop(sender);
    first.await.unwrap();
    it.storage.upload_complete(&upload).await.unwrap();
    assert!(it.content(&key).await == file);
}

async fn beginning_again_while_the_part_arrives_stages_it_once(it: Fixture) {
    for round in 0..it.rounds(1500) {
        let (key, file) = (key(), noise(round, 1_000));
        let upload = begin(&it.storage, &key, file.len()).await;
        let size = ByteSize::new(file.len() as u64).unwrap();
        let arrived = Cell::new(false);
        let sent = async {
            send(&it.storage, &upload, &file, 1).await;
            arrived.set(true);
        };
        let begun_again_and_again = async {
            while !arrived.get() {
                assert_eq!(it.storage.upload_begin(upload.id(), &key, size).await.unwrap(), upload);
            }
        };
        future::join(sent, begun_again_and_again).await;
        send(&it.storage, &upload, &file, 1).await;
        it.storage.upload_complete(&upload).await.unwrap();
        assert_eq!(it.storage.uploads_staged().await.unwrap(), [], "round {round}");
    }
}

async fn an_attempt_that_goes_away_harms_nobody(it: Fixture) {
    let (key, file, wrong) = (key(), noise(12, 3_000_000), noise(13, 3_000_000));
    let upload = begin(&it.storage, &key, file.len()).await;
    for cut in 1..10 {
        // Polled a few times and dropped, perhaps with a write of wrong bytes still on its way.
        let stalled = body(&wrong).take(49).chain(stream::pending());
        let mut going = Box::pin(it.storage.part_write(&upload, 1, Sha256::of(&file), stalled));
        for _ in 0..cut {
            let _ = poll!(&mut going);
            tokio::task::yield_now().await;
        }
    }
    send(&it.storage, &upload, &file, 1).await;
    it.storage.upload_complete(&upload).await.unwrap();
    assert!(it.content(&key).await == file);
}

async fn beginning_again_changes_nothing(it: Fixture) {
    let (key, file) = (key(), noise(14, PART + 10));
    let upload = begin(&it.storage, &key, file.len()).await;
    send(&it.storage, &upload, &file, 2).await;
    let size = |bytes| ByteSize::new(bytes).unwrap();
    let again = it.storage.upload_begin(upload.id(), &key, size(file.len() as u64)).await.unwrap();
    assert_eq!(again, upload);
    assert_eq!(it.storage.upload_parts(&again).await.unwrap().len(), 1);
    let error = it.storage.upload_begin(upload.id(), &key, size(5)).await.unwrap_err();
    assert!(matches!(error, Error::UploadDiffers { asked: 5, .. }));
    let resumed = Upload::resume(upload.id(), key.clone(), size(5)).unwrap();
    let five = noise(1, 5);
    let error = it.storage.part_write(&resumed, 1, Sha256::of(&five), body(&five)).await.unwrap_err();
    assert!(matches!(error, Error::UploadDiffers { .. }));
    assert!(it.storage.upload_complete(&resumed).await.is_err());
    send(&it.storage, &upload, &file, 1).await;
    it.storage.upload_complete(&upload).await.unwrap();
    assert!(it.content(&key).await == file);
}

async fn an_incomplete_upload_does_not_complete(it: Fixture) {
    let (key, file) = (key(), noise(15, 2 * PART));
    let upload = begin(&it.storage, &key, file.len()).await;
    send(&it.storage, &upload, &file, 1).await;
    let error = it.storage.upload_complete(&upload).await.unwrap_err();
    assert!(matches!(error, Error::UploadIncomplete { first_missing: 2, .. }));
    assert!(matches!(it.storage.open_object(&key).await, Err(Error::NotFound(_))));
    assert_eq!(it.storage.upload_parts(&upload).await.unwrap().len(), 1);
}

async fn many_complete_as_one_by_one(it: Fixture) {
    let files: Vec<Bytes> = (0..6).map(|n| noise(60 + n, if n == 3 { PART + 10 } else { 1_000 })).collect();
    let wanted: Vec<_> =
        files.iter().map(|file| (UploadId::new(now()), key(), ByteSize::new(file.len() as u64).unwrap())).collect();
    let uploads = it.storage.upload_begin_many(&wanted).await.unwrap();
    for (upload, file) in uploads.iter().zip(&files).skip(1) {
        send(&it.storage, upload, file, 1).await;
    }
    assert_eq!(it.storage.uploads_whole(&uploads).await.unwrap(), [false, true, true, false, true, true]);
    send(&it.storage, &uploads[3], &files[3], 2).await;
    let error = it.storage.upload_complete_many(&uploads).await.unwrap_err();
    assert!(matches!(error, Error::UploadIncomplete { first_missing: 1, .. }), "{error}");
    send(&it.storage, &uploads[0], &files[0], 1).await;
    for _ in 0..2 {
        it.storage.upload_complete_many(&uploads).await.unwrap();
        assert_eq!(it.storage.uploads_staged().await.unwrap(), []);
    }
    for ((_, key, _), file) in wanted.iter().zip(&files) {
        assert!(it.content(key).await == *file);
    }
}

async fn what_was_completed_is_not_begun_again(it: Fixture) {
    for file in [noise(70, 1_000), noise(71, PART + 10)] {
        let key = key();
        let upload = begin(&it.storage, &key, file.len()).await;
        for number in 1..=file.len().div_ceil(PART) as u32 {
            send(&it.storage, &upload, &file, number).await;
        }
        it.storage.upload_complete(&upload).await.unwrap();
        let size = ByteSize::new(file.len() as u64).unwrap();
        let again = it.storage.upload_begin(upload.id(), &key, size).await;
        assert!(matches!(again, Err(Error::Exists(_))), "{again:?}");
        assert_eq!(it.storage.uploads_staged().await.unwrap(), []);
    }
}

async fn completing_again_is_fine(it: Fixture) {
    let (key, file) = (key(), noise(16, 50_000));
    let upload = begin(&it.storage, &key, file.len()).await;
    send(&it.storage, &upload, &file, 1).await;
    for _ in 0..3 {
        it.storage.upload_complete(&upload).await.unwrap();
    }
    let error = it.storage.part_write(&upload, 1, Sha256::of(&file), body(&file)).await.unwrap_err();
    assert!(matches!(error, Error::UploadNotFound(id) if id == upload.id()));
    assert_eq!(it.content(&key).await, file);
    let it = it.restarted().await;
    it.storage.upload_complete(&upload).await.unwrap();
    it.storage.upload_abort(upload.id()).await.unwrap();
    assert_eq!(it.content(&key).await, file);
}

async fn racing_completions_all_succeed(it: Fixture) {
    for seed in 0..10 {
        let (key, file) = (key(), noise(seed, 50_000));
        let upload = begin(&it.storage, &key, file.len()).await;
        send(&it.storage, &upload, &file, 1).await;
        for result in future::join_all((0..8).map(|_| it.storage.upload_complete(&upload))).await {
            result.unwrap();
        }
        assert_eq!(it.content(&key).await, file);
    }
}

async fn completing_replaces_nothing(it: Fixture) {
    let (key, file, other) = (key(), noise(17, 50_000), noise(18, 50_000));
    let upload = begin(&it.storage, &key, file.len()).await;
    send(&it.storage, &upload, &file, 1).await;
    it.storage.put(&key, other.clone()).await.unwrap();
    assert!(matches!(it.storage.upload_complete(&upload).await, Err(Error::Exists(_))));
    assert_eq!(it.content(&key).await, other);
}

async fn an_aborted_upload_leaves_nothing(it: Fixture) {
    let (key, file) = (key(), noise(19, PART + 1));
    let upload = begin(&it.storage, &key, file.len()).await;
    send(&it.storage, &upload, &file, 1).await;
    assert_eq!(it.storage.uploads_staged().await.unwrap(), [upload.id()]);
    it.storage.upload_abort(upload.id()).await.unwrap();
    it.storage.upload_abort(upload.id()).await.unwrap();
    it.storage.upload_abort(UploadId::new(now())).await.unwrap();
    assert_eq!(it.storage.uploads_staged().await.unwrap(), []);
    assert!(matches!(it.storage.upload_parts(&upload).await, Err(Error::UploadNotFound(_))));
    assert!(matches!(it.storage.upload_complete(&upload).await, Err(Error::UploadNotFound(_))));
}

async fn aborting_under_a_writer_leaves_nothing(it: Fixture) {
    let (key, file) = (key(), noise(20, 1_000_000));
    let upload = begin(&it.storage, &key, file.len()).await;
    let (sender, by_hand) = body_by_hand();
    let (began, mut has_begun) = mpsc::unbounded_channel();
    let by_hand = by_hand.inspect(move |_| {
        let _ = began.send(());
    });
    let mut writing = pin!(it.storage.part_write(&upload, 1, Sha256::of(&file), by_hand));
    sender.send(file.slice(..700_000)).unwrap();
    tokio::select! {
        _ = &mut writing => panic!("it cannot end before its body"),
        _ = has_begun.recv() => {}
    }
    it.storage.upload_abort(upload.id()).await.unwrap();
    sender.send(file.slice(700_000..)).unwrap();
    drop(sender);
    let _ = writing.await;
    assert!(matches!(it.storage.upload_complete(&upload).await, Err(Error::UploadNotFound(_))));
    assert_eq!(it.storage.uploads_staged().await.unwrap(), []);
    assert!(matches!(it.storage.open_object(&key).await, Err(Error::NotFound(_))));
}

async fn an_upload_survives_restarts(it: Fixture) {
    let (key, file) = (key(), noise(21, 2 * PART + 5));
    let upload = begin(&it.storage, &key, file.len()).await;
    let it = it.restarted().await;
    send(&it.storage, &upload, &file, 2).await;
    // A part cut off in the middle …
    let half = body(&part(&file, 1)).map(|bytes| bytes.map_err(std::io::Error::other)).take(100);
    let half = half.chain(stream::iter([Err(std::io::ErrorKind::BrokenPipe.into())]));
    it.storage.part_write(&upload, 1, Sha256::of(&part(&file, 1)), half).await.unwrap_err();
    let it = it.restarted().await;
    // … is not listed, the whole one is, and the client goes on from there.
    let upload = Upload::resume(upload.id(), key.clone(), ByteSize::new(file.len() as u64).unwrap());
    let upload = upload.unwrap();
    let arrived: Vec<u32> = it.storage.upload_parts(&upload).await.unwrap().iter().map(|part| part.number).collect();
    assert_eq!(arrived, [2]);
    send(&it.storage, &upload, &file, 1).await;
    send(&it.storage, &upload, &file, 3).await;
    let it = it.restarted().await;
    it.storage.upload_complete(&upload).await.unwrap();
    let it = it.restarted().await;
    assert!(it.content(&key).await == file);
    assert_eq!(it.storage.uploads_staged().await.unwrap(), []);
}

async fn impossible_sizes_are_refused(it: Fixture) {
    let most = ByteSize::new(i64::MAX as u64).unwrap();
    let error = it.storage.upload_begin(UploadId::new(now()), &key(), most).await.unwrap_err();
    assert!(matches!(error, Error::Invalid(_)));
    assert_eq!(it.storage.uploads_staged().await.unwrap(), []);
}

async fn receive(it: &Fixture, key: &ObjectKey, file: &Bytes) -> Received {
    let mut receiving = it.storage.receive_begin(UploadId::new(now()), key).await.unwrap();
    send_stream(&mut receiving, file).await;
    receiving.finish().await.unwrap()
}

async fn send_stream(receiving: &mut Receiving, file: &Bytes) {
    let mut body = body(file);
    while let Some(bytes) = body.next().await {
        receiving.write(bytes.unwrap()).await.unwrap();
    }
}

async fn a_stream_becomes_an_object(it: Fixture) {
    for size in [0, 1, 60_000, (512 << 10) + 1, 2 * PART + 5] {
        let (key, file) = (key(), noise(size as u64, size));
        let received = receive(&it, &key, &file).await;
        assert_eq!((received.sha256, received.sha1), (Sha256::of(&file), Sha1::of(&file)));
        assert_eq!(received.upload.bytes(), size as u64);
        assert!(matches!(it.storage.open_object(&key).await, Err(Error::NotFound(_))), "it does not count yet");
        for _ in 0..2 {
            it.storage.upload_complete(&received.upload).await.unwrap();
        }
        assert!(it.content(&key).await == file);
    }
    assert_eq!(it.storage.uploads_staged().await.unwrap(), []);
}

async fn a_stream_is_nothing_until_it_has_ended(it: Fixture) {
    let (key, file, id) = (key(), noise(31, 2_000_000), UploadId::new(now()));
    let mut receiving = it.storage.receive_begin(id, &key).await.unwrap();
    assert!(matches!(it.storage.receive_begin(id, &key).await, Err(Error::UploadBegun(begun)) if begun == id));
    send_stream(&mut receiving, &file).await;
    assert_eq!(it.storage.uploads_staged().await.unwrap(), [id]);
    let upload = Upload::resume(id, key.clone(), ByteSize::new(2_000_000).unwrap()).unwrap();
    assert!(matches!(it.storage.upload_complete(&upload).await, Err(Error::UploadNotFound(_))));
    assert!(matches!(it.storage.upload_parts(&upload).await, Err(Error::UploadNotFound(_))));
    // As after a crash in the middle: only the abort finds it, as it finds every upload.
    drop(receiving);
    let it = it.restarted().await;
    assert_eq!(it.storage.uploads_staged().await.unwrap(), [id]);
    assert!(matches!(it.storage.upload_complete(&upload).await, Err(Error::UploadNotFound(_))));
    it.storage.upload_abort(id).await.unwrap();
    assert_eq!(it.storage.uploads_staged().await.unwrap(), []);
}

async fn a_stream_takes_no_parts(it: Fixture) {
    let (key, file, other) = (key(), noise(32, 1_000_000), noise(33, 1_000_000));
    let received = receive(&it, &key, &file).await;
    assert_eq!(it.storage.upload_parts(&received.upload).await.unwrap(), []);
    let error = it.storage.part_write(&received.upload, 1, Sha256::of(&other), body(&other)).await.unwrap_err();
    assert!(matches!(error, Error::UploadNotFound(_)), "{error}");
    it.storage.upload_complete(&received.upload).await.unwrap();
    assert!(it.content(&key).await == file);
}

async fn an_aborted_stream_leaves_nothing(it: Fixture) {
    let (key, file, id) = (key(), noise(34, 2_000_000), UploadId::new(now()));
    let mut receiving = it.storage.receive_begin(id, &key).await.unwrap();
    send_stream(&mut receiving, &file).await;
    it.storage.upload_abort(id).await.unwrap();
    assert!(matches!(receiving.finish().await, Err(Error::UploadNotFound(gone)) if gone == id));
    assert_eq!(it.storage.uploads_staged().await.unwrap(), []);
    let received = receive(&it, &key, &file).await;
    it.storage.upload_abort(received.upload.id()).await.unwrap();
    assert!(matches!(it.storage.upload_complete(&received.upload).await, Err(Error::UploadNotFound(_))));
    assert_eq!(it.storage.uploads_staged().await.unwrap(), []);
}

async fn a_received_stream_survives_restarts(it: Fixture) {
    let (key, file) = (key(), noise(35, PART + 5));
    let received = receive(&it, &key, &file).await;
    let it = it.restarted().await;
    it.storage.upload_complete(&received.upload).await.unwrap();
    let it = it.restarted().await;
    it.storage.upload_complete(&received.upload).await.unwrap();
    assert!(it.content(&key).await == file);
}

async fn completing_a_stream_replaces_nothing(it: Fixture) {
    let (key, file, other) = (key(), noise(36, 50_000), noise(37, 50_000));
    let received = receive(&it, &key, &file).await;
    it.storage.put(&key, other.clone()).await.unwrap();
    assert!(matches!(it.storage.upload_complete(&received.upload).await, Err(Error::Exists(_))));
    assert_eq!(it.content(&key).await, other);
}
