//! Takes a `multipart/form-data` body (RFC 7578) apart as it comes.
//!
//! It is our own because a part may be a video of many gigabytes: the crate that axum uses reads whatever the network gives into
//! its buffer before it hands on a byte, and does not bound what comes before a part's first. Here nothing is read before the
//! caller asks, and everything but a part's bytes is bounded.

use std::io;

use axum::http::HeaderMap;
use axum::http::header::CONTENT_TYPE;
use bytes::{Bytes, BytesMut};
use futures_util::{Stream, StreamExt};
use memchr::memmem::Finder;

/// All that stands between two parts, in bytes: the headers of the next one above all.
const LARGEST_HEAD: usize = 16 << 10;
/// What may stand before the first part, and in a part that nobody asks for.
const MOST_SKIPPED: usize = 1 << 20;
/// The longest boundary there may be (RFC 2046).
const LONGEST_BOUNDARY: usize = 70;

/// Why a body cannot be taken apart.
#[derive(Debug, thiserror::Error)]
pub(super) enum Broken {
    /// It is of another type, or says no boundary.
    #[error("send the body as multipart/form-data with a boundary")]
    NotMultipart,
    /// It ended before its last boundary.
    #[error("the body ended before its last boundary")]
    Truncated,
    /// It breaks the format.
    #[error("{0}")]
    Malformed(&'static str),
    /// Something in it is too long.
    #[error("{0} is too long")]
    TooLong(&'static str),
    /// The connection failed.
    #[error("the sending broke off: {0}")]
    Sender(#[from] io::Error),
}

/// What a part says of itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Head {
    /// The field's name.
    pub(super) name: String,
    /// The name of the file that it was.
    pub(super) file_name: Option<String>,
}

/// A body on its way in.
pub(super) struct Multipart<S> {
    body: S,
    buffer: BytesMut,
    /// What ends a part: a line break, two hyphens and the boundary.
    delimiter: Finder<'static>,
    place: Place,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// In a part, or before the first.
    Part,
    /// Right behind a delimiter.
    Delimiter,
    /// Behind the last part.
    End,
}

impl<S: Stream<Item = io::Result<Bytes>> + Unpin> Multipart<S> {
    pub(super) fn new(headers: &HeaderMap, body: S) -> Result<Self, Broken> {
        let boundary = boundary(headers).ok_or(Broken::NotMultipart)?;
        // The line break that the first delimiter may do without.
        let buffer = BytesMut::from(&b"\r\n"[..]);
        let delimiter = Finder::new(&format!("\r\n--{boundary}")).into_owned();
        Ok(Self { body, buffer, delimiter, place: Place::Part })
    }

    /// The head of the next part; what is left of the one before is skipped. `None` behind the last.
    pub(super) async fn next(&mut self) -> Result<Option<Head>, Broken> {
        let mut skipped = 0;
        while let Some(bytes) = self.chunk().await? {
            skipped += bytes.len();
            if skipped > MOST_SKIPPED {
                return Err(Broken::TooLong("a part that is not used"));
            }
        }
        if self.place == Place::End {
            return Ok(None);
        }
        while self.buffer.len() < 2 {
            self.fill().await?;
        }
        if self.buffer.starts_with(b"--") {
            self.place = Place::End;
            return Ok(None);
        }
        let head = self.head().await?;
        self.place = Place::Part;
        Ok(Some(head))
    }

    /// The next bytes of the part; `None` at its end.
    pub(super) async fn chunk(&mut self) -> Result<Option<Bytes>, Broken> {
        if self.place != Place::Part {
            return Ok(None);
        }
        let length = self.delimiter.needle().len();
        loop {
            match self.delimiter.find(&self.buffer) {
                Some(0) => {
                    let _ = self.buffer.split_to(length);
                    self.place = Place::Delimiter;
                    return Ok(None);
                }
                Some(at) => return Ok(Some(self.buffer.split_to(at).freeze())),
                // The end of the buffer may be the beginning of the delimiter.
                None if self.buffer.len() >= length => {
                    let sure = self.buffer.len() + 1 - length;
                    return Ok(Some(self.buffer.split_to(sure).freeze()));
                }
                None => self.fill().await?,
            }
        }
    }

    /// All of the part as text of at most `most` bytes.
    pub(super) async fn text(&mut self, most: usize) -> Result<String, Broken> {
        let mut text = Vec::new();
        while let Some(bytes) = self.chunk().await? {
            if text.len() + bytes.len() > most {
                return Err(Broken::TooLong("a field"));
            }
            text.extend_from_slice(&bytes);
        }
        String::from_utf8(text).map_err(|_| Broken::Malformed("write the fields in UTF-8"))
    }

    /// Reads on, so that a client that is still sending comes to hear the answer; at most `most` bytes.
    pub(super) async fn drain(&mut self, most: usize) {
        let mut drained = 0;
        while drained < most
            && let Some(Ok(bytes)) = self.body.next().await
        {
            drained += bytes.len();
        }
    }

    async fn fill(&mut self) -> Result<(), Broken> {
        let bytes = self.body.next().await.ok_or(Broken::Truncated)??;
        self.buffer.extend_from_slice(&bytes);
        Ok(())
    }

    /// The rest of the delimiter's line, which may be spaces, and the headers behind it up to the empty line.
    async fn head(&mut self) -> Result<Head, Broken> {
        let mut left = LARGEST_HEAD;
        if !self.line(&mut left).await?.iter().all(|byte| matches!(byte, b' ' | b'\t')) {
            return Err(Broken::Malformed("a boundary stands alone on its line"));
        }
        let mut head = None;
        loop {
            let line = self.line(&mut left).await?;
            if line.is_empty() {
                return head.ok_or(Broken::Malformed("each part needs a content-disposition with a name"));
            }
            let line = String::from_utf8_lossy(&line);
            if let Some((name, value)) = line.split_once(':')
                && name.trim().eq_ignore_ascii_case("content-disposition")
            {
                head = disposition(value);
            }
        }
    }

    /// A line without its end.
    async fn line(&mut self, left: &mut usize) -> Result<Bytes, Broken> {
        loop {
            if let Some(at) = memchr::memmem::find(&self.buffer, b"\r\n") {
                *left = left.checked_sub(at + 2).ok_or(Broken::TooLong("the head of a part"))?;
                let line = self.buffer.split_to(at).freeze();
                let _ = self.buffer.split_to(2);
                return Ok(line);
            }
            if self.buffer.len() > *left {
                return Err(Broken::TooLong("the head of a part"));
            }
            self.fill().await?;
        }
    }
}

fn boundary(headers: &HeaderMap) -> Option<String> {
    let text = headers.get(CONTENT_TYPE)?.to_str().ok()?;
    let (media_type, rest) = text.split_once(';')?;
    if !media_type.trim().eq_ignore_ascii_case("multipart/form-data") {
        return None;
    }
    let boundary = parameters(rest).into_iter().find(|(name, _)| name == "boundary")?.1;
    let fits = (1..=LONGEST_BOUNDARY).contains(&boundary.len()) && !boundary.contains(|c: char| c.is_control());
    fits.then_some(boundary)
}

/// `form-data; name="assetData"; filename="IMG_1.jpg"`
fn disposition(value: &str) -> Option<Head> {
    let (kind, rest) = value.split_once(';')?;
    if !kind.trim().eq_ignore_ascii_case("form-data") {
        return None;
    }
    let (mut name, mut file_name) = (None, None);
    for (parameter, value) in parameters(rest) {
        match parameter.as_str() {
            "name" => name = Some(value),
            "filename" => file_name = Some(value),
            _ => {}
        }
    }
    Some(Head { name: name?, file_name })
}

/// `a=b; c="d"`, with names in lower case. In quotes, browsers and Node write a quote as `%22` and leave a backslash alone; Go
/// writes both with a backslash before.
fn parameters(text: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some((name, behind)) = rest.split_once('=') {
        let name = name.trim_matches([' ', '\t', ';']).to_ascii_lowercase();
        let behind = behind.trim_start();
        let (value, next) = match behind.strip_prefix('"') {
            Some(quoted) => unquoted(quoted),
            None => {
                let (value, next) = behind.split_once(';').unwrap_or((behind, ""));
                (value.trim().to_owned(), next)
            }
        };
        found.push((name, value));
        rest = next;
    }
    found
}

/// What stands up to the closing quote, and what stands behind it.
fn unquoted(text: &str) -> (String, &str) {
    let mut value = String::new();
    let mut characters = text.char_indices().peekable();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return (browsers(&value), &text[at + 1..]),
            '\\' => match characters.next_if(|(_, next)| matches!(next, '"' | '\\')) {
                Some((_, escaped)) => value.push(escaped),
                None => value.push('\\'),
            },
            _ => value.push(character),
        }
    }
    (browsers(&value), "")
}

/// The three characters that the HTML standard has browsers write otherwise in a name.
fn browsers(value: &str) -> String {
    value.replace("%22", "\"").replace("%0D", "\r").replace("%0A", "\n")
}

#[cfg(test)]
mod tests;
