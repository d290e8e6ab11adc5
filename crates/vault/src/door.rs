//! One request to Vault and its answer: what is trusted, how long is waited, how much is read, and what each status means.

use std::error::Error as _;
use std::time::Duration;

use reqwest::header::{HeaderMap, HeaderValue, RETRY_AFTER};
use reqwest::{Certificate, Client, Method, Response, StatusCode, redirect, retry};
use serde::Serialize;
use serde::de::DeserializeOwned;
use zeroize::Zeroizing;

use crate::file::{self, Readers};
use crate::wire::{Answer, Errors};
use crate::{Address, Error, Hidden, Identity, Said, Settings};

/// No answer is longer.
const MOST: usize = 1 << 20;

/// A way to Vault: who is trusted there, and by which certificate we are known.
pub(crate) struct Door {
    client: Client,
    address: Address,
    namespace: Option<HeaderValue>,
    answer: Duration,
}

/// What is asked.
#[derive(Clone)]
pub(crate) struct Ask {
    /// In words that go behind "to": `read kv/picup`.
    pub(crate) doing: String,
    method: Method,
    path: String,
    body: Zeroizing<Vec<u8>>,
    hidden: Vec<Hidden>,
    wrap: Option<Duration>,
}

impl Ask {
    pub(crate) fn get(doing: impl Into<String>, path: impl Into<String>) -> Self {
        Self::new(Method::GET, doing.into(), path.into())
    }

    pub(crate) fn post(doing: impl Into<String>, path: impl Into<String>) -> Self {
        Self::new(Method::POST, doing.into(), path.into())
    }

    fn new(method: Method, doing: String, path: String) -> Self {
        Self { doing, method, path, body: Zeroizing::default(), hidden: Vec::new(), wrap: None }
    }

    /// Sends that as JSON.
    pub(crate) fn with(mut self, body: &impl Serialize) -> Self {
        // Large enough that it does not grow, and leave pieces behind.
        let mut bytes = Zeroizing::new(Vec::with_capacity(8 << 10));
        serde_json::to_writer(&mut *bytes, body).expect("texts and numbers are JSON");
        self.body = bytes;
        self
    }

    /// Sends that secret, which no message repeats.
    pub(crate) fn hiding(mut self, secret: &Hidden) -> Self {
        self.hidden.push(secret.clone());
        self
    }

    /// Wants the answer wrapped for so long.
    pub(crate) fn wrapped(mut self, life: Duration) -> Self {
        self.wrap = Some(life);
        self
    }
}

impl Door {
    /// Reads whom to trust, and our certificate if that is how we are known, and makes the way. Nobody is asked yet.
    pub(crate) fn make(settings: &Settings) -> Result<Self, Error> {
        let unfit = |path: &std::path::Path| {
            let path = path.to_owned();
            move |_| Error::File { path, problem: "it does not hold what it should in PEM".to_owned() }
        };
        // Nothing is sent twice: a token that opens once would be burnt by that.
        let mut builder = Client::builder()
            .no_proxy()
            .redirect(redirect::Policy::none())
            .retry(retry::never())
            .referer(false)
            .https_only(settings.address.is_https())
            .connect_timeout(settings.timeouts.connect)
            .timeout(settings.timeouts.answer)
            .user_agent("picup");
        if let Some(path) = &settings.ca_file {
            let pem = file::read(path, Readers::Anybody)?;
            let authorities = Certificate::from_pem_bundle(pem.show().as_bytes()).map_err(unfit(path))?;
            if authorities.is_empty() {
                let problem = "there is no certificate in it".to_owned();
                return Err(Error::File { path: path.clone(), problem });
            }
            builder = builder.tls_certs_only(authorities);
        }
        if let Identity::Certificate { certificate_file, key_file, .. } = &settings.identity {
            let certificate = file::read(certificate_file, Readers::Anybody)?;
            let key = file::read(key_file, Readers::Owner)?;
            let both = Zeroizing::new(format!("{}\n{}\n", certificate.show(), key.show()));
            let identity = reqwest::Identity::from_pem(both.as_bytes()).map_err(unfit(certificate_file))?;
            builder = builder.identity(identity);
        }
        let client = builder.build().map_err(|error| Error::Settings(words(error)))?;
        let namespace = settings.namespace.as_deref().map(HeaderValue::from_str).transpose();
        let namespace =
            namespace.map_err(|_| Error::Settings("the namespace has letters no header takes".to_owned()))?;
        Ok(Self { client, address: settings.address.clone(), namespace, answer: settings.timeouts.answer })
    }

    /// Asks, as whoever the token is.
    pub(crate) async fn ask<D: DeserializeOwned>(&self, ask: &Ask, token: Option<&Hidden>) -> Result<Answer<D>, Error> {
        let mut request = self.client.request(ask.method.clone(), self.address.at(&ask.path));
        request = request.header("x-vault-request", "true");
        if let Some(namespace) = &self.namespace {
            request = request.header("x-vault-namespace", namespace.clone());
        }
        if let Some(token) = token {
            let header = HeaderValue::from_str(token.show());
            let mut header = header.map_err(|_| Error::Settings("a token has letters no header takes".to_owned()))?;
            header.set_sensitive(true);
            request = request.header("x-vault-token", header);
        }
        if let Some(life) = ask.wrap {
            request = request.header("x-vault-wrap-ttl", format!("{}s", life.as_secs().max(1)));
        }
        if !ask.body.is_empty() {
            request = request.header("content-type", "application/json").body(sent(&ask.body));
        }
        let answer = request.send().await.map_err(|error| self.unreached(error))?;
        let (status, after) = (answer.status(), retry_after(answer.headers()));
        let body = self.read(answer, ask).await?;
        if status.is_success() {
            return parse(&body, ask);
        }
        let said = serde_json::from_slice::<Errors>(&body).unwrap_or_default().errors;
        let secrets = ask.hidden.iter().chain(token).map(Hidden::show);
        Err(refusal(status, ask, &said, Said::new(&said, secrets), after))
    }

    async fn read(&self, mut answer: Response, ask: &Ask) -> Result<Zeroizing<Vec<u8>>, Error> {
        let too_long = || Error::Answer { doing: ask.doing.clone(), problem: "it is longer than 1 MiB".to_owned() };
        let length = answer.content_length().and_then(|length| usize::try_from(length).ok());
        if length.is_some_and(|length| length > MOST) {
            return Err(too_long());
        }
        let mut body = Zeroizing::new(Vec::with_capacity(length.unwrap_or(16 << 10)));
        while let Some(chunk) = answer.chunk().await.map_err(|error| self.unreached(error))? {
            if body.len() + chunk.len() > MOST {
                return Err(too_long());
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body)
    }

    fn unreached(&self, error: reqwest::Error) -> Error {
        let (address, late) = (self.address.to_string(), error.is_timeout() && !error.is_connect());
        let reason = if late { format!("nothing came within {:?}", self.answer) } else { words(error) };
        // rustls says it so, and reqwest hides its types.
        if reason.contains("certificate") {
            return Error::Untrusted { address, reason };
        }
        Error::Unreachable { address, reason }
    }
}

/// The body as it goes out: wiped when it was sent.
fn sent(body: &Zeroizing<Vec<u8>>) -> reqwest::Body {
    struct Wiped(Zeroizing<Vec<u8>>);
    impl AsRef<[u8]> for Wiped {
        fn as_ref(&self) -> &[u8] {
            &self.0
        }
    }
    reqwest::Body::from(bytes::Bytes::from_owner(Wiped(body.clone())))
}

fn parse<D: DeserializeOwned>(body: &[u8], ask: &Ask) -> Result<Answer<D>, Error> {
    if body.iter().all(u8::is_ascii_whitespace) {
        return Ok(Answer::default());
    }
    // What serde says would repeat what it has read.
    serde_json::from_slice(body).map_err(|error| Error::Answer {
        doing: ask.doing.clone(),
        problem: format!("it is not what Vault answers there, from its character {} on", error.column()),
    })
}

/// What a status means, where it is no success.
fn refusal(status: StatusCode, ask: &Ask, words: &[String], said: Said, after: Option<Duration>) -> Error {
    let doing = ask.doing.clone();
    match status.as_u16() {
        status @ (300..400 | 472 | 473) => Error::Standby { status },
        403 => Error::Forbidden { doing, said },
        404 => Error::Missing { doing, said },
        429 => Error::TooMany { after },
        503 if words.iter().any(|word| word.contains("sealed")) => Error::Sealed,
        status @ 400..500 => Error::Refused { doing, status, said },
        status => Error::Server { doing, status, said },
    }
}

fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let seconds = headers.get(RETRY_AFTER)?.to_str().ok()?.parse().ok()?;
    Some(Duration::from_secs(seconds))
}

/// What the network says, from the outermost cause to the innermost, without the address.
fn words(error: reqwest::Error) -> String {
    let error = error.without_url();
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        text = format!("{text}: {inner}");
        cause = inner.source();
    }
    text
}
