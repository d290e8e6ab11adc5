//! What a probe makes in the bucket, and takes away again: an upload, and an object beside it. The object is named after the upload, so
//! that the next probe can end both when a process was killed in between.

use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use futures_util::{FutureExt, TryStreamExt};
use object_store::multipart::MultipartStore;
use object_store::path::Path;
use object_store::{ObjectMeta, ObjectStore, ObjectStoreExt, PutPayload};

use super::S3;
use super::probe::SAME_LENGTH;
use super::uploads::every;
use crate::Error;

/// How long it may take to end a probe: PicUp may be stopping.
const PATIENCE: Duration = Duration::from_secs(15);

/// Where a probe is at work.
#[derive(Debug)]
pub(super) struct Trial {
    /// The key of the upload.
    pub(super) at: Path,
    /// Another object.
    pub(super) beside: Path,
    /// The service's id of the upload.
    pub(super) multipart: String,
}

impl S3 {
    pub(super) async fn trial_begin(&self) -> Result<Trial, object_store::Error> {
        let at = self.path(&format!("probe/{:032x}", rand::random::<u128>()));
        let multipart = self.store.create_multipart(&at).await?;
        let beside = Path::from(format!("{at}.{}", BASE64_URL_SAFE_NO_PAD.encode(&multipart)));
        let trial = Trial { at, beside, multipart };
        match self.store.put(&trial.beside, PutPayload::from_static(SAME_LENGTH)).await {
            Ok(_) => Ok(trial),
            Err(error) => {
                self.trial_end(trial).await;
                Err(error)
            }
        }
    }

    /// Takes away what a probe made, and what others left.
    pub(super) async fn trial_end(&self, trial: Trial) {
        let ended = async {
            let mut left = self.left_by_others().await;
            left.extend([trial.beside, trial.at]);
            every(left.into_iter().map(|path| self.trial_remove(path).boxed()).collect()).await
        };
        match tokio::time::timeout(PATIENCE, ended).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(%error, "what a probe of the bucket left could not be removed"),
            Err(_) => tracing::warn!("what a probe of the bucket left could not be removed in time"),
        }
    }

    /// What probes left whose processes were killed: all that is an hour older than what was just written.
    pub(super) async fn left_by_others(&self) -> Vec<Path> {
        let listed: Result<Vec<ObjectMeta>, _> = self.store.list(Some(&self.path("probe"))).try_collect().await;
        let listed = listed.unwrap_or_default();
        let newest = listed.iter().map(|object| object.last_modified.timestamp()).max().unwrap_or_default();
        let old = listed.into_iter().filter(|object| object.last_modified.timestamp() + 3600 < newest);
        old.map(|object| object.location).collect()
    }

    /// Removes an object, and before it the upload that it is named after.
    async fn trial_remove(&self, path: Path) -> Result<(), Error> {
        let named = path.filename().and_then(|name| name.split_once('.'));
        let named = named.and_then(|(at, id)| Some((at, BASE64_URL_SAFE_NO_PAD.decode(id).ok()?)));
        if let Some((at, id)) = named {
            let at = self.path(&format!("probe/{at}"));
            self.multipart_abort(&at, &String::from_utf8_lossy(&id)).await?;
        }
        self.remove(path).await
    }
}
