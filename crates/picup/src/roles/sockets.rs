//! Where PicUp listens: at sockets that whoever starts it has opened already, or at its own.
//!
//! A socket that a supervisor keeps (systemd's socket activation) outlives the process: while one PicUp ends and the next begins,
//! connections wait in it, and none is refused.

use std::net::SocketAddr;

use anyhow::Context;
use listenfd::ListenFd;
use tokio::net::TcpListener;

/// Those that were passed to this process.
#[derive(Default)]
pub(crate) struct Sockets(Vec<std::net::TcpListener>);

impl Sockets {
    /// Takes them over. Once, before there are threads: what is said of them in the environment goes.
    ///
    /// # Errors
    /// When one of them is no TCP socket.
    pub(crate) fn take() -> anyhow::Result<Self> {
        let mut passed = ListenFd::from_env();
        let taken = (0..passed.len()).map(|index| passed.take_tcp_listener(index)).collect::<Result<Vec<_>, _>>();
        let taken = taken.context("a socket was passed that is no TCP socket; PicUp listens at none but such")?;
        Ok(Self(taken.into_iter().flatten().collect()))
    }

    /// The one passed for this address, or a new one.
    ///
    /// # Errors
    /// When no socket can be had there; `option` is the setting that says where.
    pub(super) async fn listen(&mut self, address: SocketAddr, option: &str) -> anyhow::Result<TcpListener> {
        if let Some(index) = self.0.iter().position(|socket| socket.local_addr().is_ok_and(|at| at == address)) {
            let socket = self.0.swap_remove(index);
            socket.set_nonblocking(true).and_then(|()| TcpListener::from_std(socket))
        } else {
            TcpListener::bind(address).await
        }
        .with_context(|| {
            format!("listening on {address}; is another program using it? Choose another with {option} ADDR:PORT")
        })
    }

    /// Whether whoever starts PicUp keeps sockets for it.
    pub(super) const fn are_kept(&self) -> bool {
        !self.0.is_empty()
    }

    /// Tells of those that nobody has asked for.
    pub(super) fn tell_unused(&self) {
        for socket in &self.0 {
            let address = socket.local_addr().ok();
            tracing::warn!(?address, "a socket was passed for an address at which nothing is configured to listen");
        }
    }
}
