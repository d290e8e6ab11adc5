//! What Amazon S3 does with uploads and with addresses that were given away and s3s-fs does not: refuses headers that it should not
//! have, refuses parts that are not what was signed before anything of them is stored, lists parts with tags and checksums and
//! puts together only those that are named by them, and lets the pages of any site in (CORS), as a bucket does whose rules say so.
//! Only what PicUp relies on. It can be had with one flaw.

use std::path::PathBuf;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use http_body_util::BodyExt;
use hyper::body::{Bytes, Incoming};
use hyper::header::{CONTENT_LENGTH, HeaderMap, HeaderName, HeaderValue};
use hyper::http::request::Parts;
use hyper::{Method, Request, Response, StatusCode};
use s3s::service::S3Service;
use s3s::{Body, HttpError};
use sha2::Digest;

use crate::amazon_flaws::Flaw;
use crate::amazon_parts::{Address, amended, named_wrongly};

const CHECKSUM: &str = "x-amz-checksum-sha256";

/// What pages are answered where they are let in.
const TO_PAGES: [(&str, &str); 3] = [
    ("access-control-allow-origin", "*"),
    ("access-control-allow-methods", "GET, PUT"),
    ("access-control-allow-headers", "*"),
];

/// How it answers.
#[derive(Debug, Clone)]
pub(crate) struct Amazon {
    /// The store's folder, where parts lie that are not put together yet.
    pub(crate) folder: PathBuf,
    /// Whether pages of other sites are let in.
    pub(crate) pages: bool,
    pub(crate) flaw: Option<Flaw>,
}

impl Amazon {
    /// Answers a request as the store, or as Amazon where they differ.
    pub(crate) async fn answer(
        &self,
        store: S3Service,
        request: Request<Incoming>,
    ) -> Result<Response<Body>, HttpError> {
        let (parts, body) = request.into_parts();
        let answer = match body.collect().await {
            Ok(body) => self.answer_whole(store, parts, body.to_bytes()).await,
            Err(_) => Ok(empty(StatusCode::BAD_REQUEST)),
        };
        if self.pages { answer.map(|answer| self.open_to_pages(answer)) } else { answer }
    }

    async fn answer_whole(&self, store: S3Service, head: Parts, body: Bytes) -> Result<Response<Body>, HttpError> {
        if head.method == Method::OPTIONS {
            return Ok(empty(if self.pages { StatusCode::OK } else { StatusCode::FORBIDDEN }));
        }
        let address = Address::of(&head.uri);
        if let Some(answer) = self.flaw.and_then(|flaw| flaw.answer(&self.folder, &head, &address, &body)) {
            return Ok(answer);
        }
        let copies = self.flaw.is_some_and(|flaw| flaw.copies(&head.headers));
        if !copies && address.has_unsigned(&head.headers) {
            return Ok(empty(StatusCode::FORBIDDEN));
        }
        if !copies && head.method == Method::PUT && !is_as_told(&head.headers, &body) {
            return Ok(empty(StatusCode::BAD_REQUEST));
        }
        let looks_at_tags = self.flaw != Some(Flaw::StaleTags);
        if head.method == Method::POST
            && looks_at_tags
            && let Some(code) = named_wrongly(&self.folder, &address, &body)
        {
            let mut answer = Response::new(Body::from(format!("<Error><Code>{code}</Code></Error>")));
            *answer.status_mut() = StatusCode::BAD_REQUEST;
            return Ok(answer);
        }
        let lists_parts = head.method == Method::GET && address.upload.is_some();
        let answer = store.call(Request::from_parts(head, Body::from(body))).await?;
        if lists_parts { self.with_tags(answer, &address).await } else { Ok(answer) }
    }

    /// A list of parts, with what s3s-fs does not tell of them.
    async fn with_tags(&self, answer: Response<Body>, address: &Address) -> Result<Response<Body>, HttpError> {
        let (mut head, body) = answer.into_parts();
        let list = body.collect().await.map_err(HttpError::new)?.to_bytes();
        head.headers.remove(CONTENT_LENGTH);
        Ok(Response::from_parts(head, Body::from(amended(&self.folder, address, &String::from_utf8_lossy(&list)))))
    }

    fn open_to_pages(&self, mut response: Response<Body>) -> Response<Body> {
        for (name, value) in TO_PAGES {
            if self.flaw != Some(Flaw::SilentToPages(name)) {
                response.headers_mut().insert(HeaderName::from_static(name), HeaderValue::from_static(value));
            }
        }
        response
    }
}

/// Whether a body has the checksum that its request names, if it names one.
pub(crate) fn is_as_told(headers: &HeaderMap, body: &Bytes) -> bool {
    let wanted = headers.get(CHECKSUM);
    wanted.is_none_or(|wanted| wanted.as_bytes() == BASE64_STANDARD.encode(sha2::Sha256::digest(body)).as_bytes())
}

pub(crate) fn empty(status: StatusCode) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    response
}
