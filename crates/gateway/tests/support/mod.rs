//! A real gateway on a free port, with media in memory, a small API, and a client that sends exactly the bytes it is told.

#![allow(dead_code, reason = "each test file uses its part")]
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use std::collections::HashMap;
use std::net::SocketAddr;
use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use axum::extract::Request;
use axum::routing::{any, get, post};
use axum::{Extension, Router};
use bytes::Bytes;
use futures_util::stream;
use http::HeaderValue;
use picup_delivery::{
    Audience, Form, HashAlgorithm, KeyId, Keyring, Policy, Resource, SigningKey, TokenKey, TokenRing, TokenSecret,
    signed_cookies,
};
use picup_gateway::{
    AccessFormat, AccessLog, Balancer, ByteStream, Challenges, Drained, Elsewhere, Gateway, Metrics, Opened, Origin,
    OriginError, Parts, RouteTemplate, Rules, Settings, StaticFile, StaticFiles, Tls, Told, api_service,
};
use prometheus_client::registry::Registry;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, oneshot, watch};
use tokio::task::JoinHandle;

pub(crate) const BASE: &str = "https://photos.example";
pub(crate) const NOW: u64 = 1_800_000_000;
pub(crate) const SIZE: usize = 300_000;
pub(crate) const VIEW: &str = "/media/ann/a1/view/preview.1.webp";
/// A secret that tokens are signed with under the id `T1`.
pub(crate) const SECRET: &str = "a-secret-of-more-than-32-characters";
pub(crate) const ORIGINAL: &str = "/media/ann/a1/file/original.1.svg";

/// What the medium at every key of the tests holds: every byte tells where it is.
pub(crate) fn content(range: Range<usize>) -> Vec<u8> {
    range.map(|position| u8::try_from(position % 251).unwrap()).collect()
}

/// More than any system buffers for a client that does not read.
pub(crate) const LARGE: usize = 256 << 20;

/// Media in memory. A medium below `gated/` streams its first chunk and the rest only after `gate` opens; one below
/// `large/` has [`LARGE`] zeros.
pub(crate) struct MemoryOrigin {
    media: HashMap<&'static str, &'static str>,
    pub(crate) gate: Arc<Notify>,
    pub(crate) opened: Arc<AtomicU64>,
}

/// Where those are sent who ask for a medium below `straight/`, with what they are to be told in the place of a signature;
/// for one below `unsigned/` nobody can say where.
pub(crate) const BUCKET: &str = "https://bucket.example/";

#[async_trait]
impl Origin for MemoryOrigin {
    async fn open(&self, key: &str) -> Result<Opened, OriginError> {
        self.opened.fetch_add(1, Ordering::SeqCst);
        if key.ends_with("broken") {
            return Err(OriginError::Unavailable("the disk is on fire".into()));
        }
        let content_type = *self.media.get(key).ok_or(OriginError::NotFound)?;
        if key.contains("large") {
            return Ok(Opened::new(LARGE as u64, content_type, |range| -> ByteStream {
                let chunk = Bytes::from_static(&[0; 65_536]);
                let count = usize::try_from(range.end - range.start).unwrap() / chunk.len();
                Box::pin(stream::iter(std::iter::repeat_n(chunk, count).map(Ok)))
            }));
        }
        let (gated, short, gate) = (key.contains("gated"), key.contains("short"), self.gate.clone());
        Ok(Opened::new(SIZE as u64, content_type, move |range| -> ByteStream {
            let range = usize::try_from(range.start).unwrap()..usize::try_from(range.end).unwrap();
            let mut chunks: Vec<_> = content(range).chunks(65_536).map(Bytes::copy_from_slice).collect();
            if short {
                chunks.pop();
            }
            Box::pin(stream::unfold((0, chunks.into_iter()), move |(step, mut chunks)| {
                let gate = gate.clone();
                async move {
                    let chunk = chunks.next()?;
                    if gated && step == 1 {
                        gate.notified().await;
                    }
                    Some((Ok(chunk), (step + 1, chunks)))
                }
            }))
        }))
    }

    async fn elsewhere(&self, key: &str, told: Told) -> Result<Option<Elsewhere>, OriginError> {
        if key.contains("unsigned") {
            return Err(OriginError::Unavailable("nobody signs".into()));
        }
        let disposition = told.content_disposition.unwrap_or("inline");
        let url = format!("{BUCKET}{key}?{}&{disposition}&secret", told.cache_control.replace(' ', ""));
        Ok(key.contains("straight").then(|| Elsewhere { url, life: Duration::from_secs(600) }))
    }
}

pub(crate) struct TestGateway {
    pub(crate) address: SocketAddr,
    pub(crate) key: SigningKey,
    pub(crate) clock: Arc<AtomicU64>,
    pub(crate) rules: watch::Sender<Arc<Rules>>,
    pub(crate) tls: Option<watch::Sender<Tls>>,
    pub(crate) challenges: Challenges,
    /// Beside it, served by nobody yet.
    pub(crate) redirecting: Gateway,
    /// Of the access log, where a subscriber wants it.
    pub(crate) lines: Arc<Mutex<Vec<String>>>,
    pub(crate) keyring: watch::Sender<Keyring>,
    pub(crate) tokens: watch::Sender<TokenRing>,
    pub(crate) gate: Arc<Notify>,
    pub(crate) opened: Arc<AtomicU64>,
    pub(crate) registry: Registry,
    stop: Option<oneshot::Sender<()>>,
    serving: JoinHandle<Drained>,
}

impl TestGateway {
    pub(crate) async fn start() -> Self {
        Self::start_with(|_| {}).await
    }

    pub(crate) async fn start_with(change: impl FnOnce(&mut Settings)) -> Self {
        Self::start_of(change, static_files()).await
    }

    /// With rules of its own, over TLS where there is a certificate.
    pub(crate) async fn start_behind(rules: Rules, tls: Option<Tls>, change: impl FnOnce(&mut Settings)) -> Self {
        let gateway = Self::begin(change, static_files(), tls, None).await;
        gateway.rules.send_replace(Arc::new(rules));
        gateway
    }

    pub(crate) async fn start_serving(files: StaticFiles) -> Self {
        Self::start_of(|_| {}, files).await
    }

    /// Before several processes that answer for everything.
    pub(crate) async fn start_before(balancer: &Balancer) -> Self {
        Self::start_before_with(balancer, |_| {}).await
    }

    pub(crate) async fn start_before_with(balancer: &Balancer, change: impl FnOnce(&mut Settings)) -> Self {
        let change = |settings: &mut Settings| {
            settings.drain_timeout = Duration::from_secs(5);
            change(settings);
        };
        Self::begin(change, static_files(), None, Some(balancer)).await
    }

    async fn start_of(change: impl FnOnce(&mut Settings), static_files: StaticFiles) -> Self {
        Self::begin(change, static_files, None, None).await
    }

    async fn begin(
        change: impl FnOnce(&mut Settings),
        static_files: StaticFiles,
        tls: Option<Tls>,
        before: Option<&Balancer>,
    ) -> Self {
        let key = SigningKey::generate(KeyId::parse("K1").unwrap(), &mut rand::rng());
        let ring = Keyring::from_pems([(key.id().clone(), key.public_key_pem().as_str())]).unwrap();
        let (keyring, receiver) = watch::channel(ring);
        let secret = TokenSecret::parse(KeyId::parse("T1").unwrap(), SECRET).unwrap();
        let public = TokenKey::public(key.id().clone(), &key.public_key_pem()).unwrap();
        let ring = TokenRing::new(Audience::default(), [public, TokenKey::secret(&secret)]).unwrap();
        let (tokens, token_receiver) = watch::channel(ring);
        let (gate, opened) = (Arc::new(Notify::new()), Arc::new(AtomicU64::new(0)));
        let (clock, lines) = (Arc::new(AtomicU64::new(NOW)), Arc::<Mutex<Vec<String>>>::default());
        let mut registry = Registry::default();
        let mut settings = Settings::new(BASE);
        change(&mut settings);
        let (rules, rules_receiver) = watch::channel(Arc::default());
        let (tls, challenges) = (tls.map(watch::Sender::new), Challenges::default());
        let origin = MemoryOrigin { media: media(), gate: gate.clone(), opened: opened.clone() };
        let parts = Parts {
            keyring: receiver,
            tokens: token_receiver,
            rules: rules_receiver,
            account_of: Arc::new(|headers| headers.get("x-account")?.to_str().ok()?.parse().ok()),
            tls: tls.as_ref().map(watch::Sender::subscribe),
            challenges: challenges.clone(),
            api: before.map_or_else(|| api_service(api()), Balancer::service),
            origin: before.is_none().then(|| Arc::new(origin) as Arc<dyn Origin>),
            static_files,
            clock: {
                let clock = clock.clone();
                Arc::new(move || Duration::from_secs(clock.load(Ordering::SeqCst)))
            },
            request_ids: {
                let next = AtomicU64::new(1);
                Arc::new(move || format!("r-{}", next.fetch_add(1, Ordering::SeqCst)))
            },
            metrics: Metrics::register(&mut registry),
            access_log: {
                let lines = lines.clone();
                AccessLog::new(AccessFormat::Json, move |line| lines.lock().unwrap().push(line.to_owned()))
            },
        };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel();
        let gateway = Gateway::new(settings, parts);
        let redirecting = gateway.redirecting(BASE);
        let serving = tokio::spawn(async move { gateway.serve(listener, async { stopped.await.unwrap_or(()) }).await });
        Self {
            address,
            key,
            clock,
            lines,
            rules,
            tls,
            challenges,
            redirecting,
            keyring,
            tokens,
            gate,
            opened,
            registry,
            stop: Some(stop),
            serving,
        }
    }

    /// The `Cookie` line that opens one account's media until a minute from now.
    pub(crate) fn cookies(&self, owner: &str) -> String {
        let resource = Resource::under(BASE, &format!("/media/{owner}/")).unwrap();
        let cookies =
            signed_cookies(&self.key, HashAlgorithm::Sha256, &Policy::until(resource, NOW + 60), Form::Shortest);
        let pairs: Vec<_> = cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        format!("Cookie: {}\r\n", pairs.join("; "))
    }

    pub(crate) async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    /// Sends `bytes` on a connection of its own and reads until the gateway closes it.
    pub(crate) async fn raw(&self, bytes: impl AsRef<[u8]>) -> Vec<u8> {
        let mut stream = self.connect().await;
        stream.write_all(bytes.as_ref()).await.unwrap();
        let mut answer = Vec::new();
        // A reset after a refusal still leaves what was said before it.
        let _ = stream.read_to_end(&mut answer).await;
        answer
    }

    /// One request with no body; `headers` are whole lines.
    pub(crate) async fn ask(&self, method: &str, target: &str, headers: &str) -> Answer {
        let request = format!("{method} {target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{headers}\r\n");
        Answer::parse(&self.raw(request).await)
    }

    /// As the owner of the test media.
    pub(crate) async fn fetch(&self, target: &str, headers: &str) -> Answer {
        self.ask("GET", target, &format!("{}{headers}", self.cookies("ann"))).await
    }

    pub(crate) fn shut_down(&mut self) {
        self.stop.take().unwrap().send(()).unwrap();
    }

    pub(crate) async fn drained(self) -> Drained {
        self.serving.await.unwrap()
    }

    pub(crate) fn metrics(&self) -> String {
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &self.registry).unwrap();
        text
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn parse(bytes: &[u8]) -> Self {
        let end = bytes.windows(4).position(|window| window == b"\r\n\r\n").expect("an answer with a head");
        let head = std::str::from_utf8(&bytes[..end]).unwrap();
        let mut lines = head.split("\r\n");
        let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
        let headers = lines
            .map(|line| line.split_once(": ").unwrap())
            .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
            .collect();
        Self { status, headers, body: bytes[end + 4..].to_vec() }
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
    }

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    /// All that a client can tell two refusals apart by: everything but the request's own id and the date.
    pub(crate) fn told(&self) -> (u16, Vec<(String, String)>, Vec<u8>) {
        let own = |name: &str| name == "x-request-id" || name == "date";
        (self.status, self.headers.iter().filter(|(name, _)| !own(name)).cloned().collect(), self.body.clone())
    }
}

fn media() -> HashMap<&'static str, &'static str> {
    HashMap::from([
        (&VIEW[1..], "image/webp"),
        (&ORIGINAL[1..], "image/svg+xml"),
        ("media/ann/gated/view/1", "video/mp4"),
        ("media/ann/short/view/1", "video/mp4"),
        ("media/ann/large/view/1", "video/mp4"),
        ("media/ann/odd/view/1", "image/\nx"),
        ("media/ann/straight/view/1", "image/webp"),
        ("media/ann/straight/file/1", "video/mp4"),
        ("media/bob/b1/view/preview.1.webp", "image/webp"),
    ])
}

fn static_files() -> StaticFiles {
    let file = |path: &str, content_type, bytes| StaticFile {
        path: path.to_owned(),
        content_type: HeaderValue::from_static(content_type),
        bytes: Bytes::from_static(bytes),
        encoded: Vec::new(),
    };
    [
        file("/index.html", "text/html; charset=utf-8", b"<!doctype html>"),
        file("/favicon.ico", "image/x-icon", b"icon"),
        StaticFile {
            encoded: [("gzip", &b"gzip"[..]), ("br", b"br"), ("zstd", b"zst")]
                .map(|(encoding, bytes)| (encoding, Bytes::from_static(bytes)))
                .into(),
            ..file("/assets/app-1a2b.js", "text/javascript; charset=utf-8", b"plain")
        },
    ]
    .into_iter()
    .collect()
}

fn api() -> Router {
    let told = |request: Request| async move {
        let client = request.extensions().get::<SocketAddr>().unwrap().ip();
        let ids: Vec<_> = request.headers().get_all("x-request-id").iter().map(|id| id.to_str().unwrap()).collect();
        format!("{} {client} {}", request.uri().path(), ids.join(","))
    };
    Router::new()
        .route("/live", get(|| async { "alive" }))
        .route(
            "/api/panic",
            get(|| async {
                if true {
                    panic!("on purpose")
                }
            }),
        )
        .route("/api/moved", get(|| async { axum::response::Redirect::to("/api/told") }))
        .route("/api/photos/{id}", get(|| async { (Extension(RouteTemplate::new("/api/photos/{id}")), "a photo") }))
        .route("/api/upload", post(|body: axum::body::Bytes| async move { body.len().to_string() }))
        .fallback(any(told))
}
