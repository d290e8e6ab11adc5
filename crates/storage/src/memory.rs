//! A store in memory, for tests: the same promises as files but for surviving the process.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs::File;
use std::io::{Seek, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use picup_domain::{ObjectKey, Part, Sha256, UploadId};

use crate::locks::Held;
use crate::uploads::WHOLE;
use crate::{Error, PartStored, Upload};

/// A store in memory.
#[derive(Debug, Default)]
pub(crate) struct Memory(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    objects: HashMap<ObjectKey, Bytes>,
    uploads: BTreeMap<UploadId, Staged>,
    /// Streams that have not ended.
    receiving: BTreeSet<UploadId>,
}

#[derive(Debug, Default)]
struct Staged {
    bytes: u64,
    parts: BTreeMap<u32, (PartStored, Vec<Bytes>)>,
}

/// One part on its way into the store.
pub(crate) struct PartBuffer {
    memory: Arc<Memory>,
    upload: UploadId,
    part: Part,
    expected: Sha256,
    came: Vec<Bytes>,
    _held: Held,
}

impl Memory {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn put(&self, key: &ObjectKey, bytes: Bytes) -> Result<(), Error> {
        match self.state().objects.entry(key.clone()).or_insert_with(|| bytes.clone()) {
            there if *there == bytes => Ok(()),
            _ => Err(Error::exists(key)),
        }
    }

    pub(crate) fn get(&self, key: &ObjectKey) -> Result<Bytes, Error> {
        self.state().objects.get(key).cloned().ok_or_else(|| Error::not_found(key))
    }

    pub(crate) fn list(&self) -> Vec<(ObjectKey, u64)> {
        let mut all: Vec<_> =
            self.state().objects.iter().map(|(key, bytes)| (key.clone(), bytes.len() as u64)).collect();
        all.sort_by_cached_key(|(key, _)| key.to_string());
        all
    }

    pub(crate) fn delete(&self, key: &ObjectKey) {
        self.state().objects.remove(key);
    }

    pub(crate) fn begin(&self, upload: &Upload) -> Result<(), Error> {
        let mut state = self.state();
        if state.objects.contains_key(upload.key()) && !state.uploads.contains_key(&upload.id()) {
            return Err(Error::exists(upload.key()));
        }
        let fresh = Staged { bytes: upload.bytes(), parts: BTreeMap::new() };
        same_size(upload, state.uploads.entry(upload.id()).or_insert(fresh))
    }

    pub(crate) fn parts(&self, upload: &Upload) -> Result<Vec<PartStored>, Error> {
        let state = self.state();
        let staged = state.uploads.get(&upload.id()).ok_or(Error::UploadNotFound(upload.id()))?;
        Ok(staged.parts.values().map(|(part, _)| *part).filter(|part| part.number != WHOLE).collect())
    }

    pub(crate) fn complete(&self, upload: &Upload) -> Result<(), Error> {
        let mut state = self.state();
        let State { objects, uploads, .. } = &mut *state;
        let there = objects.get(upload.key());
        let Some(staged) = uploads.get(&upload.id()) else {
            return match there {
                Some(bytes) if bytes.len() as u64 == upload.bytes() => Ok(()),
                Some(_) => Err(Error::exists(upload.key())),
                None => Err(Error::UploadNotFound(upload.id())),
            };
        };
        upload.all_arrived(&staged.parts.iter().map(|(number, (part, _))| (*number, *part)).collect())?;
        same_size(upload, staged)?;
        if there.is_some() {
            return Err(Error::exists(upload.key()));
        }
        let pieces: Vec<&[u8]> = staged.parts.values().flat_map(|(_, bytes)| bytes.iter().map(Bytes::as_ref)).collect();
        objects.insert(upload.key().clone(), pieces.concat().into());
        uploads.remove(&upload.id());
        Ok(())
    }

    pub(crate) fn unstage(&self, upload: UploadId) {
        let mut state = self.state();
        state.receiving.remove(&upload);
        state.uploads.remove(&upload);
    }

    pub(crate) fn uploads_staged(&self) -> Vec<UploadId> {
        let state = self.state();
        let all: BTreeSet<_> = state.uploads.keys().chain(&state.receiving).copied().collect();
        all.into_iter().collect()
    }

    pub(crate) fn receive_begin(&self, id: UploadId) -> Result<(), Error> {
        let mut state = self.state();
        if state.uploads.contains_key(&id) || !state.receiving.insert(id) {
            return Err(Error::UploadBegun(id));
        }
        Ok(())
    }

    pub(crate) fn receive_finish(
        &self,
        id: UploadId,
        bytes: u64,
        sha256: Sha256,
        came: Vec<Bytes>,
    ) -> Result<(), Error> {
        let mut state = self.state();
        if !state.receiving.remove(&id) {
            return Err(Error::UploadNotFound(id));
        }
        let parts = BTreeMap::from([(WHOLE, (PartStored { number: WHOLE, bytes, sha256 }, came))]);
        state.uploads.insert(id, Staged { bytes, parts });
        Ok(())
    }
}

impl PartBuffer {
    pub(crate) fn open(
        memory: Arc<Memory>,
        upload: &Upload,
        part: Part,
        expected: Sha256,
        held: Held,
    ) -> Result<Self, Error> {
        let id = upload.id();
        {
            let state = memory.state();
            let staged = state.uploads.get(&id).ok_or(Error::UploadNotFound(id))?;
            same_size(upload, staged)?;
            if staged.parts.contains_key(&WHOLE) {
                return Err(Error::UploadNotFound(id));
            }
            if let Some((stored, _)) = staged.parts.get(&part.number).filter(|(stored, _)| stored.sha256 != expected) {
                return Err(Error::PartExists { number: part.number, stored: stored.sha256 });
            }
        }
        Ok(Self { memory, upload: id, part, expected, came: Vec::new(), _held: held })
    }

    pub(crate) fn write(&mut self, batch: Vec<Bytes>) {
        self.came.extend(batch);
    }

    pub(crate) fn finish(self) -> Result<PartStored, Error> {
        let Part { number, bytes, .. } = self.part;
        let got = Sha256::of(&self.came.concat());
        if got != self.expected {
            return Err(Error::PartHash { number, expected: self.expected, got });
        }
        let part = PartStored { number, bytes, sha256: got };
        if let Some(staged) = self.memory.state().uploads.get_mut(&self.upload) {
            staged.parts.insert(number, (part, self.came));
        }
        Ok(part)
    }
}

/// A copy as a file without a name.
pub(crate) fn spill(bytes: &Bytes) -> Result<File, Error> {
    let spill = || {
        let mut file = tempfile::tempfile()?;
        file.write_all(bytes)?;
        file.rewind()?;
        Ok(file)
    };
    spill().map_err(Error::io("copy an object to a file"))
}

fn same_size(upload: &Upload, staged: &Staged) -> Result<(), Error> {
    let (begun, asked) = (staged.bytes, upload.bytes());
    if begun == asked { Ok(()) } else { Err(Error::UploadDiffers { upload: upload.id(), begun, asked }) }
}
