//! A strict S3 store on a free port of loopback: s3s-fs, which keeps objects as files, checks signatures, expiry and checksums,
//! and knows no CORS and no versions. It runs in this process, yet in a thread and a runtime of its own: a test whose own
//! runtime is busy or blocked is answered all the same.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use s3s::Body;
use s3s::auth::SimpleAuth;
use s3s::service::{S3Service, S3ServiceBuilder};
use s3s_fs::FileSystem;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio::sync::oneshot;

use crate::amazon;
use crate::s3_keys::{BUCKET, Keys, make_bucket};
use crate::{Error, TempDir, free_address, fresh_folder};

/// A running store with one bucket and one pair of keys. Dropping it stops it.
#[derive(Debug)]
pub struct S3Server {
    address: SocketAddr,
    keys: Keys,
    folder: Folder,
    manners: Manners,
    trouble: Arc<Trouble>,
    running: Option<Running>,
}

/// What it makes of addresses that were given away.
#[derive(Debug, Clone, Copy)]
enum Manners {
    /// As s3s-fs does: a part whose checksum is wrong is stored, a PUT can be turned into a copy, and pages may not ask.
    Own,
    /// As Amazon S3 does; its bucket's rules let the pages of any site in, or of none.
    Amazon { pages: bool },
}

/// What goes wrong in the store itself.
#[derive(Debug, Default)]
struct Trouble {
    /// Every so many requests one is refused and one that was carried out is said to have failed; 0 for never.
    every: AtomicUsize,
    asked: AtomicUsize,
}

#[derive(Debug)]
enum Folder {
    /// Removed with the server, once that has stopped.
    Own(TempDir),
    Given(PathBuf),
}

/// The thread that serves until its other end of `stop` is gone.
#[derive(Debug)]
struct Running {
    stop: oneshot::Sender<()>,
    thread: JoinHandle<()>,
}

impl S3Server {
    /// Starts one that holds nothing, in a folder of its own that goes with it. Connections are accepted from then on.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn start() -> Result<Self, Error> {
        Self::serve(Folder::Own(fresh_folder()), Manners::Own)
    }

    /// As [`start`](Self::start), one that does with addresses that were given away what Amazon S3 does with them.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn start_like_amazon() -> Result<Self, Error> {
        Self::serve(Folder::Own(fresh_folder()), Manners::Amazon { pages: true })
    }

    /// As [`start_like_amazon`](Self::start_like_amazon), with a bucket that has no CORS rules.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn start_closed_to_pages() -> Result<Self, Error> {
        Self::serve(Folder::Own(fresh_folder()), Manners::Amazon { pages: false })
    }

    /// Starts one on a folder that is there, with what it holds, and leaves the folder behind.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn start_in(folder: &Path) -> Result<Self, Error> {
        Self::serve(Folder::Given(folder.to_owned()), Manners::Own)
    }

    fn serve(folder: Folder, manners: Manners) -> Result<Self, Error> {
        let mut server = Self {
            address: free_address(),
            keys: Keys::random(),
            folder,
            manners,
            trouble: Arc::default(),
            running: None,
        };
        make_bucket(server.folder())?;
        server.start_again()?;
        Ok(server)
    }

    /// Goes away, as a store that is switched off: cuts the connections that stand, and nobody listens any more. When this
    /// returns, nothing is written to its folder any more either.
    pub fn stop(&mut self) {
        if let Some(Running { stop, thread }) = self.running.take() {
            drop(stop);
            // It ends only in this way, and whether one of its connections has panicked is shown by what a client got.
            let _ = thread.join();
        }
    }

    /// Comes back at the same address, on the same folder and with the same keys. One that runs is stopped first.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn start_again(&mut self) -> Result<(), Error> {
        self.stop();
        let service = service(self.folder(), &self.keys)?;
        self.running = Some(Running::start(self.address, service, self.manners, Arc::clone(&self.trouble))?);
        Ok(())
    }

    /// From now on refuses one of so many requests (503 SlowDown), and says of one that it has carried out that it failed (500);
    /// 0 for none.
    pub fn trouble_every(&self, requests: usize) {
        self.trouble.every.store(requests, Ordering::Relaxed);
    }

    /// Where it listens.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its URL; buckets are named in the path.
    #[must_use]
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Its one bucket.
    #[must_use]
    pub const fn bucket(&self) -> &str {
        BUCKET
    }

    /// Who may ask it.
    #[must_use]
    pub fn access_key(&self) -> &str {
        &self.keys.access
    }

    /// What requests are signed with.
    #[must_use]
    pub fn secret_key(&self) -> &str {
        &self.keys.secret
    }

    /// The folder of its buckets: an object is the file BUCKET/KEY in it.
    #[must_use]
    pub fn folder(&self) -> &Path {
        match &self.folder {
            Folder::Own(own) => own.path(),
            Folder::Given(path) => path,
        }
    }
}

impl Trouble {
    /// Whether the next request is refused, and whether it is said to have failed.
    fn now(&self) -> (bool, bool) {
        let every = self.every.load(Ordering::Relaxed);
        let asked = self.asked.fetch_add(1, Ordering::Relaxed);
        let turn = asked.checked_rem(every);
        (turn == Some(0), turn == Some(every / 2))
    }
}

/// An answer as S3 gives it when it is in trouble.
fn failed(status: StatusCode, code: &str) -> Response<Body> {
    let mut response = Response::new(Body::from(format!("<Error><Code>{code}</Code><Message>later</Message></Error>")));
    *response.status_mut() = status;
    response
}

impl Drop for S3Server {
    fn drop(&mut self) {
        self.stop();
    }
}

impl Running {
    /// Listens before it returns, and serves in a new thread.
    fn start(address: SocketAddr, service: S3Service, manners: Manners, trouble: Arc<Trouble>) -> Result<Self, Error> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(Error::io("make a runtime"))?;
        let listener = listen(&runtime, address).map_err(Error::io(format!("listen on {address}")))?;
        let (stop, stopped) = oneshot::channel();
        let serve = move || {
            runtime.block_on(async {
                tokio::select! {
                    _ = stopped => {}
                    () = serve(listener, service, manners, trouble) => {}
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

/// What answers, on a folder and for one pair of keys.
fn service(folder: &Path, keys: &Keys) -> Result<S3Service, Error> {
    let store = FileSystem::new(folder).map_err(|error| Error::Io {
        doing: format!("open a store in {}", folder.display()),
        source: std::io::Error::other(format!("{error:?}")),
    })?;
    let mut builder = S3ServiceBuilder::new(store);
    builder.set_auth(SimpleAuth::from_single(&*keys.access, &*keys.secret));
    Ok(builder.build())
}

/// Answers whoever connects, each in a task of its own.
async fn serve(listener: TcpListener, service: S3Service, manners: Manners, trouble: Arc<Trouble>) {
    let http = Builder::new(TokioExecutor::new());
    loop {
        let Ok((socket, _)) = listener.accept().await else {
            // Too many open files, for example: that passes.
            tokio::time::sleep(Duration::from_millis(10)).await;
            continue;
        };
        let (service, trouble) = (service.clone(), Arc::clone(&trouble));
        let answer = move |request: Request<Incoming>| {
            let (service, trouble) = (service.clone(), Arc::clone(&trouble));
            async move {
                let (refuse, fail) = trouble.now();
                if refuse {
                    return Ok(failed(StatusCode::SERVICE_UNAVAILABLE, "SlowDown"));
                }
                // In a task of its own: a client that goes away does not stop half-way what the store has begun.
                let answering = tokio::spawn(async move {
                    match manners {
                        Manners::Own => service.call(request.map(Body::from)).await,
                        Manners::Amazon { pages } => amazon::answer(service, request, pages).await,
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
