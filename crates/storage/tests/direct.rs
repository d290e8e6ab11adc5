//! Parts that go straight into a bucket: what an address is good for, and what it is never good for.

#![allow(clippy::unwrap_used, reason = "a test stops where something it counts on fails")]

mod support;

use std::future::pending;
use std::time::Duration;

use bytes::Bytes;
use picup_domain::{ByteSize, ObjectKey, Sha256};
use picup_storage::{Error, Metrics, PartAddress, PartsBy, Settings, Storage, Upload};
use picup_testkit::S3Server;
use support::*;
use tempfile::TempDir;

const LIFE: Duration = Duration::from_secs(600);
const ORIGIN: &str = "https://photos.example.org";

/// A store in a bucket into which parts go straight.
struct Direct {
    storage: Storage,
    server: S3Server,
    _spool: TempDir,
}

impl Direct {
    async fn start() -> Self {
        let (server, spool) = (S3Server::start_like_amazon().unwrap(), tempfile::tempdir().unwrap());
        let bucket = picup_storage::Bucket { parts: PartsBy::Probe, ..s3s_bucket(&server, &spool) };
        let storage = Storage::open(Settings::s3(bucket), Metrics::default()).await.unwrap();
        storage.probe(Some(ORIGIN), pending()).await.unwrap();
        Self { storage, server, _spool: spool }
    }

    async fn address(&self, upload: &Upload, number: u32, bytes: &Bytes) -> PartAddress {
        let wanted = [(number, Sha256::of(bytes))];
        let addresses = self.storage.part_addresses(upload, &wanted, LIFE).await.unwrap();
        addresses.expect("parts go straight").remove(0)
    }
}

/// Sends what an address is given for, with the headers it came with.
async fn put(address: &PartAddress, bytes: &Bytes) -> reqwest::StatusCode {
    put_with(address, bytes, &[]).await
}

async fn put_with(address: &PartAddress, bytes: &Bytes, more: &[(&str, &str)]) -> reqwest::StatusCode {
    let mut request = reqwest::Client::new().put(&address.url).body(bytes.clone());
    for (name, value) in &address.headers {
        request = request.header(name, value);
    }
    for (name, value) in more {
        request = request.header(*name, *value);
    }
    request.send().await.unwrap().status()
}

#[tokio::test]
async fn parts_go_straight_into_the_bucket() {
    let it = Direct::start().await;
    let (key, file) = (key(), noise(1, 2 * PART + 77));
    let upload = begin(&it.storage, &key, file.len()).await;
    for number in [3, 1, 2] {
        let bytes = part(&file, number);
        let address = it.address(&upload, number, &bytes).await;
        assert!(put(&address, &bytes).await.is_success());
    }
    let arrived: Vec<(u32, Sha256)> =
        it.storage.upload_parts(&upload).await.unwrap().iter().map(|part| (part.number, part.sha256)).collect();
    assert_eq!(arrived, [1, 2, 3].map(|number| (number, Sha256::of(&part(&file, number)))));
    it.storage.upload_complete(&upload).await.unwrap();
    assert!(content(&it.storage, &key).await == file);
    assert_eq!(it.storage.uploads_staged().await.unwrap(), []);
}

#[tokio::test]
async fn an_address_is_good_for_its_own_bytes_alone() {
    let it = Direct::start().await;
    let (key, file, other) = (key(), noise(2, 5_000), noise(3, 5_000));
    let upload = begin(&it.storage, &key, file.len()).await;
    let address = it.address(&upload, 1, &file).await;
    assert!(!put(&address, &other).await.is_success());
    assert!(!put(&address, &file.slice(1..)).await.is_success());
    assert!(!put_with(&address, &Bytes::new(), &[("x-amz-copy-source", "/picup/other")]).await.is_success());
    let bare = PartAddress { headers: Vec::new(), ..address.clone() };
    assert!(!put(&bare, &other).await.is_success());
    assert_eq!(it.storage.upload_parts(&upload).await.unwrap(), []);
    assert!(matches!(it.storage.upload_complete(&upload).await, Err(Error::UploadIncomplete { .. })));
    assert!(put(&address, &file).await.is_success());
    it.storage.upload_complete(&upload).await.unwrap();
    assert_eq!(content(&it.storage, &key).await, file);
}

#[tokio::test]
async fn of_several_hashes_for_one_part_the_last_counts_until_it_has_arrived() {
    let it = Direct::start().await;
    let (key, file) = (key(), noise(4, PART + 5_000));
    let upload = begin(&it.storage, &key, file.len()).await;
    // Announced, and never sent: one that is then sent straight, and one that then comes through PicUp.
    for number in [1, 2] {
        it.address(&upload, number, &noise(5, 10)).await;
    }
    let first = part(&file, 1);
    let address = it.address(&upload, 1, &first).await;
    assert!(put(&address, &first).await.is_success());
    send(&it.storage, &upload, &file, 2).await;

    for (number, bytes) in [(1, noise(6, PART)), (2, noise(7, 5_000))] {
        let refused = it.storage.part_addresses(&upload, &[(number, Sha256::of(&bytes))], LIFE).await;
        assert!(matches!(refused, Err(Error::PartExists { .. })), "{refused:?}");
        let refused = it.storage.part_write(&upload, number, Sha256::of(&bytes), body(&bytes)).await;
        assert!(matches!(refused, Err(Error::PartExists { .. })), "{refused:?}");
    }
    it.address(&upload, 1, &first).await;
    assert!(put(&address, &first).await.is_success(), "sending it twice does no harm");
    it.storage.upload_complete(&upload).await.unwrap();
    assert!(content(&it.storage, &key).await == file);
    assert_eq!(it.storage.uploads_staged().await.unwrap(), []);
}

/// The file in which a service has the only part that lies with it.
fn part_file(server: &S3Server) -> std::path::PathBuf {
    let found = std::fs::read_dir(server.folder()).unwrap().map(|entry| entry.unwrap().path());
    found.into_iter().find(|path| path.to_string_lossy().contains(".part-")).unwrap()
}

#[tokio::test]
async fn a_part_that_is_listed_with_another_hash_has_not_arrived() {
    let it = Direct::start().await;
    let (key, file) = (key(), noise(8, 5_000));
    let upload = begin(&it.storage, &key, file.len()).await;
    // As when an address that was given for other bytes is used late.
    send(&it.storage, &upload, &file, 1).await;
    std::fs::write(part_file(&it.server), noise(9, 5_000)).unwrap();
    assert_eq!(it.storage.upload_parts(&upload).await.unwrap(), []);
    let incomplete = it.storage.upload_complete(&upload).await;
    assert!(matches!(incomplete, Err(Error::UploadIncomplete { first_missing: 1, .. })), "{incomplete:?}");
    send(&it.storage, &upload, &file, 1).await;
    it.storage.upload_complete(&upload).await.unwrap();
    assert_eq!(content(&it.storage, &key).await, file);
}

#[tokio::test]
async fn a_service_that_has_other_parts_than_named_has_an_incomplete_upload() {
    let it = Direct::start().await;
    for code in ["InvalidPart", "EntityTooSmall"] {
        let (key, file) = (key(), noise(10, PART + 7));
        let upload = begin(&it.storage, &key, file.len()).await;
        send(&it.storage, &upload, &file, 1).await;
        send(&it.storage, &upload, &file, 2).await;
        it.server.refuse_completion(code);
        let incomplete = it.storage.upload_complete(&upload).await;
        assert!(matches!(incomplete, Err(Error::UploadIncomplete { first_missing: 1, .. })), "{incomplete:?}");
        assert_eq!(it.storage.upload_parts(&upload).await.unwrap().len(), 2);
        it.storage.upload_complete(&upload).await.unwrap();
        assert!(content(&it.storage, &key).await == file);
    }
}

/// One that a killed process was completing, and of which a part has become another since.
#[tokio::test]
async fn an_upload_that_cannot_be_completed_any_more_leaves_nothing_that_is_paid_for() {
    let it = Direct::start().await;
    let (key, file) = (key(), noise(11, 5_000));
    let upload = begin(&it.storage, &key, file.len()).await;
    send(&it.storage, &upload, &file, 1).await;
    let note = format!("picup/family/photos/staging/{}/completing", upload.id());
    std::fs::write(it.server.folder().join(note), "").unwrap();
    std::fs::write(part_file(&it.server), noise(9, 5_000)).unwrap();
    assert!(matches!(it.storage.upload_complete(&upload).await, Err(Error::UploadNotFound(_))));
    let left = std::fs::read_dir(it.server.folder()).unwrap().map(|entry| entry.unwrap().file_name());
    let left: Vec<_> = left.filter(|name| name.to_string_lossy().starts_with(".upload")).collect();
    assert!(left.is_empty(), "{left:?}");
}

/// Every address that was ever given, tried with every body, after its upload has ended.
#[tokio::test]
async fn no_address_ever_given_changes_an_object() {
    let it = Direct::start().await;
    let mut given: Vec<PartAddress> = Vec::new();
    let mut objects: Vec<(ObjectKey, Bytes)> = Vec::new();
    for seed in 0..4 {
        let (key, file) = (key(), noise(10 + seed, if seed == 0 { PART + 5 } else { 3_000 }));
        let upload = begin(&it.storage, &key, file.len()).await;
        for number in 1..=file.len().div_ceil(PART) as u32 {
            let bytes = part(&file, number);
            let address = it.address(&upload, number, &bytes).await;
            given.push(it.address(&upload, number, &bytes).await);
            assert!(put(&address, &bytes).await.is_success());
            given.push(address);
        }
        it.storage.upload_complete(&upload).await.unwrap();
        objects.push((key, file));
    }
    let (key, file) = (key(), noise(20, 1_000));
    let aborted = begin(&it.storage, &key, file.len()).await;
    given.push(it.address(&aborted, 1, &file).await);
    it.storage.upload_abort(aborted.id()).await.unwrap();

    for address in &given {
        for (_, bytes) in &objects {
            put(address, &bytes.slice(..bytes.len().min(3_000))).await;
        }
        put(address, &noise(99, 3_000)).await;
        put(&PartAddress { headers: Vec::new(), ..address.clone() }, &noise(99, 3_000)).await;
        for query in ["", "&acl"] {
            let bare = address.url.split('?').next().unwrap();
            let cut = PartAddress { url: format!("{bare}?{query}"), headers: Vec::new(), number: 1 };
            put(&cut, &noise(98, 3_000)).await;
        }
        let deleted = reqwest::Client::new().delete(&address.url).send().await.unwrap();
        assert!(!deleted.status().is_success(), "{}", deleted.status());
    }
    for (key, file) in &objects {
        assert!(content(&it.storage, key).await == *file, "{key}");
    }
    assert!(matches!(it.storage.open_object(&key).await, Err(Error::NotFound(_))));
    assert_eq!(it.storage.uploads_staged().await.unwrap(), []);
}

#[tokio::test]
async fn addresses_are_only_for_what_is_begun() {
    let it = Direct::start().await;
    let file = noise(6, 100);
    let upload = begin(&it.storage, &key(), file.len()).await;
    let wanted = |number| [(number, Sha256::of(&file))];
    let address = it.address(&upload, 1, &file).await;
    assert!(address.url.contains("X-Amz-Signature") && !format!("{address:?}").contains("X-Amz"), "{address:?}");
    let unknown = it.storage.part_addresses(&upload, &wanted(2), LIFE).await;
    assert!(matches!(unknown, Err(Error::PartUnknown { number: 2, count: 1 })));
    let other = Upload::resume(upload.id(), upload.key().clone(), ByteSize::new(101).unwrap()).unwrap();
    assert!(matches!(it.storage.part_addresses(&other, &wanted(1), LIFE).await, Err(Error::UploadDiffers { .. })));
    it.storage.upload_abort(upload.id()).await.unwrap();
    assert!(matches!(it.storage.part_addresses(&upload, &wanted(1), LIFE).await, Err(Error::UploadNotFound(_))));
}
