//! What an authority of certificates (ACME) is answered when it looks whether a name is ours. Whoever asks it for a certificate posts here
//! what it will look for; the redirect answers HTTP-01 and the handshake TLS-ALPN-01.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderValue, Response};

use crate::body::{Body, full};
use crate::tls::{Tls, TlsError};

/// Where HTTP-01 looks (RFC 8555 §8.3).
const FOLDER: &str = "/.well-known/acme-challenge/";
/// The only protocol that TLS-ALPN-01 offers (RFC 8737 §4).
const PROTOCOL: &[u8] = b"acme-tls/1";

/// What is looked for at the moment; nothing, most of the time. Cheap to clone; clones are one.
#[derive(Clone, Default)]
pub struct Challenges(Arc<Mutex<Inner>>);

#[derive(Default)]
struct Inner {
    answers: HashMap<String, String>,
    certificates: HashMap<String, Tls>,
}

/// An answer, for as long as this lives.
#[must_use]
pub struct Posted {
    challenges: Challenges,
    what: What,
}

enum What {
    Answer(String),
    Certificate(String),
}

impl Challenges {
    /// Answers HTTP-01: `authorization` for that token, wherever people who come without TLS are sent away.
    pub fn answer(&self, token: &str, authorization: &str) -> Posted {
        self.with(|inner| inner.answers.insert(token.to_owned(), authorization.to_owned()));
        Posted { challenges: self.clone(), what: What::Answer(token.to_owned()) }
    }

    /// Answers TLS-ALPN-01: this certificate, in PEM as its key is, for that name, to who offers nothing but `acme-tls/1`.
    ///
    /// # Errors
    /// [`TlsError`] says what cannot be served.
    pub fn certificate(&self, name: &str, certificate: &[u8], key: &[u8]) -> Result<Posted, TlsError> {
        let tls = Tls::of_challenge(PROTOCOL, certificate, key)?;
        let name = name.to_ascii_lowercase();
        self.with(|inner| inner.certificates.insert(name.clone(), tls));
        Ok(Posted { challenges: self.clone(), what: What::Certificate(name) })
    }

    /// What that path is answered, if an authority looks there.
    pub(crate) fn answered(&self, path: &str) -> Option<Response<Body>> {
        let token = path.strip_prefix(FOLDER)?;
        let answer = self.with(|inner| inner.answers.get(token).cloned())?;
        let mut response = Response::new(full(Bytes::from(answer)));
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        Some(response)
    }

    /// What a client is shown that offers these protocols and asks for that name, if it is an authority that looks.
    pub(crate) fn shown<'a>(&self, offered: impl Iterator<Item = &'a [u8]>, name: Option<&str>) -> Option<Tls> {
        if !offered.eq([PROTOCOL]) {
            return None;
        }
        let name = name?.to_ascii_lowercase();
        self.with(|inner| inner.certificates.get(&name).cloned())
    }

    fn with<T>(&self, work: impl FnOnce(&mut Inner) -> T) -> T {
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl fmt::Debug for Challenges {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Challenges")
    }
}

impl Drop for Posted {
    fn drop(&mut self) {
        self.challenges.with(|inner| match &self.what {
            What::Answer(token) => drop(inner.answers.remove(token)),
            What::Certificate(name) => drop(inner.certificates.remove(name)),
        });
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt as _;

    use super::*;

    #[tokio::test]
    async fn a_token_is_answered_while_it_is_posted_and_nothing_else_ever() {
        let challenges = Challenges::default();
        let posted = challenges.answer("abc", "abc.thumb");
        let answer = challenges.answered("/.well-known/acme-challenge/abc").unwrap();
        assert_eq!(answer.into_body().collect().await.unwrap().to_bytes(), "abc.thumb");
        for other in ["/.well-known/acme-challenge/", "/.well-known/acme-challenge/abcd", "/abc", ""] {
            assert!(challenges.answered(other).is_none(), "{other}");
        }
        drop(posted);
        assert!(challenges.answered("/.well-known/acme-challenge/abc").is_none());
    }

    #[test]
    fn a_certificate_is_shown_to_who_offers_that_protocol_alone() {
        let mut parameters = rcgen::CertificateParams::new(["photos.example".to_owned()]).unwrap();
        parameters.custom_extensions = vec![rcgen::CustomExtension::new_acme_identifier(&[7; 32])];
        let key = rcgen::KeyPair::generate().unwrap();
        let (certificate, key) = (parameters.self_signed(&key).unwrap().pem(), key.serialize_pem());
        let challenges = Challenges::default();
        let posted = challenges.certificate("photos.example", certificate.as_bytes(), key.as_bytes()).unwrap();
        let shown = |offered: &[&[u8]], name| challenges.shown(offered.iter().copied(), name).is_some();
        assert!(shown(&[b"acme-tls/1"], Some("Photos.example")));
        assert!(!shown(&[b"acme-tls/1", b"h2"], Some("photos.example")));
        assert!(!shown(&[b"h2"], Some("photos.example")) && !shown(&[], Some("photos.example")));
        assert!(!shown(&[b"acme-tls/1"], Some("other.example")) && !shown(&[b"acme-tls/1"], None));
        drop(posted);
        assert!(!shown(&[b"acme-tls/1"], Some("photos.example")));
    }
}
