//! Follows the files of the keys that open media: what `picup media-key` does holds some seconds later, and no request notices.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use picup_delivery::{KeyId, Keyring, SigningKey};
use tokio::sync::watch;

use crate::secrets::media_keys::MediaKeys;

const LOOK_EVERY: Duration = Duration::from_secs(3);

/// The files, and who is to know of them.
pub(super) struct Followed {
    data_dir: PathBuf,
    signs: watch::Sender<Arc<SigningKey>>,
    keyring: watch::Sender<Keyring>,
    known: Vec<KeyId>,
}

impl Followed {
    /// Reads them; the gateway gets the ring.
    pub(super) fn new(
        data_dir: PathBuf,
        signs: watch::Sender<Arc<SigningKey>>,
    ) -> anyhow::Result<(Self, watch::Receiver<Keyring>)> {
        let keys = MediaKeys::load_or_create(&data_dir)?;
        let (keyring, ring) = watch::channel(keys.keyring()?);
        Ok((Self { data_dir, signs, keyring, known: ids(&keys) }, ring))
    }

    /// Looks for ever.
    pub(super) async fn follow(mut self) {
        let mut told = None;
        loop {
            tokio::time::sleep(LOOK_EVERY).await;
            match self.look() {
                Ok(()) => told = None,
                Err(error) => {
                    let error = format!("{error:#}");
                    if told.as_ref() != Some(&error) {
                        tracing::warn!(error, "the keys that open media cannot be read; those that were stay in use");
                        told = Some(error);
                    }
                }
            }
        }
    }

    fn look(&mut self) -> anyhow::Result<()> {
        let keys = MediaKeys::load_or_create(&self.data_dir)?;
        let found = ids(&keys);
        if found != self.known {
            // The ring first: nothing is signed by a key that is not on it.
            self.keyring.send_replace(keys.keyring()?);
            tracing::info!(signs = %keys.signs.id(), known = found.len(), "the keys that open media have changed");
            self.signs.send_replace(Arc::new(keys.signs));
            self.known = found;
        }
        Ok(())
    }
}

/// The one that signs first.
fn ids(keys: &MediaKeys) -> Vec<KeyId> {
    let next = keys.next.as_ref().map(SigningKey::id);
    [Some(keys.signs.id()), next].into_iter().flatten().chain(keys.old.iter().map(|key| &key.id)).cloned().collect()
}
