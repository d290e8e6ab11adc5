//! A tiny HTTP server on loopback that answers as a test says, for services that cannot be had here: it keeps what it was asked.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use http_body_util::{BodyExt as _, Full};
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use crate::{Error, free_address};

/// What it was asked.
#[derive(Debug, Clone)]
pub struct Asked {
    /// `GET`, `POST` and so on.
    pub method: String,
    /// Without a query, with the first `/`.
    pub path: String,
    /// By their names in lower case.
    pub headers: BTreeMap<String, String>,
    /// All of it.
    pub body: Bytes,
}

impl Asked {
    /// The body as JSON; null when it is none.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }
}

/// What it answers.
#[derive(Debug, Clone, Default)]
pub struct Told {
    /// The status.
    pub status: u16,
    /// Headers besides.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Bytes,
}

impl Told {
    /// JSON with that status.
    #[must_use]
    pub fn json(status: u16, body: &Value) -> Self {
        Self { status, headers: Vec::new(), body: body.to_string().into() }
    }
}

/// Who thinks of the answers: a closure, or something that asks others first.
#[async_trait]
pub trait Answers: Send + Sync + 'static {
    /// The answer to one request.
    async fn answer(&self, asked: Asked) -> Told;
}

#[async_trait]
impl<F: Fn(Asked) -> Told + Send + Sync + 'static> Answers for F {
    async fn answer(&self, asked: Asked) -> Told {
        self(asked)
    }
}

/// One that stands. Dropping it ends it.
#[derive(Debug)]
pub struct HttpStandIn {
    address: SocketAddr,
    asked: Arc<Mutex<Vec<Asked>>>,
    serving: JoinHandle<()>,
}

impl HttpStandIn {
    /// Listens on a free port of loopback.
    ///
    /// # Errors
    /// When it cannot.
    pub async fn start(answers: impl Answers) -> Result<Self, Error> {
        let address = free_address();
        let listener = TcpListener::bind(address).await.map_err(Error::io(format!("listen on {address}")))?;
        let asked = Arc::new(Mutex::new(Vec::new()));
        let (answers, kept) = (Arc::new(answers), Arc::clone(&asked));
        let serving = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, Arc::clone(&answers), Arc::clone(&kept)));
            }
        });
        Ok(Self { address, asked, serving })
    }

    /// Where it listens.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// All that it was asked, oldest first.
    #[must_use]
    pub fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for HttpStandIn {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn serve(stream: TcpStream, answers: Arc<impl Answers>, kept: Arc<Mutex<Vec<Asked>>>) {
    let service = service_fn(|request: Request<Incoming>| {
        let (answers, kept) = (Arc::clone(&answers), Arc::clone(&kept));
        async move {
            let asked = read(request).await;
            kept.lock().unwrap_or_else(PoisonError::into_inner).push(asked.clone());
            Ok::<_, Infallible>(response(answers.answer(asked).await))
        }
    });
    // A client that has gone needs no answer.
    let _ = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
}

async fn read(request: Request<Incoming>) -> Asked {
    let (parts, body) = request.into_parts();
    let body = body.collect().await.map(http_body_util::Collected::to_bytes).unwrap_or_default();
    let text = |value: &hyper::header::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    let headers = parts.headers.iter().map(|(name, value)| (name.to_string(), text(value))).collect();
    Asked { method: parts.method.to_string(), path: parts.uri.path().to_owned(), headers, body }
}

fn response(told: Told) -> Response<Full<Bytes>> {
    let mut builder = Response::builder().status(told.status);
    for (name, value) in told.headers {
        builder = builder.header(name, value);
    }
    builder.body(Full::new(told.body)).unwrap_or_else(|_| {
        let mut response = Response::new(Full::default());
        *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
        response
    })
}
