//! The keys of an edge that stands alone: files, which are followed, so that keys change without a restart.

use std::time::{Duration, SystemTime};

use anyhow::Context;
use picup_delivery::{Audience, Keyring, TokenKey, TokenRing};
use tokio::sync::watch;

use crate::config::NamedFile;
use crate::secrets;

const LOOK_EVERY: Duration = Duration::from_secs(3);

/// The files, and how they are read.
pub(crate) struct EdgeKeys {
    /// Public keys whose signatures open.
    pub(crate) public_keys: Vec<NamedFile>,
    /// Whether signatures over SHA-1 open too.
    pub(crate) sha1: bool,
    /// Public keys whose tokens open.
    pub(crate) token_keys: Vec<NamedFile>,
    /// Secrets whose tokens open.
    pub(crate) token_secrets: Vec<NamedFile>,
    /// Whom tokens are for.
    pub(crate) token_audience: Audience,
}

impl EdgeKeys {
    /// What they are now.
    ///
    /// # Errors
    /// When one cannot be read, holds something else, or is a secret that others can read.
    pub(super) fn read(&self) -> anyhow::Result<(Keyring, TokenRing)> {
        let pems = self.public_keys.iter().map(|key| Ok((key.id.clone(), public(key)?)));
        let pems = pems.collect::<anyhow::Result<Vec<_>>>()?;
        let pems = pems.iter().map(|(id, pem)| (id.clone(), pem.as_str()));
        let keyring = if self.sha1 { Keyring::with_sha1(pems) } else { Keyring::from_pems(pems) }?;
        let mut keys = Vec::new();
        for key in &self.token_keys {
            let found = TokenKey::public(key.id.clone(), &public(key)?);
            keys.push(found.with_context(|| format!("reading {}", key.file.display()))?);
        }
        for secret in &self.token_secrets {
            keys.push(TokenKey::secret(&secrets::token_secret(&secret.file, secret.id.clone())?));
        }
        Ok((keyring, TokenRing::new(self.token_audience.clone(), keys)?))
    }

    fn changed_at(&self) -> Vec<Option<SystemTime>> {
        let files = [&self.public_keys, &self.token_keys, &self.token_secrets].into_iter().flatten();
        files.map(|key| key.file.metadata().and_then(|metadata| metadata.modified()).ok()).collect()
    }

    /// Looks for ever. A file that cannot be read changes nothing.
    pub(super) async fn follow(self, keyring: watch::Sender<Keyring>, tokens: watch::Sender<TokenRing>) {
        let mut known = self.changed_at();
        loop {
            tokio::time::sleep(LOOK_EVERY).await;
            let found = self.changed_at();
            if found == known {
                continue;
            }
            known = found;
            match self.read() {
                Ok(rings) => {
                    tracing::info!("the keys have changed");
                    keyring.send_replace(rings.0);
                    tokens.send_replace(rings.1);
                }
                Err(error) => {
                    let error = format!("{error:#}");
                    tracing::warn!(error, "the keys cannot be read; those that were stay in use");
                }
            }
        }
    }
}

fn public(NamedFile { file, .. }: &NamedFile) -> anyhow::Result<String> {
    std::fs::read_to_string(file).with_context(|| format!("reading {}", file.display()))
}
