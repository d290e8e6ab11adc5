//! Secrets that somebody has put there: the KV engine, in both its versions.

use crate::address::path;
use crate::door::Ask;
use crate::inner::Inner;
use crate::wire::{Mount, Versioned};
use crate::{Error, Values};

/// Which kind of KV engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KvVersion {
    /// Keeps the last value alone.
    V1,
    /// Keeps versions.
    V2,
}

/// A secret of a KV engine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kv {
    /// Its values.
    pub data: Values,
    /// Which version it is, where versions are kept.
    pub version: Option<u64>,
}

impl Inner {
    pub(crate) async fn read_kv(&self, mount: &str, at: &str, version: Option<KvVersion>) -> Result<Kv, Error> {
        let (mount, at) = (path(mount)?, path(at)?);
        let version = match version {
            Some(version) => version,
            None => self.kind_of(mount).await?,
        };
        let doing = format!("read {mount}/{at}");
        let nothing = || Error::Missing { doing: doing.clone(), said: crate::Said::default() };
        match version {
            KvVersion::V1 => {
                let (answer, _) = self.ask::<Values>(&Ask::get(&*doing, format!("{mount}/{at}"))).await?;
                Ok(Kv { data: answer.data.ok_or_else(nothing)?, version: None })
            }
            KvVersion::V2 => {
                let (answer, _) = self.ask::<Versioned>(&Ask::get(&*doing, format!("{mount}/data/{at}"))).await?;
                let found = answer.data.ok_or_else(nothing)?;
                Ok(Kv { data: found.data.ok_or_else(nothing)?, version: Some(found.metadata.version) })
            }
        }
    }

    /// Asks Vault which kind is mounted there; once.
    async fn kind_of(&self, mount: &str) -> Result<KvVersion, Error> {
        if let Some(known) = self.mounts().get(mount) {
            return Ok(*known);
        }
        let ask = Ask::get(
            format!("see what is mounted at {mount} (which needs the right to some path there; or set the version)"),
            format!("sys/internal/ui/mounts/{mount}"),
        );
        let found = self.ask::<Mount>(&ask).await?.0.data;
        let found = found.filter(|found| matches!(&*found.kind, "kv" | "generic"));
        let found = found.ok_or_else(|| Error::Settings(format!("what is mounted at {mount} is no KV engine")))?;
        let version = found.options.and_then(|options| options.version);
        let version = if version.as_deref() == Some("2") { KvVersion::V2 } else { KvVersion::V1 };
        self.mounts().insert(mount.to_owned(), version);
        Ok(version)
    }
}
