//! Copies made while the network and the services at both ends fail all the time: every one is made and proved in the end, and
//! nothing wrong ever counts.

use std::collections::HashSet;
use std::sync::Mutex;
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream::{self, StreamExt};
use picup_domain::{ObjectKey, Sha256};
use picup_storage::{Backup, BackupPlace, Bucket, Error, Metrics, Settings, Storage, Stored};
use picup_testkit::{Direction, Fault, FaultProxy, S3Server};
use tokio::sync::watch;

use crate::fixture::*;
use crate::support::*;

/// How often one step is tried; so many failures in a row are more than bad luck.
const TRIES: u32 = 60;
/// How many are under way at once.
const AT_ONCE: usize = 32;

/// A service, and the network before it.
struct End {
    server: S3Server,
    proxy: FaultProxy,
}

impl End {
    async fn new() -> Self {
        let server = S3Server::start_with_rights().unwrap();
        let proxy = FaultProxy::start(server.address()).await.unwrap();
        Self { server, proxy }
    }

    fn bucket(&self, spool: &tempfile::TempDir, keys: (&str, &str), direct: bool) -> Bucket {
        let endpoint = if direct { self.server.endpoint() } else { format!("http://{}", self.proxy.address()) };
        bucket(endpoint, self.server.bucket(), keys, spool)
    }

    fn primary(&self, spool: &tempfile::TempDir, direct: bool) -> Settings {
        Settings::s3(self.bucket(spool, (self.server.access_key(), self.server.secret_key()), direct))
    }

    fn backup(&self, spool: &tempfile::TempDir, key: &picup_storage::SealIdentity, direct: bool) -> Backup {
        let place = BackupPlace::S3 {
            bucket: Box::new(self.bucket(spool, self.server.writer(), direct)),
            reader: Some(credentials(self.server.reader())),
            remover: None,
        };
        opened(place, Some(key), Some(key), None)
    }

    fn calm(&self) {
        self.server.trouble_every(0);
        self.proxy.set(Direction::ToServer, Fault::Pass);
        self.proxy.set(Direction::ToClient, Fault::Pass);
    }
}

/// Both networks and services fail in turns, until it is dropped; between two failures so much gets done that it comes to an end.
async fn trouble(ends: [&End; 2], mut steps: watch::Receiver<u32>) {
    let faults = [
        (Direction::ToServer, Fault::ResetAfter(700)),
        (Direction::ToClient, Fault::ResetAfter(300)),
        (Direction::ToServer, Fault::CutAfter(40_000)),
        (Direction::ToClient, Fault::CutAfter(150)),
        (Direction::ToServer, Fault::Stall),
        (Direction::ToClient, Fault::Stall),
        (Direction::ToServer, Fault::Corrupt(2_500)),
        (Direction::ToClient, Fault::Corrupt(1_500)),
        (Direction::ToClient, Fault::Slow(200_000)),
    ];
    ends[0].server.trouble_every(23);
    ends[1].server.trouble_every(17);
    for (turn, (direction, fault)) in faults.into_iter().cycle().enumerate() {
        let end = ends[turn / 2 % 2];
        end.proxy.set(direction, fault);
        tokio::time::sleep(Duration::from_millis(60)).await;
        end.proxy.set(direction, Fault::Pass);
        end.proxy.sever();
        let enough = *steps.borrow() + 10;
        // Who waits for bytes whose number was changed on the way waits until the next fault.
        let _ = tokio::time::timeout(Duration::from_secs(1), steps.wait_for(|steps| *steps >= enough)).await;
    }
}

struct Work<'w> {
    primary: Storage,
    backup: Backup,
    steps: &'w watch::Sender<u32>,
    /// Kinds of failures that were seen.
    failures: Mutex<HashSet<&'static str>>,
}

impl Work<'_> {
    async fn until_done<T>(&self, mut step: impl AsyncFnMut(u32) -> Result<T, Error>) -> T {
        let mut last = None;
        for attempt in 0..TRIES {
            match step(attempt).await {
                Ok(done) => {
                    self.steps.send_modify(|steps| *steps += 1);
                    return done;
                }
                Err(error) => {
                    self.failures.lock().unwrap().insert(match &error {
                        Error::Remote { .. } => "remote",
                        Error::SourceDiffers => "source",
                        Error::Altered(_) | Error::NotAsWritten(_) => "altered",
                        other => panic!("{other:?}"),
                    });
                    last = Some(error);
                }
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("it never succeeds: {last:?}");
    }

    /// Keeps a photo and then copies it, as PicUp does it: again when it failed, and under its next name when what stands there is
    /// something else. Gives the copy's generation.
    async fn upload_and_copy(&self, key: &ObjectKey, file: &Bytes) -> (u32, Stored) {
        self.until_done(async |_| self.primary.put(key, file.clone()).await).await;
        let mut generation = 1;
        let stored = self.until_done(async |attempt| {
            let source = async { Ok(self.primary.open_object(key).await?.read(0..u64::MAX)) };
            let name = copy_of(key, generation, true);
            let kept = self.backup.keep(&name, source, expected(file), attempt > 0).await;
            generation += u32::from(matches!(kept, Err(Error::Altered(_))));
            kept
        });
        let stored = stored.await;
        (generation, stored)
    }
}

async fn copies_in_trouble(photos: u64) {
    let (ends, spool) = ([End::new().await, End::new().await], tempfile::tempdir().unwrap());
    let seal = picup_storage::SealIdentity::generate();
    let files: Vec<(ObjectKey, Bytes)> = (0..photos)
        .map(|seed| (key(), noise(seed, if seed % 100 == 7 { (8 << 20) + 99 } else { 40 * seed as usize + 1 })))
        .collect();
    let steps = watch::Sender::new(0);
    let primary = Storage::open(ends[0].primary(&spool, false), Metrics::default()).await.unwrap();
    let work =
        Work { primary, backup: ends[1].backup(&spool, &seal, false), steps: &steps, failures: Mutex::default() };
    let copying = stream::iter(&files).map(|(key, file)| work.upload_and_copy(key, file));
    let copying = copying.buffered(AT_ONCE).collect::<Vec<_>>();
    let copies = tokio::select! {
        () = trouble([&ends[0], &ends[1]], steps.subscribe()) => panic!("it has no end"),
        copies = copying => copies,
    };
    ends.iter().for_each(End::calm);
    assert!(work.failures.lock().unwrap().contains("remote"), "there was no trouble");
    let (primary, backup) = (ends[0].primary(&spool, true), ends[1].backup(&spool, &seal, true));
    let primary = Storage::open(primary, Metrics::default()).await.unwrap();
    for ((key, file), (generation, stored)) in files.iter().zip(&copies) {
        assert_eq!(primary.hash(key).await.unwrap().sha256, Sha256::of(file));
        let name = copy_of(key, *generation, true);
        backup.prove(&name, stored).await.unwrap();
        assert_eq!(backup.prove_content(&name, expected(file)).await.unwrap(), *stored);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_copy_is_made_in_trouble() {
    copies_in_trouble(200).await;
}

/// As many as the promise says: `scripts/test-more copies`.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes a minute; scripts/test-more copies runs it"]
async fn a_thousand_copies_are_made_in_trouble() {
    copies_in_trouble(1_000).await;
}
