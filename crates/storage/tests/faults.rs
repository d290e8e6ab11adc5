//! A bucket whose network and service fail all the time: nothing is lost, nothing is shown before it is whole, and in the end all
//! is there.

#![allow(clippy::unwrap_used, reason = "a test stops where something it counts on fails")]

mod support;

use std::time::Duration;

use bytes::Bytes;
use futures_util::stream::{self, StreamExt};
use picup_domain::{ByteSize, ObjectKey, Sha256, UploadId};
use picup_storage::{Error, Metrics, Settings, Storage};
use picup_testkit::{Direction, Fault, FaultProxy, S3Server};
use support::*;
use tokio::sync::watch;

/// How often one step is tried; so many failures in a row are more than bad luck.
const TRIES: u32 = 40;

/// Does a step until it is done, as a client does whom PicUp tells to try again.
async fn until_done<T>(done_steps: &watch::Sender<u32>, mut step: impl AsyncFnMut() -> Result<T, Error>) -> T {
    let mut last = None;
    for _ in 0..TRIES {
        match step().await {
            Ok(done) => {
                done_steps.send_modify(|steps| *steps += 1);
                return done;
            }
            Err(error @ Error::Remote { .. }) => last = Some(error),
            Err(other) => panic!("{other:?}"),
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("it never succeeds: {last:?}");
}

/// Uploads a file; it is never seen but whole.
async fn upload(storage: &Storage, steps: &watch::Sender<u32>, key: &ObjectKey, file: &Bytes) {
    let (id, size) = (UploadId::new(now()), ByteSize::new(file.len() as u64).unwrap());
    let upload = until_done(steps, async || storage.upload_begin(id, key, size).await).await;
    for number in 1..=file.len().div_ceil(PART) as u32 {
        let bytes = part(file, number);
        until_done(steps, async || storage.part_write(&upload, number, Sha256::of(&bytes), body(&bytes)).await).await;
        match storage.open_object(key).await {
            Err(Error::NotFound(_) | Error::Remote { .. }) => {}
            seen => panic!("it is seen before it is complete: {seen:?}"),
        }
    }
    until_done(steps, async || storage.upload_complete(&upload).await).await;
}

/// The network and the service fail in turns, until it is dropped; between two failures so much gets done that it comes to an end.
async fn trouble(proxy: &FaultProxy, server: &S3Server, mut steps: watch::Receiver<u32>) {
    let faults = [
        (Direction::ToServer, Fault::ResetAfter(700)),
        (Direction::ToClient, Fault::ResetAfter(300)),
        (Direction::ToServer, Fault::CutAfter(40_000)),
        (Direction::ToClient, Fault::CutAfter(150)),
        (Direction::ToServer, Fault::Stall),
        (Direction::ToClient, Fault::Stall),
        (Direction::ToServer, Fault::Corrupt(6_000)),
    ];
    server.trouble_every(7);
    for (direction, fault) in faults.into_iter().cycle() {
        proxy.set(direction, fault);
        tokio::time::sleep(Duration::from_millis(120)).await;
        proxy.set(direction, Fault::Pass);
        proxy.sever();
        let enough = *steps.borrow() + 4;
        let _ = steps.wait_for(|steps| *steps >= enough).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_lost_in_trouble() {
    let (server, spool) = (S3Server::start().unwrap(), tempfile::tempdir().unwrap());
    let proxy = FaultProxy::start(server.address()).await.unwrap();
    let endpoint = Some(format!("http://{}", proxy.address()));
    let bucket = picup_storage::Bucket { endpoint, ..s3s_bucket(&server, &spool) };
    let storage = Storage::open(Settings::s3(bucket), Metrics::default()).await.unwrap();

    let files: Vec<(ObjectKey, Bytes)> = (0..60)
        .map(|seed| (key(), noise(seed, if seed % 20 == 0 { PART + 9 } else { 2_000 * seed as usize })))
        .collect();
    let steps = watch::Sender::new(0);
    let uploads =
        stream::iter(&files).map(|(key, file)| upload(&storage, &steps, key, file)).buffer_unordered(8).count();
    tokio::select! {
        () = trouble(&proxy, &server, steps.subscribe()) => {}
        count = uploads => assert_eq!(count, files.len()),
    }
    server.trouble_every(0);
    proxy.set(Direction::ToServer, Fault::Pass);
    proxy.set(Direction::ToClient, Fault::Pass);
    for (key, file) in &files {
        assert_eq!(storage.hash(key).await.unwrap().sha256, Sha256::of(file));
    }
    assert_eq!(storage.uploads_staged().await.unwrap(), []);
}
