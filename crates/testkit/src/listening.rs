//! Starts a server as a child process, and waits until it listens.

use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::Error;

/// Starts a server that says what it says into `log`, and waits until it listens. One that does not is killed.
pub(crate) fn start(
    command: &mut Command,
    address: SocketAddr,
    log: &Path,
    patience: Duration,
) -> Result<Child, Error> {
    let said = std::fs::File::create(log).map_err(Error::io("make a log"))?;
    let also = said.try_clone().map_err(Error::io("make a log"))?;
    let program = Path::new(command.get_program()).file_name().unwrap_or_default().to_string_lossy().into_owned();
    let started = command.stdin(Stdio::null()).stdout(said).stderr(also).spawn();
    let mut child = started.map_err(Error::io(format!("start {program}")))?;
    if let Err(error) = wait_until_it_listens(&mut child, &program, address, log, patience) {
        let _ = child.kill();
        let _ = child.wait();
        return Err(error);
    }
    Ok(child)
}

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
