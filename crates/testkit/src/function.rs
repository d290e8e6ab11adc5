//! A CloudFront Function on Node, with a stand-in for what AWS has around it: never a part of PicUp.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::process::{Command, Stdio};

use serde::{Deserialize, Serialize};

use crate::Error;

const RUNNER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/cloudfront/run.mjs");

/// A request, as CloudFront gets it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct FunctionRequest {
    /// When, in seconds since 1970.
    pub now: u64,
    /// Path and query.
    pub path: String,
    /// The values of its `Cookie` headers.
    pub cookies: Vec<String>,
    /// The values of its `Authorization` headers.
    pub authorization: Vec<String>,
}

/// What the function made of it.
#[derive(Debug, Clone, Deserialize)]
pub struct FunctionAnswer {
    /// What it gave back: the request, or an answer in its place.
    pub answer: serde_json::Value,
    /// How often it looked into the `KeyValueStore`.
    pub looked: u32,
}

#[derive(Serialize)]
struct Asked<'a> {
    function: &'a str,
    secrets: &'a BTreeMap<String, String>,
    cases: &'a [FunctionRequest],
}

/// Runs `function` for all `requests`, with `secrets` in its `KeyValueStore`.
///
/// # Errors
/// When there is no Node, or the function failed: what it said is in the error.
pub fn run_function(
    function: &str,
    secrets: &BTreeMap<String, String>,
    requests: &[FunctionRequest],
) -> Result<Vec<FunctionAnswer>, Error> {
    let mut command = Command::new("node");
    command.arg(RUNNER).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().map_err(Error::io("start node"))?;
    let asked = Asked { function, secrets, cases: requests };
    let asked = serde_json::to_vec(&asked).expect("texts and numbers always serialise");
    // It reads all of it before it says anything.
    let sent = child.stdin.take().expect("it is piped").write_all(&asked);
    let ended = child.wait_with_output().map_err(Error::io("wait for node"))?;
    let said = String::from_utf8_lossy(&ended.stderr).into_owned();
    let failed = |output| Error::Failed { program: "a CloudFront Function".to_owned(), status: ended.status, output };
    if !ended.status.success() {
        return Err(failed(said));
    }
    sent.map_err(Error::io("ask a function"))?;
    serde_json::from_slice(&ended.stdout).map_err(|error| failed(format!("{error}: {said}")))
}
