//! One request and its answer: what was said, what went wrong, and whether another try may go better.
//!
//! Used by [`super::api`], which knows about sessions and patience; nothing here does.

use std::time::Duration;

use picup_api::wire;
use reqwest::header::{HeaderMap, HeaderValue, LOCATION, RETRY_AFTER};
use reqwest::{Client, Method, Response, StatusCode, Url};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::retry::{may_pass, told_to_wait};

const CALL_TIME: Duration = Duration::from_secs(60);
/// What an answer may have at most, so that a wrong server cannot fill the memory.
const ANSWER_BYTES: usize = 16 << 20;

/// Why a call had no answer to use.
#[derive(Debug, Clone, thiserror::Error)]
pub(super) enum ApiError {
    /// No connection, or one that broke, each time.
    #[error("{0}")]
    Unreachable(String),
    /// The server said no.
    #[error("{}{}", .0.detail, request(.0))]
    Refused(wire::Problem),
    /// The server did not answer as a PicUp does.
    #[error("the server did not answer as PicUp does ({0}); check the address")]
    Garbled(String),
}

/// A failure inside the server is found in its log by this.
fn request(problem: &wire::Problem) -> String {
    match &problem.request_id {
        Some(id) if problem.status >= 500 => format!(" (request {id})"),
        _ => String::new(),
    }
}

impl ApiError {
    /// The stable name of a refusal, such as `urn:picup:quota-exceeded`.
    pub(super) fn kind(&self) -> &str {
        if let Self::Refused(problem) = self { &problem.r#type } else { "" }
    }

    /// The status of a refusal; 0 when there was none.
    pub(super) fn status(&self) -> u16 {
        if let Self::Refused(problem) = self { problem.status } else { 0 }
    }
}

/// Why one attempt failed, and what may be done about it.
pub(super) enum Failure {
    /// May pass; the server may have said when.
    Passing(ApiError, Option<Duration>),
    /// Will not pass by itself.
    Lasting(ApiError),
}

/// What a request shows of who sends it.
#[derive(Clone, Copy, Default)]
pub(super) struct Shown<'a> {
    /// An access token or API key.
    pub(super) token: Option<&'a str>,
    /// What the server gave last under [`SEEN`].
    pub(super) seen: Option<&'a HeaderValue>,
}

/// What this client has seen of the server's database, so that a replica does not show it less.
pub(super) const SEEN: &str = "x-picup-seen";

/// Sends one request and reads its answer and its headers.
pub(super) async fn attempt<B: Serialize, A: DeserializeOwned>(
    http: &Client,
    method: Method,
    url: Url,
    shown: Shown<'_>,
    body: Option<&B>,
) -> Result<(HeaderMap, A), Failure> {
    let mut request = http.request(method, url).timeout(CALL_TIME);
    if let Some(token) = shown.token {
        request = request.bearer_auth(token);
    }
    if let Some(seen) = shown.seen {
        request = request.header(SEEN, seen);
    }
    if let Some(body) = body {
        request = request.json(body);
    }
    let response = request.send().await.map_err(|error| Failure::Passing(unreachable_by(&error), None))?;
    if !response.status().is_success() {
        return Err(refusal(response).await);
    }
    let headers = response.headers().clone();
    let bytes = bounded(response).await?;
    let garbled = |error: serde_json::Error| Failure::Lasting(ApiError::Garbled(error.to_string()));
    Ok((headers, serde_json::from_slice(&bytes).map_err(garbled)?))
}

async fn bounded(mut response: Response) -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    loop {
        match response.chunk().await {
            Ok(Some(chunk)) if bytes.len() + chunk.len() <= ANSWER_BYTES => bytes.extend_from_slice(&chunk),
            Ok(Some(_)) => return Err(Failure::Lasting(ApiError::Garbled("a very long answer".to_owned()))),
            Ok(None) => return Ok(bytes),
            Err(error) => return Err(Failure::Passing(unreachable_by(&error), None)),
        }
    }
}

/// What an answer that is no success means.
pub(super) async fn refusal(response: Response) -> Failure {
    let status = response.status();
    let told = told_to_wait(response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()));
    if status.is_redirection() {
        let place = response.headers().get(LOCATION).and_then(|value| value.to_str().ok()).unwrap_or("elsewhere");
        return Failure::Lasting(ApiError::Garbled(format!("it points to {place}; use that address as --server")));
    }
    let bytes = bounded(response).await.unwrap_or_default();
    let mut problem: wire::Problem = serde_json::from_slice(&bytes).unwrap_or_else(|_| bare(status));
    problem.detail = plain(&problem.detail);
    problem.request_id = problem.request_id.as_deref().map(plain);
    let error = ApiError::Refused(problem);
    if may_pass(status.as_u16()) { Failure::Passing(error, told) } else { Failure::Lasting(error) }
}

/// Text from elsewhere made fit for a terminal: characters that would move the cursor, colour or turn what is around them
/// become marks.
pub(super) fn plain(text: &str) -> String {
    let harmful = |c: char| {
        c.is_control() || matches!(c, '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}' | '\u{200E}' | '\u{200F}')
    };
    text.chars().map(|c| if harmful(c) { '\u{FFFD}' } else { c }).collect()
}

/// A problem for an answer that says nothing about itself, as proxies give.
fn bare(status: StatusCode) -> wire::Problem {
    let title = status.canonical_reason().unwrap_or("an unknown status").to_owned();
    let detail = match status.as_u16() {
        413 => format!("413 {title}: a proxy in front of PicUp refuses bodies of this size; raise its limit to 100 MB"),
        code => format!("the server answered {code} {title}"),
    };
    wire::Problem { r#type: "about:blank".to_owned(), title, status: status.as_u16(), detail, request_id: None }
}

/// The innermost reason is the one that tells something (`Connection refused`).
pub(super) fn unreachable_by(error: &reqwest::Error) -> ApiError {
    let mut innermost: &dyn std::error::Error = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    let what = if error.is_timeout() { "no answer in time" } else { "the connection failed" };
    ApiError::Unreachable(format!("{what}: {innermost}"))
}
