//! pebble, the small authority of certificates by which clients of ACME are tried (Debian's own), on free ports of loopback, with the name
//! server that belongs to it: every name is at one address.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::process::{Child, Command};
use std::time::Duration;

use serde_json::json;

use crate::authority::Authority;
use crate::listening::start;
use crate::{Error, TempDir, free_address, fresh_folder};

const PATIENCE: Duration = Duration::from_secs(60);

/// How a pebble is to be.
#[derive(Debug, Clone)]
pub struct PebbleBuilder {
    address: SocketAddr,
    http_port: u16,
    tls_port: u16,
    life: Duration,
    binding: Option<(String, String)>,
    remembers: bool,
}

/// A running pebble. Dropping it kills it, and its name server.
#[derive(Debug)]
pub struct Pebble {
    address: SocketAddr,
    management: SocketAddr,
    names: SocketAddr,
    children: Vec<Child>,
    authority: Authority,
    folder: TempDir,
}

impl PebbleBuilder {
    /// Looks for challenges at these ports of whatever address a name is at.
    #[must_use]
    pub fn new(http_port: u16, tls_port: u16) -> Self {
        let life = Duration::from_secs(90 * 86_400);
        Self { address: free_address(), http_port, tls_port, life, binding: None, remembers: false }
    }

    /// Listens there.
    #[must_use]
    pub fn at(mut self, address: SocketAddr) -> Self {
        self.address = address;
        self
    }

    /// Its certificates are good for so long.
    #[must_use]
    pub fn life(mut self, life: Duration) -> Self {
        self.life = life;
        self
    }

    /// Takes those alone who show that name and that key (base64url).
    #[must_use]
    pub fn for_customer(mut self, name: &str, key: &str) -> Self {
        self.binding = Some((name.to_owned(), key.to_owned()));
        self
    }

    /// Remembers which names are whose, and looks once. Without this it looks for each order.
    #[must_use]
    pub fn remembering(mut self) -> Self {
        self.remembers = true;
        self
    }

    /// Where its directory is going to be.
    #[must_use]
    pub fn directory(&self) -> String {
        format!("https://{}/dir", self.address)
    }

    /// Starts it, and waits until it listens.
    ///
    /// # Errors
    /// When it did not begin: what it said is in the error.
    pub fn start(self) -> Result<Pebble, Error> {
        let folder = fresh_folder();
        let authority = Authority::make(folder.path(), "pebble")?;
        let own = authority.server_files();
        let (management, names, resolver) = (free_address(), free_address(), free_address());
        let keys: serde_json::Map<_, _> = self.binding.iter().map(|(name, key)| (name.clone(), json!(key))).collect();
        let config = json!({ "pebble": {
            "listenAddress": self.address,
            "managementListenAddress": management,
            "certificate": own.0,
            "privateKey": own.1,
            "httpPort": self.http_port,
            "tlsPort": self.tls_port,
            "certificateValidityPeriod": self.life.as_secs(),
            "externalAccountBindingRequired": self.binding.is_some(),
            "externalAccountMACKeys": keys,
        }});
        let file = folder.path().join("config.json");
        std::fs::write(&file, config.to_string()).map_err(Error::io("write pebble's configuration"))?;
        let mut pebble = Pebble { address: self.address, management, names, children: Vec::new(), authority, folder };
        let mut command = Command::new("pebble-challtestsrv");
        for (what, at) in [("-dns01", resolver.to_string()), ("-management", names.to_string())] {
            command.args([what, &at]);
        }
        command.args(["-http01", "", "-https01", "", "-tlsalpn01", "", "-defaultIPv6", ""]);
        pebble.begin(command, "names", names)?;
        let mut command = Command::new("pebble");
        command.arg("-config").arg(&file).args(["-dnsserver", &resolver.to_string()]);
        // It looks at once. That it refuses every twentieth number of its own is left as it is.
        command.env("PEBBLE_VA_NOSLEEP", "1").env("PEBBLE_AUTHZREUSE", if self.remembers { "100" } else { "0" });
        pebble.begin(command, "log", self.address)?;
        Ok(pebble)
    }
}

impl Pebble {
    fn begin(&mut self, mut command: Command, log: &str, address: SocketAddr) -> Result<(), Error> {
        let log = self.folder.path().join(log);
        self.children.push(start(&mut command, address, &log, PATIENCE)?);
        Ok(())
    }

    /// Where it listens.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where its directory is.
    #[must_use]
    pub fn directory(&self) -> String {
        format!("https://{}/dir", self.address)
    }

    /// The certificate by which it is known itself, in PEM.
    #[must_use]
    pub fn root_file(&self) -> PathBuf {
        self.authority.root_file()
    }

    /// The certificate, and its key, by which it serves on loopback: for what stands before it.
    #[must_use]
    pub fn own_certificate(&self) -> (PathBuf, PathBuf) {
        self.authority.server_files()
    }

    /// The certificate that those it gives lead to, in PEM.
    ///
    /// # Errors
    /// When it does not say.
    pub async fn issues_by(&self) -> Result<Vec<u8>, Error> {
        let asked = self.client()?.get(format!("https://{}/roots/0", self.management)).send().await;
        let answered = asked.and_then(reqwest::Response::error_for_status).map_err(unsaid)?;
        Ok(answered.bytes().await.map_err(unsaid)?.to_vec())
    }

    /// From now on every name is at that address.
    ///
    /// # Errors
    /// When the name server does not answer.
    pub async fn names_are_at(&self, address: Ipv4Addr) -> Result<(), Error> {
        let url = format!("http://{}/set-default-ipv4", self.names);
        let told = self.client()?.post(url).body(json!({ "ip": address }).to_string()).send().await;
        told.and_then(reqwest::Response::error_for_status).map(drop).map_err(unsaid)
    }

    /// How many accounts it was asked for.
    #[must_use]
    pub fn accounts(&self) -> usize {
        self.said().matches("accounts in memory").count()
    }

    /// What it has said.
    #[must_use]
    pub fn said(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    /// A client that trusts it.
    ///
    /// # Errors
    /// When its certificate cannot be read.
    pub fn client(&self) -> Result<reqwest::Client, Error> {
        let root = self.authority.certificate()?;
        reqwest::Client::builder().no_proxy().http1_only().tls_certs_only([root]).build().map_err(unsaid)
    }
}

impl Drop for Pebble {
    fn drop(&mut self) {
        for child in &mut self.children {
            // Killed, unless it has ended by itself.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

pub(crate) fn unsaid(error: reqwest::Error) -> Error {
    Error::Io { doing: "ask pebble".to_owned(), source: std::io::Error::other(error) }
}
