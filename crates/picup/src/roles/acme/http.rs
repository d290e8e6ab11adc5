//! How the authority is spoken to: by the HTTP client that PicUp has already, within limits, and with an eye on what would make the
//! library trip: addresses that are none, and times beyond all clocks.

use std::path::Path;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::Context;
use bytes::Bytes;
use http::header::{HeaderMap, HeaderValue, RETRY_AFTER};
use http::{Request, StatusCode, Uri};
use http_body_util::{BodyExt as _, Limited};
use instant_acme::{BodyWrapper, BytesResponse, Error, HttpClient};
use reqwest::{Certificate, Client};

const PATIENCE: Duration = Duration::from_secs(30);
/// Bytes of one answer: a chain of certificates is some ten thousand.
const MOST: usize = 1 << 20;
/// Seconds. No authority means more.
const LONGEST: u64 = 86_400;

/// The client. Clones are one.
#[derive(Clone)]
pub(super) struct Http {
    client: Client,
    directory: String,
    told: Arc<Mutex<Option<Duration>>>,
}

impl Http {
    /// For the authority of that directory, which is known by the certificate in `root`, or as the system knows it.
    pub(super) fn new(directory: &str, root: Option<&Path>) -> anyhow::Result<Self> {
        let mut builder = Client::builder().timeout(PATIENCE).https_only(true);
        if let Some(root) = root {
            let what = || format!("gateway.tls.acme.root_file: reading {}", root.display());
            let roots = Certificate::from_pem_bundle(&std::fs::read(root).with_context(what)?).with_context(what)?;
            anyhow::ensure!(!roots.is_empty(), "gateway.tls.acme.root_file: {} has no certificate", root.display());
            builder = builder.tls_certs_merge(roots);
        }
        let client = builder.build().context("making a client for ACME")?;
        Ok(Self { client, directory: directory.to_owned(), told: Arc::default() })
    }

    /// How long the authority wants to be left alone, if it said so since this was asked last.
    pub(super) fn told(&self) -> Option<Duration> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    async fn ask(self, request: Request<BodyWrapper<Bytes>>) -> Result<BytesResponse, Error> {
        let is_directory = request.uri() == self.directory.as_str();
        let (parts, body) = request.into_parts();
        let body = body.collect().await.map_err(other)?.to_bytes();
        let request = reqwest::Request::try_from(Request::from_parts(parts, body)).map_err(other)?;
        let answer = self.client.execute(request).await.map_err(other)?;
        let (mut parts, body) = http::Response::<reqwest::Body>::from(answer).into_parts();
        let body = Limited::new(body, MOST).collect().await.map_err(Error::Other)?.to_bytes();
        if is_directory && !has_addresses(&body) {
            return Err(Error::Str("a directory of ACME with addresses in it"));
        }
        let seconds = bounded(&mut parts.headers);
        if matches!(parts.status, StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE) {
            *self.told.lock().unwrap_or_else(PoisonError::into_inner) = seconds.map(Duration::from_secs);
        }
        Ok(BytesResponse { parts, body: Box::new(body) })
    }
}

impl HttpClient for Http {
    fn request(
        &self,
        request: Request<BodyWrapper<Bytes>>,
    ) -> Pin<Box<dyn Future<Output = Result<BytesResponse, Error>> + Send>> {
        Box::pin(self.clone().ask(request))
    }
}

fn other(error: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::Other(Box::new(error))
}

/// Whether every address in a directory is one: the library believes that.
fn has_addresses(body: &[u8]) -> bool {
    let read = serde_json::from_slice::<serde_json::Map<String, serde_json::Value>>(body);
    read.is_ok_and(|entries| entries.values().filter_map(|entry| entry.as_str()).all(is_address))
}

fn is_address(text: &str) -> bool {
    text.parse::<Uri>().is_ok_and(|uri| uri.scheme_str() == Some("https") && uri.host().is_some())
}

/// The seconds in `Retry-After`, where it has some; more than is sensible becomes less, because the library adds them to clocks.
fn bounded(headers: &mut HeaderMap) -> Option<u64> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    // A date is left as it is, and needs no bound: there is none after the year 9999.
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let seconds = is_number.then(|| text.parse().unwrap_or(LONGEST).min(LONGEST))?;
    headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
    Some(seconds)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_directory_whose_addresses_are_none_is_refused() {
        for (text, fine) in [
            (r#"{"newNonce":"https://ca.example/nonce","meta":{"website":"anything"}}"#, true),
            (r#"{"newNonce":"not an address"}"#, false),
            (r#"{"newNonce":"http://ca.example/nonce"}"#, false),
            (r#"{"newNonce":"/nonce"}"#, false),
            ("[]", false),
            ("<html>", false),
        ] {
            assert_eq!(has_addresses(text.as_bytes()), fine, "{text}");
        }
    }

    #[test]
    fn no_time_is_beyond_all_clocks() {
        for (said, expected) in [
            ("7", Some(7)),
            ("99999999999999999999999", Some(LONGEST)),
            ("18446744073709551615", Some(LONGEST)),
            ("Fri, 31 Dec 9999 23:59:59 GMT", None),
            ("-1", None),
            ("", None),
        ] {
            let mut headers = HeaderMap::from_iter([(RETRY_AFTER, HeaderValue::from_static(said))]);
            assert_eq!(bounded(&mut headers), expected, "{said}");
            let left = headers[RETRY_AFTER].to_str().unwrap();
            assert_eq!(left, expected.map_or(said.to_owned(), |seconds: u64| seconds.to_string()));
        }
    }

    proptest! {
        #[test]
        fn hostile_answers_never_panic(body: Vec<u8>, address in ".*", said in "[ -~]*") {
            let _ = has_addresses(&body);
            if is_address(&address) {
                http::Request::builder().uri(&address).body(()).unwrap();
            }
            bounded(&mut HeaderMap::from_iter([(RETRY_AFTER, HeaderValue::from_str(&said).unwrap())]));
        }
    }
}
