//! The S3 server whose keys have different rights, and what is done to it behind its back.

#![allow(clippy::unwrap_used, reason = "a test stops where something it counts on fails")]

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use bytes::Bytes;
use futures_util::TryStreamExt;
use object_store::aws::{AmazonS3, AmazonS3Builder, S3ConditionalPut};
use object_store::multipart::{MultipartStore, PartId};
use object_store::path::Path;
use object_store::signer::{Method, SignedUrlOptions, Signer};
use object_store::{ClientOptions, Error, ObjectStore, ObjectStoreExt, PutMode, PutPayload};
use picup_testkit::S3Server;

const LIFE: Duration = Duration::from_secs(60);

fn client(server: &S3Server, (id, secret): (&str, &str)) -> AmazonS3 {
    AmazonS3Builder::new()
        .with_endpoint(server.endpoint())
        .with_bucket_name(server.bucket())
        .with_region("us-east-1")
        .with_access_key_id(id)
        .with_secret_access_key(secret)
        .with_conditional_put(S3ConditionalPut::ETagMatch)
        .with_client_options(ClientOptions::new().with_allow_http(true))
        .build()
        .unwrap()
}

fn main_key(server: &S3Server) -> AmazonS3 {
    client(server, (server.access_key(), server.secret_key()))
}

/// The status of a request with its signature in the address.
async fn asked(server: &S3Server, client: &AmazonS3, method: Method, at: &Path, query: &[(&str, &str)]) -> u16 {
    let options = SignedUrlOptions::new().with_query(query.iter().copied());
    let url = client.signed_url_opts(method.clone(), at, LIFE, &options).await.unwrap();
    let mut stream = TcpStream::connect(server.address()).unwrap();
    let target = format!("{}?{}", url.path(), url.query().unwrap());
    let host = server.address();
    write!(stream, "{method} {target} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer.split(' ').nth(1).unwrap().parse().unwrap()
}

/// Whether it was done, or refused for the rights of the key.
fn done<T>(result: Result<T, Error>) -> bool {
    match result {
        Ok(_) => true,
        // The library has no kind of its own for a list that is refused.
        Err(refused) if refused.to_string().contains("<Code>AccessDenied</Code>") => false,
        Err(Error::PermissionDenied { .. }) => false,
        Err(other) => panic!("{other}"),
    }
}

/// What a key may do, by name; each on something of its own.
async fn rights(server: &S3Server, key: (&str, &str)) -> Vec<&'static str> {
    let (main, client) = (main_key(server), client(server, key));
    let stands = |name: &str| {
        let (main, path) = (main.clone(), Path::from(name));
        async move {
            main.put(&path, "bytes".into()).await.unwrap();
            path
        }
    };
    let standing = stands("standing").await;
    let parts = client.create_multipart(&"parts".into()).await;
    let mut may = Vec::new();
    let mut note = |what, done: bool| may.extend(done.then_some(what));
    note("put", done(client.put(&"new".into(), "bytes".into()).await));
    note("replace", done(client.put(&stands("replaced").await, "other".into()).await));
    note("get", done(client.get(&standing).await));
    note("head", done(client.head(&standing).await));
    note("list", done(client.list(None).try_collect::<Vec<_>>().await));
    note("copy", done(client.copy(&standing, &"copied".into()).await));
    note("delete", done(client.delete(&stands("deleted").await).await));
    if let Ok(id) = &parts {
        let at = Path::from("parts");
        note("part", done(client.put_part(&at, id, 0, "bytes".into()).await));
        note("list parts", asked(server, &client, Method::GET, &at, &[("uploadId", id)]).await == 200);
        note("abort", done(client.abort_multipart(&at, id).await));
    }
    note("begin parts", done(parts));
    may.sort_unstable();
    may
}

#[tokio::test(flavor = "multi_thread")]
async fn each_key_may_do_what_it_is_for() {
    let mut server = S3Server::start_with_rights().unwrap();
    for again in [false, true] {
        if again {
            server.start_again().unwrap();
        }
        let writing = ["abort", "begin parts", "list parts", "part", "put"];
        assert_eq!(rights(&server, server.writer()).await, writing);
        server.lose("new").unwrap();
        assert_eq!(rights(&server, server.reader()).await, ["get", "head", "list"]);
        assert_eq!(rights(&server, server.remover()).await, ["delete", "head", "list"]);
        assert_eq!(rights(&server, server.foreign()).await, [""; 0]);
        assert_eq!(rights(&server, (server.access_key(), server.secret_key())).await.len(), 11);
        server.lose("new").unwrap();
    }
    let mut anonymous = TcpStream::connect(server.address()).unwrap();
    write!(anonymous, "GET /picup/standing HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    anonymous.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 403"), "{answer}");
}

/// Ends an upload of one part at `key` that `client` begins.
async fn uploaded(client: &AmazonS3, key: &str) -> Result<(), Error> {
    let key = Path::from(key);
    let id = client.create_multipart(&key).await?;
    let part: PartId = client.put_part(&key, &id, 0, "in parts".into()).await?;
    client.complete_multipart(&key, &id, vec![part]).await.map(|_| ())
}

#[tokio::test]
async fn a_writer_replaces_nothing() {
    let server = S3Server::start_with_rights().unwrap();
    let (main, writer) = (main_key(&server), client(&server, server.writer()));
    uploaded(&writer, "parts").await.unwrap();
    assert!(!done(uploaded(&writer, "parts").await));
    assert!(!done(writer.put(&"parts".into(), "other".into()).await));
    let careful = writer.put_opts(&"parts".into(), PutPayload::from("other"), PutMode::Create.into()).await;
    assert!(matches!(careful, Err(Error::AlreadyExists { .. })), "{careful:?}");
    assert_eq!(main.get(&"parts".into()).await.unwrap().bytes().await.unwrap(), "in parts");

    let others = main.create_multipart(&"others".into()).await.unwrap();
    assert!(!done(writer.abort_multipart(&"others".into(), &others).await));
    main.put(&"parts".into(), "replaced".into()).await.unwrap();
    main.delete(&"parts".into()).await.unwrap();
    uploaded(&writer, "parts").await.unwrap();
}

#[tokio::test]
async fn a_disk_can_be_made_to_lie_and_to_forget() {
    let mut server = S3Server::start().unwrap();
    let main = main_key(&server);
    for key in ["b", "a/2", "a/1", "empty"] {
        let bytes = if key == "empty" { Bytes::new() } else { "12345".into() };
        main.put(&key.into(), bytes.into()).await.unwrap();
    }
    let before = main.head(&"b".into()).await.unwrap();
    server.corrupt("b").unwrap();
    let got = main.get(&"b".into()).await.unwrap();
    assert_eq!(got.meta, before, "nothing but its bytes tells");
    assert_eq!(got.bytes().await.unwrap(), "12245");
    server.lose("a/1").unwrap();
    assert!(matches!(main.get(&"a/1".into()).await, Err(Error::NotFound { .. })));
    assert!(server.lose("a/1").is_err() && server.corrupt("a/1").is_err() && server.corrupt("empty").is_err());
    server.stop();
    assert_eq!(server.keys().unwrap(), ["a/2", "b", "empty"]);
}
