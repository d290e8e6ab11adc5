//! Several ranges of one medium in one body: `multipart/byteranges` (RFC 9110 §14.6).

use std::hash::{BuildHasher, RandomState};
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};
use http::HeaderValue;
use http_body_util::BodyExt as _;

use crate::body::{Body, ByteStream, Exact};
use crate::origin::Origin;

/// The body to be sent.
pub(crate) struct ByteRanges {
    boundary: String,
    /// What stands before each part, and the part.
    parts: Vec<(Bytes, Range<u64>)>,
    end: Bytes,
}

impl ByteRanges {
    pub(crate) fn new(content_type: &str, parts: Vec<Range<u64>>, size: u64) -> Self {
        // Nobody can put into a medium what separates its parts: it is another one in each answer.
        let boundary = format!("picup{:016x}{:016x}", random(), random());
        let head = |range: Range<u64>| {
            let (first, last) = (range.start, range.end - 1);
            let text = format!(
                "\r\n--{boundary}\r\nContent-Type: {content_type}\r\nContent-Range: bytes {first}-{last}/{size}\r\n\r\n"
            );
            (Bytes::from(text), range)
        };
        let parts = parts.into_iter().map(head).collect();
        let end = Bytes::from(format!("\r\n--{boundary}--\r\n"));
        Self { boundary, parts, end }
    }

    pub(crate) fn content_type(&self) -> HeaderValue {
        HeaderValue::try_from(format!("multipart/byteranges; boundary={}", self.boundary)).expect("letters and digits")
    }

    pub(crate) fn length(&self) -> u64 {
        let parts = self.parts.iter().map(|(head, range)| head.len() as u64 + range.end - range.start);
        parts.sum::<u64>() + self.end.len() as u64
    }

    /// The bytes, each part read when its turn comes.
    pub(crate) fn body(self, origin: Arc<dyn Origin>, key: String) -> Body {
        let length = self.length();
        let parts = stream::iter(self.parts).then(move |(head, range)| {
            let (origin, key) = (Arc::clone(&origin), key.clone());
            async move {
                let read = origin.read(&key, range).await?;
                Ok::<ByteStream, crate::BoxError>(Box::pin(stream::once(async { Ok(head) }).chain(read)))
            }
        });
        let whole = parts.try_flatten().chain(stream::once(async { Ok(self.end) }));
        Exact::new(Box::pin(whole), length).boxed_unsync()
    }
}

fn random() -> u64 {
    RandomState::new().hash_one(0_u8)
}
