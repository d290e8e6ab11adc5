//! A network that fails on command: a TCP proxy on loopback whose faults are switched while it runs.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{broadcast, watch};
use tokio::task::AbortHandle;
use tokio::time::sleep;

use crate::Error;

/// What the network does to one direction of every connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Carries everything.
    Pass,
    /// Carries nothing more and keeps the connection open.
    Stall,
    /// Carries so many bytes a second; at least 1.
    Slow(u32),
    /// Carries so many more bytes of each connection, then closes it as a crashed peer's system would (FIN).
    CutAfter(u64),
    /// Carries so many more bytes of each connection, then resets it (RST).
    ResetAfter(u64),
    /// Flips a bit of the byte at this offset, counted for each connection from its beginning.
    Corrupt(u64),
}

/// Which way a fault works.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// What the client sends.
    ToServer,
    /// What the server answers.
    ToClient,
}

/// The proxy. Dropping it closes every connection and stops listening.
#[derive(Debug)]
pub struct FaultProxy {
    address: SocketAddr,
    shared: Shared,
    listening: AbortHandle,
}

#[derive(Debug, Clone)]
struct Shared {
    to_server: watch::Sender<Fault>,
    to_client: watch::Sender<Fault>,
    sever: broadcast::Sender<()>,
    connections: Arc<AtomicUsize>,
}

/// How a pump ended: whether the connection is to be closed or reset.
enum Ended {
    Closed,
    Cut,
    Reset,
}

impl FaultProxy {
    /// Listens on a free port and carries every connection to `upstream`.
    ///
    /// # Errors
    /// When loopback has no free port.
    pub async fn start(upstream: SocketAddr) -> Result<Self, Error> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.map_err(Error::io("listen"))?;
        let address = listener.local_addr().map_err(Error::io("listen"))?;
        let shared = Shared {
            to_server: watch::Sender::new(Fault::Pass),
            to_client: watch::Sender::new(Fault::Pass),
            sever: broadcast::Sender::new(1),
            connections: Arc::default(),
        };
        let accepting = shared.clone();
        let listening = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                accepting.connections.fetch_add(1, Ordering::SeqCst);
                tokio::spawn(carry(client, upstream, accepting.clone()));
            }
        });
        Ok(Self { address, shared, listening: listening.abort_handle() })
    }

    /// Where clients connect.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// From now on does this to one direction, also of connections that stand.
    pub fn set(&self, direction: Direction, fault: Fault) {
        let faults = match direction {
            Direction::ToServer => &self.shared.to_server,
            Direction::ToClient => &self.shared.to_client,
        };
        faults.send_replace(fault);
    }

    /// Resets every connection that stands; new ones are carried.
    pub fn sever(&self) {
        // Nobody listens when no connection stands.
        let _ = self.shared.sever.send(());
    }

    /// How many connections there have been.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.shared.connections.load(Ordering::SeqCst)
    }
}

impl Drop for FaultProxy {
    fn drop(&mut self) {
        self.listening.abort();
        self.sever();
    }
}

async fn carry(mut client: TcpStream, upstream: SocketAddr, shared: Shared) {
    let mut severed = shared.sever.subscribe();
    let Ok(mut server) = TcpStream::connect(upstream).await else {
        let _ = client.set_zero_linger();
        return;
    };
    let ended = {
        let (mut from_client, mut to_client) = client.split();
        let (mut from_server, mut to_server) = server.split();
        let up = pump(&mut from_client, &mut to_server, shared.to_server.subscribe());
        let down = pump(&mut from_server, &mut to_client, shared.to_client.subscribe());
        tokio::select! {
            ended = both(up, down) => ended,
            _ = severed.recv() => Ended::Reset,
        }
    };
    if matches!(ended, Ended::Reset) {
        let _ = (client.set_zero_linger(), server.set_zero_linger());
    }
}

/// Waits for both directions to close, or for the first to be cut.
async fn both(up: impl Future<Output = Ended>, down: impl Future<Output = Ended>) -> Ended {
    let (mut up, mut down) = (std::pin::pin!(up), std::pin::pin!(down));
    tokio::select! {
        ended = &mut up => if matches!(ended, Ended::Closed) { down.await } else { ended },
        ended = &mut down => if matches!(ended, Ended::Closed) { up.await } else { ended },
    }
}

/// Carries one direction until its end, doing the fault of the moment to it.
async fn pump(from: &mut ReadHalf<'_>, to: &mut WriteHalf<'_>, mut faults: watch::Receiver<Fault>) -> Ended {
    let mut buffer = vec![0; 16 << 10];
    let (mut carried, mut since_fault) = (0_u64, 0_u64);
    loop {
        let fault = *faults.borrow_and_update();
        let allowed = match fault {
            Fault::CutAfter(bytes) if bytes <= since_fault => return Ended::Cut,
            Fault::ResetAfter(bytes) if bytes <= since_fault => return Ended::Reset,
            Fault::CutAfter(bytes) | Fault::ResetAfter(bytes) => bytes - since_fault,
            Fault::Slow(bytes_per_second) => u64::from(bytes_per_second.clamp(1, 1 << 20)).div_ceil(20),
            Fault::Pass | Fault::Stall | Fault::Corrupt(_) => u64::MAX,
        };
        let room = usize::try_from(allowed).unwrap_or(usize::MAX).min(buffer.len());
        let read = tokio::select! {
            biased;
            changed = faults.changed() => match changed {
                Ok(()) => {
                    since_fault = 0;
                    continue;
                }
                Err(_) => return Ended::Cut,
            },
            read = from.read(&mut buffer[..room]), if fault != Fault::Stall => read,
        };
        let Ok(read @ 1..) = read else {
            let _ = to.shutdown().await;
            return Ended::Closed;
        };
        let bytes = &mut buffer[..read];
        if let Fault::Corrupt(offset) = fault
            && let Some(byte) = offset.checked_sub(carried).and_then(|at| bytes.get_mut(usize::try_from(at).ok()?))
        {
            *byte ^= 1;
        }
        if to.write_all(bytes).await.is_err() {
            return Ended::Reset;
        }
        carried += read as u64;
        since_fault += read as u64;
        if let Fault::Slow(bytes_per_second) = fault {
            sleep(Duration::from_secs(1) * u32::try_from(read).unwrap_or(u32::MAX) / bytes_per_second.max(1)).await;
        }
    }
}
