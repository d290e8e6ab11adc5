//! Clients that ask for more work than they do, or for places that they do not use.

use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::task::JoinSet;

use super::frames::{
    CONTINUATION, DATA, END_HEADERS, END_STREAM, GOAWAY, HEADERS, Http2, PING, RESET, SETTINGS, frame, request,
};
use super::support::TestGateway;
use super::{PATIENCE, stage};

const LONG: Duration = Duration::from_secs(30);

/// Why a connection of HTTP/2 was ended: asked too much of it (RFC 9113 §7).
const ENHANCE_YOUR_CALM: u32 = 0xb;

/// How a flood ended.
struct Ended {
    /// Pieces that were sent before.
    pieces: u32,
    /// The code of the gateway's goodbye, if it came through.
    code: Option<u32>,
}

/// Sends such pieces until the gateway hangs up, and reads what it says meanwhile.
async fn flood(gateway: &TestGateway, first: Vec<u8>, most: u32, piece: impl Fn(u32) -> Vec<u8>) -> Ended {
    let mut client = Http2::begin(gateway.connect().await).await;
    client.send(&first).await;
    let (mut reading, mut writing) = client.0.into_split();
    let sends = async {
        for number in 0..most {
            if writing.write_all(&piece(number)).await.is_err() {
                return number;
            }
        }
        most
    };
    let reads = async {
        let mut said = Vec::new();
        let _ = reading.read_to_end(&mut said).await;
        said
    };
    let both = async { tokio::join!(sends, reads) };
    let (pieces, said) = tokio::time::timeout(LONG, both).await.expect("the gateway hangs up");
    Ended { pieces, code: goodbye(&said) }
}

/// The code of the last goodbye among those frames.
fn goodbye(mut said: &[u8]) -> Option<u32> {
    let mut code = None;
    while said.len() >= 9 {
        let length = u32::from_be_bytes([0, said[0], said[1], said[2]]) as usize;
        let Some(payload) = said.get(9..9 + length) else { break };
        if said[3] == GOAWAY {
            code = Some(u32::from_be_bytes(payload[4..8].try_into().unwrap()));
        }
        said = &said[9 + length..];
    }
    code
}

/// Nothing is left of it, and others are answered.
async fn is_well(gateway: &TestGateway) {
    assert_eq!(gateway.ask("GET", "/api/after", "").await.text(), "GET /api/after");
    let quiet = async {
        while !gateway.metrics().contains("http_server_active_requests 0\n") {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(LONG, quiet).await.expect("nothing is under way");
}

#[tokio::test]
async fn who_resets_what_it_has_just_asked_for_is_sent_away() {
    let (gateway, upstream) = stage().await;
    let head = request("GET", "/api/x", &[]);
    let ended = flood(&gateway, Vec::new(), 100_000, |number| {
        let stream = 2 * number + 1;
        [frame(HEADERS, END_HEADERS | END_STREAM, stream, &head), frame(RESET, 0, stream, &8_u32.to_be_bytes())]
            .concat()
    })
    .await;
    assert_eq!(ended.code, Some(ENHANCE_YOUR_CALM));
    assert!(ended.pieces < 100_000, "all were taken");
    is_well(&gateway).await;
    let seen = upstream.take();
    assert!(seen.requests.len() < 1_000 && seen.flaws.is_empty(), "{} were asked for behind", seen.requests.len());
}

#[tokio::test]
async fn a_head_without_an_end_is_not_waited_for() {
    let (gateway, upstream) = stage().await;
    let begins = frame(HEADERS, END_STREAM, 1, &request("GET", "/api/x", &[]));
    let value = "y".repeat(16_000);
    for (what, piece) in [
        ("large ones", frame(CONTINUATION, 0, 1, &super::frames::block(&[("x", &value)]))),
        ("small ones", frame(CONTINUATION, 0, 1, &super::frames::block(&[("x", "y")]))),
        ("empty ones", frame(CONTINUATION, 0, 1, &[])),
    ] {
        // A hundred in one piece, so that the last is about 160 MB away.
        let hundred = piece.repeat(100);
        let ended = flood(&gateway, begins.clone(), 10_000, |_| hundred.clone()).await;
        // What the system keeps for a connection counts, too.
        assert!(ended.pieces < 10_000 && ended.pieces as usize * hundred.len() < 32 << 20, "{what}: {}", ended.pieces);
        is_well(&gateway).await;
    }
    assert_eq!(upstream.take().requests.len(), 3, "only those of others");
}

#[tokio::test]
async fn who_reads_no_answers_is_asked_to_wait_and_then_cut() {
    let upstream = super::upstream::Upstream::start().await;
    let gateway =
        TestGateway::start_before_with(&upstream.balancer(), |settings| settings.write_timeout = PATIENCE).await;
    for piece in [frame(PING, 0, 0, &[0; 8]), frame(SETTINGS, 0, 0, &[]), frame(SETTINGS, 0, 0, &[0, 3, 0, 0, 0, 1])] {
        let mut client = Http2::begin(gateway.connect().await).await;
        let many = piece.repeat(10_000);
        let mut sent = 0_usize;
        let cut = async {
            while client.send(&many).await {
                sent += many.len();
            }
        };
        tokio::time::timeout(LONG, cut).await.expect("the gateway hangs up");
        assert!(sent < 64 << 20, "{sent} bytes were taken");
        is_well(&gateway).await;
    }
}

#[tokio::test]
async fn slow_heads_and_bodies_keep_nobody_else_waiting() {
    let (gateway, upstream) = stage().await;
    let body = [frame(HEADERS, END_HEADERS, 1, &request("POST", "/api/x", &[])), frame(DATA, 0, 1, b"x")].concat();
    let preface = [b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec(), frame(SETTINGS, 0, 0, &[])].concat();
    let beginnings = [
        b"GET /api/x HTTP/1.1\r\nHost: x\r\nX: ".to_vec(),
        b"POST /api/x HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n".to_vec(),
        b"POST /api/x HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nfffff\r\n".to_vec(),
        [preface.clone(), frame(HEADERS, END_STREAM, 1, b"")].concat(),
        [preface, body].concat(),
    ];
    let mut slow = JoinSet::new();
    for beginning in beginnings.into_iter().cycle().take(200) {
        let mut stream = gateway.connect().await;
        slow.spawn(async move {
            let _ = stream.write_all(&beginning).await;
            let (mut reading, mut writing) = stream.split();
            let mut said = Vec::new();
            let mut drops = tokio::time::interval(PATIENCE / 10);
            // The bytes of a head, or a body, one after the other; over HTTP/2 they are a frame that never is whole.
            let drips = async {
                loop {
                    drops.tick().await;
                    let _ = writing.write_all(b"y").await;
                }
            };
            tokio::select! {
                _ = reading.read_to_end(&mut said) => said,
                () = drips => unreachable!("it drips for ever"),
            }
        });
    }
    for _ in 0..50 {
        assert_eq!(gateway.ask("GET", "/api/quick", "").await.text(), "GET /api/quick");
    }
    let all = async {
        while let Some(said) = slow.join_next().await {
            assert!(!said.unwrap().starts_with(b"HTTP/1.1 200"));
        }
    };
    tokio::time::timeout(LONG, all).await.expect("the gateway hangs up on all of them");
    is_well(&gateway).await;
    assert!(upstream.take().flaws.is_empty());
}

#[tokio::test]
async fn a_client_that_opens_no_window_is_given_up() {
    let upstream = super::upstream::Upstream::start().await;
    let gateway =
        TestGateway::start_before_with(&upstream.balancer(), |settings| settings.write_timeout = PATIENCE).await;
    let mut client = Http2::begin(gateway.connect().await).await;
    // SETTINGS_INITIAL_WINDOW_SIZE of 0: not a byte of an answer may be sent.
    client.send(&frame(SETTINGS, 0, 0, &[0, 4, 0, 0, 0, 0])).await;
    client.send(&frame(HEADERS, END_HEADERS | END_STREAM, 1, &request("GET", "/api/x", &[]))).await;
    let said = client.until_closed().await;
    assert!(said.iter().any(|frame| frame.kind == HEADERS && frame.stream == 1), "it was answered: {said:?}");
    is_well(&gateway).await;
}
