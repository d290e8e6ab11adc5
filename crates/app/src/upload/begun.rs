//! Uploads that this process has begun, so that the parts of thousands of small files are taken without a look in the database
//! for each.
//!
//! Nothing here says that an upload is still open: the store refuses a part of one that is not staged any more, and only then is
//! the database asked for the reason. What is not known here, because another run began it or because there were too
//! many, is looked up there. The worker asks when the last one began, to hold work back while more are coming.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use picup_domain::{Timestamp, UploadId};
use picup_storage::Upload;

/// More than one import has on the way; beyond that all are forgotten and looked up again.
const MOST: usize = 4096;

/// Uploads as their store knows them.
#[derive(Debug, Default)]
pub(crate) struct Begun(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    known: HashMap<UploadId, Upload>,
    last: Option<Timestamp>,
}

impl Begun {
    pub(super) fn remember(&self, uploads: &[Upload], now: Timestamp) {
        let mut state = self.state();
        if state.known.len() + uploads.len() > MOST {
            state.known.clear();
        }
        state.known.extend(uploads.iter().take(MOST).map(|upload| (upload.id(), upload.clone())));
        state.last = Some(now);
    }

    pub(super) fn find(&self, id: UploadId) -> Option<Upload> {
        self.state().known.get(&id).cloned()
    }

    pub(super) fn forget(&self, ids: impl IntoIterator<Item = UploadId>) {
        let mut state = self.state();
        for id in ids {
            state.known.remove(&id);
        }
    }

    /// When the last one began.
    pub(crate) fn last(&self) -> Option<Timestamp> {
        self.state().last
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use picup_domain::{AccountId, AssetId, ByteSize, ObjectKey, ObjectRole};

    use super::*;

    #[test]
    fn it_never_grows_beyond_its_bound() {
        let now = Timestamp::from_micros(1);
        let key = ObjectKey::new(AccountId::new(now), AssetId::new(now), ObjectRole::Original, 1, "jpg");
        let upload = || Upload::resume(UploadId::new(now), key.clone(), ByteSize::new(1).unwrap(), "").unwrap();
        let begun = Begun::default();
        for _ in 0..MOST {
            begun.remember(&[upload()], now);
        }
        let last = upload();
        begun.remember(std::slice::from_ref(&last), now);
        assert_eq!((begun.find(last.id()), begun.state().known.len()), (Some(last.clone()), 1));
        begun.forget([last.id()]);
        assert_eq!(begun.find(last.id()), None);
        begun.remember(&vec![upload(); MOST + 5], now);
        assert!(begun.state().known.len() <= MOST);
    }
}
