//! The id that ties an answer, a log line and the API's own log lines together.
//!
//! Always made here, or by the process behind this one that answered: one that a client sends would let it choose what stands in our log.

use std::fmt;

use http::{HeaderMap, HeaderName, HeaderValue};

/// Where the id travels: to the API on the request, to the client on the response.
pub(crate) const HEADER: HeaderName = HeaderName::from_static("x-request-id");

/// Letters, digits, `-` and `_` only, so that it fits a header and JSON as it is.
#[derive(Clone, Debug)]
pub(crate) struct RequestId(HeaderValue);

impl RequestId {
    /// Takes what the injected generator made, without any character that would need quoting somewhere.
    pub(crate) fn new(mut made: String) -> Self {
        if !made.bytes().all(is_plain) {
            made.retain(|c| u8::try_from(c).is_ok_and(is_plain));
        }
        Self(HeaderValue::try_from(made).expect("letters, digits, - and _ make a header"))
    }

    /// The one that a request or an answer of PicUp's own carries; an empty one if it carries none.
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        match headers.get(HEADER) {
            Some(id) if id.as_bytes().iter().copied().all(is_plain) => Self(id.clone()),
            id => Self::new(id.and_then(|id| id.to_str().ok()).unwrap_or_default().to_owned()),
        }
    }

    pub(crate) fn as_str(&self) -> &str {
        self.0.to_str().expect("made of ASCII")
    }

    pub(crate) fn header(&self) -> HeaderValue {
        self.0.clone()
    }
}

fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_')
}

impl fmt::Display for RequestId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}
