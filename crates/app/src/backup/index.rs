//! The index: what people call what the copies hold, written down beside each catalogue for those who have no PicUp. One line of JSON
//! for each original and film that stands at the destination, encrypted when the copies are.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

use picup_database::{Called, CopyState, ListedCopy};
use picup_domain::{AssetId, CaptureTime, DestinationId, LocalDay, ObjectRole};
use picup_storage::{BackupName, Stamp};
use serde::Serialize;

use super::catalogue::spoiled;
use super::spooled::{Hashing, file_stream};
use super::target::Target;
use crate::{App, Error};

/// How many copies are looked up at once.
const PAGE: u32 = 500;

/// One line.
#[derive(Serialize)]
struct Line<'a> {
    /// What it is called at the destination.
    name: String,
    key: String,
    generation: u32,
    /// The address of its owner.
    account: &'a str,
    file_name: &'a str,
    /// The time on the wall where it was taken, with its offset when that is known: RFC 3339.
    captured: String,
    bytes: u64,
    sha256: String,
    albums: &'a [String],
    /// It lay in the trash.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    trashed: bool,
}

/// Writes the index that belongs to a catalogue. `folder` holds it on the way.
pub(super) async fn write(
    app: &App,
    target: &Target,
    id: DestinationId,
    stamp: Stamp,
    folder: &Path,
) -> Result<(), Error> {
    let name = BackupName::Index { stamp, sealed: target.backup().seals_media() };
    let failed = |error: std::io::Error| spoiled("write the index", &error);
    let file = File::options().read(true).write(true).create_new(true).open(folder.join("index")).map_err(failed)?;
    let mut lines = BufWriter::new(Hashing::new(file));
    let mut after = String::new();
    loop {
        let mut read = app.database().read_fresh().await?;
        let page = read.copy_page(id, &after, PAGE).await?;
        let Some(last) = page.last() else { break };
        after = last.key.to_string();
        let kept: Vec<&ListedCopy> = page.iter().filter(|copy| is_listed(copy)).collect();
        let assets: Vec<AssetId> = kept.iter().map(|copy| copy.key.asset()).collect();
        let called = read.asset_called(&assets).await?;
        drop(read);
        for copy in kept {
            if let Some(line) = called.get(&copy.key.asset()).and_then(|called| line(target, copy, called)) {
                serde_json::to_writer(&mut lines, &line).map_err(|error| failed(error.into()))?;
                lines.write_all(b"\n").map_err(failed)?;
            }
        }
    }
    let hashed = lines.into_inner().map_err(|error| failed(error.into_error()))?;
    let (file, expected) = hashed.done().map_err(failed)?;
    target.backup().keep(&name, async { Ok(file_stream(file)) }, expected, false).await?;
    Ok(())
}

fn is_listed(copy: &ListedCopy) -> bool {
    copy.state == CopyState::Kept && matches!(copy.key.role(), ObjectRole::Original | ObjectRole::Motion)
}

fn line<'a>(target: &Target, copy: &ListedCopy, called: &'a Called) -> Option<Line<'a>> {
    let (file_name, sha256) = match copy.key.role() {
        ObjectRole::Motion => called.motion.as_ref().map(|(name, sha256)| (name, sha256))?,
        _ => (&called.file_name, &called.sha256),
    };
    Some(Line {
        name: target.name_of(&copy.key, copy.generation).to_string(),
        key: copy.key.to_string(),
        generation: copy.generation,
        account: called.account.as_str(),
        file_name: file_name.as_str(),
        captured: written(&called.capture),
        bytes: copy.bytes.get(),
        sha256: sha256.to_string(),
        albums: &called.albums,
        trashed: called.trashed,
    })
}

/// A time as people and programs read it.
fn written(time: &CaptureTime) -> String {
    let second = time.local.micros().div_euclid(1_000_000).rem_euclid(86_400);
    let offset = time.offset_minutes.map_or_else(String::new, |minutes| {
        let (sign, far) = (if minutes < 0 { '-' } else { '+' }, minutes.unsigned_abs());
        format!("{sign}{:02}:{:02}", far / 60, far % 60)
    });
    let day = LocalDay::on_the_wall(time.local);
    format!("{day}T{:02}:{:02}:{:02}{offset}", second / 3600, second / 60 % 60, second % 60)
}
