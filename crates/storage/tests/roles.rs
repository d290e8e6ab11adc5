//! Who PicUp is to a service where it has no access key of its own: what an agent gives out is taken, and so is what it gives out next.

#![allow(clippy::unwrap_used, reason = "a test stops where something it counts on fails")]

mod support;

use std::sync::{Arc, Mutex};

use bytes::Bytes;
use picup_storage::{Bucket, Credentials, Error, Metrics, Settings, Storage};
use picup_testkit::S3Server;
use support::*;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

/// What an agent gives for which token.
#[derive(Debug, Clone)]
struct Given {
    token: &'static str,
    id: String,
    secret: String,
    until: &'static str,
}

impl Given {
    fn new(token: &'static str, (id, secret): (&str, &str), until: &'static str) -> Self {
        Self { token, id: id.to_owned(), secret: secret.to_owned(), until }
    }
}

/// An agent as that of EKS's Pod Identity: what it gives out may change, and how often it was asked can be seen.
struct Agent {
    address: String,
    state: Arc<Mutex<(Given, usize)>>,
}

impl Agent {
    async fn start(given: Given) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}/v1/credentials", listener.local_addr().unwrap());
        let state = Arc::new(Mutex::new((given, 0)));
        let shared = Arc::clone(&state);
        tokio::spawn(async move {
            loop {
                let (mut socket, _) = listener.accept().await.unwrap();
                let mut request = Vec::new();
                while !request.ends_with(b"\r\n\r\n") {
                    socket.read_buf(&mut request).await.unwrap();
                }
                let answer = Self::answer(&shared, &String::from_utf8(request).unwrap());
                socket.write_all(answer.as_bytes()).await.unwrap();
            }
        });
        Self { address, state }
    }

    fn answer(state: &Mutex<(Given, usize)>, request: &str) -> String {
        let mut state = state.lock().unwrap();
        state.1 += 1;
        let Given { token, id, secret, until } = &state.0;
        let mut lines = request.lines().filter_map(|line| line.split_once(": "));
        let known = lines.any(|(name, value)| name.eq_ignore_ascii_case("authorization") && value == *token);
        let (status, body) = match known {
            false => ("403 Forbidden", String::new()),
            true => (
                "200 OK",
                format!(
                    r#"{{"AccessKeyId":"{id}","SecretAccessKey":"{secret}","Token":"session","Expiration":"{until}"}}"#
                ),
            ),
        };
        format!("HTTP/1.1 {status}\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}", body.len())
    }

    fn gives_now(&self, given: Given) {
        self.state.lock().unwrap().0 = given;
    }

    fn asked(&self) -> usize {
        self.state.lock().unwrap().1
    }
}

const PAST: &str = "2020-01-01T00:00:00Z";
const FUTURE: &str = "2999-01-01T00:00:00Z";

#[tokio::test]
async fn what_an_agent_gives_out_is_taken_and_what_it_gives_out_next() {
    let (server, folder) = (S3Server::start_with_rights().unwrap(), tempfile::tempdir().unwrap());
    let main = (server.access_key(), server.secret_key());
    let agent = Agent::start(Given::new("first", main, PAST)).await;
    let token_file = folder.path().join("token");
    std::fs::write(&token_file, "first").unwrap();
    let credentials = Credentials::Container { address: agent.address.clone(), token_file: token_file.clone() };
    let bucket = Bucket { credentials, ..s3s_bucket(&server, &folder) };
    let storage = Storage::open(Settings::s3(bucket), Metrics::default()).await.unwrap();
    let (photo, other, bytes) = (key(), key(), Bytes::from_static(b"bytes"));
    storage.put(&photo, bytes.clone()).await.unwrap();
    assert!(storage.check().await.iter().all(|check| check.ok));

    // The next one may read alone, and is given for another token.
    std::fs::write(&token_file, "second").unwrap();
    agent.gives_now(Given::new("second", server.reader(), FUTURE));
    assert_eq!(content(&storage, &photo).await, bytes);
    assert!(matches!(storage.put(&other, bytes.clone()).await, Err(Error::Remote { .. })));

    // It is good for long, and nobody is asked for another. A store has a connection for small things and one for large.
    let asked = agent.asked();
    for _ in 0..5 {
        assert_eq!(content(&storage, &photo).await, bytes);
        storage.put(&other, bytes.clone()).await.unwrap_err();
    }
    assert_eq!(agent.asked(), asked);
}

#[tokio::test]
async fn who_has_no_role_is_told_so() {
    let (server, folder) = (S3Server::start().unwrap(), tempfile::tempdir().unwrap());
    let agent = Agent::start(Given::new("token", ("id", "secret"), FUTURE)).await;
    let (missing, wrong) = (folder.path().join("missing"), folder.path().join("wrong"));
    std::fs::write(&wrong, "another").unwrap();
    let role = "arn:aws:iam::1:role/picup".to_owned();
    for (credentials, says) in [
        (Credentials::WebIdentity { token_file: missing.clone(), role }, "token file"),
        (Credentials::Container { address: agent.address.clone(), token_file: missing }, "token file"),
        (Credentials::Container { address: agent.address.clone(), token_file: wrong }, "403"),
    ] {
        let bucket = Bucket { credentials, ..s3s_bucket(&server, &folder) };
        let storage = Storage::open(Settings::s3(bucket), Metrics::default()).await.unwrap();
        let there = storage.check_at_a_glance().await.remove(0);
        assert!(!there.ok && there.advice.contains(says), "{there:?}");
        assert!(there.advice.contains("give this machine or pod a role"), "{there:?}");
    }
}
