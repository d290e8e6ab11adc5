//! What Amazon S3 does with an address that was given away and s3s-fs does not: refuses headers that it should not have, refuses
//! parts that are not what was signed before anything of them is stored, and lets the pages of any site in (CORS), as a bucket
//! does whose rules say so. Only what PicUp relies on.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::header::{HeaderName, HeaderValue};
use hyper::{Method, Request, Response, StatusCode};
use s3s::service::S3Service;
use s3s::{Body, HttpError};
use sha2::Digest;

const CHECKSUM: &str = "x-amz-checksum-sha256";

/// Answers a request as the store, or as Amazon where they differ; `pages` of other sites are let in, or not.
pub(crate) async fn answer(
    store: S3Service,
    request: Request<Incoming>,
    pages: bool,
) -> Result<Response<Body>, HttpError> {
    let answer = match refused(&request, pages) {
        Some(status) => Ok(empty(status)),
        None => checked(store, request).await,
    };
    if pages { answer.map(open_to_pages) } else { answer }
}

/// The answer to a request that the store is not asked.
fn refused(request: &Request<Incoming>, pages: bool) -> Option<StatusCode> {
    if request.method() == Method::OPTIONS {
        return Some(if pages { StatusCode::OK } else { StatusCode::FORBIDDEN });
    }
    has_unsigned_headers(request).then_some(StatusCode::FORBIDDEN)
}

/// Hands a request on to the store if its body has the checksum that it names, if it names one.
async fn checked(store: S3Service, request: Request<Incoming>) -> Result<Response<Body>, HttpError> {
    let (parts, body) = request.into_parts();
    let checksum = parts.headers.get(CHECKSUM).filter(|_| parts.method == Method::PUT).cloned();
    let Some(wanted) = checksum else { return store.call(Request::from_parts(parts, Body::from(body))).await };
    let Ok(bytes) = body.collect().await else { return Ok(empty(StatusCode::BAD_REQUEST)) };
    let bytes = bytes.to_bytes();
    if BASE64_STANDARD.encode(sha2::Sha256::digest(&bytes)).as_bytes() != wanted.as_bytes() {
        return Ok(empty(StatusCode::BAD_REQUEST));
    }
    store.call(Request::from_parts(parts, Body::from(bytes))).await
}

/// Whether a request with its signature in the address has headers of S3's own that were not signed.
fn has_unsigned_headers(request: &Request<Incoming>) -> bool {
    let query = request.uri().query().unwrap_or_default();
    let Some(signed) = query.split('&').find_map(|pair| pair.strip_prefix("X-Amz-SignedHeaders=")) else {
        return false;
    };
    let signed: Vec<String> = signed.replace("%3B", ";").split(';').map(str::to_ascii_lowercase).collect();
    request.headers().keys().any(|name| name.as_str().starts_with("x-amz-") && !signed.contains(&name.to_string()))
}

fn empty(status: StatusCode) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    response
}

fn open_to_pages(mut response: Response<Body>) -> Response<Body> {
    for (name, value) in [
        ("access-control-allow-origin", "*"),
        ("access-control-allow-methods", "GET, PUT"),
        ("access-control-allow-headers", "*"),
    ] {
        response.headers_mut().insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    response
}
