//! Follows the files of the keys that open media: what `picup media-key` does holds some seconds later, and no request notices.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::bail;
use picup_delivery::{Audience, KeyId, Keyring, SigningKey, TokenKey, TokenRing, TokenSecret};
use tokio::sync::watch;

use crate::config::{Config, Right};
use crate::secrets::media_keys::MediaKeys;

const LOOK_EVERY: Duration = Duration::from_secs(3);

/// The files, and who is to know of them.
pub(super) struct Followed {
    data_dir: PathBuf,
    signs: watch::Sender<Arc<SigningKey>>,
    keyring: watch::Sender<Keyring>,
    tokens: watch::Sender<TokenRing>,
    audience: Audience,
    secrets: Vec<TokenSecret>,
    known: Vec<KeyId>,
}

/// What the gateway opens media to.
pub(super) struct Rings {
    pub(super) keyring: watch::Receiver<Keyring>,
    pub(super) tokens: watch::Receiver<TokenRing>,
}

impl Followed {
    /// Reads them; the gateway gets the rings.
    pub(super) fn new(config: &Config, signs: watch::Sender<Arc<SigningKey>>) -> anyhow::Result<(Self, Rings)> {
        let (data_dir, audience) = (config.data_dir.clone(), config.delivery.token_audience.clone());
        let keys = MediaKeys::load_or_create(&data_dir)?;
        let secrets = config.token_secrets()?;
        let own = TokenKey::public(keys.signs.id().clone(), &keys.signs.public_key_pem());
        if config.delivery.right == Right::Token && secrets.is_empty() && own.is_err() {
            bail!(
                "the key that opens media cannot sign tokens: delivery.right = \"token\" needs a P-256 key, or delivery.token_secrets"
            );
        }
        let keyring = watch::Sender::new(keys.keyring()?);
        let tokens = watch::Sender::new(keys.tokens(&audience, &secrets)?);
        let rings = Rings { keyring: keyring.subscribe(), tokens: tokens.subscribe() };
        Ok((Self { data_dir, signs, keyring, tokens, audience, secrets, known: ids(&keys) }, rings))
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
            // The rings first: nothing is signed by a key that is not on them.
            self.tokens.send_replace(keys.tokens(&self.audience, &self.secrets)?);
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
