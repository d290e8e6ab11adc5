//! What a service lets the keys of a backup do, and strangers; and how PicUp finds out.

use std::collections::BTreeMap;

use futures_util::TryStreamExt;
use picup_storage::{Abilities, Backup, BackupPlace, Bucket, Error};
use picup_testkit::S3Server;
use reqwest::{Method, StatusCode};

use crate::fixture::*;
use crate::support::*;

/// A service, and what its bucket looks like to whoever has these keys for everything.
fn seen_by(it: &Copies, keys: (&str, &str)) -> Backup {
    let bucket = bucket(server(it).endpoint(), server(it).bucket(), keys, &it.spool);
    opened(by_one_key(bucket, keys), Some(&it.server), Some(&it.recovery), None)
}

fn server(it: &Copies) -> &S3Server {
    match &it.place {
        Place::Rights(server) => server,
        _ => panic!("no rights to speak of"),
    }
}

fn is_refused<T: std::fmt::Debug>(result: Result<T, Error>) {
    let error = result.unwrap_err().to_string();
    assert!(error.contains("AccessDenied") || error.contains("lacked the necessary privileges"), "{error}");
}

#[tokio::test]
async fn whoever_writes_can_neither_read_nor_replace_nor_remove() {
    let it = Copies::rights().await;
    let (name, content) = (copy_of(&key(), 1, false), noise(1, 4_000));
    keep(&it.backup, &name, &content, false).await.unwrap();
    let before = it.on_disk();
    let writer = seen_by(&it, server(&it).writer());
    is_refused(writer.size(&name).await);
    is_refused(writer.fetch(&name).await.map(|_| ()));
    is_refused(writer.list("media", None).try_collect::<Vec<_>>().await);
    is_refused(writer.remove(&name.to_string()).await);
    is_refused(keep(&writer, &name, &noise(2, 4_000), false).await);
    let (large, other) = (copy_of(&key(), 1, false), noise(3, 9 << 20));
    let stored = keep(&it.backup, &large, &other, false).await.unwrap();
    keep(&it.backup, &large, &noise(4, 9 << 20), false).await.unwrap_err();
    it.backup.prove(&large, &stored).await.unwrap();
    it.backup.remove(&large.to_string()).await.unwrap();
    assert!(it.on_disk() == before);
}

#[tokio::test]
async fn another_account_gets_nothing() {
    let it = Copies::rights().await;
    let (name, content) = (copy_of(&key(), 1, false), noise(1, 4_000));
    keep(&it.backup, &name, &content, false).await.unwrap();
    let before = it.on_disk();
    let foreign = seen_by(&it, server(&it).foreign());
    is_refused(foreign.size(&name).await);
    is_refused(foreign.fetch(&name).await.map(|_| ()));
    is_refused(foreign.list("media", None).try_collect::<Vec<_>>().await);
    is_refused(foreign.remove(&name.to_string()).await);
    is_refused(keep(&foreign, &copy_of(&key(), 1, false), &content, false).await);
    assert!(it.on_disk() == before);
}

#[tokio::test]
async fn strangers_get_nothing() {
    for it in [Copies::rights().await, Copies::amazon().await, Copies::rclone().await] {
        let (name, large, content) = (copy_of(&key(), 1, false), copy_of(&key(), 1, true), noise(1, 9 << 20));
        keep(&it.backup, &name, &content.slice(..4_000), false).await.unwrap();
        keep(&it.backup, &large, &content, false).await.unwrap();
        let before = it.on_disk();
        let origin = match &it.place {
            Place::Rights(server) | Place::Amazon(server) => format!("{}/picup", server.endpoint()),
            Place::Rclone(server) => format!("{}/picup", server.endpoint()),
            _ => panic!("no service"),
        };
        let client = reqwest::Client::new();
        for at in [&name, &large] {
            for method in [Method::GET, Method::HEAD, Method::PUT, Method::DELETE] {
                let asked = client.request(method.clone(), format!("{origin}/family/photos/{at}")).body("mine");
                let status = asked.send().await.unwrap().status();
                assert!(status.is_client_error() && status != StatusCode::NOT_FOUND, "{method} {at}: {status}");
            }
        }
        for query in ["", "?list-type=2&prefix=family", "?uploads", "?acl"] {
            let status = client.get(format!("{origin}{query}")).send().await.unwrap().status();
            assert!(status.is_client_error(), "{query}: {status}");
        }
        assert!(it.on_disk() == before);
        assert!(!it.backup.abilities().await.unwrap().open_to_strangers);
    }
}

#[tokio::test]
async fn what_a_place_can_do_is_found_out_and_nothing_is_left() {
    let all = Abilities {
        reads: true,
        writer_overwrites: true,
        writer_removes: true,
        versions: false,
        open_to_strangers: false,
    };
    let shared = Abilities { writer_overwrites: false, writer_removes: false, ..all };
    for (it, can) in [
        (Copies::memory().await, all),
        (Copies::folder().await, all),
        (Copies::amazon().await, all),
        (Copies::rclone().await, all),
        (Copies::rights().await, shared),
    ] {
        let names = |found: BTreeMap<String, Vec<u8>>| found.into_keys().collect::<Vec<_>>();
        let before = names(it.on_disk());
        assert_eq!(it.backup.abilities().await.unwrap(), can, "{}", it.backup.place());
        assert_eq!(names(it.on_disk()), before, "{}", it.backup.place());
        assert!(it.backup.can_remove());
    }
}

#[tokio::test]
async fn what_cannot_be_looked_at_is_not_taken_for_removed() {
    let it = Copies::rights().await;
    let server = server(&it);
    let place = |reader| BackupPlace::S3 {
        bucket: Box::new(bucket(server.endpoint(), server.bucket(), server.writer(), &it.spool)),
        reader: Some(credentials(reader)),
        remover: None,
    };
    let blind = opened(place(server.foreign()), None, None, None).abilities().await.unwrap();
    let nothing = Abilities {
        reads: false,
        writer_overwrites: false,
        writer_removes: false,
        versions: false,
        open_to_strangers: false,
    };
    assert_eq!(blind, nothing);
    let nobody = opened(place(server.reader()), None, None, None);
    assert!(!nobody.can_remove());
    assert!(matches!(nobody.remove(&copy_of(&key(), 1, false).to_string()).await, Err(Error::NoRemover)));
}

#[tokio::test]
async fn a_bucket_that_is_not_there_misses_nothing() {
    let it = Copies::rclone().await;
    let Place::Rclone(server) = &it.place else { panic!("no service") };
    let keys = (server.access_key(), server.secret_key());
    let nowhere = Bucket { name: "nowhere".to_owned(), ..bucket(server.endpoint(), "picup", keys, &it.spool) };
    let nowhere = opened(by_one_key(nowhere, keys), Some(&it.server), None, None);
    let name = copy_of(&key(), 1, false);
    let fetched = nowhere.fetch(&name).await.map(|_| ());
    assert!(matches!(fetched, Err(Error::Remote { .. })), "{fetched:?}");
    nowhere.claim(picup_domain::DestinationId::new(now()), true).await.unwrap_err();
    keep(&nowhere, &name, &noise(1, 10), false).await.unwrap_err();
}
