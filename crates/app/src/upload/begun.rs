//! Uploads that this process has begun, so that the parts of thousands of small files are taken without a look in the database
//! for each.
//!
//! Nothing here says that an upload is still open: the store refuses a part of one that is not staged any more, and only then is
//! the database asked for the reason. What is not known here, because another run began it or because there were too
//! many, is looked up there.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use picup_domain::UploadId;
use picup_storage::Upload;

/// More than one import has on the way; beyond that all are forgotten and looked up again.
const MOST: usize = 4096;

/// Uploads as their store knows them.
#[derive(Debug, Default)]
pub(crate) struct Begun(Mutex<HashMap<UploadId, Upload>>);

impl Begun {
    pub(super) fn remember(&self, uploads: &[Upload]) {
        let mut known = self.known();
        if known.len() + uploads.len() > MOST {
            known.clear();
        }
        known.extend(uploads.iter().take(MOST).map(|upload| (upload.id(), upload.clone())));
    }

    pub(super) fn find(&self, id: UploadId) -> Option<Upload> {
        self.known().get(&id).cloned()
    }

    pub(super) fn forget(&self, ids: impl IntoIterator<Item = UploadId>) {
        let mut known = self.known();
        for id in ids {
            known.remove(&id);
        }
    }

    fn known(&self) -> MutexGuard<'_, HashMap<UploadId, Upload>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use picup_domain::{AccountId, AssetId, ByteSize, ObjectKey, ObjectRole, Timestamp};

    use super::*;

    #[test]
    fn it_never_grows_beyond_its_bound() {
        let now = Timestamp::from_micros(1);
        let key = ObjectKey::new(AccountId::new(now), AssetId::new(now), ObjectRole::Original, 1, "jpg");
        let upload = || Upload::resume(UploadId::new(now), key.clone(), ByteSize::new(1).unwrap()).unwrap();
        let begun = Begun::default();
        for _ in 0..MOST {
            begun.remember(&[upload()]);
        }
        let last = upload();
        begun.remember(std::slice::from_ref(&last));
        assert_eq!((begun.find(last.id()), begun.known().len()), (Some(last.clone()), 1));
        begun.forget([last.id()]);
        assert_eq!(begun.find(last.id()), None);
        begun.remember(&vec![upload(); MOST + 5]);
        assert!(begun.known().len() <= MOST);
    }
}
