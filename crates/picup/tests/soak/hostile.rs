//! Clients that do not behave, each kind from an address of its own, so that what they do counts against them alone.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

/// Between two drops of those that drip.
const DROP_EVERY: Duration = Duration::from_millis(200);
const PAUSE: Duration = Duration::from_millis(200);

/// All of them, for ever.
pub(crate) fn begin(load: &mut JoinSet<()>, server: SocketAddr) {
    for _ in 0..40 {
        load.spawn(drips(server, 2, "GET / HTTP/1.1\r\nHost: x\r\nX: "));
        load.spawn(drips(server, 2, "POST /api/session HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n"));
        load.spawn(hangs(server, 3, ""));
        load.spawn(hangs(server, 3, "GET / HTTP/1.1\r\nHost: x\r\n\r\n"));
        load.spawn(hangs(server, 3, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"));
    }
    load.spawn(floods(server, 4));
    load.spawn(resets(server, 5));
    load.spawn(crowds(server, 6));
    load.spawn(babbles(server, 7));
}

/// A connection from 127.0.0.`from`; none where there are no more ports or places.
async fn connect(server: SocketAddr, from: u8) -> Option<TcpStream> {
    let socket = TcpSocket::new_v4().ok()?;
    socket.bind(([127, 0, 0, from], 0).into()).ok()?;
    socket.connect(server).await.ok()
}

/// Begins, and sends a byte now and then until it is cut; and again.
async fn drips(server: SocketAddr, from: u8, beginning: &str) {
    loop {
        if let Some(mut stream) = connect(server, from).await {
            let mut sent = stream.write_all(beginning.as_bytes()).await;
            while sent.is_ok() {
                sleep(DROP_EVERY).await;
                sent = stream.write_all(b"x").await;
            }
        }
        sleep(PAUSE).await;
    }
}

/// Says something or nothing and never reads; half of them are gone without a word after some seconds, as behind a router that forgets.
async fn hangs(server: SocketAddr, from: u8, said: &str) {
    loop {
        if let Some(mut stream) = connect(server, from).await {
            let _ = stream.write_all(said.as_bytes()).await;
            sleep(Duration::from_secs(5)).await;
            let _ = timeout(Duration::from_secs(20), stream.readable()).await;
        }
        sleep(PAUSE).await;
    }
}

/// Asks far more often than the limits let anybody.
async fn floods(server: SocketAddr, from: u8) {
    let many = "GET /api/account HTTP/1.1\r\nHost: x\r\n\r\n".repeat(100);
    loop {
        if let Some(mut stream) = connect(server, from).await {
            let mut answers = vec![0; 64 << 10];
            for _ in 0..20 {
                if stream.write_all(many.as_bytes()).await.is_err() {
                    break;
                }
                while matches!(timeout(PAUSE, stream.read(&mut answers)).await, Ok(Ok(1..))) {}
            }
        }
        sleep(PAUSE).await;
    }
}

/// Asks over HTTP/2 and takes it back at once.
async fn resets(server: SocketAddr, from: u8) {
    let mut said = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0".to_vec();
    for stream in (1_u32..2_000).step_by(2) {
        // GET / of x, by HPACK's static table, and RST_STREAM with CANCEL.
        said.extend(b"\0\0\x06\x01\x05");
        said.extend(stream.to_be_bytes());
        said.extend(b"\x82\x86\x84\x41\x01x\0\0\x04\x03\0");
        said.extend(stream.to_be_bytes());
        said.extend(8_u32.to_be_bytes());
    }
    loop {
        if let Some(mut stream) = connect(server, from).await {
            let _ = stream.write_all(&said).await;
            let _ = timeout(Duration::from_secs(5), stream.read_to_end(&mut Vec::new())).await;
        }
        sleep(PAUSE).await;
    }
}

/// Opens more connections than one address may have.
async fn crowds(server: SocketAddr, from: u8) {
    loop {
        let mut held = Vec::new();
        for _ in 0..300 {
            held.extend(connect(server, from).await);
        }
        sleep(PAUSE).await;
        drop(held);
        sleep(10 * PAUSE).await;
    }
}

/// Sends what is no request.
async fn babbles(server: SocketAddr, from: u8) {
    let all = [
        "\0\0\0\0\r\n\r\n",
        "GET / HTTP/9.9\r\n\r\n",
        "\x16\x03\x01\x02\0\x01\0",
        "POST / HTTP/1.1\r\nContent-Length: x\r\n\r\n",
    ];
    for said in all.iter().cycle() {
        if let Some(mut stream) = connect(server, from).await {
            let _ = stream.write_all(said.as_bytes()).await;
            let _ = timeout(PAUSE, stream.read_to_end(&mut Vec::new())).await;
        }
        sleep(PAUSE / 4).await;
    }
}
