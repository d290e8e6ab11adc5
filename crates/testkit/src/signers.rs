//! The signers of CloudFront's addresses and cookies that AWS gives out, as their users run them: external programs that `scripts/tools`
//! installs, never a part of PicUp.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use serde::{Deserialize, Serialize};

use crate::Error;

/// Where `scripts/tools` puts them.
const FOLDER: &str = ".cache/picup-tools/signers-1";
const OURS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/signers");

/// Whose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signer {
    /// `@aws-sdk/cloudfront-signer`, on Node.
    JavaScript,
    /// `botocore.signers`, on Python: addresses alone.
    Botocore,
    /// `aws cloudfront sign`: addresses alone, by RSA over SHA-1, of a key in PKCS #1.
    CommandLine,
}

/// What is to be signed.
#[derive(Debug, Clone, Serialize)]
pub struct ToSign {
    /// The private key, in PEM.
    pub key_pem: String,
    /// What it is called.
    pub key_id: String,
    /// Over SHA-256, not SHA-1.
    pub sha256: bool,
    /// The address.
    pub url: String,
    /// Until when, in seconds since 1970.
    pub expires: u64,
    /// Not before, in seconds since 1970.
    pub begins: Option<u64>,
    /// From where: one address or a range.
    pub addresses: Option<String>,
    /// A policy of one's own instead of the last three.
    pub policy: Option<String>,
    /// As cookies, not as an address.
    pub cookies: bool,
}

/// What came of it.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
pub enum Signed {
    /// The address.
    Url(String),
    /// The cookies by name.
    Cookies(std::collections::BTreeMap<String, serde_json::Value>),
}

/// Has all of `requests` signed, by one run of the signer.
///
/// # Errors
/// [`Error::NoSigners`]; or when it would not sign: what it said is in the error.
pub fn sign(signer: Signer, requests: &[ToSign]) -> Result<Vec<Signed>, Error> {
    let root = std::env::home_dir().unwrap_or_default().join(FOLDER);
    if !root.join("python").is_dir() {
        return Err(Error::NoSigners(root));
    }
    let mut command = command(signer, &root);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().map_err(Error::io(format!("start {signer:?}'s signer")))?;
    let asked = serde_json::to_vec(requests).expect("texts and numbers always serialise");
    // Both read all of it before they say anything.
    let sent = child.stdin.take().expect("it is piped").write_all(&asked);
    let ended = child.wait_with_output().map_err(Error::io("wait for a signer"))?;
    let said = String::from_utf8_lossy(&ended.stderr).into_owned();
    let failed = |output| Error::Failed { program: format!("{signer:?}'s signer"), status: ended.status, output };
    if !ended.status.success() {
        return Err(failed(said));
    }
    sent.map_err(Error::io("ask a signer"))?;
    serde_json::from_slice(&ended.stdout).map_err(|error| failed(format!("{error}: {said}")))
}

fn command(signer: Signer, root: &Path) -> Command {
    let python = |which: &str| {
        let mut command = Command::new("python3");
        command.arg(format!("{OURS}/sign.py")).arg(which).env("PYTHONPATH", root.join("python"));
        command
    };
    match signer {
        Signer::JavaScript => {
            let mut command = Command::new("node");
            command.arg(format!("{OURS}/sign.mjs")).arg(root);
            command
        }
        Signer::Botocore => python("botocore"),
        Signer::CommandLine => python("aws"),
    }
}
