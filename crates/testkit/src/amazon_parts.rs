//! The parts of an upload that lie on the disk of a test's S3 server, and what Amazon would say of them.

use std::path::{Path, PathBuf};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use hyper::body::Bytes;
use hyper::header::HeaderMap;
use hyper::http::Uri;
use s3s::crypto::{Checksum, Md5};
use sha2::Digest;

/// No part but the last may be smaller, in bytes.
const LEAST: usize = 5 << 20;

/// What stands in the address of a request.
#[derive(Debug)]
pub(crate) struct Address {
    /// The bucket and the key.
    pub(crate) path: String,
    pub(crate) upload: Option<String>,
    pub(crate) part: Option<String>,
    /// The headers that were signed, where the signature is in the address.
    pub(crate) signed: Option<Vec<String>>,
}

impl Address {
    pub(crate) fn of(uri: &Uri) -> Self {
        let query = uri.query().unwrap_or_default();
        let value = |name: &str| {
            let named = |pair: &str| pair.strip_prefix(name)?.strip_prefix('=').map(str::to_owned);
            query.split('&').find_map(named)
        };
        let signed = value("X-Amz-SignedHeaders");
        Self {
            path: uri.path().trim_start_matches('/').to_owned(),
            upload: value("uploadId"),
            part: value("partNumber"),
            signed: signed.map(|signed| signed.replace("%3B", ";").split(';').map(str::to_ascii_lowercase).collect()),
        }
    }

    /// Whether there are headers of S3's own that should have been signed.
    pub(crate) fn has_unsigned(&self, headers: &HeaderMap) -> bool {
        let own = headers.keys().map(|name| name.as_str()).filter(|name| name.starts_with("x-amz-"));
        self.signed.as_ref().is_some_and(|signed| own.into_iter().any(|name| !signed.iter().any(|known| known == name)))
    }

    /// Where the part lies, or would.
    pub(crate) fn file(&self, folder: &Path) -> Option<PathBuf> {
        part_file(folder, self.upload.as_deref()?, self.part.as_deref()?)
    }
}

fn part_file(folder: &Path, upload: &str, number: &str) -> Option<PathBuf> {
    let plain = |text: &str| text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    (plain(upload) && plain(number)).then(|| folder.join(format!(".upload_id-{upload}.part-{number}")))
}

fn tag(bytes: &[u8]) -> String {
    let mut md5 = Md5::new();
    md5.update(bytes);
    md5.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

fn sha256(bytes: &[u8]) -> String {
    BASE64_STANDARD.encode(sha2::Sha256::digest(bytes))
}

/// A list of parts, with the tag and the checksum of each.
pub(crate) fn amended(folder: &Path, address: &Address, list: &str) -> String {
    let mut pieces = list.split("<PartNumber>");
    let mut amended = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let number = piece.split('<').next().unwrap_or_default();
        let upload = address.upload.as_deref().unwrap_or_default();
        let file = part_file(folder, upload, number).and_then(|file| std::fs::read(file).ok());
        if let Some(bytes) = file {
            let (tag, sha256) = (tag(&bytes), sha256(&bytes));
            amended += &format!("<ETag>&quot;{tag}&quot;</ETag><ChecksumSHA256>{sha256}</ChecksumSHA256>");
        }
        amended = amended + "<PartNumber>" + piece;
    }
    amended
}

/// What is said to whoever asks for parts to be put together that are not there as they are named; nothing if they are.
pub(crate) fn named_wrongly(folder: &Path, address: &Address, body: &Bytes) -> Option<&'static str> {
    let upload = address.upload.as_deref()?;
    let body = String::from_utf8_lossy(body);
    let named: Vec<&str> = body.split("<Part>").skip(1).collect();
    for (index, part) in named.iter().enumerate() {
        let number = element(part, "PartNumber").unwrap_or_default();
        let file = part_file(folder, upload, number).and_then(|file| std::fs::read(file).ok());
        let Some(bytes) = file else { return Some("InvalidPart") };
        let tag_named = element(part, "ETag").unwrap_or_default().replace("&quot;", "").replace('"', "");
        if tag_named != tag(&bytes) || element(part, "ChecksumSHA256").is_some_and(|named| named != sha256(&bytes)) {
            return Some("InvalidPart");
        }
        if bytes.len() < LEAST && index + 1 < named.len() {
            return Some("EntityTooSmall");
        }
    }
    None
}

fn element<'a>(xml: &'a str, name: &str) -> Option<&'a str> {
    xml.split_once(&format!("<{name}>"))?.1.split('<').next()
}
