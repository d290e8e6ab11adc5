//! A move of the photos to another store, as far as it concerns this machine: what is known of it stands in `DATA/move.json` ([`note`]),
//! where the command writes down that it is wanted, and the PicUp that is at work ([`work`]) how far it is. At its end the
//! configuration is rewritten ([`settings`]).
//!
//! What happens to the objects is `picup_app::moving`'s business, and who reads and writes where meanwhile is the store's own.

pub(crate) mod note;
pub(crate) mod settings;
pub(crate) mod work;

use std::path::Path;

use anyhow::{Context, bail};
use picup_storage::Storage;

use crate::config::Config;
use note::{Note, State};

/// Has a store that was opened as the configuration says be where a move has got to. Nothing where there is no move, and no change
/// where it is there already.
///
/// # Errors
/// When the configuration says something else than the move knows, or the other store cannot be opened.
pub(crate) async fn resume(config: &Config, storage: &Storage) -> anyhow::Result<()> {
    let Some(note) = Note::read(&config.data_dir)? else { return Ok(()) };
    place(config, storage, &note).await
}

/// As [`resume`], for a move that is known.
pub(crate) async fn place(config: &Config, storage: &Storage, note: &Note) -> anyhow::Result<()> {
    if !note.is_under_way() || has_arrived(config, note) {
        return Ok(());
    }
    let present = settings::Words::of(config);
    if !present.is_same_place(&note.from) {
        bail!(
            "the photos are being moved from {} to {}, and the configuration says that they are in {}; name {} again in {}",
            note.from.place(),
            note.to.place(),
            present.place(),
            note.from.place(),
            note.file.display()
        );
    }
    let (_, there) = settings::rewritten(&note.file, &config.data_dir, &note.to)?;
    storage.begin_move(there.storage_settings()?).await.context("opening the store that the photos move to")?;
    if note.state == State::Back {
        storage.turn_back().await;
    }
    Ok(())
}

/// Whether the configuration names the new place already: then all has been moved.
fn has_arrived(config: &Config, note: &Note) -> bool {
    note.state != State::Back && settings::Words::of(config).is_same_place(&note.to)
}

/// Follows a move that another process carries out, for ever: what is written here meanwhile goes where that one looks for it.
pub(crate) async fn follow(config: Config, storage: Storage) {
    loop {
        tokio::time::sleep(work::LOOK_EVERY).await;
        if let Err(error) = resume(&config, &storage).await {
            tracing::debug!(%error, "a move cannot be followed now");
        }
    }
}

/// The path of the configuration that is in force for a data folder, whether or not it stands there.
pub(crate) fn file_of(named: Option<&Path>, config: &Config) -> anyhow::Result<std::path::PathBuf> {
    let file = named.map_or_else(|| config.data_dir.join("picup.toml"), Path::to_owned);
    std::path::absolute(&file).with_context(|| format!("finding {}", file.display()))
}
