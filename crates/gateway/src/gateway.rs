//! What happens to a request, in order.
//!
//! ```text
//! accept → TLS → client address → allow list → rate limit → normalise → route ─┬─ media: authorise → origin ─┬→ log and count
//!                                                                              ├─ api ───────────────────────┤
//!                                                                              └─ static files ──────────────┘
//! ```
//! A phase either passes the request on or answers it. [`Inner::phases`] is the one place that knows the order; each
//! phase has a module of its own that knows nothing of the others.

use std::net::{IpAddr, SocketAddr};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::FutureExt as _;
use http::header::TRANSFER_ENCODING;
use http::{HeaderMap, Method, Request, Response, Version};
use http_body::Body as _;
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use picup_delivery::{Keyring, TokenRing};
use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::accept::{self, Drained};
use crate::access_log::{AccessLog, Logged, Observers, Record};
use crate::activity::Activity;
use crate::allow::AllowList;
use crate::api::{self, ApiService};
use crate::authorise;
use crate::balance::Upstreamed;
use crate::body::{Body, Patient, empty};
use crate::challenge::Challenges;
use crate::class::Class;
use crate::forgers::Forgers;
use crate::limit::{Account, Buckets, Limits};
use crate::media;
use crate::metrics::Metrics;
use crate::normalise;
use crate::origin::Origin;
use crate::problem::Problem;
use crate::redirect;
use crate::request_id::RequestId;
use crate::route::Route;
use crate::security;
use crate::settings::Settings;
use crate::static_files::StaticFiles;
use crate::tls::Tls;

/// What `picup` hands to the gateway.
pub struct Parts {
    /// The keys whose signatures open media; a change counts from the next request on.
    pub keyring: watch::Receiver<Keyring>,
    /// The keys whose tokens open media, in the same way; an empty ring looks at none.
    pub tokens: watch::Receiver<TokenRing>,
    /// From where which requests may come, and how often; a change counts from the next request on.
    pub rules: watch::Receiver<Arc<Rules>>,
    /// The account that a request's headers prove. Asked where an account has a limit, so it should be quick.
    pub account_of: AccountOf,
    /// The certificate to serve with; a new one counts from the next connection on. Without one there is no TLS.
    pub tls: Option<watch::Receiver<Tls>>,
    /// What an authority of certificates is answered that looks whether a name is ours.
    pub challenges: Challenges,
    /// Answers `/api`, `/.well-known`, `/live` and `/ready`; see [`crate::api_service`].
    pub api: ApiService,
    /// Where media are read from. Without one, whatever answers for the API answers for media and the page too, but for those files of
    /// the page that never change.
    pub origin: Option<Arc<dyn Origin>>,
    /// The user interface.
    pub static_files: StaticFiles,
    /// The time since 1970, UTC.
    pub clock: Arc<dyn Fn() -> Duration + Send + Sync>,
    /// Makes an id for each request, unlike any other: letters, digits, `-` and `_`.
    pub request_ids: Arc<dyn Fn() -> String + Send + Sync>,
    /// Where requests are counted.
    pub metrics: Metrics,
    /// Where each is logged.
    pub access_log: AccessLog,
}

/// Finds the account that headers prove.
pub type AccountOf = Arc<dyn Fn(&HeaderMap) -> Option<Account> + Send + Sync>;

/// From where requests may come, and how often.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rules {
    /// From where.
    pub allow: AllowList,
    /// How often.
    pub limits: Limits,
}

/// The front of PicUp. Cheap to clone: clones are one gateway, to be served on several listeners.
#[derive(Clone)]
pub struct Gateway(Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) settings: Settings,
    pub(crate) observers: Arc<Observers>,
    keyring: watch::Receiver<Keyring>,
    tokens: watch::Receiver<TokenRing>,
    rules: watch::Receiver<Arc<Rules>>,
    account_of: AccountOf,
    tls: Option<watch::Receiver<Tls>>,
    pub(crate) challenges: Challenges,
    buckets: Buckets,
    forgers: Forgers,
    api: ApiService,
    origin: Option<Arc<dyn Origin>>,
    static_files: StaticFiles,
    request_ids: Arc<dyn Fn() -> String + Send + Sync>,
    redirects_to: Option<String>,
    leaving: Arc<AtomicBool>,
}

impl Gateway {
    /// Puts the parts together; nothing happens before [`Gateway::serve`].
    pub fn new(settings: Settings, parts: Parts) -> Self {
        let Parts {
            keyring,
            tokens,
            rules,
            account_of,
            tls,
            challenges,
            api,
            origin,
            static_files,
            clock,
            request_ids,
            metrics,
            access_log,
        } = parts;
        if let Some(tls) = &tls {
            metrics.follow(tls.clone());
        }
        let observers = Arc::new(Observers { metrics, log: access_log, clock });
        Self(Arc::new(Inner {
            settings,
            observers,
            keyring,
            tokens,
            rules,
            account_of,
            tls,
            challenges,
            buckets: Buckets::default(),
            forgers: Forgers::default(),
            api,
            origin,
            static_files,
            request_ids,
            redirects_to: None,
            leaving: Arc::default(),
        }))
    }

    /// One without TLS beside this one, that sends whoever may ask here to the same path at `public_base`. It goes by the same rules,
    /// and counts and logs in the same place.
    #[must_use]
    pub fn redirecting(&self, public_base: &str) -> Self {
        let inner = &self.0;
        Self(Arc::new(Inner {
            settings: inner.settings.clone(),
            observers: Arc::clone(&inner.observers),
            keyring: inner.keyring.clone(),
            tokens: inner.tokens.clone(),
            rules: inner.rules.clone(),
            account_of: Arc::clone(&inner.account_of),
            tls: None,
            challenges: inner.challenges.clone(),
            buckets: Buckets::default(),
            forgers: Forgers::default(),
            api: inner.api.clone(),
            origin: inner.origin.clone(),
            static_files: StaticFiles::default(),
            request_ids: Arc::clone(&inner.request_ids),
            redirects_to: Some(public_base.to_owned()),
            leaving: Arc::clone(&inner.leaving),
        }))
    }

    /// Ends each connection of HTTP/1.1 with the next answer on it from now on, and serves new ones as before. A connection that ends
    /// while nothing is asked on it may be asked for something at that moment; one that ends so is not. HTTP/2 says by itself which
    /// requests were heard.
    pub fn leave(&self) {
        self.0.leaving.store(true, Ordering::Relaxed);
    }

    /// Serves `listener` until `shutdown` is ready. Then it accepts no more, tells clients to go, and returns when every
    /// request in flight has ended, or after [`Settings::drain_timeout`], cutting the rest.
    pub async fn serve(&self, listener: TcpListener, shutdown: impl Future<Output = ()>) -> Drained {
        accept::serve(self.0.clone(), listener, shutdown).await
    }
}

impl Inner {
    /// One request, whatever comes of it: identified, answered even if a phase panics, logged and counted.
    pub(crate) async fn answer(
        &self,
        request: Request<Incoming>,
        peer: SocketAddr,
        activity: Activity,
    ) -> Response<Logged> {
        let id = RequestId::new((self.request_ids)());
        let client = self.settings.proxies.client(peer, request.headers());
        let method = request.method().clone();
        // Two lengths (Transfer-Encoding beside Content-Length) are how a second request is smuggled past a proxy. hyper
        // goes by the first and hides the other, so after any such request the connection ends (RFC 9112 §6.1).
        let close = request.headers().contains_key(TRANSFER_ENCODING)
            || request.version() < Version::HTTP_2 && self.leaving.load(Ordering::Relaxed);
        let mut record = Record::begin(&request, id.clone(), client.ip(), Arc::clone(&self.observers), activity);
        let phases = AssertUnwindSafe(self.phases(request, client, &id, &mut record)).catch_unwind();
        let mut response = phases.await.unwrap_or_else(|_| {
            tracing::error!(request_id = %id, "a request's handler panicked");
            Problem::INTERNAL.response_with_id(&id)
        });
        // Whoever answers has written its own id into its log.
        let id = if response.extensions().get::<Upstreamed>().is_some() { record.answered_as(&response) } else { id };
        let hsts = self.tls.as_ref().map_or(Duration::ZERO, |_| self.settings.hsts);
        security::finish(&mut response, &id, close, hsts);
        record.follow(&method, response)
    }

    async fn phases(
        &self,
        request: Request<Incoming>,
        client: SocketAddr,
        id: &RequestId,
        record: &mut Record,
    ) -> Response<Body> {
        let class = Class::of(request.method(), request.uri().path());
        // An authority comes from anywhere: what it looks for here is no secret, and there for moments.
        if self.redirects_to.is_some()
            && let Some(answer) = self.challenges.answered(request.uri().path())
        {
            record.routed(class.route());
            return answer;
        }
        if let Err(answer) = self.admit(class, &request, client.ip(), record).await {
            return answer;
        }
        if request.method() == Method::CONNECT {
            return Problem::METHOD.response();
        }
        if let Some(base) = &self.redirects_to {
            record.routed(class.route());
            return redirect::to(base, request.uri());
        }
        let host = normalise::check_host(request.version(), request.headers());
        if let Err(problem) = host.and_then(|()| normalise::check(request.uri())) {
            return problem.response();
        }
        let route = class.route();
        record.routed(route);
        match (route, &self.origin) {
            (Route::Media, Some(origin)) => self.media(origin, &request.into_parts().0, client, id, record).await,
            (Route::Static, Some(_)) => self.static_files.answer(&request.into_parts().0),
            (Route::Static, None) if self.static_files.keeps(request.uri().path()) => {
                self.static_files.answer(&request.into_parts().0)
            }
            (Route::Api | Route::Health, _) | (Route::Media | Route::Static, None) => {
                let count = (!request.body().is_end_stream()).then(|| record.receives());
                let patience = self.settings.body_timeout;
                let request = request.map(|body| match body.is_end_stream() {
                    true => empty(),
                    false => Patient::new(body, patience).counted(count).boxed_unsync(),
                });
                api::call(&self.api, request, client, id).await
            }
        }
    }

    /// Allow list and rate limit; one that has to wait for its turn waits here.
    async fn admit(
        &self,
        class: Class,
        request: &Request<Incoming>,
        client: IpAddr,
        record: &Record,
    ) -> Result<(), Response<Body>> {
        let rules = Arc::clone(&self.rules.borrow());
        if !rules.allow.admits(class, client) {
            record.not_admitted(class);
            return Err(Problem::FROM_HERE.response());
        }
        // An edge asks for everybody who reads there.
        if self.settings.edges.shown(request.headers()) == Some(true) {
            return Ok(());
        }
        let account = || (self.account_of)(request.headers());
        match self.buckets.take(&rules.limits, class, client, account) {
            Ok(Duration::ZERO) => Ok(()),
            Ok(wait) => {
                tokio::time::sleep(wait).await;
                Ok(())
            }
            Err(too_many) => {
                record.limited(class);
                Err(too_many.response())
            }
        }
    }

    /// The certificate to serve the next connection with.
    pub(crate) fn tls(&self) -> Option<Tls> {
        self.tls.as_ref().map(|tls| tls.borrow().clone())
    }

    async fn media(
        &self,
        origin: &Arc<dyn Origin>,
        request: &http::request::Parts,
        client: SocketAddr,
        id: &RequestId,
        record: &mut Record,
    ) -> Response<Body> {
        if let Err(problem) = media::check(request) {
            return problem.response();
        }
        let (keyring, tokens) = (self.keyring.borrow().clone(), self.tokens.borrow().clone());
        let (settings, now) = (&self.settings, (self.observers.clock)().as_secs());
        if let Err(reason) = authorise::media(&keyring, &tokens, &self.forgers, settings, request, client, now) {
            record.denied(reason);
            return Problem::FORBIDDEN.response();
        }
        match media::answer(origin, request).await {
            Ok(mut response) => {
                if let Some(app) = &settings.app_origin {
                    media::show_in(app, &request.headers, &mut response);
                }
                response
            }
            Err(error) => {
                record.failed(&error);
                Problem::ORIGIN.response_with_id(id)
            }
        }
    }
}
