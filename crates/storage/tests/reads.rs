//! Objects that are read straight from a bucket: what an address opens, for how long, and what its reader is told.

#![allow(clippy::unwrap_used, reason = "a test stops where something it counts on fails")]

mod support;

use std::time::{Duration, Instant};

use bytes::Bytes;
use picup_storage::{Metrics, ReadAs, Settings, Storage};
use picup_testkit::{RcloneServer, S3Server};
use reqwest::Url;
use support::*;
use tempfile::TempDir;

const LIFE: Duration = Duration::from_secs(600);
const SHOWN: ReadAs = ReadAs {
    content_type: "image/webp",
    cache_control: "private, max-age=31536000, immutable",
    content_disposition: None,
};
const FILE: ReadAs =
    ReadAs { content_type: "video/mp4", cache_control: "private, no-cache", content_disposition: Some("attachment") };

/// A store in a bucket of that server.
async fn store(bucket: picup_storage::Bucket) -> Storage {
    Storage::open(Settings::s3(bucket), Metrics::default()).await.unwrap()
}

async fn amazon() -> (Storage, S3Server, TempDir) {
    let (server, spool) = (S3Server::start_like_amazon().unwrap(), tempfile::tempdir().unwrap());
    (store(s3s_bucket(&server, &spool)).await, server, spool)
}

async fn get(url: &str, range: Option<&str>) -> reqwest::Response {
    let request = reqwest::Client::new().get(url);
    range.into_iter().fold(request, |request, range| request.header("range", range)).send().await.unwrap()
}

#[tokio::test]
async fn an_address_gives_its_object_as_it_says_whole_and_in_part() {
    let (storage, server, _spool) = amazon().await;
    let (key, bytes) = (key(), noise(1, 5_000));
    storage.put(&key, bytes.clone()).await.unwrap();
    for told in [SHOWN, FILE] {
        let address = storage.read_address(&key, &told, LIFE).await.unwrap().unwrap();
        assert!(address.starts_with(&storage.bucket_origin().unwrap()) && address.starts_with(&server.endpoint()));
        for (range, status, wanted) in [(None, 200, bytes.clone()), (Some("bytes=100-199"), 206, bytes.slice(100..200))]
        {
            let answer = get(&address, range).await;
            assert_eq!(answer.status(), status);
            let header = |name: &str| answer.headers().get(name).map(|value| value.to_str().unwrap().to_owned());
            assert_eq!(header("content-type").as_deref(), Some(told.content_type));
            assert_eq!(header("cache-control"), Some(told.cache_control.replace(' ', "")));
            assert_eq!(header("content-disposition").as_deref(), told.content_disposition);
            assert_eq!(answer.bytes().await.unwrap(), wanted);
        }
    }
}

#[tokio::test]
async fn an_address_opens_nothing_else_and_nothing_after_its_end() {
    let (storage, _server, _spool) = amazon().await;
    let (mine, other) = (key(), key());
    for key in [&mine, &other] {
        storage.put(key, Bytes::from_static(b"bytes")).await.unwrap();
    }
    let address = storage.read_address(&mine, &FILE, LIFE).await.unwrap().unwrap();
    assert!(address.contains("X-Amz-Expires=600&"), "{address}");
    let mut bent = Url::parse(&address).unwrap();
    let path = bent.path().replace(&mine.to_string(), &other.to_string());
    assert_ne!(path, bent.path());
    bent.set_path(&path);
    for bad in [
        bent.to_string(),
        address.replace("attachment", "inline"),
        address.replace("video%2Fmp4", "text%2Fhtml"),
        address.replace("X-Amz-Expires=600", "X-Amz-Expires=6000"),
        address.split_once('?').unwrap().0.to_owned(),
    ] {
        assert_ne!(bad, address);
        assert_eq!(get(&bad, None).await.status(), 403, "{bad}");
    }
    let client = reqwest::Client::new();
    for method in [reqwest::Method::PUT, reqwest::Method::DELETE, reqwest::Method::HEAD] {
        assert_eq!(client.request(method.clone(), &address).send().await.unwrap().status(), 403, "{method}");
    }
    assert_eq!(get(&address, None).await.bytes().await.unwrap(), "bytes");

    let short = storage.read_address(&mine, &FILE, Duration::from_secs(1)).await.unwrap().unwrap();
    let begun = Instant::now();
    while get(&short, None).await.status() != 403 {
        assert!(begun.elapsed() < Duration::from_secs(20), "the address does not end");
    }
    let long = storage.read_address(&mine, &FILE, Duration::from_secs(86_400)).await.unwrap().unwrap();
    assert!(long.contains("X-Amz-Expires=3600&"), "an hour is the longest: {long}");
}

#[tokio::test]
async fn a_service_that_keeps_to_its_addresses_is_trusted_and_no_other() {
    let (storage, server, _spool) = amazon().await;
    storage.probe_reads().await.unwrap();
    let check = storage.check_reads().await;
    assert!(check.ok && check.advice.contains("no CORS rule"), "{check:?}");
    let left = std::fs::read_dir(server.folder().join(server.bucket()).join("family/photos/probe"));
    assert_eq!(left.map_or(0, Iterator::count), 0, "a probe leaves something");

    let (rclone, spool) = (RcloneServer::start().unwrap(), tempfile::tempdir().unwrap());
    let keys = (rclone.access_key(), rclone.secret_key());
    let sloppy = bucket(rclone.endpoint(), rclone.bucket(), keys, &spool);
    let check = store(sloppy).await.check_reads().await;
    assert!(!check.ok && check.name == "storage-reads" && !check.advice.contains("X-Amz"), "{check:?}");
    assert!(check.advice.contains("answers 200 OK to a reader that it should give 206"), "{check:?}");
}

#[tokio::test]
async fn a_service_that_is_away_is_not_trusted_and_its_address_not_told() {
    let (storage, mut server, _spool) = amazon().await;
    server.stop();
    let why = storage.probe_reads().await.unwrap_err();
    assert!(!why.contains("X-Amz"), "{why}");
    // Signing asks nobody.
    storage.read_address(&key(), &SHOWN, LIFE).await.unwrap().unwrap();
}

#[tokio::test]
async fn a_store_without_addresses_has_none() {
    let storage = Storage::open(Settings::memory(), Metrics::default()).await.unwrap();
    assert_eq!(storage.read_address(&key(), &SHOWN, LIFE).await.unwrap(), None);
    assert!(storage.probe_reads().await.is_err() && storage.bucket_origin().is_none());
}
