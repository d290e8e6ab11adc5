//! Putting an object back that was lost or found broken, from a stream of what it was. Called by `app` to heal and to restore.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::TryStreamExt;
use picup_domain::{Clock, ObjectKey, Sha256, SystemClock, UploadId};

use crate::site::Site;
use crate::{ByteStream, Error, Expected};

/// What is no longer goes in one step.
const SMALL: u64 = 4 << 20;

impl Site {
    pub(crate) async fn put_back(
        self: &Arc<Self>,
        key: &ObjectKey,
        mut content: ByteStream,
        expected: Expected,
        replace: bool,
    ) -> Result<(), Error> {
        if expected.bytes <= SMALL {
            let bytes = gathered(content, expected).await?;
            if replace {
                self.delete(key).await?;
            }
            return self.put(key, bytes).await;
        }
        let id = UploadId::new(SystemClock.now());
        let mut receiving = self.receive_begin(id, key).await?;
        let received = async {
            while let Some(chunk) = content.try_next().await? {
                receiving.write(chunk).await?;
            }
            let received = receiving.finish().await?;
            let same = received.upload.bytes() == expected.bytes
                && expected.sha256.is_none_or(|sha256| sha256 == received.sha256);
            if same { Ok(received) } else { Err(Error::SourceDiffers) }
        };
        let completed = match received.await {
            Ok(received) => {
                if replace {
                    self.delete(key).await?;
                }
                self.upload_complete(&received.upload).await
            }
            Err(error) => Err(error),
        };
        if completed.is_err()
            && let Err(error) = self.upload_abort(id).await
        {
            tracing::warn!(%key, %error, "what was received of an object that could not be put back is left for the reaper");
        }
        completed
    }
}

/// A small content, in memory.
async fn gathered(mut content: ByteStream, expected: Expected) -> Result<Bytes, Error> {
    let mut bytes = Vec::new();
    while let Some(chunk) = content.try_next().await? {
        bytes.extend_from_slice(&chunk);
        if bytes.len() as u64 > expected.bytes {
            return Err(Error::SourceDiffers);
        }
    }
    let same =
        bytes.len() as u64 == expected.bytes && expected.sha256.is_none_or(|sha256| sha256 == Sha256::of(&bytes));
    if same { Ok(bytes.into()) } else { Err(Error::SourceDiffers) }
}
