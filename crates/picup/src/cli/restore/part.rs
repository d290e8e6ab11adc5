//! A part of a PicUp: the database comes back into a folder that does not stay, loses there what was not asked for, and only then goes to
//! its place.

use std::path::Path;

use anyhow::Context;
use futures_util::TryStreamExt;
use picup_app::backup::Manifest;
use picup_app::restore::{self, part::Part, part::keep_only};
use picup_database::transfer::{self, About};
use picup_domain::Timestamp;
use picup_storage::{Backup, BackupName, SealIdentity, Storage, crash_point};

use super::{Config, Failure, failure};
use crate::roles::from_backup::{FromBackup, Scratch};

/// Refuses a store that holds something. What a part does not know would be taken for left-overs there.
pub(super) async fn require_empty_store(config: &Config) -> Result<(), Failure> {
    let store = Storage::open(config.storage_settings()?, Default::default()).await.context("opening the store")?;
    match store.list().try_next().await.context("looking into the store")? {
        None => Ok(()),
        Some(_) => {
            Err(Failure::from(anyhow::anyhow!("the store holds photos already, of another PicUp or of a whole one"))
                .next("name an empty one: in picup.toml, or by an empty --data-dir"))
        }
    }
}

/// Makes the database of a part.
pub(super) async fn database(
    backup: &Backup,
    catalogue: &BackupName,
    key: Option<&SealIdentity>,
    part: &Part,
    place: &picup_database::Place,
    data_dir: &Path,
) -> Result<Manifest, Failure> {
    let scratch = Scratch::make(data_dir.join(".restore-part"))?;
    let whole = scratch.database();
    let manifest = restore::database(backup, catalogue, key, &whole, scratch.path()).await.map_err(failure)?;
    let library = FromBackup::open(&scratch).await?;
    let kept = keep_only(library.app(), part).await;
    library.database().close().await;
    kept.map_err(failure)?;
    let made_at = Timestamp::from_micros(manifest.made_at);
    let about = About { made_at, version: env!("CARGO_PKG_VERSION").to_owned() };
    let file = scratch.path().join("part.db");
    let mut watch = |_: transfer::Stage, _: picup_database::copy::Progress<'_>| std::ops::ControlFlow::Continue(());
    transfer::backup(&whole, &file, &about, &mut watch).await.context("writing down the part")?;
    crash_point!("restore-part");
    let placed =
        transfer::restore(&file, place, data_dir, &mut watch).await.context("bringing the database to its place");
    placed
        .map_err(|error| Failure::from(error).next("see that the database in picup.toml is empty, and run it again"))?;
    Ok(manifest)
}
