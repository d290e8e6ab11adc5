//! A store that is exchanged for another one while it is in use.

#![allow(clippy::unwrap_used, reason = "a test stops where something it counts on fails")]

mod support;

use std::time::Duration;

use futures_util::TryStreamExt;
use picup_domain::{ByteSize, ObjectKey, Sha256, UploadId};
use picup_storage::{Error, Expected, Metrics, ReadAs, Settings, Sides, Storage};
use picup_testkit::S3Server;
use support::*;
use tempfile::TempDir;

/// A store, and where it moves to.
struct Way {
    storage: Storage,
    to: Settings,
    _under: (TempDir, Option<S3Server>),
}

impl Way {
    /// Each pair that people have.
    async fn all() -> Vec<Self> {
        vec![Self::of(Kind::Files).await, Self::of(Kind::IntoBucket).await, Self::of(Kind::OutOfBucket).await]
    }

    async fn of(kind: Kind) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let files = |name: &str| Settings::files(folder.path().join(name));
        let server = (!matches!(kind, Kind::Files)).then(|| S3Server::start().unwrap());
        let bucket = || Settings::s3(s3s_bucket(server.as_ref().unwrap(), &folder));
        let (from, to) = match kind {
            Kind::Files => (files("old"), files("new")),
            Kind::IntoBucket => (files("old"), bucket()),
            Kind::OutOfBucket => (bucket(), files("new")),
        };
        let storage = Storage::open(from, Metrics::default()).await.unwrap();
        Self { storage, to, _under: (folder, server) }
    }

    async fn begin(&self) -> Sides {
        self.storage.begin_move(self.to.clone()).await.unwrap();
        self.storage.settle_move().await.unwrap();
        self.storage.sides().unwrap()
    }
}

enum Kind {
    Files,
    IntoBucket,
    OutOfBucket,
}

async fn stands(storage: &Storage, key: &ObjectKey) -> bool {
    match storage.open_object(key).await {
        Ok(_) => true,
        Err(Error::NotFound(_)) => false,
        Err(error) => panic!("{error}"),
    }
}

async fn listed(storage: &Storage) -> Vec<String> {
    let mut keys: Vec<String> = storage.list().map_ok(|(key, _)| key.to_string()).try_collect().await.unwrap();
    keys.sort_unstable();
    keys
}

#[tokio::test]
async fn what_was_there_is_read_what_is_new_goes_to_the_new_place_and_what_is_deleted_goes_from_both() {
    for way in Way::all().await {
        let storage = &way.storage;
        let (old, new, both) = (key(), key(), key());
        for (number, key) in [&old, &both].into_iter().enumerate() {
            storage.put(key, noise(number as u64, 1_000)).await.unwrap();
        }
        let reading = storage.open_object(&old).await.unwrap();
        let Sides { from, to } = way.begin().await;
        storage.put(&new, noise(7, 300_000)).await.unwrap();
        assert!(stands(&to, &new).await && !stands(&from, &new).await);
        to.put(&both, noise(1, 1_000)).await.unwrap();
        assert_eq!(content(storage, &old).await, noise(0, 1_000));
        assert_eq!(content(storage, &new).await, noise(7, 300_000));
        assert_eq!(collect(reading.read(0..u64::MAX)).await, noise(0, 1_000));
        assert_eq!(storage.hash(&old).await.unwrap().sha256, Sha256::of(&noise(0, 1_000)));
        assert!(storage.open_file(&old).await.is_ok());
        assert!(matches!(storage.open_object(&key()).await, Err(Error::NotFound(_))));
        let mut every = vec![old.to_string(), new.to_string(), both.to_string(), both.to_string()];
        every.sort_unstable();
        assert_eq!(listed(storage).await, every);
        storage.delete(&both).await.unwrap();
        storage.delete(&old).await.unwrap();
        assert!(listed(&from).await.is_empty() && !stands(storage, &both).await);
        storage.end_move().await;
        assert!(storage.sides().is_none());
        assert_eq!(listed(storage).await, [new.to_string()]);
    }
}

#[tokio::test]
async fn an_upload_stays_in_the_place_that_it_was_begun_in() {
    for way in Way::all().await {
        let storage = &way.storage;
        let (old, new, file) = (key(), key(), noise(1, PART + 500));
        let before = begin(storage, &old, file.len()).await;
        send(storage, &before, &file, 1).await;
        let Sides { from, to } = way.begin().await;
        let since = begin(storage, &new, file.len()).await;
        assert_eq!(from.uploads_staged().await.unwrap(), [before.id()]);
        assert_eq!(to.uploads_staged().await.unwrap(), [since.id()]);
        let mut staged = vec![before.id(), since.id()];
        staged.sort_unstable();
        assert_eq!(storage.uploads_staged().await.unwrap(), staged);
        begin_again(storage, &before).await.unwrap();
        for (upload, numbers) in [(&before, 2..=2), (&since, 1..=2)] {
            for number in numbers {
                send(storage, upload, &file, number).await;
            }
            assert_eq!(storage.upload_parts(upload).await.unwrap().len(), 2);
        }
        let uploads = [since.clone(), before.clone()];
        assert_eq!(storage.uploads_whole(&uploads).await.unwrap(), [true, true]);
        storage.upload_complete_many(&uploads).await.unwrap();
        for upload in &uploads {
            storage.upload_complete(upload).await.unwrap();
            assert_eq!(content(storage, upload.key()).await, file);
        }
        assert!(stands(&from, &old).await && !stands(&to, &old).await);
        assert!(stands(&to, &new).await && !stands(&from, &new).await);
        assert!(matches!(begin_again(storage, &before).await, Err(Error::Exists(_))));
    }
}

async fn begin_again(storage: &Storage, upload: &picup_storage::Upload) -> Result<(), Error> {
    let size = ByteSize::new(upload.bytes()).unwrap();
    storage.upload_begin(upload.id(), upload.key(), size).await.map(drop)
}

#[tokio::test]
async fn one_that_is_given_up_and_begun_anew_is_in_the_new_place() {
    for way in Way::all().await {
        let storage = &way.storage;
        let upload = begin(storage, &key(), 10).await;
        let Sides { from, to } = way.begin().await;
        storage.upload_abort(upload.id()).await.unwrap();
        assert!(storage.uploads_staged().await.unwrap().is_empty());
        begin_again(storage, &upload).await.unwrap();
        assert!(from.uploads_staged().await.unwrap().is_empty());
        send(storage, &upload, &noise(1, 10), 1).await;
        storage.upload_complete(&upload).await.unwrap();
        assert!(stands(&to, upload.key()).await);
    }
}

#[tokio::test]
async fn a_stream_that_was_begun_before_ends_where_it_was_begun() {
    for way in Way::all().await {
        let storage = &way.storage;
        let (old, id) = (key(), UploadId::new(now()));
        let mut receiving = storage.receive_begin(id, &old).await.unwrap();
        receiving.write(noise(1, 700_000)).await.unwrap();
        let Sides { from, to } = way.begin().await;
        receiving.write(noise(2, 10)).await.unwrap();
        let received = receiving.finish().await.unwrap();
        assert_eq!(from.uploads_staged().await.unwrap(), [id], "it is waited for");
        storage.upload_complete(&received.upload).await.unwrap();
        assert!(stands(&from, &old).await && !stands(&to, &old).await);
        assert_eq!(content(storage, &old).await.len(), 700_010);
    }
}

#[tokio::test]
async fn what_was_completed_in_the_old_place_before_a_restart_is_complete() {
    let way = Way::of(Kind::Files).await;
    let upload = begin(&way.storage, &key(), 10).await;
    send(&way.storage, &upload, &noise(1, 10), 1).await;
    way.storage.upload_complete(&upload).await.unwrap();
    way.begin().await;
    way.storage.upload_complete(&upload).await.unwrap();
    let never = picup_storage::Upload::resume(UploadId::new(now()), key(), ByteSize::new(10).unwrap()).unwrap();
    assert!(matches!(way.storage.upload_complete(&never).await, Err(Error::UploadNotFound(_))));
}

#[tokio::test]
async fn turned_back_what_is_new_is_where_everything_was() {
    for way in Way::all().await {
        let storage = &way.storage;
        let (old, away, back) = (key(), key(), key());
        storage.put(&old, noise(1, 100)).await.unwrap();
        let forth = way.begin().await;
        storage.put(&away, noise(2, 100)).await.unwrap();
        let upload = begin(storage, &key(), 10).await;
        for _ in 0..2 {
            storage.turn_back().await;
            storage.settle_move().await.unwrap();
            storage.put(&back, noise(3, 100)).await.unwrap();
        }
        assert!(stands(&forth.from, &back).await && !stands(&forth.to, &back).await);
        assert_eq!(storage.sides().unwrap().from.uploads_staged().await.unwrap(), [upload.id()]);
        for key in [&old, &away, &back] {
            assert!(stands(storage, key).await);
        }
        storage.end_move().await;
        assert!(stands(storage, &old).await && stands(storage, &back).await && !stands(storage, &away).await);
    }
}

#[tokio::test]
async fn what_is_put_back_takes_the_broken_one_from_the_old_place() {
    for way in Way::all().await {
        let (broken, good) = (key(), noise(2, 100));
        way.storage.put(&broken, noise(1, 100)).await.unwrap();
        let Sides { from, to } = way.begin().await;
        let source = Storage::open(Settings::memory(), Metrics::default()).await.unwrap();
        source.put(&broken, good.clone()).await.unwrap();
        let expected = Expected { bytes: 100, sha256: Some(Sha256::of(&good)) };
        let content = source.read(&broken, 0..u64::MAX).await.unwrap();
        way.storage.put_back(&broken, content, expected, true).await.unwrap();
        assert!(stands(&to, &broken).await && !stands(&from, &broken).await);
    }
}

#[tokio::test]
async fn nobody_is_sent_to_a_place_that_pages_were_not_told_of() {
    let way = Way::of(Kind::OutOfBucket).await;
    let told = ReadAs { content_type: "image/jpeg", cache_control: "private", content_disposition: None };
    let old = key();
    way.storage.put(&old, noise(1, 10)).await.unwrap();
    let address = async || way.storage.read_address(&old, &told, Duration::from_secs(60)).await.unwrap();
    assert!(address().await.is_some());
    way.begin().await;
    assert!(address().await.is_none(), "it may be in either place");
    way.storage.turn_back().await;
    way.storage.end_move().await;
    assert!(address().await.is_some() && way.storage.bucket_origin().is_some());

    let into = Way::of(Kind::IntoBucket).await;
    into.begin().await;
    into.storage.end_move().await;
    assert_eq!(into.storage.kind(), "s3");
    assert!(into.storage.read_address(&old, &told, Duration::from_secs(60)).await.unwrap().is_none());
    assert!(into.storage.bucket_origin().is_none() && into.storage.parts_origin().is_none());
    assert!(
        into.storage.probe(None, std::future::pending()).await.is_err() && into.storage.probe_reads().await.is_err()
    );
}
