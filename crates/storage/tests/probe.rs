//! What a probe finds out of a service, and what it leaves behind: nothing.

#![allow(clippy::unwrap_used, reason = "a test stops where something it counts on fails")]

mod support;

use std::future::pending;
use std::path::Path;
use std::time::Duration;

use picup_domain::{ByteSize, Sha256};
use picup_storage::{Metrics, PartsBy, Profile, Settings, Storage, Upload, WhyProxied};
use picup_testkit::{Flaw, RcloneServer, S3Server};
use support::*;

const LIFE: Duration = Duration::from_secs(600);
const ORIGIN: &str = "https://photos.example.org";

/// A store that is to be probed.
async fn unprobed(bucket: picup_storage::Bucket) -> Storage {
    let bucket = picup_storage::Bucket { parts: PartsBy::Probe, ..bucket };
    Storage::open(Settings::s3(bucket), Metrics::default()).await.unwrap()
}

/// Whether the service has an upload that nobody ended.
fn has_uploads(server: &S3Server) -> bool {
    let mut entries = std::fs::read_dir(server.folder()).unwrap();
    entries.any(|entry| entry.unwrap().file_name().to_string_lossy().starts_with(".upload"))
}

#[tokio::test]
async fn a_probe_that_is_stopped_leaves_nothing() {
    let (server, spool) = (S3Server::start_like_amazon().unwrap(), tempfile::tempdir().unwrap());
    let storage = unprobed(s3s_bucket(&server, &spool)).await;
    let begun = async {
        while !has_uploads(&server) {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    let found = storage.probe(Some(ORIGIN), begun).await;
    assert!(matches!(found, Err(WhyProxied::Unknown(_))), "{found:?}");
    assert!(!has_uploads(&server));
    assert_eq!(server.keys().unwrap(), [""; 0]);
}

/// As if it had been written two hours ago.
fn age(file: &Path) {
    let file = std::fs::File::options().write(true).open(file).unwrap();
    let written = file.metadata().unwrap().modified().unwrap();
    file.set_modified(written - Duration::from_secs(7200)).unwrap();
}

#[tokio::test]
async fn what_a_killed_probe_left_is_removed_by_a_later_one() {
    let (server, spool) = (S3Server::start_like_amazon().unwrap(), tempfile::tempdir().unwrap());
    let storage = unprobed(s3s_bucket(&server, &spool)).await;
    let begun = async {
        while !has_uploads(&server) || server.keys().unwrap().is_empty() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::select! {
        found = storage.probe(Some(ORIGIN), pending()) => panic!("it has ended: {found:?}"),
        () = begun => {}
    }
    let left = server.keys().unwrap();
    assert_eq!(left.len(), 1);
    age(&server.folder().join(server.bucket()).join(&left[0]));
    storage.probe(Some(ORIGIN), pending()).await.unwrap();
    assert!(!has_uploads(&server));
    assert_eq!(server.keys().unwrap(), [""; 0]);
}

/// The probe says no where a service does not hold to what was signed, where pages are not let in, and where it does not answer.
#[tokio::test]
async fn the_probe_fails_closed() {
    let spool = tempfile::tempdir().unwrap();
    let probed = async |bucket| {
        let storage = unprobed(bucket).await;
        let found = storage.probe(Some(ORIGIN), pending()).await;
        let upload = begin_if_there(&storage).await;
        if let Some(upload) = upload {
            assert_eq!(storage.part_addresses(&upload, &[(1, Sha256::of(b"x"))], LIFE).await.unwrap(), None);
        }
        found.unwrap_err()
    };
    let mut strict = S3Server::start().unwrap();
    for profile in [Profile::Aws, Profile::Other] {
        let why = probed(picup_storage::Bucket { profile, ..s3s_bucket(&strict, &spool) }).await;
        assert!(matches!(&why, WhyProxied::Unsafe(why) if why.contains("the service stores")), "{why}");
    }
    let sloppy = RcloneServer::start().unwrap();
    let keys = (sloppy.access_key(), sloppy.secret_key());
    let why = probed(bucket(sloppy.endpoint(), sloppy.bucket(), keys, &spool)).await;
    assert!(matches!(&why, WhyProxied::Unsafe(why) if why.contains("the service stores")), "{why}");
    strict.stop();
    let why = probed(s3s_bucket(&strict, &spool)).await;
    assert!(matches!(why, WhyProxied::Unknown(_)), "{why}");
    strict.start_again().unwrap();
    for folder in [strict.folder().join("picup/family/photos/probe"), sloppy.folder().join("picup/family/photos/probe")]
    {
        let left = std::fs::read_dir(folder).map_or(0, Iterator::count);
        assert_eq!(left, 0, "the probe leaves nothing");
    }
}

/// Each of the misuses that are tried is the only one that a service allows.
#[tokio::test]
async fn one_flaw_is_enough() {
    let spool = tempfile::tempdir().unwrap();
    for (flaw, says) in [
        (Flaw::Unchecked(18), "stores a part with other bytes than announced"),
        (Flaw::Unchecked(19), "stores a part of another length than announced"),
        (Flaw::Bare, "stores a part without the headers that were signed"),
        (Flaw::Copies { slash: true }, "stores a copy of another object as a part"),
        (Flaw::Copies { slash: false }, "stores a copy of another object, named without a slash"),
        (Flaw::InPieces, "stores a part with other bytes than announced, in pieces"),
        (Flaw::StaleTags, "makes an object of a part that is no longer the one that is named"),
        (Flaw::Late, "changes its object after the upload was completed"),
        (Flaw::Redirects, "answers 307 Temporary Redirect to a part with other bytes"),
    ] {
        let server = S3Server::start_like_amazon_but(flaw).unwrap();
        for profile in [Profile::Aws, Profile::Other] {
            let storage = unprobed(picup_storage::Bucket { profile, ..s3s_bucket(&server, &spool) }).await;
            let found = storage.probe(Some(ORIGIN), pending()).await;
            assert!(matches!(&found, Err(WhyProxied::Unsafe(why)) if why.contains(says)), "{flaw:?}: {found:?}");
            assert!(!has_uploads(&server) && server.keys().unwrap().is_empty(), "{flaw:?}");
        }
    }
}

#[tokio::test]
async fn pages_need_to_be_told_that_they_may_send_parts() {
    let spool = tempfile::tempdir().unwrap();
    for header in ["access-control-allow-origin", "access-control-allow-methods", "access-control-allow-headers"] {
        let server = S3Server::start_like_amazon_but(Flaw::SilentToPages(header)).unwrap();
        let found = unprobed(s3s_bucket(&server, &spool)).await.probe(Some(ORIGIN), pending()).await;
        assert_eq!(found, Err(WhyProxied::ClosedToPages(ORIGIN.to_owned())), "{header}");
    }
}

async fn begin_if_there(storage: &Storage) -> Option<Upload> {
    let id = picup_domain::UploadId::new(now());
    storage.upload_begin(id, &key(), ByteSize::new(1).unwrap()).await.ok()
}

#[tokio::test]
async fn the_doctor_says_how_parts_come_and_how_pages_are_let_in() {
    let (good, spool) = (S3Server::start_like_amazon().unwrap(), tempfile::tempdir().unwrap());
    let check = unprobed(s3s_bucket(&good, &spool)).await.check_parts(Some(ORIGIN)).await.unwrap();
    assert!(check.ok && check.advice.contains("straight"), "{check:?}");
    let server = S3Server::start().unwrap();
    for (parts, ok) in [(PartsBy::Probe, true), (PartsBy::Direct, false)] {
        let bucket = picup_storage::Bucket { parts, ..s3s_bucket(&server, &spool) };
        let storage = Storage::open(Settings::s3(bucket), Metrics::default()).await.unwrap();
        let check = storage.check_parts(Some(ORIGIN)).await.unwrap();
        assert!(check.ok == ok && check.advice.contains("the service stores"), "{check:?}");
    }
    let closed = S3Server::start_closed_to_pages().unwrap();
    let storage = unprobed(s3s_bucket(&closed, &spool)).await;
    let closed_to_pages = Err(WhyProxied::ClosedToPages(ORIGIN.to_owned()));
    assert_eq!(storage.probe(Some(ORIGIN), pending()).await, closed_to_pages);
    let check = storage.check_parts(Some(ORIGIN)).await.unwrap();
    let rule = format!("\"AllowedOrigins\":[\"{ORIGIN}\"]");
    assert!(check.ok && check.advice.contains(&rule) && !storage.takes_parts_straight(), "{check:?}");
}

#[tokio::test]
async fn what_the_configuration_says_is_not_probed() {
    let (server, spool) = (S3Server::start().unwrap(), tempfile::tempdir().unwrap());
    let in_memory = Storage::open(Settings::memory(), Metrics::default()).await.unwrap();
    assert_eq!(in_memory.probe(Some(ORIGIN), pending()).await, Err(WhyProxied::NoBucket));
    for (parts, straight) in [(PartsBy::Direct, true), (PartsBy::Proxied, false)] {
        let bucket = picup_storage::Bucket { parts, ..s3s_bucket(&server, &spool) };
        let storage = Storage::open(Settings::s3(bucket), Metrics::default()).await.unwrap();
        let found = if straight { Ok(()) } else { Err(WhyProxied::Configured) };
        assert_eq!(storage.probe(Some(ORIGIN), pending()).await, found);
        let upload = begin(&storage, &key(), 1).await;
        let addresses = storage.part_addresses(&upload, &[(1, Sha256::of(b"x"))], LIFE).await.unwrap();
        assert_eq!(addresses.is_some(), straight);
    }
}
