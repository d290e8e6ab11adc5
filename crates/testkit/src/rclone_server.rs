//! A sloppy S3 store on a free port of loopback: rclone, an external program that `scripts/rclone` fetches. It checks signatures,
//! but stores bytes that are not those of the checksum they came with, answers a range with 200, and refuses with 400 who does not
//! sign: what a store may be like that calls itself S3.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::listening::wait_until_it_listens;
use crate::s3_keys::{BUCKET, Keys, make_bucket};
use crate::{Error, TempDir, free_address, fresh_folder};

/// Where `scripts/rclone` puts it; the folder is named after the version.
const PROGRAM: &str = ".cache/picup-tools/rclone-1.75.0/rclone";

/// How long it may take to begin; generous, because builds run beside tests.
const PATIENCE: Duration = Duration::from_secs(60);

/// A running store with one bucket and one pair of keys, in a folder of its own. Dropping it kills it, and so does the end of the thread
/// that started it.
#[derive(Debug)]
pub struct RcloneServer {
    program: PathBuf,
    address: SocketAddr,
    keys: Keys,
    buckets: PathBuf,
    child: Option<Child>,
    folder: TempDir,
}

impl RcloneServer {
    /// Starts one that holds nothing, and waits until it listens.
    ///
    /// # Errors
    /// [`Error::NoRclone`]; or when it did not begin in a minute: what it said is in the error.
    pub fn start() -> Result<Self, Error> {
        let program = std::env::home_dir().unwrap_or_default().join(PROGRAM);
        if !program.is_file() {
            return Err(Error::NoRclone(program));
        }
        let folder = fresh_folder();
        let buckets = folder.path().join("buckets");
        make_bucket(&buckets)?;
        let (address, keys) = (free_address(), Keys::random());
        let mut server = Self { program, address, keys, buckets, child: None, folder };
        server.start_again()?;
        Ok(server)
    }

    /// Ends it as a power cut would, and with it the connections that stand.
    pub fn stop(&mut self) {
        if let Some(mut child) = self.child.take() {
            // Killed, unless it has ended by itself.
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    /// Comes back at the same address, with all it had and the same keys. One that runs is stopped first.
    ///
    /// # Errors
    /// As [`RcloneServer::start`].
    pub fn start_again(&mut self) -> Result<(), Error> {
        self.stop();
        let log = self.folder.path().join("log");
        let said = std::fs::File::create(&log).map_err(Error::io("make a log"))?;
        let child = self.command().stderr(said).spawn().map_err(Error::io("start rclone"))?;
        let child = self.child.insert(child);
        wait_until_it_listens(child, "rclone", self.address, &log, PATIENCE)
    }

    /// Takes no configuration and keeps nothing but in its own folder; sees at once what a test changes there.
    fn command(&self) -> Command {
        // Killed with whoever started it, also when that is killed itself.
        let mut command = Command::new("setpriv");
        command
            .args(["--pdeathsig", "KILL"])
            .arg(&self.program)
            .args(["serve", "s3", "--config=", "--dir-cache-time=1s"])
            .arg(format!("--cache-dir={}", self.folder.path().join("cache").display()))
            .arg(format!("--addr={}", self.address))
            .arg(format!("--auth-key={},{}", self.keys.access, self.keys.secret))
            .arg(&self.buckets)
            .stdin(Stdio::null())
            .stdout(Stdio::null());
        command
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
        &self.buckets
    }
}

impl Drop for RcloneServer {
    fn drop(&mut self) {
        self.stop();
    }
}
