//! What a process prints, kept line by line and waited for.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};
use tokio::sync::watch;

use crate::Error;

/// Everything a process has printed so far, on both of its outputs, in the order it came.
#[derive(Clone, Debug)]
pub struct Output {
    lines: Arc<Mutex<Vec<String>>>,
    count: watch::Sender<usize>,
}

impl Output {
    pub(crate) fn new() -> Self {
        Self { lines: Arc::default(), count: watch::Sender::new(0) }
    }

    /// Reads a pipe to its end in the background.
    pub(crate) fn collect(&self, pipe: impl AsyncRead + Send + Unpin + 'static) -> tokio::task::JoinHandle<()> {
        let this = self.clone();
        tokio::spawn(async move {
            let mut reader = BufReader::new(pipe);
            let mut line = Vec::new();
            while reader.read_until(b'\n', &mut line).await.is_ok_and(|read| read > 0) {
                this.push(String::from_utf8_lossy(&line).trim_end().to_owned());
                line.clear();
            }
        })
    }

    fn push(&self, line: String) {
        let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        lines.push(line);
        self.count.send_replace(lines.len());
    }

    /// All of it.
    #[must_use]
    pub fn text(&self) -> String {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner).join("\n")
    }

    /// The first line, past or to come, of which `wanted` makes something.
    ///
    /// # Errors
    /// [`Error::TooLate`] after 30 s.
    pub async fn wait_for<T>(&self, what: &str, wanted: impl Fn(&str) -> Option<T>) -> Result<T, Error> {
        const SECONDS: u64 = 30;
        let mut count = self.count.subscribe();
        let search = async {
            let mut seen = 0;
            loop {
                let new = self.lines.lock().unwrap_or_else(PoisonError::into_inner)[seen..].to_vec();
                if let Some(found) = new.iter().find_map(|line| wanted(line)) {
                    return found;
                }
                seen += new.len();
                if count.wait_for(|lines| *lines > seen).await.is_err() {
                    std::future::pending::<()>().await;
                }
            }
        };
        let found = tokio::time::timeout(Duration::from_secs(SECONDS), search).await;
        found.map_err(|_| Error::TooLate { what: what.to_owned(), seconds: SECONDS, output: self.text() })
    }
}
