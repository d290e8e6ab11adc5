//! What `picup doctor` and the System page ask a bucket. Each question is one plain request, asked once: who asks wants to hear what
//! the service says, and soon. Advice names the setting to change, and nothing that is secret: neither a signed address nor what
//! a service says of a signature.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use object_store::path::Path;
use object_store::signer::{Method, SignedUrlOptions, Signer};
use picup_domain::{Clock, SystemClock, UploadId};
use reqwest::{Response, StatusCode};

use super::{S3, SMALL, to_its_end};
use crate::check::Check;

/// What is written and read back.
const CONTENT: &[u8] = b"PicUp looks whether it can write here.\n";
/// How much of an answer is read, in bytes: what a service says of an error is far shorter.
const LONGEST_ANSWER: usize = 64 << 10;
/// How long it may take to learn who this machine is: where no role is, nobody may answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// What the service said.
#[derive(Debug)]
struct Answer {
    status: StatusCode,
    /// The bucket's region, where the answer names it.
    region: Option<String>,
    body: Bytes,
}

/// Why there is nothing that the service said.
#[derive(Debug)]
enum Unasked {
    /// PicUp does not know who it is to the service.
    Nobody(String),
    /// No connection, or none that held.
    Unreachable(String),
}

type Asked = Result<Answer, Unasked>;

impl S3 {
    /// Asks everything. What is written is removed even when the caller goes away.
    pub(crate) async fn check(self: &Arc<Self>) -> Vec<Check> {
        let s3 = Arc::clone(self);
        let asked = async move {
            let listed = s3.list().await;
            let mut checks = vec![s3.there(&listed)];
            // A key may be good and not be allowed to list; whatever else is wrong, all would say the same of it.
            let refused = listed.is_ok_and(|answer| matches!(answer.status.as_u16(), 401 | 403));
            if checks[0].ok || refused {
                checks.extend(s3.written().await);
            }
            Ok(checks)
        };
        to_its_end(asked).await.unwrap_or_default()
    }

    /// Asks only whether the bucket is there, which writes nothing.
    pub(crate) async fn check_at_a_glance(&self) -> Vec<Check> {
        vec![self.there(&self.list().await)]
    }

    fn there(&self, listed: &Asked) -> Check {
        let place = self.place();
        let (ok, advice) = match listed {
            Ok(answer) if answer.status.is_success() && answer.names("ListBucketResult") => {
                (true, format!("{place} is there and can be listed"))
            }
            Ok(answer) if answer.status.is_success() => {
                (false, format!("what answers for {place} is no S3 service; see that store.endpoint is its address"))
            }
            refused => (false, format!("{place} cannot be listed: {}", told(refused, "list it (s3:ListBucket)"))),
        };
        Check { name: "storage-there", ok, advice }
    }

    async fn list(&self) -> Asked {
        let prefix = self.below("");
        let query = [("list-type", "2"), ("max-keys", "1"), ("prefix", prefix.as_str())];
        self.say(Method::GET, &Path::default(), &query, &[]).await
    }

    /// Writes a small object, reads it back with and without a signature, and deletes it.
    async fn written(&self) -> Vec<Check> {
        let at = self.path(&format!("staging/check.{}", UploadId::new(SystemClock.now())));
        let place = self.place();
        let ill = |advice: String| Check { name: "storage-writable", ok: false, advice };
        let put = self.say(Method::PUT, &at, &[], CONTENT).await;
        if !done(&put) {
            let told = told(&put, "write there (s3:PutObject)");
            return vec![ill(format!("cannot write in {place}: {told}"))];
        }
        let (got, private) = (self.say(Method::GET, &at, &[], &[]).await, self.private(&at).await);
        let deleted = self.say(Method::DELETE, &at, &[], &[]).await;
        let writable = match &got {
            Ok(answer) if done(&got) && answer.body != CONTENT => {
                ill(format!("{place} gave back other bytes than were written: trust this service with nothing"))
            }
            got if !done(got) => ill(format!("cannot read in {place}: {}", told(got, "read there (s3:GetObject)"))),
            _ if !done(&deleted) => {
                ill(format!("cannot delete in {place}: {}", told(&deleted, "delete there (s3:DeleteObject)")))
            }
            _ => Check {
                name: "storage-writable",
                ok: true,
                advice: format!("{place} can be written, read and deleted in"),
            },
        };
        vec![writable, private]
    }

    /// Whether strangers are refused an object that stands at `at`, and the list.
    async fn private(&self, at: &Path) -> Check {
        let place = self.place();
        let mut asked = Vec::new();
        for (path, query) in [(at, ""), (&Path::default(), "list-type=2&max-keys=1")] {
            asked.push(self.say_unsigned(path, query).await);
        }
        let open = asked.iter().flatten().any(|answer| answer.status.is_success());
        let trouble = asked.iter().find(|asked| asked.as_ref().map_or(true, |answer| answer.status.is_server_error()));
        let (ok, advice) = match trouble {
            _ if open => {
                let remedy =
                    "remove public access from the bucket: its policy, its access list, or the provider's switch";
                (false, format!("anybody can read in {place} without a key; {remedy}"))
            }
            Some(trouble) => (false, format!("cannot ask {place} as a stranger: {}", told(trouble, "be asked"))),
            None => (true, format!("{place} is closed to whoever has no key")),
        };
        Check { name: "storage-private", ok, advice }
    }

    async fn say(&self, method: Method, at: &Path, query: &[(&str, &str)], body: &'static [u8]) -> Asked {
        let options = SignedUrlOptions::new().with_query(query.iter().copied());
        let signing = self.store.signed_url_opts(method.clone(), at, SMALL, &options);
        let url = match tokio::time::timeout(PATIENCE, signing).await {
            Ok(Ok(url)) => url,
            Ok(Err(error)) => return Err(Unasked::Nobody(error.to_string())),
            Err(_) => return Err(Unasked::Nobody("nobody answers who gives out roles".to_owned())),
        };
        answer(self.http.request(method, url).body(body).send().await).await
    }

    async fn say_unsigned(&self, at: &Path, query: &str) -> Asked {
        let signed = self.store.signed_url(Method::GET, at, SMALL).await;
        let mut url = signed.map_err(|error| Unasked::Nobody(error.to_string()))?;
        url.set_query((!query.is_empty()).then_some(query));
        answer(self.http.get(url).send().await).await
    }

    /// What this store is called in advice.
    fn place(&self) -> String {
        match self.prefix.as_str() {
            "" => "the bucket".to_owned(),
            prefix => format!("{prefix}/ in the bucket"),
        }
    }

    /// What the names of all objects here begin with that also begin with `name`.
    fn below(&self, name: &str) -> String {
        if self.prefix.is_empty() { name.to_owned() } else { format!("{}/{name}", self.prefix) }
    }
}

/// Reads an answer. Errors are told without the address: it is signed.
async fn answer(sent: reqwest::Result<Response>) -> Asked {
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

/// Only what a code or a region can be: answers may hold anything.
fn word(text: &str) -> Option<String> {
    let plain = (1..=64).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
    plain.then(|| text.to_owned())
}

impl Answer {
    fn text(&self) -> std::borrow::Cow<'_, str> {
        String::from_utf8_lossy(&self.body)
    }

    fn names(&self, element: &str) -> bool {
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

fn done(asked: &Asked) -> bool {
    asked.as_ref().is_ok_and(|answer| answer.status.is_success())
}

/// What came instead of what was asked for, and what to change; `right` is what was tried.
fn told(asked: &Asked, right: &str) -> String {
    let answer = match asked {
        Ok(answer) => answer,
        Err(Unasked::Nobody(reason)) => {
            let remedy = "name the file of an access key in store.access_key_file, or give this machine a role";
            return format!("this machine has no role ({reason}); {remedy}");
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
