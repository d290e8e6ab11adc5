//! The user interface: a fixed set of files, held in memory.
//!
//! Files under `/assets/` carry a hash in their name and never change; all others are asked for again each time. An
//! address of the interface without a file of its own (`/albums/1`) gets `index.html`, whose script knows what to show.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hasher as _};

use bytes::Bytes;
use http::header::{
    ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, VARY,
};
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode};

use crate::body::{Body, empty, full};
use crate::media::matches;
use crate::problem::Problem;

/// Scripts, styles and workers come from us alone; pictures also from memory, where the page makes them. Where else it may
/// send to and show from is added: see [`page_policy`].
const PAGE_POLICY: &str = "default-src 'self'; script-src 'self'; style-src 'self'; worker-src 'self'; \
    manifest-src 'self'; object-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'";

/// A script's own headers rule only where it runs as a worker. There, and not in the page, WebAssembly may be compiled:
/// the hashing of uploads is written in it.
const WORKER_POLICY: &str = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; connect-src 'self'; \
    frame-ancestors 'none'; base-uri 'none'";

/// What the page never asks of a device, so that nothing that gets into it can.
const UNUSED_FEATURES: &str = "accelerometer=(), camera=(), display-capture=(), geolocation=(), \
    gyroscope=(), hid=(), magnetometer=(), microphone=(), midi=(), payment=(), serial=(), usb=(), \
    xr-spatial-tracking=()";

const OPENER_POLICY: HeaderName = HeaderName::from_static("cross-origin-opener-policy");
const RESOURCE_POLICY: HeaderName = HeaderName::from_static("cross-origin-resource-policy");
const PERMISSIONS_POLICY: HeaderName = HeaderName::from_static("permissions-policy");

/// One file, as it is put in.
#[derive(Debug, Clone)]
pub struct StaticFile {
    /// Its address, with the first `/`: `/assets/index-4f2a.js`.
    pub path: String,
    /// Its media type, with the charset if it is text.
    pub content_type: HeaderValue,
    /// What it holds.
    pub bytes: Bytes,
    /// The same, compressed beforehand, each with its name in `Content-Encoding`: `br`, `zstd`, `gzip`.
    pub encoded: Vec<(&'static str, Bytes)>,
}

/// All files of the interface, by address. Empty when PicUp was built without one: everything is then not found.
#[derive(Debug)]
pub struct StaticFiles {
    files: HashMap<String, Entry>,
    /// Places beside this one that the page may send to …
    sends_to: String,
    /// … and show pictures and videos from, each with a space before it.
    shows_from: String,
    page_policy: HeaderValue,
}

#[derive(Debug)]
struct Entry {
    content_type: HeaderValue,
    is_script: bool,
    immutable: bool,
    plain: Variant,
    /// The smallest first.
    encoded: Vec<Variant>,
}

#[derive(Debug)]
struct Variant {
    bytes: Bytes,
    etag: HeaderValue,
    encoding: Option<&'static str>,
}

impl FromIterator<StaticFile> for StaticFiles {
    fn from_iter<I: IntoIterator<Item = StaticFile>>(files: I) -> Self {
        let files = files.into_iter().map(|file| (file.path.clone(), Entry::new(file))).collect();
        let page_policy = page_policy("", "").expect("words and quotes");
        Self { files, sends_to: String::new(), shows_from: String::new(), page_policy }
    }
}

impl Default for StaticFiles {
    fn default() -> Self {
        Self::from_iter([])
    }
}

impl StaticFiles {
    /// Lets the page send to one more place than here: the store that takes its uploads, `https://bucket.example.org/`.
    ///
    /// # Errors
    /// When that cannot stand in a header.
    pub fn sending_to(self, origin: &str) -> Result<Self, http::Error> {
        let sends_to = format!("{} {origin}", self.sends_to);
        Ok(Self { page_policy: page_policy(&sends_to, &self.shows_from)?, sends_to, ..self })
    }

    /// Lets the page show pictures and videos from one more place than here: the store to which those who look at them are
    /// sent.
    ///
    /// # Errors
    /// When that cannot stand in a header.
    pub fn showing_from(self, origin: &str) -> Result<Self, http::Error> {
        let shows_from = format!("{} {origin}", self.shows_from);
        Ok(Self { page_policy: page_policy(&self.sends_to, &shows_from)?, shows_from, ..self })
    }

    /// Answers a path that has passed `normalise` and belongs to no other part.
    pub(crate) fn answer(&self, request: &Parts) -> Response<Body> {
        if !matches!(request.method, Method::GET | Method::HEAD) {
            return Problem::METHOD.response();
        }
        match self.find(request.uri.path()) {
            Some(entry) => entry.answer(request, &self.page_policy),
            None => Problem::NOT_FOUND.response(),
        }
    }

    /// Whether there is such a file, and never another under its address.
    pub(crate) fn keeps(&self, path: &str) -> bool {
        self.files.get(path).is_some_and(|entry| entry.immutable)
    }

    fn find(&self, path: &str) -> Option<&Entry> {
        let is_page = !path.starts_with("/assets/") && !path.rsplit('/').next().is_some_and(|name| name.contains('.'));
        self.files.get(path).or_else(|| if is_page { self.files.get("/index.html") } else { None })
    }
}

/// The whole policy of the page; each place has a space before it.
fn page_policy(sends_to: &str, shows_from: &str) -> Result<HeaderValue, http::Error> {
    let shown = format!("img-src 'self' blob: data:{shows_from}; media-src 'self' blob:{shows_from}");
    Ok(HeaderValue::try_from(format!("{PAGE_POLICY}; {shown}; connect-src 'self'{sends_to}"))?)
}

impl Entry {
    fn new(file: StaticFile) -> Self {
        let variant = |bytes: Bytes, encoding| Variant { etag: etag(&bytes), bytes, encoding };
        let encoded = file.encoded.into_iter().map(|(encoding, bytes)| variant(bytes, Some(encoding)));
        let mut encoded: Vec<_> = encoded.collect();
        encoded.sort_by_key(|variant| variant.bytes.len());
        Self {
            is_script: file.content_type.as_bytes().starts_with(b"text/javascript"),
            content_type: file.content_type,
            immutable: file.path.starts_with("/assets/"),
            plain: variant(file.bytes, None),
            encoded,
        }
    }

    fn answer(&self, request: &Parts, page_policy: &HeaderValue) -> Response<Body> {
        let variant = self.variant(&request.headers);
        let mut response = Response::new(empty());
        let headers = response.headers_mut();
        let lifetime = if self.immutable { "public, max-age=31536000, immutable" } else { "no-cache" };
        headers.insert(CACHE_CONTROL, HeaderValue::from_static(lifetime));
        headers.insert(ETAG, variant.etag.clone());
        let policy = if self.is_script { HeaderValue::from_static(WORKER_POLICY) } else { page_policy.clone() };
        headers.insert(CONTENT_SECURITY_POLICY, policy);
        headers.insert(OPENER_POLICY, HeaderValue::from_static("same-origin"));
        headers.insert(RESOURCE_POLICY, HeaderValue::from_static("same-origin"));
        headers.insert(PERMISSIONS_POLICY, HeaderValue::from_static(UNUSED_FEATURES));
        if !self.encoded.is_empty() {
            headers.insert(VARY, HeaderValue::from_static("accept-encoding"));
        }
        if matches(&request.headers, &variant.etag) {
            *response.status_mut() = StatusCode::NOT_MODIFIED;
            return response;
        }
        headers.insert(CONTENT_TYPE, self.content_type.clone());
        headers.insert(CONTENT_LENGTH, HeaderValue::from(variant.bytes.len()));
        if let Some(encoding) = variant.encoding {
            headers.insert(CONTENT_ENCODING, HeaderValue::from_static(encoding));
        }
        if request.method == Method::GET {
            *response.body_mut() = full(variant.bytes.clone());
        }
        response
    }

    fn variant(&self, headers: &HeaderMap) -> &Variant {
        self.encoded
            .iter()
            .find(|variant| variant.encoding.is_some_and(|encoding| accepts(headers, encoding)))
            .unwrap_or(&self.plain)
    }
}

/// Whether `Accept-Encoding` names `encoding` with a weight over zero. `*` is not enough: plain bytes are always right.
fn accepts(headers: &HeaderMap, encoding: &str) -> bool {
    headers.get_all(ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok()).any(|list| {
        list.split(',').any(|item| {
            let (name, weight) = item.split_once(';').unwrap_or((item, "q=1"));
            let weight = weight.trim().strip_prefix("q=").and_then(|weight| weight.trim().parse::<f32>().ok());
            name.trim().eq_ignore_ascii_case(encoding) && weight.is_some_and(|weight| weight > 0.0)
        })
    })
}

/// Changes with the content; needs to be no secret and to survive no upgrade.
fn etag(bytes: &[u8]) -> HeaderValue {
    let mut hasher = DefaultHasher::new();
    hasher.write(bytes);
    HeaderValue::from_str(&format!("\"{:016x}\"", hasher.finish())).expect("hexadecimal digits in quotes")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_named_encoding_of_some_weight_is_accepted() {
        for (header, accepted) in [
            ("br", true),
            ("gzip, br;q=0.5", true),
            ("gzip ,  BR ; q=1", true),
            ("br;q=0", false),
            ("br;q=0.000", false),
            ("br;q=x", false),
            ("gzip", false),
            ("*", false),
            ("", false),
        ] {
            let headers = [(ACCEPT_ENCODING, HeaderValue::from_str(header).unwrap())].into_iter().collect();
            assert_eq!(accepts(&headers, "br"), accepted, "{header}");
        }
    }
}
