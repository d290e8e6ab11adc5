//! Garage, an S3 store that people run at home, on free ports of loopback: an external program that `scripts/garage` builds. It knows
//! multipart uploads and CORS, and overwrites where it was asked not to.

use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::listening::wait_until_it_listens;
use crate::s3_keys::{BUCKET, Keys};
use crate::{Error, TempDir, free_address, fresh_folder};

/// Where `scripts/garage` puts it; the folder is named after the version.
const PROGRAM: &str = ".cache/picup-tools/garage-2.5.0/bin/garage";

/// How long it may take to begin; generous, because builds run beside tests.
const PATIENCE: Duration = Duration::from_secs(60);

/// A running store with one bucket and one pair of keys, in a folder of its own. Dropping it kills it, and so does the end of the thread
/// that started it.
#[derive(Debug)]
pub struct GarageServer {
    address: SocketAddr,
    keys: Keys,
    child: Child,
    _folder: TempDir,
}

impl GarageServer {
    /// Starts one that holds nothing, and waits until it listens.
    ///
    /// # Errors
    /// [`Error::NoGarage`]; or when it did not begin in a minute: what it said is in the error.
    pub fn start() -> Result<Self, Error> {
        let program = std::env::home_dir().unwrap_or_default().join(PROGRAM);
        if !program.is_file() {
            return Err(Error::NoGarage(program));
        }
        let (folder, address, keys) = (fresh_folder(), free_address(), Keys::of_garage());
        let (path, log) = (|name: &str| folder.path().join(name), folder.path().join("log"));
        let settings = format!(
            "metadata_dir = \"{}\"\ndata_dir = \"{}\"\ndb_engine = \"lmdb\"\nreplication_factor = 1\n\
             rpc_bind_addr = \"{}\"\nrpc_secret = \"{}\"\n[s3_api]\ns3_region = \"us-east-1\"\napi_bind_addr = \"{address}\"\n",
            path("metadata").display(),
            path("data").display(),
            free_address(),
            keys.secret
        );
        std::fs::write(path("garage.toml"), settings).map_err(Error::io("write Garage's settings"))?;
        let said = std::fs::File::create(&log).map_err(Error::io("make a log"))?;
        // Killed with whoever started it, also when that is killed itself.
        let mut child = Command::new("setpriv")
            .args(["--pdeathsig", "KILL"])
            .arg(program)
            .arg("--config")
            .arg(path("garage.toml"))
            .args(["server", "--single-node", "--default-bucket"])
            .env("GARAGE_DEFAULT_ACCESS_KEY", &keys.access)
            .env("GARAGE_DEFAULT_SECRET_KEY", &keys.secret)
            .env("GARAGE_DEFAULT_BUCKET", BUCKET)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(said)
            .spawn()
            .map_err(Error::io("start Garage"))?;
        wait_until_it_listens(&mut child, "Garage", address, &log, PATIENCE)?;
        Ok(Self { address, keys, child, _folder: folder })
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
}

impl Drop for GarageServer {
    fn drop(&mut self) {
        // Killed, unless it has ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
