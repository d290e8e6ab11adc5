//! Waits until a server that was started as a child process listens.

use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::Child;
use std::time::{Duration, Instant};

use crate::Error;

/// Looks at short intervals until somebody listens at `address`. What the server has written to `log` is in the error when it
/// ends instead, or has not begun after so long.
#[allow(clippy::disallowed_methods, reason = "servers are started outside any runtime, too")]
pub(crate) fn wait_until_it_listens(
    child: &mut Child,
    what: &str,
    address: SocketAddr,
    log: &Path,
    patience: Duration,
) -> Result<(), Error> {
    let begun = Instant::now();
    loop {
        if TcpStream::connect(address).is_ok() {
            return Ok(());
        }
        let output = || std::fs::read_to_string(log).unwrap_or_default();
        if let Ok(Some(status)) = child.try_wait() {
            return Err(Error::Ended { program: what.to_owned(), status, output: output() });
        }
        if begun.elapsed() > patience {
            return Err(Error::TooLate {
                what: format!("that {what} listens"),
                seconds: patience.as_secs(),
                output: output(),
            });
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}
