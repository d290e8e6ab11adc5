//! OpenBao, the free Vault, on a free port of loopback in a folder of its own: initialised, unsealed, and spoken to as its root.

use std::net::SocketAddr;
use std::process::Child;
use std::time::Duration;

use serde_json::{Value, json};

use crate::authority::Authority;
use crate::openbao_process::{PATIENCE, Storage, spawn};
use crate::{Error, TempDir, free_address, fresh_folder};

/// A running server. Dropping it kills it.
#[derive(Debug)]
pub struct OpenBao {
    address: SocketAddr,
    authority: Option<Authority>,
    child: Child,
    folder: TempDir,
    http: reqwest::Client,
    unseal_key: String,
    root_token: String,
}

impl OpenBao {
    /// Starts one that speaks plain HTTP and holds all in memory.
    ///
    /// # Errors
    /// [`Error::NoOpenBao`], or when it did not begin: what it said is in the error.
    pub async fn start() -> Result<Self, Error> {
        Self::begin(None, fresh_folder(), Storage::Memory).await
    }

    /// Starts one that holds all on a disk, so that it can be killed and started again; a second slower.
    ///
    /// # Errors
    /// As [`OpenBao::start`].
    pub async fn start_on_disk() -> Result<Self, Error> {
        Self::begin(None, fresh_folder(), Storage::Raft).await
    }

    /// Starts one that speaks TLS, with a certificate for loopback of an authority of its own.
    ///
    /// # Errors
    /// As [`OpenBao::start`].
    pub async fn start_with_tls() -> Result<Self, Error> {
        let folder = fresh_folder();
        let authority = Authority::make(folder.path(), "OpenBao")?;
        Self::begin(Some(authority), folder, Storage::Memory).await
    }

    async fn begin(authority: Option<Authority>, folder: TempDir, storage: Storage) -> Result<Self, Error> {
        let address = free_address();
        let listener = authority.as_ref().map_or_else(
            || "tls_disable = true".to_owned(),
            |authority| {
                let (certificate, key) = authority.server_files();
                format!("tls_cert_file = {certificate:?}\n  tls_key_file = {key:?}")
            },
        );
        let scheme = if authority.is_some() { "https" } else { "http" };
        let text = format!(
            "ui = false\nlog_level = \"warn\"\napi_addr = \"{scheme}://{address}\"\n{}\n\
             listener \"tcp\" {{\n  address = \"{address}\"\n  {listener}\n}}\n",
            storage.text(folder.path())?
        );
        std::fs::write(folder.path().join("bao.hcl"), text).map_err(Error::io("write OpenBao's configuration"))?;
        let mut builder = reqwest::Client::builder().no_proxy();
        if let Some(authority) = &authority {
            builder = builder.tls_certs_only([authority.certificate()?]);
        }
        let http = builder.build().map_err(unsaid)?;
        let child = spawn(folder.path(), address)?;
        let mut bao =
            Self { address, authority, child, folder, http, unseal_key: String::new(), root_token: String::new() };
        let made = json!({ "secret_shares": 1, "secret_threshold": 1 });
        let made = bao.told("PUT", "sys/init", None, &made).await?;
        bao.unseal_key = made["keys_base64"][0].as_str().unwrap_or_default().to_owned();
        bao.root_token = made["root_token"].as_str().unwrap_or_default().to_owned();
        bao.unseal().await?;
        Ok(bao)
    }

    /// Where it listens.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its address with the scheme.
    #[must_use]
    pub fn url(&self) -> String {
        let scheme = if self.authority.is_some() { "https" } else { "http" };
        format!("{scheme}://{}", self.address)
    }

    /// The authority of its certificate; `None` without TLS.
    #[must_use]
    pub const fn authority(&self) -> Option<&Authority> {
        self.authority.as_ref()
    }

    /// What may do everything.
    #[must_use]
    pub fn root_token(&self) -> &str {
        &self.root_token
    }

    /// Asks at `/v1/PATH` as whoever the token is, and gives the status and the answer; the latter is null when it is empty.
    ///
    /// # Errors
    /// When it does not answer.
    pub async fn ask(
        &self,
        method: &str,
        path: &str,
        token: Option<&str>,
        body: &Value,
    ) -> Result<(u16, Value), Error> {
        self.send(method, path, &[("x-vault-token", token)], body).await
    }

    /// Asks in a namespace as root. Else as [`OpenBao::ask`].
    ///
    /// # Errors
    /// When it does not answer, or refuses: why is in the error.
    pub async fn ask_in(&self, namespace: &str, method: &str, path: &str, body: &Value) -> Result<Value, Error> {
        let headers = [("x-vault-token", Some(self.root_token.as_str())), ("x-vault-namespace", Some(namespace))];
        accepted(path, self.send(method, path, &headers, body).await?)
    }

    async fn send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, Option<&str>)],
        body: &Value,
    ) -> Result<(u16, Value), Error> {
        let url = format!("{}/v1/{path}", self.url());
        let method = method.parse().map_err(|_| Error::io("ask OpenBao")(std::io::Error::other("no such method")))?;
        let mut request = self.http.request(method, url);
        for (name, value) in headers {
            if let Some(value) = value {
                request = request.header(*name, *value);
            }
        }
        if !body.is_null() {
            request = request.body(body.to_string());
        }
        let answer = request.send().await.map_err(unsaid)?;
        let status = answer.status().as_u16();
        let bytes = answer.bytes().await.map_err(unsaid)?;
        Ok((status, serde_json::from_slice(&bytes).unwrap_or_default()))
    }

    async fn told(&self, method: &str, path: &str, token: Option<&str>, body: &Value) -> Result<Value, Error> {
        accepted(path, self.ask(method, path, token, body).await?)
    }

    /// Writes at a path as root, as `bao write` does.
    ///
    /// # Errors
    /// When it refuses: why is in the error.
    pub async fn write(&self, path: &str, body: &Value) -> Result<Value, Error> {
        self.told("POST", path, Some(&self.root_token), body).await
    }

    /// Reads a path as root, as `bao read` does.
    ///
    /// # Errors
    /// As [`OpenBao::write`].
    pub async fn read(&self, path: &str) -> Result<Value, Error> {
        self.told("GET", path, Some(&self.root_token), &Value::Null).await
    }

    /// Has a method of logging in at `auth/MOUNT`.
    ///
    /// # Errors
    /// As [`OpenBao::write`].
    pub async fn enable_auth(&self, kind: &str, mount: &str) -> Result<(), Error> {
        self.write(&format!("sys/auth/{mount}"), &json!({ "type": kind })).await.map(drop)
    }

    /// Has an engine of secrets at `MOUNT`.
    ///
    /// # Errors
    /// As [`OpenBao::write`].
    pub async fn enable_engine(&self, kind: &str, mount: &str, options: &Value) -> Result<(), Error> {
        self.write(&format!("sys/mounts/{mount}"), &json!({ "type": kind, "options": options })).await.map(drop)
    }

    /// Has a policy of that text.
    ///
    /// # Errors
    /// As [`OpenBao::write`].
    pub async fn policy(&self, name: &str, text: &str) -> Result<(), Error> {
        self.write(&format!("sys/policies/acl/{name}"), &json!({ "policy": text })).await.map(drop)
    }

    /// A secret id of an AppRole, wrapped: the token that gives it out once.
    ///
    /// # Errors
    /// As [`OpenBao::write`].
    pub async fn wrapped_secret_id(&self, mount: &str, role: &str) -> Result<String, Error> {
        self.wrap(&format!("auth/{mount}/role/{role}/secret-id"), &json!({})).await
    }

    /// Writes at a path as root and has the answer wrapped: the token that gives it out once.
    ///
    /// # Errors
    /// As [`OpenBao::write`].
    pub async fn wrap(&self, path: &str, body: &Value) -> Result<String, Error> {
        let headers = [("x-vault-token", Some(self.root_token.as_str())), ("x-vault-wrap-ttl", Some("300s"))];
        let made = accepted(path, self.send("POST", path, &headers, body).await?)?;
        Ok(made["wrap_info"]["token"].as_str().unwrap_or_default().to_owned())
    }

    /// Seals it: it runs and gives nothing out.
    ///
    /// # Errors
    /// As [`OpenBao::write`].
    pub async fn seal(&self) -> Result<(), Error> {
        self.write("sys/seal", &Value::Null).await.map(drop)
    }

    /// Opens it, and waits until it answers.
    ///
    /// # Errors
    /// When it does not open, or is not active after a minute.
    pub async fn unseal(&self) -> Result<(), Error> {
        self.told("PUT", "sys/unseal", None, &json!({ "key": self.unseal_key })).await?;
        let begun = std::time::Instant::now();
        while self.ask("GET", "sys/health", None, &Value::Null).await?.0 != 200 {
            if begun.elapsed() > PATIENCE {
                return Err(Error::TooLate {
                    what: "that OpenBao is active".to_owned(),
                    seconds: PATIENCE.as_secs(),
                    output: self.said(),
                });
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Ok(())
    }

    /// Ends it as a power cut would.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn kill(&mut self) -> Result<(), Error> {
        self.child.kill().and_then(|()| self.child.wait()).map(drop).map_err(Error::io("kill OpenBao"))
    }

    /// Starts it again where it was, with all that it had on a disk, and opens it.
    ///
    /// # Errors
    /// As [`OpenBao::start`].
    pub async fn start_again(&mut self) -> Result<(), Error> {
        self.child = spawn(self.folder.path(), self.address)?;
        self.unseal().await
    }

    /// What it has said.
    #[must_use]
    pub fn said(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }
}

impl Drop for OpenBao {
    fn drop(&mut self) {
        // Killed, unless it has ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The answer, unless it is a refusal.
fn accepted(path: &str, (status, answer): (u16, Value)) -> Result<Value, Error> {
    if (200..300).contains(&status) {
        return Ok(answer);
    }
    let source = std::io::Error::other(format!("{status}: {}", answer["errors"]));
    Err(Error::Io { doing: format!("ask OpenBao at {path}"), source })
}

fn unsaid(error: reqwest::Error) -> Error {
    Error::Io { doing: "ask OpenBao".to_owned(), source: std::io::Error::other(error) }
}
