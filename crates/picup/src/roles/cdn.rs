//! A CDN before the bucket, to which readers are sent with an address in CloudFront's format that opens one object for a while.

use std::sync::Arc;
use std::time::Duration;

use picup_delivery::{SigningKey, WindowError, WindowSigner};
use picup_domain::Clock;

use crate::config::Config;
use crate::secrets;

/// The CDN of the configuration.
pub(crate) struct Cdn {
    base: String,
    key: SigningKey,
    signer: WindowSigner,
    clock: Arc<dyn Clock>,
}

impl Cdn {
    /// The one that readers are to be sent to, if they are.
    ///
    /// # Errors
    /// When the file with its key cannot be read, can be read by others, or holds something else.
    pub(crate) fn of(config: &Config, clock: Arc<dyn Clock>) -> anyhow::Result<Option<Arc<Self>>> {
        let store = &config.store;
        let (Some(base), Some(file), Some(id)) = (&store.cdn, &store.cdn_key_file, &store.cdn_key_id) else {
            return Ok(None);
        };
        let key = secrets::private_key(file, id.clone())?;
        Ok(Some(Arc::new(Self { base: base.as_str().to_owned(), key, signer: WindowSigner::new(), clock })))
    }

    /// What all its addresses begin with.
    pub(crate) fn origin(&self) -> &str {
        &self.base
    }

    /// The same, for a probe.
    pub(crate) fn signs(self: &Arc<Self>) -> impl Fn(&str, Duration) -> Result<String, String> + Send + Sync + use<> {
        let cdn = Arc::clone(self);
        move |below, life| cdn.address(below, life).map_err(|error| error.to_string())
    }

    /// The address of what lies below the bucket's prefix at `below`: for `life` at least, and less than twice as long.
    pub(crate) fn address(&self, below: &str, life: Duration) -> Result<String, WindowError> {
        let now = self.clock.now().epoch_s();
        self.signer.url(&self.key, &format!("{}/{below}", self.base), now, life.as_secs())
    }
}
