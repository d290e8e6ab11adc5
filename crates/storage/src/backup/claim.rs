//! Whose a backup is, and whether it is the right one: a small thing with the destination's id that stands beside the copies. Two
//! PicUps that wrote into one place would take each other's copies for left-overs; and a folder without it is a disk that is not
//! mounted, in which nothing is missing and into which nothing must be written.

use std::io;

use bytes::Bytes;
use object_store::{ObjectStore, ObjectStoreExt, PutMode, PutOptions};
use picup_domain::DestinationId;

use super::{Backup, failed};
use crate::Error;

/// What it is called.
const NAME: &str = "picup-backup.txt";
/// What people are told of a folder without it.
const UNMARKED: &str = "there is no picup-backup.txt in it; if it is another disk's, mount that";

impl Backup {
    /// Makes the place this destination's, or finds that it is; from then on it is refused when it becomes another's. A folder must
    /// be there; one that is not `new`, because it was marked before, must have its mark.
    ///
    /// # Errors
    /// [`Error::Taken`] when it is another's; [`Error::Folder`] when the folder is not there, or its disk is not mounted.
    pub async fn claim(&self, id: DestinationId, new: bool) -> Result<(), Error> {
        match &self.0.place.folder {
            Some(folder) if new => {
                let there = std::fs::metadata(folder).map(|_| ());
                there.map_err(|source| Error::Folder { path: folder.clone(), source })?;
            }
            _ => self.require_there()?,
        }
        match self.mark().await? {
            Some(found) => self.require(&found, id)?,
            None => {
                let mark = format!("{id}\nThe copies here are a PicUp's. Leave this file with them.\n");
                let mode = if self.0.place.refuses_to_replace() { PutMode::Create } else { PutMode::Overwrite };
                let options = PutOptions { mode, ..PutOptions::default() };
                let put = self.0.writer.put_opts(&self.0.place.path(NAME), mark.into(), options).await;
                put.map_err(|error| failed("mark a backup", error))?;
                self.require(&self.mark().await?.unwrap_or_default(), id)?;
            }
        }
        self.0.owner.get_or_init(|| id);
        Ok(())
    }

    fn require(&self, mark: &[u8], id: DestinationId) -> Result<(), Error> {
        let found = mark.split(|byte| *byte == b'\n').next();
        let its_own = found == Some(id.to_string().as_bytes());
        if its_own { Ok(()) } else { Err(Error::Taken(self.place().to_owned())) }
    }

    async fn mark(&self) -> Result<Option<Bytes>, Error> {
        let got = match self.0.reader.get(&self.0.place.path(NAME)).await {
            Ok(got) => got.bytes().await,
            Err(error) if super::read::is_not_there(&error) => return Ok(None),
            Err(error) => Err(error),
        };
        got.map(Some).map_err(|error| Error::remote("read a backup", error))
    }

    /// Fails when the place is a folder that does not have its mark, because its disk is not mounted, or has another's, because
    /// another disk is. A bucket does not change from one moment to the next: it is claimed before each round of work.
    pub(super) fn require_there(&self) -> Result<(), Error> {
        let Some(folder) = &self.0.place.folder else { return Ok(()) };
        let source = match std::fs::read(folder.join(NAME)) {
            Ok(mark) => return self.0.owner.get().map_or(Ok(()), |id| self.require(&mark, *id)),
            Err(source) => source,
        };
        let unmarked = source.kind() == io::ErrorKind::NotFound && folder.exists();
        let source = if unmarked { io::Error::new(source.kind(), UNMARKED) } else { source };
        Err(Error::Folder { path: folder.clone(), source })
    }
}
