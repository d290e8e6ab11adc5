//! The gateway's origin over PicUp's own store.

use async_trait::async_trait;
use futures_util::TryStreamExt;
use picup_domain::ObjectKey;
use picup_gateway::{Opened, Origin, OriginError};
use picup_storage::{Error, Storage};

/// Reads media from the primary store.
pub(crate) struct StoreOrigin {
    storage: Storage,
}

impl StoreOrigin {
    pub(crate) fn new(storage: Storage) -> Self {
        Self { storage }
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
}
