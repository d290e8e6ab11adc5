//! The answer for a medium that the client may have: status, validators, ranges and headers.
//!
//! Keys are immutable, so an address always means the same bytes: what may be looked at is cached for a year without
//! asking again. Originals (`file/`) are only ever attachments, whatever their type, and are asked for again each time.
//! An origin may have the client read elsewhere. A browser is sent there only for what an element shows: a page, a download
//! or a script gets what protects it from the bytes (`nosniff`, the sandbox), which can be said here alone.
//! Nothing here checks a right: `authorise` has.

use std::ops::Range;
use std::sync::Arc;

use http::header::{
    ACCEPT, ACCEPT_RANGES, ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, CACHE_CONTROL,
    CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, IF_NONE_MATCH,
    IF_RANGE, LOCATION, ORIGIN, RANGE, VARY,
};
use http::request::Parts;
use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode};
use http_body_util::BodyExt as _;
use picup_delivery::without_signature;

use crate::attachment::Name;
use crate::body::{Body, Exact, empty};
use crate::byteranges::ByteRanges;
use crate::origin::{Elsewhere, Opened, Origin, OriginError, Told};
use crate::problem::Problem;
use crate::range::{self, Asked};

const CACHE_STATUS: HeaderName = HeaderName::from_static("cache-status");
const RESOURCE_POLICY: HeaderName = HeaderName::from_static("cross-origin-resource-policy");
/// What a browser wants it for. Programs do not say, nor do old browsers, nor any over plain HTTP.
const FETCH_DEST: HeaderName = HeaderName::from_static("sec-fetch-dest");
/// Headers of a whole answer, so that their table is made once.
const MOST_HEADERS: usize = 16;

/// What can be refused without knowing who asks or whether the medium exists: a method that reads nothing, and a query other than
/// a signature and the name of an attachment (an unknown parameter must never be part of what a policy's wildcard covers).
pub(crate) fn check(request: &Parts) -> Result<(), Problem> {
    if !matches!(request.method, Method::GET | Method::HEAD) {
        return Err(Problem::METHOD);
    }
    let asked = request.uri.path_and_query().map_or("/", PathAndQuery::as_str);
    // One parameter given twice is for the authorisation to refuse, like whatever else is wrong with a signature.
    match without_signature(asked) {
        Some(rest) if rest.contains('?') && named(&rest).is_none() => Err(Problem::QUERY),
        _ => Ok(()),
    }
}

/// The name that an attachment is to have.
fn named(without_signature: &str) -> Option<Name> {
    let (path, query) = without_signature.split_once('?')?;
    Name::read(path, query)
}

/// Opens the medium and answers, or says where the client may read it itself. The error is the store's own failure, to be
/// logged.
pub(crate) async fn answer(origin: &Arc<dyn Origin>, request: &Parts) -> Result<Response<Body>, OriginError> {
    match found(origin, request).await {
        Err(OriginError::NotFound) => Ok(Problem::NOT_FOUND.response()),
        answer => answer,
    }
}

async fn found(origin: &Arc<dyn Origin>, request: &Parts) -> Result<Response<Body>, OriginError> {
    let key = request.uri.path().trim_start_matches('/');
    let told = told(key);
    if may_read_elsewhere(request)
        && let Some(elsewhere) = origin.elsewhere(key, told).await?
    {
        return redirect(&elsewhere);
    }
    let opened = origin.open(key).await?;
    // One address, one content: the size alone makes a strong validator.
    let etag = HeaderValue::from_str(&format!("\"{:x}\"", opened.size)).expect("hexadecimal digits in quotes");
    let mut response = if matches(&request.headers, &etag) {
        bare(StatusCode::NOT_MODIFIED)
    } else {
        content(origin, request, opened, &etag)
    };
    let headers = response.headers_mut();
    headers.insert(ETAG, etag);
    headers.insert(ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static("default-src 'none'; sandbox"));
    headers.insert(RESOURCE_POLICY, HeaderValue::from_static("same-origin"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static(told.cache_control));
    if let Some(disposition) = told.content_disposition {
        let asked = request.uri.path_and_query().map_or("/", PathAndQuery::as_str);
        let name = without_signature(asked).as_deref().and_then(named);
        let disposition = name.map_or(HeaderValue::from_static(disposition), |name| name.disposition());
        headers.insert(CONTENT_DISPOSITION, disposition);
    }
    Ok(response)
}

/// Lets pages of that origin show the answer, though it comes from another: elements of a page, and its scripts.
pub(crate) fn show_in(app: &str, asked: &HeaderMap, response: &mut Response<Body>) {
    let headers = response.headers_mut();
    headers.insert(RESOURCE_POLICY, HeaderValue::from_static("cross-origin"));
    headers.append(VARY, HeaderValue::from_static("origin"));
    if asked.get(ORIGIN).is_some_and(|origin| origin == app)
        && let Ok(app) = HeaderValue::from_str(app)
    {
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, app);
        let told = "accept-ranges, cache-status, content-length, content-range, etag";
        headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static(told));
    }
}

/// What is told of the medium at `key`, here or elsewhere.
fn told(key: &str) -> Told {
    if folder(key) == Some("view") {
        Told { cache_control: "private, max-age=31536000, immutable", content_disposition: None }
    } else {
        Told { cache_control: "private, no-cache", content_disposition: Some("attachment") }
    }
}

/// Whether the answer may be one that was not made here: only to a GET (addresses are signed for one), and in a browser only
/// to an element that shows pictures or videos. Over plain HTTP a browser does not say what it is for; then a page is known by
/// what it accepts, and a download by not saying what.
fn may_read_elsewhere(request: &Parts) -> bool {
    let headers = &request.headers;
    let mut wanted_for = headers.get_all(FETCH_DEST).iter().peekable();
    let shows = match wanted_for.peek() {
        Some(_) => wanted_for.all(|destination| destination == "image" || destination == "video"),
        None => {
            let page = |accepted: &HeaderValue| accepted.to_str().is_ok_and(|text| text.contains("text/html"));
            headers.contains_key(ACCEPT) && !headers.get_all(ACCEPT).iter().any(page)
        }
    };
    request.method == Method::GET && shows
}

/// Kept by the browser for half of the address's life, so that what it opens can still be read at the end of that.
fn redirect(elsewhere: &Elsewhere) -> Result<Response<Body>, OriginError> {
    let mut address = HeaderValue::try_from(&elsewhere.url).map_err(|error| OriginError::Unavailable(error.into()))?;
    address.set_sensitive(true);
    let kept = format!("private, max-age={}", elsewhere.life.as_secs() / 2);
    let mut response = bare(StatusCode::TEMPORARY_REDIRECT);
    let headers = response.headers_mut();
    headers.insert(LOCATION, address);
    headers.insert(CACHE_CONTROL, HeaderValue::try_from(kept).expect("words and a number"));
    headers.insert(VARY, HeaderValue::from_static("sec-fetch-dest, accept"));
    headers.insert(RESOURCE_POLICY, HeaderValue::from_static("same-origin"));
    Ok(response)
}

/// `view` or `file` in `media/{owner}/{asset}/{folder}/{name}`.
fn folder(key: &str) -> Option<&str> {
    key.split('/').nth(3)
}

fn content(origin: &Arc<dyn Origin>, request: &Parts, opened: Opened, etag: &HeaderValue) -> Response<Body> {
    let size = opened.size;
    let (status, range) = match asked(request, size, etag) {
        Asked::Outside => {
            let mut response = bare(StatusCode::RANGE_NOT_SATISFIABLE);
            response.headers_mut().insert(CONTENT_RANGE, content_range(format!("bytes */{size}")));
            return response;
        }
        Asked::Parts(parts) => return several(origin, request, &opened, parts),
        Asked::Whole => (StatusCode::OK, 0..size),
        Asked::Part(range) => (StatusCode::PARTIAL_CONTENT, range),
    };
    let mut response = bare(status);
    let headers = response.headers_mut();
    headers.reserve(MOST_HEADERS);
    headers.insert(CONTENT_TYPE, content_type(&opened));
    headers.insert(CONTENT_LENGTH, HeaderValue::from(range.end - range.start));
    if let Some(status) = opened.status(range.start) {
        headers.insert(CACHE_STATUS, HeaderValue::from_static(status));
    }
    if status == StatusCode::PARTIAL_CONTENT {
        headers.insert(CONTENT_RANGE, content_range(format!("bytes {}-{}/{size}", range.start, range.end - 1)));
    }
    if request.method == Method::GET && !range.is_empty() {
        let length = range.end - range.start;
        *response.body_mut() = Exact::new(opened.read(range), length).boxed_unsync();
    }
    response
}

/// A few ranges at once.
fn several(origin: &Arc<dyn Origin>, request: &Parts, opened: &Opened, parts: Vec<Range<u64>>) -> Response<Body> {
    let kind = content_type(opened);
    let ranges = ByteRanges::new(kind.to_str().unwrap_or("application/octet-stream"), parts, opened.size);
    let mut response = bare(StatusCode::PARTIAL_CONTENT);
    response.headers_mut().insert(CONTENT_TYPE, ranges.content_type());
    response.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from(ranges.length()));
    let key = request.uri.path().trim_start_matches('/').to_owned();
    *response.body_mut() = ranges.body(Arc::clone(origin), key);
    response
}

fn content_type(opened: &Opened) -> HeaderValue {
    HeaderValue::from_str(&opened.content_type).unwrap_or_else(|_| HeaderValue::from_static("application/octet-stream"))
}

/// The range asked for: only by a GET, only by one `Range` header, and only if `If-Range` still holds.
fn asked(request: &Parts, size: u64, etag: &HeaderValue) -> Asked {
    let mut ranges = request.headers.get_all(RANGE).iter();
    match (request.method == Method::GET, ranges.next(), ranges.next()) {
        (true, Some(header), None) if request.headers.get(IF_RANGE).is_none_or(|condition| condition == etag) => {
            header.to_str().map_or(Asked::Whole, |header| range::parse(header, size))
        }
        _ => Asked::Whole,
    }
}

/// Whether `If-None-Match` names this content, so that 304 will do (weak comparison, RFC 9110 §13.1.2).
pub(crate) fn matches(headers: &HeaderMap, etag: &HeaderValue) -> bool {
    headers.get_all(IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok()).any(|list| {
        list.split(',').map(str::trim).any(|tag| tag == "*" || tag.strip_prefix("W/").unwrap_or(tag) == etag)
    })
}

fn bare(status: StatusCode) -> Response<Body> {
    let mut response = Response::new(empty());
    *response.status_mut() = status;
    response
}

fn content_range(text: String) -> HeaderValue {
    HeaderValue::try_from(text).expect("digits and punctuation")
}
