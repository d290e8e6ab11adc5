//! What a service may get wrong with addresses that were given away, each by itself: for tests of whoever looks for it.

use std::path::Path;

use hyper::body::Bytes;
use hyper::header::{CONTENT_ENCODING, HeaderMap, HeaderValue, LOCATION};
use hyper::http::request::Parts;
use hyper::{Method, Response, StatusCode};
use s3s::Body;

use crate::amazon::{empty, is_as_told};
use crate::amazon_parts::Address;

/// One flaw of a service that is otherwise as Amazon's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flaw {
    /// Stores parts of so many bytes whatever their checksum.
    Unchecked(usize),
    /// Stores parts that come without the headers that were signed.
    Bare,
    /// Lets a header that was not signed make a part a copy of an object that it names with a slash before the bucket, or without.
    Copies {
        /// With a slash.
        slash: bool,
    },
    /// Stores parts that come in pieces (`aws-chunked`) whatever their checksum.
    InPieces,
    /// Lets what comes to an address after the end of its upload take the object's place.
    Late,
    /// Puts parts together without a look at the tags by which they are named.
    StaleTags,
    /// Sends whoever puts a part that is not as it was signed to where nothing can be put.
    Redirects,
    /// Leaves this header out of what it tells pages.
    SilentToPages(&'static str),
}

impl Flaw {
    /// What is answered for its sake.
    pub(crate) fn answer(self, folder: &Path, head: &Parts, address: &Address, body: &Bytes) -> Option<Response<Body>> {
        let file = address.file(folder).filter(|_| head.method == Method::PUT)?;
        let upload = folder.join(format!(".upload-{}.json", address.upload.as_deref()?));
        let signed = address.signed.as_deref().unwrap_or_default();
        let has = |name: &str| head.headers.contains_key(name);
        let lacks_signed = !signed.iter().all(|name| has(name));
        let copies = has("x-amz-copy-source");
        let in_pieces = head.headers.get(CONTENT_ENCODING).is_some_and(|encoding| encoding == "aws-chunked");
        let to = match self {
            Self::Unchecked(bytes) if bytes == body.len() && !lacks_signed && !copies && !in_pieces => file,
            Self::Bare if lacks_signed && upload.exists() => file,
            Self::InPieces if in_pieces => file,
            Self::Late if !upload.exists() => folder.join(&address.path),
            Self::Redirects if !is_as_told(&head.headers, body) => return Some(redirected()),
            _ => return None,
        };
        let stored = std::fs::write(to, body).is_ok();
        Some(empty(if stored { StatusCode::OK } else { StatusCode::INTERNAL_SERVER_ERROR }))
    }

    /// Whether it takes a header that makes a part a copy.
    pub(crate) fn copies(self, headers: &HeaderMap) -> bool {
        let source = headers.get("x-amz-copy-source").map(HeaderValue::as_bytes);
        matches!(self, Self::Copies { slash } if source.is_some_and(|source| source.starts_with(b"/") == slash))
    }
}

fn redirected() -> Response<Body> {
    let mut answer = empty(StatusCode::TEMPORARY_REDIRECT);
    answer.headers_mut().insert(LOCATION, HeaderValue::from_static("/elsewhere"));
    answer
}
