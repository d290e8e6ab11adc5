//! Uploads of one part, most of all there are: `staging/{upload}.one` until the part has arrived, then `staging/{upload}.whole`.
//!
//! The name says what a list would, at a quarter of the work. Names here are not forced to disk: after a power cut the part
//! counts as not arrived, or as arrived with all its bytes, which are on disk before the second name is given.

use std::fs::File;
use std::io::{self, ErrorKind};
use std::os::unix::fs::MetadataExt;

use picup_domain::{Part, Sha256, UploadId};

use super::folder::{Access, Folder};
use super::staging::{PartWriter, Place, names, same_size};
use super::{Files, Moved, Unsynced};
use crate::locks::Held;
use crate::{Error, PartStored, Upload, crash_point, hash};

pub(super) fn begun(upload: UploadId) -> String {
    format!("{upload}.one")
}

pub(super) fn whole(upload: UploadId) -> String {
    format!("{upload}.whole")
}

impl Files {
    /// Stages an upload of one part. Once more with the same size changes nothing.
    pub(super) fn begin_single(&self, upload: &Upload) -> Result<(), Error> {
        match self.staged_size(upload.id())? {
            // Cut short between its making and its size: as if it had not been made.
            Some(0) if upload.bytes() > 0 => {
                self.staging.remove(&begun(upload.id())).map_err(Error::io("stage an upload"))?;
            }
            Some(begun) => return same_size(upload, begun),
            None => {}
        }
        self.require_not_completed(upload)?;
        self.require_room(upload)?;
        self.make_single(upload).map_err(Error::io("stage an upload"))
    }

    /// Stages many new uploads, for which there is room together.
    pub(crate) fn begin_many(&self, uploads: &[Upload]) -> Result<(), Error> {
        let bytes = uploads.iter().map(Upload::bytes).sum();
        self.require_room_for(bytes)?;
        for upload in uploads {
            if !upload.is_single() {
                self.begin(upload)?;
            } else if let Err(error) = self.make_single(upload) {
                match error.kind() {
                    ErrorKind::AlreadyExists => self.begin(upload)?,
                    _ => return Err(Error::io("stage an upload")(error)),
                }
            }
        }
        Ok(())
    }

    fn make_single(&self, upload: &Upload) -> io::Result<()> {
        let file = self.staging.file(&begun(upload.id()), Access::Create)?;
        crash_point!("begin-one-created");
        file.set_len(upload.bytes())?;
        crash_point!("begin-one-made");
        Ok(())
    }

    /// Opens the only part for writing, or for comparing when it has arrived.
    pub(super) fn part_open_single(
        &self,
        upload: &Upload,
        part: Part,
        expected: Sha256,
        held: Held,
    ) -> Result<PartWriter, Error> {
        let fail = Error::io("open a part");
        if let Some(file) = open(&self.staging, &begun(upload.id()), Access::Write).map_err(&fail)? {
            let begun = file.metadata().map_err(&fail)?.len();
            if begun == 0 && upload.bytes() > 0 {
                return Err(Error::UploadNotFound(upload.id()));
            }
            same_size(upload, begun)?;
            return PartWriter::new(file, Place::Single(upload.id()), part, expected, held).map_err(fail);
        }
        let Some(file) = self.whole(upload)? else {
            if let Some(begun) = self.staged_size(upload.id())? {
                same_size(upload, begun)?;
            }
            return Err(Error::UploadNotFound(upload.id()));
        };
        let stored = hash::of_file(&file).map_err(fail)?;
        if stored != expected {
            return Err(Error::PartExists { number: part.number, stored });
        }
        Ok(PartWriter::comparing(file, part, expected, held))
    }

    /// Names a part that is on disk as arrived; not when what stands under its name by now is another file.
    pub(super) fn single_arrived(&self, upload: UploadId, written: &File) -> Result<(), Error> {
        let fail = Error::io("store a part");
        let written = written.metadata().map_err(&fail)?;
        let there = self.staging.look(&begun(upload)).map_err(&fail)?;
        if there.is_none_or(|there| (there.st_dev, there.st_ino) != (written.dev(), written.ino())) {
            return Err(Error::UploadNotFound(upload));
        }
        match self.staging.move_to(&begun(upload), &self.staging, &whole(upload)) {
            Err(error) if error.kind() == ErrorKind::NotFound => Err(Error::UploadNotFound(upload)),
            other => other.map_err(Error::io("store a part")),
        }
    }

    /// The only part, if it has arrived; nothing at all when no upload of one part is staged.
    pub(super) fn parts_single(&self, upload: &Upload) -> Result<Option<Vec<PartStored>>, Error> {
        if let Some(file) = self.whole(upload)? {
            let sha256 = hash::of_file(&file).map_err(Error::io("read a part"))?;
            return Ok(Some(vec![PartStored { number: 1, bytes: upload.bytes(), sha256 }]));
        }
        Ok(self.is_whole_single(upload.id())?.map(|_| Vec::new()))
    }

    /// The size that an upload was begun with, however many parts it has.
    pub(super) fn staged_size(&self, upload: UploadId) -> Result<Option<u64>, Error> {
        // In this order, since the part may arrive between two looks.
        for name in [begun(upload), whole(upload), names(upload).0] {
            if let Some(there) = self.staging.look(&name).map_err(Error::io("look at an upload"))? {
                return Ok(u64::try_from(there.st_size).ok());
            }
        }
        Ok(None)
    }

    /// Whether the only part has arrived; nothing when no upload of one part is staged.
    pub(super) fn is_whole_single(&self, upload: UploadId) -> Result<Option<bool>, Error> {
        let there =
            |name: &str| self.staging.look(name).map(|found| found.is_some()).map_err(Error::io("look at an upload"));
        // In this order, since the part may arrive between the two looks.
        if there(&begun(upload))? {
            return Ok(Some(false));
        }
        Ok(there(&whole(upload))?.then_some(true))
    }

    /// Turns an upload whose part has arrived into its object; its name is on disk when `unsynced` is. `false` when it is not
    /// such an upload.
    pub(super) fn complete_single(&self, upload: &Upload, unsynced: &mut Unsynced<'_>) -> Result<bool, Error> {
        let Some(file) = self.whole(upload)? else {
            return match self.is_whole_single(upload.id())? {
                Some(_) => Err(Error::UploadIncomplete { upload: upload.id(), first_missing: 1 }),
                None => Ok(false),
            };
        };
        same_size(upload, file.metadata().map_err(Error::io("complete an upload"))?.len())?;
        match self.move_to_key(&whole(upload.id()), upload.key(), unsynced)? {
            Moved::Done => {
                crash_point!("complete-one-moved");
                Ok(true)
            }
            Moved::SourceGone => Ok(false),
            Moved::Occupied => self.moved_before(upload, &file).map(|()| true),
        }
    }

    fn whole(&self, upload: &Upload) -> Result<Option<File>, Error> {
        open(&self.staging, &whole(upload.id()), Access::Read).map_err(Error::io("open an upload"))
    }
}

fn open(folder: &Folder, name: &str, access: Access) -> io::Result<Option<File>> {
    match folder.file(name, access) {
        Ok(file) => Ok(Some(file)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}
