//! What a service answers `picup doctor`, and what to change for it. Of an answer nothing is said again but its code: it may hold what
//! was signed.

use bytes::Bytes;
use reqwest::{Response, StatusCode};

use crate::told::word;

/// How much of an answer is read, in bytes: what a service says of an error is far shorter.
const LONGEST_ANSWER: usize = 64 << 10;

/// What the service said.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    /// The bucket's region, where the answer names it.
    region: Option<String>,
    pub(super) body: Bytes,
}

/// Why there is nothing that the service said.
#[derive(Debug)]
pub(super) enum Unasked {
    /// PicUp does not know who it is to the service.
    Nobody(String),
    /// No connection, or none that held.
    Unreachable(String),
}

pub(super) type Asked = Result<Answer, Unasked>;

/// Reads an answer. Errors are told without the address: it is signed.
pub(super) async fn answer(sent: reqwest::Result<Response>) -> Asked {
    let unreachable = |error: reqwest::Error| Unasked::Unreachable(innermost(&error.without_url()));
    let mut sent = sent.map_err(unreachable)?;
    let region = sent.headers().get("x-amz-bucket-region").and_then(|region| region.to_str().ok()).and_then(word);
    let (status, mut body) = (sent.status(), Vec::new());
    while let Some(piece) = sent.chunk().await.map_err(unreachable)? {
        body.extend_from_slice(&piece);
        if body.len() > LONGEST_ANSWER {
            break;
        }
    }
    let mut answer = Answer { status, region, body: body.into() };
    answer.region = answer.region.take().or_else(|| answer.element("Region"));
    Ok(answer)
}

/// The innermost reason is the one that tells something (`Connection refused`).
fn innermost(error: &reqwest::Error) -> String {
    let mut innermost: &dyn std::error::Error = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    if error.is_timeout() { "no answer in time".to_owned() } else { innermost.to_string() }
}

impl Answer {
    fn text(&self) -> std::borrow::Cow<'_, str> {
        String::from_utf8_lossy(&self.body)
    }

    pub(super) fn names(&self, element: &str) -> bool {
        self.text().contains(&format!("<{element}"))
    }

    /// The text of the first element of that name, where it is one word.
    fn element(&self, name: &str) -> Option<String> {
        let text = self.text();
        let (_, rest) = text.split_once(&format!("<{name}>"))?;
        word(rest.split_once('<')?.0.trim())
    }

    /// Where the bucket is, if the service refuses for the region that was signed for.
    fn elsewhere(&self) -> Option<&str> {
        let refused = matches!(self.status.as_u16(), 301 | 307 | 400);
        self.region.as_deref().filter(|_| refused)
    }
}

pub(super) fn done(asked: &Asked) -> bool {
    asked.as_ref().is_ok_and(|answer| answer.status.is_success())
}

/// What came instead of what was asked for, and what to change; `right` is what was tried.
pub(super) fn told(asked: &Asked, right: &str) -> String {
    let answer = match asked {
        Ok(answer) => answer,
        Err(Unasked::Nobody(reason)) => {
            let remedy = "name the file of an access key in store.access_key_file, or give this machine or pod a role";
            return format!("nobody says who PicUp is to the service ({reason}); {remedy}");
        }
        Err(Unasked::Unreachable(reason)) => {
            let remedy = "see that the service runs, that store.endpoint, store.region and store.style are right, and that this \
                          machine reaches it";
            return format!("no connection to the service ({reason}); {remedy}");
        }
    };
    let code = answer.element("Code").unwrap_or_default();
    let said =
        if code.is_empty() { answer.status.as_u16().to_string() } else { format!("{} {code}", answer.status.as_u16()) };
    format!("the service answers {said}; {}", remedy(answer, &code, right))
}

fn remedy(answer: &Answer, code: &str, right: &str) -> String {
    if let Some(region) = answer.elsewhere() {
        return format!("it is in another region: set store.region = \"{region}\"");
    }
    match (code, answer.status.as_u16()) {
        ("InvalidAccessKeyId", _) => {
            "it does not know the access key: write the ID and the secret of one into the file of store.access_key_file"
                .to_owned()
        }
        ("SignatureDoesNotMatch", _) => {
            "the secret is not the access key's: correct the second line of the file of store.access_key_file"
                .to_owned()
        }
        ("NoSuchBucket", _) => {
            "there is no bucket of that name: make it, or name another in store.url; PicUp makes none".to_owned()
        }
        ("RequestTimeTooSkewed", _) => "its clock and this machine's differ: set the clock".to_owned(),
        ("AuthorizationHeaderMalformed" | "PermanentRedirect" | "IllegalLocationConstraintException", _) | (_, 301) => {
            "it expects another region: set store.region to the bucket's".to_owned()
        }
        (_, 401 | 403) => format!(
            "see that ID and secret in the file of store.access_key_file are right, and that this key may {right}: \
             docs/operations/buckets.md"
        ),
        (_, 404) => {
            "see that the bucket in store.url is there, and that store.endpoint and store.style are right".to_owned()
        }
        (_, 429 | 500..) => "it is in trouble itself: wait, and look at what its provider says".to_owned(),
        _ => "see that store.endpoint, store.region and store.style are what its provider says".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(status: u16, body: &'static str) -> String {
        let mut answer = Answer {
            status: StatusCode::from_u16(status).unwrap(),
            region: None,
            body: Bytes::from_static(body.as_bytes()),
        };
        answer.region = answer.element("Region");
        told(&Ok(answer), "list it (s3:ListBucket)")
    }

    #[test]
    fn what_a_service_refuses_for_is_told_apart() {
        for (status, body, says) in [
            (403, "<Error><Code>InvalidAccessKeyId</Code></Error>", "does not know the access key"),
            (403, "<Error><Code>SignatureDoesNotMatch</Code></Error>", "correct the second line"),
            (404, "<Error><Code>NoSuchBucket</Code></Error>", "make it, or name another in store.url"),
            (403, "<Error><Code>AccessDenied</Code></Error>", "this key may list it (s3:ListBucket)"),
            (403, "<Error><Code>RequestTimeTooSkewed</Code></Error>", "set the clock"),
            (
                400,
                "<Error><Code>AuthorizationHeaderMalformed</Code><Region>eu-west-1</Region></Error>",
                "store.region = \"eu-west-1\"",
            ),
            (301, "<Error><Code>PermanentRedirect</Code></Error>", "set store.region"),
            (503, "<Error><Code>SlowDown</Code></Error>", "in trouble itself"),
            (404, "<html>", "store.endpoint"),
            (418, "", "what its provider says"),
        ] {
            let said = refused(status, body);
            assert!(said.contains(says), "{status} {body}: {said}");
        }
    }

    #[test]
    fn nothing_of_an_answer_is_said_again_but_its_code() {
        let said = refused(
            403,
            "<Error><Code>SignatureDoesNotMatch</Code><StringToSign>AWS4 secret</StringToSign><Region>a secret</Region></Error>",
        );
        assert!(!said.contains("secret</") && !said.contains("AWS4") && !said.contains("a secret"), "{said}");
        assert!(refused(403, "<Code>two words</Code>").starts_with("the service answers 403;"));
    }
}
