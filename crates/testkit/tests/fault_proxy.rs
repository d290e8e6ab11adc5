//! The proxy's faults, each seen from a client of a real echo server.

#![allow(clippy::unwrap_used, reason = "a test stops where something it counts on fails")]

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::time::Duration;

use picup_testkit::{Direction, Fault, FaultProxy};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Instant, timeout};

async fn echo_server() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let (mut read, mut write) = stream.split();
                tokio::io::copy(&mut read, &mut write).await
            });
        }
    });
    address
}

async fn proxy() -> FaultProxy {
    FaultProxy::start(echo_server().await).await.unwrap()
}

/// Sends, ends its side, and reads all that comes back.
async fn echo(proxy: &FaultProxy, bytes: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut stream = TcpStream::connect(proxy.address()).await?;
    let (mut read, mut write) = stream.split();
    let mut back = Vec::new();
    let sending = async {
        let sent = write.write_all(bytes).await;
        let _ = write.shutdown().await;
        sent
    };
    let (_, read) = tokio::join!(sending, read.read_to_end(&mut back));
    read.map(|_| back)
}

#[tokio::test]
async fn carries_everything() {
    let proxy = proxy().await;
    let bytes: Vec<u8> = (0..1_000_000_u32).map(|n| n.to_le_bytes()[1]).collect();
    assert!(echo(&proxy, &bytes).await.unwrap() == bytes);
    assert_eq!(proxy.connections(), 1);
}

#[tokio::test]
async fn cuts_after_so_many_bytes() {
    let proxy = proxy().await;
    proxy.set(Direction::ToClient, Fault::CutAfter(1000));
    assert_eq!(echo(&proxy, &[7; 5000]).await.map_or(1000, |back| back.len()), 1000);
    proxy.set(Direction::ToClient, Fault::Pass);
    assert_eq!(echo(&proxy, &[7; 5000]).await.unwrap().len(), 5000);
}

#[tokio::test]
async fn resets() {
    let proxy = proxy().await;
    proxy.set(Direction::ToServer, Fault::ResetAfter(100));
    assert_eq!(echo(&proxy, &[7; 5000]).await.unwrap_err().kind(), ErrorKind::ConnectionReset);
}

#[tokio::test]
async fn corrupts_one_byte_of_each_connection() {
    let proxy = proxy().await;
    proxy.set(Direction::ToServer, Fault::Corrupt(40_000));
    for _ in 0..2 {
        let back = echo(&proxy, &[0; 100_000]).await.unwrap();
        assert_eq!(back.iter().enumerate().filter(|(_, b)| **b != 0).collect::<Vec<_>>(), [(40_000, &1)]);
    }
}

#[tokio::test]
async fn stalls_until_told_otherwise() {
    let proxy = proxy().await;
    let mut stream = TcpStream::connect(proxy.address()).await.unwrap();
    stream.write_all(b"a").await.unwrap();
    assert_eq!(stream.read_u8().await.unwrap(), b'a');
    proxy.set(Direction::ToServer, Fault::Stall);
    stream.write_all(b"b").await.unwrap();
    assert!(timeout(Duration::from_millis(50), stream.read_u8()).await.is_err());
    proxy.set(Direction::ToServer, Fault::Pass);
    assert_eq!(stream.read_u8().await.unwrap(), b'b');
}

#[tokio::test]
async fn slows_down() {
    let proxy = proxy().await;
    proxy.set(Direction::ToServer, Fault::Slow(20_000));
    let begin = Instant::now();
    assert_eq!(echo(&proxy, &[7; 10_000]).await.unwrap().len(), 10_000);
    assert!(begin.elapsed() > Duration::from_millis(400), "{:?}", begin.elapsed());
}

#[tokio::test]
async fn severs_what_stands_and_carries_what_comes() {
    let proxy = proxy().await;
    let mut stream = TcpStream::connect(proxy.address()).await.unwrap();
    stream.write_all(b"a").await.unwrap();
    assert_eq!(stream.read_u8().await.unwrap(), b'a');
    proxy.sever();
    assert_eq!(stream.read_u8().await.unwrap_err().kind(), ErrorKind::ConnectionReset);
    assert_eq!(echo(&proxy, b"again").await.unwrap(), b"again");
    let address = proxy.address();
    drop(proxy);
    tokio::task::yield_now().await;
    assert!(TcpStream::connect(address).await.is_err());
}
