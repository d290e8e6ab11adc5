//! Uploads in progress: `staging/{upload}` holds the bytes at their places, `staging/{upload}.parts` lists what arrived.
//!
//! An upload is staged while both files stand. The list is made last and removed first, so a crash between leaves something
//! that counts as not staged, never a list that speaks of other bytes.

use std::fs::File;
use std::io::{self, ErrorKind};
use std::os::unix::fs::MetadataExt;

use bytes::Bytes;
use picup_domain::{Part, Sha256, UploadId};
use sha2::Digest;

use super::folder::Access;
use super::holes::Region;
use super::{Files, Moved, parts};
use crate::locks::Held;
use crate::{Error, PartStored, Upload, crash_point};

/// One part on its way to disk. Holds the part's lock, so that no other attempt writes while any of this one still may.
#[derive(Debug)]
pub(crate) struct PartWriter {
    file: File,
    list: File,
    part: Part,
    expected: Sha256,
    hasher: sha2::Sha256,
    at: u64,
    /// The part is on disk already: what comes is only compared.
    stored: bool,
    place: Region,
    _held: Held,
}

impl Files {
    /// Stages an upload. Once more with the same size changes nothing.
    pub(crate) fn begin(&self, upload: &Upload) -> Result<(), Error> {
        let fail = Error::io("stage an upload");
        if let Some((file, _)) = self.staged(upload.id(), Access::Read)? {
            let begun = file.metadata().map_err(&fail)?.len();
            return same_size(upload, begun);
        }
        if self.space().map_err(&fail)?.0 < upload.bytes() {
            return Err(Error::Full);
        }
        let stage = || {
            let (bytes, list) = names(upload.id());
            self.staging.remove(&list)?;
            self.staging.remove(&bytes)?;
            self.staging.file(&bytes, Access::Create)?.set_len(upload.bytes())?;
            crash_point!("begin-bytes-made");
            self.staging.file(&list, Access::Create)?;
            crash_point!("begin-list-made");
            self.staging.sync()
        };
        stage().map_err(fail)
    }

    /// Opens a part for writing at its place.
    pub(crate) fn part_open(
        &self,
        upload: &Upload,
        part: Part,
        expected: Sha256,
        held: Held,
    ) -> Result<PartWriter, Error> {
        let fail = Error::io("open a part");
        let (file, list) =
            self.staged(upload.id(), Access::Append)?.ok_or_else(|| Error::UploadNotFound(upload.id()))?;
        same_size(upload, file.metadata().map_err(&fail)?.len())?;
        let listed = parts::read(&list).map_err(&fail)?;
        if listed.contains_key(&parts::WHOLE) {
            return Err(Error::UploadNotFound(upload.id()));
        }
        let stored = match listed.get(&part.number) {
            Some(stored) if stored.sha256 != expected => {
                return Err(Error::PartExists { number: part.number, stored: stored.sha256 });
            }
            Some(stored) => stored.bytes == part.bytes,
            None => false,
        };
        let place = if stored { Region::AsItIs } else { Region::cleared(&file, &part).map_err(&fail)? };
        let hasher = sha2::Sha256::new();
        Ok(PartWriter { file, list, part, expected, hasher, at: part.offset, stored, place, _held: held })
    }

    /// The parts that arrived, by number.
    pub(crate) fn parts(&self, upload: &Upload) -> Result<Vec<PartStored>, Error> {
        let (_, list) = self.staged(upload.id(), Access::Read)?.ok_or_else(|| Error::UploadNotFound(upload.id()))?;
        let listed = parts::read(&list).map_err(Error::io("read the list of parts"))?;
        Ok(listed.into_values().filter(|part| part.number != parts::WHOLE).collect())
    }

    /// Turns a staged upload into its object. Doing it again is fine.
    pub(crate) fn complete(&self, upload: &Upload) -> Result<(), Error> {
        let fail = Error::io("complete an upload");
        let Some((file, list)) = self.staged(upload.id(), Access::Read)? else {
            return self.completed_before(upload);
        };
        upload.all_arrived(&parts::read(&list).map_err(&fail)?)?;
        same_size(upload, file.metadata().map_err(&fail)?.len())?;
        file.sync_all().map_err(&fail)?;
        crash_point!("complete-synced");
        match self.move_to_key(&names(upload.id()).0, upload.key())? {
            Moved::Done => {
                crash_point!("complete-moved");
                self.unstage(upload.id())
            }
            Moved::SourceGone => self.completed_before(upload),
            Moved::Occupied => {
                // Where a move is a link and an unlink, a crash between leaves one file under both names.
                let there = self.open_object(upload.key())?.metadata().map_err(&fail)?;
                let here = file.metadata().map_err(&fail)?;
                if (there.dev(), there.ino()) != (here.dev(), here.ino()) {
                    return Err(Error::exists(upload.key()));
                }
                self.sync_folder(upload.key())?;
                self.unstage(upload.id())
            }
        }
    }

    /// Forgets an upload; one that is not staged is as good as forgotten.
    pub(crate) fn unstage(&self, upload: UploadId) -> Result<(), Error> {
        let unstage = || {
            let (bytes, list) = names(upload);
            self.staging.remove(&list)?;
            crash_point!("unstage-list-removed");
            self.staging.remove(&bytes)?;
            crash_point!("unstage-bytes-removed");
            self.staging.sync()
        };
        unstage().map_err(Error::io("remove an upload"))
    }

    /// Every upload that has anything in the staging folder.
    pub(crate) fn uploads_staged(&self) -> Result<Vec<UploadId>, Error> {
        let list = || {
            let mut uploads = Vec::new();
            for name in self.staging.names()? {
                let name = name?;
                uploads.extend(name.strip_suffix(".parts").unwrap_or(&name).parse::<UploadId>().ok());
            }
            uploads.sort_unstable();
            uploads.dedup();
            Ok(uploads)
        };
        list().map_err(Error::io("list the staging folder"))
    }

    /// An upload's bytes and list; `None` when it is not staged. Both are opened for reading only, or both for writing.
    fn staged(&self, upload: UploadId, access: Access) -> Result<Option<(File, File)>, Error> {
        let bytes_access = if matches!(access, Access::Read) { Access::Read } else { Access::Write };
        let (bytes, list) = names(upload);
        let open = || io::Result::Ok((self.staging.file(&bytes, bytes_access)?, self.staging.file(&list, access)?));
        match open() {
            Ok(files) => Ok(Some(files)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(Error::io("open an upload")(error)),
        }
    }

    /// The answer when nothing is staged: fine if the object stands as this upload would have made it.
    fn completed_before(&self, upload: &Upload) -> Result<(), Error> {
        let size = |file: File| Ok(file.metadata().map_err(Error::io("look at an object"))?.len());
        match self.open_object(upload.key()).and_then(size) {
            Ok(bytes) if bytes == upload.bytes() => {
                self.sync_folder(upload.key())?;
                self.unstage(upload.id())
            }
            Ok(_) => Err(Error::exists(upload.key())),
            Err(Error::NotFound(_)) => Err(Error::UploadNotFound(upload.id())),
            Err(error) => Err(error),
        }
    }
}

impl PartWriter {
    /// Writes what comes next; the caller has made sure that it stays within the part.
    pub(crate) fn write(&mut self, batch: &[Bytes]) -> Result<(), Error> {
        for bytes in batch {
            self.hasher.update(bytes);
            if !self.stored {
                self.place.write(&self.file, bytes, self.at).map_err(Error::io("write a part"))?;
            }
            self.at += bytes.len() as u64;
        }
        Ok(())
    }

    /// Proves the hash, brings the bytes to disk, and only then lists the part.
    pub(crate) fn finish(mut self) -> Result<PartStored, Error> {
        let Part { number, bytes, .. } = self.part;
        let got = Sha256::from_hasher(std::mem::take(&mut self.hasher));
        if got != self.expected {
            return Err(Error::PartHash { number, expected: self.expected, got });
        }
        let part = PartStored { number, bytes, sha256: got };
        if !self.stored {
            self.store(&part).map_err(Error::io("store a part"))?;
        }
        Ok(part)
    }

    fn store(&mut self, part: &PartStored) -> io::Result<()> {
        crash_point!("part-written");
        self.file.sync_data()?;
        crash_point!("part-synced");
        parts::append(&mut self.list, part)?;
        crash_point!("part-listed");
        Ok(())
    }
}

pub(super) fn names(upload: UploadId) -> (String, String) {
    (upload.to_string(), format!("{upload}.parts"))
}

fn same_size(upload: &Upload, begun: u64) -> Result<(), Error> {
    if begun == upload.bytes() {
        Ok(())
    } else {
        Err(Error::UploadDiffers { upload: upload.id(), begun, asked: upload.bytes() })
    }
}
