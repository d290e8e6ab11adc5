//! A real MariaDB server on a free port of loopback, in a folder of its own.

use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::{Error, TempDir, free_address, fresh_folder};

/// How long it may take to begin; generous, because builds run beside tests.
const PATIENCE: Duration = Duration::from_secs(60);

/// Servers are no commands of everybody's, so not every user's own path has them.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// A running server. Dropping it kills it.
#[derive(Debug)]
pub struct MariaDb {
    child: Child,
    address: SocketAddr,
    options: Vec<String>,
    folder: TempDir,
}

impl MariaDb {
    /// Starts one that waits for no disk, since nothing is to survive a power cut, that holds nothing, and whose root needs no
    /// password, with more options of its own (`--server-id=1`).
    ///
    /// # Errors
    /// When it is not installed, or did not begin in a minute; what it said is in the error.
    pub fn start(options: &[&str]) -> Result<Self, Error> {
        let folder = fresh_folder();
        let data = folder.path().join("data");
        let temporary = folder.path().join("tmp");
        std::fs::create_dir(&temporary).map_err(Error::io("make a folder for temporary files"))?;
        initialise(&data, &temporary)?;
        let options = options.iter().map(|option| (*option).to_owned()).collect();
        Self::serve(folder, free_address(), options)
    }

    fn serve(folder: TempDir, address: SocketAddr, options: Vec<String>) -> Result<Self, Error> {
        let (data, log) = (folder.path().join("data"), folder.path().join("log"));
        let temporary = folder.path().join("tmp");
        let said = std::fs::File::create(&log).map_err(Error::io("make a log"))?;
        // Killed with whoever started it, also when that is killed itself.
        let child = Command::new("setpriv")
            .args(["--pdeathsig", "KILL", "mariadbd", "--no-defaults", "--user=root", "--bind-address=127.0.0.1"])
            .arg(format!("--datadir={}", data.display()))
            .arg(format!("--socket={}", folder.path().join("socket").display()))
            .arg(format!("--pid-file={}", folder.path().join("pid").display()))
            .arg(format!("--port={}", address.port()))
            .env("PATH", PATH)
            .env("TMPDIR", temporary)
            .args(["--skip-name-resolve", "--innodb-buffer-pool-size=64M", "--innodb-log-file-size=16M"])
            .args(["--innodb-flush-method=nosync", "--sync-frm=0"])
            .args(&options)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(said)
            .spawn()
            .map_err(Error::io("start mariadbd"))?;
        let mut server = Self { child, address, options, folder };
        server.wait_until_it_listens(&log)?;
        Ok(server)
    }

    /// Starts one that others can follow, under a number of its own.
    ///
    /// # Errors
    /// As [`MariaDb::start`].
    pub fn start_numbered(number: u32, options: &[&str]) -> Result<Self, Error> {
        let server_id = format!("--server-id={number}");
        let usual = [
            "--log-bin=bin",
            "--log-slave-updates=ON",
            "--gtid-strict-mode=ON",
            "--binlog-format=ROW",
            "--slave-net-timeout=5",
            &server_id,
        ];
        Self::start(&[&usual, options].concat())
    }

    /// Follows the server at that address from its first transaction.
    ///
    /// # Errors
    /// When it refuses.
    pub fn follow(&self, primary: SocketAddr) -> Result<(), Error> {
        let (host, port) = (primary.ip(), primary.port());
        let follow = format!(
            "CHANGE MASTER TO MASTER_HOST='{host}', MASTER_PORT={port}, MASTER_USER='root', MASTER_CONNECT_RETRY=1, \
             MASTER_HEARTBEAT_PERIOD=1, MASTER_USE_GTID=slave_pos; START SLAVE; SET GLOBAL read_only = 1"
        );
        self.say(&follow).map(drop)
    }

    /// Ends it as a power cut would.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn kill(&mut self) -> Result<(), Error> {
        self.child.kill().and_then(|()| self.child.wait()).map(drop).map_err(Error::io("kill mariadbd"))
    }

    /// Starts it again where it was, with all it had.
    ///
    /// # Errors
    /// As [`MariaDb::start`].
    pub fn start_again(&mut self) -> Result<(), Error> {
        let folder = std::mem::replace(&mut self.folder, fresh_folder());
        *self = Self::serve(folder, self.address, self.options.clone())?;
        Ok(())
    }

    /// The address of one of its databases, as root.
    #[must_use]
    pub fn url(&self, database: &str) -> String {
        format!("mysql://root@{}/{database}", self.address)
    }

    /// Where it listens.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Says statements to it as root, by its own client, and gives what it answers: a row a line, tabs between.
    ///
    /// # Errors
    /// When it refuses one of them; what it said is in the error.
    pub fn say(&self, sql: &str) -> Result<String, Error> {
        let mut client = Command::new("mariadb");
        client
            .args(["--no-defaults", "--user=root", "--host=127.0.0.1", "--batch", "--skip-column-names"])
            .arg(format!("--port={}", self.address.port()))
            .arg(format!("--execute={sql}"));
        output_of(&mut client)
    }

    #[allow(clippy::disallowed_methods, reason = "it is started outside any runtime, too")]
    fn wait_until_it_listens(&mut self, log: &Path) -> Result<(), Error> {
        let begun = Instant::now();
        loop {
            if TcpStream::connect(self.address).is_ok() {
                return Ok(());
            }
            let output = || std::fs::read_to_string(log).unwrap_or_default();
            if let Ok(Some(status)) = self.child.try_wait() {
                return Err(Error::Ended { program: "mariadbd".to_owned(), status, output: output() });
            }
            if begun.elapsed() > PATIENCE {
                let what = "that MariaDB listens".to_owned();
                return Err(Error::TooLate { what, seconds: PATIENCE.as_secs(), output: output() });
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

/// Temporary files have a folder of their own each time: a server that starts removes the temporary tables that it finds, those of
/// another one too.
fn initialise(data: &Path, temporary: &Path) -> Result<(), Error> {
    let mut installer = Command::new("mariadb-install-db");
    installer
        .env("PATH", PATH)
        .env("TMPDIR", temporary)
        .args(["--no-defaults", "--user=root", "--auth-root-authentication-method=normal"])
        .args(["--skip-test-db", "--skip-name-resolve"])
        .arg(format!("--datadir={}", data.display()));
    output_of(&mut installer).map(drop)
}

/// What a program that ended well has printed; else an error with what it was asked and what it complained of.
fn output_of(command: &mut Command) -> Result<String, Error> {
    let asked = format!("{command:?}");
    let done = command.output().map_err(Error::io(format!("run {asked}")))?;
    if done.status.success() {
        return Ok(String::from_utf8_lossy(&done.stdout).trim().to_owned());
    }
    let output = String::from_utf8_lossy(&done.stderr).into_owned();
    Err(Error::Ended { program: asked, status: done.status, output })
}

impl Drop for MariaDb {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
