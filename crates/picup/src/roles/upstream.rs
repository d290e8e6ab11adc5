//! An origin that is reached by HTTP: whatever answers a GET with `Range` for `BASE/media/…`.

use std::ops::Range;
use std::time::Duration;

use anyhow::Context;
use async_trait::async_trait;
use futures_util::TryStreamExt;
use picup_gateway::{ByteStream, EDGE_SECRET, Opened, Origin, OriginError};
use reqwest::header::{ACCEPT_ENCODING, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, HeaderMap, HeaderValue, RANGE};
use reqwest::{Client, Response, StatusCode, Url};

/// How long it may take to connect, and to send anything at all.
const CONNECT: Duration = Duration::from_secs(5);
const SILENCE: Duration = Duration::from_secs(30);

/// The origin.
pub(super) struct Upstream {
    http: Client,
    base: String,
}

impl Upstream {
    /// With the secret of an edge that is asked there, if it is one.
    ///
    /// # Errors
    /// When `base` is no address, the secret would be sent for others to read, or the client cannot be made.
    pub(super) fn new(base: &str, secret: Option<&str>) -> anyhow::Result<Self> {
        let url: Url = base.parse().with_context(|| format!("{base} is not an address"))?;
        anyhow::ensure!(url.query().is_none() && url.fragment().is_none(), "an origin's address has no ? and no #");
        let mut headers = HeaderMap::new();
        if let Some(secret) = secret {
            let here = url.host_str().is_some_and(|host| matches!(host, "127.0.0.1" | "[::1]" | "localhost"));
            anyhow::ensure!(url.scheme() == "https" || here, "a secret is sent by https alone: {base} is not");
            let mut value =
                HeaderValue::from_str(secret).context("the secret has other characters than text on one line")?;
            value.set_sensitive(true);
            headers.insert(EDGE_SECRET, value);
        }
        let http = Client::builder().no_proxy().default_headers(headers).connect_timeout(CONNECT).read_timeout(SILENCE);
        // Whatever the origin points to was not authorised here.
        let http = http.redirect(reqwest::redirect::Policy::none()).build().context("making a client")?;
        Ok(Self { http, base: base.trim_end_matches('/').to_owned() })
    }

    async fn ask(&self, request: reqwest::RequestBuilder, fine: StatusCode) -> Result<Response, OriginError> {
        let answer = request.header(ACCEPT_ENCODING, "identity").send().await;
        let answer = answer.map_err(|error| OriginError::Unavailable(error.without_url().into()))?;
        match answer.status() {
            status if status == fine => Ok(answer),
            StatusCode::FORBIDDEN => {
                // A bucket that may not be listed answers so to what is not there; so does one that lets nobody in.
                tracing::warn!("the origin refuses (403): there is no such medium, or this edge may not read there");
                Err(OriginError::NotFound)
            }
            StatusCode::NOT_FOUND | StatusCode::GONE => Err(OriginError::NotFound),
            status => Err(unfit(format!("the origin answers {status}"))),
        }
    }
}

fn unfit(why: String) -> OriginError {
    OriginError::Unavailable(why.into())
}

#[async_trait]
impl Origin for Upstream {
    async fn open(&self, key: &str) -> Result<Opened, OriginError> {
        let answer = self.ask(self.http.head(format!("{}/{key}", self.base)), StatusCode::OK).await?;
        let text = |name| answer.headers().get(name).and_then(|value| value.to_str().ok());
        let size = text(CONTENT_LENGTH).and_then(|length| length.parse().ok());
        let size = size.ok_or_else(|| unfit("the origin does not say how long it is".to_owned()))?;
        let content_type = text(CONTENT_TYPE).unwrap_or("application/octet-stream").to_owned();
        // Always before a cache, which reads by ranges.
        Ok(Opened::new(size, content_type, |_| Box::pin(futures_util::stream::empty())))
    }

    async fn read(&self, key: &str, range: Range<u64>) -> Result<ByteStream, OriginError> {
        let asked = format!("bytes={}-{}", range.start, range.end - 1);
        let request = self.http.get(format!("{}/{key}", self.base)).header(RANGE, asked);
        let answer = self.ask(request, StatusCode::PARTIAL_CONTENT).await?;
        let given = answer.headers().get(CONTENT_RANGE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        if !given.starts_with(&format!("bytes {}-{}/", range.start, range.end - 1)) {
            return Err(unfit("the origin gives another range than it was asked for".to_owned()));
        }
        Ok(Box::pin(answer.bytes_stream().map_err(|error| error.without_url().into())))
    }
}
