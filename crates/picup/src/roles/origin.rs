//! The gateway's origin over PicUp's own store.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use futures_util::TryStreamExt;
use picup_domain::{ObjectKey, ObjectRole};
use picup_gateway::{Elsewhere, Opened, Origin, OriginError, Told};
use picup_storage::{Error, ReadAs, Storage};

use super::cdn::Cdn;

/// How long an address opens a picture.
const PICTURE: Duration = Duration::from_secs(10 * 60);
/// A video is read piece by piece from the address that it began with, for as long as it is watched. An hour is what the cookies
/// hold too, unless configured otherwise.
const VIDEO: Duration = Duration::from_secs(60 * 60);

/// Whether readers are sent to the bucket: not before a probe has shown that they may be. Clones say the same.
#[derive(Clone, Default)]
pub(crate) struct Straight(Arc<AtomicBool>);

impl Straight {
    pub(crate) fn set(&self, straight: bool) {
        self.0.store(straight, Ordering::Relaxed);
    }

    fn is_set(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// Reads media from the primary store, or sends there who reads them.
pub(crate) struct StoreOrigin {
    storage: Storage,
    straight: Straight,
    cdn: Option<Arc<Cdn>>,
}

impl StoreOrigin {
    /// `cdn`: readers are sent there, and else to the bucket.
    pub(crate) fn new(storage: Storage, straight: Straight, cdn: Option<Arc<Cdn>>) -> Self {
        Self { storage, straight, cdn }
    }
}

#[async_trait]
impl Origin for StoreOrigin {
    async fn open(&self, key: &str) -> Result<Opened, OriginError> {
        // What is not a key's exact spelling names nothing.
        let key: ObjectKey = key.parse().map_err(|_| OriginError::NotFound)?;
        let opened = self.storage.open_object(&key).await.map_err(|error| match error {
            Error::NotFound(_) => OriginError::NotFound,
            other => OriginError::Unavailable(other.into()),
        })?;
        let size = opened.bytes();
        let read = move |range| -> picup_gateway::ByteStream { Box::pin(opened.read(range).map_err(Into::into)) };
        Ok(Opened::new(size, key.content_type(), read))
    }

    async fn elsewhere(&self, key: &str, told: Told) -> Result<Option<Elsewhere>, OriginError> {
        if !self.straight.is_set() {
            return Ok(None);
        }
        let key: ObjectKey = key.parse().map_err(|_| OriginError::NotFound)?;
        let Some(life) = life(&key) else { return Ok(None) };
        if let Some(cdn) = &self.cdn {
            // While the photos move, and after that, there is no bucket that the CDN stands before.
            let Some(_) = self.storage.bucket_origin() else { return Ok(None) };
            let url = cdn.address(&key.to_string(), life);
            let url = url.map_err(|error| OriginError::Unavailable(error.into()))?;
            return Ok(Some(Elsewhere { url, life }));
        }
        let Told { cache_control, content_disposition } = told;
        let told = ReadAs { content_type: key.content_type(), cache_control, content_disposition };
        let url = self.storage.read_address(&key, &told, life).await;
        let url = url.map_err(|error| OriginError::Unavailable(error.into()))?;
        Ok(url.map(|url| Elsewhere { url, life }))
    }
}

/// How long an address of that object holds; `None` for what always comes through PicUp: what a browser would not show, which is
/// safe only with headers that a bucket cannot be told to send; and thumbnails, which are small, many, and kept by the browser for
/// a year if their address stays.
fn life(key: &ObjectKey) -> Option<Duration> {
    let (kind, _) = key.content_type().split_once('/')?;
    match (key.role(), kind) {
        (ObjectRole::Thumbnail, _) => None,
        (_, "image") => Some(PICTURE),
        (_, "video") => Some(VIDEO),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use picup_domain::{AccountId, AssetId, Timestamp};

    use super::*;

    #[test]
    fn only_what_a_browser_shows_is_read_elsewhere() {
        let now = Timestamp::from_micros(1_790_000_000_000_000);
        let key = |role, extension| ObjectKey::new(AccountId::new(now), AssetId::new(now), role, 1, extension);
        for (role, extension, wanted) in [
            (ObjectRole::Preview, "jpg", Some(PICTURE)),
            (ObjectRole::Original, "heic", Some(PICTURE)),
            (ObjectRole::Original, "mp4", Some(VIDEO)),
            (ObjectRole::Motion, "mov", Some(VIDEO)),
            (ObjectRole::Thumbnail, "webp", None),
            (ObjectRole::Original, "svg", None),
            (ObjectRole::Original, "html", None),
            (ObjectRole::Original, "bin", None),
        ] {
            assert_eq!(life(&key(role, extension)), wanted, "{role:?} {extension}");
        }
    }
}
