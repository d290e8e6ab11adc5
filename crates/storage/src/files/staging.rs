//! Uploads in progress: `staging/{upload}` holds the bytes at their places, `staging/{upload}.parts` lists what arrived. Those of
//! one part need no list: see `single`.
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
use super::{Files, Moved, parts, room, single};
use crate::locks::Held;
use crate::uploads::is_whole;
use crate::{Error, PartStored, Upload, crash_point};

/// One part on its way to disk. Holds the part's lock, so that no other attempt writes while any of this one still may.
#[derive(Debug)]
pub(crate) struct PartWriter {
    file: File,
    part: Part,
    expected: Sha256,
    hasher: sha2::Sha256,
    at: u64,
    /// `None` when the part is on disk already: what comes is only compared.
    place: Option<(Place, Region)>,
    _held: Held,
}

/// Where it is told that a part has arrived.
#[derive(Debug)]
pub(super) enum Place {
    /// In a list.
    Listed(File),
    /// By the name of its file.
    Single(UploadId),
}

impl Files {
    /// Stages an upload. Once more with the same size changes nothing.
    pub(crate) fn begin(&self, upload: &Upload) -> Result<(), Error> {
        if upload.is_single() {
            return self.begin_single(upload);
        }
        let fail = Error::io("stage an upload");
        match self.staged_size(upload.id())? {
            // Cut short before its size was on disk: as if it had not been made.
            Some(0) if upload.bytes() > 0 => {}
            Some(begun) => {
                same_size(upload, begun)?;
                if self.staged(upload.id(), Access::Read)?.is_some() {
                    return Ok(());
                }
            }
            None => {}
        }
        self.require_not_completed(upload)?;
        self.require_room(upload)?;
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

    /// Whoever looked a moment ago may ask for an upload again that was completed since.
    pub(super) fn require_not_completed(&self, upload: &Upload) -> Result<(), Error> {
        match self.open_object(upload.key()) {
            Err(Error::NotFound(_)) => Ok(()),
            Ok(_) => Err(Error::exists(upload.key())),
            Err(error) => Err(error),
        }
    }

    pub(super) fn require_room(&self, upload: &Upload) -> Result<(), Error> {
        self.require_room_for(upload.bytes())
    }

    pub(super) fn require_room_for(&self, bytes: u64) -> Result<(), Error> {
        room::require(&self.staging, bytes)
    }

    /// Opens a part for writing at its place.
    pub(crate) fn part_open(
        &self,
        upload: &Upload,
        part: Part,
        expected: Sha256,
        held: Held,
    ) -> Result<PartWriter, Error> {
        if upload.is_single() {
            return self.part_open_single(upload, part, expected, held);
        }
        let fail = Error::io("open a part");
        let (file, list) =
            self.staged(upload.id(), Access::Append)?.ok_or_else(|| Error::UploadNotFound(upload.id()))?;
        let begun = file.metadata().map_err(&fail)?.len();
        if begun == 0 && upload.bytes() > 0 {
            return Err(Error::UploadNotFound(upload.id()));
        }
        same_size(upload, begun)?;
        let listed = parts::read(&list).map_err(&fail)?;
        if listed.contains_key(&parts::WHOLE) {
            return Err(Error::UploadNotFound(upload.id()));
        }
        match listed.get(&part.number) {
            Some(stored) if stored.sha256 != expected => {
                Err(Error::PartExists { number: part.number, stored: stored.sha256 })
            }
            Some(stored) if stored.bytes == part.bytes => Ok(PartWriter::comparing(file, part, expected, held)),
            _ => PartWriter::new(file, Place::Listed(list), part, expected, held).map_err(fail),
        }
    }

    /// Proves a part's hash, brings its bytes to disk, and only then tells that it has arrived.
    pub(crate) fn part_finish(&self, mut writer: PartWriter) -> Result<PartStored, Error> {
        let Part { number, bytes, .. } = writer.part;
        let got = Sha256::from_hasher(std::mem::take(&mut writer.hasher));
        if got != writer.expected {
            return Err(Error::PartHash { number, expected: writer.expected, got });
        }
        let part = PartStored { number, bytes, sha256: got };
        let Some((place, _)) = writer.place else { return Ok(part) };
        let fail = Error::io("store a part");
        crash_point!("part-written");
        writer.file.sync_data().map_err(&fail)?;
        crash_point!("part-synced");
        match place {
            Place::Listed(mut list) => parts::append(&mut list, &part).map_err(fail)?,
            Place::Single(upload) => self.single_arrived(upload, &writer.file)?,
        }
        crash_point!("part-listed");
        Ok(part)
    }

    /// The parts that arrived, by number.
    pub(crate) fn parts(&self, upload: &Upload) -> Result<Vec<PartStored>, Error> {
        if upload.is_single()
            && let Some(parts) = self.parts_single(upload)?
        {
            return Ok(parts);
        }
        let (_, list) = self.staged(upload.id(), Access::Read)?.ok_or_else(|| Error::UploadNotFound(upload.id()))?;
        let listed = parts::read(&list).map_err(Error::io("read the list of parts"))?;
        Ok(listed.into_values().filter(|part| part.number != parts::WHOLE).collect())
    }

    /// Whether all parts have arrived; not when nothing is staged.
    pub(crate) fn is_whole(&self, upload: &Upload) -> Result<bool, Error> {
        if upload.is_single()
            && let Some(whole) = self.is_whole_single(upload.id())?
        {
            return Ok(whole);
        }
        is_whole(upload, self.parts(upload))
    }

    /// Turns a staged upload into its object. Doing it again is fine.
    pub(crate) fn complete(&self, upload: &Upload) -> Result<(), Error> {
        let mut unsynced = self.unsynced();
        if upload.is_single() && self.complete_single(upload, &mut unsynced)? {
            return unsynced.sync().map_err(Error::io("sync a folder"));
        }
        let fail = Error::io("complete an upload");
        let Some((file, list)) = self.staged(upload.id(), Access::Read)? else {
            return self.completed_before(upload);
        };
        upload.all_arrived(&parts::read(&list).map_err(&fail)?)?;
        same_size(upload, file.metadata().map_err(&fail)?.len())?;
        file.sync_all().map_err(&fail)?;
        crash_point!("complete-synced");
        match self.move_to_key(&names(upload.id()).0, upload.key(), &mut unsynced)? {
            Moved::Done => {
                unsynced.sync().map_err(fail)?;
                crash_point!("complete-moved");
                self.unstage(upload.id())
            }
            Moved::SourceGone => self.completed_before(upload),
            Moved::Occupied => self.moved_before(upload, &file),
        }
    }

    /// As [`complete`](Self::complete), for many: folders that several share are brought to disk once.
    pub(crate) fn complete_many(&self, uploads: &[Upload]) -> Result<(), Error> {
        let mut unsynced = self.unsynced();
        let mut others = Vec::new();
        for upload in uploads {
            if !upload.is_single() || !self.complete_single(upload, &mut unsynced)? {
                others.push(upload);
            }
        }
        unsynced.sync().map_err(Error::io("sync a folder"))?;
        drop(unsynced);
        others.into_iter().try_for_each(|upload| self.complete(upload))
    }

    /// Where a move is a link and an unlink, a crash between leaves one file under both names.
    pub(super) fn moved_before(&self, upload: &Upload, staged: &File) -> Result<(), Error> {
        let fail = Error::io("complete an upload");
        let there = self.open_object(upload.key())?.metadata().map_err(&fail)?;
        let here = staged.metadata().map_err(&fail)?;
        if (there.dev(), there.ino()) != (here.dev(), here.ino()) {
            return Err(Error::exists(upload.key()));
        }
        self.sync_names(upload.key())?;
        self.unstage(upload.id())
    }

    /// Forgets an upload; one that is not staged is as good as forgotten.
    pub(crate) fn unstage(&self, upload: UploadId) -> Result<(), Error> {
        let unstage = || {
            let (bytes, list) = names(upload);
            self.staging.remove(&list)?;
            crash_point!("unstage-list-removed");
            for name in [bytes, single::begun(upload), single::whole(upload)] {
                self.staging.remove(&name)?;
            }
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
                uploads.extend(name.split('.').next().and_then(|id| id.parse::<UploadId>().ok()));
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
                self.sync_names(upload.key())?;
                self.unstage(upload.id())
            }
            Ok(_) => Err(Error::exists(upload.key())),
            Err(Error::NotFound(_)) => Err(Error::UploadNotFound(upload.id())),
            Err(error) => Err(error),
        }
    }
}

impl PartWriter {
    pub(super) fn new(file: File, place: Place, part: Part, expected: Sha256, held: Held) -> io::Result<Self> {
        let place = Some((place, Region::cleared(&file, &part)?));
        Ok(Self { place, ..Self::comparing(file, part, expected, held) })
    }

    /// For a part that is on disk already.
    pub(super) fn comparing(file: File, part: Part, expected: Sha256, held: Held) -> Self {
        Self { file, part, expected, hasher: sha2::Sha256::new(), at: part.offset, place: None, _held: held }
    }

    /// Writes what comes next; the caller has made sure that it stays within the part.
    pub(crate) fn write(&mut self, batch: &[Bytes]) -> Result<(), Error> {
        if self.place.is_some() {
            room::require(&self.file, batch.iter().map(|bytes| bytes.len() as u64).sum())?;
        }
        for bytes in batch {
            self.hasher.update(bytes);
            if let Some((_, region)) = &self.place {
                region.write(&self.file, bytes, self.at).map_err(Error::io("write a part"))?;
            }
            self.at += bytes.len() as u64;
        }
        Ok(())
    }
}

pub(super) fn names(upload: UploadId) -> (String, String) {
    (upload.to_string(), format!("{upload}.parts"))
}

pub(super) fn same_size(upload: &Upload, begun: u64) -> Result<(), Error> {
    if begun == upload.bytes() {
        Ok(())
    } else {
        Err(Error::UploadDiffers { upload: upload.id(), begun, asked: upload.bytes() })
    }
}
