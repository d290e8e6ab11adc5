//! Media, as they are fetched: by cookies from PicUp, or from the bucket to which PicUp sends whoever has the right.

use reqwest::header::{COOKIE, LOCATION, RANGE};
use reqwest::{RequestBuilder, Response, StatusCode, Url};

use super::Api;
use crate::client::call::{ApiError, Failure, plain, refusal, unreachable_by};

impl Api {
    /// Asks once for the medium at `path`, from its byte `from` on; its bytes are in the answer's body.
    ///
    /// # Errors
    /// When it is not given.
    pub(crate) async fn medium(&self, path: &str, cookies: &str, from: u64) -> Result<Response, Failure> {
        let url = self.base.join(path).map_err(|error| lasting(error.to_string()))?;
        // The cookies open the whole library: they go to this server alone.
        if url.origin() != self.base.origin() || !url.path().starts_with("/media/") {
            return Err(lasting(plain(&format!("a medium at {path}"))));
        }
        let answer = send(self.http.get(url).header(COOKIE, cookies), from).await?;
        if answer.status() != StatusCode::TEMPORARY_REDIRECT {
            return given(answer, from).await;
        }
        // That address carries its own right. It is said nowhere.
        let elsewhere = self.elsewhere(&answer).ok_or_else(|| lasting("it points nowhere".to_owned()))?;
        let answer = send(self.http.get(elsewhere), from).await?;
        if answer.status().is_redirection() {
            return Err(lasting("it points on and on".to_owned()));
        }
        given(answer, from).await
    }

    /// Where an answer points to; not from an encrypted connection to one that is not.
    fn elsewhere(&self, answer: &Response) -> Option<Url> {
        let url = Url::parse(answer.headers().get(LOCATION)?.to_str().ok()?).ok()?;
        (url.scheme() == "https" || url.scheme() == self.base.scheme()).then_some(url)
    }
}

async fn send(request: RequestBuilder, from: u64) -> Result<Response, Failure> {
    let request = if from > 0 { request.header(RANGE, format!("bytes={from}-")) } else { request };
    request.send().await.map_err(|error| Failure::Passing(unreachable_by(&error.without_url()), None))
}

/// An answer that has what was asked for.
async fn given(answer: Response, from: u64) -> Result<Response, Failure> {
    let wanted = if from > 0 { StatusCode::PARTIAL_CONTENT } else { StatusCode::OK };
    match answer.status() {
        status if status == wanted => Ok(answer),
        status if status.is_success() => Err(lasting(format!("{status} for a medium from byte {from}"))),
        _ => Err(refusal(answer).await),
    }
}

fn lasting(text: String) -> Failure {
    Failure::Lasting(ApiError::Garbled(text))
}
