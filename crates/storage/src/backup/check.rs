//! What a backup can be relied on for, found out by trying; and what `picup doctor` asks it.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use object_store::{ObjectStore, ObjectStoreExt, PutMode, PutOptions, PutPayload};
use picup_domain::{Clock, SystemClock, UploadId};

use super::Backup;
use super::read::is_not_there;
use crate::Error;
use crate::check::Check;

/// What is written to find out.
const FIRST: &[u8] = b"PicUp looks what this place can do.\n";
const OTHER: &[u8] = b"PicUp looks whether this replaces it.\n";

/// What was found out about a backup.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
pub struct Abilities {
    /// What was written is read back by the reader.
    pub reads: bool,
    /// Whoever writes can put other bytes in a copy's place.
    pub writer_overwrites: bool,
    /// Whoever writes can remove copies.
    pub writer_removes: bool,
    /// What is overwritten or removed stays as a version.
    pub versions: bool,
    /// Strangers can read.
    pub open_to_strangers: bool,
}

impl Backup {
    /// Tries what the place can do, with a small thing below `check/` that is removed again as far as anybody may.
    ///
    /// # Errors
    /// When nothing can be written there at all, or nobody answers a stranger.
    pub async fn abilities(&self) -> Result<Abilities, Error> {
        self.require_there()?;
        let name = format!("check/{}", UploadId::new(SystemClock.now()));
        let at = self.0.place.path(&name);
        let put = |mode, content: &'static [u8]| {
            let options = PutOptions { mode, ..PutOptions::default() };
            let at = at.clone();
            async move { self.0.writer.put_opts(&at, PutPayload::from_static(content), options).await }
        };
        let first = put(PutMode::Create, FIRST).await;
        let versions = first.map_err(|error| Error::remote("write to a backup", error))?.version.is_some();
        let reads = self.content(&name).await.is_ok_and(|content| content.as_deref() == Some(FIRST));
        let open_to_strangers = self.is_open(&name).await;
        // Whatever the service answers, what stands there afterwards decides.
        let _ = put(PutMode::Overwrite, OTHER).await;
        let writer_overwrites = self.content(&name).await.is_ok_and(|content| content.as_deref() == Some(OTHER));
        let _ = self.0.writer.delete(&at).await;
        let writer_removes = reads && self.content(&name).await.is_ok_and(|content| content.is_none());
        if !writer_removes {
            let _ = self.remove(&name).await;
        }
        Ok(Abilities { reads, writer_overwrites, writer_removes, versions, open_to_strangers: open_to_strangers? })
    }

    /// Asks everything: `there`, `private`, and of a bucket `rights`. What is written is removed as far as anybody may.
    pub async fn check(&self) -> Vec<Check> {
        if let Err(error) = self.require_there() {
            let remedy = "mount its disk; a new destination is marked when PicUp starts with it";
            return vec![Check { name: "there", ok: false, advice: format!("{error}; {remedy}") }];
        }
        match self.abilities().await {
            Ok(found) => self.judged(found),
            Err(error) => {
                let advice = format!("cannot find out what {} can do: {}", self.place(), told_whole(&error));
                vec![Check { name: "there", ok: false, advice }]
            }
        }
    }

    fn judged(&self, found: Abilities) -> Vec<Check> {
        let place = self.place();
        let check = |name, ok, good: String, bad: String| Check { name, ok, advice: if ok { good } else { bad } };
        let mut checks = vec![
            check(
                "there",
                found.reads,
                format!("{place} can be written and read back"),
                format!("what is written in {place} cannot be read back: see that the reader's key may read there"),
            ),
            check(
                "private",
                !found.open_to_strangers,
                format!("{place} is closed to strangers"),
                format!("anybody can read in {place}: take public access away, of a folder with chmod 0700"),
            ),
        ];
        if self.0.place.origin.is_some() {
            let can = match (found.writer_overwrites, found.writer_removes) {
                (true, true) => "overwrite and remove",
                (true, false) => "overwrite",
                (_, removes) => {
                    if removes {
                        "remove"
                    } else {
                        "do no more than add"
                    }
                }
            };
            let kept = if found.versions { "; the bucket keeps versions of what it does" } else { "" };
            let remedy =
                "give access_key_file a key that may only add (see docs/operations/backup.md), or switch versions on";
            checks.push(check(
                "rights",
                found.versions || !(found.writer_overwrites || found.writer_removes),
                format!("the key that writes in {place} can {can}{kept}"),
                format!("the key that writes in {place}, which is on this machine, can {can} copies: {remedy}"),
            ));
        }
        checks
    }

    /// What the reader finds; `None` when it finds that nothing is there.
    async fn content(&self, name: &str) -> Result<Option<Vec<u8>>, Error> {
        let read = async { self.0.reader.get(&self.0.place.path(name)).await?.bytes().await };
        match read.await {
            Ok(content) => Ok(Some(content.to_vec())),
            Err(error) if is_not_there(&error) => Ok(None),
            Err(error) => Err(Error::remote("read a backup", error)),
        }
    }

    async fn is_open(&self, name: &str) -> Result<bool, Error> {
        let Some(origin) = &self.0.place.origin else { return Ok(self.0.place.folder.as_deref().is_some_and(is_open)) };
        let unsaid = |error: reqwest::Error| Error::remote("ask a backup as a stranger", error.without_url());
        let client = reqwest::Client::builder().timeout(crate::s3::SMALL).build().map_err(unsaid)?;
        for address in [format!("{origin}{}", self.0.place.path(name)), format!("{origin}?list-type=2&max-keys=1")] {
            if client.get(address).send().await.map_err(unsaid)?.status().is_success() {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

/// Whether every user may look into a folder.
fn is_open(folder: &Path) -> bool {
    std::fs::metadata(folder).is_ok_and(|found| found.permissions().mode() & 0o007 != 0)
}

/// An error with its causes.
fn told_whole(error: &Error) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(at) = cause {
        text = format!("{text}: {at}");
        cause = at.source();
    }
    text
}
