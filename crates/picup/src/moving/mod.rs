//! A move of the photos to another store, as far as it concerns this machine: what is known of it stands in `DATA/move.json` ([`note`]),
//! where the command writes down that it is wanted, and the PicUp that is at work ([`work`]) how far it is. Whoever has the store open
//! keeps it where the move has got to ([`follow`]). At its end the configuration is rewritten ([`settings`]).
//!
//! What happens to the objects is `picup_app::moving`'s business, and who reads and writes where meanwhile is the store's own.

pub(crate) mod follow;
pub(crate) mod note;
pub(crate) mod settings;
pub(crate) mod work;

use std::path::{Path, PathBuf};

use anyhow::Context;

use crate::config::Config;

/// The path of the configuration that is in force for a data folder, whether or not it stands there.
pub(crate) fn file_of(named: Option<&Path>, config: &Config) -> anyhow::Result<PathBuf> {
    let file = named.map_or_else(|| config.data_dir.join("picup.toml"), Path::to_owned);
    std::path::absolute(&file).with_context(|| format!("finding {}", file.display()))
}
