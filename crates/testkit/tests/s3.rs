//! The S3 servers: that they are there, ask for a signature, go away and come back.

#![allow(clippy::unwrap_used, reason = "a test stops where something it counts on fails")]

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use picup_testkit::{RcloneServer, S3Server, fresh_folder};

fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    stream
}

/// The status of an unsigned GET, and the connection, which stays open.
fn get(address: SocketAddr, bucket: &str) -> (String, TcpStream) {
    let mut stream = connect(address);
    write!(stream, "GET /{bucket} HTTP/1.1\r\nhost: {address}\r\n\r\n").unwrap();
    let mut start = [0; 12];
    stream.read_exact(&mut start).unwrap();
    (String::from_utf8_lossy(&start).into_owned(), stream)
}

/// Reads to the end, which comes only because somebody ends it.
fn is_cut(mut stream: TcpStream) -> bool {
    match stream.read_to_end(&mut Vec::new()) {
        Ok(_) => true,
        Err(error) => error.kind() == std::io::ErrorKind::ConnectionReset,
    }
}

#[tokio::test]
async fn the_strict_one_goes_away_and_comes_back() {
    // Asked without an await, on the one thread of the test's runtime: the server has its own.
    let mut server = S3Server::start().unwrap();
    assert_eq!(server.endpoint(), format!("http://{}", server.address()));
    std::fs::write(server.folder().join(server.bucket()).join("key"), "bytes").unwrap();
    let (status, open) = get(server.address(), server.bucket());
    assert_eq!(status, "HTTP/1.1 403");

    server.stop();
    assert!(is_cut(open));
    assert!(TcpStream::connect(server.address()).is_err());
    assert!(server.folder().join("picup/key").is_file());

    let keys = (server.access_key().to_owned(), server.secret_key().to_owned());
    server.start_again().unwrap();
    assert_eq!(get(server.address(), server.bucket()).0, "HTTP/1.1 403");
    assert_eq!(keys, (server.access_key().to_owned(), server.secret_key().to_owned()));

    let (address, folder) = (server.address(), server.folder().to_owned());
    drop(server);
    assert!(TcpStream::connect(address).is_err());
    assert!(!folder.exists());
}

#[test]
fn the_strict_one_takes_a_folder_and_leaves_it() {
    let folder = fresh_folder();
    drop(S3Server::start_in(folder.path()).unwrap());
    assert!(folder.path().join("picup").is_dir());
}

#[test]
fn the_sloppy_one_goes_away_and_comes_back() {
    let mut server = RcloneServer::start().unwrap();
    assert_eq!(server.endpoint(), format!("http://{}", server.address()));
    std::fs::write(server.folder().join(server.bucket()).join("key"), "bytes").unwrap();
    let (status, open) = get(server.address(), server.bucket());
    // It refuses who does not sign by the words for a signature that it does not know.
    assert_eq!(status, "HTTP/1.1 400");

    server.stop();
    assert!(is_cut(open));
    assert!(TcpStream::connect(server.address()).is_err());
    assert!(server.folder().join("picup/key").is_file());

    server.start_again().unwrap();
    assert_eq!(get(server.address(), server.bucket()).0, "HTTP/1.1 400");

    let (address, folder) = (server.address(), server.folder().to_owned());
    drop(server);
    assert!(TcpStream::connect(address).is_err());
    assert!(!folder.exists());
}
