//! A folder as a backup's place: what is no plain file there is nobody's copy, and no link is followed.

use std::ffi::OsStr;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use futures_util::stream::{self, BoxStream};
use futures_util::{StreamExt, TryStreamExt};

use super::read::Listing;
use crate::Error;
use crate::blocking::Blocking;

/// How many names are read in one go.
const PAGE: usize = 1_000;

/// Whether what stands under a name is a plain file, reached by no link; `true` also where nothing stands.
pub(super) fn is_plain(folder: &Path, name: &str) -> bool {
    let mut path = folder.to_owned();
    let mut pieces = name.split('/').peekable();
    while let Some(piece) = pieces.next() {
        path.push(piece);
        match std::fs::symlink_metadata(&path) {
            Ok(found) if pieces.peek().is_some() => {
                if !found.is_dir() {
                    return false;
                }
            }
            Ok(found) => return found.is_file(),
            Err(_) => return true,
        }
    }
    true
}

/// Every plain file below a folder of the place, after a name, in the order of names within each folder.
pub(super) fn list(root: PathBuf, below: &str, after: Option<String>) -> BoxStream<'static, Result<Listing, Error>> {
    let walk = walkdir::WalkDir::new(root.join(below)).follow_links(false).sort_by_file_name().into_iter();
    let blocking = Blocking::new(1);
    let pages = stream::try_unfold((walk, root, after), move |(mut walk, root, after)| {
        let blocking = blocking.clone();
        async move {
            let work = move || {
                let mut page = Vec::new();
                while page.len() < PAGE {
                    let Some(entry) = walk.next() else { break };
                    page.extend(listing(entry, &root, after.as_deref()).transpose()?);
                }
                Ok((page, walk, root, after))
            };
            let (page, walk, root, after) = blocking.run(work).await?;
            Ok::<_, Error>((!page.is_empty()).then(|| (stream::iter(page.into_iter().map(Ok)), (walk, root, after))))
        }
    });
    pages.try_flatten().boxed()
}

/// Removes what a killed process has left half written below a folder, and nobody has written to for so long; how many that were.
pub(super) async fn sweep(root: PathBuf, idle: Duration) -> Result<u64, Error> {
    Blocking::new(1)
        .run(move || {
            let mut removed = 0;
            let entries = walkdir::WalkDir::new(root).follow_links(false).into_iter().flatten();
            for entry in entries.filter(|entry| entry.file_type().is_file() && is_half_written(entry.file_name())) {
                let written = entry.metadata().ok().and_then(|metadata| metadata.modified().ok()?.elapsed().ok());
                // One that goes meanwhile is as good as removed.
                if written.is_some_and(|ago| ago > idle) && std::fs::remove_file(entry.path()).is_ok() {
                    removed += 1;
                }
            }
            Ok(removed)
        })
        .await
}

/// The library writes to `NAME#1`, `NAME#2` … and renames.
fn is_half_written(name: &OsStr) -> bool {
    let number = name.to_str().and_then(|name| name.rsplit_once('#')).map(|(_, number)| number);
    number.is_some_and(|number| !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()))
}

/// One entry, if it counts.
fn listing(
    entry: walkdir::Result<walkdir::DirEntry>,
    root: &Path,
    after: Option<&str>,
) -> Option<Result<Listing, Error>> {
    let looked = entry.and_then(|entry| Ok((entry.metadata()?.len(), entry)));
    let (bytes, entry) = match looked {
        Ok(looked) => looked,
        // Removed meanwhile, or there is nothing of that kind yet.
        Err(error) if error.io_error().is_some_and(|error| error.kind() == io::ErrorKind::NotFound) => return None,
        Err(error) => return Some(Err(Error::remote("list a backup", error))),
    };
    if !entry.file_type().is_file() {
        return None;
    }
    let name = entry.path().strip_prefix(root).ok()?.to_str()?.to_owned();
    // With this sign the library marks what is half written.
    let counts = !name.contains('#') && after.is_none_or(|after| name.as_str() > after);
    counts.then_some(Ok(Listing { name, bytes }))
}
