//! Fetches an original: streamed to a file, hashed on the way, gone on with where a connection broke.
//!
//! Media are opened by cookies that hold an hour; they are asked for anew when the server does not take them any more.

use std::sync::Arc;
use std::time::Duration;

use picup_domain::Sha256;
use reqwest::Response;
use sha2::Digest;
use tokio::fs::File;
use tokio::io::{AsyncSeekExt, AsyncWriteExt};
use tokio::sync::Mutex;

use super::super::api::Api;
use super::super::call::{ApiError, Failure, unreachable_by};
use super::super::progress::FileProgress;
use super::photo::Content;

/// A connection on which nothing has moved for so long is given up.
const STALL: Duration = Duration::from_secs(60);

/// Why a content was not fetched.
#[derive(Debug, thiserror::Error)]
pub(super) enum FetchError {
    /// The server's side.
    #[error("{0}")]
    Api(#[from] ApiError),
    /// The folder's side.
    #[error("cannot be written: {0}")]
    Write(#[from] std::io::Error),
    /// Twice.
    #[error("what the server sends is not what it says it has: the hash differs")]
    Wrong,
}

/// The cookies in use; the generation tells whether somebody else has renewed them meanwhile.
#[derive(Default)]
struct Held {
    generation: u64,
    cookies: Option<String>,
}

/// Fetches originals of one account.
pub(super) struct Fetcher {
    api: Arc<Api>,
    held: Mutex<Held>,
}

/// How far one content has come.
struct Fetched {
    hasher: sha2::Sha256,
    bytes: u64,
}

impl Fetcher {
    /// One that has not begun.
    pub(super) fn new(api: Arc<Api>) -> Self {
        Self { api, held: Mutex::default() }
    }

    /// Writes a content into an empty file, and makes sure that it is that content.
    pub(super) async fn fetch(
        &self,
        content: &Content,
        file: &mut File,
        progress: &FileProgress,
    ) -> Result<(), FetchError> {
        for last in [false, true] {
            let fetched = self.all(content, file, progress).await?;
            if fetched.bytes == content.bytes && Sha256::from_hasher(fetched.hasher) == content.sha256 {
                return Ok(());
            }
            progress.take_back(fetched.bytes);
            if !last {
                file.set_len(0).await?;
                file.rewind().await?;
            }
        }
        Err(FetchError::Wrong)
    }

    async fn all(&self, content: &Content, file: &mut File, progress: &FileProgress) -> Result<Fetched, FetchError> {
        let mut fetched = Fetched { hasher: sha2::Sha256::new(), bytes: 0 };
        let (mut failed, mut renewed) = (0, false);
        while fetched.bytes < content.bytes {
            let before = fetched.bytes;
            let (generation, cookies) = self.cookies(None).await?;
            let trouble = match self.api.medium(&content.original, &cookies, before).await {
                Ok(answer) => self.some(answer, content.bytes, &mut fetched, file, progress).await?,
                Err(failure) => Some(failure),
            };
            if fetched.bytes > before {
                (failed, renewed) = (0, false);
            }
            match trouble {
                None => {}
                Some(Failure::Lasting(error)) if error.status() == 403 && !renewed => {
                    renewed = true;
                    self.cookies(Some(generation)).await?;
                }
                Some(Failure::Lasting(error)) => return Err(error.into()),
                Some(Failure::Passing(error, told)) => {
                    failed += 1;
                    if !self.api.wait(failed, told).await {
                        return Err(error.into());
                    }
                }
            }
        }
        file.flush().await?;
        Ok(fetched)
    }

    /// Takes what one answer gives, up to one byte more than there should be; gives what cut it short.
    async fn some(
        &self,
        mut answer: Response,
        wanted: u64,
        fetched: &mut Fetched,
        file: &mut File,
        progress: &FileProgress,
    ) -> Result<Option<Failure>, FetchError> {
        let passing = |text: &str| Some(Failure::Passing(ApiError::Unreachable(text.to_owned()), None));
        while fetched.bytes <= wanted {
            match tokio::time::timeout(STALL, answer.chunk()).await {
                Err(_) => return Ok(passing("the connection stands still")),
                Ok(Err(error)) => return Ok(Some(Failure::Passing(unreachable_by(&error), None))),
                Ok(Ok(None)) if fetched.bytes < wanted => return Ok(passing("the connection ended too early")),
                Ok(Ok(None)) => return Ok(None),
                Ok(Ok(Some(chunk))) => {
                    fetched.hasher.update(&chunk);
                    file.write_all(&chunk).await?;
                    fetched.bytes += chunk.len() as u64;
                    progress.add(chunk.len() as u64);
                }
            }
        }
        Ok(None)
    }

    /// The cookies to use, and their generation; new ones when those of the generation `refused` are still in use.
    async fn cookies(&self, refused: Option<u64>) -> Result<(u64, String), ApiError> {
        let mut held = self.held.lock().await;
        if let Some(cookies) = held.cookies.clone().filter(|_| refused != Some(held.generation)) {
            return Ok((held.generation, cookies));
        }
        let cookies = self.api.media_cookies().await?;
        held.generation += 1;
        held.cookies = Some(cookies.clone());
        Ok((held.generation, cookies))
    }
}
