//! A real picup, started as a user starts it.

use std::ffi::OsString;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use std::time::Duration;

use command_fds::{CommandFdExt as _, FdMapping};
use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout};

use crate::{Error, Output, free_address};

/// How long a picup may take to be ready or to stop before a test gives up; generous, because builds run beside tests.
const PATIENCE: Duration = Duration::from_secs(60);

/// Where a process looks for sockets that were passed to it.
const FIRST_PASSED: i32 = 3;

/// How a picup is to be started.
#[derive(Clone, Debug)]
pub struct ProcessBuilder {
    binary: PathBuf,
    data_dir: PathBuf,
    listen: SocketAddr,
    arguments: Vec<OsString>,
    environment: Vec<(OsString, OsString)>,
    socket: Option<Arc<TcpListener>>,
}

/// A running picup. Dropping it kills it and whatever it started.
#[derive(Debug)]
pub struct PicupProcess {
    builder: ProcessBuilder,
    child: Child,
    group: Pid,
    output: Output,
    readers: Vec<JoinHandle<()>>,
    ready_after: Duration,
}

impl ProcessBuilder {
    /// Starts `binary`, in tests `env!("CARGO_BIN_EXE_picup")`, on a data folder and a free port.
    #[must_use]
    pub fn new(binary: impl Into<PathBuf>, data_dir: impl Into<PathBuf>) -> Self {
        Self {
            binary: binary.into(),
            data_dir: data_dir.into(),
            listen: free_address(),
            arguments: Vec::new(),
            environment: Vec::new(),
            socket: None,
        }
    }

    /// Listens on this address instead of a free port.
    #[must_use]
    pub fn listen(mut self, address: SocketAddr) -> Self {
        self.listen = address;
        self
    }

    /// Where it is going to listen.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.listen
    }

    /// Adds an argument after `serve --data-dir … --listen …`.
    #[must_use]
    pub fn arg(mut self, argument: impl Into<OsString>) -> Self {
        self.arguments.push(argument.into());
        self
    }

    /// Passes it a socket that is open already, as systemd does, and has it listen there.
    ///
    /// # Panics
    /// When the socket has no address.
    #[must_use]
    pub fn socket(mut self, socket: Arc<TcpListener>) -> Self {
        self.listen = socket.local_addr().expect("a listener has an address");
        self.socket = Some(socket);
        self
    }

    /// Sets an environment variable.
    #[must_use]
    pub fn env(mut self, name: impl Into<OsString>, value: impl Into<OsString>) -> Self {
        self.environment.push((name.into(), value.into()));
        self
    }

    /// Starts it and waits until `GET /ready` answers 200.
    ///
    /// # Errors
    /// When it cannot be started, ends, or is not ready in a minute; what it printed is in the error.
    pub async fn start(self) -> Result<PicupProcess, Error> {
        let begin = Instant::now();
        let mut process = self.spawn()?;
        process.wait_until_ready().await?;
        process.ready_after = begin.elapsed();
        Ok(process)
    }

    /// Starts it without waiting, for tests of what happens before it is ready.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn spawn(self) -> Result<PicupProcess, Error> {
        let mut command = Command::new(&self.binary);
        command
            .arg("serve")
            .arg("--data-dir")
            .arg(&self.data_dir)
            .args(["--listen", &self.listen.to_string()])
            .args(&self.arguments)
            .envs(self.environment.iter().cloned())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .kill_on_drop(true);
        if let Some(socket) = &self.socket {
            let socket = socket.try_clone().map_err(Error::io("pass a socket"))?;
            let mapping = FdMapping { parent_fd: socket.into(), child_fd: FIRST_PASSED };
            command.env("LISTEN_FDS", "1");
            command.fd_mappings(vec![mapping]).expect("one cannot collide");
        }
        let mut child = command.spawn().map_err(Error::io(format!("start {}", self.binary.display())))?;
        let id = child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
        let group = id.expect("a child that was not waited for has an id");
        let output = Output::new();
        let readers = vec![
            output.collect(child.stdout.take().expect("stdout is piped")),
            output.collect(child.stderr.take().expect("stderr is piped")),
        ];
        Ok(PicupProcess { builder: self, child, group, output, readers, ready_after: Duration::ZERO })
    }
}

impl PicupProcess {
    /// Where it listens.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.builder.listen
    }

    /// The address of a path on it, `/api/…` for example.
    #[must_use]
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.builder.listen)
    }

    /// Its data folder.
    #[must_use]
    pub fn data_dir(&self) -> &Path {
        &self.builder.data_dir
    }

    /// What it has printed.
    #[must_use]
    pub const fn output(&self) -> &Output {
        &self.output
    }

    /// How long it took from its start to its first 200 on `/ready`.
    #[must_use]
    pub const fn ready_after(&self) -> Duration {
        self.ready_after
    }

    /// Its process id.
    #[must_use]
    pub const fn id(&self) -> Pid {
        self.group
    }

    /// Its resident memory, in bytes, as the kernel counts it (`VmRSS`), children not included.
    ///
    /// # Errors
    /// When it has ended.
    pub fn resident_bytes(&self) -> Result<u64, Error> {
        self.status_bytes("VmRSS")
    }

    /// As [`PicupProcess::resident_bytes`], without the pages of files, such as those of the program itself (`RssAnon`).
    ///
    /// # Errors
    /// When it has ended.
    pub fn own_bytes(&self) -> Result<u64, Error> {
        self.status_bytes("RssAnon")
    }

    fn status_bytes(&self, name: &str) -> Result<u64, Error> {
        let path = format!("/proc/{}/status", self.group);
        let status = std::fs::read_to_string(&path).map_err(Error::io(format!("read {path}")))?;
        let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        let kibibytes: Option<u64> = line.and_then(|rest| rest.split_whitespace().next()?.parse().ok());
        kibibytes.map(|kib| kib * 1024).ok_or_else(|| Error::Io {
            doing: format!("find {name} in {path}"),
            source: std::io::ErrorKind::NotFound.into(),
        })
    }

    /// Waits until `GET /ready` answers 200; looks at short intervals, and notices when the process ends instead.
    ///
    /// # Errors
    /// As for [`ProcessBuilder::start`].
    pub async fn wait_until_ready(&mut self) -> Result<(), Error> {
        let deadline = Instant::now() + PATIENCE;
        while Instant::now() < deadline {
            if let Some(status) = self.child.try_wait().map_err(Error::io("look at the process"))? {
                self.read_to_end().await;
                let program = self.builder.binary.display().to_string();
                return Err(Error::Ended { program, status, output: self.output.text() });
            }
            if is_ready(self.builder.listen).await {
                return Ok(());
            }
            sleep(Duration::from_millis(5)).await;
        }
        Err(self.too_late("GET /ready answering 200"))
    }

    /// Asks it to stop (SIGTERM) and waits until it has.
    ///
    /// # Errors
    /// When it has not stopped in a minute.
    pub async fn terminate(&mut self) -> Result<ExitStatus, Error> {
        self.signal(Signal::TERM);
        self.wait().await
    }

    /// Kills it and its children at once (SIGKILL), as a power cut would.
    ///
    /// # Errors
    /// When the system does not say how it ended.
    pub async fn kill(&mut self) -> Result<ExitStatus, Error> {
        let _ = kill_process_group(self.group, Signal::KILL);
        self.wait().await
    }

    /// Sends a signal to the picup process alone.
    pub fn signal(&self, signal: Signal) {
        // One that has ended needs no signal.
        let _ = rustix::process::kill_process(self.group, signal);
    }

    /// Waits until it ends by itself.
    ///
    /// # Errors
    /// When it has not ended in a minute.
    pub async fn wait(&mut self) -> Result<ExitStatus, Error> {
        let status = timeout(PATIENCE, self.child.wait()).await.map_err(|_| self.too_late("its end"))?;
        self.read_to_end().await;
        status.map_err(Error::io("wait for the process"))
    }

    /// Kills it if it still runs, and starts it again on the same folder and address.
    ///
    /// # Errors
    /// As for [`ProcessBuilder::start`].
    pub async fn restart(mut self) -> Result<Self, Error> {
        self.kill().await?;
        self.builder.clone().start().await
    }

    /// The same, without waiting: for one whose `/ready` is asked over TLS.
    ///
    /// # Errors
    /// When it cannot be started.
    pub async fn restart_unready(mut self) -> Result<Self, Error> {
        self.kill().await?;
        self.builder.clone().spawn()
    }

    /// Lets the readers take what is left in the pipes. A grandchild that lives on may hold a pipe open: not for ever.
    async fn read_to_end(&mut self) {
        for reader in self.readers.drain(..) {
            let _ = timeout(Duration::from_secs(2), reader).await;
        }
    }

    fn too_late(&self, what: &str) -> Error {
        Error::TooLate { what: what.to_owned(), seconds: PATIENCE.as_secs(), output: self.output.text() }
    }
}

impl Drop for PicupProcess {
    fn drop(&mut self) {
        // Only while the process is not waited for is the group's number certainly still ours.
        if self.child.id().is_some() {
            let _ = kill_process_group(self.group, Signal::KILL);
        }
    }
}

/// Whether `GET /ready` answers 200 just now.
async fn is_ready(address: SocketAddr) -> bool {
    let ask = async {
        let mut stream = TcpStream::connect(address).await?;
        let request = format!("GET /ready HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await?;
        let mut start = [0; 12];
        stream.read_exact(&mut start).await?;
        std::io::Result::Ok(start == *b"HTTP/1.1 200")
    };
    timeout(Duration::from_secs(5), ask).await.is_ok_and(|answer| answer.unwrap_or(false))
}

/// How a command ended.
#[derive(Debug, Clone)]
pub struct Finished {
    /// Its exit status.
    pub status: ExitStatus,
    /// What it printed for programs.
    pub stdout: String,
    /// What it printed for people.
    pub stderr: String,
}

/// Runs a command of picup (`import …`, `user create …`) to its end, without a terminal.
///
/// # Errors
/// When it cannot be started or takes longer than five minutes; it is killed then.
pub async fn run<A: Into<OsString>>(
    binary: impl AsRef<Path>,
    arguments: impl IntoIterator<Item = A>,
) -> Result<Finished, Error> {
    const SECONDS: u64 = 300;
    let binary = binary.as_ref();
    let mut command = Command::new(binary);
    command.args(arguments.into_iter().map(Into::into)).stdin(Stdio::null()).kill_on_drop(true);
    let ended = timeout(Duration::from_secs(SECONDS), command.output()).await.map_err(|_| Error::TooLate {
        what: format!("the end of {}", binary.display()),
        seconds: SECONDS,
        output: String::new(),
    })?;
    let ended = ended.map_err(Error::io(format!("run {}", binary.display())))?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Ok(Finished { status: ended.status, stdout: text(&ended.stdout), stderr: text(&ended.stderr) })
}
