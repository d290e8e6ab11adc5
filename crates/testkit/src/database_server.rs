//! A real MariaDB or MySQL server on a free port of loopback, in a folder of its own. Which of the two, the suite says
//! ([`crate::engine`]): MariaDB unless it runs on MySQL.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::database_make::{Make, output_of};
use crate::listening::wait_until_it_listens;
use crate::{Error, TempDir, engine, free_address, fresh_folder};

/// How long it may take to begin; generous, because builds run beside tests.
const PATIENCE: Duration = Duration::from_secs(60);

/// A running server. Dropping it kills it.
#[derive(Debug)]
pub struct DatabaseServer {
    make: Make,
    child: Child,
    address: SocketAddr,
    options: Vec<String>,
    folder: TempDir,
}

impl DatabaseServer {
    /// Starts one that waits for no disk, since nothing is to survive a power cut, that holds nothing, and whose root needs no
    /// password, with more options of its own (`--server-id=1`).
    ///
    /// # Errors
    /// When it is not installed, or did not begin in a minute; what it said is in the error.
    pub fn start(options: &[&str]) -> Result<Self, Error> {
        let make = engine::make();
        let folder = fresh_folder();
        let temporary = folder.path().join("tmp");
        std::fs::create_dir(&temporary).map_err(Error::io("make a folder for temporary files"))?;
        make.initialise(&folder.path().join("data"), &temporary)?;
        let options = options.iter().map(|option| (*option).to_owned()).collect();
        Self::serve(make, folder, free_address(), options)
    }

    /// Starts one that others can follow, under a number of its own.
    ///
    /// # Errors
    /// As [`DatabaseServer::start`].
    pub fn start_numbered(number: u32, options: &[&str]) -> Result<Self, Error> {
        let server_id = format!("--server-id={number}");
        Self::start(&[engine::make().replicating(), &[&*server_id], options].concat())
    }

    fn serve(make: Make, folder: TempDir, address: SocketAddr, options: Vec<String>) -> Result<Self, Error> {
        let log = folder.path().join("log");
        let said = std::fs::File::create(&log).map_err(Error::io("make a log"))?;
        let path = |name: &str| -> PathBuf { folder.path().join(name) };
        // Killed with whoever started it, also when that is killed itself.
        let mut server = make.killed_with_its_parent();
        let child = server
            .args(["--user=root", "--bind-address=127.0.0.1"])
            .arg(format!("--datadir={}", path("data").display()))
            .arg(format!("--socket={}", path("socket").display()))
            .arg(format!("--pid-file={}", path("pid").display()))
            .arg(format!("--port={}", address.port()))
            .env("TMPDIR", path("tmp"))
            .args(["--skip-name-resolve", "--innodb-buffer-pool-size=64M", "--innodb-flush-method=nosync"])
            .args(make.usual())
            .args(&options)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(said)
            .spawn()
            .map_err(Error::io("start a database server"))?;
        let mut server = Self { make, child, address, options, folder };
        wait_until_it_listens(&mut server.child, "a database server", address, &log, PATIENCE)?;
        Ok(server)
    }

    /// Follows the server at that address from its first transaction.
    ///
    /// # Errors
    /// When it refuses.
    pub fn follow(&self, primary: SocketAddr) -> Result<(), Error> {
        self.say(&self.make.follow(primary)).map(drop)
    }

    /// Stops what applies the primary's transactions, or what receives them.
    ///
    /// # Errors
    /// When it refuses.
    pub fn stop_thread(&self, thread: ReplicaThread) -> Result<(), Error> {
        self.say(&format!("STOP {} {}", self.make.replica(), thread.word())).map(drop)
    }

    /// Starts it again.
    ///
    /// # Errors
    /// When it refuses.
    pub fn start_thread(&self, thread: ReplicaThread) -> Result<(), Error> {
        self.say(&format!("START {} {}", self.make.replica(), thread.word())).map(drop)
    }

    /// Waits until it has all that `primary` has by now.
    ///
    /// # Errors
    /// When it has not after a minute; the state of its replication is in the error.
    pub fn catch_up_with(&self, primary: &Self) -> Result<(), Error> {
        let position = primary.say(self.make.position())?.replace("\\n", "").replace('\n', "");
        let waited = self.say(&self.make.wait_for(&position, PATIENCE))?;
        if waited == "0" {
            return Ok(());
        }
        let output = self.say(&format!("SHOW {} STATUS", self.make.replica())).unwrap_or_default();
        Err(Error::TooLate { what: format!("position {position}"), seconds: PATIENCE.as_secs(), output })
    }

    /// Has a user's new password taken beside the old one.
    ///
    /// # Errors
    /// When it refuses.
    pub fn take_both_passwords(&self, user: &str, old: &str, new: &str) -> Result<(), Error> {
        self.say(&self.make.take_both_passwords(user, old, new)).map(drop)
    }

    /// Ends it as a power cut would.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn kill(&mut self) -> Result<(), Error> {
        self.child.kill().and_then(|()| self.child.wait()).map(drop).map_err(Error::io("kill a database server"))
    }

    /// Starts it again where it was, with all it had.
    ///
    /// # Errors
    /// As [`DatabaseServer::start`].
    pub fn start_again(&mut self) -> Result<(), Error> {
        let folder = std::mem::replace(&mut self.folder, fresh_folder());
        *self = Self::serve(self.make, folder, self.address, self.options.clone())?;
        Ok(())
    }

    /// The folder of its files.
    #[must_use]
    pub fn data(&self) -> PathBuf {
        self.folder.path().join("data")
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

    /// Says statements to it as root, by MariaDB's client, and gives what it answers: a row a line, tabs between.
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
}

impl Drop for DatabaseServer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A thread of a server that replicates another.
#[derive(Debug, Clone, Copy)]
pub enum ReplicaThread {
    /// It receives what the primary has done.
    Receiver,
    /// It does the same here.
    Applier,
}

impl ReplicaThread {
    const fn word(self) -> &'static str {
        match self {
            Self::Receiver => "IO_THREAD",
            Self::Applier => "SQL_THREAD",
        }
    }
}
