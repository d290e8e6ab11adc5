//! The headers that every answer carries, whoever made it. What differs by kind (the content security policy of pages
//! and of media) stands with that kind.

use std::time::Duration;

use http::header::{
    CONNECTION, CONTENT_SECURITY_POLICY, REFERRER_POLICY, STRICT_TRANSPORT_SECURITY, X_CONTENT_TYPE_OPTIONS,
};
use http::{HeaderValue, Response};

use crate::request_id::{self, RequestId};

/// Puts them on. An answer that says nothing about content (JSON, a refusal) may load nothing and be framed nowhere.
pub(crate) fn finish<B>(response: &mut Response<B>, id: &RequestId, close: bool, hsts: Duration) {
    let headers = response.headers_mut();
    headers.insert(request_id::HEADER, id.header());
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers
        .entry(CONTENT_SECURITY_POLICY)
        .or_insert(HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'"));
    if !hsts.is_zero() {
        let told = format!("max-age={}", hsts.as_secs());
        headers.insert(STRICT_TRANSPORT_SECURITY, HeaderValue::try_from(told).expect("a word and digits"));
    }
    if close {
        headers.insert(CONNECTION, HeaderValue::from_static("close"));
    }
}
