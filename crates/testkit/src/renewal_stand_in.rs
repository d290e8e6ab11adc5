//! A stand-in for what Debian's pebble lacks: renewal information (RFC 9773). It stands before a pebble, adds `renewalInfo` to its
//! directory, answers that itself, says of orders what they replace, and hands on everything else.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use http_body_util::{BodyExt as _, Full};
use hyper::body::{Bytes, Incoming};
use hyper::header::{CONTENT_LENGTH, HOST, HeaderValue, RETRY_AFTER, TRANSFER_ENCODING};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

use crate::pebble::unsaid;
use crate::{Error, Pebble, free_address};

const PATH: &str = "/renewal-info";

/// One that stands. Dropping it ends it; the pebble goes on.
#[derive(Debug)]
pub struct RenewalStandIn {
    address: SocketAddr,
    known: Arc<Mutex<Known>>,
    serving: JoinHandle<()>,
}

/// What it tells, and was told.
#[derive(Debug, Default)]
struct Known {
    window: Option<(String, String)>,
    asked: Vec<String>,
    replaced: Vec<String>,
}

struct Stand {
    pebble: SocketAddr,
    address: SocketAddr,
    client: reqwest::Client,
    known: Arc<Mutex<Known>>,
}

impl RenewalStandIn {
    /// Stands before that pebble. Renewal is wished between these two moments (RFC 3339).
    ///
    /// # Errors
    /// When it cannot listen.
    pub async fn before(pebble: &Pebble, start: &str, end: &str) -> Result<Self, Error> {
        let address = free_address();
        let listener = TcpListener::bind(address).await.map_err(Error::io(format!("listen on {address}")))?;
        let acceptor = acceptor(pebble)?;
        let known = Arc::new(Mutex::new(Known::default()));
        let stand = Stand { pebble: pebble.address(), address, client: pebble.client()?, known: Arc::clone(&known) };
        let serving = tokio::spawn(serve(listener, acceptor, Arc::new(stand)));
        let this = Self { address, known, serving };
        this.wish(start, end);
        Ok(this)
    }

    /// Renewal is wished between these moments from now on.
    pub fn wish(&self, start: &str, end: &str) {
        self.with(|known| known.window = Some((start.to_owned(), end.to_owned())));
    }

    /// Where its directory is.
    #[must_use]
    pub fn directory(&self) -> String {
        format!("https://{}/dir", self.address)
    }

    /// The certificates that it was asked of, by their names of RFC 9773.
    #[must_use]
    pub fn asked(&self) -> Vec<String> {
        self.with(|known| known.asked.clone())
    }

    /// Those that orders were said to replace.
    #[must_use]
    pub fn replaced(&self) -> Vec<String> {
        self.with(|known| known.replaced.clone())
    }

    fn with<T>(&self, work: impl FnOnce(&mut Known) -> T) -> T {
        work(&mut self.known.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Drop for RenewalStandIn {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

fn acceptor(pebble: &Pebble) -> Result<TlsAcceptor, Error> {
    let unfit = |error: &dyn std::fmt::Display| Error::Io {
        doing: "serve pebble's certificate".to_owned(),
        source: std::io::Error::other(error.to_string()),
    };
    let (certificate, key) = pebble.own_certificate();
    let certificate = CertificateDer::from_pem_file(certificate).map_err(|error| unfit(&error))?;
    let key = PrivateKeyDer::from_pem_file(key).map_err(|error| unfit(&error))?;
    let builder = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()));
    let builder = builder.with_safe_default_protocol_versions().map_err(|error| unfit(&error))?;
    let config = builder.with_no_client_auth().with_single_cert(vec![certificate], key);
    Ok(TlsAcceptor::from(Arc::new(config.map_err(|error| unfit(&error))?)))
}

async fn serve(listener: TcpListener, acceptor: TlsAcceptor, stand: Arc<Stand>) {
    while let Ok((stream, _)) = listener.accept().await {
        let (acceptor, stand) = (acceptor.clone(), Arc::clone(&stand));
        tokio::spawn(async move {
            let Ok(stream) = acceptor.accept(stream).await else { return };
            let service = service_fn(|request| {
                let stand = Arc::clone(&stand);
                async move { Ok::<_, Infallible>(stand.answer(request).await) }
            });
            // A client that has gone needs no answer.
            let _ = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

impl Stand {
    async fn answer(&self, request: Request<Incoming>) -> Response<Full<Bytes>> {
        if let Some(name) = request.uri().path().strip_prefix(PATH) {
            return self.tell(name.trim_start_matches('/'));
        }
        self.hand_on(request).await.unwrap_or_else(|error| {
            let mut response = Response::new(Full::from(error.to_string()));
            *response.status_mut() = hyper::StatusCode::BAD_GATEWAY;
            response
        })
    }

    fn tell(&self, name: &str) -> Response<Full<Bytes>> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.asked.push(name.to_owned());
        let (start, end) = known.window.clone().unwrap_or_default();
        let told = json!({ "suggestedWindow": { "start": start, "end": end } });
        let mut response = Response::new(Full::from(told.to_string()));
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("21600"));
        response
    }

    async fn hand_on(&self, request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Error> {
        let (parts, body) = request.into_parts();
        let body = body.collect().await.map_err(|error| Error::io("read")(std::io::Error::other(error)))?.to_bytes();
        let replaces = replaced_by(&body);
        let path = parts.uri.path().to_owned();
        // Its addresses are made from the host that was asked for, and so lead back here.
        let mut headers = parts.headers;
        headers.insert(HOST, HeaderValue::from_str(&self.address.to_string()).expect("an address is text"));
        let asked = self.client.request(parts.method, format!("https://{}{path}", self.pebble)).headers(headers);
        let answer = asked.body(body).send().await.map_err(unsaid)?;
        let mut response = Response::new(());
        *response.status_mut() = answer.status();
        response.headers_mut().clone_from(answer.headers());
        for name in [CONTENT_LENGTH, TRANSFER_ENCODING] {
            response.headers_mut().remove(name);
        }
        let bytes = answer.bytes().await.map_err(unsaid)?;
        let bytes = match (path.as_str(), replaces) {
            ("/dir", _) => with(&bytes, "renewalInfo", json!(format!("https://{}{PATH}", self.address))),
            (_, Some(replaced)) => {
                let told = with(&bytes, "replaces", json!(replaced));
                self.known.lock().unwrap_or_else(PoisonError::into_inner).replaced.push(replaced);
                told
            }
            _ => bytes,
        };
        Ok(response.map(|()| Full::new(bytes)))
    }
}

/// The certificate that a signed request says its order replaces.
fn replaced_by(body: &[u8]) -> Option<String> {
    let signed: Value = serde_json::from_slice(body).ok()?;
    let payload = BASE64_URL_SAFE_NO_PAD.decode(signed.get("payload")?.as_str()?).ok()?;
    let payload: Value = serde_json::from_slice(&payload).ok()?;
    Some(payload.get("replaces")?.as_str()?.to_owned())
}

/// An object with one entry more; anything else as it was.
fn with(bytes: &Bytes, name: &str, value: Value) -> Bytes {
    match serde_json::from_slice::<serde_json::Map<String, Value>>(bytes) {
        Ok(mut object) => {
            object.insert(name.to_owned(), value);
            Value::from(object).to_string().into()
        }
        Err(_) => bytes.clone(),
    }
}
