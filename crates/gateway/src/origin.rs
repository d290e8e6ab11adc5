//! Where media come from: the seam between the gateway and a store.
//!
//! `picup` implements [`Origin`] over its stores. The gateway asks only for what has been authorised, and never writes.

use std::ops::Range;
use std::time::Duration;

use async_trait::async_trait;

use crate::body::{BoxError, ByteStream};

/// A place media are read from.
#[async_trait]
pub trait Origin: Send + Sync + 'static {
    /// Finds one medium and tells what it is, reading none of it yet.
    ///
    /// `key` is the path of the request without its first `/`: `media/{owner}/{asset}/{view|file}/{name}`. It has no dot
    /// segments, empty segments or backslashes; percent escapes are not decoded, since no key needs one.
    async fn open(&self, key: &str) -> Result<Opened, OriginError>;

    /// Bytes of one medium, in a range that is not empty and lies within it.
    async fn read(&self, key: &str, range: Range<u64>) -> Result<ByteStream, OriginError> {
        Ok(self.open(key).await?.read(range))
    }

    /// Where the client may read one medium itself, without looking whether there is one; `None` when it has to come through
    /// here, as it does wherever an origin does not say otherwise. Who reads there has to be told `told`.
    async fn elsewhere(&self, key: &str, told: Told) -> Result<Option<Elsewhere>, OriginError> {
        let _ = (key, told);
        Ok(None)
    }
}

/// What a client is told of a medium beside its type, whoever answers it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Told {
    /// `Cache-Control`.
    pub cache_control: &'static str,
    /// `Content-Disposition`, if there is to be one.
    pub content_disposition: Option<&'static str>,
}

/// An address that opens one medium, for whoever has it.
pub struct Elsewhere {
    /// The address. It is told to the client alone and written down nowhere.
    pub url: String,
    /// How long it opens it.
    pub life: Duration,
}

/// A medium that was found.
pub struct Opened {
    /// Its length in bytes.
    pub size: u64,
    /// Its media type, such as `image/webp`. An unfit one is served as `application/octet-stream`.
    pub content_type: String,
    read: Box<dyn FnOnce(Range<u64>) -> ByteStream + Send>,
    status: Option<Box<dyn Fn(u64) -> &'static str + Send>>,
}

impl Opened {
    /// `read` is called at most once, with a range that is not empty and lies within `size`, and must stream exactly it.
    pub fn new(
        size: u64,
        content_type: impl Into<String>,
        read: impl FnOnce(Range<u64>) -> ByteStream + Send + 'static,
    ) -> Self {
        Self { size, content_type: content_type.into(), read: Box::new(read), status: None }
    }

    /// With what a cache says (RFC 9211) of a reader that begins at that byte.
    pub(crate) fn with_status(self, status: impl Fn(u64) -> &'static str + Send + 'static) -> Self {
        Self { status: Some(Box::new(status)), ..self }
    }

    pub(crate) fn status(&self, at: u64) -> Option<&'static str> {
        self.status.as_ref().map(|status| status(at))
    }

    pub(crate) fn read(self, range: Range<u64>) -> ByteStream {
        (self.read)(range)
    }
}

/// Why a medium could not be opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OriginError {
    /// There is none of that key, or the key is none at all.
    #[error("no such medium")]
    NotFound,
    /// The store failed; the cause goes to the log, never to the client.
    #[error("the store failed")]
    Unavailable(#[source] BoxError),
}
