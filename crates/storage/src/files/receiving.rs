//! An original that comes as one stream: `staging/{upload}` grows, and the list beside it is made at the end, so that before
//! that it counts as not staged: nothing completes it and no part is taken for it.

use std::fs::File;
use std::os::unix::fs::FileExt;

use bytes::Bytes;
use picup_domain::{Sha1, Sha256, UploadId};

use super::folder::Access;
use super::{Files, parts, room, staging};
use crate::receive::Hashers;
use crate::{Error, PartStored, crash_point};

/// A stream on its way to disk.
#[derive(Debug)]
pub(crate) struct StreamWriter {
    file: File,
    hashers: Hashers,
}

impl Files {
    /// Makes the file for a stream; one that stands already belongs to another upload of that id.
    pub(crate) fn receive_begin(&self, id: UploadId) -> Result<StreamWriter, Error> {
        let fail = Error::io("stage an upload");
        let (bytes, list) = staging::names(id);
        if self.staging.look(&bytes).map_err(&fail)?.is_some() {
            return Err(Error::UploadBegun(id));
        }
        let make = || {
            self.staging.remove(&list)?;
            self.staging.file(&bytes, Access::Create)
        };
        let file = make().map_err(fail)?;
        crash_point!("receive-begun");
        Ok(StreamWriter { file, hashers: Hashers::default() })
    }

    /// Brings a stream's bytes to disk and lists them as whole.
    pub(crate) fn receive_finish(&self, id: UploadId, writer: StreamWriter) -> Result<(u64, Sha256, Sha1), Error> {
        let fail = Error::io("store an upload");
        let (name, list) = staging::names(id);
        if self.staging.look(&name).map_err(&fail)?.is_none() {
            return Err(Error::UploadNotFound(id));
        }
        let (bytes, sha256, sha1) = writer.hashers.finish();
        let whole = PartStored { number: parts::WHOLE, bytes, sha256 };
        let store = || {
            crash_point!("receive-written");
            writer.file.sync_all()?;
            crash_point!("receive-synced");
            parts::append(&mut self.staging.file(&list, Access::Create)?, &whole)?;
            crash_point!("receive-listed");
            self.staging.sync()
        };
        store().map_err(fail)?;
        Ok((bytes, sha256, sha1))
    }
}

impl StreamWriter {
    /// Writes what comes next.
    pub(crate) fn write(&mut self, batch: &[Bytes]) -> Result<(), Error> {
        room::require(&self.file, batch.iter().map(|bytes| bytes.len() as u64).sum())?;
        for bytes in batch {
            self.file.write_all_at(bytes, self.hashers.bytes()).map_err(Error::io("write an upload"))?;
            self.hashers.update(bytes);
        }
        Ok(())
    }
}
