//! HTTP/2 by its bytes: a client that sends what no library would.

use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// Whoever waits longer has been forgotten.
const LONG: Duration = Duration::from_secs(60);

pub(crate) const DATA: u8 = 0;
pub(crate) const HEADERS: u8 = 1;
pub(crate) const RESET: u8 = 3;
pub(crate) const SETTINGS: u8 = 4;
pub(crate) const PING: u8 = 6;
pub(crate) const GOAWAY: u8 = 7;
pub(crate) const CONTINUATION: u8 = 9;

pub(crate) const END_STREAM: u8 = 1;
pub(crate) const END_HEADERS: u8 = 4;

/// One frame, as it came.
#[derive(Debug)]
pub(crate) struct Frame {
    pub(crate) kind: u8,
    pub(crate) flags: u8,
    pub(crate) stream: u32,
}

/// A connection that has begun.
pub(crate) struct Http2(pub(crate) TcpStream);

impl Http2 {
    pub(crate) async fn begin(mut stream: TcpStream) -> Self {
        let mut begin = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
        begin.extend(frame(SETTINGS, 0, 0, &[]));
        stream.write_all(&begin).await.unwrap();
        Self(stream)
    }

    /// Sends what it can before the gateway hangs up.
    pub(crate) async fn send(&mut self, bytes: &[u8]) -> bool {
        self.0.write_all(bytes).await.is_ok()
    }

    /// The next frame, or none where the connection has ended. Whether somebody is there is answered.
    pub(crate) async fn frame(&mut self) -> Option<Frame> {
        let read = async {
            let mut head = [0; 9];
            self.0.read_exact(&mut head).await.ok()?;
            let mut payload = vec![0; u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize];
            self.0.read_exact(&mut payload).await.ok()?;
            let stream = u32::from_be_bytes([head[5] & 0x7f, head[6], head[7], head[8]]);
            if head[3] == PING && head[4] == 0 {
                let _ = self.0.write_all(&frame(PING, 1, 0, &payload)).await;
            }
            Some(Frame { kind: head[3], flags: head[4], stream })
        };
        tokio::time::timeout(LONG, read).await.expect("the gateway says something, or hangs up")
    }

    /// What comes until an answer to this stream is whole, the stream was refused, or the connection is over.
    pub(crate) async fn until_answered(&mut self, stream: u32) -> Vec<Frame> {
        let mut frames = Vec::new();
        while let Some(frame) = self.frame().await {
            let ends = matches!(frame.kind, DATA | HEADERS) && frame.flags & END_STREAM != 0 || frame.kind == RESET;
            let over = frame.kind == GOAWAY || ends && frame.stream == stream;
            frames.push(frame);
            if over {
                break;
            }
        }
        frames
    }

    /// What comes until the connection is over.
    pub(crate) async fn until_closed(&mut self) -> Vec<Frame> {
        let mut frames = Vec::new();
        while let Some(frame) = self.frame().await {
            frames.push(frame);
        }
        frames
    }
}

/// A frame's bytes.
pub(crate) fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    let mut bytes = vec![length[1], length[2], length[3], kind, flags];
    bytes.extend(stream.to_be_bytes());
    bytes.extend(payload);
    bytes
}

/// Headers as HPACK writes them without any table or compression, whatever is in them.
pub(crate) fn block(headers: &[(&str, &str)]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (name, value) in headers {
        bytes.push(0);
        for text in [name, value] {
            // An integer with a prefix of seven bits (RFC 7541 §5.1).
            match u8::try_from(text.len()) {
                Ok(length) if length < 127 => bytes.push(length),
                _ => {
                    bytes.push(127);
                    let mut rest = text.len() - 127;
                    while rest >= 128 {
                        bytes.push(u8::try_from(rest % 128).unwrap() | 128);
                        rest /= 128;
                    }
                    bytes.push(u8::try_from(rest).unwrap());
                }
            }
            bytes.extend(text.as_bytes());
        }
    }
    bytes
}

/// What every request begins with.
pub(crate) fn request<'h>(method: &'h str, path: &'h str, more: &[(&'h str, &'h str)]) -> Vec<u8> {
    let mut headers = vec![(":method", method), (":scheme", "http"), (":authority", "x"), (":path", path)];
    headers.extend(more);
    block(&headers)
}
