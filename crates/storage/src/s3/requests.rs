//! What the S3 library has no word for, or is stricter about than some services are: the list of parts, and reading ranges.
//! Signed by the library, asked here.

use std::collections::BTreeMap;
use std::ops::Range;
use std::time::Duration;

use bytes::Bytes;
use futures_util::TryStreamExt;
use object_store::path::Path;
use object_store::signer::{Method, SignedUrlOptions, Signer};
use reqwest::{Response, StatusCode, header};

use super::S3;
use super::listed::{Listed, Page};
use crate::Error;

/// Pages of a list that are asked for at most: a service's page has a thousand parts, an upload ten thousand.
const MOST_PAGES: usize = 100;
/// The longest list that is read, in bytes: a thousand parts take 300 kB.
const LONGEST_PAGE: u64 = 4 << 20;
/// How long to wait before a request is tried again, each time.
const WAITS: [Duration; 3] = [Duration::from_millis(100), Duration::from_millis(400), Duration::from_millis(1600)];

/// How long PicUp's own signed addresses are good for: as long as services let clocks differ.
const OWN_LIFE: Duration = Duration::from_secs(900);

/// One GET.
struct Ask<'a> {
    doing: &'static str,
    at: &'a Path,
    query: Vec<(&'a str, &'a str)>,
    range: Option<Range<u64>>,
    /// More bytes than this are not read.
    most: u64,
}

impl S3 {
    /// The parts that have arrived, by number; `None` when the service knows no such upload.
    pub(super) async fn parts_listed(
        &self,
        at: &Path,
        multipart: &str,
    ) -> Result<Option<BTreeMap<u32, Listed>>, Error> {
        let doing = "list the parts of an upload";
        let (mut all, mut marker) = (BTreeMap::new(), None::<String>);
        for _ in 0..MOST_PAGES {
            let mut query = vec![("uploadId", multipart)];
            query.extend(marker.as_deref().map(|marker| ("part-number-marker", marker)));
            let ask = Ask { doing, at, query, range: None, most: LONGEST_PAGE };
            let Some(answer) = self.ask(&ask).await? else { return Ok(None) };
            let page = Page::parse(&answer).ok_or_else(|| Error::remote(doing, "the answer is no list of parts"))?;
            all.extend(page.parts);
            match page.next {
                Some(next) if Some(&next) != marker.as_ref() => marker = Some(next),
                _ => return Ok(Some(all)),
            }
        }
        Err(Error::remote(doing, "the list has no end"))
    }

    /// A range of what stands at `at`, or all of it, `most` bytes at most; `None` when nothing stands there.
    pub(super) async fn fetch(&self, at: &Path, range: Option<Range<u64>>, most: u64) -> Result<Option<Bytes>, Error> {
        self.ask(&Ask { doing: "read an object", at, query: Vec::new(), range, most }).await
    }

    /// Asks until it is answered, a few times; `None` when there is no such thing.
    async fn ask(&self, ask: &Ask<'_>) -> Result<Option<Bytes>, Error> {
        let mut waits = WAITS.iter();
        loop {
            let error = match self.ask_once(ask).await {
                Err(Failed { error, again: true }) => error,
                Err(Failed { error, again: false }) => return Err(error),
                Ok(answer) => return Ok(answer),
            };
            let Some(wait) = waits.next() else { return Err(error) };
            tracing::debug!(%error, "the store is asked once more");
            tokio::time::sleep(*wait).await;
        }
    }

    async fn ask_once(&self, ask: &Ask<'_>) -> Result<Option<Bytes>, Failed> {
        let options = SignedUrlOptions::new().with_query(ask.query.iter().copied());
        let url = self.store.signed_url_opts(Method::GET, ask.at, OWN_LIFE, &options).await;
        let mut request = self.http.get(url.map_err(|error| Failed::at(ask, error))?);
        if let Some(range) = &ask.range {
            request = request.header(header::RANGE, format!("bytes={}-{}", range.start, range.end - 1));
        }
        // Errors are told without the address: it is signed.
        let answer = request.send().await.map_err(|error| Failed::at(ask, error.without_url()))?;
        match answer.status() {
            StatusCode::NOT_FOUND => missing(ask, answer).await.map(|()| None),
            StatusCode::OK | StatusCode::PARTIAL_CONTENT => body(ask, answer).await.map(Some),
            status => {
                let again = status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS;
                let error = Error::remote(ask.doing, format!("the store answered {status}"));
                Err(Failed { error, again })
            }
        }
    }
}

/// Fine if it is the object or the upload that is not there; a bucket that is gone, or another's answer, is a failure.
async fn missing(ask: &Ask<'_>, answer: Response) -> Result<(), Failed> {
    let said = answer.text().await.map_err(|error| Failed::at(ask, error.without_url()))?;
    if ["<Code>NoSuchKey</Code>", "<Code>NoSuchUpload</Code>"].iter().any(|code| said.contains(code)) {
        return Ok(());
    }
    Err(Failed {
        again: false,
        ..Failed::at(ask, "the store answered 404, and not that it is the object that is missing")
    })
}

/// What was asked for of an answer. Some services answer a range with 200 and the range, some with 200 and everything.
async fn body(ask: &Ask<'_>, answer: Response) -> Result<Bytes, Failed> {
    let whole = !answer.headers().contains_key(header::CONTENT_RANGE);
    let mut skip = ask.range.as_ref().filter(|_| whole).map_or(0, |range| range.start);
    let most = ask.range.as_ref().map_or(ask.most, |range| range.end - range.start);
    let mut body = Vec::new();
    let mut pieces = answer.bytes_stream();
    while let Some(mut piece) = pieces.try_next().await.map_err(|error| Failed::at(ask, error.without_url()))? {
        let passed = piece.len().min(usize::try_from(skip).unwrap_or(usize::MAX));
        let _ = piece.split_to(passed);
        skip -= passed as u64;
        body.extend_from_slice(&piece);
        if body.len() as u64 > most {
            if whole && ask.range.is_some() {
                body.truncate(usize::try_from(most).unwrap_or(usize::MAX));
                break;
            }
            return Err(Failed::at(ask, "the answer is longer than it can be"));
        }
    }
    Ok(body.into())
}

/// Why a request failed, and whether it may be tried again.
struct Failed {
    error: Error,
    again: bool,
}

impl Failed {
    fn at(ask: &Ask<'_>, source: impl Into<crate::BoxError>) -> Self {
        Self { error: Error::remote(ask.doing, source), again: true }
    }
}
