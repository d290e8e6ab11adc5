//! What the S3 library has no word for: the list of parts. Signed by the library, asked here.

use std::collections::BTreeMap;

use object_store::path::Path;
use object_store::signer::{Method, SignedUrlOptions, Signer};
use reqwest::StatusCode;

use super::listed::{Listed, Page};
use super::{S3, SMALL};
use crate::Error;

const DOING: &str = "list the parts of an upload";
/// Pages of a list that are asked for at most: a service's page has a thousand parts, an upload ten thousand.
const MOST_PAGES: usize = 100;
/// How often a page is asked for before the store is taken for away.
const TRIES: u32 = 3;

impl S3 {
    /// The parts that have arrived, by number; `None` when the service knows no such upload.
    pub(super) async fn parts_listed(&self, at: &Path, multipart: &str) -> Result<Option<BTreeMap<u32, Listed>>, Error> {
        let (mut all, mut marker) = (BTreeMap::new(), None);
        for _ in 0..MOST_PAGES {
            let Some(page) = self.page_listed(at, multipart, marker.as_deref()).await? else { return Ok(None) };
            all.extend(page.parts);
            match page.next {
                Some(next) if Some(&next) != marker.as_ref() => marker = Some(next),
                _ => return Ok(Some(all)),
            }
        }
        Err(Error::remote(DOING, "the list has no end"))
    }

    async fn page_listed(&self, at: &Path, multipart: &str, marker: Option<&str>) -> Result<Option<Page>, Error> {
        let mut query = vec![("uploadId", multipart)];
        query.extend(marker.map(|marker| ("part-number-marker", marker)));
        let options = SignedUrlOptions::new().with_query(query);
        let mut tried = 1;
        loop {
            let url = self.store.signed_url_opts(Method::GET, at, SMALL, &options).await;
            let url = url.map_err(|error| Error::remote(DOING, error))?;
            match self.asked(url).await {
                Err(error) if tried < TRIES => {
                    tracing::debug!(%error, "the store is asked once more");
                    tokio::time::sleep(std::time::Duration::from_millis(200 * u64::from(tried))).await;
                    tried += 1;
                }
                answered => return answered,
            }
        }
    }

    async fn asked(&self, url: reqwest::Url) -> Result<Option<Page>, Error> {
        // Without the address: it is signed.
        let failed = |error: reqwest::Error| Error::remote(DOING, error.without_url());
        let answer = self.http.get(url).send().await.map_err(failed)?;
        let status = answer.status();
        let body = answer.bytes().await.map_err(failed)?;
        match status {
            StatusCode::NOT_FOUND => Ok(None),
            StatusCode::OK => {
                Page::parse(&body).map(Some).ok_or_else(|| Error::remote(DOING, "the answer is no list of parts"))
            }
            other => Err(Error::remote(DOING, format!("the store answered {other}"))),
        }
    }
}
