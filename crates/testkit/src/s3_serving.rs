//! How a test's S3 server answers: in a thread and a runtime of its own, as s3s-fs does or as Amazon does, and sometimes in trouble.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use s3s::Body;
use s3s::auth::SimpleAuth;
use s3s::service::{S3Service, S3ServiceBuilder};
use s3s_fs::FileSystem;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio::sync::oneshot;

use crate::Error;
use crate::amazon::Amazon;
use crate::s3_keys::Keys;
use crate::s3_rights::{Access, Rights};

/// What goes wrong in the store itself.
#[derive(Debug, Default)]
pub(crate) struct Trouble {
    /// Every so many requests one is refused and one that was carried out is said to have failed; 0 for never.
    pub(crate) every: AtomicUsize,
    asked: AtomicUsize,
    /// What the next request to put parts together is refused with.
    pub(crate) completion: Mutex<Option<&'static str>>,
}

/// The thread that serves until its other end of `stop` is gone.
#[derive(Debug)]
pub(crate) struct Running {
    pub(crate) stop: oneshot::Sender<()>,
    pub(crate) thread: JoinHandle<()>,
}

impl Trouble {
    /// Whether the next request is refused, and whether it is said to have failed.
    fn now(&self) -> (bool, bool) {
        let every = self.every.load(Ordering::Relaxed);
        let asked = self.asked.fetch_add(1, Ordering::Relaxed);
        let turn = asked.checked_rem(every);
        (turn == Some(0), turn == Some(every / 2))
    }

    /// What a request is refused with that the store is not asked.
    fn refuses(&self, request: &Request<Incoming>) -> Option<&'static str> {
        let completes = request.method() == Method::POST && request.uri().query()?.contains("uploadId=");
        self.completion.lock().unwrap_or_else(PoisonError::into_inner).take_if(|_| completes)
    }
}

/// An answer as S3 gives it when it is in trouble.
fn failed(status: StatusCode, code: &str) -> Response<Body> {
    let mut response = Response::new(Body::from(format!("<Error><Code>{code}</Code><Message>later</Message></Error>")));
    *response.status_mut() = status;
    response
}

impl Running {
    /// Listens before it returns, and serves in a new thread.
    pub(crate) fn start(
        address: SocketAddr,
        service: S3Service,
        amazon: Option<Amazon>,
        trouble: Arc<Trouble>,
    ) -> Result<Self, Error> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(Error::io("make a runtime"))?;
        let listener = listen(&runtime, address).map_err(Error::io(format!("listen on {address}")))?;
        let (stop, stopped) = oneshot::channel();
        let serve = move || {
            runtime.block_on(async {
                tokio::select! {
                    _ = stopped => {}
                    () = serve(listener, service, amazon, trouble) => {}
                }
            });
            // The runtime is dropped here, outside any other, and with it every connection.
        };
        let thread = std::thread::Builder::new().name("s3-server".to_owned()).spawn(serve);
        Ok(Self { stop, thread: thread.map_err(Error::io("start a thread"))? })
    }
}

/// Listens at once, for a runtime that does not run yet.
fn listen(runtime: &Runtime, address: SocketAddr) -> std::io::Result<TcpListener> {
    let listener = std::net::TcpListener::bind(address)?;
    listener.set_nonblocking(true)?;
    let _entered = runtime.enter();
    TcpListener::from_std(listener)
}

/// What answers, on a folder and for these keys.
pub(crate) fn service(folder: &Path, keys: &Keys, rights: Option<&Rights>) -> Result<S3Service, Error> {
    let store = FileSystem::new(folder).map_err(|error| Error::Io {
        doing: format!("open a store in {}", folder.display()),
        source: std::io::Error::other(format!("{error:?}")),
    })?;
    let mut builder = S3ServiceBuilder::new(store);
    let mut auth = SimpleAuth::from_single(&*keys.access, &*keys.secret);
    if let Some(rights) = rights {
        rights.register(&mut auth);
        builder.set_access(Access::new(rights.clone(), folder));
    }
    builder.set_auth(auth);
    Ok(builder.build())
}

/// Answers whoever connects, each in a task of its own.
async fn serve(listener: TcpListener, service: S3Service, amazon: Option<Amazon>, trouble: Arc<Trouble>) {
    let http = Builder::new(TokioExecutor::new());
    loop {
        let Ok((socket, _)) = listener.accept().await else {
            // Too many open files, for example: that passes.
            tokio::time::sleep(Duration::from_millis(10)).await;
            continue;
        };
        let (service, amazon, trouble) = (service.clone(), amazon.clone(), Arc::clone(&trouble));
        let answer = move |request: Request<Incoming>| {
            let (service, amazon, trouble) = (service.clone(), amazon.clone(), Arc::clone(&trouble));
            async move {
                let (refuse, fail) = trouble.now();
                if refuse {
                    return Ok(failed(StatusCode::SERVICE_UNAVAILABLE, "SlowDown"));
                }
                if let Some(code) = trouble.refuses(&request) {
                    return Ok(failed(StatusCode::BAD_REQUEST, code));
                }
                // In a task of its own: a client that goes away does not stop half-way what the store has begun.
                let answering = tokio::spawn(async move {
                    match amazon {
                        None => service.call(request.map(Body::from)).await,
                        Some(amazon) => amazon.answer(service, request).await,
                    }
                });
                let answer = answering.await.unwrap_or_else(|_| Ok(failed(StatusCode::INTERNAL_SERVER_ERROR, "Panic")));
                if fail { Ok(failed(StatusCode::INTERNAL_SERVER_ERROR, "InternalError")) } else { answer }
            }
        };
        let connection = http.serve_connection(TokioIo::new(socket), service_fn(answer)).into_owned();
        tokio::spawn(async move {
            // A client that went away, or spoke no HTTP.
            let _ = connection.await;
        });
    }
}
