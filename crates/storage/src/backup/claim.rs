//! Whose a backup is, and whether it is the right one: a small thing with the destination's id that stands beside the copies. Two
//! PicUps that wrote into one place would take each other's copies for left-overs; and a folder without it is a disk that is not
//! mounted, in which nothing is missing and into which nothing must be written.

use std::io;

use bytes::Bytes;
use object_store::{ObjectStore, ObjectStoreExt, PutMode, PutOptions};
use picup_domain::DestinationId;

use super::Backup;
use super::write::failed;
use crate::Error;

/// What it is called.
const NAME: &str = "picup-backup.txt";
/// What people are told of a folder without it.
const UNMARKED: &str = "there is no picup-backup.txt in it; if it is another disk's, mount that";

impl Backup {
    /// Makes the place this destination's, or finds that it is. A folder must be there; one that is not `new`, because copies
    /// were made there before, must have its mark.
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
        let mark = format!("{id}\nThe copies here are a PicUp's. Leave this file with them.\n");
        match self.mark().await? {
            Some(found) => self.require(&found, &mark),
            None => {
                let mode = if self.0.place.refuses_to_replace() { PutMode::Create } else { PutMode::Overwrite };
                let options = PutOptions { mode, ..PutOptions::default() };
                let put = self.0.writer.put_opts(&self.0.place.path(NAME), mark.clone().into(), options).await;
                put.map_err(|error| failed("mark a backup", error))?;
                self.require(&self.mark().await?.unwrap_or_default(), &mark)
            }
        }
    }

    fn require(&self, found: &Bytes, mark: &str) -> Result<(), Error> {
        let id = |text: &[u8]| text.split(|byte| *byte == b'\n').next().map(<[u8]>::to_vec);
        if id(found) == id(mark.as_bytes()) { Ok(()) } else { Err(Error::Taken(self.place().to_owned())) }
    }

    async fn mark(&self) -> Result<Option<Bytes>, Error> {
        let got = match self.0.reader.get(&self.0.place.path(NAME)).await {
            Ok(got) => got.bytes().await,
            Err(error) if super::read::is_not_there(&error) => return Ok(None),
            Err(error) => Err(error),
        };
        got.map(Some).map_err(|error| Error::remote("read a backup", error))
    }

    /// Fails when the place is a folder that does not have its mark: its disk is not mounted.
    pub(super) fn require_there(&self) -> Result<(), Error> {
        let Some(folder) = &self.0.place.folder else { return Ok(()) };
        let Err(source) = std::fs::metadata(folder.join(NAME)) else { return Ok(()) };
        let unmarked = source.kind() == io::ErrorKind::NotFound && folder.exists();
        let source = if unmarked { io::Error::new(source.kind(), UNMARKED) } else { source };
        Err(Error::Folder { path: folder.clone(), source })
    }
}
