//! The browser UI, built from `web/` and embedded in the binary. Without it PicUp serves the API and says so.

use std::borrow::Cow;

use anyhow::Context;
use bytes::Bytes;
use picup_gateway::{StaticFile, StaticFiles};
use picup_storage::Storage;
use rust_embed::RustEmbed;

/// What `npm run build` leaves in `web/dist`. A debug build reads the folder at start, a release build carries it.
#[derive(RustEmbed)]
#[folder = "../../web/dist"]
#[allow_missing = true]
struct Dist;

/// How files are compressed beforehand, and how those end.
const ENCODINGS: [(&str, &str); 3] = [("br", ".br"), ("zstd", ".zst"), ("gzip", ".gz")];

const NOT_BUILT: &str = "<!doctype html><meta charset=utf-8><title>PicUp</title>\
    <p>This PicUp was built without its web page. Build it (cd web; npm ci; npm run build), then build PicUp again. \
    The API and the command line work all the same.";

/// The files of the UI; its page may send parts to the store if they may go straight there, and show photos and videos from
/// `shown_from`, where they may be read.
pub(crate) fn files_beside(storage: &Storage, shown_from: Option<&str>) -> anyhow::Result<StaticFiles> {
    let mut files = files()?;
    if let Some(origin) = storage.parts_origin() {
        files = files.sending_to(&origin)?;
    }
    if let Some(origin) = shown_from {
        files = files.showing_from(origin)?;
    }
    Ok(files)
}

/// The files of the UI.
pub(crate) fn files() -> anyhow::Result<StaticFiles> {
    let mut files = Vec::new();
    let is_compressed = |name: &str| ENCODINGS.iter().any(|(_, ending)| name.ends_with(ending));
    for name in Dist::iter().filter(|name| !is_compressed(name)) {
        let encoded = ENCODINGS.iter().filter_map(|(encoding, ending)| {
            let file = Dist::get(&format!("{name}{ending}"))?;
            Some((*encoding, owned(file.data)))
        });
        let file = Dist::get(&name).with_context(|| format!("reading {name} of the UI"))?;
        files.push(StaticFile {
            path: format!("/{name}"),
            content_type: content_type(&name).parse().context("naming a file's type")?,
            bytes: owned(file.data),
            encoded: encoded.collect(),
        });
    }
    if files.is_empty() {
        tracing::warn!("built without the web page; the API works all the same");
        files.push(StaticFile {
            path: "/index.html".to_owned(),
            content_type: content_type("index.html").parse().context("naming a file's type")?,
            bytes: Bytes::from_static(NOT_BUILT.as_bytes()),
            encoded: Vec::new(),
        });
    }
    Ok(files.into_iter().collect())
}

fn owned(data: Cow<'static, [u8]>) -> Bytes {
    match data {
        Cow::Borrowed(bytes) => Bytes::from_static(bytes),
        Cow::Owned(bytes) => bytes.into(),
    }
}

/// The few types a built UI has.
fn content_type(name: &str) -> &'static str {
    match name.rsplit('.').next().unwrap_or_default() {
        "html" => "text/html; charset=utf-8",
        "js" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "json" => "application/json",
        "webmanifest" => "application/manifest+json",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "ico" => "image/x-icon",
        "wasm" => "application/wasm",
        "txt" => "text/plain; charset=utf-8",
        "woff2" => "font/woff2",
        _ => "application/octet-stream",
    }
}
