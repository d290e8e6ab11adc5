//! What buckets that are well are found to be, and one that anybody can read.

#![allow(clippy::unwrap_used, reason = "a test stops where something it counts on fails")]

mod support;

use picup_domain::{Clock, SystemClock, Timestamp, UploadId};
use picup_storage::{Bucket, Credentials, Metrics, PartsBy, Profile, Settings, Storage, Style};
use picup_testkit::S3Server;
use support::{Fixture, Under, s3s_bucket};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

const CHECKS: [&str; 3] = ["storage-there", "storage-writable", "storage-private"];

#[tokio::test]
async fn a_bucket_that_is_well_is_found_so_and_left_as_it_was() {
    for fixture in [Fixture::s3s().await, Fixture::rclone().await] {
        let checks = fixture.storage.check().await;
        assert_eq!(checks.iter().map(|check| check.name).collect::<Vec<_>>(), CHECKS);
        assert!(checks.iter().all(|check| check.ok), "{checks:?}");
        assert_eq!(fixture.storage.check_at_a_glance().await, checks[..1]);
        let folder = match &fixture.place {
            Under::S3s(server, _) => server.folder(),
            Under::Rclone(server, _) => server.folder(),
            _ => panic!("no bucket"),
        };
        let staging = folder.join("picup/family/photos/staging");
        let left = std::fs::read_dir(staging).map_or(0, Iterator::count);
        assert_eq!(left, 0);
    }
}

#[tokio::test]
async fn what_a_killed_check_left_is_removed_and_what_one_needs_is_not() {
    let it = Fixture::s3s().await;
    let Under::S3s(server, _) = &it.place else { panic!("no bucket") };
    let staging = server.folder().join("picup/family/photos/staging");
    let born = |at| format!("check.{}", UploadId::new(at));
    let (old, young) = (born(Timestamp::from_micros(0)), born(SystemClock.now()));
    std::fs::create_dir_all(&staging).unwrap();
    for name in [&old, &young, "check.other"] {
        std::fs::write(staging.join(name), "left").unwrap();
    }
    assert!(it.storage.check().await.iter().all(|check| check.ok));
    let mut left = server.keys().unwrap();
    left.iter_mut().for_each(|key| *key = key.rsplit('/').next().unwrap().to_owned());
    assert_eq!(left, [young, "check.other".to_owned()]);
}

#[tokio::test]
async fn what_a_service_says_of_a_signature_is_not_said_again() {
    let (server, spool) = (S3Server::start().unwrap(), tempfile::tempdir().unwrap());
    let credentials = Credentials::Key { id: server.access_key().to_owned(), secret: "hush".to_owned() };
    let bucket = Bucket { credentials, ..s3s_bucket(&server, &spool) };
    let storage = Storage::open(Settings::s3(bucket), Metrics::default()).await.unwrap();
    let error = storage.uploads_staged().await.unwrap_err();
    assert!(error.to_string().contains("SignatureDoesNotMatch"), "{error}");
    for said in [format!("{error}"), format!("{error:?}")] {
        assert!(said.len() < 500 && !said.contains('<') && !said.contains("list-type"), "{said}");
    }
}

/// A service that asks nobody who they are. Gives its address.
async fn careless() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        let mut written = Vec::new();
        loop {
            let (mut socket, _) = listener.accept().await.unwrap();
            let mut request = Vec::new();
            let head = loop {
                socket.read_buf(&mut request).await.unwrap();
                if let Some(end) = request.windows(4).position(|four| four == b"\r\n\r\n") {
                    break String::from_utf8(request.drain(..end + 4).collect()).unwrap();
                }
            };
            let length = head.to_ascii_lowercase();
            let length = length.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap_or("0");
            while request.len() < length.parse().unwrap() {
                socket.read_buf(&mut request).await.unwrap();
            }
            let body = match head.split(' ').next().unwrap() {
                "PUT" => {
                    written = request;
                    Vec::new()
                }
                "GET" if head.contains("list-type=2") => b"<ListBucketResult></ListBucketResult>".to_vec(),
                "GET" => written.clone(),
                _ => Vec::new(),
            };
            let head = format!("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: {}\r\n\r\n", body.len());
            socket.write_all(&[head.as_bytes(), &body].concat()).await.unwrap();
        }
    });
    endpoint
}

#[tokio::test]
async fn a_bucket_that_anybody_can_read_is_not_well() {
    let spool = tempfile::tempdir().unwrap();
    let bucket = Bucket {
        name: "open".to_owned(),
        prefix: String::new(),
        endpoint: Some(careless().await),
        region: "us-east-1".to_owned(),
        style: Style::Path,
        parts: PartsBy::Proxied,
        profile: Profile::Other,
        credentials: Credentials::Key { id: "id".to_owned(), secret: "hush".to_owned() },
        spool: spool.path().to_owned(),
    };
    let storage = Storage::open(Settings::s3(bucket), Metrics::default()).await.unwrap();
    let checks = storage.check().await;
    assert_eq!(
        checks.iter().map(|check| (check.name, check.ok)).collect::<Vec<_>>(),
        CHECKS.map(|name| (name, name != CHECKS[2]))
    );
    assert!(checks[2].advice.contains("remove public access"), "{checks:?}");
}
