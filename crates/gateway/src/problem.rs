//! The gateway's own refusals, as problem+json (RFC 9457), in the shape that the API uses too.

use bytes::Bytes;
use http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderValue, Response, StatusCode};

use crate::body::{Body, full};
use crate::request_id::RequestId;

/// A refusal whose texts are fixed, so that nothing a client sent is echoed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Problem {
    status: StatusCode,
    name: &'static str,
    title: &'static str,
    detail: &'static str,
}

impl Problem {
    const fn new(status: StatusCode, name: &'static str, title: &'static str, detail: &'static str) -> Self {
        Self { status, name, title, detail }
    }

    /// One and the same for every reason, and for media that do not exist: a stranger learns nothing from it.
    pub(crate) const FORBIDDEN: Self = Self::new(
        StatusCode::FORBIDDEN,
        "forbidden",
        "Not allowed",
        "Sign in to see this, or ask its owner for a link.",
    );
    pub(crate) const NOT_FOUND: Self =
        Self::new(StatusCode::NOT_FOUND, "not-found", "Not found", "There is nothing at this address.");
    pub(crate) const FROM_HERE: Self = Self::new(
        StatusCode::FORBIDDEN,
        "from-here",
        "Not allowed from here",
        "This part of PicUp is closed to the network that you are in. Ask from another one, or ask who runs it.",
    );
    pub(crate) const TOO_MANY: Self = Self::new(
        StatusCode::TOO_MANY_REQUESTS,
        "too-many-requests",
        "Too many requests",
        "Wait for the seconds that Retry-After says, and then ask less often.",
    );
    pub(crate) const METHOD: Self = Self::new(
        StatusCode::METHOD_NOT_ALLOWED,
        "method",
        "Method not allowed",
        "Only GET and HEAD are answered here.",
    );
    pub(crate) const QUERY: Self = Self::new(
        StatusCode::BAD_REQUEST,
        "query",
        "Query not allowed",
        "Addresses of media take no query parameters but those of a signature and, for originals, a plain file name of the same kind: leave out the others, and a ? that is followed by nothing.",
    );
    pub(crate) const PATH: Self = Self::new(
        StatusCode::BAD_REQUEST,
        "path",
        "Path not allowed",
        "Send the path without . or .. segments, empty segments, backslashes, encoded slashes or malformed percent escapes.",
    );
    pub(crate) const HOST: Self = Self::new(
        StatusCode::BAD_REQUEST,
        "host",
        "Host missing or twice",
        "Send one Host header, as HTTP/1.1 wants it.",
    );
    pub(crate) const PATH_TOO_LONG: Self =
        Self::new(StatusCode::URI_TOO_LONG, "path-too-long", "Path too long", "Send a path of at most 2048 bytes.");
    pub(crate) const ORIGIN: Self = Self::new(
        StatusCode::SERVICE_UNAVAILABLE,
        "store-unavailable",
        "Store unavailable",
        "The store cannot be read at the moment. Try again in a minute.",
    );
    pub(crate) const NOBODY: Self = Self::new(
        StatusCode::BAD_GATEWAY,
        "no-answer",
        "PicUp does not answer",
        "The part of PicUp that answers this cannot be reached. Try again in a minute.",
    );
    pub(crate) const NO_ANSWER: Self = Self::new(
        StatusCode::GATEWAY_TIMEOUT,
        "no-answer-in-time",
        "PicUp takes too long",
        "The part of PicUp that answers this did not do so in time. Try again in a minute.",
    );
    pub(crate) const NOT_WHOLE: Self = Self::new(
        StatusCode::REQUEST_TIMEOUT,
        "not-whole",
        "The request did not come whole",
        "Send the whole body, and without long pauses.",
    );
    pub(crate) const INTERNAL: Self = Self::new(
        StatusCode::INTERNAL_SERVER_ERROR,
        "internal",
        "Something went wrong",
        "This is our mistake. The request id finds its cause in the log.",
    );

    /// The answer; never cached.
    pub(crate) fn response(self) -> Response<Body> {
        self.build("")
    }

    /// The answer with the request's id in it, for failures that someone will look up.
    pub(crate) fn response_with_id(self, id: &RequestId) -> Response<Body> {
        self.build(&format!(r#","request_id":"{id}""#))
    }

    fn build(self, more: &str) -> Response<Body> {
        let Self { status, name, title, detail } = self;
        let json = format!(
            r#"{{"type":"urn:picup:{name}","title":"{title}","status":{},"detail":"{detail}"{more}}}"#,
            status.as_u16()
        );
        let mut response = Response::new(full(Bytes::from(json)));
        *response.status_mut() = status;
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if status == StatusCode::METHOD_NOT_ALLOWED {
            headers.insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
        }
        response
    }
}
