//! Listens for a log by syslog: UDP and TCP, and datagrams on a Unix socket.

mod frames;
mod message;

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use frames::Frame;
use tokio::io::AsyncReadExt as _;
use tokio::net::{TcpListener, TcpStream, UdpSocket, UnixDatagram};
use tokio::sync::Semaphore;

use crate::settings::Syslog;

/// How many connections there may be at once.
const CONNECTIONS: usize = 64;

/// What the system is asked to keep of datagrams that nobody has read yet, in bytes; it may give less.
const WAITING: usize = 4 << 20;

/// What is done with each message: a line of the log, or nothing that is one.
pub(crate) type Sink = Arc<dyn Fn(Option<&[u8]>) + Send + Sync>;

/// A place where messages arrive. Dropped, a Unix socket's name is removed.
#[derive(Debug)]
pub(crate) struct Listener {
    socket: Socket,
    tags: Vec<Vec<u8>>,
    _name: Option<Name>,
}

#[derive(Debug)]
enum Socket {
    Udp(UdpSocket),
    Tcp(TcpListener),
    Unix(UnixDatagram),
}

#[derive(Debug)]
struct Name(PathBuf);

impl Drop for Name {
    fn drop(&mut self) {
        // Whoever removed it before has done it.
        let _ = std::fs::remove_file(&self.0);
    }
}

impl Listener {
    pub(crate) async fn bind(settings: &Syslog) -> io::Result<Self> {
        let mut name = None;
        let socket = match settings.listen.split_once("://") {
            Some(("udp", address)) => {
                let socket = UdpSocket::bind(address).await?;
                // With less, what comes at once may be lost sooner.
                let _ = rustix::net::sockopt::set_socket_recv_buffer_size(&socket, WAITING);
                Socket::Udp(socket)
            }
            Some(("tcp", address)) => Socket::Tcp(TcpListener::bind(address).await?),
            Some(("unix", path)) => {
                remove_stale(Path::new(path));
                let socket = UnixDatagram::bind(path)?;
                name = Some(Name(path.into()));
                Socket::Unix(socket)
            }
            _ => {
                let wanted = "listen_address is udp://ADDRESS:PORT, tcp://ADDRESS:PORT or unix:///PATH";
                return Err(io::Error::new(io::ErrorKind::InvalidInput, wanted));
            }
        };
        let tags = settings.tags.iter().map(|tag| tag.clone().into_bytes()).collect();
        Ok(Self { socket, tags, _name: name })
    }

    /// Where messages arrive; nothing for a Unix socket, which has a name instead.
    pub(crate) fn address(&self) -> Option<SocketAddr> {
        match &self.socket {
            Socket::Udp(socket) => socket.local_addr().ok(),
            Socket::Tcp(listener) => listener.local_addr().ok(),
            Socket::Unix(_) => None,
        }
    }

    /// Gives every message to `sink`; ends when it is dropped.
    pub(crate) async fn run(self, sink: Sink) {
        let tags: Arc<[Vec<u8>]> = self.tags.into();
        let mut buffer = vec![0; frames::LONGEST];
        match self.socket {
            Socket::Udp(socket) => loop {
                match socket.recv(&mut buffer).await {
                    Ok(length) => take(&buffer[..length], &tags, &sink),
                    Err(error) => pause(&error).await,
                }
            },
            Socket::Unix(socket) => loop {
                match socket.recv(&mut buffer).await {
                    Ok(length) => take(&buffer[..length], &tags, &sink),
                    Err(error) => pause(&error).await,
                }
            },
            Socket::Tcp(listener) => {
                let places = Arc::new(Semaphore::new(CONNECTIONS));
                loop {
                    // It is never closed.
                    let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
                    match listener.accept().await {
                        Ok((stream, _)) => {
                            let (tags, sink) = (Arc::clone(&tags), Arc::clone(&sink));
                            tokio::spawn(async move {
                                connection(stream, &tags, &sink).await;
                                drop(place);
                            });
                        }
                        Err(error) => pause(&error).await,
                    }
                }
            }
        }
    }
}

/// A socket's name that is left of a run that was killed.
fn remove_stale(path: &Path) {
    let Ok(stranger) = std::os::unix::net::UnixDatagram::unbound() else { return };
    if stranger.connect(path).is_err_and(|error| error.kind() == io::ErrorKind::ConnectionRefused) {
        let _ = std::fs::remove_file(path);
    }
}

/// The system has no room, perhaps: it is told, and asked again a little later.
async fn pause(error: &io::Error) {
    tracing::warn!(%error, "syslog cannot be read; trying again");
    tokio::time::sleep(std::time::Duration::from_millis(100)).await;
}

async fn connection(mut stream: TcpStream, tags: &[Vec<u8>], sink: &Sink) {
    let mut arrived = Vec::new();
    loop {
        let mut done = 0;
        loop {
            match frames::first(&arrived[done..]) {
                Frame::Whole { begin, end, used } => {
                    take(&arrived[done + begin..done + end], tags, sink);
                    done += used;
                }
                Frame::Part => break,
                // Where the next message begins is not known.
                Frame::Broken => return sink(None),
            }
        }
        arrived.drain(..done);
        match stream.read_buf(&mut arrived).await {
            Ok(1..) => {}
            Ok(0) | Err(_) => {
                // The last line may have no end.
                if !arrived.is_empty() {
                    take(&arrived, tags, sink);
                }
                return;
            }
        }
    }
}

fn take(bytes: &[u8], tags: &[Vec<u8>], sink: &Sink) {
    let message = message::parse(bytes).filter(|message| tags.iter().any(|tag| tag == message.tag));
    sink(message.map(|message| message.line));
}
